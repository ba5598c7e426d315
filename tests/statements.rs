//! Statements that are wrong, field by field, and names that this server does not have: what the operator is told.

use std::fs;

use crate::harness::resp::words;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;

/// Fields of rules, each wrong, and what the complaint must name.
const WRONG_IN_RULES: [(&str, &str); 27] = [
    ("flushal", "unknown command 'flushal'"),
    ("config|ste", "unknown subcommand 'ste' of 'config'"),
    ("@dangeros", "unknown category '@dangeros'"),
    ("a|b|c", "'a|b|c' is no command name"),
    ("@", "'@' is no category"),
    ("user=", "user=: "),
    ("user=a,,b", "user=: an item of the list is empty"),
    ("user=a user=b", "user= is given twice"),
    ("from=", "from=: "),
    ("from=10.0.0.0/33", "from=: '10.0.0.0/33' is no address"),
    ("from=localhost", "from=: 'localhost' is no address"),
    ("param=", "param=: "),
    ("param=dir", "param= is for config"),
    ("arg0=x", "arg0=: "),
    ("arg10001=x", "arg10001=: "),
    ("arg=", "arg=: "),
    ("arg2=x,", "arg2=: an item of the list is empty"),
    ("via=", "via=: "),
    ("via=clinet", "via=: unknown way 'clinet'"),
    ("id=", "'' is no id"),
    ("id=a/b", "'a/b' is no id"),
    ("note=a note=b", "note= is given twice"),
    ("idd=x", "unknown option 'idd='"),
    ("optional=yes", "unknown option 'optional='"),
    ("force=", "unknown option 'force='"),
    ("until=2027-01-01", "until= is for suppress"),
    ("until=never", "'never' is no day"),
];
/// What only a deny or a profile has.
const WRONG_IN_DENY: [(&str, &str); 4] = [
    ("reply=", "unknown reply ''"),
    ("reply=maybe", "unknown reply 'maybe'"),
    ("mode=off", "mode can only be observe, not 'off'"),
    ("mode=observe mode=observe", "mode= is given twice"),
];
const NOT_IN_ALLOW: [(&str, &str); 2] = [
    ("reply=unknown", "reply= is for deny"),
    ("mode=observe", "mode= is for deny"),
];
const WRONG_IN_NAMES: [(&str, &str); 9] = [
    ("one-more", "'one-more' is one name too many"),
    ("user=x", "user= is for deny, allow and profile"),
    ("from=10.0.0.1", "from= is for deny, allow and profile"),
    ("arg1=x", "arg1= is for deny, allow and profile"),
    ("via=client", "via= is for deny, allow and profile"),
    ("reply=unknown", "reply= is for deny"),
    ("mode=observe", "mode= is for deny"),
    ("id=!", "'!' is no id"),
    ("naem=x", "unknown option 'naem='"),
];
const WRONG_IN_POSITION: [(&str, &str); 4] = [
    ("at=0", "'0' is no position"),
    ("at=", "'' is no position"),
    ("at=last", "'last' is no position"),
    ("at=1 at=2", "at= is given twice"),
];

