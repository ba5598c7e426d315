//! SECAUDIT FIX APPLY: each kind of step with before and after, what stops it, and how the checks stand then.

use super::{apply, fix, fix_json, password, setting};
use crate::audit_forms::assert_readable;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use std::process::Command;

#[test]
fn settings_are_changed_and_shown_before_and_after_and_the_checks_pass() {
    needs_module!();
    let server = Server::builder()
        .config("tcp-keepalive", "0")
        .config("acllog-max-len", "0")
        .config("bind", "0.0.0.0")
        .start();
    let mut client = server.client();
    let lines = fix(
        &mut client,
        "APPLY log.acl-log limit.clients limit.output-buffer",
    )
    .texts();
    assert_readable(lines.iter().map(String::as_str));
    let text = lines.join("\n");
    for part in [
        ": 3 done",
        "log.acl-log: fixed\n  done       CONFIG SET acllog-max-len 128\n  before     acllog-max-len 0\n  after      acllog-max-len 128\n  undo       CONFIG SET acllog-max-len 0\n  now        acllog-max-len 128",
        "limit.clients: fixed\n  done       CONFIG SET tcp-keepalive 300",
        "limit.output-buffer: fixed\n  done       CONFIG SET client-output-buffer-limit \"normal 256mb 64mb 60\"",
        "A restart undoes this, unless you keep it: CONFIG REWRITE",
    ] {
        assert!(text.contains(part), "{part}\nin {text}");
    }
    assert_eq!(setting(&server, "acllog-max-len"), "128");
    assert_eq!(setting(&server, "tcp-keepalive"), "300");
    server.wait_for_log("SECAUDIT FIX by user default from 127.0.0.1");
}

#[test]
fn only_what_is_named_is_done_and_what_does_not_fail_is_left_alone() {
    needs_module!();
    let server = Server::builder()
        .config("tcp-keepalive", "0")
        .config("acllog-max-len", "0")
        .start();
    let done = apply(&server, "limit.clients net.bind proc.no-new-privs");
    let checks = &done["checks"];
    assert_eq!(checks[0]["outcome"], "pass");
    assert_eq!(checks[1]["steps"], serde_json::json!([]));
    // What cannot be done at run time is left to the operator.
    if checks[2]["outcome"] == "fail" {
        assert!(!checks[2]["by_hand"].as_array().unwrap().is_empty());
    }
    assert_eq!(setting(&server, "acllog-max-len"), "0");
    assert!(server.stranger().call(["SET", "k", "v"]).is_ok());
}

#[test]
fn a_new_password_is_shown_once_and_works_and_who_is_connected_stays() {
    needs_module!();
    let server = Server::start();
    let (mut caller, mut other) = (server.client(), server.client());
    let done = fix_json(&mut caller, "APPLY auth.password");
    let password = password(&done);
    assert_eq!(password.len(), 64);
    assert!(password.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let check = &done["checks"][0];
    assert_eq!(check["outcome_before"], "fail");
    assert_eq!(check["outcome"], "pass");
    assert_eq!(check["steps"][0]["before"], "user default on nopass");
    assert_eq!(check["steps"][0]["after"], "user default on, passwords: 1");
    for client in [&mut caller, &mut other] {
        assert!(client.call(["SET", "k", "v"]).is_ok());
    }
    let mut stranger = server.stranger();
    let error = stranger.call(["SET", "k", "v"]).error_text();
    assert!(error.starts_with("NOAUTH"), "{error}");
    assert!(stranger.call(["AUTH", "default", "wrong"]).is_error());
    assert!(stranger.call(["AUTH", &password]).is_ok());
    assert!(stranger.call(["SET", "k", "v"]).is_ok());
    // Two passwords are never the same, and the way back is the one that was shown.
    let undo = check["steps"][0]["undo"].as_str().unwrap();
    assert!(caller.call(undo.split(' ')).is_ok());
    assert!(server.stranger().call(["GET", "k"]).text() == "v");
    assert_ne!(
        super::password(&fix_json(&mut caller, "APPLY auth.password")),
        password
    );
}

#[test]
fn commands_under_new_names_are_called_by_them() {
    needs_module!();
    let server = Server::builder()
        .config("acllog-max-len", "0")
        .config("rename-command", "CONFIG cfg-x")
        .config("rename-command", "ACL acl-x")
        .start();
    let done = apply(&server, "log.acl-log auth.password");
    assert_eq!(done["checks"][0]["outcome"], "pass");
    let reply = server.stranger().call(["SET", "k", "v"]).error_text();
    assert!(reply.starts_with("NOAUTH"), "{reply}");
}

#[test]
fn with_acl_removed_the_password_is_set_by_config() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "ACL \"\"")
        .start();
    let mut client = server.client();
    let done = fix_json(&mut client, "APPLY auth.password");
    let password = password(&done);
    assert!(server.stranger().call(["GET", "k"]).is_error());
    assert!(server.stranger().call(["AUTH", &password]).is_ok());
    assert_eq!(
        done["checks"][0]["steps"][0]["undo"],
        "CONFIG SET requirepass \"\""
    );
}

#[test]
fn a_gate_that_renames_what_a_fix_calls_does_not_stand_in_its_way() {
    needs_module!();
    let server = Server::builder().config("acllog-max-len", "0").start();
    server.call(["SECGATE", "RENAME", "config", "cfg-hidden"]);
    let done = apply(&server, "log.acl-log");
    assert_eq!(done["checks"][0]["outcome"], "pass");
}

#[test]
fn in_a_transaction_it_is_done_on_the_spot_and_no_script_can_do_it() {
    needs_module!();
    let server = Server::builder().config("acllog-max-len", "0").start();
    let mut client = server.client();
    let script = "return redis.call('SECAUDIT', 'FIX', 'APPLY', 'log.acl-log')";
    assert!(client.call(["EVAL", script, "0"]).is_error());
    assert_eq!(setting(&server, "acllog-max-len"), "0");
    assert!(client.call(["MULTI"]).is_ok());
    assert_eq!(fix(&mut client, "APPLY log.acl-log").text(), "QUEUED");
    let answers = client.call(["EXEC"]);
    let text = answers.items()[0].texts().join("\n");
    assert!(text.contains("log.acl-log: fixed"), "{text}");
    assert_eq!(setting(&server, "acllog-max-len"), "128");
}

#[test]
fn a_limit_below_the_clients_that_are_connected_is_not_set() {
    needs_module!();
    let server = Server::builder().config("maxclients", "100").start();
    let lowered = Command::new("prlimit")
        .args([&format!("--pid={}", server.pid()), "--nofile=60"])
        .output();
    require!(
        lowered.is_ok_and(|output| output.status.success()),
        "no prlimit to lower the limit of a running process"
    );
    let mut client = server.client();
    let _others: Vec<_> = (0..28).map(|_| server.client()).collect();
    let error = fix(&mut client, "APPLY limit.clients").error_text();
    assert!(
        error.contains("clients are connected, so with maxclients 28 nobody could connect any more; nothing was changed"),
        "{error}"
    );
    let plan = fix(&mut client, "limit.clients").texts().join(" ");
    assert!(plan.contains("  not now    "), "{plan}");
    assert_eq!(
        client.call(["CONFIG", "GET", "maxclients"]).texts()[1],
        "100"
    );
}
