//! Tests of the checks of the accounts.

use super::*;
use crate::audit::checks::sample::{self, fails, passes, unknown};
use crate::audit::facts::{self, Fact, GateVerdict, Standing};

fn with_user(name: &str, unlimited: bool) -> Facts {
    let mut facts = sample::hardened();
    sample::add_user(&mut facts, name, false);
    sample::user(&mut facts, name).unlimited = unlimited;
    facts
}

#[test]
fn a_powerful_default_user_beside_named_ones_fails() {
    let mut facts = with_user("app", false);
    passes(&DefaultUser, &facts);
    sample::user(&mut facts, "default").unlimited = true;
    let failure = fails(&DefaultUser, &facts);
    assert_eq!(failure.actual, ["user default on +@all ~* &*, beside app"]);
    sample::user(&mut facts, "app").enabled = false;
    let alone = DefaultUser.evaluate(&facts);
    assert!(matches!(alone, Outcome::NotApplicable(_)));
    sample::user(&mut facts, "app").enabled = true;
    sample::user(&mut facts, "default").enabled = false;
    assert_eq!(passes(&DefaultUser, &facts), ["user default off"]);
}

#[test]
fn full_power_is_for_administrators_whom_the_policy_names() {
    let mut facts = with_user("app", true);
    let failure = fails(&UserPrivileges, &facts);
    assert_eq!(
        failure.actual,
        ["+@all ~* &*, and no named administrator: app"]
    );
    assert!(
        failure
            .steps
            .iter()
            .any(|step| step.contains("SECGATE ADMINISTRATORS app "))
    );
    facts.administrators.insert(b"app".to_vec());
    assert_eq!(
        passes(&UserPrivileges, &facts),
        ["administrators: app; nobody else"]
    );
    sample::user(&mut facts, "default").unlimited = true;
    let failure = fails(&UserPrivileges, &facts);
    assert!(failure.actual.concat().ends_with(": default"));
    sample::user(&mut facts, "default").enabled = false;
    passes(&UserPrivileges, &facts);
}

