//! `auth.replica`: replication signs in as a user of its own. `auth.failures`: who was turned away.

use super::{keeping, peers, steps};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Facts, Replication};
use crate::render::escape::printable_up_to;

/// `auth.replica`.
pub struct Replica;

/// `auth.failures`.
pub struct Failures;

impl Check for Replica {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "auth.replica",
            title: "Replication signs in as a user of its own",
            category: Category::Authentication,
            severity: Severity::Medium,
            worst: Severity::Medium,
            tutorial: false,
            why: "A replica needs PSYNC, REPLCONF and PING, and nothing else. Where it signs in as the default user, its file \
                  holds the password to everything; and a master that is no replica yet needs the same settings when it \
                  comes back as one after a failover.",
            expected: "masteruser and masterauth set, on the master as well, for a user who may only replicate",
            remedy: "Make a user for replication on every node and let masteruser and masterauth name it everywhere.",
            references: &[steps::ACL, steps::VALKEY],
            fix: Fix::Plan,
            exposed: Exposed::Host,
            cap: "replication does not sign in as a user of its own",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let replication = match facts.logins.replication.known() {
            Ok(replication) => replication,
            Err(reason) => return Outcome::unknown(reason),
        };
        if replication.master.is_none() && replication.replicas.is_empty() {
            return Outcome::not_applicable("no master and no replica");
        }
        let (outgoing, bad) = match outgoing(facts, replication) {
            Ok(judged) => judged,
            Err(reason) => return Outcome::unknown(reason),
        };
        let (incoming, bad_too) = incoming(replication);
        let actual: Vec<String> = outgoing.into_iter().chain(incoming).collect();
        match bad || bad_too {
            true => Failure::new(actual).steps(replica_steps(facts)).into(),
            false => Outcome::Pass(actual),
        }
    }
}

/// How this server signs in at its master, or would after a failover; and whether that is bad.
fn outgoing(facts: &Facts, replication: &Replication) -> Result<(Vec<String>, bool), String> {
    let user = facts
        .setting("masteruser")
        .or_else(|_| facts.setting("primaryuser"))?;
    let has_password = facts.masterauth.known()?.is_some();
    let named = !user.is_empty() && user != b"default";
    let shown = match user {
        b"" => "default (masteruser is empty)".to_owned(),
        user => printable_up_to(user, 64),
    };
    let (line, bad) = match (&replication.master, has_password) {
        (Some(master), true) => (format!("it signs in at {master} as user {shown}"), !named),
        (Some(master), false) => (
            format!("it replicates from {master} without a password (masterauth is empty)"),
            true,
        ),
        // A master whose default user is open lets its replicas, and itself later on, in without a password.
        (None, false) if facts.default_user()?.nopass => return Ok((Vec::new(), false)),
        (None, true) => (
            format!("after a failover it would sign in as user {shown}"),
            !named,
        ),
        (None, false) => (
            "masterauth is empty: after a failover it could not follow its new master".to_owned(),
            true,
        ),
    };
    Ok((vec![line], bad))
}

/// As which users the replicas are signed in; and whether that is bad.
fn incoming(replication: &Replication) -> (Vec<String>, bool) {
    const SHOWN: usize = 10;
    let is_default = |user: &[u8]| user == b"default";
    let mut replicas: Vec<_> = replication.replicas.iter().collect();
    replicas.sort_by_key(|replica| !is_default(&replica.user));
    let line = |replica: &&crate::audit::facts::Replica| {
        let address = printable_up_to(replica.address.as_bytes(), 64);
        let user = printable_up_to(&replica.user, 64);
        format!("replica {address} is signed in as user {user}")
    };
    let mut lines: Vec<String> = replicas.iter().take(SHOWN).map(line).collect();
    if replicas.len() > SHOWN {
        lines.push(format!("and {} more replicas", replicas.len() - SHOWN));
    }
    (
        lines,
        replicas.iter().any(|replica| is_default(&replica.user)),
    )
}

fn replica_steps(facts: &Facts) -> Vec<String> {
    let cli = steps::cli(facts);
    vec![
        "(umask 077; openssl rand -base64 48 | tr -d '\\n' > replica.password)   # one for all nodes".to_owned(),
        format!(
            "{cli} ACL SETUSER replica on \"#$(sha256sum < replica.password | cut -c1-64)\" resetkeys resetchannels -@all \
             {}   # on every node",
            peers::OF_REPLICAS
        ),
        format!("{cli} CONFIG SET masteruser replica   # on every node, the master too"),
        format!("{cli} -x CONFIG SET masterauth < replica.password"),
        keeping::users(facts),
        keeping::settings(facts, ""),
    ]
}

