//! How the audit answers: the same lines everywhere, JSON as promised, its catalogue, and errors that help.

mod documents;
mod filter;
mod page;

use crate::harness::cli;
use crate::harness::resp::{Reply, words};
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use serde_json::Value;
use std::collections::BTreeSet;

/// Every check there is so far, in the report's order.
pub const IDS: [&str; 59] = [
    "net.bind",
    "net.listening",
    "net.firewall",
    "net.protected-mode",
    "net.default-port",
    "net.tls",
    "net.tls-protocols",
    "net.tls-client-auth",
    "net.tls-certificate",
    "net.tls-replication",
    "net.unixsocket",
    "net.cluster-bus",
    "net.public-clients",
    "auth.password",
    "auth.password-strength",
    "auth.known-password",
    "auth.nopass-users",
    "auth.default-user",
    "auth.user-privileges",
    "auth.shared-password",
    "auth.plaintext-secrets",
    "auth.aclfile",
    "auth.replica",
    "auth.failures",
    "cmd.dangerous",
    "cmd.data-loss",
    "cmd.config",
    "cmd.rename-guessable",
    "cmd.rename-command",
    "cmd.scripting",
    "cmd.debug",
    "cmd.module-load",
    "cmd.protected-configs",
    "cmd.gate",
    "file.config",
    "file.data-dir",
    "file.data",
    "file.acl",
    "file.log",
    "file.tls-key",
    "file.policy",
    "file.module",
    "file.parents",
    "file.staging",
    "proc.root",
    "proc.capabilities",
    "proc.no-new-privs",
    "proc.core-dumps",
    "limit.maxmemory",
    "limit.clients",
    "limit.output-buffer",
    "log.file",
    "log.acl-log",
    "ver.supported",
    "ver.advisories",
    "ver.lua-sandbox",
    "ioc.replicaof",
    "ioc.modules",
    "ioc.config-drift",
];

/// No line wider than a terminal, and no byte that a terminal would obey.
#[track_caller]
pub fn assert_readable<'l>(lines: impl IntoIterator<Item = &'l str>) {
    for line in lines {
        assert!(line.len() <= 100, "{} columns: {line}", line.len());
        assert!(
            line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{line:?}"
        );
        assert_eq!(line.trim_end(), line);
    }
}

#[test]
fn the_text_is_the_same_in_every_protocol_on_a_terminal_and_in_a_pipe() {
    needs_module!();
    let server = Server::start();
    let lines = server.call(["SECAUDIT"]).texts();
    let text = lines.join("\n");
    assert_readable(lines.iter().map(String::as_str));
    assert_eq!(server.call(["secaudit", "text"]).texts(), lines);
    let mut resp3 = server.client();
    resp3.hello3();
    let reply = resp3.call(["SECAUDIT", "TEXT"]);
    assert_eq!(reply.texts(), lines);
    assert!(
        matches!(&reply, Reply::Array(items) if items.iter().all(|item| matches!(item, Reply::Simple(_)))),
        "status lines: {reply:?}"
    );
    for args in [
        &["SECAUDIT"][..],
        &["SECAUDIT", "TEXT"],
        &["-3", "SECAUDIT"],
        &["--raw", "SECAUDIT"],
        &["-3", "--raw", "SECAUDIT", "TEXT"],
        &["--no-raw", "SECAUDIT"],
    ] {
        let numbered = args[0] == "--no-raw";
        let piped = cli::run(&server, args).text();
        if !numbered {
            assert_eq!(piped.trim_end(), text, "{args:?} in a pipe");
        }
        for line in text.lines().filter(|line| !line.is_empty()) {
            assert!(piped.contains(line), "{args:?}: {line:?} in {piped}");
        }
    }
    for args in [
        &["SECAUDIT"][..],
        &["-3", "SECAUDIT"],
        &["SECAUDIT", "TEXT"],
    ] {
        let shown = cli::on_a_terminal(&server, args);
        for line in text.lines().filter(|line| !line.is_empty()) {
            assert!(shown.contains(line), "{args:?}: {line:?} in {shown}");
        }
        assert!(
            shown
                .bytes()
                .all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)),
            "{shown:?}"
        );
    }
}

#[test]
fn the_text_begins_with_the_server_the_gate_the_grade_and_the_counts() {
    needs_module!();
    let server = Server::builder().policy("deny flushall\n").start();
    let lines = server.call(["SECAUDIT"]).texts();
    let json = json(&server);
    let word = |path: &str| json.pointer(path).unwrap().as_str().unwrap().to_owned();
    let title = format!(
        "secaudit {} on {} {} (standalone, master), pid {} as {}",
        word("/module/version"),
        word("/server/name"),
        word("/server/version"),
        server.pid(),
        word("/server/user")
    );
    assert_eq!(lines[0], title);
    assert_eq!(lines[1], "Gate   enforce, 1 statement");
    // Long lines are broken, so the words are compared.
    let said = lines.join(" ");
    let said: Vec<&str> = said.split_whitespace().collect();
    let grade = [
        word("/grade/letter"),
        format!("({})", word("/grade/because")),
    ]
    .join(" ");
    let grade = format!(" Grade {grade} Checks ");
    assert!(said.join(" ").contains(&grade), "{grade} in {lines:#?}");
    let counts = format!("Checks {} failed (", json["counts"]["fail"]);
    assert!(
        lines.iter().any(|line| line.starts_with(&counts)),
        "{lines:#?}"
    );
    let version = server.version();
    let number = format!("{}.{}.{}", version.major, version.minor, version.patch);
    assert_eq!(word("/server/version"), number);
    assert_eq!(
        word("/server/name"),
        format!("{:?}", version.family).to_lowercase()
    );
}

