//! Checks of the network: what the listeners are bound to, and what stands before them.

use std::net::IpAddr;

use super::{access, keeping, steps};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Facts, PacketFilter};
use crate::audit::fix::Action;
use crate::audit::reach::{self, Listener, Reach, Scope};
use crate::render::escape::{printable, printable_up_to};

/// `net.bind`: no listener on a wildcard or public address.
pub struct Bind;

/// `net.firewall`: a packet filter before every listener that other hosts can reach.
pub struct Firewall;

/// `net.protected-mode`: on while the default user needs no password.
pub struct ProtectedMode;

/// Why shared addresses are neither private nor public.
pub(super) const SHARED: &str = "100.64.0.0/10 is not on the public internet, but shared with others: carriers and \
                                 overlay networks use it";

impl Check for Bind {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "net.bind",
            title: "Listens on no wildcard or public address",
            category: Category::Network,
            severity: Severity::High,
            worst: Severity::Critical,
            tutorial: true,
            why: "Redis trusts whoever reaches its port. Servers that listen on every address are found by scanners within \
                  hours; without a password they are taken over by scripts.",
            expected: "loopback, private or link-local addresses only, such as bind 127.0.0.1 -::1",
            remedy: "Bind the server to loopback, or to the private address its clients use, and nothing else.",
            references: &[
                steps::TUTORIAL,
                steps::SECURITY,
                "https://cwe.mitre.org/data/definitions/1327.html",
            ],
            fix: Fix::Auto,
            exposed: Exposed::Network,
            cap: "a listener is open to every network the host is on",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let listeners = match reach::listeners(facts) {
            Ok(listeners) => listeners,
            Err(reason) => return Outcome::unknown(reason),
        };
        let bind = facts.setting("bind");
        let bind = bind.map_or_else(
            |_| "bind: not known".to_owned(),
            |value| format!("bind {}", printable(value)),
        );
        let wide: Vec<&Listener> = of_scope(&listeners, |scope| scope >= Scope::Public);
        let shared: Vec<&Listener> = of_scope(&listeners, |scope| scope == Scope::Shared);
        let named: Vec<&Listener> = of_scope(&listeners, |scope| scope == Scope::Named);
        let mut actual: Vec<String> = wide
            .iter()
            .chain(&shared)
            .map(|listener| listener.shown.clone())
            .collect();
        if actual.is_empty() {
            if let Some(listener) = named.first() {
                return Outcome::unknown(format!(
                    "what the name stands for is not known, and the sockets cannot be seen: {}",
                    listener.shown
                ));
            }
            actual = listeners
                .iter()
                .map(|listener| listener.shown.clone())
                .collect();
            if actual.is_empty() {
                actual.push("no TCP listener".to_owned());
            }
            actual.push(bind);
            return Outcome::Pass(actual);
        }
        actual.push(bind);
        let narrower = narrower(facts);
        let mut failure = Failure::new(actual).steps(bind_steps(facts, &narrower));
        if let Ok(bind) = narrower {
            let set = vec![("bind".to_owned(), bind.into_bytes())];
            failure = failure.actions([Action::Set(set)]);
        }
        let offered: Vec<&Listener> = wide.iter().chain(&shared).copied().collect();
        if let Some(reason) = lets_strangers_in(facts, &offered) {
            failure = failure.severity(Severity::Critical, reason);
        } else if wide.is_empty() {
            failure = failure.severity(Severity::Medium, SHARED);
        }
        failure.into()
    }
}

impl Check for Firewall {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "net.firewall",
            title: "A packet filter guards what other hosts can reach",
            category: Category::Network,
            severity: Severity::Medium,
            worst: Severity::Medium,
            tutorial: true,
            why: "A firewall lets in the hosts that need the server and nobody else, even on the day a setting goes wrong.",
            expected: "nothing reachable from beyond the host, or a packet filter that looks at incoming packets",
            remedy: "Let the firewall admit only the hosts that need this server, or bind it to loopback.",
            references: &[steps::TUTORIAL, steps::SECURITY],
            fix: Fix::Plan,
            exposed: Exposed::Network,
            cap: "no packet filter guards the listeners that other hosts can reach",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let listener = match reach::network(facts) {
            Ok(Reach::Host(why)) => {
                return Outcome::pass(format!("nothing is reachable from beyond the host: {why}"));
            }
            Ok(Reach::Beyond(listener)) => listener,
            Err(reason) => return Outcome::unknown(reason),
        };
        match facts.packet_filter.known() {
            Ok(PacketFilter::Seen(chains)) => {
                let mut actual = vec![listener];
                actual.extend(chains.iter().take(8).cloned());
                actual.push("what these chains let through is not judged".to_owned());
                Outcome::Pass(actual)
            }
            Ok(PacketFilter::None) => Failure::new(vec![
                listener,
                "no nftables or iptables chain looks at incoming packets on this host".to_owned(),
            ])
            .steps([
                "sudo ufw default deny incoming && sudo ufw allow OpenSSH".to_owned(),
                format!(
                    "sudo ufw allow from CLIENT_ADDRESS to any port {} proto tcp",
                    facts.server.port
                ),
                "sudo ufw enable".to_owned(),
                "# a filter outside this host (a cloud's security group) cannot be seen from here"
                    .to_owned(),
            ])
            .into(),
            Err(reason) => Outcome::Unknown {
                reason: format!(
                    "{listener} is reachable from beyond the host; packet filter: {reason}"
                ),
                steps: [
                    "sudo nft list ruleset",
                    "sudo iptables -L -n; sudo ip6tables -L -n",
                    "sudo ufw status verbose",
                ]
                .map(str::to_owned)
                .into(),
            },
        }
    }
}

