//! Who is connected: how many clients there are, from which addresses, and how many of them are idle.
//!
//! CLIENT LIST tells all of it. Where it cannot be had, the kernel knows the addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::ask::{Ask, Reply};
use super::client_list;
use super::config_file::ConfigFile;
use super::settings::Settings;
use super::wire_name::call;
use crate::audit::facts::{Clients, Connections, Fact, Sentinel};
use crate::render::escape::printable_up_to;

const LONG: u64 = 3600;

/// A line of CLIENT LIST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The far end; a unix socket has none.
    pub remote: Option<SocketAddr>,
    /// The near end.
    pub local: Option<SocketAddr>,
    /// It is a link to the master of this server.
    pub master: bool,
    /// It is a link of a replica.
    pub replica: bool,
    /// As whom it is logged in.
    user: Vec<u8>,
    sentinel: Option<SentinelLink>,
    idle: u64,
    shown: String,
}

/// The two connections that a Sentinel keeps to each server it watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SentinelLink {
    Commands,
    Messages,
}

/// The clients, line by line, or why they are not listed.
pub fn list(ask: &dyn Ask, file: &ConfigFile) -> Fact<Vec<Listed>> {
    match connected(ask) {
        Ok(connected) => match client_list::read(ask, file, connected) {
            Ok(list) => Fact::Known(lines(&list)),
            Err(reason) => Fact::Unavailable(reason),
        },
        Err(reason) => Fact::Unavailable(reason),
    }
}

/// The clients of one type: `replica`, `master`. The server writes no line for the others, so there may be many of those.
pub fn list_type(ask: &dyn Ask, file: &ConfigFile, kind: &[u8]) -> Fact<Vec<Listed>> {
    listed(ask, file, &[b"client", b"list", b"type", kind])
}

/// Sums up. `kernel` has the connections to ports of this process, each with its near and its far end; those to other
/// ports than the clients' (the cluster bus) are left out, where the settings are known.
pub fn read(
    ask: &dyn Ask,
    settings: &Settings,
    list: &Fact<Vec<Listed>>,
    kernel: &Fact<Vec<(SocketAddr, SocketAddr)>>,
) -> Fact<Clients> {
    let connected = match connected(ask) {
        Ok(connected) => connected,
        Err(reason) => return Fact::Unavailable(reason),
    };
    let long = |line: &&Listed| line.idle > LONG;
    let (idle, connections) = match (list.known(), kernel.known()) {
        (Ok(list), _) => {
            let idle = list.iter().filter(long).count();
            (
                Fact::Known(u64::try_from(idle).unwrap_or(u64::MAX)),
                Fact::Known(of_list(list)),
            )
        }
        (Err(reason), Ok(kernel)) => (
            Fact::Unavailable(reason.to_owned()),
            Fact::Known(of_kernel(settings, kernel)),
        ),
        (Err(reason), Err(second)) => (
            Fact::Unavailable(reason.to_owned()),
            Fact::Unavailable(format!("{reason}; {second}")),
        ),
    };
    Fact::Known(Clients {
        connected,
        idle,
        connections,
    })
}

/// The users as whom Sentinels are connected. Any client can give itself the name of one.
pub fn sentinels(list: &Fact<Vec<Listed>>) -> Fact<Vec<Sentinel>> {
    let list = match list {
        Fact::Known(list) => list,
        Fact::Unavailable(reason) => return Fact::Unavailable(reason.clone()),
    };
    let commands = list
        .iter()
        .filter(|line| line.sentinel == Some(SentinelLink::Commands));
    let users: BTreeSet<&[u8]> = commands.map(|line| line.user.as_slice()).collect();
    let others: BTreeSet<&[u8]> = list
        .iter()
        .filter(|line| line.sentinel.is_none())
        .map(|line| line.user.as_slice())
        .collect();
    let sentinel = |user: &[u8]| Sentinel {
        user: user.to_vec(),
        alone: !others.contains(user),
    };
    Fact::Known(users.into_iter().map(sentinel).collect())
}

fn connected(ask: &dyn Ask) -> Result<u64, String> {
    let connected = ask.info("clients", "connected_clients");
    let connected = connected.and_then(|count| count.parse().ok());
    connected.ok_or_else(|| "INFO does not tell connected_clients".to_owned())
}

fn listed(ask: &dyn Ask, file: &ConfigFile, words: &[&[u8]]) -> Fact<Vec<Listed>> {
    match call(ask, file, words) {
        Ok(Reply::Text(list)) => Fact::Known(lines(&list)),
        Ok(_) => Fact::Unavailable("CLIENT LIST answered in a form that is not known".to_owned()),
        Err(reason) => Fact::Unavailable(reason),
    }
}

fn lines(list: &[u8]) -> Vec<Listed> {
    let lines = list.split(|byte| *byte == b'\n');
    lines.filter_map(line).collect()
}

