//! Tests of what bars a step.

use super::*;
use crate::audit::checks::sample;
use crate::audit::facts::{Fact, Sentinel};

/// A server whose gate denies these commands to the default user, who could run them else.
fn denying(names: &[&str]) -> Facts {
    let mut facts = sample::hardened();
    for name in names {
        sample::open_command(&mut facts, name, "default");
        sample::verdict(&mut facts, name, GateVerdict::Denied("r".to_owned()));
    }
    facts
}

fn past(facts: &Facts, steps: &[&str]) -> Vec<String> {
    let mut steps: Vec<String> = steps.iter().map(|step| (*step).to_owned()).collect();
    past_the_gate(facts, &mut steps);
    let once = steps.clone();
    past_the_gate(facts, &mut steps);
    assert_eq!(steps, once, "twice is once");
    steps
}

const OPEN_ACL: &str = "redis-cli SECGATE ALLOW acl id=acl-for-now at=first   # the gate denies it, and the next lines need it";
const CLOSE_ACL: &str = "redis-cli SECGATE DEL acl-for-now";

#[test]
fn steps_that_call_acl_are_let_past_the_gate_only_where_it_denies_acl() {
    let mut facts = sample::hardened();
    let step = "redis-cli ACL SAVE";
    sample::open_command(&mut facts, "acl", "default");
    assert_eq!(past(&facts, &[step]), [step]);
    let facts = denying(&["acl"]);
    assert_eq!(past(&facts, &[step]), [OPEN_ACL, step, CLOSE_ACL]);
    assert!(past(&facts, &[]).is_empty());
    let others = ["redis-cli INFO", "# ACL SAVE", "redis-cli SECGATE DENY acl"];
    assert_eq!(past(&facts, &others), others);
}

#[test]
fn only_the_steps_from_the_first_to_the_last_that_need_it_are_let_past() {
    let facts = denying(&["acl"]);
    let steps = [
        "redis-cli INFO",
        "redis-cli ACL LIST",
        "ls",
        "redis-cli ACL SAVE",
        "rm x",
    ];
    let past = past(&facts, &steps);
    assert_eq!(past.get(1).map(String::as_str), Some(OPEN_ACL));
    assert_eq!(past.get(5).map(String::as_str), Some(CLOSE_ACL));
    assert_eq!(past.len(), 7);
}

#[test]
fn config_is_let_past_as_acl_is() {
    let facts = denying(&["config"]);
    let steps = [
        "redis-cli -p 7 CONFIG SET timeout 60",
        "redis-cli -p 7 CONFIG REWRITE",
    ];
    let told = past(&facts, &steps);
    assert_eq!(
        told.first().map(String::as_str),
        Some(
            "redis-cli -p 7 SECGATE ALLOW config id=config-for-now at=first   # the gate denies it, and the next lines \
             need it"
        )
    );
    assert_eq!(
        told.last().map(String::as_str),
        Some("redis-cli -p 7 SECGATE DEL config-for-now")
    );
    let facts = denying(&["acl", "config"]);
    let told = past(
        &facts,
        &["redis-cli ACL SETUSER a off", "redis-cli CONFIG REWRITE"],
    );
    assert!(
        told.concat().contains(
            "ALLOW acl config id=acl-and-config-for-now at=first   # the gate denies them"
        ),
        "{told:?}"
    );
    assert_eq!(told.len(), 4);
}

#[test]
fn acl_setuser_that_is_denied_alone_bars_what_changes_users() {
    let mut facts = denying(&[SETUSER]);
    sample::open_command(&mut facts, "acl", "default");
    sample::verdict(&mut facts, "acl", GateVerdict::Partly("r".to_owned()));
    let step = "redis-cli ACL SETUSER app resetpass";
    assert_eq!(past(&facts, &[step]), [OPEN_ACL, step, CLOSE_ACL]);
    let step = "redis-cli ACL LIST";
    assert_eq!(past(&facts, &[step]), [step]);
}

#[test]
fn a_policy_is_never_saved_with_what_holds_for_a_few_steps() {
    let facts = denying(&["acl"]);
    let steps = [
        "redis-cli ACL SETUSER admin on +@all",
        "redis-cli SECGATE ADMINISTRATORS admin",
        "redis-cli SECGATE SAVE",
        "export REDISCLI_AUTH=\"$(cat admin.password)\"",
        "redis-cli --user admin ACL SETUSER default off",
        "redis-cli --user admin ACL SAVE",
    ];
    let told = past(&facts, &steps);
    let place = |part: &str, nth: usize| {
        let mut places = told
            .iter()
            .enumerate()
            .filter(|(_, step)| step.contains(part));
        places.nth(nth).map(|(place, _)| place)
    };
    assert!(
        place("SECGATE DEL", 0) < place("SECGATE SAVE", 0),
        "{told:#?}"
    );
    assert!(place("SECGATE ALLOW", 1) > place("REDISCLI_AUTH", 0));
    assert!(
        told.last()
            .is_some_and(|step| step == "redis-cli --user admin SECGATE DEL acl-for-now")
    );
}