#[test]
fn machines_keep_what_they_run_and_selectors_go() {
    let mut facts = with_user("app", true);
    let line = |facts: &Facts, name: &str| {
        let steps = fails(&UserPrivileges, facts).steps;
        let part = format!("ACL SETUSER {name} clearselectors ");
        let line = steps.into_iter().find(|step| step.contains(&part));
        line.unwrap_or_default()
    };
    assert!(line(&facts, "app").ends_with("-@dangerous   # what user app needs"));
    facts.logins.replication = Fact::Known(facts::Replication {
        master: None,
        replicas: vec![facts::Replica {
            address: "10.0.0.2:41234".to_owned(),
            user: b"app".to_vec(),
        }],
    });
    facts.sentinels = Fact::Known(vec![facts::Sentinel {
        user: b"app".to_vec(),
        alone: false,
    }]);
    let told = line(&facts, "app");
    for part in [
        "resetchannels '&__sentinel__:hello' -@all ",
        "-@dangerous +psync +replconf +ping +multi ",
        "'+config|rewrite'",
        "and the replicas and Sentinels that sign in as it",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let steps = fails(&UserPrivileges, &facts).steps.concat();
    assert!(
        steps.contains("give them one of their own first"),
        "{steps}"
    );
    sample::user(&mut facts, "default").unlimited = true;
    assert!(!line(&facts, "default").contains("+psync"));
    facts.logins.replication = Fact::Unavailable("CLIENT is renamed".to_owned());
    let steps = fails(&UserPrivileges, &facts).steps.concat();
    assert!(
        steps.contains("is not known (CLIENT is renamed)"),
        "{steps}"
    );
}

#[test]
fn the_default_user_is_not_switched_off_before_its_replicas_have_a_user() {
    let mut facts = with_user("app", false);
    sample::user(&mut facts, "default").unlimited = true;
    let told = |facts: &Facts| fails(&DefaultUser, facts).steps.join("\n");
    assert!(!told(&facts).contains("of their own first"));
    facts.logins.replication = Fact::Known(facts::Replication {
        master: None,
        replicas: vec![facts::Replica {
            address: "10.0.0.2:41234".to_owned(),
            user: b"default".to_vec(),
        }],
    });
    assert!(
        told(&facts).contains("# replicas sign in as this user: give them one of their own first")
    );
}

#[test]
fn who_may_run_acl_setuser_is_as_good_as_all_powerful() {
    let mut facts = with_user("app", false);
    passes(&UserPrivileges, &facts);
    sample::open_command(&mut facts, "acl|setuser", "default");
    let failure = fails(&UserPrivileges, &facts);
    assert_eq!(
        failure.actual,
        ["may give itself the rest (ACL SETUSER), and no named administrator: default"]
    );
    assert_eq!(
        fails(&DefaultUser, &facts).actual,
        ["user default on, and may give itself the rest (ACL SETUSER), beside app"]
    );
    sample::user(&mut facts, "app").unlimited = true;
    let actual = fails(&UserPrivileges, &facts).actual;
    assert_eq!(actual.len(), 2, "{actual:?}");
    sample::user(&mut facts, "app").unlimited = false;
    facts.administrators.insert(b"default".to_vec());
    assert_eq!(
        passes(&UserPrivileges, &facts),
        ["administrators: default; nobody else"]
    );
}

#[test]
fn acl_setuser_that_the_gate_or_the_server_refuses_gives_nobody_anything() {
    let mut facts = with_user("app", false);
    sample::open_command(&mut facts, "acl|setuser", "app");
    let mut denied = facts.clone();
    if let Fact::Known(access) = &mut sample::command(&mut denied, "acl|setuser").access {
        access
            .iter_mut()
            .for_each(|access| access.gate = GateVerdict::Denied("r1".to_owned()));
    }
    passes(&UserPrivileges, &denied);
    sample::command(&mut facts, "acl|setuser").standing = Fact::Known(Standing::Renamed);
    passes(&UserPrivileges, &facts);
    sample::command(&mut facts, "acl|setuser").standing =
        Fact::Unavailable("COMMAND is renamed".to_owned());
    assert_eq!(unknown(&UserPrivileges, &facts), "COMMAND is renamed");
    assert_eq!(unknown(&DefaultUser, &facts), "COMMAND is renamed");
    sample::user(&mut facts, "app").unlimited = true;
    fails(&UserPrivileges, &facts);
}

#[test]
fn a_name_that_is_a_pattern_is_escaped_where_the_policy_wants_patterns() {
    let facts = with_user("a*[b]?", true);
    let steps = fails(&UserPrivileges, &facts).steps.join("\n");
    assert!(
        steps.contains("SECGATE ADMINISTRATORS 'a\\*\\[b]\\?'"),
        "{steps}"
    );
}

#[test]
fn two_users_with_one_password_fail_and_its_digest_is_not_shown() {
    let mut facts = with_user("app", false);
    let own = sample::sha256("other");
    sample::user(&mut facts, "app").password_hashes = vec![own];
    passes(&SharedPassword, &facts);
    let hash = sample::sha256(sample::PASSWORD);
    sample::user(&mut facts, "app")
        .password_hashes
        .push(hash.clone());
    let failure = fails(&SharedPassword, &facts);
    assert_eq!(failure.actual, ["one password for default, app"]);
    assert!(!format!("{failure:?}").contains(&hash));
    // The first may keep it.
    let steps = failure.steps.join("\n");
    assert!(steps.contains("SETUSER app ") && !steps.contains("SETUSER default "));
    sample::user(&mut facts, "app").enabled = false;
    let alone = SharedPassword.evaluate(&facts);
    assert!(matches!(alone, Outcome::NotApplicable(_)));
}

#[test]
fn ten_thousand_users_with_one_password_fit_on_a_line() {
    let mut facts = sample::hardened();
    facts.commands.clear();
    let Fact::Known(users) = &mut facts.users else {
        return;
    };
    let model = users.first().cloned();
    users.extend((0..10_000).filter_map(|number| {
        Some(User {
            name: format!("u{number}").into_bytes(),
            ..model.clone()?
        })
    }));
    let failure = fails(&SharedPassword, &facts);
    assert_eq!(
        failure.actual,
        ["one password for default, u0, u1, u2, u3, u4 and 9995 more"]
    );
    assert!(failure.steps.len() <= 12);
    assert!(failure.steps.concat().contains("the same for 9995 more"));
}

#[test]
fn without_the_users_nothing_is_known() {
    let facts = sample::nothing_read();
    for check in [&DefaultUser as &dyn Check, &UserPrivileges, &SharedPassword] {
        assert_eq!(unknown(check, &facts), "not readable");
    }
}