/// `id=3 addr=10.0.0.9:41 laddr=10.0.0.5:6379 fd=8 name= age=9 idle=0 flags=N …`: no value has a space in it.
fn line(line: &[u8]) -> Option<Listed> {
    let mut values = BTreeMap::new();
    for field in line.split(|byte| *byte == b' ') {
        let mut halves = field.splitn(2, |byte| *byte == b'=');
        if let (Some(name), Some(value)) = (halves.next(), halves.next()) {
            values.entry(name).or_insert(value);
        }
    }
    let text = |name: &[u8]| std::str::from_utf8(values.get(name).copied().unwrap_or_default());
    let address = |name: &[u8]| text(name).ok()?.parse::<SocketAddr>().ok();
    let flags = values.get(&b"flags"[..]).copied().unwrap_or_default();
    values.get(&b"id"[..])?;
    let shown = ["addr", "laddr", "user", "name"].map(|name| {
        let value = values.get(name.as_bytes()).copied().unwrap_or_default();
        match value.is_empty() {
            true => String::new(),
            false => format!("{name}={}", printable_up_to(value, 64)),
        }
    });
    let shown: Vec<String> = shown.into_iter().filter(|part| !part.is_empty()).collect();
    Some(Listed {
        remote: address(b"addr"),
        local: address(b"laddr"),
        master: flags.contains(&b'M'),
        replica: flags.contains(&b'S'),
        user: values
            .get(&b"user"[..])
            .map_or_else(Vec::new, |user| user.to_vec()),
        sentinel: link_of_sentinel(values.get(&b"name"[..]).copied().unwrap_or_default()),
        idle: text(b"idle").ok()?.parse().unwrap_or(0),
        shown: shown.join(" "),
    })
}

/// Whether a client gave itself the name of a Sentinel: `sentinel-` and eight digits, and which connection it is.
fn link_of_sentinel(name: &[u8]) -> Option<SentinelLink> {
    let rest = name.strip_prefix(b"sentinel-")?;
    match rest.get(8..)? {
        b"-cmd" => Some(SentinelLink::Commands),
        b"-pubsub" => Some(SentinelLink::Messages),
        _ => None,
    }
}

fn of_list(list: &[Listed]) -> Vec<Connections> {
    let clients = list.iter().filter(|line| !line.master);
    let ends = clients.filter_map(|line| Some((line.local?, line.remote?, line)));
    grouped(ends.map(|(local, remote, line)| (local, remote, line.shown.clone())))
}

fn of_kernel(settings: &Settings, kernel: &[(SocketAddr, SocketAddr)]) -> Vec<Connections> {
    let ports = ["port", "tls-port"].map(|name| {
        let port = std::str::from_utf8(settings.get(name)?).ok()?;
        port.parse::<u16>().ok()
    });
    let known = ports.iter().any(Option::is_some);
    let to_clients =
        |(local, _): &&(SocketAddr, SocketAddr)| !known || ports.contains(&Some(local.port()));
    grouped(kernel.iter().filter(to_clients).map(|(local, remote)| {
        let protocol = if local.is_ipv4() { "tcp" } else { "tcp6" };
        let shown = format!("{protocol} {local} {remote} ESTABLISHED");
        (*local, *remote, shown)
    }))
}

