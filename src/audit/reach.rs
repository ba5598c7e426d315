//! Who can reach the server: the listeners, the kind of address each has, and whom protected mode keeps out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::facts::{Facts, Socket};
use super::tls;
use crate::render::escape::printable;

/// A kind of address, from the nearest to the widest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// 127.0.0.0/8, ::1.
    Loopback,
    /// 169.254.0.0/16, fe80::/10.
    LinkLocal,
    /// RFC 1918, fc00::/7.
    Private,
    /// 100.64.0.0/10: a provider's carrier-grade NAT, or an overlay network.
    Shared,
    /// A name: only its sockets tell what it stood for.
    Named,
    /// Anything else.
    Public,
    /// 0.0.0.0, ::.
    Wildcard,
}

/// Where clients connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// As it is shown: `tcp 0.0.0.0:6379 LISTEN 1234/redis-server`, or `bind 0.0.0.0 (port 6379)`.
    pub shown: String,
    /// What kind of address it is.
    pub scope: Scope,
    /// Its port.
    pub port: u16,
    /// It is the TLS port.
    pub tls: bool,
    /// The TLS port, and the server asks every client for a certificate that not everybody can get.
    pub needs_certificate: bool,
}

/// One word of `bind`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// With a leading `-`: the address may be missing on this host.
    pub optional: bool,
    /// The address; a name has none.
    pub address: Option<IpAddr>,
    /// As it was written.
    pub shown: String,
}

/// From how far away somebody can speak to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// From this host only, and why.
    Host(String),
    /// From other hosts, through this listener.
    Beyond(String),
}

/// The kind of an address. An IPv4 address in IPv6 clothes counts as what it is.
pub fn scope(address: IpAddr) -> Scope {
    match address.to_canonical() {
        IpAddr::V4(v4) if v4.is_unspecified() => Scope::Wildcard,
        IpAddr::V4(v4) if v4.is_loopback() => Scope::Loopback,
        IpAddr::V4(v4) if v4.is_link_local() => Scope::LinkLocal,
        IpAddr::V4(v4) if v4.is_private() => Scope::Private,
        IpAddr::V4(v4) if v4.to_bits() >> 22 == Ipv4Addr::new(100, 64, 0, 0).to_bits() >> 22 => {
            Scope::Shared
        }
        IpAddr::V6(v6) if v6.is_unspecified() => Scope::Wildcard,
        IpAddr::V6(v6) if v6.is_loopback() => Scope::Loopback,
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Scope::LinkLocal,
        IpAddr::V6(v6) if v6.is_unique_local() => Scope::Private,
        _ => Scope::Public,
    }
}

/// The words of a `bind` setting. An empty one binds nothing.
pub fn bind_words(setting: &[u8]) -> Vec<Bind> {
    let words = setting.split(u8::is_ascii_whitespace);
    let words = words.filter(|word| !word.is_empty());
    words
        .map(|word| {
            let bare = word.strip_prefix(b"-").unwrap_or(word);
            let text = String::from_utf8_lossy(bare);
            let address = match bare {
                b"*" => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
                b"::*" => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
                _ => text.split('%').next().and_then(|text| text.parse().ok()),
            };
            Bind {
                optional: bare.len() != word.len(),
                address,
                shown: printable(word),
            }
        })
        .collect()
}

/// A numeric setting.
pub fn port(facts: &Facts, name: &str) -> Result<u16, String> {
    let value = facts.setting(name)?;
    let text = String::from_utf8_lossy(value);
    text.trim()
        .parse()
        .map_err(|_| format!("'{name}' is no port number: {}", printable(value)))
}

/// A yes-or-no setting that this server may not have.
pub fn is_yes(facts: &Facts, name: &str) -> bool {
    facts.setting(name) == Ok(b"yes")
}

/// The port of the cluster bus, where the server is a cluster node.
pub fn bus_port(facts: &Facts) -> Option<u16> {
    if !is_yes(facts, "cluster-enabled") {
        return None;
    }
    match port(facts, "cluster-port") {
        Ok(0) | Err(_) => {}
        Ok(own) => return Some(own),
    }
    let plain = port(facts, "port").unwrap_or(facts.server.port);
    let base = if plain == 0 || is_yes(facts, "tls-cluster") {
        port(facts, "tls-port").ok().filter(|tls| *tls != 0)
    } else {
        None
    };
    base.unwrap_or(plain).checked_add(10_000)
}

/// The TCP listeners for clients: the real sockets, or what `bind` says where those cannot be seen.
pub fn listeners(facts: &Facts) -> Result<Vec<Listener>, String> {
    let bus = bus_port(facts);
    if let Ok(sockets) = facts.sockets.known() {
        return Ok(from_sockets(facts, sockets, |port| Some(port) != bus));
    }
    let plain = port(facts, "port").map_err(|why| without_sockets(facts, "port", &why))?;
    let tls = tls_port(facts).unwrap_or(0);
    bound(facts, &[plain, tls])
}

