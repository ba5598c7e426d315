//! Tests of who can run what.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::super::twin::{self, Twin, text};
use super::super::{settings, users};
use super::*;
use crate::audit::command_names;

fn collected(twin: &Twin, file: &ConfigFile) -> Commands {
    let settings = settings::read(twin, file);
    let users = users::read(twin, file, &settings);
    let names: Vec<&str> = command_names::all().collect();
    read(twin, &names, file, &settings, &users)
}

fn access(twin: &Twin, name: &str) -> Vec<(String, bool, GateVerdict)> {
    let commands = collected(twin, &ConfigFile::default());
    let command = commands
        .access
        .into_iter()
        .find(|command| command.name == name)
        .unwrap();
    let access = command.access.known().unwrap().clone();
    let shown = |access: UserAccess| {
        (
            String::from_utf8_lossy(&access.user).into_owned(),
            access.acl,
            access.gate,
        )
    };
    access.into_iter().map(shown).collect()
}

fn dry_run_says(answer: &str) -> Twin {
    Twin::redis_7().dry_runs("reader", answer)
}

#[test]
fn each_enabled_user_is_asked_about_by_dryrun() {
    let found = access(&Twin::redis_7(), "flushall");
    assert_eq!(
        found,
        [
            ("default".to_owned(), true, GateVerdict::Pass),
            ("reader".to_owned(), false, GateVerdict::Pass),
        ]
    );
}

#[test]
fn a_denied_key_or_channel_still_leaves_the_command_reachable() {
    for answer in [
        "This user has no permissions to access the 'k' key",
        "User reader has no permissions to access one or more keys used as arguments",
        "User reader has no permissions to access the 'c' channel",
    ] {
        assert!(
            access(&dry_run_says(answer), "del")
                .iter()
                .all(|(_, acl, _)| *acl),
            "{answer}"
        );
    }
    let denied = "User reader has no permissions to run the 'del' command";
    assert!(
        access(&dry_run_says(denied), "del")
            .iter()
            .any(|(_, acl, _)| !acl)
    );
}

#[test]
fn an_answer_that_is_not_understood_is_unknown() {
    let commands = collected(&dry_run_says("ERR something new"), &ConfigFile::default());
    let del = commands.access.iter().find(|command| command.name == "del");
    assert!(del.unwrap().access.known().is_err());
    assert!(commands.writers.known().is_err());
}

#[test]
fn calls_without_keys_need_no_dryrun() {
    let found = access(&dry_run_says("ERR something new"), "flushall");
    assert!(found.iter().any(|(user, acl, _)| user == "reader" && !acl));
}

#[test]
fn a_denied_database_leaves_all_reachable_but_what_wants_every_database() {
    let database = "User reader has no permissions to access database flushdb";
    let twin = dry_run_says(database).has_rules("reader", "on nopass ~* &* db=3 -@all +@all");
    let reader = |name: &str| {
        let found = access(&twin, name);
        found
            .into_iter()
            .any(|(user, acl, _)| user == "reader" && acl)
    };
    assert!(reader("flushdb"));
    assert!(reader("eval"));
    assert!(!reader("flushall"));
}

#[test]
fn the_gates_verdicts_on_all_calls_make_one() {
    let denied = || GateVerdict::Denied("r1".to_owned());
    assert_eq!(one_verdict(vec![]), GateVerdict::Pass);
    assert_eq!(one_verdict(vec![denied(), denied()]), denied());
    assert_eq!(
        one_verdict(vec![denied(), GateVerdict::Pass]),
        GateVerdict::Partly("r1".to_owned())
    );
    assert_eq!(
        one_verdict(vec![GateVerdict::Pass, GateVerdict::Pass]),
        GateVerdict::Pass
    );
    let partly = GateVerdict::Partly("r2".to_owned());
    assert_eq!(one_verdict(vec![partly.clone(), GateVerdict::Pass]), partly);
    let renamed = GateVerdict::Renamed("r3".to_owned());
    assert_eq!(one_verdict(vec![renamed.clone()]), renamed);
}

#[test]
fn a_command_denied_by_the_gate_says_so() {
    let twin = Twin::redis_7().gate("flushall", GateVerdict::Denied("no-flush".to_owned()));
    let found = access(&twin, "flushall");
    assert!(
        found
            .iter()
            .any(|(_, _, gate)| *gate == GateVerdict::Denied("no-flush".to_owned()))
    );
}

#[test]
fn users_of_the_same_rights_are_asked_about_once() {
    let lines = (0..3000).map(|n| text(&format!("user u{n} on #aa ~{n} &* +@all")));
    let twin = Twin::redis_7().answers(&["acl", "list"], Reply::Array(lines.collect()));
    let commands = collected(&twin, &ConfigFile::default());
    let flushall = commands
        .access
        .iter()
        .find(|command| command.name == "flushall")
        .unwrap();
    assert_eq!(flushall.access.known().unwrap().len(), 3000);
}

#[test]
fn users_of_different_rights_are_all_asked_about() {
    let lines = (0..3000).map(|n| text(&format!("user u{n} on #aa ~* &* -@all +@read +c{n}")));
    let twin = Twin::redis_7().answers(&["acl", "list"], Reply::Array(lines.collect()));
    assert_eq!(access(&twin, "flushall").len(), 3000);
}

#[test]
fn what_is_not_asked_for_lack_of_time_is_unknown_and_not_fine() {
    let lines = (0..3000).map(|n| text(&format!("user u{n} on #aa ~* &* -@all +@read +c{n}")));
    let twin = Twin::redis_7()
        .answers(&["acl", "list"], Reply::Array(lines.collect()))
        .has_time_for(10_000);
    let commands = collected(&twin, &ConfigFile::default());
    for command in &commands.access {
        assert_eq!(command.access.known(), Err(twin::LATE), "{}", command.name);
    }
    assert_eq!(commands.writers.known(), Err(twin::LATE));
}

#[test]
fn without_acl_the_api_is_asked_and_a_no_with_keys_is_no_answer() {
    let mut file = ConfigFile::default();
    file.renames.insert(b"acl".to_vec(), Vec::new());
    let twin = Twin::redis_7()
        .remove("acl")
        .has_rules("default", "on nopass ~* &* +@all")
        .api_allows("flushall");
    let commands = collected(&twin, &file);
    let acl = |name: &str| {
        let command = commands
            .access
            .iter()
            .find(|command| command.name == name)
            .unwrap();
        command
            .access
            .known()
            .map(|access| access.iter().any(|access| access.acl))
            .map_err(str::to_owned)
    };
    assert_eq!(acl("flushall"), Ok(true));
    assert_eq!(acl("shutdown"), Ok(false));
    assert!(acl("del").unwrap_err().contains("denied key"));
}

#[test]
fn writers_are_those_who_may_write_anything() {
    assert_eq!(
        collected(&Twin::redis_7(), &ConfigFile::default()).writers,
        Fact::Known(vec![b"default".to_vec()])
    );
}

#[test]
fn rights_that_cannot_grant_a_command_need_no_question() {
    let denied = |rights: &str| is_never_granted(rights.as_bytes(), &[b"config", b"get"]);
    assert!(denied(" -@all +get +set"));
    for rights in [
        "",
        " -@all +config|get",
        " -@all +CONFIG",
        " -@all +@read",
        " -@all (+@write ~x)",
        " -@all (~x +config)",
        " allcommands",
    ] {
        assert!(!denied(rights), "{rights}");
    }
}
