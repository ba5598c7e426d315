//! Checks of single ports: the one everybody knows, and the one of the cluster bus.

use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::Facts;
use crate::audit::reach::{self, Listener, Scope};

/// `net.default-port`: not 6379 where other hosts can look.
pub struct DefaultPort;

/// `net.cluster-bus`: the bus is on no wildcard or public address.
pub struct ClusterBus;

const DEFAULT_PORT: u16 = 6379;

impl Check for DefaultPort {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "net.default-port",
            title: "Other hosts do not find it on the default port",
            category: Category::Network,
            severity: Severity::Low,
            worst: Severity::Low,
            tutorial: false,
            why: "Worms and scanners try port 6379 and little else. Another port stops nobody who looks for this server, \
                  but it keeps their noise, and their first minutes after the next hole, away.",
            expected: "another port than 6379, or loopback only",
            remedy: "Move the server to another port when its clients can follow.",
            references: &[
                steps::SECURITY,
                "https://attack.mitre.org/techniques/T1046/",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Network,
            cap: "the server is where scanners look first",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let listeners = match reach::listeners(facts) {
            Ok(listeners) => listeners,
            Err(reason) => return Outcome::unknown(reason),
        };
        let beyond: Vec<&Listener> = listeners
            .iter()
            .filter(|listener| listener.port == DEFAULT_PORT && listener.scope > Scope::Loopback)
            .collect();
        let told: Vec<String> = beyond
            .iter()
            .filter(|listener| listener.scope != Scope::Named)
            .map(|listener| listener.shown.clone())
            .collect();
        match beyond.first() {
            None if listeners.is_empty() => Outcome::pass("no TCP listener"),
            None => Outcome::Pass(shown(&listeners)),
            Some(named) if told.is_empty() => Outcome::unknown(unresolved(named)),
            Some(first) => Failure::new(told)
                .steps(other_port(facts, first.tls))
                .into(),
        }
    }
}

impl Check for ClusterBus {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "net.cluster-bus",
            title: "The cluster bus is on no wildcard or public address",
            category: Category::Network,
            severity: Severity::Medium,
            worst: Severity::Medium,
            tutorial: false,
            why: "The bus knows no password: whoever can speak to it can join the cluster, move slots, and feed a parser that \
                  has had holes (CVE-2026-21863).",
            expected: "a cluster bus on loopback, private or link-local addresses only",
            remedy: "Bind the node to its private address and let the firewall admit the other nodes only.",
            references: &[
                "https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/",
                "https://valkey.io/topics/cluster-spec/",
                steps::SECURITY,
            ],
            fix: Fix::Plan,
            exposed: Exposed::Network,
            cap: "the cluster bus is open to every network the host is on",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        match facts.setting("cluster-enabled") {
            Ok(b"yes") => {}
            Ok(_) => return Outcome::not_applicable("the server is no cluster node"),
            Err(reason) => return Outcome::unknown(reason),
        }
        let listeners = match reach::bus(facts) {
            Ok(listeners) => listeners,
            Err(reason) => return Outcome::unknown(reason),
        };
        let mut wide: Vec<&Listener> = listeners
            .iter()
            .filter(|listener| listener.scope >= Scope::Public || listener.scope == Scope::Shared)
            .collect();
        wide.sort_by_key(|listener| std::cmp::Reverse(listener.scope));
        let Some(widest) = wide.first() else {
            return match listeners.iter().find(|bus| bus.scope == Scope::Named) {
                Some(named) => Outcome::unknown(unresolved(named)),
                None if listeners.is_empty() => {
                    Outcome::pass("no socket listens on the port of the cluster bus")
                }
                None => Outcome::Pass(shown(&listeners)),
            };
        };
        let actual = wide.iter().map(|listener| listener.shown.clone()).collect();
        let failure = Failure::new(actual).steps(private_bus(facts, widest.port));
        match widest.scope {
            Scope::Shared => failure
                .severity(Severity::Low, super::network::SHARED)
                .into(),
            _ => failure.into(),
        }
    }
}

fn shown(listeners: &[Listener]) -> Vec<String> {
    let lines = listeners.iter().map(|listener| listener.shown.clone());
    lines.collect()
}

/// Why a name is neither good nor bad.
fn unresolved(named: &Listener) -> String {
    format!(
        "what the name stands for is not known, and the sockets cannot be seen: {}",
        named.shown
    )
}

fn other_port(facts: &Facts, tls: bool) -> Vec<String> {
    let name = if tls { "tls-port" } else { "port" };
    let (file, run) = match &facts.server.config_file {
        Some(path) => (steps::shell_path(path), steps::cli(facts)),
        None => (
            "the redis.conf it is started with".to_owned(),
            steps::cli(facts),
        ),
    };
    vec![
        "# choose a port, and have its new address ready for clients, replicas, Sentinels and firewalls"
            .to_owned(),
        format!("{run} CONFIG SET {name} 26380   # connections that are open stay open"),
        format!("# write into {file}: {name} 26380"),
    ]
}

