//! The gate as an operator and a refused client meet it: rules, names, modes, the policy shown and changed.

use crate::harness::resp::words;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::harness::version;

/// Whether an error is what a refused client is to be told of this rule, on any server and in any situation.
pub fn is_refusal(error: &str, command: &str, rule: &str) -> bool {
    let exact = format!("NOPERM '{command}' is denied by secaudit rule {rule}");
    let as_unknown = format!("ERR unknown command '{command}' is denied by secaudit rule '{rule}'");
    error == exact || error.starts_with(&as_unknown)
}

fn refusal_of(server: &Server, line: &str) -> String {
    server.call(words(line)).error_text()
}

#[test]
fn a_denied_command_is_refused_and_the_rule_is_named() {
    needs_module!();
    let server = Server::start();
    assert!(server.call(["SET", "k", "v"]).is_ok());
    assert_eq!(
        server
            .call(["SECGATE", "DENY", "flushall", "flushdb", "id=no-flush"])
            .text(),
        "no-flush"
    );
    let error = refusal_of(&server, "FLUSHALL ASYNC");
    assert!(is_refusal(&error, "flushall", "no-flush"), "{error}");
    if version::under_test().tells_filters_who_calls() {
        assert_eq!(
            error,
            "NOPERM 'flushall' is denied by secaudit rule no-flush"
        );
    }
    assert!(
        !error.contains("ASYNC"),
        "arguments are not echoed: {error}"
    );
    assert_eq!(server.call(["DBSIZE"]).int(), 1);
    assert_eq!(server.call(["GET", "k"]).text(), "v");
    assert_eq!(server.call(["SECGATE", "DEL", "no-flush"]).int(), 1);
    assert!(server.call(["FLUSHALL"]).is_ok());
    assert_eq!(server.call(["DBSIZE"]).int(), 0);
}

#[test]
fn a_subcommand_is_denied_without_its_siblings() {
    needs_module!();
    let server = Server::start();
    server.call([
        "SECGATE",
        "DENY",
        "config|set",
        "client|no-evict",
        "object|freq",
        "id=subs",
    ]);
    let error = refusal_of(&server, "CONFIG SET maxclients 77");
    assert!(is_refusal(&error, "config|set", "subs"), "{error}");
    assert_eq!(
        server.call(["CONFIG", "GET", "maxclients"]).items().len(),
        2
    );
    let error = refusal_of(&server, "client NO-evict on");
    assert!(is_refusal(&error, "client|no-evict", "subs"), "{error}");
    assert!(server.call(["CLIENT", "ID"]).int() > 0);
}

#[test]
fn the_word_behind_the_bar_is_a_first_argument_where_there_are_no_subcommands() {
    needs_module!();
    let server = Server::builder().allow_debug().start();
    server.call(["SECGATE", "DENY", "debug|sleep", "id=no-sleep"]);
    let error = refusal_of(&server, "DEBUG SLEEP 0");
    assert!(is_refusal(&error, "debug|sleep", "no-sleep"), "{error}");
    assert!(server.call(["DEBUG", "JMAP"]).is_error());
    assert!(!server.call(["DEBUG", "HELP"]).is_error());
}

#[test]
fn the_first_rule_that_matches_decides() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "DENY", "config", "id=no-config"]);
    assert!(refusal_of(&server, "CONFIG GET port").contains("no-config"));
    assert_eq!(
        server
            .call(["SECGATE", "ALLOW", "config|get", "at=first"])
            .text(),
        "r1"
    );
    assert_eq!(server.call(["CONFIG", "GET", "port"]).items().len(), 2);
    assert!(refusal_of(&server, "CONFIG SET port 1").contains("no-config"));
}

#[test]
fn a_star_denies_all_but_what_a_connection_cannot_live_without() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "ALLOW", "get"]);
    server.call(["SECGATE", "DENY", "*", "id=all"]);
    let mut client = server.client();
    assert!(client.call(["GET", "k"]).is_nil());
    assert!(is_refusal(
        &client.call(["SET", "k", "v"]).error_text(),
        "set",
        "all"
    ));
    assert!(is_refusal(
        &client.call(["NOSUCH"]).error_text(),
        "nosuch",
        "all"
    ));
    assert!(!client.call(["HELLO", "3"]).is_error());
    assert!(!client.call(["RESET"]).is_error());
    assert!(client.call(["MULTI"]).is_ok());
    assert!(client.call(["DISCARD"]).is_ok());
    assert!(!client.call(["SECAUDIT", "HELP"]).is_error());
    assert!(client.call(["SECGATE", "RESET"]).is_ok());
    assert!(client.call(["SET", "k", "v"]).is_ok());
}