/// Every statement that SECGATE takes with each of its fields wrong, and what is to be named.
fn wrong_statements() -> Vec<(String, &'static str)> {
    let with = |base: &str, fields: &[(&'static str, &'static str)]| -> Vec<_> {
        let wrong = fields.iter();
        wrong
            .map(|(field, named)| (format!("{base} {field}"), *named))
            .collect()
    };
    // A profile has conditions and options, and no further names.
    let of_profiles = WRONG_IN_RULES[5..].iter().copied();
    let of_profiles: Vec<_> = of_profiles
        .filter(|(_, named)| !named.contains("param= is"))
        .collect();
    let targets = WRONG_IN_RULES[..5]
        .iter()
        .filter(|(field, _)| !field.starts_with('@'));
    let renamed = targets
        .clone()
        .map(|(name, named)| (format!("rename {name} new-name"), *named));
    let aliased = targets.map(|(name, named)| (format!("alias new-name {name}"), *named));
    [
        with("deny get", &WRONG_IN_RULES),
        with("deny get", &WRONG_IN_DENY),
        with("allow get", &WRONG_IN_RULES),
        with("allow get", &NOT_IN_ALLOW),
        with("profile rce", &of_profiles),
        with("profile rce", &WRONG_IN_DENY),
        with("rename keys new-name", &WRONG_IN_NAMES),
        with("alias new-name keys", &WRONG_IN_NAMES),
        renamed.collect(),
        aliased.collect(),
        vec![
            ("deny".to_owned(), "deny wants at least one command"),
            ("allow id=x".to_owned(), "allow wants at least one command"),
            ("profile nosuch".to_owned(), "unknown profile 'nosuch'"),
            ("profile rce slow".to_owned(), "'slow' is one name too many"),
            ("rename keys".to_owned(), "two names are wanted"),
            ("alias keys".to_owned(), "two names are wanted"),
            ("rename keys get".to_owned(), "'get' is already a command"),
            ("rename keys a|b".to_owned(), "one word, without '|'"),
            ("rename config|set other".to_owned(), "write config|NEWNAME"),
            ("alias get keys".to_owned(), "'get' is already a command"),
        ],
    ]
    .concat()
}

#[test]
fn every_statement_with_any_of_its_fields_wrong_is_refused_with_the_field_named() {
    needs_module!();
    let server = Server::start();
    let told_by_secgate = |line: &str| {
        let call: Vec<&str> = std::iter::once("SECGATE").chain(words(line)).collect();
        server.call(call).error_text()
    };
    for (line, named) in wrong_statements() {
        // A profile's name alone only shows it.
        let line = line.replace("profile rce", "profile rce add");
        let error = told_by_secgate(&line);
        assert!(error.starts_with("ERR "), "{line}: {error}");
        // Too few words are the server's to refuse.
        if error.contains("wrong number of arguments") && line.split(' ').count() < 3 {
            continue;
        }
        assert!(
            error.contains(named),
            "{line}\n{error}\ndoes not name\n{named}"
        );
    }
    for base in [
        "deny get",
        "allow get",
        "profile rce add",
        "rename keys k1",
        "alias k1 keys",
    ] {
        for (field, named) in WRONG_IN_POSITION {
            let error = told_by_secgate(&format!("{base} {field}"));
            assert!(error.contains(named), "{base} {field}: {error}");
        }
    }
    assert_eq!(
        server.call(["SECGATE", "LIST"]).texts().len(),
        2,
        "nothing was added"
    );
}

#[test]
fn a_file_with_all_those_statements_is_refused_with_each_at_its_line() {
    needs_module!();
    let more = [
        ("mode", "mode wants one of"),
        ("mode off on", "mode wants just"),
        ("mode strict", "unknown mode 'strict'"),
        ("deyn get", "unknown statement 'deyn': did you mean 'deny'?"),
        ("suppress", "suppress wants a check"),
        ("suppress net.bind", "suppress wants a reason"),
        ("suppress net.bnid note=x", "unknown check 'net.bnid'"),
        ("suppress net.bind note=x until=soon", "'soon' is no day"),
        (
            "suppress net.bind note=x user=a",
            "suppress is for the audit",
        ),
        (
            "suppress net.bind note=x reply=unknown",
            "reply= is for deny",
        ),
        ("administrators", "at least one user"),
        ("administrators *", "'*' would name every user"),
        (
            "administrators ops until=2027-01-01",
            "until= is for suppress",
        ),
        ("deny \"get", "this \" is never closed"),
    ];
    let more = more.map(|(line, named)| (line.to_owned(), named));
    let wrong = [wrong_statements(), more.to_vec()].concat();
    let server = Server::builder().policy("deny flushall id=kept\n").start();
    let path = server
        .call(["CONFIG", "GET", "secaudit.policy-file"])
        .texts()[1]
        .clone();
    let text: Vec<&str> = wrong.iter().map(|(line, _)| line.as_str()).collect();
    fs::write(&path, text.join("\n")).unwrap();
    let error = server.call(["SECGATE", "LOAD"]).error_text();
    // The reply has the first ones, the server's log all.
    let log = server.log();
    for (index, (line, named)) in wrong.iter().enumerate() {
        let begins = format!("line {}, column ", index + 1);
        let told: Vec<&str> = log.lines().filter(|told| told.contains(&begins)).collect();
        assert!(
            told.iter().any(|told| told.contains(named)),
            "{line}\n{told:?}\ndoes not name\n{named}"
        );
    }
    assert!(error.ends_with("nothing was changed"), "{error}");
    assert_eq!(server.call(["SECGATE", "LIST"]).texts().len(), 2);
}

