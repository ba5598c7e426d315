//! What the network checks look at beyond settings and sockets: certificates, connections, and links to other nodes.

use std::net::{IpAddr, SocketAddr};

use super::Fact;

/// The certificates that the settings name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// One for each setting that is not empty.
    pub files: Vec<CertificateFile>,
    /// When the server started, in seconds since 1970: it reads its certificates then.
    pub started: Option<i64>,
    /// When the certificate ends that the server has loaded, in seconds since 1970; only Valkey 9.1 and newer tell (INFO tls).
    pub loaded_until: Option<i64>,
}

/// A file of certificates: a chain, or the authorities that vouch for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFile {
    /// The setting that names it: `tls-cert-file`.
    pub setting: &'static str,
    /// Where it lies.
    pub path: Vec<u8>,
    /// When it was last written, in seconds since 1970.
    pub written: Option<i64>,
    /// The certificates in it, in their order; each may be broken by itself.
    pub certificates: Fact<Vec<Fact<Certificate>>>,
}

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is, printable: `CN=redis.example, O=Example`.
    pub subject: String,
    /// From when it is valid, in seconds since 1970.
    pub not_before: i64,
    /// Until when it is valid, in seconds since 1970.
    pub not_after: i64,
    /// The public key.
    pub key: Key,
    /// The algorithm of its signature: `sha256WithRSAEncryption`, or a number with dots where it has no name here.
    pub signature: String,
}

/// The kind and the size of a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// RSA, with the bits of its modulus.
    Rsa(u32),
    /// On an elliptic curve, with the bits of its field.
    Ec(u32),
    /// Of one size: Ed25519, Ed448.
    Fixed(&'static str),
    /// Of another kind, which is not judged.
    Other(String),
}

/// Where the server finds the authorities that vouch for clients and other nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The setting that names it: `tls-ca-cert-file`, `tls-ca-cert-dir`.
    pub setting: &'static str,
    /// Where it lies.
    pub path: Vec<u8>,
    /// Where it really lies, when a symbolic link is on the way there.
    pub resolved: Option<Vec<u8>>,
    /// Of a folder: how many certificates OpenSSL finds there.
    pub hashed: Option<Fact<usize>>,
}

/// The clients that are connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clients {
    /// How many there are.
    pub connected: u64,
    /// How many of them have been idle for more than an hour; not known where there are too many to list.
    pub idle: Fact<u64>,
    /// From where they come, but for loopback and the unix socket, by pairs of addresses.
    pub connections: Fact<Vec<Connections>>,
}

/// Connections from one address to one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connections {
    /// The far end.
    pub remote: IpAddr,
    /// The near end: an address of this host.
    pub local: IpAddr,
    /// How many there are.
    pub count: u64,
    /// One of them, as CLIENT LIST or netstat shows it.
    pub shown: String,
}

/// The links to other nodes: replication, and the cluster bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// The master this server follows; `None` when it follows none.
    pub master: Option<Fact<Link>>,
    /// The replicas that follow this server.
    pub replicas: Fact<Vec<Link>>,
    /// The other nodes of the cluster; `None` when this server is no node.
    pub nodes: Option<Fact<Vec<Link>>>,
}

/// The master a replica follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// Its name or address, as it was set. Any bytes.
    pub host: String,
    /// Its port.
    pub port: String,
    /// Its address.
    pub address: Fact<IpAddr>,
}

/// A link to another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The other node's end.
    pub far: SocketAddr,
    /// Of a replica: the port of ours it came in by, where that is known.
    pub near_port: Option<u16>,
    /// The other node is on another host: the address is none of this host's own.
    pub elsewhere: bool,
}
