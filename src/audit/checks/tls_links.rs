//! `net.tls-replication`: links to nodes on other hosts are encrypted where TLS is there.

use super::keeping;
use super::steps;
use super::tls::{REDIS_TLS, VALKEY_TLS};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Facts, Link};
use crate::audit::reach;
use crate::audit::tls::{self, Tls};

/// `net.tls-replication`.
pub struct TlsReplication;

/// So many links of a kind are shown.
const SHOWN: usize = 4;

/// What was found of the links.
#[derive(Default)]
struct Found {
    fine: Vec<String>,
    plain: Vec<String>,
    unknown: Vec<String>,
    steps: Vec<String>,
}

impl Check for TlsReplication {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "net.tls-replication",
            title: "Links to nodes on other hosts use TLS",
            category: Category::Network,
            severity: Severity::Medium,
            worst: Severity::Medium,
            tutorial: false,
            why: "A replica gets the whole data set over its link, and masterauth goes the other way. TLS for clients alone \
                  leaves the fattest cable in clear.",
            expected: "tls-replication yes and tls-cluster yes where replicas, masters or nodes are on other hosts",
            remedy: "Switch replication and the cluster bus to TLS, on all nodes.",
            references: &[
                REDIS_TLS,
                VALKEY_TLS,
                "https://cwe.mitre.org/data/definitions/319.html",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Network,
            cap: "the data set crosses the network in clear",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let configured = |name: &str| facts.setting(name).ok().filter(|value| !value.is_empty());
        match tls::state(facts) {
            Err(reason) => return Outcome::unknown(reason),
            Ok(Tls::NotBuilt) => {
                return Outcome::not_applicable("the server was built without TLS");
            }
            Ok(_) if !tls::is_configured(configured) => {
                return Outcome::not_applicable("TLS is not configured: see net.tls");
            }
            Ok(_) => {}
        }
        let mut found = Found::default();
        master(facts, &mut found);
        replicas(facts, &mut found);
        nodes(facts, &mut found);
        if !found.plain.is_empty() {
            let mut actual = found.plain;
            let unknown = found.unknown.iter();
            actual.extend(unknown.map(|reason| format!("unknown: {reason}")));
            return Failure::new(actual).steps(found.steps).into();
        }
        match found.unknown.into_iter().next() {
            Some(reason) => Outcome::unknown(reason),
            None if found.fine.is_empty() => {
                Outcome::not_applicable("no master, no replicas, no cluster")
            }
            None => Outcome::Pass(found.fine),
        }
    }
}

/// A replica chooses how it speaks to its master.
fn master(facts: &Facts, found: &mut Found) {
    let Some(master) = &facts.links.master else {
        return;
    };
    if reach::is_yes(facts, "tls-replication") {
        found.fine.push("tls-replication yes".to_owned());
        return;
    }
    match master.known() {
        Err(reason) => found.unknown.push(reason.to_owned()),
        Ok(link) if !link.elsewhere => {
            found
                .fine
                .push(format!("master {}: on this host", link.far));
        }
        Ok(link) => {
            found.plain.push(format!(
                "master {} in plaintext (tls-replication no)",
                link.far
            ));
            let cli = steps::cli(facts);
            found.steps.extend([
                format!("{cli} CONFIG SET tls-replication yes"),
                format!("{cli} REPLICAOF {} MASTER_TLS_PORT", link.far.ip()),
                keeping::setting(facts, "tls-replication yes"),
            ]);
        }
    }
}

/// A replica's link is encrypted if it came in by the TLS port.
fn replicas(facts: &Facts, found: &mut Found) {
    let replicas = match facts.links.replicas.known() {
        Ok(replicas) => replicas,
        Err(reason) => {
            found.unknown.push(format!("replicas: {reason}"));
            return;
        }
    };
    let tls = reach::tls_port(facts);
    let only_tls = facts.setting("port") == Ok(b"0");
    let mut plain = Vec::new();
    for link in replicas {
        match link.near_port {
            _ if !link.elsewhere => found
                .fine
                .push(format!("replica {}: on this host", link.far)),
            Some(port) if tls == Some(port) => {
                found.fine.push(format!("replica {}: TLS", link.far))
            }
            _ if only_tls => found.fine.push(format!("replica {}: TLS", link.far)),
            Some(port) => plain.push(format!("replica {} in plaintext, by port {port}", link.far)),
            None => found
                .unknown
                .push(format!("replica {}: by which port it came", link.far)),
        }
    }
    if plain.is_empty() {
        return;
    }
    let port = tls.map_or_else(|| "TLS_PORT".to_owned(), |port| port.to_string());
    found.steps.extend([
        "# on each of these replicas; on this server, too, for the day it becomes one:".to_owned(),
        "redis-cli CONFIG SET tls-replication yes".to_owned(),
        format!("redis-cli REPLICAOF THIS_HOST {port}"),
        "redis-cli CONFIG REWRITE".to_owned(),
    ]);
    found.plain.extend(cut(plain, "replicas"));
}