#[test]
fn a_command_that_is_renamed_removed_or_absent_is_refused_with_what_the_server_has_instead() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "FLUSHALL wipe-it")
        .config("rename-command", "DEBUG \"\"")
        .config("rename-command", "AUTH let-me-in")
        .start();
    let told = |line: &str| {
        let call: Vec<&str> = std::iter::once("SECGATE").chain(words(line)).collect();
        let reply = server.call(call);
        if reply.is_error() {
            reply.error_text()
        } else {
            reply.text()
        }
    };
    assert_eq!(told("RENAME config c0nf id=hide"), "hide");
    assert_eq!(told("ALIAS client|whoami client|id"), "r1");
    for (line, part) in [
        (
            "DENY debug",
            "'debug' was removed by rename-command in redis.conf",
        ),
        ("RENAME debug d3bug", "was removed by rename-command"),
        ("ALIAS d3bug debug", "was removed by rename-command"),
        ("DENY flushal", "did you mean 'flushall'?"),
        (
            "DENY frobnicate",
            "add the word optional if a module will bring it",
        ),
        ("DENY config|ste", "did you mean 'set'?"),
        (
            "DENY c0nf",
            "'c0nf' is a new name of 'config', and statements are about real names: write config",
        ),
        (
            "DENY c0nf|set optional",
            "'c0nf|set' is a new name of 'config|set'",
        ),
        ("ALLOW get C0NF", "'c0nf' is a new name of 'config'"),
        ("RENAME c0nf c1nf", "write config"),
        ("ALIAS c1nf c0nf", "write config"),
        (
            "DENY client|whoami",
            "'client|whoami' is a new name of 'client|id'",
        ),
        // Vital commands are that under every name.
        ("DENY auth", "add the word force"),
        ("DENY let-me-in", "add the word force"),
        ("RENAME let-me-in other", "add the word force"),
    ] {
        let error = told(line);
        assert!(
            error.starts_with("ERR ") && error.contains(part),
            "{line}: {error}"
        );
    }
    assert_eq!(told("DENY flushall wipe-it id=both"), "both");
    assert!(server.call(["WIPE-IT"]).error_text().contains("rule"));
    assert_eq!(told("DENY later optional id=waits"), "waits");
    let error = told("ALIAS later dbsize");
    assert!(
        error.contains("statement 'waits' is about a command of the new name"),
        "{error}"
    );
}

#[test]
fn a_new_name_that_the_configuration_file_cannot_tell_any_more_is_asked_for() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "KEYS k3ys")
        .start();
    fs::remove_file(server.conf()).unwrap();
    let error = server.call(["SECGATE", "DENY", "keys"]).error_text();
    assert!(
        error.contains("'keys' has another name here")
            && error.contains("write the name that clients send"),
        "{error}"
    );
    assert_eq!(server.call(["SECGATE", "DENY", "k3ys"]).text(), "r1");
    assert!(server.call(["K3YS", "*"]).error_text().contains("rule"));
}

