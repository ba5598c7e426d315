//! Tests of the command checks.
#![allow(clippy::panic, reason = "a test may panic")]

use super::*;
use crate::audit::checks::sample::{self, fails, passes, unknown};
use crate::audit::facts::{Fact, GateVerdict, Sentinel, Standing, Through};

#[test]
fn an_open_server_fails_and_says_to_whom_each_command_is_open() {
    let failure = fails(&Dangerous, &sample::wide_open());
    let first = failure.actual.first().cloned().unwrap_or_default();
    assert!(
        first.starts_with("open to default, guest, app, web: flushdb flushall keys config"),
        "{first}"
    );
    assert!(
        failure
            .steps
            .iter()
            .any(|step| step.contains("SECGATE DENY flushdb flushall keys shutdown"))
    );
    assert!(
        failure
            .steps
            .iter()
            .any(|step| step.contains("'cluster|reset'"))
    );
}

#[test]
fn a_server_where_each_is_closed_in_some_way_passes_and_shows_the_ways() {
    let mut facts = sample::hardened();
    sample::command(&mut facts, "keys").standing = Fact::Known(Standing::Removed);
    sample::command(&mut facts, "save").standing = Fact::Known(Standing::Renamed);
    let actual = passes(&Dangerous, &facts).join("\n");
    assert!(actual.contains("removed in redis.conf: keys"), "{actual}");
    assert!(actual.contains("renamed in redis.conf: save"), "{actual}");
    assert!(actual.contains("ACL bars every user: flushdb"), "{actual}");
}

#[test]
fn one_open_command_is_enough_to_fail() {
    for name in DANGEROUS {
        let mut facts = sample::hardened();
        sample::open_command(&mut facts, name, "default");
        let failure = fails(&Dangerous, &facts);
        assert_eq!(
            failure.actual.first().map(String::as_str),
            Some(format!("open to default: {name}").as_str())
        );
        assert!(!failure.steps.is_empty(), "{name}");
    }
}

#[test]
fn the_gate_closes_a_command_for_good_but_not_in_part() {
    let mut facts = sample::hardened();
    sample::open_command(&mut facts, "flushall", "default");
    sample::verdict(
        &mut facts,
        "flushall",
        GateVerdict::Denied("no-flush".to_owned()),
    );
    let actual = passes(&Dangerous, &facts).join("\n");
    assert!(
        actual.contains("denied by the gate (rule no-flush): flushall"),
        "{actual}"
    );
    sample::verdict(
        &mut facts,
        "flushall",
        GateVerdict::Partly("no-flush".to_owned()),
    );
    fails(&Dangerous, &facts);
}

#[test]
fn a_command_that_is_unknown_is_not_passed() {
    let mut facts = sample::hardened();
    sample::command(&mut facts, "flushall").standing =
        Fact::Unavailable("COMMAND is renamed".to_owned());
    assert_eq!(unknown(&Dangerous, &facts), "COMMAND is renamed");
    sample::open_command(&mut facts, "keys", "default");
    let actual = fails(&Dangerous, &facts).actual.join("\n");
    assert!(
        actual.contains("unknown (COMMAND is renamed): flushall"),
        "{actual}"
    );
    facts.commands.clear();
    unknown(&Dangerous, &facts);
}

#[test]
fn a_user_name_of_odd_bytes_is_shown_escaped() {
    let mut facts = sample::hardened();
    sample::open_command(&mut facts, "keys", "a\nb");
    let failure = fails(&Dangerous, &facts);
    assert_eq!(
        failure.actual.first().map(String::as_str),
        Some("open to a\\nb: keys")
    );
}

#[test]
fn config_fails_under_its_own_name_and_passes_renamed_or_removed() {
    let mut facts = sample::wide_open();
    assert_eq!(
        fails(&Config, &facts).actual,
        ["open to default, guest, app, web: config"]
    );
    for standing in [Standing::Renamed, Standing::Removed] {
        sample::command(&mut facts, "config").standing = Fact::Known(standing);
        passes(&Config, &facts);
    }
    sample::command(&mut facts, "config").standing = Fact::Known(Standing::Own);
    sample::verdict(&mut facts, "config", GateVerdict::Renamed("cfg".to_owned()));
    assert_eq!(passes(&Config, &facts), ["renamed by the gate: config"]);
    sample::command(&mut facts, "config").access = Fact::Unavailable("too many users".to_owned());
    assert_eq!(unknown(&Config, &facts), "too many users");
}

#[test]
fn deleting_informs_for_readers_and_for_users_without_limits() {
    let actual = fails(&DataLoss, &sample::wide_open()).actual.join("\n");
    assert!(
        actual.contains("not limited to what an application needs: default, guest"),
        "{actual}"
    );
    let mut facts = sample::hardened();
    sample::open_command(&mut facts, "del", "reporter");
    let failure = fails(&DataLoss, &facts);
    assert!(
        failure
            .actual
            .contains(&"only reads otherwise: reporter".to_owned()),
        "{:?}",
        failure.actual
    );
    assert!(
        failure
            .steps
            .iter()
            .any(|step| step.contains("ACL SETUSER reporter -del -pexpire"))
    );
}