#[test]
fn what_a_connection_cannot_live_without_is_only_denied_with_force() {
    needs_module!();
    let server = Server::start();
    for command in [
        "auth", "hello", "reset", "quit", "multi", "exec", "discard", "replconf", "psync", "sync",
        "secgate", "secaudit",
    ] {
        let error = server.call(["SECGATE", "DENY", command]).error_text();
        assert!(
            error.contains(command) && error.contains("force"),
            "{error}"
        );
    }
    assert_eq!(
        server
            .call(["SECGATE", "DENY", "reset", "force", "id=f"])
            .text(),
        "f"
    );
    assert!(is_refusal(&refusal_of(&server, "RESET"), "reset", "f"));
}

#[test]
fn observing_records_and_lets_pass_and_off_does_nothing() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "DENY", "get", "id=a"]);
    server.call(["SECGATE", "DENY", "set", "id=b", "mode=observe"]);
    assert!(server.call(["SET", "k", "v"]).is_ok());
    assert!(server.call(["SECGATE", "MODE", "observe"]).is_ok());
    assert_eq!(server.call(["GET", "k"]).text(), "v");
    let log = server.call(["SECGATE", "LOG"]).texts();
    assert!(log[0].contains(" observe command=get rule=a "), "{log:?}");
    assert!(log[1].contains(" observe command=set rule=b "), "{log:?}");
    assert!(server.call(["SECGATE", "MODE", "off"]).is_ok());
    assert_eq!(server.call(["SECGATE", "MODE"]).text(), "off");
    assert_eq!(server.call(["GET", "k"]).text(), "v");
    assert_eq!(server.call(["SECGATE", "LOG"]).items().len(), 2);
}

#[test]
fn an_unknown_reply_is_what_the_server_says_of_a_command_it_does_not_have() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "DENY", "flushall", "reply=unknown"]);
    let refused = refusal_of(&server, "FlushAll secret");
    let genuine = server
        .call(["FlushAxx"])
        .error_text()
        .replace("FlushAxx", "FlushAll");
    if version::under_test().tells_filters_who_calls() {
        assert_eq!(refused, genuine);
    } else {
        assert!(
            refused.starts_with("ERR unknown command 'FlushAll'"),
            "{refused}"
        );
    }
    assert!(!refused.contains("secret"), "{refused}");
    assert!(
        server
            .call(["CONFIG", "SET", "secaudit.deny-reply", "unknown"])
            .is_ok()
    );
    server.call(["SECGATE", "DENY", "flushdb"]);
    server.call(["SECGATE", "DENY", "swapdb", "reply=explain", "id=swap"]);
    assert!(refusal_of(&server, "FLUSHDB").starts_with("ERR unknown command 'FLUSHDB'"));
    assert!(is_refusal(
        &refusal_of(&server, "SWAPDB 0 1"),
        "swapdb",
        "swap"
    ));
}

#[test]
fn a_renamed_command_runs_under_its_new_name_only() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "RENAME", "config", "asc12_config", "id=hide"]);
    assert!(refusal_of(&server, "CONFIG GET port").starts_with("ERR unknown command 'CONFIG'"));
    assert_eq!(
        server.call(["ASC12_Config", "GET", "port"]).items().len(),
        2
    );
    server.call(["SECGATE", "RENAME", "client|id", "client|whoami"]);
    assert!(server.call(["CLIENT", "WHOAMI"]).int() > 0);
    let error = refusal_of(&server, "CLIENT ID");
    assert!(error.starts_with("ERR unknown "), "{error}");
    assert!(server.call(["SECGATE", "RESET"]).is_ok());
    assert_eq!(server.call(["CONFIG", "GET", "port"]).items().len(), 2);
    assert!(refusal_of(&server, "ASC12_CONFIG GET port").starts_with("ERR unknown command"));
}

#[test]
fn an_alias_runs_the_command_and_rules_see_the_real_one() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "ALIAS", "count-keys", "dbsize"]);
    server.call(["SECGATE", "ALIAS", "wipe", "flushall"]);
    assert_eq!(server.call(["Count-Keys"]).int(), 0);
    assert_eq!(server.call(["DBSIZE"]).int(), 0);
    assert!(server.call(["WIPE"]).is_ok());
    server.call(["SECGATE", "DENY", "flushall", "id=no"]);
    assert!(is_refusal(&refusal_of(&server, "WIPE"), "flushall", "no"));
    let list = server.call(["SECGATE", "LIST"]).texts();
    assert!(
        list[1].ends_with("# 1 hit") && list[2].ends_with("# 2 hits"),
        "{list:?}"
    );
}

