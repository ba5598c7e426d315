//! `net.public-clients`: nobody is connected from a public address.

use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Connections, Facts};
use crate::audit::reach::{self, Scope};

/// `net.public-clients`.
pub struct PublicClients;

/// So many addresses are shown.
const SHOWN: usize = 8;

impl Check for PublicClients {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "net.public-clients",
            title: "No client is connected from a public address",
            category: Category::Network,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "A client from the internet is a forgotten application at best. It proves that the server can be reached \
                  from there, whatever a firewall was meant to do.",
            expected: "clients from loopback, private or link-local addresses only",
            remedy: "Find out who it is. Bind the server to a private address, or let the firewall admit known hosts only.",
            references: &[
                steps::SECURITY,
                "https://attack.mitre.org/techniques/T1133/",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Network,
            cap: "clients from the public internet are connected",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let clients = match facts.clients.known() {
            Ok(clients) => clients,
            Err(reason) => return Outcome::unknown(reason),
        };
        let connections = match clients.connections.known() {
            Ok(connections) => connections,
            Err(reason) => return Outcome::unknown(reason),
        };
        // A connection from an address to itself has not left the host.
        let of_others = || {
            let travelled = connections.iter().filter(|one| one.remote != one.local);
            travelled.filter(|one| reach::scope(one.remote) > Scope::Private)
        };
        let of_scope = |scope| {
            let alike = of_others().filter(|one| reach::scope(one.remote) == scope);
            alike.collect::<Vec<&Connections>>()
        };
        let public = of_scope(Scope::Public);
        let shared = of_scope(Scope::Shared);
        if public.is_empty() {
            let mut actual = vec!["nobody is connected from a public address".to_owned()];
            if let Some(first) = shared.first() {
                actual.push(format!(
                    "{} from 100.64.0.0/10, which is not public",
                    first.shown
                ));
            }
            return Outcome::Pass(actual);
        }
        let mut actual: Vec<String> = public.iter().take(SHOWN).map(|one| shown(one)).collect();
        let more = public.len().saturating_sub(SHOWN);
        if more > 0 {
            actual.push(format!("and from {more} other public addresses"));
        }
        Failure::new(actual).steps(find(facts, &public)).into()
    }
}

fn shown(one: &Connections) -> String {
    match one.count {
        0 | 1 => one.shown.clone(),
        count => format!(
            "{} and {} more from there",
            one.shown,
            count.saturating_sub(1)
        ),
    }
}

fn find(facts: &Facts, public: &[&Connections]) -> Vec<String> {
    let cli = steps::cli(facts);
    let mut steps = vec![
        "# whoever it is has been here: SECAUDIT CHECK auth.nopass-users, ACL LOG and the log tell more"
            .to_owned(),
        format!("{cli} CLIENT LIST"),
    ];
    if let Some(first) = public.first() {
        steps.push(format!("whois {}", first.remote));
    }
    steps.push(format!(
        "sudo ufw deny {}/tcp   # behind the lines that allow known hosts",
        facts.server.port
    ));
    steps
        .push("# see net.bind for a private address; then end what is still connected:".to_owned());
    steps.push(format!(
        "{cli} CLIENT KILL LADDR LOCAL_ADDRESS:PORT   # or by ADDR, one by one"
    ));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes, unknown};
    use crate::audit::facts::Fact;

    fn from(addresses: &[(&str, u64)]) -> Facts {
        let mut facts = sample::hardened();
        let connections = addresses
            .iter()
            .map(|(remote, count)| sample::connections(remote, "10.0.0.5", *count));
        sample::clients(&mut facts).connections = Fact::Known(connections.collect());
        facts
    }

    #[test]
    fn clients_from_private_addresses_pass() {
        let facts = from(&[
            ("10.0.0.9", 3),
            ("192.168.7.1", 1),
            ("fd00::1", 1),
            ("fe80::1", 1),
        ]);
        assert_eq!(
            passes(&PublicClients, &facts),
            ["nobody is connected from a public address"]
        );
        let shared = from(&[("100.64.0.9", 1)]);
        assert!(
            passes(&PublicClients, &shared)
                .concat()
                .contains("100.64.0.0/10")
        );
    }

    #[test]
    fn one_from_a_public_address_fails_and_is_quoted() {
        let facts = from(&[("10.0.0.9", 3), ("203.0.113.9", 2), ("2001:db8::9", 1)]);
        assert_eq!(
            fails(&PublicClients, &facts).actual,
            [
                "addr=203.0.113.9:4711 laddr=10.0.0.5:6379 user=default and 1 more from there",
                "addr=[2001:db8::9]:4711 laddr=10.0.0.5:6379 user=default",
            ]
        );
    }

    #[test]
    fn a_long_list_is_cut() {
        let many: Vec<String> = (0..20).map(|last| format!("203.0.113.{last}")).collect();
        let many: Vec<(&str, u64)> = many.iter().map(|one| (one.as_str(), 1)).collect();
        let failure = fails(&PublicClients, &from(&many));
        assert_eq!(failure.actual.len(), 9);
        assert!(
            failure
                .actual
                .concat()
                .contains("12 other public addresses")
        );
    }

    #[test]
    fn who_calls_himself_by_his_public_address_has_not_left_the_host() {
        let mut facts = sample::hardened();
        sample::clients(&mut facts).connections =
            Fact::Known(vec![sample::connections("203.0.113.9", "203.0.113.9", 1)]);
        passes(&PublicClients, &facts);
    }

    #[test]
    fn without_addresses_it_is_unknown() {
        let mut facts = sample::hardened();
        sample::clients(&mut facts).connections = Fact::Unavailable("too many".to_owned());
        assert_eq!(unknown(&PublicClients, &facts), "too many");
        facts.clients = Fact::Unavailable("INFO is gone".to_owned());
        assert_eq!(unknown(&PublicClients, &facts), "INFO is gone");
    }
}
