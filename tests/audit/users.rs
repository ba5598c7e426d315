//! SECAUDIT USERS: what each user can really run, held against what happens when the user tries.

use super::{patient, strong_password};
use crate::audit_forms::assert_readable;
use crate::harness::cli;
use crate::harness::resp::Client;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::version::{VALKEY_9_1, under_test};
use serde_json::Value;

fn json(client: &mut Client) -> Value {
    let reply = client.call(["SECAUDIT", "USERS", "JSON"]);
    serde_json::from_str(&reply.text()).unwrap()
}

/// The row that this user (as JSON writes the name) is in.
#[track_caller]
fn row<'d>(document: &'d Value, user: &str) -> &'d Value {
    let mut rows = document["rows"].as_array().unwrap().iter();
    let found = rows.find(|row| {
        row["users"]
            .as_array()
            .unwrap()
            .iter()
            .any(|name| name == user)
    });
    found.unwrap_or_else(|| panic!("{user} is in no row of {document:#}"))
}

#[track_caller]
fn state<'d>(document: &'d Value, user: &str, command: &str) -> &'d str {
    row(document, user)["commands"][command]["state"]
        .as_str()
        .unwrap()
}

/// A server with every kind of obstacle.
fn server(more: &[&str]) -> Server {
    let users = [
        "admin on >admin ~* &* +@all",
        "app on >app ~app:* resetchannels -@all +@read +@write +keys +config|get",
        "sel on >sel resetchannels -@all +get (~* +flushall +restore)",
        "asleep off nopass ~* +@all",
    ];
    let mut builder = Server::builder()
        .policy("deny flushall id=no-wipe\nrename shutdown sh-71c2 id=sh\ndeny acl|setuser id=no-acl\nadministrators admin\n")
        .config("rename-command", "SWAPDB \"\"")
        .config("rename-command", "MONITOR m0n-4417");
    for user in users.iter().chain(more) {
        builder = builder.config("user", user);
    }
    builder.start()
}

#[test]
fn every_obstacle_is_told_and_is_what_the_user_meets() {
    needs_module!();
    let server = server(&[]);
    let document = json(&mut server.client());
    for (user, command, wanted) in [
        ("default", "flushall", "gate"),
        ("default", "flushdb", "open"),
        ("default", "shutdown", "renamed"),
        ("default", "acl", "part"),
        ("default", "swapdb", "removed"),
        ("default", "monitor", "renamed"),
        ("default", "eval", "open"),
        ("app", "keys", "open"),
        ("app", "config", "part"),
        ("app", "flushdb", "open"),
        ("app", "save", "acl"),
        ("app", "eval", "acl"),
        ("sel", "flushall", "gate"),
        ("sel", "restore", "open"),
        ("sel", "flushdb", "acl"),
        ("sel", "keys", "acl"),
    ] {
        assert_eq!(state(&document, user, command), wanted, "{user} {command}");
    }
    assert_eq!(
        row(&document, "default")["commands"]["flushall"]["rule"],
        "no-wipe"
    );
    assert_eq!(row(&document, "admin")["administrators"], true);
    assert_eq!(row(&document, "default")["nopass"], true);
    assert_eq!(
        (document["enabled"].as_u64(), document["off"].as_u64()),
        (Some(4), Some(1))
    );

    // What the table says is what happens.
    for (user, call) in [
        ("app", &["KEYS", "app:*"][..]),
        ("app", &["FLUSHDB"]),
        ("app", &["SAVE"]),
        ("app", &["EVAL", "return 1", "0"]),
        ("sel", &["FLUSHALL"]),
        ("sel", &["FLUSHDB"]),
        ("sel", &["KEYS", "*"]),
        ("sel", &["MONITOR"]),
    ] {
        let mut client = server.stranger();
        assert!(client.auth(user, user).is_ok());
        let runs = !client.call(call).is_error();
        let open = state(&document, user, &call[0].to_lowercase()) == "open";
        assert_eq!(runs, open, "{user} {call:?}");
    }
}

#[test]
fn a_user_of_some_databases_hides_no_command_of_its_own_or_of_others() {
    needs_module!();
    require!(
        under_test().at_least(VALKEY_9_1),
        "users of some databases exist from Valkey 9.1 on"
    );
    let rights = "on nopass ~* &* -@all +eval +flushdb +keys +select +flushall";
    let server = Server::builder()
        .config("user", &format!("aa {rights} db=0"))
        .config("user", &format!("bb {rights} db=3"))
        .config("user", &format!("zz {rights}"))
        .start();
    let document = json(&mut server.client());
    for (user, database) in [("aa", "0"), ("bb", "3"), ("zz", "0")] {
        let mut client = server.stranger();
        assert!(client.auth(user, "").is_ok());
        assert!(client.call(["SELECT", database]).is_ok());
        for call in [
            &["FLUSHDB"][..],
            &["EVAL", "return 1", "0"],
            &["KEYS", "*"],
            &["FLUSHALL"],
        ] {
            let runs = !client.call(call).is_error();
            let open = state(&document, user, &call[0].to_lowercase()) == "open";
            assert_eq!(runs, open, "{user} {call:?}");
        }
    }
}

