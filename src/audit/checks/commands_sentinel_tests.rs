//! Tests of the command checks where a Sentinel watches the server.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::audit::checks::sample::{self, fails};
use crate::audit::facts::{Accepted, Fact, GateVerdict, Sentinel};
use crate::policy::Policy;
use crate::policy::resolve::tests::FewCommands;

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
fn a_sentinel_that_administers_has_config_denied_to_the_others_and_never_renamed() {
    let mut facts = watched_as("watch");
    let policy = Policy::read(b"administrators watch\n", &FewCommands).unwrap();
    facts.gate.accepted = Accepted::by(&policy);
    facts.administrators.insert(b"watch".to_vec());
    for (check, deny) in [
        (
            &Dangerous as &dyn Check,
            "redis-cli SECGATE DENY keys config replicaof slaveof user=!watch id=no-dangerous",
        ),
        (
            &Config,
            "redis-cli SECGATE DENY config user=!watch id=no-config",
        ),
    ] {
        let steps = fails(check, &facts).steps;
        assert!(
            steps.iter().any(|step| step.replace('\'', "") == deny),
            "{steps:#?}"
        );
        let steps = steps.join("\n");
        assert!(!steps.contains("RENAME"), "{steps}");
        assert!(!steps.contains("ADMINISTRATORS"), "{steps}");
    }
}

#[test]
fn a_sentinels_user_is_made_an_administrator_only_where_it_keeps_something() {
    let mut facts = sample::hardened();
    facts.gate.capabilities = vec![("caller-identity", true)];
    sample::add_user(&mut facts, "watch", false);
    facts.sentinels = watched_as("watch").sentinels;
    sample::open_command(&mut facts, "keys", "watch");
    sample::open_command(&mut facts, "config", "default");
    let steps = |facts: &Facts| fails(&Dangerous, facts).steps.join("\n");
    assert!(
        steps(&facts).contains("DENY config user=!watch")
            || steps(&facts).contains("DENY config 'user=!watch'")
    );
    assert!(
        !steps(&facts).contains("ADMINISTRATORS"),
        "{}",
        steps(&facts)
    );
    sample::open_command(&mut facts, "config", "watch");
    assert!(
        steps(&facts).contains("SECGATE ADMINISTRATORS watch   # if that is Sentinel's user"),
        "{}",
        steps(&facts)
    );
    assert!(
        steps(&facts).contains("no check then counts"),
        "{}",
        steps(&facts)
    );
    // What only Sentinel's user can run is left to it, and the audit must know.
    let Fact::Known(access) = &mut sample::command(&mut facts, "config").access else {
        panic!("access is not known");
    };
    access.first_mut().unwrap().gate = GateVerdict::Denied("sentinel-only".to_owned());
    assert!(!steps(&facts).contains("DENY config"), "{}", steps(&facts));
    assert!(
        steps(&facts).contains("ADMINISTRATORS watch"),
        "{}",
        steps(&facts)
    );
}

#[test]
fn new_names_are_chosen_once_and_told_to_sentinel_before_the_old_ones_go() {
    for check in [&Dangerous as &dyn Check, &Config] {
        let mut facts = watched_as("default");
        facts.gate.mode = "observe";
        facts.gate.ids.push("config-for-now".to_owned());
        let steps = fails(check, &facts).steps;
        let place = |part: &str| {
            let place = steps.iter().position(|step| step.contains(part));
            place.unwrap_or_else(|| panic!("{part} in {steps:#?}"))
        };
        let order = [
            "NEW_CONFIG=\"$(openssl rand -hex 12)\"; echo ",
            "redis-cli SECGATE ALIAS \"$NEW_CONFIG\" config id=config-for-now-2",
            "redis-cli SECGATE MODE enforce",
            "redis-cli SECGATE SAVE",
            "SENTINEL SET MASTER rename-command CONFIG \"$NEW_CONFIG\"",
            "SECGATE DEL config-for-now-2",
        ];
        let places = order.map(place);
        assert!(places.is_sorted(), "{steps:#?}");
        let last = steps.get(place("SECGATE DEL")).unwrap();
        assert!(
            last.starts_with("# ") && last.contains("\"SECGATE RENAME config $NEW_CONFIG\""),
            "{last}"
        );
        assert!(place("every node") < place("SECGATE ALIAS"), "{steps:#?}");
        let random = steps.iter().filter(|step| step.contains("openssl rand"));
        assert!(
            random.clone().all(|step| step.contains("=\"$(openssl")),
            "{steps:#?}"
        );
    }
    let steps = fails(&Dangerous, &watched_as("default")).steps.join("\n");
    for name in ["config", "replicaof", "slaveof"] {
        let told = format!("rename-command {} \"$NEW_{0}\"", name.to_uppercase());
        assert!(steps.contains(&told), "{steps}");
    }
}

#[test]
fn a_user_of_its_own_is_proposed_to_a_sentinel_only_where_the_gate_knows_who_calls() {
    let mut facts = watched_as("default");
    let proposed = |facts: &Facts| fails(&Config, facts).steps.join("\n").contains("auth-user");
    assert!(proposed(&facts));
    facts.gate.capabilities = vec![("caller-identity", false)];
    assert!(!proposed(&facts));
}

#[test]
fn where_it_is_not_known_whether_a_sentinel_is_connected_what_it_runs_stays_open() {
    let mut facts = watched_as("watch");
    facts.sentinels = Fact::Unavailable("CLIENT is hidden".to_owned());
    let failure = fails(&Dangerous, &facts);
    assert_eq!(does(&failure), ["SECGATE DENY keys id=no-dangerous"]);
    assert!(minds(&failure).contains("config replicaof slaveof stay open"));
    assert!(minds(&failure).contains("not known (CLIENT is hidden)"));
    assert!(does(&fails(&Config, &facts)).is_empty());
    let steps = fails(&Config, &facts).steps.join("\n");
    assert!(steps.contains("not known (CLIENT is hidden)"), "{steps}");
    assert!(
        steps.contains("where there is none: redis-cli SECGATE DENY config"),
        "{steps}"
    );
    assert!(steps.contains("SECGATE ALIAS"), "{steps}");
}