/// One entry for each pair of addresses; what stays on loopback is left out.
fn grouped(ends: impl Iterator<Item = (SocketAddr, SocketAddr, String)>) -> Vec<Connections> {
    let mut found: BTreeMap<(IpAddr, IpAddr), Connections> = BTreeMap::new();
    for (local, remote, shown) in ends {
        let (local, remote) = (local.ip().to_canonical(), remote.ip().to_canonical());
        if remote.is_loopback() {
            continue;
        }
        let entry = found.entry((remote, local)).or_insert(Connections {
            remote,
            local,
            count: 0,
            shown,
        });
        entry.count = entry.count.saturating_add(1);
    }
    found.into_values().collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::twin::Twin;
    use super::*;

    const LINES: &str = "\
        id=3 addr=203.0.113.9:41 laddr=10.0.0.5:6379 fd=8 name=job idle=3601 flags=N user=app\n\
        id=4 addr=203.0.113.9:42 laddr=10.0.0.5:6379 fd=9 name= idle=0 flags=N user=app\n\
        id=5 addr=127.0.0.1:43 laddr=127.0.0.1:6379 fd=10 name= idle=0 flags=N user=default\n\
        id=6 addr=/run/r.sock:0 laddr=/run/r.sock:0 fd=11 name= idle=0 flags=U user=default\n\
        id=7 addr=10.0.0.9:6379 laddr=10.0.0.5:44 fd=12 name= idle=0 flags=M user=\n\
        id=8 addr=[2001:db8::1]:45 laddr=[fd00::5]:6379 fd=13 name= idle=0 flags=S user=default\n\
        id=9 addr=?:0 laddr=?:0 fd=14 name= idle=0 flags=N user=default\n\
        rubbish\n";

    fn twin(connected: &str) -> Twin {
        Twin::redis_7()
            .tells("clients", "connected_clients", connected)
            .command("client")
            .answers(&["client", "list"], Reply::Text(LINES.as_bytes().to_vec()))
    }

    fn clients(connected: &str, kernel: &Fact<Vec<(SocketAddr, SocketAddr)>>) -> Clients {
        let twin = twin(connected);
        let list = list(&twin, &ConfigFile::default());
        read(&twin, &settings(), &list, kernel)
            .known()
            .unwrap()
            .clone()
    }

    fn settings() -> Settings {
        let config = [("port", "6379"), ("tls-port", "0")];
        let config = config.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        Settings {
            config: Fact::Known(BTreeMap::from(config)),
            requirepass: Fact::Known(None),
            masterauth: Fact::Known(None),
        }
    }

    fn no_kernel() -> Fact<Vec<(SocketAddr, SocketAddr)>> {
        Fact::Unavailable("no /proc".to_owned())
    }

    #[test]
    fn one_list_tells_who_is_idle_and_from_where_clients_come() {
        let clients = clients("8", &no_kernel());
        assert_eq!(clients.idle, Fact::Known(1));
        let connections = clients.connections.known().unwrap();
        let shown: Vec<(String, u64, &str)> = connections
            .iter()
            .map(|one| (one.remote.to_string(), one.count, one.shown.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                (
                    "203.0.113.9".to_owned(),
                    2,
                    "addr=203.0.113.9:41 laddr=10.0.0.5:6379 user=app name=job"
                ),
                (
                    "2001:db8::1".to_owned(),
                    1,
                    "addr=[2001:db8::1]:45 laddr=[fd00::5]:6379 user=default"
                ),
            ]
        );
    }

    #[test]
    fn links_are_told_by_their_flags() {
        let list = list(&twin("8"), &ConfigFile::default());
        let list = list.known().unwrap();
        assert_eq!(list.len(), 7);
        assert_eq!(list.iter().filter(|line| line.master).count(), 1);
        let replica = list.iter().find(|line| line.replica).unwrap();
        assert_eq!(replica.local.unwrap().port(), 6379);
    }

    #[test]
    fn many_clients_are_not_listed_but_looked_up_in_the_kernel() {
        let end = |text: &str| text.parse::<SocketAddr>().unwrap();
        let kernel = vec![
            (end("10.0.0.5:6379"), end("203.0.113.9:41")),
            (end("10.0.0.5:6379"), end("203.0.113.9:42")),
            (end("127.0.0.1:6379"), end("127.0.0.1:43")),
            (end("10.0.0.5:16379"), end("203.0.113.7:43")),
            (
                end("[::ffff:10.0.0.5]:6379"),
                end("[::ffff:203.0.113.9]:44"),
            ),
        ];
        let clients = clients("10000", &Fact::Known(kernel));
        assert!(clients.idle.known().unwrap_err().contains("were found"));
        let connections = clients.connections.known().unwrap();
        assert_eq!(connections.len(), 1);
        assert_eq!(connections.first().unwrap().count, 3);
        assert_eq!(
            connections.first().unwrap().shown,
            "tcp 10.0.0.5:6379 203.0.113.9:41 ESTABLISHED"
        );
    }

    #[test]
    fn without_any_source_there_are_reasons() {
        let clients = clients("10000", &no_kernel());
        let reason = clients.connections.known().unwrap_err();
        assert!(reason.contains("were found") && reason.contains("no /proc"));
        let mute = Twin::mute();
        let list = list(&mute, &ConfigFile::default());
        assert!(
            read(&mute, &settings(), &list, &no_kernel())
                .known()
                .is_err()
        );
    }

    #[test]
    fn sentinels_are_known_by_the_names_of_their_connections() {
        let text = "\
            id=1 name=sentinel-0a1b2c3d-cmd user=watch\n\
            id=2 name=sentinel-0a1b2c3d-pubsub user=watch\n\
            id=3 name=sentinel-ffffffff-cmd user=default\n\
            id=4 name=job user=default\n\
            id=5 name=sentinel-ffffffff-pubsub user=app\n\
            id=6 name=sentinel-x-cmd user=other\n";
        let found = sentinels(&Fact::Known(lines(text.as_bytes())));
        let sentinel = |user: &str, alone| Sentinel {
            user: user.as_bytes().to_vec(),
            alone,
        };
        assert_eq!(
            found,
            Fact::Known(vec![sentinel("default", false), sentinel("watch", true)])
        );
        let unknown = Fact::Unavailable("hidden".to_owned());
        assert_eq!(sentinels(&unknown), Fact::Unavailable("hidden".to_owned()));
    }

    #[test]
    fn a_hidden_client_command_leaves_the_kernel() {
        let twin = twin("8").remove("client");
        let list = list(&twin, &ConfigFile::default());
        assert!(list.known().unwrap_err().contains("CLIENT is renamed"));
        let read = read(&twin, &settings(), &list, &Fact::Known(Vec::new()));
        let clients = read.known().unwrap();
        assert_eq!(clients.connections, Fact::Known(Vec::new()));
        assert!(clients.idle.known().is_err());
    }
}
