//! The kernel's nftables chains, by netlink.

use rustix::net::netlink::NETFILTER;

use super::netlink::{Refusal, aligned, host_u16, list};

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

/// The hook of packets for this host.
pub const INPUT: u32 = 1;
/// The hook before routing.
pub const PREROUTING: u32 = 0;

const GET_CHAIN: u16 = 10 << 8 | 4;
const NEW_CHAIN: u16 = 10 << 8 | 3;
/// Every family, version 0, no resource.
const EVERY_FAMILY: [u8; 4] = [0; 4];

/// Every base chain of this network namespace.
pub fn base_chains() -> Result<Vec<BaseChain>, Refusal> {
    let mut chains = Vec::new();
    let ended = list(NETFILTER, GET_CHAIN, &EVERY_FAMILY, |kind, body| {
        if kind == NEW_CHAIN {
            chains.extend(chain(body));
        }
    })?;
    match ended {
        true => Ok(chains),
        false => Err(Refusal::Other(
            "netlink: the list of chains does not end".to_owned(),
        )),
    }
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

fn text(value: &[u8]) -> Vec<u8> {
    value.strip_suffix(b"\0").unwrap_or(value).to_vec()
}

fn network_u32(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len() + 4).unwrap_or_default();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn body(hook: Option<u32>) -> Vec<u8> {
        let mut body = vec![1, 0, 0, 0];
        body.extend(attribute(1, b"filter\0"));
        body.extend(attribute(3, b"input\0"));
        if let Some(hook) = hook {
            body.extend(attribute(0x8004, &attribute(1, &hook.to_be_bytes())));
            body.extend(attribute(5, &0_u32.to_be_bytes()));
            body.extend(attribute(7, b"filter\0"));
        }
        body.extend(attribute(6, &3_u32.to_be_bytes()));
        body
    }

    #[test]
    fn base_chains_are_read_and_other_chains_left_out() {
        let wanted = BaseChain {
            family: "inet",
            table: b"filter".to_vec(),
            name: b"input".to_vec(),
            kind: b"filter".to_vec(),
            hook: INPUT,
            drops: true,
            rules: 3,
        };
        assert_eq!(chain(&body(Some(1))), Some(wanted));
        assert_eq!(chain(&body(None)), None);
    }

    proptest! {
        #[test]
        fn no_chain_makes_the_reader_panic_or_run_on(body: Vec<u8>) {
            let _ = chain(&body);
        }
    }
}
