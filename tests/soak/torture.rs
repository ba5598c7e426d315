//! A master, two replicas and a Sentinel, all under an enforcing policy: random writes through new names, refused calls,
//! scripts and transactions, failovers and restarts, and at every checkpoint the same data everywhere.

use super::{Random, rounds};
use crate::harness::replication::{dataset_digest, wait_for_link};
use crate::harness::resp::Client;
use crate::harness::sentinel::Sentinel;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;

const POLICY: &str = "\
alias put set
rename incr plus1
rename lpush pu5h
deny keys flushall swapdb id=never
deny set arg1=forbidden* id=by-key
deny sadd via=script id=no-script
deny del arg=*precious* id=precious
";

#[test]
fn replicas_never_diverge_through_failovers_restarts_and_refused_calls() {
    needs_module!();
    let mut random = Random::new();
    let builder = Server::builder().allow_debug().policy(POLICY);
    let master = builder.clone().appendonly().start();
    let mut nodes = vec![master];
    for persistent in [true, false] {
        // One keeps an AOF, one only snapshots.
        let replica = if persistent {
            builder.clone().appendonly()
        } else {
            builder.clone().config("save", "1 1")
        };
        let replica = replica.replica_of(&nodes[0]).start();
        wait_for_link(&replica);
        nodes.push(replica);
    }
    let sentinel = Sentinel::watch(&nodes[0], "");
    let (mut refused, mut failovers, mut restarts) = (0, 0, 0);
    for round in 0..rounds(3, 60) {
        let master = master_of(&nodes, &sentinel);
        refused += write(&mut random, &nodes[master]);
        same_everywhere(&nodes, &sentinel);
        match random.below(2) {
            _ if round == 0 => failovers += usize::from(fail_over(&nodes, &sentinel)),
            0 => failovers += usize::from(fail_over(&nodes, &sentinel)),
            _ => {
                let master = master_of(&nodes, &sentinel);
                let other = (0..nodes.len())
                    .filter(|node| *node != master)
                    .nth(random.below(2))
                    .unwrap();
                if random.below(2) == 0 {
                    nodes[other].kill9();
                }
                nodes[other].restart();
                restarts += 1;
            }
        }
        let master = master_of(&nodes, &sentinel);
        refused += write(&mut random, &nodes[master]);
        same_everywhere(&nodes, &sentinel);
    }
    for node in &nodes {
        let log = node.log();
        assert!(!log.contains("CRITICAL"), "{log}");
    }
    println!(
        "{failovers} failovers, {restarts} restarts, {refused} refused calls, the same data at every checkpoint"
    );
    assert!(refused > 0 && failovers > 0);
}

/// Writes in every way the policy leaves and in some that it does not; how many calls were refused.
fn write(random: &mut Random, master: &Server) -> usize {
    let mut client = master.client();
    let mut refused = 0;
    for _ in 0..200 {
        let key = format!("k{}", random.below(50));
        let value = random.below(1000).to_string();
        let (words, denied): (Vec<&str>, bool) = match random.below(12) {
            0 => (vec!["PUT", &key, &value], false),
            1 => (vec!["plus1", "counter"], false),
            2 => (vec!["pu5h", "list", &value], false),
            3 => (vec!["INCR", "counter"], true),
            4 => (vec!["FLUSHALL"], true),
            5 => (vec!["SET", "forbidden-1", &value], true),
            6 => (
                vec![
                    "EVAL",
                    "return redis.call('put', KEYS[1], ARGV[1])",
                    "1",
                    &key,
                    &value,
                ],
                false,
            ),
            7 => (
                vec![
                    "EVAL",
                    "redis.call('set', KEYS[1], 'x'); return redis.call('sadd', 'set', ARGV[1])",
                    "1",
                    &key,
                    &value,
                ],
                true,
            ),
            8 => (vec!["SADD", "set", &value], false),
            9 => (vec!["DEL", &key, "precious"], true),
            10 => (vec!["EXPIRE", &key, "1000000"], false),
            _ => {
                transaction(&mut client, &key, &value);
                continue;
            }
        };
        let reply = client.call(&words);
        assert_eq!(reply.is_error(), denied, "{words:?} {reply:?}");
        refused += usize::from(denied);
    }
    refused
}

fn transaction(client: &mut Client, key: &str, value: &str) {
    client.call(["MULTI"]);
    client.call(["PUT", key, value]);
    client.call(["plus1", "counter"]);
    let aborts = value.ends_with('7');
    if aborts {
        assert!(client.call(["FLUSHALL"]).is_error());
    }
    assert_eq!(client.call(["EXEC"]).is_error(), aborts);
}

/// The node that the Sentinel leads clients to, once it calls itself master.
fn master_of(nodes: &[Server], sentinel: &Sentinel) -> usize {
    nodes[0].wait_until("one master that the Sentinel knows", || {
        let port = sentinel.master_port();
        let index = nodes
            .iter()
            .position(|node| node.port() == port)
            .ok_or("an unknown port")?;
        // The Sentinel closes connections of a server that it reconfigures.
        let role = nodes[index]
            .client()
            .try_call(["ROLE"])
            .map_err(|error| error.to_string())?;
        match role.items().first().map(crate::harness::resp::Reply::text) {
            Some(role) if role == "master" => Ok(index),
            other => Err(format!("{other:?}")),
        }
    })
}

/// Asks for a failover and waits for its end; whether there was one. The Sentinel refuses while it is still busy.
fn fail_over(nodes: &[Server], sentinel: &Sentinel) -> bool {
    let old = master_of(nodes, sentinel);
    nodes[old].wait_until("the Sentinel to begin a failover", || {
        let reply = sentinel.call(&["SENTINEL", "FAILOVER", "m"]);
        if reply.is_ok() {
            Ok(())
        } else {
            Err(format!("{reply:?}"))
        }
    });
    nodes[old].wait_until("another master", || match master_of(nodes, sentinel) {
        new if new != old => Ok(()),
        _ => Err("the old one".to_owned()),
    });
    true
}

/// Waits until all replicas follow the master and have all it wrote, and compares their data.
fn same_everywhere(nodes: &[Server], sentinel: &Sentinel) {
    let master = master_of(nodes, sentinel);
    let others: Vec<&Server> = nodes
        .iter()
        .filter(|node| node.port() != nodes[master].port())
        .collect();
    nodes[master].wait_until("every replica to have it all", || {
        let info = nodes[master].info("replication");
        let wanted = info.get("master_repl_offset").cloned().unwrap_or_default();
        for node in &others {
            let mut client = node.client();
            let Ok(reply) = client.try_call(["INFO", "replication"]) else {
                return Err("a closed connection".to_owned());
            };
            let text = reply.text();
            let field = |name: &str| {
                text.lines()
                    .find_map(|line| line.trim_end().strip_prefix(name).map(str::to_owned))
            };
            let follows = field("master_port:") == Some(nodes[master].port().to_string());
            let up = field("master_link_status:").as_deref() == Some("up");
            let offset = field("slave_repl_offset:");
            if !(follows && up && offset.as_deref() == Some(wanted.as_str())) {
                return Err(format!(
                    "follows: {follows}, up: {up}, {offset:?} of {wanted}"
                ));
            }
        }
        Ok(())
    });
    let digest = dataset_digest(&nodes[master]);
    for node in others {
        assert_eq!(
            dataset_digest(node),
            digest,
            "a replica diverged: {}",
            node.log()
        );
    }
}