/// The listeners of the cluster bus; none where the server is no cluster node.
pub fn bus(facts: &Facts) -> Result<Vec<Listener>, String> {
    let Some(bus) = bus_port(facts) else {
        return Ok(Vec::new());
    };
    match facts.sockets.known() {
        Ok(sockets) => Ok(from_sockets(facts, sockets, |port| port == bus)),
        Err(_) => bound(facts, &[bus]),
    }
}

/// The port for TLS, where there is one.
pub fn tls_port(facts: &Facts) -> Option<u16> {
    port(facts, "tls-port").ok().filter(|port| *port != 0)
}

/// From how far away somebody can open a connection.
pub fn network(facts: &Facts) -> Result<Reach, String> {
    let listeners = listeners(facts)?;
    let mut beyond = listeners
        .iter()
        .filter(|listener| listener.scope > Scope::Loopback);
    match beyond.next() {
        Some(first) => Ok(Reach::Beyond(first.shown.clone())),
        None if listeners.is_empty() => Ok(Reach::Host("it listens on no TCP port".to_owned())),
        None => Ok(Reach::Host("it listens on loopback only".to_owned())),
    }
}

/// From how far away somebody without a client certificate gets a word in: protected mode refuses everybody beyond
/// loopback while the default user is `nopass`, be it on or off.
pub fn admitted(facts: &Facts) -> Result<Reach, String> {
    let listeners = listeners(facts)?;
    if let Reach::Host(why) = network(facts)? {
        return Ok(Reach::Host(why));
    }
    let open = listeners
        .iter()
        .find(|listener| listener.scope > Scope::Loopback && !listener.needs_certificate);
    let Some(open) = open else {
        let why = "every listener beyond loopback asks for a client certificate";
        return Ok(Reach::Host(why.to_owned()));
    };
    if protected(facts)? {
        let why = "protected-mode refuses connections from beyond loopback, and nothing else does";
        return Ok(Reach::Host(why.to_owned()));
    }
    Ok(Reach::Beyond(open.shown.clone()))
}

/// Whether protected mode is at work.
pub fn protected(facts: &Facts) -> Result<bool, String> {
    match facts.setting("protected-mode")? {
        b"yes" => Ok(facts.default_user()?.nopass),
        _ => Ok(false),
    }
}

/// A socket as netstat shows it.
pub fn shown(facts: &Facts, socket: &Socket) -> String {
    let executable = facts.server.executable.as_bytes();
    let program = executable.rsplit(|byte| *byte == b'/').next();
    let program = printable(program.unwrap_or_default());
    let owner = format!("{}/{program}", facts.process.pid);
    match socket {
        Socket::Tcp(SocketAddr::V4(address)) => format!("tcp {address} LISTEN {owner}"),
        Socket::Tcp(SocketAddr::V6(address)) => {
            format!("tcp6 {}:{} LISTEN {owner}", address.ip(), address.port())
        }
        Socket::Unix { path, .. } => format!("unix {} LISTENING {owner}", printable(path)),
    }
}

/// The TCP sockets whose port is wanted.
fn from_sockets(facts: &Facts, sockets: &[Socket], wanted: impl Fn(u16) -> bool) -> Vec<Listener> {
    let of_socket = |socket: &Socket| match socket {
        Socket::Tcp(address) if wanted(address.port()) => Some(listener(
            facts,
            shown(facts, socket),
            scope(address.ip()),
            address.port(),
        )),
        _ => None,
    };
    sockets.iter().filter_map(of_socket).collect()
}

/// What `bind` says of these ports, where the sockets cannot be seen.
fn bound(facts: &Facts, ports: &[u16]) -> Result<Vec<Listener>, String> {
    let bind = facts.setting("bind");
    let bind = bind.map_err(|why| without_sockets(facts, "bind", &why))?;
    let mut listeners = Vec::new();
    for word in bind_words(bind) {
        for port in ports.iter().copied().filter(|port| *port != 0) {
            let shown = format!("bind {} (port {port})", word.shown);
            let scope = word.address.map_or(Scope::Named, scope);
            listeners.push(listener(facts, shown, scope, port));
        }
    }
    Ok(listeners)
}

fn listener(facts: &Facts, shown: String, scope: Scope, port: u16) -> Listener {
    let is_tls = tls_port(facts) == Some(port);
    Listener {
        shown,
        scope,
        port,
        tls: is_tls,
        needs_certificate: is_tls
            && facts.setting("tls-auth-clients") == Ok(b"yes")
            && tls::public_authorities(facts).is_none(),
    }
}

