//! `net.listening`: the sockets this process really has are those its settings speak of.

use std::net::SocketAddr;

use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Facts, Socket};
use crate::audit::reach::{self, Bind, bind_words};
use crate::render::escape::printable;

/// `net.listening`.
pub struct Listening;

impl Check for Listening {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "net.listening",
            title: "Listens where its settings say, and nowhere else",
            category: Category::Network,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: true,
            why: "A socket that no setting speaks of is one that nobody guards: a module's own port, a leftover, or an \
                  intruder's back door.",
            expected: "exactly the sockets of bind, port, tls-port, unixsocket and the cluster bus",
            remedy: "Find out who opened the socket; change the settings or unload the module until both agree.",
            references: &[steps::TUTORIAL, steps::SECURITY],
            fix: Fix::Plan,
            exposed: Exposed::Network,
            cap: "the server listens where its settings do not say",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let sockets = match facts.sockets.known() {
            Ok(sockets) => sockets,
            Err(reason) => return Outcome::unknown(reason),
        };
        let wanted = match Wanted::read(facts) {
            Ok(wanted) => wanted,
            Err(reason) => return Outcome::unknown(reason),
        };
        let missing = wanted.missing(sockets);
        let mut strange = 0;
        let mut actual = Vec::new();
        for socket in sockets {
            let line = reach::shown(facts, socket);
            if wanted.has(socket) {
                actual.push(line);
            } else {
                strange += 1;
                actual.insert(0, format!("{line}: no setting speaks of it"));
            }
        }
        if actual.is_empty() {
            actual.push("no listening socket".to_owned());
        }
        if strange == 0 && missing.is_empty() {
            return Outcome::Pass(actual);
        }
        actual.extend(missing);
        Failure::new(actual)
            .steps([
                format!("sudo ss -ltnxp | grep pid={}", facts.process.pid),
                format!(
                    "{} CONFIG GET '*port'; {} CONFIG GET bind",
                    steps::cli(facts),
                    steps::cli(facts)
                ),
                format!("{} MODULE LIST", steps::cli(facts)),
            ])
            .into()
    }
}

/// The sockets the settings speak of.
struct Wanted {
    bind: Vec<Bind>,
    ports: Vec<u16>,
    unix: Option<Vec<u8>>,
}

impl Wanted {
    fn read(facts: &Facts) -> Result<Self, String> {
        let bind = bind_words(facts.setting("bind")?);
        let plain = reach::port(facts, "port")?;
        let tls = reach::port(facts, "tls-port").unwrap_or(0);
        let ports = [plain, tls, reach::bus_port(facts).unwrap_or(0)];
        let unix = facts.setting("unixsocket")?;
        Ok(Self {
            bind,
            ports: ports.into_iter().filter(|port| *port != 0).collect(),
            unix: (!unix.is_empty()).then(|| unix.to_vec()),
        })
    }

    fn has(&self, socket: &Socket) -> bool {
        match socket {
            Socket::Unix { path, .. } => self.unix.as_deref().is_some_and(|unix| same(unix, path)),
            Socket::Tcp(address) => {
                self.ports.contains(&address.port())
                    && self.bind.iter().any(|bind| fits(bind, address))
            }
        }
    }

    /// What is configured and not there, as lines of evidence.
    fn missing(&self, sockets: &[Socket]) -> Vec<String> {
        let mut lines = Vec::new();
        for bind in self.bind.iter().filter(|bind| !bind.optional) {
            for port in &self.ports {
                let there = sockets.iter().any(|socket| match socket {
                    Socket::Tcp(address) => address.port() == *port && fits(bind, address),
                    Socket::Unix { .. } => false,
                });
                if !there {
                    lines.push(format!(
                        "bind {} port {port}: no socket listens there",
                        bind.shown
                    ));
                }
            }
        }
        let there = sockets
            .iter()
            .any(|socket| self.has(socket) && matches!(socket, Socket::Unix { .. }));
        if let (Some(unix), false) = (&self.unix, there) {
            lines.push(format!(
                "unixsocket {}: no socket listens there",
                printable(unix)
            ));
        }
        lines
    }
}

