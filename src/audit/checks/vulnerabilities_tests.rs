//! Tests of `ver.advisories`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::audit::checks::sample::{self, fails, passes, unknown};
use crate::audit::command_names;
use crate::audit::facts::{
    CommandAccess, Fact, GateVerdict, Package, Replication, Sentinel, Through, UserAccess,
};

/// A server of this version on which user default can run everything.
fn server(name: &str, version: &str) -> Facts {
    let mut facts = sample::hardened();
    facts.server.name = name.to_owned();
    facts.server.version = version.to_owned();
    let names = command_names::of_server(name, version);
    let command = |name| CommandAccess {
        name,
        standing: Fact::Known(Standing::Own),
        access: Fact::Known(vec![UserAccess {
            user: b"default".to_vec(),
            acl: true,
            whole: true,
            gate: GateVerdict::Pass,
            through: Through::NoRule,
        }]),
    };
    facts.commands = names.into_iter().map(command).collect();
    facts
}

fn deny(facts: &mut Facts, closing: &str) {
    for command in &mut facts.commands {
        let container = command.name.split('|').next().unwrap();
        let words: Vec<&str> = closing.split(' ').collect();
        if words.contains(&command.name) || words.contains(&container) {
            command.access = Fact::Known(vec![UserAccess {
                user: b"default".to_vec(),
                acl: true,
                whole: true,
                gate: GateVerdict::Denied("patch".to_owned()),
                through: Through::Mode,
            }]);
        }
    }
}

fn told<'a>(actual: &'a [String], id: &str) -> &'a str {
    actual
        .iter()
        .find(|line| line.contains(id))
        .map_or("", String::as_str)
}

#[test]
fn a_release_without_known_vulnerabilities_passes_and_an_older_one_fails_with_each() {
    passes(&Advisories, &server("redis", "8.2.9"));
    passes(&Advisories, &server("valkey", "9.1.2"));
    let failure = fails(&Advisories, &server("redis", "8.2.2"));
    assert_eq!(
        told(&failure.actual, "CVE-2025-62507"),
        "CVE-2025-62507: XACKDEL overflows the stack, which can run code; fixed in 8.2.3; closed by: deny xackdel"
    );
    assert!(
        told(&failure.actual, "CVE-2026-25243")
            .ends_with("fixed in 8.2.6; closed by: deny restore ...")
    );
    assert_eq!(told(&failure.actual, "CVE-2025-49844"), "");
    assert!(told(&failure.actual, "CVE-2026-23479").ends_with("; no rule closes it"));
}

#[test]
fn an_uncertain_row_says_so() {
    let failure = fails(&Advisories, &server("valkey", "8.1.0"));
    assert!(
        told(&failure.actual, "CVE-2025-32023").contains("fixed in 8.1.3 (inferred)"),
        "{failure:?}"
    );
    assert!(told(&failure.actual, "CVE-2025-21605").contains("fixed in 8.1.1 (not confirmed)"));
    assert!(told(&failure.actual, "CVE-2025-49844").contains("fixed in 8.1.4;"));
}

#[test]
fn what_nobody_can_reach_is_mitigated_and_said_so() {
    let mut facts = server("redis", "8.2.0");
    deny(&mut facts, "deny xackdel");
    let failure = fails(&Advisories, &facts);
    assert!(
        told(&failure.actual, "CVE-2025-62507")
            .starts_with("mitigated, denied by the gate (rule patch): CVE-2025-62507"),
        "{failure:?}"
    );
    assert!(
        !failure
            .actions
            .iter()
            .any(|action| format!("{action:?}").contains("xackdel"))
    );
    // One way in is enough to be within reach.
    let mut facts = server("redis", "8.2.0");
    deny(
        &mut facts,
        "deny eval evalsha eval_ro evalsha_ro fcall fcall_ro script",
    );
    assert!(!told(&fails(&Advisories, &facts).actual, "CVE-2025-49844").starts_with("mitigated"));
    deny(&mut facts, "deny function");
    assert!(told(&fails(&Advisories, &facts).actual, "CVE-2025-49844").starts_with("mitigated"));
}

#[test]
fn when_all_are_mitigated_it_passes_and_names_them() {
    let mut facts = server("valkey", "9.1.0");
    facts.server.version = "9.1.0".to_owned();
    sample::set(&mut facts, "tls-port", "0");
    let failure = fails(&Advisories, &facts);
    assert!(told(&failure.actual, "CVE-2026-56684").starts_with("mitigated, TLS is not in use"));
    deny(&mut facts, "deny restore restore-asking migrate");
    let actual = passes(&Advisories, &facts);
    assert!(
        actual
            .first()
            .unwrap()
            .contains("0 within reach, 2 mitigated, 0 unsure"),
        "{actual:?}"
    );
    sample::set(&mut facts, "tls-port", "6380");
    fails(&Advisories, &facts);
}