fn json(server: &Server) -> Value {
    serde_json::from_str(&server.call(["SECAUDIT", "JSON"]).text()).unwrap()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn json_has_the_fields_of_the_contract_and_every_check_once() {
    needs_module!();
    let server = Server::start();
    let text = server.call(["SECAUDIT", "json"]).text();
    assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    let report: Value = serde_json::from_str(&text).unwrap();
    let wanted = [
        "schema", "time", "module", "server", "grade", "filter", "counts", "findings", "notes",
    ];
    assert_eq!(keys(&report), BTreeSet::from(wanted));
    assert_eq!(report["schema"], 1);
    assert_eq!(
        keys(&report["grade"]),
        BTreeSet::from(["letter", "because"])
    );
    assert!("ABCDF?".contains(report["grade"]["letter"].as_str().unwrap()));
    assert_eq!(report["server"]["port"], server.port());
    assert_eq!(report["server"]["pid"], server.pid());
    let findings = report["findings"].as_array().unwrap();
    let ids: Vec<&str> = findings.iter().map(|f| f["id"].as_str().unwrap()).collect();
    assert_eq!(ids, IDS);
    for finding in findings {
        for field in [
            "title", "category", "severity", "outcome", "actual", "expected", "why",
        ] {
            let value = finding[field].as_str();
            assert!(
                value.is_some_and(|text| !text.is_empty()),
                "{field}: {finding:#}"
            );
        }
        let severity = finding["severity"].as_str().unwrap();
        assert!(["info", "low", "medium", "high", "critical"].contains(&severity));
        assert!(finding["remedy"]["text"].is_string());
        assert!(finding["remedy"]["steps"].is_array());
        let references = finding["references"].as_array().unwrap();
        assert!(
            references
                .iter()
                .all(|url| url.as_str().unwrap().starts_with("https://"))
        );
    }
    let outcomes = ["pass", "fail", "unknown", "not-applicable", "suppressed"];
    assert_eq!(keys(&report["counts"]), BTreeSet::from(outcomes));
    for outcome in outcomes {
        let count = findings.iter().filter(|f| f["outcome"] == outcome).count();
        assert_eq!(report["counts"][outcome], count, "{outcome}");
    }
}

#[test]
fn json_is_one_string_in_every_protocol_and_redis_cli_hands_it_on() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    client.hello3();
    assert!(matches!(client.call(["SECAUDIT", "JSON"]), Reply::Bulk(_)));
    for args in [&["SECAUDIT", "JSON"][..], &["-3", "SECAUDIT", "JSON"]] {
        let piped = cli::run(&server, args).text();
        let report: Value = serde_json::from_str(&piped).unwrap();
        assert_eq!(report["schema"], 1);
    }
}

#[test]
fn the_catalogue_lists_every_check_and_explains_each() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    let list = client.call(["SECAUDIT", "CHECKS"]).texts();
    assert_readable(list.iter().map(String::as_str));
    let report = json(&server);
    for id in IDS {
        let named = list
            .iter()
            .filter(|line| line.split_whitespace().any(|word| word == id));
        assert_eq!(named.count(), 1, "{id} in {list:#?}");
        let lines = client.call(["SECAUDIT", "EXPLAIN", id]).texts();
        assert!(lines[0].starts_with(&format!("{id}: ")), "{lines:?}");
        let text = lines.join("\n");
        for label in [
            "  severity ",
            "  should be ",
            "  why ",
            "  remedy ",
            "  read more  https://",
        ] {
            assert!(text.contains(label), "{label} in {text}");
        }
        assert_readable(
            lines
                .iter()
                .map(String::as_str)
                .filter(|line| !line.contains("https://")),
        );
        let finding = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|f| f["id"] == id);
        let title = finding.unwrap()["title"].as_str().unwrap();
        assert!(lines[0].ends_with(title), "{}", lines[0]);
        let upper = id.to_uppercase();
        assert_eq!(client.call(["SECAUDIT", "EXPLAIN", &upper]).texts(), lines);
    }
}