fn private_bus(facts: &Facts, port: u16) -> Vec<String> {
    let file = match &facts.server.config_file {
        Some(path) => steps::shell_path(path),
        None => "the redis.conf it is started with".to_owned(),
    };
    vec![
        format!("# write into {file}: bind 127.0.0.1 -::1 10.x.x.x   # the node's private address"),
        "# restart the node: the bus keeps its sockets until then. A master hands over first: CLUSTER FAILOVER on its replica"
            .to_owned(),
        format!("sudo ufw allow from NODE_ADDRESS to any port {port} proto tcp   # for each other node, and for nobody else"),
        format!("sudo ufw deny {port}/tcp"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes, tcp, unknown};
    use crate::audit::facts::Fact;

    fn listening_on(addresses: &[&str]) -> Facts {
        let mut facts = sample::hardened();
        facts.sockets = Fact::Known(addresses.iter().map(|address| tcp(address)).collect());
        facts
    }

    fn node(addresses: &[&str]) -> Facts {
        let mut facts = listening_on(addresses);
        sample::set(&mut facts, "cluster-enabled", "yes");
        facts
    }

    #[test]
    fn the_default_port_fails_beyond_loopback_only() {
        passes(&DefaultPort, &listening_on(&["127.0.0.1:6379"]));
        passes(
            &DefaultPort,
            &listening_on(&["127.0.0.1:6379", "10.0.0.5:7000"]),
        );
        let failure = fails(
            &DefaultPort,
            &listening_on(&["127.0.0.1:6379", "10.0.0.5:6379", "[::]:6379"]),
        );
        assert_eq!(
            failure.actual,
            [
                "tcp 10.0.0.5:6379 LISTEN 4242/redis-server",
                "tcp6 :::6379 LISTEN 4242/redis-server"
            ]
        );
    }

    #[test]
    fn a_tls_port_of_that_number_fails_and_is_called_by_its_name() {
        let mut facts = listening_on(&["10.0.0.5:6379"]);
        sample::set(&mut facts, "port", "0");
        sample::set(&mut facts, "tls-port", "6379");
        let failure = fails(&DefaultPort, &facts);
        assert!(failure.steps.concat().contains("SET tls-port 26380"));
    }

    #[test]
    fn without_sockets_the_settings_tell_unless_they_hold_a_name() {
        let mut facts = sample::hardened();
        facts.sockets = Fact::Unavailable("no /proc".to_owned());
        sample::set(&mut facts, "bind", "127.0.0.1 10.0.0.5");
        fails(&DefaultPort, &facts);
        sample::set(&mut facts, "bind", "db.example");
        assert!(unknown(&DefaultPort, &facts).contains("bind db.example"));
        sample::set(&mut facts, "port", "7000");
        passes(&DefaultPort, &facts);
    }

    #[test]
    fn the_bus_is_judged_by_its_own_sockets() {
        let fine = node(&["0.0.0.0:6379", "127.0.0.1:16379", "10.0.0.5:16379"]);
        passes(&ClusterBus, &fine);
        let failure = fails(&ClusterBus, &node(&["127.0.0.1:6379", "0.0.0.0:16379"]));
        assert_eq!(
            failure.actual,
            ["tcp 0.0.0.0:16379 LISTEN 4242/redis-server"]
        );
        assert_eq!(failure.severity, None);
        fails(&ClusterBus, &node(&["203.0.113.9:16379"]));
        let shared = fails(&ClusterBus, &node(&["100.64.0.1:16379"]));
        assert_eq!(
            shared.severity.map(|(severity, _)| severity),
            Some(Severity::Low)
        );
    }

    #[test]
    fn the_port_of_the_bus_is_the_one_that_is_set() {
        let mut facts = node(&["127.0.0.1:6379", "0.0.0.0:7777"]);
        sample::set(&mut facts, "cluster-port", "7777");
        fails(&ClusterBus, &facts);
        facts.sockets = Fact::Unavailable("no /proc".to_owned());
        sample::set(&mut facts, "bind", "* -::*");
        assert_eq!(
            fails(&ClusterBus, &facts).actual,
            ["bind * (port 7777)", "bind -::* (port 7777)"]
        );
        sample::set(&mut facts, "bind", "node1.example");
        assert!(unknown(&ClusterBus, &facts).contains("node1.example"));
    }

    #[test]
    fn a_server_that_is_no_node_has_no_bus() {
        let outcome = ClusterBus.evaluate(&sample::hardened());
        assert!(matches!(outcome, Outcome::NotApplicable(_)));
        let mut facts = sample::hardened();
        facts.config = Fact::Unavailable("CONFIG is renamed".to_owned());
        assert_eq!(unknown(&ClusterBus, &facts), "CONFIG is renamed");
    }
}
