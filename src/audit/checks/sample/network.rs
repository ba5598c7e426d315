//! Sockets, clients, links and certificates to test with.

use std::net::{IpAddr, SocketAddr};

use super::{NOW, file};
use crate::audit::facts::*;

/// The system's folder of authorities, named by `tls-ca-cert-dir`.
pub fn public_authorities() -> Authority {
    Authority {
        setting: "tls-ca-cert-dir",
        path: b"/etc/ssl/certs".to_vec(),
        resolved: None,
        hashed: Some(Fact::Known(145)),
    }
}

/// A listening TCP socket.
pub fn tcp(address: &str) -> Socket {
    Socket::Tcp(address.parse().unwrap())
}

/// A listening unix socket of the server's user.
pub fn unix(path: &str, mode: u32, gid: u32) -> Socket {
    let group = if gid == 112 { "redis" } else { "www-data" };
    Socket::Unix {
        path: path.as_bytes().to_vec(),
        file: Fact::Known(FileStatus {
            kind: 's',
            gid,
            group: group.to_owned(),
            ..file(path, mode)
        }),
    }
}

/// A certificate that is valid for a year.
pub fn certificate() -> Certificate {
    Certificate {
        subject: "CN=redis.example".to_owned(),
        not_before: NOW - 86_400,
        not_after: NOW + 365 * 86_400,
        key: Key::Ec(256),
        signature: "ecdsa-with-SHA256".to_owned(),
    }
}

/// A file of certificates.
pub fn certificate_file(
    setting: &'static str,
    certificates: Fact<Vec<Fact<Certificate>>>,
) -> CertificateFile {
    CertificateFile {
        setting,
        path: b"/etc/redis/tls/redis.crt".to_vec(),
        written: None,
        certificates,
    }
}

/// Connections from one address to another.
pub fn connections(remote: &str, local: &str, count: u64) -> Connections {
    let remote: IpAddr = remote.parse().unwrap();
    let far = SocketAddr::new(remote, 4711);
    Connections {
        remote,
        local: local.parse().unwrap(),
        count,
        shown: format!("addr={far} laddr={local}:6379 user=default"),
    }
}

/// A master at this address.
pub fn followed(address: &str) -> Followed {
    Followed {
        host: address.to_owned(),
        port: "6379".to_owned(),
        address: Fact::Known(address.parse().unwrap()),
    }
}

/// A link to another node.
pub fn link(far: &str, near_port: Option<u16>, elsewhere: bool) -> Link {
    Link {
        far: far.parse().unwrap(),
        near_port,
        elsewhere,
    }
}

/// The clients, to change.
pub fn clients(facts: &mut Facts) -> &mut Clients {
    let Fact::Known(clients) = &mut facts.clients else {
        panic!("no clients");
    };
    clients
}
