//! A Cluster of three masters, each with a third of the slots.

use super::builder::Builder;
use super::port;
use super::resp::Reply;
use super::server::Server;

/// The nodes of a Cluster that is up.
pub struct Cluster {
    /// Its masters: the first has slots 0 to 5460, the second those to 10922, the third the rest.
    pub nodes: Vec<Server>,
}

const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

impl Cluster {
    /// Starts three nodes built alike, joins them and waits until each sees all.
    #[track_caller]
    pub fn start(builder: &Builder) -> Self {
        let mut buses = Vec::new();
        let mut node = |_| {
            let bus = port::free().to_string();
            let builder = builder
                .clone()
                .config("cluster-enabled", "yes")
                .config("cluster-node-timeout", "15000");
            let server = builder.config("cluster-port", &bus).start();
            buses.push(bus);
            server
        };
        let nodes: Vec<Server> = (0..SLOTS.len()).map(&mut node).collect();
        for (node, (from, to)) in nodes.iter().zip(SLOTS) {
            let (from, to) = (from.to_string(), to.to_string());
            assert!(node.call(["CLUSTER", "ADDSLOTSRANGE", &from, &to]).is_ok());
        }
        for (other, bus) in nodes.iter().zip(&buses).skip(1) {
            let port = other.port().to_string();
            let met = nodes[0].call(["CLUSTER", "MEET", "127.0.0.1", &port, bus]);
            assert!(met.is_ok(), "{met:?}");
        }
        let cluster = Self { nodes };
        cluster.wait_until_up();
        cluster
    }

    /// The node that has a key's slot, and one that has not.
    pub fn right_and_wrong(&self, key: &str) -> (&Server, &Server) {
        let slot = self.slot(key);
        let has = |(from, to): &(u16, u16)| (*from..=*to).contains(&slot);
        let owner = SLOTS.iter().position(has).expect("all slots are given");
        (&self.nodes[owner], &self.nodes[(owner + 1) % SLOTS.len()])
    }

    /// The slot of a key.
    pub fn slot(&self, key: &str) -> u16 {
        let slot = self.nodes[0].call(["CLUSTER", "KEYSLOT", key]).int();
        u16::try_from(slot).expect("a slot")
    }

    fn wait_until_up(&self) {
        for node in &self.nodes {
            node.wait_until("the cluster to be up", || {
                let info = node.call(["CLUSTER", "INFO"]).text();
                let whole = info.contains("cluster_state:ok")
                    && info.contains("cluster_slots_ok:16384")
                    && info.contains("cluster_known_nodes:3");
                if whole { Ok(()) } else { Err(info) }
            });
        }
    }
}

/// A node's id.
pub fn id(node: &Server) -> String {
    node.call(["CLUSTER", "MYID"]).text()
}

/// Whether a reply sends the client to another node, with this word.
pub fn redirects(reply: &Reply, word: &str) -> bool {
    reply.is_error() && reply.error_text().starts_with(word)
}