#[test]
fn an_alias_grants_nothing_that_the_acl_denies() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "ALIAS", "wipe", "flushall"]);
    server.call([
        "ACL",
        "SETUSER",
        "app",
        "on",
        ">pw",
        "~*",
        "+@all",
        "-flushall",
    ]);
    let mut client = server.client();
    client.auth("app", "pw");
    let error = client.call(["WIPE"]).error_text();
    assert!(
        error.starts_with("NOPERM") && error.contains("'flushall'"),
        "{error}"
    );
}

#[test]
fn a_statement_that_is_wrong_is_refused_with_what_would_be_right_and_changes_nothing() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "DENY", "get", "id=keep"]);
    let before = server.call(["SECGATE", "LIST"]).texts();
    for (line, part) in [
        (
            "DENY flushal",
            "unknown command 'flushal': did you mean 'flushall'?",
        ),
        (
            "DENY config|ste",
            "unknown subcommand 'ste' of 'config': did you mean 'set'?",
        ),
        ("DENY vendor.frobnicate", "optional"),
        ("DENY get id=keep", "the id 'keep' is taken"),
        ("DENY get id=a/b", "is no id"),
        ("DENY get idd=x", "did you mean 'id='?"),
        ("DENY get reply=unknwon", "did you mean 'unknown'?"),
        ("DENY id=x", "at least one command"),
        ("DENY get at=0", "is no position"),
        ("DENY @dangeros", "did you mean 'dangerous'?"),
        ("DENY get usr=x", "did you mean 'user='?"),
        ("DENY get arg1=", "arg1=: nothing stands behind"),
        ("DENY get via=module,x", "via=: unknown way 'x'"),
        (
            "PROFILE tutoral ADD",
            "unknown profile 'tutoral': did you mean 'tutorial'?",
        ),
        ("RENAME flushall get", "'get' is already a command"),
        ("RENAME flushall a b", "one name too many"),
        ("ALIAS x flushal", "did you mean 'flushall'?"),
        ("ALIAS flushall get", "'flushall' is already a command"),
        (
            "DEL keeep",
            "no statement has the id 'keeep': did you mean 'keep'?",
        ),
        ("DEL keep nosuch", "no statement has the id 'nosuch'"),
        ("MODE strict", "unknown mode 'strict'"),
        ("LOAD", "there is no policy file"),
        ("SAVE", "there is no policy file"),
        ("LIST XML", "unknown word 'XML'"),
        ("LOG many", "unknown word 'many'"),
    ] {
        let call: Vec<&str> = std::iter::once("SECGATE").chain(words(line)).collect();
        let error = server.call(call).error_text();
        assert!(
            error.starts_with("ERR ") && error.contains(part),
            "{line}: {error}"
        );
    }
    let error = server
        .call([&b"SECGATE"[..], b"DENY", b"g\xff\x00t\r\nx"])
        .error_text();
    assert!(
        error.contains("g\\xff\\x00t\\r\\nx"),
        "odd bytes are shown escaped: {error}"
    );
    assert_eq!(server.call(["SECGATE", "LIST"]).texts(), before);
}

