//! What PERSIST has written is what the server starts with: it is held against that from then on.

use super::persist::contains;
use super::{apply, fix, fix_json, setting};
use crate::harness::server::Server;
use crate::harness::skip::needs_module;

#[test]
fn after_a_first_persist_what_is_changed_is_still_told_from_what_is_not() {
    needs_module!();
    let mut server = Server::builder().config("acllog-max-len", "0").start();
    apply(&server, "log.acl-log PERSIST");
    // No line speaks of it, so the files alone do not tell.
    for (name, value) in [("timeout", "77"), ("acllog-max-len", "0")] {
        assert!(server.call(["CONFIG", "SET", name, value]).is_ok());
    }
    let error = fix(&mut server.client(), "APPLY log.acl-log PERSIST").error_text();
    contains(
        &error,
        &["besides this fix that differs: timeout 77, at the start 0;"],
    );
    assert!(server.call(["CONFIG", "SET", "timeout", "0"]).is_ok());
    apply(&server, "log.acl-log PERSIST");
    server.restart();
    assert_eq!(setting(&server, "acllog-max-len"), "128");
}

#[test]
fn what_the_command_line_says_again_at_the_next_start_is_not_said_to_be_kept() {
    needs_module!();
    let mut server = Server::builder().args(&["--acllog-max-len", "0"]).start();
    let done = fix_json(&mut server.client(), "APPLY log.acl-log PERSIST");
    assert_eq!(done["persist"][0]["result"], "failed", "{done:#}");
    let why = done["persist"][0]["error"].as_str().unwrap();
    contains(
        why,
        &[
            "a restart undoes",
            "acllog-max-len: the command line says 0 and counts",
        ],
    );
    server.restart();
    assert_eq!(setting(&server, "acllog-max-len"), "0");
}