#[test]
fn a_new_password_is_known_to_the_shell_before_the_statement_goes() {
    let facts = denying(&["config"]);
    let steps = [
        "redis-cli -x CONFIG SET requirepass < redis.password",
        "export REDISCLI_AUTH=\"$(cat redis.password)\"; redis-cli ACL SAVE",
    ];
    let told = past(&facts, &steps);
    assert_eq!(
        told.last().map(String::as_str),
        Some("redis-cli SECGATE DEL config-for-now")
    );
    assert_eq!(told.len(), 4);
}

#[test]
fn where_the_gate_knows_who_calls_it_lets_nobody_else_through() {
    let mut facts = denying(&["acl"]);
    facts.gate.capabilities = vec![("caller-identity", true)];
    let open = |steps: &[&str]| past(&facts, steps).swap_remove(0);
    assert!(open(&["redis-cli ACL SAVE"]).contains("ALLOW acl user=default id="));
    // Who is not there yet is made by these steps.
    let told = open(&[
        "redis-cli ACL SETUSER 'a,b' on",
        "redis-cli --user 'a,b' ACL SAVE",
    ]);
    assert!(
        told.contains("ALLOW acl user='a\\,b,default' id="),
        "{told}"
    );
    let told = open(&["redis-cli --user $'\\xff' ACL SAVE"]);
    assert!(told.contains("ALLOW acl id="), "{told}");
    // Who could not take the steps by the ACL either stands for somebody else.
    sample::add_user(&mut facts, "ops", false);
    sample::open_command(&mut facts, "acl", "ops");
    sample::verdict(&mut facts, "acl", GateVerdict::Denied("r".to_owned()));
    if let Fact::Known(access) = &mut sample::command(&mut facts, "acl").access {
        access
            .iter_mut()
            .for_each(|access| access.acl = access.user == b"ops");
    }
    let told = past(&facts, &["redis-cli ACL SAVE"]).swap_remove(0);
    assert!(told.contains("ALLOW acl id="), "{told}");
}

#[test]
fn who_can_take_the_steps_is_named_where_the_gate_spares_somebody() {
    let mut facts = denying(&["acl"]);
    sample::add_user(&mut facts, "ops", false);
    sample::open_command(&mut facts, "acl", "ops");
    let step = "redis-cli ACL SAVE";
    assert_eq!(
        past(&facts, &[step]),
        [
            "# the gate denies ACL to user default: take the steps that call it as one of these (redis-cli --user): ops",
            step
        ]
    );
    let step = "redis-cli --user ops ACL SAVE";
    assert_eq!(past(&facts, &[step]), [step]);
    // A Sentinel takes no steps.
    facts.sentinels = Fact::Known(vec![Sentinel {
        user: b"ops".to_vec(),
        alone: true,
    }]);
    assert_eq!(past(&facts, &["redis-cli ACL SAVE"]).len(), 3);
}

#[test]
fn a_server_that_moves_is_looked_for_where_it_is() {
    let facts = denying(&["config"]);
    let told = past(&facts, &["redis-cli CONFIG SET port 26380"]);
    assert!(
        told.last()
            .is_some_and(|step| step.ends_with("# at the address where the server is now"))
    );
}

#[test]
fn every_step_of_every_check_is_past_a_gate_that_denies_acl_and_config() {
    let mut facts = sample::wide_open();
    facts.gate.mode = "enforce";
    for name in ["acl", SETUSER, CONFIG] {
        sample::verdict(&mut facts, name, GateVerdict::Denied("r".to_owned()));
    }
    let report = crate::audit::run(&facts);
    let mut lifted = 0;
    for finding in &report.findings {
        assert!(
            planned(&facts, &finding.steps)
                .iter()
                .all(|step| step.needs.is_empty()),
            "{}: {:#?}",
            finding.meta.id,
            finding.steps
        );
        lifted += usize::from(finding.steps.iter().any(|step| step.contains(FOR_NOW)));
    }
    assert!(lifted > 8, "{lifted}");
}
