//! The links to other nodes: the master, the replicas, and the other nodes of a cluster.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use super::ask::{Ask, Reply};
use super::clients::{self, Listed};
use super::config_file::ConfigFile;
use super::settings::Settings;
use super::wire_name::call;
use crate::audit::facts::{Fact, Followed, Link, Links, Server};
use crate::audit::tls;
use crate::render::escape::printable;

const MAX_NODES: usize = 1000;

/// Looks for links, where a check will ask for them.
pub fn read(
    ask: &dyn Ask,
    file: &ConfigFile,
    settings: &Settings,
    server: &Server,
    list: &Fact<Vec<Listed>>,
) -> Links {
    if !tls::is_configured(|name| settings.get(name)) {
        let unasked = || "not asked, for TLS is not configured".to_owned();
        return Links {
            master: Some(Fact::Unavailable(unasked())),
            replicas: Fact::Unavailable(unasked()),
            nodes: Some(Fact::Unavailable(unasked())),
        };
    }
    let mut here = Here::default();
    let of_type = |kind: &[u8]| match list.known() {
        Ok(list) => Fact::Known(list.clone()),
        Err(_) => clients::list_type(ask, file, kind),
    };
    Links {
        master: (server.role == "replica").then(|| master(ask, &of_type(b"master"), &mut here)),
        replicas: match ask.info("replication", "connected_slaves").as_deref() {
            Some("0") => Fact::Known(Vec::new()),
            Some(_) => replicas(&of_type(b"replica"), &mut here),
            None => Fact::Unavailable("INFO does not tell connected_slaves".to_owned()),
        },
        nodes: (settings.get("cluster-enabled") == Some(b"yes"))
            .then(|| nodes(ask, file, &mut here)),
    }
}

/// The master this server follows. Its address is the one that was set; behind a name, that of the live link.
pub fn followed(
    ask: &dyn Ask,
    file: &ConfigFile,
    server: &Server,
    list: &Fact<Vec<Listed>>,
) -> Fact<Option<Followed>> {
    match server.role.as_str() {
        "replica" => {}
        "unknown" => return Fact::Unavailable("INFO does not tell the role".to_owned()),
        _ => return Fact::Known(None),
    }
    let (Some(host), Some(port)) = (
        ask.info("replication", "master_host"),
        ask.info("replication", "master_port"),
    ) else {
        return Fact::Unavailable("INFO does not tell the master".to_owned());
    };
    let address = address(&host).map(Fact::Known).unwrap_or_else(|| {
        let asked = match list.known() {
            Ok(_) => list.clone(),
            Err(_) => clients::list_type(ask, file, b"master"),
        };
        let lines = asked.known().map(Vec::as_slice).unwrap_or_default();
        let mut links = lines.iter().filter(|line| line.master);
        match links.find_map(|line| line.remote) {
            Some(far) => Fact::Known(far.ip()),
            None => Fact::Unavailable(no_address(&host)),
        }
    });
    Fact::Known(Some(Followed {
        host,
        port,
        address,
    }))
}

/// What a host is when it needs no look-up.
fn address(host: &str) -> Option<IpAddr> {
    match host {
        "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        host => host.parse().ok(),
    }
}

fn no_address(host: &str) -> String {
    format!(
        "the link to the master is down, and what its name stands for is not known: {}",
        printable(host.as_bytes())
    )
}

/// The live link tells an address; without one, only what was set does.
fn master(ask: &dyn Ask, list: &Fact<Vec<Listed>>, here: &mut Here) -> Fact<Link> {
    let lines = list.known().map(Vec::as_slice).unwrap_or_default();
    if let Some(far) = lines
        .iter()
        .filter(|line| line.master)
        .find_map(|line| line.remote)
    {
        return Fact::Known(here.link(far, None));
    }
    let field = |name| ask.info("replication", name).unwrap_or_default();
    let (host, port) = (field("master_host"), field("master_port"));
    match (address(&host), port.parse()) {
        (Some(address), Ok(port)) => Fact::Known(here.link(SocketAddr::new(address, port), None)),
        _ => Fact::Unavailable(no_address(&host)),
    }
}

