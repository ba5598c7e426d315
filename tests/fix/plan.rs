//! SECAUDIT FIX without APPLY: what would be done, and nothing is.

use super::{fix, fix_json, setting};
use crate::audit_forms::assert_readable;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;

/// A server with something to fix.
fn faulty() -> Server {
    Server::builder()
        .config("tcp-keepalive", "0")
        .config("acllog-max-len", "0")
        .start()
}

#[test]
fn the_plan_tells_what_would_be_done_and_how_to_undo_it_and_changes_nothing() {
    needs_module!();
    let server = faulty();
    let settings = server.call(["CONFIG", "GET", "*"]).texts();
    let lines = fix(&mut server.client(), "").texts();
    assert_readable(lines.iter().map(String::as_str));
    let text = lines.join("\n");
    for part in [
        "Nothing has been changed.",
        "auth.password: anyone who can reach the port is administrator",
        "  does       give user default a new random password of 256 bits, shown once",
        "  mind       connections that are open stay logged in",
        "  undo       ACL SETUSER default nopass",
        "  does       CONFIG SET tcp-keepalive 300",
        "  undo       CONFIG SET tcp-keepalive 0",
        "  by hand    redis-cli",
        "To do it: SECAUDIT FIX APPLY auth.password ",
    ] {
        assert!(text.contains(part), "{part}\nin {text}");
    }
    assert_eq!(server.call(["CONFIG", "GET", "*"]).texts(), settings);
    assert!(server.stranger().call(["SET", "k", "v"]).is_ok());
}

#[test]
fn a_plan_can_be_asked_for_some_checks_and_as_json() {
    needs_module!();
    let server = faulty();
    let mut client = server.client();
    let plan = fix_json(&mut client, "log.acl-log auth.password net.bind");
    let ids: Vec<&str> = plan["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["log.acl-log", "auth.password", "net.bind"]);
    assert_eq!(plan["applied"], false);
    assert_eq!(
        plan["applicable"],
        serde_json::json!(["log.acl-log", "auth.password"])
    );
    let action = &plan["findings"][0]["actions"][0];
    assert_eq!(action["does"], "CONFIG SET acllog-max-len 128");
    assert_eq!(action["undo"], "CONFIG SET acllog-max-len 0");
    let of_network = fix_json(&mut client, "net.*");
    assert!(of_network["findings"].as_array().unwrap().len() > 2);
    let text = fix(&mut client, "net.bind").texts().join("\n");
    assert!(text.contains("net.bind: passes: nothing to do"), "{text}");
    assert_eq!(setting(&server, "acllog-max-len"), "0");
}

#[test]
fn a_finding_that_the_policy_accepts_is_planned_only_where_it_is_named() {
    needs_module!();
    let server = faulty();
    server.call([
        "SECGATE",
        "SUPPRESS",
        "log.acl-log",
        "note=as it is",
        "id=ok",
    ]);
    let mut client = server.client();
    let whole = fix(&mut client, "").texts().join("\n");
    assert!(!whole.contains("log.acl-log"), "{whole}");
    let named = fix(&mut client, "log.acl-log").texts().join("\n");
    assert!(named.contains("  accepted   by ok: as it is"), "{named}");
    assert!(named.contains("CONFIG SET acllog-max-len 128"), "{named}");
}

#[test]
fn a_slip_is_told_and_nothing_is_done() {
    needs_module!();
    let server = faulty();
    let mut client = server.client();
    for (words, part) in [
        ("APPLY", "APPLY does only what is named"),
        ("APPLY auth.pasword", "did you mean 'auth.password'?"),
        ("APPLY log.*", "no patterns"),
        ("log.acl-log PERSIST", "PERSIST goes with APPLY"),
        ("log.acl-log APPLY", "APPLY stands right behind FIX"),
        ("APPLY log.acl-log persits", "did you mean 'persist'?"),
        ("zzz", "unknown check 'zzz'"),
    ] {
        let error = fix(&mut client, words).error_text();
        assert!(
            error.starts_with("ERR ") && error.contains(part),
            "{words}: {error}"
        );
    }
    assert_eq!(setting(&server, "acllog-max-len"), "0");
    let help = client.call(["SECAUDIT", "HELP"]).texts().join("\n");
    assert!(
        help.contains("FIX APPLY <id> ... [PERSIST] [JSON]"),
        "{help}"
    );
}