#[test]
fn the_policy_is_listed_in_the_files_syntax_with_hits_and_as_json() {
    needs_module!();
    let server = Server::start();
    assert!(server.call(["SECGATE", "LIST"]).texts()[1].contains("no statements"));
    server.call(["SECGATE", "DENY", "Get", "Config|SET", "id=a", "note=a b"]);
    server.call(["SECGATE", "RENAME", "flushall", "f1"]);
    server.call(["GET", "x"]);
    let lines = server.call(["SECGATE", "LIST"]).texts();
    assert_eq!(
        lines,
        [
            "mode enforce",
            "deny get config|set id=a note=\"a b\"  # 1 hit",
            "rename flushall f1 id=r1             # 0 hits",
        ]
    );
    let json: serde_json::Value =
        serde_json::from_str(&server.call(["SECGATE", "LIST", "JSON"]).text()).unwrap();
    assert_eq!(json["mode"], "enforce");
    assert_eq!(json["statements"][0]["id"], "a");
    assert_eq!(json["statements"][0]["hits"], 1);
    assert_eq!(
        json["statements"][1]["statement"],
        "rename flushall f1 id=r1"
    );
    assert_eq!(json["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn a_call_can_be_tried_without_making_it() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "ALLOW", "config|get", "id=ok"]);
    server.call(["SECGATE", "DENY", "config", "id=no"]);
    server.call(["SECGATE", "ALIAS", "cfg", "config"]);
    for (line, told) in [
        ("GET k", "pass: no rule matches"),
        ("CONFIG GET x", "pass by ok: allow config|get id=ok"),
        ("config set x y", "deny by no: deny config id=no"),
        (
            "CFG set x y",
            "deny by no: deny config id=no (runs as config)",
        ),
        (
            "USER bob FROM 10.0.0.1 config set x y",
            "deny by no: deny config id=no",
        ),
    ] {
        let call: Vec<&str> = ["SECGATE", "TEST"].into_iter().chain(words(line)).collect();
        assert_eq!(server.call(call).text(), told, "{line}");
    }
    assert!(
        server
            .call(["SECGATE", "TEST", "FROM", "10.0.0", "GET"])
            .error_text()
            .contains("10.0.0")
    );
    assert_eq!(
        server.call(["SECGATE", "LOG"]).items().len(),
        0,
        "a trial is no event"
    );
}

#[test]
fn refusals_are_recorded_without_arguments_and_with_who_and_where_if_the_server_tells() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "DENY", "config|set", "id=no"]);
    server.call(["ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all"]);
    let mut client = server.client();
    client.auth("app", "pw");
    let id = client.call(["CLIENT", "ID"]).int();
    client.call(["CONFIG", "SET", "requirepass", "s3cret-value"]);
    let text = server.call(["SECGATE", "LOG", "JSON"]).text();
    assert!(!text.contains("s3cret-value"));
    let events: serde_json::Value = serde_json::from_str(&text).unwrap();
    let event = &events[0];
    assert_eq!(
        (event["action"].as_str(), event["rule"].as_str()),
        (Some("deny"), Some("no"))
    );
    assert_eq!(
        (event["command"].as_str(), event["via"].as_str()),
        (Some("config|set"), Some("client"))
    );
    if version::under_test().tells_filters_who_calls() {
        assert_eq!(event["user"], "app");
        assert_eq!(event["client"], id);
        assert!(
            event["address"].as_str().unwrap().starts_with("127.0.0.1:"),
            "{event}"
        );
    } else {
        assert!(event["user"].is_null() && event["client"].is_null() && event["address"].is_null());
    }
    assert!(!server.log().contains("s3cret-value"));
    assert!(server.call(["SECGATE", "LOG", "RESET"]).is_ok());
    assert_eq!(server.call(["SECGATE", "LOG"]).items().len(), 0);
}

#[test]
fn repeats_are_merged_and_the_log_keeps_as_many_as_it_is_told() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "DENY", "get", "id=get"]);
    server.call(["SECGATE", "DENY", "set", "id=set"]);
    server.call(["SET", "rare", "1"]);
    for _ in 0..500 {
        server.call(["GET", "k"]);
    }
    let log = server.call(["SECGATE", "LOG"]).texts();
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(
        log[0].starts_with("#2 ") && log[0].ends_with(" count=500"),
        "{log:?}"
    );
    assert!(
        log[1].starts_with("#1 ") && log[1].ends_with(" count=1"),
        "{log:?}"
    );
    assert!(
        server
            .call(["CONFIG", "SET", "secaudit.log-max-len", "1"])
            .is_ok()
    );
    assert_eq!(server.call(["SECGATE", "LOG"]).items().len(), 1);
    assert!(
        server
            .call(["CONFIG", "SET", "secaudit.log-max-len", "100001"])
            .is_error()
    );
    assert!(
        server
            .call(["CONFIG", "SET", "secaudit.log-max-len", "-1"])
            .is_error()
    );
    assert_eq!(
        server
            .call(["CONFIG", "GET", "secaudit.log-max-len"])
            .texts()[1],
        "1"
    );
    assert_eq!(server.info("secaudit")["secaudit_events_forgotten"], "1");
}

#[test]
fn the_filter_is_registered_only_while_there_is_something_to_decide() {
    needs_module!();
    let server = Server::start();
    let registered = || server.info("secaudit")["secaudit_filter_registered"].clone();
    assert_eq!(registered(), "0");
    server.call(["SECGATE", "DENY", "flushall"]);
    assert_eq!(registered(), "1");
    server.call(["SECGATE", "MODE", "off"]);
    assert_eq!(registered(), "0");
    server.call(["SECGATE", "MODE", "enforce"]);
    assert_eq!(registered(), "1");
    server.call(["SECGATE", "RESET"]);
    assert_eq!(registered(), "0");
}

#[test]
fn the_policy_can_be_changed_from_inside_a_transaction() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    client.call(["MULTI"]);
    client.call(["SECGATE", "DENY", "flushall", "id=a"]);
    client.call(["SECGATE", "DENY", "flushdb", "id=b"]);
    assert_eq!(client.call(["EXEC"]).texts(), ["a", "b"]);
    assert!(client.call(["FLUSHDB"]).is_error());
}