#[test]
fn a_trial_of_a_call_that_would_be_an_error_says_so() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "DEBUG \"\"")
        .config("rename-command", "FLUSHALL wipe-it")
        .start();
    for line in [
        "SECGATE DENY get id=no",
        "SECGATE RENAME config c0nf id=hide",
        "SECGATE DENY flushdb mode=observe id=watch",
    ] {
        assert!(!server.call(words(line)).is_error(), "{line}");
    }
    for (line, told) in [
        (
            "NOSUCH a b",
            "pass: no rule matches (this server has no command 'nosuch')",
        ),
        (
            "CLIENT NOSUCH",
            "pass: no rule matches ('client' has no subcommand 'nosuch')",
        ),
        (
            "DEBUG SLEEP 0",
            "pass: no rule matches (rename-command removed 'debug' from this server)",
        ),
        (
            "FLUSHALL",
            "pass: no rule matches (rename-command gave 'flushall' another name on this server)",
        ),
        ("CONFIG GET dir", "deny by hide: rename config c0nf id=hide"),
        ("C0NF NOSUCH", "pass: no rule matches (runs as config)"),
        ("GET", "deny by no: deny get id=no"),
        ("GET a b c", "deny by no: deny get id=no"),
        (
            "FLUSHDB nonsense",
            "observe by watch: deny flushdb id=watch mode=observe",
        ),
        ("SET", "pass: no rule matches"),
    ] {
        let call: Vec<&str> = ["SECGATE", "TEST"].into_iter().chain(words(line)).collect();
        assert_eq!(server.call(call).text(), told, "{line}");
    }
    for (call, part) in [
        (vec!["SECGATE", "TEST"], "wrong number of arguments"),
        (vec!["SECGATE", "TEST", "USER"], "wrong number of arguments"),
        (
            vec!["SECGATE", "TEST", "USER", "x"],
            "wrong number of arguments",
        ),
        (
            vec!["SECGATE", "TEST", "FROM", "here", "GET"],
            "unknown word 'here'",
        ),
    ] {
        let error = server.call(&call).error_text();
        assert!(error.contains(part), "{call:?}: {error}");
    }
    let odd = server
        .call([&b"SECGATE"[..], b"TEST", b"no\r\n\xff", b"\0"])
        .text();
    assert!(odd.contains("no\\r\\n\\xff"), "{odd}");
    assert_eq!(server.call(["SECGATE", "LOG"]).items().len(), 0);
}

#[test]
fn nobody_locks_himself_out_without_the_word_force() {
    needs_module!();
    let server = Server::builder().password("pw").start();
    let gate = |line: &str| {
        let call: Vec<&str> = std::iter::once("SECGATE").chain(words(line)).collect();
        server.call(call)
    };
    for line in [
        "DENY secgate",
        "DENY secgate|del",
        "DENY get secgate|reset reply=unknown",
        "DENY auth",
        "DENY hello",
        "RENAME secgate sg",
        "RENAME secgate|del secgate|d3l",
        "RENAME auth let-me-in",
    ] {
        let error = gate(line).error_text();
        assert!(
            error.contains("add the word force if you mean it"),
            "{line}: {error}"
        );
    }
    // All that can be said without it, at once.
    for line in [
        "DENY *",
        "DENY @admin @dangerous @slow @fast @connection",
        "PROFILE managed ADD",
        "PROFILE rce ADD",
        "PROFILE destructive ADD",
        "PROFILE scripting ADD",
        "PROFILE slow ADD",
        "PROFILE tutorial ADD",
        "RENAME config c0nf",
        "RENAME acl 4cl",
    ] {
        let reply = gate(line);
        assert!(!reply.is_error(), "{line}: {reply:?}");
    }
    assert!(server.call(["GET", "k"]).is_error());
    // A new connection signs in and finds everything that it needs to undo it.
    let mut client = server.stranger();
    assert!(client.call(["AUTH", "pw"]).is_ok());
    assert!(client.call(["SECGATE", "LIST"]).texts().len() > 10);
    assert!(!client.call(["SECGATE", "TEST", "GET", "k"]).is_error());
    assert!(client.call(["MULTI"]).is_ok());
    assert_eq!(client.call(["SECGATE", "RESET"]).text(), "QUEUED");
    assert!(client.call(["EXEC"]).items()[0].is_ok());
    assert!(client.call(["SET", "k", "v"]).is_ok());
}
