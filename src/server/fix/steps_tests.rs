//! Steps on a server in memory: each kind of action, a failing step in the middle, and what is kept.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use super::super::apply::{Wanted, do_all, keep};
use super::super::twin::{PASSWORD, Twin};
use super::*;
use crate::audit::fix::Statement;
use crate::audit::fix::applied::{Done, Kept};
use crate::audit::report::Verdict;

fn run(twin: &Twin, action: &Action) -> Result<Change, String> {
    Steps { act: twin }.run(action)
}

#[test]
fn a_setting_is_changed_and_shown_before_and_after() {
    let twin = Twin::new();
    let pairs = vec![
        ("bind".to_owned(), b"127.0.0.1 -::1".to_vec()),
        ("acllog-max-len".to_owned(), b"128".to_vec()),
    ];
    let change = run(&twin, &Action::Set(pairs)).unwrap();
    assert_eq!(change.before, ["bind 0.0.0.0", "acllog-max-len 0"]);
    assert_eq!(
        change.after,
        ["bind \"127.0.0.1 -::1\"", "acllog-max-len 128"]
    );
    assert_eq!(
        change.undo.as_deref(),
        Some("CONFIG SET bind 0.0.0.0 acllog-max-len 0")
    );
    assert_eq!(twin.setting("acllog-max-len"), "128");
}

#[test]
fn a_setting_that_is_a_secret_is_shown_nowhere() {
    let change = run(&Twin::new(), &Action::set("tls-key-file-pass", "hush")).unwrap();
    assert_eq!(change.before, ["tls-key-file-pass (not shown)"]);
    assert_eq!(change.after, change.before);
    assert_eq!(change.undo, None);
}

#[test]
fn the_server_is_given_the_hash_of_a_new_password_only() {
    let twin = Twin::new();
    let change = run(&twin, &Action::NewPassword).unwrap();
    assert_eq!(change.password.unwrap().reveal(), PASSWORD.as_bytes());
    assert_eq!(change.before, ["user default on nopass"]);
    assert_eq!(change.after, ["user default on, passwords: 1"]);
    assert!(!twin.calls.borrow().concat().contains(PASSWORD));
}

#[test]
fn without_acl_the_password_is_set_by_config() {
    let mut twin = Twin::new();
    twin.removed.push("acl");
    let change = run(&twin, &Action::NewPassword).unwrap();
    assert_eq!(twin.setting("requirepass"), PASSWORD);
    assert_eq!(change.undo.as_deref(), Some("CONFIG SET requirepass \"\""));
    assert_eq!(change.after, ["user default on, passwords: 1"]);
}

#[test]
fn statements_modes_and_permissions_say_what_takes_them_back() {
    let twin = Twin::new();
    let undo = |action: Action| run(&twin, &action).unwrap().undo.unwrap();
    assert_eq!(undo(statement("deny eval")), "SECGATE DEL r1");
    assert_eq!(undo(Action::GateMode("enforce")), "SECGATE MODE observe");
    let path = b"/var/lib/redis".to_vec();
    let mode = 0o600;
    assert_eq!(
        undo(Action::Permissions { path, mode }),
        "chmod 644 /var/lib/redis"
    );
}

#[test]
fn a_sockets_mode_lasts_until_the_next_start_and_that_is_said() {
    let path = b"/run/redis.sock".to_vec();
    let change = run(&Twin::new(), &Action::Permissions { path, mode: 0o600 }).unwrap();
    assert_eq!(change.before, ["0644 /run/redis.sock"]);
    assert!(change.after.concat().contains("until the next start"));
}

fn statement(line: &str) -> Action {
    Action::Statement(Statement {
        line: line.to_owned(),
        mind: Vec::new(),
    })
}

#[test]
fn a_statement_is_said_to_be_in_force_only_where_the_gate_enforces() {
    let twin = Twin::new();
    let after = || run(&twin, &statement("deny eval")).unwrap().after.concat();
    let observed = after();
    assert!(
        observed.contains("refuses nothing in mode observe"),
        "{observed}"
    );
    run(&twin, &Action::GateMode("enforce")).unwrap();
    assert_eq!(after(), "statement r2 is in force");
}

fn wanted(id: &'static str, actions: Vec<Action>) -> Wanted {
    Wanted {
        id,
        outcome: Verdict::Fail,
        actions,
    }
}

#[test]
fn the_first_step_that_fails_stops_all_that_follow_and_what_was_done_is_not_kept() {
    let mut twin = Twin::new();
    twin.fixed.push("dir");
    let all = [
        wanted("a", vec![Action::set("acllog-max-len", "128")]),
        wanted(
            "b",
            vec![Action::set("dir", "/x"), Action::set("bind", "::1")],
        ),
        wanted("c", vec![Action::NewPassword]),
    ];
    let steps = Steps { act: &twin };
    let done = do_all(&steps, &all);
    assert!(matches!(done[0][..], [Done::Yes(_)]));
    let [Done::Failed(why), Done::No] = &done[1][..] else {
        panic!("{done:?}");
    };
    assert_eq!(why, "ERR CONFIG SET failed: can't set dir");
    assert!(matches!(done[2][..], [Done::No]));
    assert_eq!(
        (
            twin.setting("acllog-max-len").as_str(),
            twin.setting("bind").as_str()
        ),
        ("128", "0.0.0.0")
    );
    assert_eq!(
        *twin.log.borrow(),
        [
            "a: CONFIG SET acllog-max-len 128",
            "b: a step failed: ERR CONFIG SET failed: can't set dir",
        ]
    );
    let kept = keep(&steps, &[Keep::Rewrite], &done, None);
    assert!(matches!(kept[..], [Kept { result: None, .. }]));
}

#[test]
fn keeping_stops_at_the_first_file_that_cannot_be_written() {
    let twin = Twin::new();
    let steps = Steps { act: &twin };
    let kept = keep(
        &steps,
        &[Keep::Rewrite, Keep::PolicySave, Keep::AclSave],
        &[],
        Some(b"/c"),
    );
    let results: Vec<_> = kept.iter().map(|kept| kept.result.clone()).collect();
    assert_eq!(
        results,
        [
            Some(Ok("/c".to_owned())),
            Some(Err("the disk is full".to_owned())),
            None
        ]
    );
}

#[test]
fn a_password_is_never_told_to_the_log() {
    let twin = Twin::new();
    let steps = Steps { act: &twin };
    do_all(
        &steps,
        &[wanted("auth.password", vec![Action::NewPassword])],
    );
    let log = twin.log.borrow().concat();
    assert!(
        log.starts_with("auth.password: ") && !log.contains(PASSWORD),
        "{log}"
    );
}