/// A name stands for an address that only the socket tells.
fn fits(bind: &Bind, address: &SocketAddr) -> bool {
    bind.address.is_none_or(|bound| bound == address.ip())
}

/// A relative path is bound as it is written; the kernel may show it either way.
fn same(setting: &[u8], bound: &[u8]) -> bool {
    let relative = setting.strip_prefix(b"./").unwrap_or(setting);
    setting == bound
        || (!setting.starts_with(b"/")
            && (bound == relative || bound.ends_with(&[b"/", relative].concat())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes, tcp, unknown};
    use crate::audit::facts::Fact;

    fn unix(path: &str) -> Socket {
        Socket::Unix {
            path: path.as_bytes().to_vec(),
            file: Fact::Unavailable("not looked at".to_owned()),
        }
    }

    #[test]
    fn the_configured_sockets_pass_and_are_quoted() {
        let actual = passes(&Listening, &sample::hardened());
        assert_eq!(actual, ["tcp 127.0.0.1:6379 LISTEN 4242/redis-server"]);
    }

    #[test]
    fn a_socket_no_setting_speaks_of_fails() {
        let mut facts = sample::hardened();
        for stranger in ["127.0.0.1:4444", "0.0.0.0:6379", "[::]:6379"] {
            facts.sockets = Fact::Known(vec![tcp("127.0.0.1:6379"), tcp(stranger)]);
            let failure = fails(&Listening, &facts);
            let first = failure.actual.first().cloned().unwrap_or_default();
            assert!(first.ends_with("no setting speaks of it"), "{first}");
        }
        facts.sockets = Fact::Known(vec![tcp("127.0.0.1:6379"), unix("/tmp/back.door")]);
        fails(&Listening, &facts);
    }

    #[test]
    fn a_configured_address_without_a_socket_fails_unless_it_may_be_missing() {
        let mut facts = sample::hardened();
        sample::set(&mut facts, "bind", "127.0.0.1 10.0.0.5");
        let failure = fails(&Listening, &facts);
        assert!(
            failure
                .actual
                .contains(&"bind 10.0.0.5 port 6379: no socket listens there".to_owned())
        );
        sample::set(&mut facts, "bind", "127.0.0.1 -10.0.0.5 -::1");
        passes(&Listening, &facts);
    }

    #[test]
    fn tls_cluster_bus_and_unix_sockets_are_part_of_the_settings() {
        let mut facts = sample::hardened();
        sample::set(&mut facts, "tls-port", "6380");
        sample::set(&mut facts, "cluster-enabled", "yes");
        sample::set(&mut facts, "unixsocket", "/run/redis/redis.sock");
        facts.sockets = Fact::Known(vec![
            tcp("127.0.0.1:6379"),
            tcp("127.0.0.1:6380"),
            tcp("127.0.0.1:16379"),
            unix("/run/redis/redis.sock"),
        ]);
        passes(&Listening, &facts);
        facts.sockets = Fact::Known(vec![tcp("127.0.0.1:6379")]);
        assert_eq!(fails(&Listening, &facts).actual.len(), 4);
    }

    #[test]
    fn a_host_name_fits_whatever_socket_it_became() {
        let mut facts = sample::hardened();
        sample::set(&mut facts, "bind", "localhost");
        passes(&Listening, &facts);
    }

    #[test]
    fn a_relative_unix_socket_is_recognised() {
        let mut facts = sample::hardened();
        sample::set(&mut facts, "unixsocket", "./r.sock");
        facts.sockets = Fact::Known(vec![tcp("127.0.0.1:6379"), unix("./r.sock")]);
        passes(&Listening, &facts);
    }

    #[test]
    fn without_sockets_or_settings_it_is_unknown() {
        let mut facts = sample::hardened();
        facts.sockets = Fact::Unavailable("no /proc".to_owned());
        assert_eq!(unknown(&Listening, &facts), "no /proc");
        let mut facts = sample::hardened();
        facts.config = Fact::Unavailable("CONFIG is renamed".to_owned());
        assert_eq!(unknown(&Listening, &facts), "CONFIG is renamed");
    }
}
