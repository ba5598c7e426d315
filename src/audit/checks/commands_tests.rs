//! Tests of the command checks.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::audit::checks::sample::{self, fails, passes, unknown};
use crate::audit::facts::{Fact, GateVerdict, Standing, Through};

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

#[test]
fn acl_steps_come_before_the_deny_that_bars_acl() {
    let mut facts = sample::hardened();
    for name in ["keys", "sync", "acl"] {
        sample::open_command(&mut facts, name, "default");
    }
    let place = |facts: &Facts, part: &str| {
        let steps = fails(&Dangerous, facts).steps;
        steps.iter().position(|step| step.contains(part))
    };
    assert!(place(&facts, "ACL SETUSER") < place(&facts, "SECGATE DENY"));
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

#[test]
fn what_acl_takes_is_kept_over_a_restart_and_users_beyond_the_first_are_counted() {
    let mut facts = sample::hardened();
    for number in 1..=7 {
        let name = format!("app{number}");
        sample::add_user(&mut facts, &name, false);
        sample::open_command(&mut facts, "psync", &name);
        sample::open_command(&mut facts, "del", &name);
    }
    for (check, minus) in [(&Dangerous as &dyn Check, "-psync"), (&DataLoss, "-del")] {
        let steps = fails(check, &facts).steps;
        let place = |part: &str| steps.iter().position(|step| step.contains(part));
        assert!(
            place("ACL SETUSER app5 ") < place("# and likewise for 2 more"),
            "{steps:#?}"
        );
        assert!(place("ACL SETUSER app6 ").is_none(), "{steps:#?}");
        assert!(
            place("# and likewise") < place("redis-cli CONFIG REWRITE"),
            "{steps:#?}"
        );
        assert!(place(minus) < place("# and likewise"), "{steps:#?}");
    }
    sample::set(&mut facts, "aclfile", "/etc/redis/users.acl");
    let steps = fails(&DataLoss, &facts).steps;
    assert_eq!(steps.last().unwrap(), "redis-cli ACL SAVE");
    // Where nothing is left for ACL to do there is nothing to keep.
    let mut facts = sample::hardened();
    sample::open_command(&mut facts, "keys", "default");
    let steps = fails(&Dangerous, &facts).steps.join("\n");
    assert!(!steps.contains("CONFIG REWRITE"), "{steps}");
}

#[test]
fn a_node_of_a_cluster_is_told_what_resharding_needs() {
    let mut facts = sample::hardened();
    sample::open_command(&mut facts, "keys", "default");
    let told = |facts: &Facts| {
        let failure = fails(&Dangerous, facts);
        let minds = failure.actions.iter().flat_map(Action::mind);
        let minds = minds.collect::<Vec<_>>().join("\n");
        [minds, failure.steps.join("\n")].map(|text| text.contains("resharding"))
    };
    sample::set(&mut facts, "cluster-enabled", "yes");
    assert_eq!(told(&facts), [false, false]);
    sample::open_command(&mut facts, "migrate", "default");
    assert_eq!(told(&facts), [true, true]);
    sample::set(&mut facts, "cluster-enabled", "no");
    assert_eq!(told(&facts), [false, false]);
}