#[test]
fn help_names_every_form() {
    needs_module!();
    let server = Server::start();
    let lines = server.call(["SECAUDIT", "HELP"]).texts();
    assert_readable(lines.iter().map(String::as_str));
    for word in [
        "TEXT",
        "JSON",
        "CHECK <id> ...",
        "CHECKS",
        "EXPLAIN <check>",
        "HELP",
    ] {
        assert!(
            lines.iter().any(|line| line == word),
            "{word} in {lines:#?}"
        );
    }
    let piped = cli::run(&server, ["SECAUDIT", "HELP"]).text();
    assert_eq!(piped.trim_end(), lines.join("\n").trim_end());
}

#[test]
fn a_slip_of_the_finger_is_told_what_would_be_right() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    for (line, told) in [
        (
            "JSN",
            "ERR unknown word 'JSN' after SECAUDIT: did you mean 'json'?",
        ),
        (
            "chekcs",
            "ERR unknown word 'chekcs' after SECAUDIT: did you mean 'checks'?",
        ),
        (
            "frobnicate",
            "ERR unknown word 'frobnicate' after SECAUDIT: use one of text, json, sarif, junit, ocsf, html, level, check, checks, explain, users, fix, schema, help",
        ),
        (
            "EXPLAIN net.bnd",
            "ERR unknown check 'net.bnd': did you mean 'net.bind'?",
        ),
        (
            "EXPLAIN dangerous",
            "ERR unknown check 'dangerous': did you mean 'cmd.dangerous'?",
        ),
        (
            "EXPLAIN zzz",
            "ERR unknown check 'zzz': SECAUDIT CHECKS lists them",
        ),
        (
            "EXPLAIN",
            "ERR EXPLAIN wants a check: SECAUDIT CHECKS lists them",
        ),
        (
            "TEXT extra",
            "ERR unknown word 'extra' after SECAUDIT TEXT: use one of level, check",
        ),
        (
            "JSON a b",
            "ERR unknown word 'a' after SECAUDIT JSON: use one of level, check",
        ),
        (
            "HELP me",
            "ERR 'me' is one word too many after SECAUDIT HELP",
        ),
        (
            "EXPLAIN net.bind x",
            "ERR 'x' is one word too many after SECAUDIT EXPLAIN",
        ),
    ] {
        let call: Vec<&str> = ["SECAUDIT"].into_iter().chain(words(line)).collect();
        assert_eq!(client.call(call).error_text(), told, "{line}");
    }
}

#[test]
fn odd_bytes_are_shown_escaped_and_do_no_harm() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    let odd = b"a\xff\x00\r\n+OK\x1b[31m";
    let shown = "'a\\xff\\x00\\r\\n+OK\\x1b[31m'";
    let long = vec![b'x'; 1 << 20];
    for call in [
        &[&b"SECAUDIT"[..], odd][..],
        &[b"SECAUDIT", b"EXPLAIN", odd],
        &[b"SECAUDIT", b"TEXT", odd],
    ] {
        let error = client.call_bytes(call).error_text();
        assert!(error.contains(shown), "{error}");
    }
    for call in [
        &[&b"SECAUDIT"[..], &long][..],
        &[b"SECAUDIT", b"EXPLAIN", &long],
        &[b"SECAUDIT", b""],
        &[b"SECAUDIT", b"EXPLAIN", b""],
    ] {
        assert!(client.call_bytes(call).is_error());
    }
    assert_eq!(server.info("secaudit")["secaudit_panics_fenced"], "0");
}

#[test]
fn the_server_knows_what_the_command_is() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    let docs = client.call(["COMMAND", "DOCS", "secaudit"]);
    let docs = docs.get("secaudit");
    assert_eq!(
        docs.get("summary").text(),
        "Reports how safe this server is"
    );
    let info = client.call(["COMMAND", "INFO", "secaudit"]);
    let flags = info.items()[0].items()[2].texts();
    for flag in ["admin", "noscript", "loading", "stale"] {
        assert!(flags.iter().any(|own| own == flag), "{flag} in {flags:?}");
    }
}

#[test]
fn no_script_can_ask_for_the_report_and_a_transaction_can() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    let script = "return redis.call('SECAUDIT')";
    let error = client.call(["EVAL", script, "0"]).error_text();
    let error = error.to_lowercase();
    assert!(error.contains("not allowed from script"), "{error}");
    assert!(client.call(["MULTI"]).is_ok());
    assert_eq!(client.call(["SECAUDIT"]).text(), "QUEUED");
    assert!(client.call(["EXEC"]).items()[0].texts()[0].starts_with("secaudit "));
}

#[test]
fn a_user_must_be_allowed_to_ask() {
    needs_module!();
    let server = Server::builder()
        .config("user", "reader on >pw ~* -@all +@read +auth")
        .config("user", "auditor on >pw -@all +secaudit")
        .start();
    let mut client = server.client();
    client.auth("reader", "pw");
    let error = client.call(["SECAUDIT"]).error_text();
    assert!(error.starts_with("NOPERM"), "{error}");
    let mut client = server.client();
    client.auth("auditor", "pw");
    assert!(!client.call(["SECAUDIT"]).is_error());
    let json = client.call(["SECAUDIT", "JSON"]).text();
    assert!(json.contains("\"findings\""), "{json}");
}