#[test]
fn the_tables_fit_a_terminal_and_explain_themselves() {
    needs_module!();
    let server = server(&["\"o\\xff\\x1b[31m\" on nopass ~* +flushdb"]);
    let mut client = server.client();
    let lines = client.call(["SECAUDIT", "USERS"]).texts();
    assert_readable(lines.iter().map(String::as_str));
    let text = lines.join("\n");
    for part in [
        "Gate   enforce, 4 statements",
        "Users  5 on, 1 off",
        "Data lost or moved     flushdb  flushall  swapdb   restore  migrate",
        "*  admin               OPEN     gate      removed  OPEN     OPEN",
        "!  default             OPEN     gate      removed  OPEN     OPEN",
        "!  o\\xff\\x1b[31m       OPEN     acl       removed  acl      acl",
        "OPEN     can be run",
        "gate     denied by a rule of SECGATE (by rule no-wipe: flushall)",
        "removed  removed by rename-command in redis.conf",
        "*        an administrator by the policy",
        "!        needs no password",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // The names that were hidden stay so.
    assert!(
        !text.contains("m0n-4417") && !text.contains("sh-71c2"),
        "{text}"
    );
    let shown = cli::run(&server, ["SECAUDIT", "USERS"]).text();
    assert_eq!(shown.trim_end(), text);
    let document = json(&mut client);
    assert_eq!(state(&document, "o\\xff\\x1b[31m", "flushdb"), "open");
}

#[test]
fn ten_thousand_users_are_counted_by_what_they_can_do() {
    needs_module!();
    let password = strong_password("ten thousand");
    let user = |number: usize| {
        let more = match number % 3 {
            0 => "+flushdb",
            1 => "+keys",
            _ => "-debug",
        };
        format!(
            "user u{number:05} on >{password}{number} ~app:{number}:* resetchannels -@all +get {more}\n"
        )
    };
    let users: String = (0..10_000).map(user).collect();
    let server = Server::builder()
        .config("aclfile", "users.acl")
        .file(
            "users.acl",
            format!("user default on nopass ~* &* +@all\n{users}"),
        )
        .start();
    let mut client = patient(&server);
    let lines = client.call(["SECAUDIT", "USERS"]).texts();
    assert_readable(lines.iter().map(String::as_str));
    let text = lines.join("\n");
    for part in [
        "Users  10001 on; those to whom everything stands alike share one of 4 rows",
        "   u00000 +3333        OPEN     acl",
        "   u00001 +3332        acl      acl",
        "   u00002 +3332        acl      acl",
        "u00000, u00003, u00006, u00009, u00012, u00015, u00018, u00021 and 3326 more",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(lines.len() < 70, "{text}");
    let document = json(&mut client);
    assert_eq!(
        row(&document, "u09999")["users"].as_array().unwrap().len(),
        3334
    );
    assert_eq!(state(&document, "u09997", "keys"), "open");
}

#[test]
fn without_acl_it_says_why_and_a_slip_is_an_error_that_helps() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "ACL h1dden-acl")
        .start();
    let conf = std::fs::read_to_string(server.conf()).unwrap();
    let without: Vec<&str> = conf
        .lines()
        .filter(|line| !line.contains("h1dden"))
        .collect();
    std::fs::write(server.conf(), without.join("\n")).unwrap();
    let text = server.call(["SECAUDIT", "USERS"]).texts().join("\n");
    assert!(
        text.contains("Users  unknown: ACL is renamed or removed"),
        "{text}"
    );
    let error = server.call(["SECAUDIT", "USERS", "HTML"]).error_text();
    assert_eq!(error, "ERR USERS takes JSON or nothing, not 'HTML'");
    let error = server.call(["SECAUDIT", "USERS", "JSON", "x"]).error_text();
    assert_eq!(error, "ERR 'x' is one word too many after SECAUDIT USERS");
    let error = server.call(["SECAUDIT", "USRES"]).error_text();
    assert!(error.contains("did you mean 'users'?"), "{error}");
    let help = server.call(["SECAUDIT", "HELP"]).texts().join("\n");
    assert!(help.contains("USERS [JSON]"), "{help}");
}