/// One setting is for the bus of all nodes.
fn nodes(facts: &Facts, found: &mut Found) {
    let Some(nodes) = &facts.links.nodes else {
        return;
    };
    if reach::is_yes(facts, "tls-cluster") {
        found.fine.push("tls-cluster yes".to_owned());
        return;
    }
    let nodes = match nodes.known() {
        Ok(nodes) => nodes,
        Err(reason) => {
            found
                .unknown
                .push(format!("nodes of the cluster: {reason}"));
            return;
        }
    };
    let away = nodes.iter().filter(|link| link.elsewhere);
    let lines: Vec<String> = away.map(node).collect();
    if lines.is_empty() {
        found
            .fine
            .push("cluster bus: every node is on this host".to_owned());
        return;
    }
    found.plain.extend(cut(lines, "nodes"));
    found.steps.extend([
        "# on every node of the cluster; new links use it, so do it on all of them within a minute:"
            .to_owned(),
        format!("{} CONFIG SET tls-cluster yes", steps::cli(facts)),
        keeping::setting(facts, "tls-cluster yes"),
    ]);
}

fn node(link: &Link) -> String {
    format!("cluster bus to {} in plaintext (tls-cluster no)", link.far)
}

fn cut(mut lines: Vec<String>, what: &str) -> Vec<String> {
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    if more > 0 {
        lines.push(format!("and {more} other {what}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, link, passes, unknown};
    use crate::audit::facts::Fact;

    fn with_tls() -> Facts {
        let mut facts = sample::hardened();
        sample::set(&mut facts, "tls-port", "6380");
        facts
    }

    fn not_applicable(facts: &Facts) -> String {
        match TlsReplication.evaluate(facts) {
            Outcome::NotApplicable(why) => why,
            other => unreachable!("it applies: {other:?}"),
        }
    }

    #[test]
    fn without_tls_or_without_links_the_question_does_not_arise() {
        assert!(not_applicable(&sample::hardened()).contains("not configured"));
        assert_eq!(
            not_applicable(&with_tls()),
            "no master, no replicas, no cluster"
        );
    }

    #[test]
    fn a_certificate_alone_means_that_tls_could_be_had() {
        let mut facts = sample::hardened();
        sample::set(&mut facts, "tls-cert-file", "/etc/redis/tls/redis.crt");
        facts.links.master = Some(Fact::Known(link("10.0.0.9:6379", None, true)));
        fails(&TlsReplication, &facts);
    }

    #[test]
    fn a_master_on_another_host_wants_tls_replication() {
        let mut facts = with_tls();
        facts.links.master = Some(Fact::Known(link("10.0.0.9:6379", None, true)));
        let failure = fails(&TlsReplication, &facts);
        assert_eq!(
            failure.actual,
            ["master 10.0.0.9:6379 in plaintext (tls-replication no)"]
        );
        assert!(
            failure
                .steps
                .concat()
                .contains("REPLICAOF 10.0.0.9 MASTER_TLS_PORT")
        );
        sample::set(&mut facts, "tls-replication", "yes");
        assert_eq!(passes(&TlsReplication, &facts), ["tls-replication yes"]);
        sample::set(&mut facts, "tls-replication", "no");
        facts.links.master = Some(Fact::Known(link("10.0.0.5:6379", None, false)));
        passes(&TlsReplication, &facts);
        facts.links.master = Some(Fact::Unavailable("the link is down".to_owned()));
        assert_eq!(unknown(&TlsReplication, &facts), "the link is down");
    }

    #[test]
    fn a_replica_is_judged_by_the_port_it_came_in_by() {
        let mut facts = with_tls();
        let mut by = |port, elsewhere| {
            facts.links.replicas = Fact::Known(vec![link("10.0.0.8:41", port, elsewhere)]);
            facts.clone()
        };
        passes(&TlsReplication, &by(Some(6380), true));
        passes(&TlsReplication, &by(Some(6379), false));
        unknown(&TlsReplication, &by(None, true));
        let plain = by(Some(6379), true);
        assert_eq!(
            fails(&TlsReplication, &plain).actual,
            ["replica 10.0.0.8:41 in plaintext, by port 6379"]
        );
        facts.links.replicas = Fact::Unavailable("CLIENT is renamed".to_owned());
        assert!(unknown(&TlsReplication, &facts).contains("CLIENT is renamed"));
    }

    #[test]
    fn nodes_on_other_hosts_want_tls_cluster() {
        let mut facts = with_tls();
        let nodes = |elsewhere| {
            (0..9).map(move |last| link(&format!("10.0.0.{last}:16379"), None, elsewhere))
        };
        facts.links.nodes = Some(Fact::Known(nodes(false).collect()));
        passes(&TlsReplication, &facts);
        facts.links.nodes = Some(Fact::Known(nodes(true).collect()));
        let failure = fails(&TlsReplication, &facts);
        assert_eq!(failure.actual.len(), 5);
        assert_eq!(
            failure.actual.last().map(String::as_str),
            Some("and 5 other nodes")
        );
        sample::set(&mut facts, "tls-cluster", "yes");
        passes(&TlsReplication, &facts);
        sample::set(&mut facts, "tls-cluster", "no");
        facts.links.nodes = Some(Fact::Unavailable("CLUSTER is renamed".to_owned()));
        assert!(unknown(&TlsReplication, &facts).contains("CLUSTER is renamed"));
    }
}
