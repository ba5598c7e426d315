//! The check of whom the server replicates from: a stranger as master can make the data, and the server, his own.

use super::keeping;
use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Facts, Followed};
use crate::audit::reach::{Scope, is_yes, scope};
use crate::render::escape::printable_up_to;

/// `ioc.replicaof`: a replica follows a master that somebody configured, and none on a public address.
pub struct ReplicaOf;

impl Check for ReplicaOf {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "ioc.replicaof",
            title: "The server replicates from no stranger",
            category: Category::Compromise,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "Intruders make a server the replica of theirs: it gets their data, and the file it stores can be a module or a \
                  cron job. A master on a public address, or one that redis.conf does not name, is the sign of it.",
            expected: "no master, or one on a private address that a replicaof line of redis.conf names",
            remedy: "If nobody of yours chose that master, stop following it and treat the server as broken into. If it is the \
                     right one, CONFIG REWRITE writes it into redis.conf.",
            references: &[steps::SECURITY, steps::VALKEY],
            fix: Fix::Plan,
            exposed: Exposed::Network,
            cap: "the data come from a server that may be a stranger's",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let master = match facts.follows.known() {
            Ok(Some(master)) => master,
            Ok(None) => return Outcome::not_applicable("this server follows no master"),
            Err(reason) => return Outcome::unknown(reason),
        };
        let mut faults = Vec::new();
        let mut unknown = Vec::new();
        match master.address.known().map(|address| scope(*address)) {
            Ok(Scope::Public) => faults.push("a public address".to_owned()),
            Ok(_) => {}
            Err(reason) => unknown.push(reason.to_owned()),
        }
        match stranger(facts, master) {
            Ok(fault) => faults.extend(fault),
            Err(reason) => unknown.push(reason),
        }
        let line = shown(master);
        if faults.is_empty() {
            return match unknown.into_iter().next() {
                Some(reason) => Outcome::unknown(format!("{line}: {reason}")),
                None => Outcome::pass(line),
            };
        }
        let mut actual = vec![format!("{line}: {}", faults.join("; "))];
        actual.extend(unknown.iter().map(|reason| format!("unknown: {reason}")));
        Failure::new(actual).steps(mend(facts)).into()
    }
}

/// What is wrong with a master that redis.conf does not name. The nodes of a cluster choose theirs among themselves.
fn stranger(facts: &Facts, master: &Followed) -> Result<Option<String>, String> {
    if is_yes(facts, "cluster-enabled") {
        return Ok(None);
    }
    let Some(file) = &facts.configured else {
        return Err(
            "the server was started without a configuration file: nothing tells whether this master was chosen at \
             the start"
                .to_owned(),
        );
    };
    let line = file.settings.get("replicaof").map(Vec::as_slice);
    let set = format!("{} {}", master.host, master.port);
    if line.is_some_and(|line| line.eq_ignore_ascii_case(set.as_bytes())) {
        return Ok(None);
    }
    if let Some(gap) = &file.gap {
        return Err(format!("whether redis.conf names it: unread: {gap}"));
    }
    let instead = match line {
        Some(line) => format!(", but replicaof {}", printable_up_to(line, 100)),
        None => String::new(),
    };
    Ok(Some(format!(
        "{} does not name it{instead}",
        steps::conf(facts)
    )))
}

/// `replicaof db.example 6379 (192.0.2.9)`.
fn shown(master: &Followed) -> String {
    let host = printable_up_to(master.host.as_bytes(), 100);
    let port = printable_up_to(master.port.as_bytes(), 10);
    match master.address.known() {
        Ok(address) if address.to_string() != master.host => {
            format!("replicaof {host} {port} ({address})")
        }
        _ => format!("replicaof {host} {port}"),
    }
}

fn mend(facts: &Facts) -> Vec<String> {
    let cli = steps::cli(facts);
    if is_yes(facts, "cluster-enabled") {
        return vec![
            format!("{cli} CLUSTER NODES   # whose nodes are these?"),
            "# give your nodes private addresses (bind, cluster-announce-ip); forget strangers with CLUSTER FORGET"
                .to_owned(),
        ];
    }
    vec![
        format!("{cli} REPLICAOF NO ONE   # if nobody of yours, nor Sentinel, chose this master"),
        format!(
            "{cli} MODULE LIST   # and look for what came with it: modules, dir and dbfilename, new keys and users"
        ),
        keeping::settings(facts, "if the master is right: this keeps it"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, followed, passes, unknown};
    use crate::audit::facts::Fact;

    fn following(address: &str, line: &str) -> Facts {
        let mut facts = sample::hardened();
        facts.follows = Fact::Known(Some(followed(address)));
        let settings = &mut sample::conf(&mut facts).settings;
        settings.insert("replicaof", line.as_bytes().to_vec());
        facts
    }

    #[test]
    fn a_master_has_none_and_a_replica_of_the_configured_private_one_passes() {
        assert!(matches!(
            ReplicaOf.evaluate(&sample::hardened()),
            Outcome::NotApplicable(_)
        ));
        for address in ["10.0.0.7", "127.0.0.1", "fd00::7", "100.64.0.1"] {
            let facts = following(address, &format!("{address} 6379"));
            let line = format!("replicaof {address} 6379");
            assert_eq!(passes(&ReplicaOf, &facts), [line]);
        }
    }

    #[test]
    fn a_public_master_fails_though_it_is_configured_and_one_behind_a_name_by_its_address() {
        let mut facts = following("8.8.8.8", "8.8.8.8 6379");
        assert_eq!(
            fails(&ReplicaOf, &facts).actual,
            ["replicaof 8.8.8.8 6379: a public address"]
        );
        if let Fact::Known(Some(master)) = &mut facts.follows {
            master.host = "DB.example".to_owned();
        }
        sample::conf(&mut facts)
            .settings
            .insert("replicaof", b"db.example 6379".to_vec());
        assert_eq!(
            fails(&ReplicaOf, &facts).actual,
            ["replicaof DB.example 6379 (8.8.8.8): a public address"]
        );
        if let Fact::Known(Some(master)) = &mut facts.follows {
            master.address = Fact::Unavailable("link down".to_owned());
        }
        assert!(unknown(&ReplicaOf, &facts).contains("link down"));
    }

    #[test]
    fn a_master_that_the_file_does_not_name_fails_but_on_a_node_of_a_cluster() {
        let mut facts = following("10.0.0.7", "10.0.0.8 6379");
        assert_eq!(
            fails(&ReplicaOf, &facts).actual,
            [
                "replicaof 10.0.0.7 6379: /etc/redis/redis.conf does not name it, but replicaof 10.0.0.8 6379"
            ]
        );
        sample::conf(&mut facts).settings.clear();
        fails(&ReplicaOf, &facts);
        sample::conf(&mut facts).gap = Some("x.conf: not there".to_owned());
        assert!(unknown(&ReplicaOf, &facts).contains("x.conf"));
        facts.configured = None;
        assert!(unknown(&ReplicaOf, &facts).contains("without a configuration file"));
        sample::set(&mut facts, "cluster-enabled", "yes");
        passes(&ReplicaOf, &facts);
        facts.follows = Fact::Known(Some(followed("8.8.8.8")));
        let steps = fails(&ReplicaOf, &facts).steps.concat();
        assert!(steps.contains("CLUSTER NODES"));
    }
}
