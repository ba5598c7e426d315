//! Whether this host has a packet filter: nftables chains by netlink, legacy iptables by the names of its tables.

use std::path::Path;

use super::bounded;
use super::netlink::Refusal;
use super::nftables::{self, BaseChain, INPUT, PREROUTING};
use crate::audit::facts::{Fact, PacketFilter};
use crate::render::escape::printable_up_to;

/// Looks for chains that decide about packets for this host.
pub fn read() -> Fact<PacketFilter> {
    let tables = [
        "/proc/self/net/ip_tables_names",
        "/proc/self/net/ip6_tables_names",
    ];
    judged(
        nftables::base_chains(),
        tables.map(|path| legacy_filter(Path::new(path))),
    )
}

fn judged(
    chains: Result<Vec<BaseChain>, Refusal>,
    legacy: [Result<bool, String>; 2],
) -> Fact<PacketFilter> {
    let legacy: Result<Vec<bool>, String> = legacy.into_iter().collect();
    match chains {
        Ok(chains) => {
            let seen: Vec<String> = chains
                .iter()
                .filter(|chain| decides(chain))
                .map(shown)
                .collect();
            if !seen.is_empty() {
                return Fact::Known(PacketFilter::Seen(seen));
            }
        }
        Err(Refusal::NotPermitted) => {
            let reason =
                "only root (CAP_NET_ADMIN) may look at it, and this server should not be root";
            return Fact::Unavailable(reason.to_owned());
        }
        Err(Refusal::Other(reason)) => return Fact::Unavailable(reason),
    }
    match legacy {
        Ok(tables) if tables.contains(&true) => Fact::Unavailable(
            "nftables has no chain for incoming packets; there is an iptables (legacy) filter table, whose rules cannot \
             be read from here"
                .to_owned(),
        ),
        Ok(_) => Fact::Known(PacketFilter::None),
        Err(reason) => Fact::Unavailable(format!("nftables has no chain for incoming packets; iptables (legacy): {reason}")),
    }
}

/// A chain without rules that lets everything pass is no filter, though many hosts have one.
fn decides(chain: &BaseChain) -> bool {
    let incoming = chain.hook == INPUT || chain.hook == PREROUTING;
    let of_packets = ["ip", "ip6", "inet"].contains(&chain.family);
    incoming && of_packets && chain.kind == b"filter" && (chain.drops || chain.rules > 0)
}

fn shown(chain: &BaseChain) -> String {
    let hook = if chain.hook == INPUT {
        "input"
    } else {
        "prerouting"
    };
    format!(
        "nftables: table {} {}, chain {}, hook {hook}, policy {}, {} rules",
        chain.family,
        printable_up_to(&chain.table, 64),
        printable_up_to(&chain.name, 64),
        if chain.drops { "drop" } else { "accept" },
        chain.rules
    )
}

/// Whether legacy iptables has a filter table. Without the file, the kernel has no legacy iptables at all.
fn legacy_filter(path: &Path) -> Result<bool, String> {
    if !path.exists() {
        return Ok(false);
    }
    let names = bounded::whole(path, 64 * 1024)?;
    Ok(names
        .split(|byte| *byte == b'\n')
        .any(|name| name == b"filter"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn chain() -> BaseChain {
        BaseChain {
            family: "inet",
            table: b"fw\x1b".to_vec(),
            name: b"input".to_vec(),
            kind: b"filter".to_vec(),
            hook: INPUT,
            drops: true,
            rules: 0,
        }
    }

    fn with(chain: BaseChain) -> Fact<PacketFilter> {
        judged(Ok(vec![chain]), [Ok(false), Ok(false)])
    }

    #[test]
    fn a_chain_that_drops_or_has_rules_is_a_packet_filter() {
        let seen = "nftables: table inet fw\\x1b, chain input, hook input, policy drop, 0 rules"
            .to_owned();
        assert_eq!(with(chain()), Fact::Known(PacketFilter::Seen(vec![seen])));
        let rules = BaseChain {
            drops: false,
            rules: 2,
            ..chain()
        };
        assert!(matches!(with(rules), Fact::Known(PacketFilter::Seen(_))));
    }

    #[test]
    fn an_empty_chain_and_chains_for_other_packets_are_none() {
        for chain in [
            BaseChain {
                drops: false,
                ..chain()
            },
            BaseChain { hook: 2, ..chain() },
            BaseChain {
                family: "bridge",
                ..chain()
            },
            BaseChain {
                kind: b"nat".to_vec(),
                hook: PREROUTING,
                ..chain()
            },
        ] {
            assert_eq!(with(chain), Fact::Known(PacketFilter::None));
        }
    }

    #[test]
    fn what_may_not_be_looked_at_is_unknown() {
        let fine = [Ok(false), Ok(false)];
        assert!(
            judged(Err(Refusal::NotPermitted), fine.clone())
                .known()
                .unwrap_err()
                .contains("CAP_NET_ADMIN")
        );
        assert!(
            judged(Err(Refusal::Other("x".to_owned())), fine)
                .known()
                .is_err()
        );
        assert!(
            judged(Ok(Vec::new()), [Ok(true), Ok(false)])
                .known()
                .is_err()
        );
        assert!(
            judged(Ok(Vec::new()), [Ok(false), Err("denied".to_owned())])
                .known()
                .is_err()
        );
    }

    #[test]
    fn looking_at_this_host_gives_an_answer_or_a_reason_at_once() {
        let begin = std::time::Instant::now();
        let _ = read();
        assert!(begin.elapsed().as_secs() < 2);
    }
}