#[test]
fn deleting_is_fine_for_an_application_that_writes() {
    let mut facts = sample::hardened();
    sample::open_command(&mut facts, "del", "app");
    facts.writers = Fact::Known(vec![b"app".to_vec()]);
    passes(&DataLoss, &facts);
    sample::open_command(&mut facts, "shutdown", "app");
    fails(&DataLoss, &facts);
    facts.writers = Fact::Unavailable("ACL is renamed".to_owned());
    assert_eq!(unknown(&DataLoss, &facts), "ACL is renamed");
}

/// What SECAUDIT FIX would do, a line for each action.
fn does(failure: &Failure) -> Vec<String> {
    failure.actions.iter().map(Action::does).collect()
}

fn minds(failure: &Failure) -> String {
    let minds = failure.actions.iter().flat_map(Action::mind);
    minds.collect::<Vec<_>>().join("\n")
}

/// A server that a Sentinel watches as this user, who can run some dangerous commands as default can.
fn watched_as(user: &str) -> Facts {
    let mut facts = sample::hardened();
    facts.gate.capabilities = vec![("caller-identity", true)];
    sample::add_user(&mut facts, "watch", false);
    for name in ["keys", "config", "replicaof", "slaveof", "sync"] {
        sample::open_command(&mut facts, name, "default");
        sample::open_command(&mut facts, name, "watch");
    }
    facts.sentinels = Fact::Known(vec![Sentinel {
        user: user.as_bytes().to_vec(),
        alone: user == "watch",
    }]);
    facts
}

#[test]
fn a_sentinels_own_user_keeps_what_a_failover_needs() {
    let failure = fails(&Dangerous, &watched_as("watch"));
    assert_eq!(
        does(&failure),
        [
            "SECGATE DENY keys id=no-dangerous",
            "SECGATE DENY config replicaof slaveof user=!watch id=sentinel-only"
        ]
    );
    assert!(minds(&failure).contains("watch keeps config replicaof slaveof"));
    let steps = failure.steps.join("\n");
    assert!(
        steps.contains("SECGATE DENY config replicaof slaveof 'user=!watch' id=sentinel-only"),
        "{steps}"
    );
    assert!(steps.contains("SECGATE ADMINISTRATORS watch "), "{steps}");
    assert!(!steps.contains("RENAME"), "{steps}");
    let failure = fails(&Config, &watched_as("watch"));
    assert_eq!(
        does(&failure),
        ["SECGATE DENY config user=!watch id=no-config"]
    );
}

#[test]
fn what_a_sentinel_keeps_that_is_not_told_from_others_stays_open_and_gets_new_names_by_hand() {
    let failure = fails(&Dangerous, &watched_as("default"));
    assert_eq!(does(&failure), ["SECGATE DENY keys id=no-dangerous"]);
    let minds = minds(&failure);
    assert!(
        minds.contains("config replicaof slaveof stay open") && minds.contains("as user default"),
        "{minds}"
    );
    let steps = failure.steps.join("\n");
    for name in ["config", "replicaof", "slaveof"] {
        assert!(
            steps.contains(&format!("SECGATE RENAME {name} ")),
            "{steps}"
        );
    }
    assert!(!steps.contains("DENY config"), "{steps}");
    assert!(does(&fails(&Config, &watched_as("default"))).is_empty());
}

#[test]
fn without_a_sentinel_all_are_denied_and_what_a_later_one_needs_is_said() {
    let mut facts = watched_as("watch");
    facts.sentinels = Fact::Known(Vec::new());
    for check in [&Dangerous as &dyn Check, &Config] {
        let failure = fails(check, &facts);
        let [denied] = &does(&failure)[..] else {
            panic!("{:?}", failure.actions);
        };
        assert!(denied.contains(" config "), "{denied}");
        assert!(minds(&failure).contains("one that comes later cannot fail over without config"));
    }
}

#[test]
fn acl_steps_come_before_the_deny_that_bars_acl_and_are_let_past_one_that_does_already() {
    let mut facts = watched_as("watch");
    sample::open_command(&mut facts, "acl", "default");
    let place = |facts: &Facts, part: &str| {
        let steps = fails(&Dangerous, facts).steps;
        steps.iter().position(|step| step.contains(part))
    };
    assert!(place(&facts, "ACL SETUSER") < place(&facts, "SECGATE DENY"));
    assert_eq!(place(&facts, "SECGATE ALLOW acl"), None);
    sample::verdict(&mut facts, "acl", GateVerdict::Denied("r1".to_owned()));
    let lifted = place(&facts, "SECGATE ALLOW acl");
    assert!(lifted.is_some() && lifted < place(&facts, "ACL SETUSER"));
    assert!(place(&facts, "ACL SETUSER") < place(&facts, "SECGATE DEL acl-for-now"));
}

#[test]
fn where_only_the_mode_lets_calls_through_the_mode_is_all_that_is_to_do() {
    let mut facts = sample::hardened();
    facts.gate.mode = "observe";
    sample::open_command(&mut facts, "keys", "default");
    sample::through(&mut facts, "keys", Through::Mode);
    let failure = fails(&Dangerous, &facts);
    assert_eq!(failure.actions, []);
    let [mode, save, _] = &failure.steps[..] else {
        panic!("{:?}", failure.steps);
    };
    assert!(mode.contains("SECGATE MODE enforce") && save.contains("SECGATE SAVE"));
}
