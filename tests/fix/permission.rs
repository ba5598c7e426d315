//! Who may have fixes applied: who may do himself what they do. And what a seal allows: nothing.

use super::{fix, setting};
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::harness::version;

fn server() -> Server {
    Server::builder()
        .config("acllog-max-len", "0")
        .config("tcp-keepalive", "0")
        .config("user", "auditor on >pw -@all +secaudit")
        .config(
            "user",
            "tuner on >pw -@all +secaudit +config|set +config|get",
        )
        .config("user", "keeper on >pw -@all +secaudit +config +acl|setuser")
        .config("user", "app on >pw ~* &* +@all -@dangerous")
        .start()
}

#[track_caller]
fn refused(server: &Server, user: &str, words: &str) -> String {
    let mut client = server.client();
    assert!(client.auth(user, "pw").is_ok());
    let error = fix(&mut client, words).error_text();
    assert!(error.starts_with("NOPERM"), "{user}: {error}");
    error
}

#[test]
fn an_auditor_sees_the_plan_and_cannot_change_the_server() {
    needs_module!();
    let server = server();
    let mut client = server.client();
    client.auth("auditor", "pw");
    let plan = fix(&mut client, "").texts().join("\n");
    assert!(plan.contains("CONFIG SET acllog-max-len 128"), "{plan}");
    for check in ["log.acl-log", "auth.password", "limit.clients"] {
        refused(&server, "auditor", &format!("APPLY {check}"));
    }
    assert_eq!(setting(&server, "acllog-max-len"), "0");
    assert!(server.stranger().call(["SET", "k", "v"]).is_ok());
}

#[test]
fn a_user_can_have_done_what_he_may_do_himself_all_of_it_or_nothing() {
    needs_module!();
    let server = server();
    let error = refused(&server, "tuner", "APPLY log.acl-log auth.password");
    if version::under_test().has_acl_categories_for_modules() {
        assert!(
            error.contains("user 'tuner' may not run ACL SETUSER"),
            "{error}"
        );
    }
    assert_eq!(setting(&server, "acllog-max-len"), "0");
    refused(&server, "tuner", "APPLY log.acl-log PERSIST");
    assert_eq!(setting(&server, "acllog-max-len"), "0");
    // Redis 7.0 cannot put SECAUDIT into @admin, so there it takes more.
    if version::under_test().has_acl_categories_for_modules() {
        let mut client = server.client();
        client.auth("tuner", "pw");
        assert!(!fix(&mut client, "APPLY log.acl-log").is_error());
        assert_eq!(setting(&server, "acllog-max-len"), "128");
    }
    // PERSIST keeps no more than was asked for.
    let undo = ["CONFIG", "SET", "acllog-max-len", "0"];
    assert!(server.call(undo).is_ok());
    let mut client = server.client();
    client.auth("keeper", "pw");
    let text = fix(&mut client, "APPLY limit.clients PERSIST")
        .texts()
        .join("\n");
    assert!(text.contains("limit.clients: fixed"), "{text}");
}

#[test]
fn a_user_without_dangerous_commands_applies_nothing() {
    needs_module!();
    let server = server();
    refused(&server, "app", "APPLY log.acl-log");
    assert_eq!(setting(&server, "acllog-max-len"), "0");
}

#[test]
fn what_the_gate_denies_the_caller_a_fix_does_not_do_for_him_unless_he_may_change_the_gate() {
    needs_module!();
    let server = server();
    server.call(["SECGATE", "DENY", "config|set", "id=no-set"]);
    let error = refused(&server, "keeper", "APPLY log.acl-log");
    assert!(error.contains("secaudit rule no-set denies it"), "{error}");
    assert_eq!(setting(&server, "acllog-max-len"), "0");
    let text = fix(&mut server.client(), "APPLY log.acl-log")
        .texts()
        .join("\n");
    assert!(text.contains("log.acl-log: fixed"), "{text}");
}

#[test]
fn under_a_seal_nothing_is_applied_and_the_plan_is_still_shown() {
    needs_module!();
    let server = server();
    assert!(server.call(["SECGATE", "SEAL"]).is_ok());
    let mut client = server.client();
    let error = fix(&mut client, "APPLY log.acl-log auth.password").error_text();
    assert!(
        error.contains("sealed") && error.contains("nothing was changed"),
        "{error}"
    );
    assert_eq!(setting(&server, "acllog-max-len"), "0");
    assert!(!fix(&mut client, "").is_error());
}