impl Check for ProtectedMode {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "net.protected-mode",
            title: "Protected mode is on while no password is needed",
            category: Category::Network,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "Protected mode is the last fence of a server without a password: it refuses everybody beyond loopback.",
            expected: "protected-mode yes, or a default user who needs a password",
            remedy: "Set a password; until then keep protected mode on.",
            references: &[steps::SECURITY, steps::VALKEY],
            fix: Fix::Auto,
            exposed: Exposed::Clients,
            cap: "protected mode is off while the default user needs no password",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let setting = facts.setting("protected-mode");
        if let Ok(b"yes") = setting {
            return Outcome::pass("protected-mode yes");
        }
        let default = match facts.default_user() {
            Ok(default) => default,
            Err(reason) => return Outcome::unknown(reason),
        };
        // A fence that is not needed may be down, and need not be seen.
        let shown = setting
            .as_ref()
            .map_or_else(|_| "not known".to_owned(), |value| printable(value));
        let actual = format!("protected-mode {shown}");
        if !(default.enabled && default.nopass) {
            return Outcome::Pass(vec![
                actual,
                "user default is off or needs a password".to_owned(),
            ]);
        }
        if let Err(reason) = setting {
            return Outcome::unknown(reason);
        }
        Failure::new(vec![actual, "user default on nopass".to_owned()])
            .steps([
                format!("{} CONFIG SET protected-mode yes", steps::cli(facts)),
                keeping::setting(facts, "protected-mode yes"),
                "# other hosts are refused from then on; so set a password: SECAUDIT EXPLAIN auth.password"
                    .to_owned(),
            ])
            .actions([Action::Set(vec![(
                "protected-mode".to_owned(),
                b"yes".to_vec(),
            )])])
            .into()
    }
}

fn of_scope(listeners: &[Listener], wanted: impl Fn(Scope) -> bool) -> Vec<&Listener> {
    let of_scope = |listener: &&Listener| wanted(listener.scope);
    listeners.iter().filter(of_scope).collect()
}

/// Why a stranger gets in through these listeners and has power there; `None` when he does not.
fn lets_strangers_in(facts: &Facts, listeners: &[&Listener]) -> Option<String> {
    let open = listeners
        .iter()
        .find(|listener| !listener.needs_certificate)?;
    if reach::protected(facts) != Ok(false) {
        return None;
    }
    let users = facts.users.known().ok()?;
    let without_password = users.iter().filter(|user| user.enabled && user.nopass);
    for user in without_password {
        let name = printable_up_to(&user.name, 64);
        match access::power_of(facts, &user.name) {
            Ok(power) if power.is_empty() => {}
            Ok(power) => {
                let power: Vec<String> = power.into_iter().map(str::to_owned).collect();
                return Some(format!(
                    "{} admits user {name} without a password, who may run {}",
                    open.shown,
                    steps::first_few(&power, 4)
                ));
            }
            Err(reason) => {
                return Some(format!(
                    "{} admits user {name} without a password; what he may run is not known ({reason})",
                    open.shown
                ));
            }
        }
    }
    None
}

/// A `bind` without wide addresses that shuts out nobody who is connected now; the error is why there is none.
fn narrower(facts: &Facts) -> Result<String, String> {
    if reach::is_yes(facts, "cluster-enabled") {
        return Err(
            "the other nodes of the cluster must reach this one: choose its address".to_owned(),
        );
    }
    let (near, wide): (Vec<_>, Vec<_>) = reach::bind_words(facts.setting("bind")?)
        .into_iter()
        .partition(|word| word.address.map(reach::scope) <= Some(Scope::Private));
    if wide.is_empty() {
        return Err("bind names no wide address: see net.listening".to_owned());
    }
    let mut words: Vec<String> = near
        .iter()
        .filter(|word| word.address.is_some())
        .map(|word| word.shown.clone())
        .collect();
    let mut bound: Vec<IpAddr> = near.iter().filter_map(|word| word.address).collect();
    if !bound.iter().any(IpAddr::is_loopback) {
        words.splice(0..0, ["127.0.0.1".to_owned(), "-::1".to_owned()]);
    }
    for connections in facts.clients.known()?.connections.known()? {
        let local = connections.local;
        if bound.contains(&local) || local.is_loopback() {
            continue;
        }
        if reach::scope(local) != Scope::Private {
            return Err(format!(
                "clients are connected to {local} now: {}",
                connections.shown
            ));
        }
        bound.push(local);
        words.push(local.to_string());
    }
    Ok(words.join(" "))
}

/// What could shut somebody out is said first.
fn bind_steps(facts: &Facts, narrower: &Result<String, String>) -> Vec<String> {
    let bind = narrower.as_deref().unwrap_or("127.0.0.1 -::1");
    let set = format!("{} CONFIG SET bind \"{bind}\"", steps::cli(facts));
    let keep = keeping::setting(facts, &format!("bind {bind}"));
    match narrower {
        Ok(_) => vec![
            format!("{set}   # connections that are open stay open"),
            keep,
            "# where other hosts need it, add the private address they use: bind 127.0.0.1 -::1 10.x.x.x"
                .to_owned(),
        ],
        Err(reason) => vec![
            format!("# {reason}"),
            "# add the private address that other hosts need, 10.x.x.x:".to_owned(),
            set,
            keep,
        ],
    }
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