#[test]
fn what_a_vulnerability_needs_counts_only_where_it_is_known_to_be_missing() {
    let mut facts = server("redis", "8.2.5");
    let line = |facts: &Facts, id: &str| told(&fails(&Advisories, facts).actual, id).to_owned();
    facts.logins.replication = Fact::Known(Replication::default());
    assert!(
        line(&facts, "CVE-2026-23631")
            .starts_with("mitigated, the server is no replica that takes writes")
    );
    facts.logins.replication = Fact::Known(Replication {
        master: Some("10.0.0.1:6379".to_owned()),
        replicas: Vec::new(),
    });
    sample::set(&mut facts, "replica-read-only", "no");
    assert!(line(&facts, "CVE-2026-23631").starts_with("CVE-2026-23631"));
    facts.logins.replication = Fact::Unavailable("no INFO".to_owned());
    assert!(line(&facts, "CVE-2026-23631").starts_with("CVE-2026-23631"));
    assert!(line(&facts, "CVE-2026-25589").starts_with("mitigated, the module is not loaded"));
    facts.files.code = Fact::Unavailable("no list".to_owned());
    assert!(line(&facts, "CVE-2026-25589").starts_with("CVE-2026-25589"));
    let mut facts = server("valkey", "8.1.5");
    sample::set(&mut facts, "cluster-enabled", "yes");
    assert!(line(&facts, "CVE-2026-21863").starts_with("CVE-2026-21863"));
    sample::set(&mut facts, "cluster-enabled", "no");
    assert!(line(&facts, "CVE-2026-21863").starts_with("mitigated, the server is no node"));
}

#[test]
fn each_statement_is_one_step_and_one_action() {
    let mut facts = server("redis", "7.4.1");
    let failure = fails(&Advisories, &facts);
    let statements: Vec<String> = failure
        .actions
        .iter()
        .map(|action| format!("{action:?}"))
        .collect();
    for part in [
        "deny eval evalsha eval_ro",
        "deny restore restore-asking migrate",
        "deny acl|setuser acl|load",
    ] {
        assert_eq!(
            statements.iter().filter(|text| text.contains(part)).count(),
            1,
            "{statements:?}"
        );
    }
    assert!(
        failure
            .steps
            .iter()
            .any(|step| step.contains("SECGATE DENY 'acl|setuser' 'acl|load' optional"))
    );
    // A distribution's build is not judged by its number.
    facts.package = Fact::Known(Some(Package {
        manager: "dpkg",
        name: "redis-server".to_owned(),
        version: "5:7.4.1-1".to_owned(),
    }));
    let reason = unknown(&Advisories, &facts);
    assert!(
        reason.contains("5:7.4.1-1") && reason.contains("CVE-2025-49844"),
        "{reason}"
    );
}

#[test]
fn where_only_unsure_ones_are_left_it_is_unknown() {
    let facts = server("redis", "7.2.13");
    assert!(unknown(&Advisories, &facts).contains("CVE-2026-23479"));
    fails(&Advisories, &server("redis", "7.2.10"));
    unknown(&Advisories, &server("redis", "9.9.9"));
}

/// A server with a vulnerability that DENY client|kill closes.
fn closed_by_client_kill() -> Facts {
    let mut facts = server("valkey", "9.1.0");
    sample::set(&mut facts, "tls-port", "6380");
    facts
}

fn closes_client_kill(facts: &Facts) -> Vec<String> {
    let failure = fails(&Advisories, facts);
    let does = failure.actions.iter().map(Action::does);
    does.filter(|does| does.contains("client|kill")).collect()
}

#[test]
fn a_sentinel_keeps_client_kill_or_it_is_left_open_for_it() {
    let mut facts = closed_by_client_kill();
    let all = closes_client_kill(&facts).concat();
    assert!(
        all.contains("client|kill") && !all.contains("user="),
        "{all}"
    );
    facts.gate.capabilities = vec![("caller-identity", true)];
    sample::add_user(&mut facts, "watch", false);
    let sentinel = |user: &str| {
        let user = user.as_bytes().to_vec();
        Fact::Known(vec![Sentinel { user, alone: true }])
    };
    facts.sentinels = sentinel("watch");
    let spares = closes_client_kill(&facts).concat();
    assert!(spares.contains("client|kill user=!watch"), "{spares}");
    facts.sentinels = sentinel("default");
    assert!(closes_client_kill(&facts).is_empty());
    let steps = fails(&Advisories, &facts).steps.join("\n");
    assert!(
        steps.contains("is left open: a Sentinel is connected"),
        "{steps}"
    );
}

#[test]
fn a_node_of_a_cluster_is_told_that_resharding_needs_what_is_denied() {
    let mut facts = server("redis", "8.2.5");
    let told = |facts: &Facts| {
        let failure = fails(&Advisories, facts);
        let minds: Vec<&str> = failure.actions.iter().flat_map(Action::mind).collect();
        let steps = failure.steps.join("\n");
        [minds.join("\n"), steps].map(|text| text.matches("resharding").count())
    };
    assert_eq!(told(&facts), [0, 0]);
    sample::set(&mut facts, "cluster-enabled", "yes");
    assert_eq!(told(&facts), [1, 1]);
}

#[test]
fn what_a_sentinel_that_is_not_known_of_would_need_is_left_open() {
    let mut facts = closed_by_client_kill();
    facts.sentinels = Fact::Unavailable("hidden".to_owned());
    assert!(closes_client_kill(&facts).is_empty());
    let steps = fails(&Advisories, &facts).steps.join("\n");
    assert!(
        steps.contains("is left open: a Sentinel would need")
            && steps.contains("not known (hidden)"),
        "{steps}"
    );
}