fn replicas(list: &Fact<Vec<Listed>>, here: &mut Here) -> Fact<Vec<Link>> {
    let lines = match list.known() {
        Ok(lines) => lines,
        Err(reason) => return Fact::Unavailable(reason.to_owned()),
    };
    let replicas = lines.iter().filter(|line| line.replica);
    let links = replicas.filter_map(|line| {
        let near = line.local.map(|local| local.port());
        Some(here.link(line.remote?, near))
    });
    Fact::Known(links.collect())
}

fn nodes(ask: &dyn Ask, file: &ConfigFile, here: &mut Here) -> Fact<Vec<Link>> {
    let text = match call(ask, file, &[b"cluster", b"nodes"]) {
        Ok(Reply::Text(text)) => text,
        Ok(_) => {
            return Fact::Unavailable(
                "CLUSTER NODES answered in a form that is not known".to_owned(),
            );
        }
        Err(reason) => return Fact::Unavailable(reason),
    };
    let lines = text.split(|byte| *byte == b'\n').take(MAX_NODES);
    let links = lines.filter_map(|line| Some(here.link(node(line)?, None)));
    Fact::Known(links.collect())
}

/// The address of another node's bus: `ID 10.0.0.9:6379@16379,name master - …`.
fn node(line: &[u8]) -> Option<SocketAddr> {
    let line = std::str::from_utf8(line).ok()?;
    let mut fields = line.split(' ').skip(1);
    let (address, flags) = (fields.next()?, fields.next()?);
    if flags.split(',').any(|flag| flag == "myself") {
        return None;
    }
    let (client, bus) = address.split_once('@')?;
    let (host, _) = client.rsplit_once(':')?;
    let bus = bus.split(',').next()?.parse().ok()?;
    Some(SocketAddr::new(host.parse().ok()?, bus))
}

/// Which addresses are this host's own, each asked once.
#[derive(Default)]
struct Here(BTreeMap<IpAddr, bool>);

impl Here {
    fn link(&mut self, far: SocketAddr, near_port: Option<u16>) -> Link {
        let address = far.ip().to_canonical();
        let own = self.0.entry(address).or_insert_with(|| is_own(address));
        Link {
            far,
            near_port,
            elsewhere: !*own,
        }
    }
}