impl Check for Failures {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "auth.failures",
            title: "Nobody was turned away",
            category: Category::Authentication,
            severity: Severity::Info,
            worst: Severity::Info,
            tutorial: false,
            why: "Wrong passwords and denied commands are a client with a wrong setting, or somebody who tries.",
            expected: "no refused login, command, key or channel since the server started",
            remedy: "See in ACL LOG who it was and from where.",
            references: &[steps::ACL, steps::VALKEY],
            fix: Fix::Plan,
            exposed: Exposed::Clients,
            cap: "logins or calls were refused",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let denials = match facts.logins.denials.known() {
            Ok(denials) => denials,
            Err(reason) => return Outcome::unknown(reason),
        };
        let some = denials.iter().filter(|denials| denials.count > 0);
        let counts = some.map(|denials| format!("{}:{}", denials.name, denials.count));
        let counts: Vec<String> = counts.collect();
        if counts.is_empty() {
            return Outcome::pass("no refused login or call on record");
        }
        let cli = steps::cli(facts);
        Failure::new(vec![counts.join(" ")])
            .steps([format!("{cli} ACL LOG   # who, what, when, from where")])
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes, unknown};
    use crate::audit::facts::{self, Denials, Fact};

    fn replica_of(user: &str, password: Option<&str>) -> Facts {
        let mut facts = sample::hardened();
        facts.logins.replication = Fact::Known(Replication {
            master: Some("10.0.0.1:6379".to_owned()),
            replicas: Vec::new(),
        });
        sample::set(&mut facts, "masteruser", user);
        facts.masterauth = password.map_or(Fact::Known(None), sample::password);
        facts
    }

    fn master_of(user: &str) -> Facts {
        let mut facts = replica_of("replica", Some("x"));
        facts.logins.replication = Fact::Known(Replication {
            master: None,
            replicas: vec![facts::Replica {
                address: "10.0.0.2:41234".to_owned(),
                user: user.as_bytes().to_vec(),
            }],
        });
        facts
    }

    #[test]
    fn a_replica_that_signs_in_as_default_or_not_at_all_fails() {
        let actual = |facts: &Facts| fails(&Replica, facts).actual.join("; ");
        assert_eq!(
            actual(&replica_of("", Some("x"))),
            "it signs in at 10.0.0.1:6379 as user default (masteruser is empty)"
        );
        assert!(actual(&replica_of("default", Some("x"))).ends_with("as user default"));
        assert!(actual(&replica_of("", None)).contains("without a password"));
        assert!(actual(&replica_of("replica", None)).contains("without a password"));
        let passed = passes(&Replica, &replica_of("replica", Some("x")));
        assert_eq!(passed, ["it signs in at 10.0.0.1:6379 as user replica"]);
    }

    #[test]
    fn valkey_calls_it_primaryuser() {
        let mut facts = replica_of("", Some("x"));
        if let Fact::Known(config) = &mut facts.config {
            config.remove("masteruser");
        }
        sample::set(&mut facts, "primaryuser", "replica");
        passes(&Replica, &facts);
    }

    #[test]
    fn a_master_must_be_able_to_come_back_as_a_replica() {
        let mut facts = master_of("replica");
        passes(&Replica, &facts);
        facts.masterauth = Fact::Known(None);
        let actual = fails(&Replica, &facts).actual.concat();
        assert!(actual.contains("could not follow"), "{actual}");
        sample::user(&mut facts, "default").nopass = true;
        passes(&Replica, &facts);
        let mut facts = master_of("replica");
        sample::set(&mut facts, "masteruser", "");
        fails(&Replica, &facts);
    }

    #[test]
    fn a_replica_that_came_as_default_is_seen_from_the_master() {
        let failure = fails(&Replica, &master_of("default"));
        assert_eq!(
            failure.actual,
            [
                "after a failover it would sign in as user replica",
                "replica 10.0.0.2:41234 is signed in as user default",
            ]
        );
    }

    #[test]
    fn without_replication_it_does_not_apply_and_without_settings_it_is_unknown() {
        let outcome = Replica.evaluate(&sample::hardened());
        assert!(matches!(outcome, Outcome::NotApplicable(_)));
        let mut facts = replica_of("replica", Some("x"));
        facts.masterauth = Fact::Unavailable("CONFIG is renamed".to_owned());
        assert_eq!(unknown(&Replica, &facts), "CONFIG is renamed");
    }

    #[test]
    fn denials_inform() {
        let mut facts = sample::hardened();
        passes(&Failures, &facts);
        let denied = |name: &str, count| Denials {
            name: name.to_owned(),
            count,
        };
        facts.logins.denials = Fact::Known(vec![
            denied("acl_access_denied_auth", 0),
            denied("acl_access_denied_cmd", 12),
        ]);
        let failure = fails(&Failures, &facts);
        assert_eq!(failure.actual, ["acl_access_denied_cmd:12"]);
    }
}
