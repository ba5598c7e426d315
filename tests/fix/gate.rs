//! Fixes by the gate: statements and the mode, for everybody but the named administrators, kept by SECGATE SAVE.

use super::persist::contains;
use super::{apply, fix, fix_json};
use crate::harness::builder::POLICY_NAME;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::version;
use std::fs;

#[test]
fn a_statement_closes_the_commands_and_del_opens_them_again() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    let done = fix_json(&mut client, "APPLY cmd.scripting");
    let check = &done["checks"][0];
    assert_eq!(check["outcome"], "pass", "{done:#}");
    let step = &check["steps"][0];
    assert!(
        step["does"]
            .as_str()
            .unwrap()
            .starts_with("SECGATE PROFILE scripting ADD"),
        "{step:#}"
    );
    let script = ["EVAL", "return 1", "0"];
    assert!(client.call(script).is_error());
    let undo = step["undo"].as_str().unwrap();
    assert_eq!(
        step["after"],
        format!("statement {} is in force", &undo["SECGATE DEL ".len()..])
    );
    assert_eq!(client.call(undo.split(' ')).int(), 1);
    assert_eq!(client.call(script).int(), 1);
    server.wait_for_log("policy changed by user default from 127.0.0.1");
}

#[test]
fn after_commands_are_denied_to_the_caller_too_the_next_fix_still_goes_through() {
    needs_module!();
    let server = Server::builder().config("acllog-max-len", "0").start();
    let mut client = server.client();
    let done = fix_json(&mut client, "APPLY cmd.dangerous log.acl-log");
    assert_eq!(done["complete"], true, "{done:#}");
    assert!(client.call(["CONFIG", "GET", "acllog-max-len"]).is_error());
    assert!(client.call(["FLUSHALL"]).is_error());
    assert_eq!(done["checks"][1]["outcome"], "pass");
    let again = fix_json(&mut client, "APPLY auth.password");
    assert_eq!(again["complete"], true, "{again:#}");
}

#[test]
fn named_administrators_keep_what_others_lose() {
    needs_module!();
    require!(
        version::under_test().tells_filters_who_calls(),
        "this server does not tell a filter who is calling"
    );
    let server = Server::builder()
        .config("user", "ops on >pw ~* &* +@all")
        .config("user", "app on >pw ~* &* +@all")
        .policy("administrators ops id=us\n")
        .start();
    let mut ops = server.client();
    ops.auth("ops", "pw");
    assert!(!fix(&mut ops, "APPLY cmd.dangerous").is_error());
    let mut app = server.client();
    app.auth("app", "pw");
    assert!(app.call(["FLUSHALL"]).is_error());
    assert!(ops.call(["FLUSHALL"]).is_ok());
}

#[test]
fn the_gate_is_made_to_enforce_and_kept_in_its_file() {
    needs_module!();
    let mut server = Server::builder()
        .policy("mode observe\ndeny flushall id=no-flush\n")
        .start();
    let done = apply(&server, "cmd.gate PERSIST");
    let step = &done["checks"][0]["steps"][0];
    assert_eq!(
        (&step["before"], &step["after"]),
        (&"mode observe".into(), &"mode enforce".into())
    );
    assert_eq!(step["undo"], "SECGATE MODE observe");
    assert_eq!(done["persist"][0]["by"], "SECGATE SAVE");
    let file = done["persist"][0]["file"].as_str().unwrap().to_owned();
    assert!(fs::read_to_string(file).unwrap().contains("mode enforce"));
    server.restart();
    assert!(server.call(["FLUSHALL"]).error_text().contains("no-flush"));
}

#[test]
fn what_waits_in_the_policy_file_and_what_was_never_saved_is_not_written_along() {
    needs_module!();
    let own = "mode observe\ndeny flushall id=no-flush\n";
    let server = Server::builder().policy(own).start();
    let file = server.dir().join(POLICY_NAME);
    let refused = |parts: &[&str]| {
        let before = fs::read_to_string(&file).ok();
        let error = fix(&mut server.client(), "APPLY cmd.gate PERSIST").error_text();
        contains(
            &error,
            &["PERSIST is refused: SECGATE SAVE ", "; nothing was changed"],
        );
        contains(&error, parts);
        assert_eq!(fs::read_to_string(&file).ok(), before);
    };
    assert!(
        !server
            .call(["SECGATE", "ALLOW", "flushall", "id=guest", "at=first"])
            .is_error()
    );
    refused(&["statement guest is in force and not in the file"]);
    assert_eq!(server.call(["SECGATE", "DEL", "guest"]).int(), 1);
    fs::write(
        &file,
        "mode observe\ndeny flushall flushdb id=no-flush\ndeny eval id=waits\n",
    )
    .unwrap();
    refused(&[
        "statement waits is in the file and not in force",
        "statement no-flush is another one",
    ]);
    fs::write(&file, "mode off\ndeny flushall id=no-flush\n").unwrap();
    refused(&["mode observe is in force, the file says off"]);
    fs::write(&file, "deny no-such-command\n").unwrap();
    refused(&["no-such-command"]);
    fs::remove_file(&file).unwrap();
    refused(&["statement no-flush is in force and not in the file"]);
    assert!(server.call(["SECGATE", "SAVE"]).is_ok());
    apply(&server, "cmd.gate PERSIST");
    assert!(fs::read_to_string(&file).unwrap().contains("mode enforce"));
}

#[test]
fn without_a_policy_file_persist_of_a_statement_is_refused() {
    needs_module!();
    let server = Server::start();
    let error = fix(&mut server.client(), "APPLY cmd.scripting PERSIST").error_text();
    assert!(
        error.contains("there is no policy file") && error.contains("nothing was changed"),
        "{error}"
    );
    assert_eq!(server.call(["SECGATE", "LIST"]).texts().len(), 2);
}

#[test]
fn who_may_not_change_the_gate_gets_no_statement() {
    needs_module!();
    let server = Server::builder()
        .config("user", "tuner on >pw -@all +secaudit +config +acl|setuser")
        .start();
    let mut client = server.client();
    client.auth("tuner", "pw");
    let error = fix(&mut client, "APPLY cmd.dangerous").error_text();
    assert!(
        error.contains("user 'tuner' may not run SECGATE DENY"),
        "{error}"
    );
    assert_eq!(server.call(["SECGATE", "LIST"]).texts().len(), 2);
}

#[test]
fn a_named_administrator_who_needs_no_password_loses_it_as_all_do() {
    needs_module!();
    require!(
        version::under_test().tells_filters_who_calls(),
        "this server does not tell a filter who is calling"
    );
    let server = Server::builder()
        .config("user", "ops on nopass ~* &* +@all -sync -psync")
        .config("user", "ops-2 on >pw ~* &* +@all")
        .config("user", "default on nopass ~* &* +@all -sync -psync")
        .policy("administrators ops*\n")
        .start();
    let done = apply(&server, "cmd.dangerous");
    assert_eq!(done["checks"][0]["outcome"], "pass", "{done:#}");
    let mut ops = server.client();
    assert!(ops.auth("ops", "anything").is_ok());
    assert!(ops.call(["FLUSHALL"]).is_error());
    assert!(ops.auth("ops-2", "pw").is_ok());
    assert!(ops.call(["FLUSHALL"]).is_ok());
    let before = server.call(["SECGATE", "LIST"]).texts().len();
    apply(&server, "cmd.dangerous");
    assert_eq!(server.call(["SECGATE", "LIST"]).texts().len(), before);
}