fn without_sockets(facts: &Facts, setting: &str, why: &str) -> String {
    match facts.sockets.known() {
        Ok(_) => why.to_owned(),
        Err(reason) => format!("{reason}; nor is '{setting}' known: {why}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, tcp};
    use crate::audit::facts::Fact;

    fn scope_of(address: &str) -> Scope {
        scope(address.parse().unwrap())
    }

    #[test]
    fn every_kind_of_address_is_told_apart() {
        assert_eq!(scope_of("127.8.0.1"), Scope::Loopback);
        assert_eq!(scope_of("::1"), Scope::Loopback);
        assert_eq!(scope_of("::ffff:127.0.0.1"), Scope::Loopback);
        assert_eq!(scope_of("169.254.1.1"), Scope::LinkLocal);
        assert_eq!(scope_of("fe80::1"), Scope::LinkLocal);
        assert_eq!(scope_of("10.1.2.3"), Scope::Private);
        assert_eq!(scope_of("172.31.0.1"), Scope::Private);
        assert_eq!(scope_of("172.32.0.1"), Scope::Public);
        assert_eq!(scope_of("fd00::7"), Scope::Private);
        assert_eq!(scope_of("100.64.0.1"), Scope::Shared);
        assert_eq!(scope_of("100.127.255.255"), Scope::Shared);
        assert_eq!(scope_of("100.128.0.1"), Scope::Public);
        assert_eq!(scope_of("203.0.113.9"), Scope::Public);
        assert_eq!(scope_of("2001:db8::1"), Scope::Public);
        assert_eq!(scope_of("0.0.0.0"), Scope::Wildcard);
        assert_eq!(scope_of("::ffff:0.0.0.0"), Scope::Wildcard);
        assert_eq!(scope_of("::"), Scope::Wildcard);
    }

    #[test]
    fn every_form_of_bind_is_understood() {
        let words = bind_words(b"* -::* -::1 10.0.0.1 fe80::1%eth0 localhost");
        let addresses: Vec<Option<IpAddr>> = words.iter().map(|word| word.address).collect();
        let parse = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        assert_eq!(
            addresses,
            [
                parse("0.0.0.0"),
                parse("::"),
                parse("::1"),
                parse("10.0.0.1"),
                parse("fe80::1"),
                None
            ]
        );
        let optional: Vec<bool> = words.iter().map(|word| word.optional).collect();
        assert_eq!(optional, [false, true, true, false, false, false]);
        assert_eq!(bind_words(b""), []);
    }

    #[test]
    fn protected_mode_keeps_strangers_out_only_while_default_needs_no_password() {
        let mut facts = sample::wide_open();
        assert!(matches!(admitted(&facts), Ok(Reach::Beyond(_))));
        sample::set(&mut facts, "protected-mode", "yes");
        assert!(matches!(admitted(&facts), Ok(Reach::Host(_))));
        assert!(matches!(network(&facts), Ok(Reach::Beyond(_))));
        sample::user(&mut facts, "default").enabled = false;
        assert!(matches!(admitted(&facts), Ok(Reach::Host(_))));
        sample::user(&mut facts, "default").nopass = false;
        assert!(matches!(admitted(&facts), Ok(Reach::Beyond(_))));
    }

    #[test]
    fn bind_stands_in_where_the_sockets_cannot_be_seen() {
        let mut facts = sample::hardened();
        facts.sockets = Fact::Unavailable("no /proc".to_owned());
        sample::set(&mut facts, "bind", "127.0.0.1 0.0.0.0");
        assert!(matches!(network(&facts), Ok(Reach::Beyond(_))));
        facts.config = Fact::Unavailable("CONFIG is renamed".to_owned());
        assert!(network(&facts).unwrap_err().contains("CONFIG is renamed"));
    }

    #[test]
    fn a_tls_port_that_asks_for_certificates_admits_no_stranger() {
        let mut facts = sample::wide_open();
        sample::set(&mut facts, "port", "0");
        sample::set(&mut facts, "tls-port", "6380");
        sample::set(&mut facts, "tls-auth-clients", "yes");
        facts.sockets = Fact::Known(vec![tcp("0.0.0.0:6380")]);
        assert!(matches!(admitted(&facts), Ok(Reach::Host(_))));
        facts.authorities = vec![sample::public_authorities()];
        assert!(matches!(admitted(&facts), Ok(Reach::Beyond(_))));
        facts.authorities.clear();
        sample::set(&mut facts, "tls-auth-clients", "optional");
        assert!(matches!(admitted(&facts), Ok(Reach::Beyond(_))));
    }

    #[test]
    fn the_cluster_bus_is_no_listener_for_clients() {
        let mut facts = sample::hardened();
        sample::set(&mut facts, "cluster-enabled", "yes");
        facts.sockets = Fact::Known(vec![tcp("127.0.0.1:6379"), tcp("0.0.0.0:16379")]);
        assert!(matches!(network(&facts), Ok(Reach::Host(_))));
    }
}
