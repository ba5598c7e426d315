//! Who may change the gate, and what users of every kind are told when they are refused.

use crate::gate::is_refusal;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::harness::version;

#[test]
fn a_user_without_dangerous_commands_cannot_loosen_the_gate() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "DENY", "flushall", "id=no"]);
    server.call([
        "ACL",
        "SETUSER",
        "app",
        "on",
        ">pw",
        "~*",
        "&*",
        "+@all",
        "-@dangerous",
    ]);
    let mut client = server.client();
    client.auth("app", "pw");
    for call in [
        vec!["MODE", "off"],
        vec!["RESET"],
        vec!["DEL", "no"],
        vec!["ALLOW", "*", "at=first"],
        vec!["LOG", "RESET"],
        vec!["LOAD"],
        vec!["SAVE"],
        vec!["LIST"],
        vec!["LOG"],
        vec!["STATS"],
        vec!["TEST", "flushall"],
    ] {
        let call: Vec<&str> = std::iter::once("SECGATE").chain(call).collect();
        let error = client.call(&call).error_text();
        assert!(error.starts_with("NOPERM"), "{call:?}: {error}");
    }
    assert_eq!(server.call(["SECGATE", "LIST"]).texts().len(), 2);
    if version::under_test().has_acl_categories_for_modules() {
        assert!(
            client
                .call(["SECAUDIT", "HELP"])
                .error_text()
                .starts_with("NOPERM")
        );
        let info = format!(
            "{:?}",
            server.call(["COMMAND", "INFO", "secgate", "secgate|mode", "secaudit"])
        );
        assert!(info.matches("@dangerous").count() >= 3, "{info}");
    }
}

#[test]
fn an_administrator_and_a_user_who_was_granted_a_subcommand_can() {
    needs_module!();
    let server = Server::start();
    server.call(["ACL", "SETUSER", "ops", "on", ">pw", "~*", "+@all"]);
    server.call([
        "ACL",
        "SETUSER",
        "watcher",
        "on",
        ">pw",
        "-@all",
        "+secgate|list",
        "+secgate|log",
    ]);
    let mut ops = server.client();
    ops.auth("ops", "pw");
    assert_eq!(ops.call(["SECGATE", "DENY", "flushall"]).text(), "r1");
    server.wait_for_log("policy changed by user ops from 127.0.0.1");
    let mut watcher = server.client();
    watcher.auth("watcher", "pw");
    assert_eq!(watcher.call(["SECGATE", "LIST"]).texts().len(), 2);
    assert!(
        watcher
            .call(["SECGATE", "RESET"])
            .error_text()
            .starts_with("NOPERM")
    );
}

#[test]
fn a_client_that_has_not_authenticated_can_do_nothing_and_is_told_so() {
    needs_module!();
    let server = Server::builder().password("pw").start();
    server.call(["SECGATE", "DENY", "flushall", "id=no"]);
    let mut stranger = server.stranger();
    for call in [
        vec!["SECGATE", "MODE", "off"],
        vec!["SECGATE", "LIST"],
        vec!["SECAUDIT"],
        vec!["secaudit.refused"],
    ] {
        assert!(
            stranger.call(&call).error_text().starts_with("NOAUTH"),
            "{call:?}"
        );
    }
    let error = stranger.call(["FLUSHALL"]).error_text();
    if version::under_test().tells_filters_who_calls() {
        assert!(error.starts_with("NOAUTH"), "{error}");
    } else {
        assert!(is_refusal(&error, "flushall", "no"), "{error}");
    }
    assert!(stranger.call(["AUTH", "pw"]).is_ok());
    assert!(is_refusal(
        &stranger.call(["FLUSHALL"]).error_text(),
        "flushall",
        "no"
    ));
}

#[test]
fn a_user_with_no_rights_at_all_is_told_the_rule_as_well() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "DENY", "flushall", "id=no"]);
    server.call(["ACL", "SETUSER", "nobody", "on", ">pw", "-@all"]);
    let mut client = server.client();
    client.auth("nobody", "pw");
    assert!(is_refusal(
        &client.call(["FLUSHALL"]).error_text(),
        "flushall",
        "no"
    ));
    assert!(client.call(["GET", "k"]).error_text().starts_with("NOPERM"));
}

#[test]
fn a_default_user_that_needs_no_password_but_has_no_rights_is_told_the_rule_too() {
    needs_module!();
    let server = Server::start();
    let mut admin = server.client();
    admin.call(["ACL", "SETUSER", "admin", "on", ">pw", "~*", "&*", "+@all"]);
    admin.auth("admin", "pw");
    admin.call(["SECGATE", "DENY", "flushall", "id=no"]);
    admin.call(["ACL", "SETUSER", "default", "-@all", "+get"]);
    let mut client = server.stranger();
    assert!(client.call(["GET", "k"]).is_nil());
    let error = client.call(["FLUSHALL"]).error_text();
    assert!(is_refusal(&error, "flushall", "no"), "{error}");
}

#[test]
fn a_new_name_shows_in_no_log_slowlog_or_monitor() {
    needs_module!();
    let server = Server::builder()
        .config("slowlog-log-slower-than", "0")
        .start();
    let mut monitor = crate::harness::monitor::Monitor::start(&server);
    assert!(
        !server
            .call(["SECGATE", "RENAME", "config", "n3w-s3cret", "id=c"])
            .is_error()
    );
    assert!(
        !server
            .call(["SECGATE", "ALIAS", "al1as-s3cret", "dbsize"])
            .is_error()
    );
    assert!(server.call(["PING"]).text() == "PONG");
    let slow = format!("{:?}", server.call(["SLOWLOG", "GET", "1000"]));
    assert!(
        slow.contains("\"PING\"") || slow.contains("\"ping\""),
        "{slow}"
    );
    let seen = monitor.lines_so_far(&server).join("\n");
    for text in [slow, seen, server.log()] {
        assert!(!text.contains("s3cret"), "{text}");
    }
    assert!(format!("{:?}", server.call(["SECGATE", "LIST"])).contains("n3w-s3cret"));
}