/// The kernel lets a socket have an address only if it is the host's own. Nothing is sent.
fn is_own(address: IpAddr) -> bool {
    address.is_loopback() || UdpSocket::bind((address, 0)).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::twin::{Twin, text};
    use super::*;

    const NODES: &str = "\
        aa 127.0.0.1:6379@16379,shard myself,master - 0 0 1 connected 0-5460\n\
        bb 192.0.2.9:6379@16379,node2,shard-id=x master - 0 0 2 connected\n\
        cc 2001:db8::9:6379@16379 slave bb 0 0 3 connected\n\
        dd :0@0 master,noaddr - 0 0 4 disconnected\n\
        ee 127.0.0.1:6380@16380 master - 0 0 5 connected\n";

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Settings {
            config: Fact::Known(pairs.collect()),
            requirepass: Fact::Known(None),
            masterauth: Fact::Known(None),
        }
    }

    fn links(twin: &Twin, pairs: &[(&str, &str)]) -> Links {
        let file = ConfigFile::default();
        let server = super::super::server::read(twin);
        let list = clients::list(twin, &file);
        read(twin, &file, &settings(pairs), &server, &list)
    }

    fn twin() -> Twin {
        let lines = "id=1 addr=192.0.2.9:6379 laddr=192.0.2.5:4 idle=0 flags=M\n\
                     id=2 addr=192.0.2.8:41 laddr=192.0.2.5:6379 idle=0 flags=S\n\
                     id=3 addr=127.0.0.1:42 laddr=127.0.0.1:6380 idle=0 flags=S\n";
        Twin::redis_7()
            .tells("clients", "connected_clients", "3")
            .tells("replication", "role", "slave")
            .tells("replication", "connected_slaves", "2")
            .tells("replication", "master_host", "db.example")
            .tells("replication", "master_port", "6379")
            .command("client")
            .answers(&["client", "list"], text(lines))
            .answers(&["cluster", "nodes"], text(NODES))
    }

    const TLS: (&str, &str) = ("tls-port", "6380");

    #[test]
    fn live_links_tell_both_ends_and_whether_they_leave_the_host() {
        let links = links(&twin(), &[TLS]);
        let master = links.master.unwrap();
        let master = master.known().unwrap();
        assert_eq!(master.far.to_string(), "192.0.2.9:6379");
        assert!(master.elsewhere);
        let replicas = links.replicas.known().unwrap();
        let shown: Vec<(String, Option<u16>, bool)> = replicas
            .iter()
            .map(|link| (link.far.to_string(), link.near_port, link.elsewhere))
            .collect();
        assert_eq!(
            shown,
            [
                ("192.0.2.8:41".to_owned(), Some(6379), true),
                ("127.0.0.1:42".to_owned(), Some(6380), false)
            ]
        );
        assert!(links.nodes.is_none());
    }

    #[test]
    fn a_link_that_is_down_is_known_by_an_address_but_not_by_a_name() {
        let down = || {
            Twin::redis_7()
                .tells("clients", "connected_clients", "0")
                .tells("replication", "role", "slave")
                .tells("replication", "master_port", "6379")
                .command("client")
                .answers(&["client", "list"], text(""))
        };
        let master = |host: &str| {
            let twin = down().tells("replication", "master_host", host);
            links(&twin, &[TLS]).master.unwrap()
        };
        assert!(master("192.0.2.9").known().unwrap().elsewhere);
        assert!(!master("localhost").known().unwrap().elsewhere);
        assert!(
            master("db.example")
                .known()
                .unwrap_err()
                .contains("db.example")
        );
    }

    #[test]
    fn a_replica_follows_the_master_that_was_set_and_a_name_is_known_by_its_link() {
        let follows = |twin: &Twin| {
            let (server, file) = (
                crate::server::collect::server::read(twin),
                ConfigFile::default(),
            );
            followed(twin, &file, &server, &clients::list(twin, &file))
        };
        let found = follows(&twin());
        let found = found.known().unwrap().as_ref().unwrap();
        assert_eq!(
            (found.host.as_str(), found.port.as_str()),
            ("db.example", "6379")
        );
        assert_eq!(found.address, Fact::Known("192.0.2.9".parse().unwrap()));
        let down = twin().answers(&["client", "list"], text(""));
        let found = follows(&down);
        let found = found.known().unwrap().as_ref().unwrap();
        assert!(found.address.known().unwrap_err().contains("db.example"));
        let set = down.tells("replication", "master_host", "203.0.113.7");
        let found = follows(&set);
        let found = found.known().unwrap().as_ref().unwrap();
        assert_eq!(found.address, Fact::Known("203.0.113.7".parse().unwrap()));
        assert_eq!(follows(&Twin::redis_7()), Fact::Known(None));
        assert!(follows(&Twin::mute()).known().is_err());
    }

    #[test]
    fn the_other_nodes_of_a_cluster_are_those_with_an_address() {
        let links = links(&twin(), &[TLS, ("cluster-enabled", "yes")]);
        let nodes = links.nodes.unwrap();
        let shown: Vec<(String, bool)> = nodes
            .known()
            .unwrap()
            .iter()
            .map(|link| (link.far.to_string(), link.elsewhere))
            .collect();
        assert_eq!(
            shown,
            [
                ("192.0.2.9:16379".to_owned(), true),
                ("[2001:db8::9]:16379".to_owned(), true),
                ("127.0.0.1:16380".to_owned(), false)
            ]
        );
    }

    #[test]
    fn among_many_clients_only_the_links_are_listed() {
        let twin = twin()
            .tells("clients", "connected_clients", "10000")
            .answers(
                &["client", "list", "type", "replica"],
                text("id=2 addr=192.0.2.8:41 laddr=192.0.2.5:6379 idle=0 flags=S\n"),
            )
            .answers(
                &["client", "list", "type", "master"],
                text("id=1 addr=192.0.2.9:6379 laddr=192.0.2.5:4 idle=0 flags=M\n"),
            );
        let links = links(&twin, &[TLS]);
        assert_eq!(links.replicas.known().unwrap().len(), 1);
        assert!(links.master.unwrap().known().unwrap().elsewhere);
    }

    #[test]
    fn nobody_is_asked_without_tls_and_a_mute_server_leaves_reasons() {
        let links_without = links(&twin(), &[("tls-port", "0")]);
        assert!(links_without.replicas.known().is_err());
        let links = links(&Twin::mute(), &[TLS, ("cluster-enabled", "yes")]);
        assert!(links.replicas.known().is_err());
        assert!(links.nodes.unwrap().known().is_err());
    }
}
