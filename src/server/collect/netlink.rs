//! Asking the kernel for its nftables chains by netlink. Building and reading the messages is pure; one function talks.

use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};

/// A chain that the kernel itself calls for packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseChain {
    /// `ip`, `ip6`, `inet` …
    pub family: &'static str,
    /// Its table.
    pub table: Vec<u8>,
    /// Its name.
    pub name: Vec<u8>,
    /// `filter`, `nat` or `route`.
    pub kind: Vec<u8>,
    /// Where in the packet's way it stands.
    pub hook: u32,
    /// Packets that no rule decides are dropped.
    pub drops: bool,
    /// How many rules it has.
    pub rules: u32,
}

/// Why the kernel did not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It tells only those with CAP_NET_ADMIN.
    NotPermitted,
    /// Something else.
    Other(String),
}

/// The hook of packets for this host.
pub const INPUT: u32 = 1;
/// The hook before routing.
pub const PREROUTING: u32 = 0;

const GET_CHAIN: u16 = 10 << 8 | 4;
const NEW_CHAIN: u16 = 10 << 8 | 3;
const DONE: u16 = 3;
const ERROR: u16 = 2;
const REQUEST_DUMP: u16 = 0x301;
const MAX_PARTS: usize = 256;

/// Every base chain of this network namespace.
pub fn base_chains() -> Result<Vec<BaseChain>, Refusal> {
    let other = |error: rustix::io::Errno| match error {
        rustix::io::Errno::PERM | rustix::io::Errno::ACCESS => Refusal::NotPermitted,
        error => Refusal::Other(format!("netlink: {error}")),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        flags,
        Some(NETFILTER),
    )
    .map_err(other)?;
    sendto(
        &socket,
        &request(),
        SendFlags::empty(),
        &SocketAddrNetlink::new(0, 0),
    )
    .map_err(other)?;
    let mut chains = Vec::new();
    // The kernel has answered by the time the request is sent; it fills the next part while this one is read.
    for _ in 0..MAX_PARTS {
        let mut buffer = vec![0; 64 * 1024];
        let (length, _) =
            recv(&socket, buffer.as_mut_slice(), RecvFlags::DONTWAIT).map_err(other)?;
        if read_part(buffer.get(..length).unwrap_or_default(), &mut chains)? {
            return Ok(chains);
        }
    }
    Err(Refusal::Other(
        "netlink: the list of chains does not end".to_owned(),
    ))
}

/// The request for all chains of all families.
fn request() -> [u8; 20] {
    let mut message = [0; 20];
    let [a, b, c, d] = 20_u32.to_ne_bytes();
    let [e, f] = GET_CHAIN.to_ne_bytes();
    let [g, h] = REQUEST_DUMP.to_ne_bytes();
    for (slot, byte) in message.iter_mut().zip([a, b, c, d, e, f, g, h, 1]) {
        *slot = byte;
    }
    message
}

/// Reads one part of the answer; true when it was the last one.
fn read_part(part: &[u8], chains: &mut Vec<BaseChain>) -> Result<bool, Refusal> {
    let broken = || Refusal::Other("netlink: an answer that is not understood".to_owned());
    let mut rest = part;
    while !rest.is_empty() {
        let length = host_u32(rest, 0).ok_or_else(broken)?;
        let kind = host_u16(rest, 4).ok_or_else(broken)?;
        let length = usize::try_from(length).map_err(|_| broken())?;
        let body = rest.get(16..length).ok_or_else(broken)?;
        match kind {
            DONE => return Ok(true),
            ERROR => match host_u32(body, 0) {
                Some(0) => return Ok(true),
                Some(code) if code == 1_u32.wrapping_neg() || code == 13_u32.wrapping_neg() => {
                    return Err(Refusal::NotPermitted);
                }
                Some(code) => {
                    let number = code.wrapping_neg();
                    return Err(Refusal::Other(format!("netlink: error {number}")));
                }
                None => return Err(broken()),
            },
            NEW_CHAIN => chains.extend(chain(body)),
            _ => {}
        }
        rest = rest.get(aligned(length)..).unwrap_or_default();
    }
    Ok(false)
}

/// A chain, if it is a base chain.
fn chain(body: &[u8]) -> Option<BaseChain> {
    let family = match body.first()? {
        1 => "inet",
        2 => "ip",
        3 => "arp",
        5 => "netdev",
        7 => "bridge",
        10 => "ip6",
        _ => "other",
    };
    let found = attributes(body.get(4..)?);
    let value = |kind: u16| {
        found
            .iter()
            .find(|(number, _)| *number == kind)
            .map(|(_, value)| *value)
    };
    let hook = attributes(value(4)?);
    let hook = hook
        .iter()
        .find(|(number, _)| *number == 1)
        .and_then(|(_, value)| network_u32(value))?;
    Some(BaseChain {
        family,
        table: text(value(1)?),
        name: text(value(3)?),
        kind: value(7).map(text).unwrap_or_default(),
        hook,
        drops: value(5).and_then(network_u32) == Some(0),
        rules: value(6).and_then(network_u32).unwrap_or(0),
    })
}

/// The attributes of a message, by number.
fn attributes(mut rest: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    while let (Some(length), Some(kind)) = (host_u16(rest, 0), host_u16(rest, 2)) {
        let length = usize::from(length);
        let Some(value) = rest.get(4..length) else {
            break;
        };
        found.push((kind & 0x3fff, value));
        rest = rest.get(aligned(length)..).unwrap_or_default();
    }
    found
}

fn aligned(length: usize) -> usize {
    length.next_multiple_of(4).max(4)
}

fn text(value: &[u8]) -> Vec<u8> {
    value.strip_suffix(b"\0").unwrap_or(value).to_vec()
}

fn host_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

fn host_u16(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

fn network_u32(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.first_chunk()?))
}

#[cfg(test)]
#[path = "netlink_tests.rs"]
mod tests;
