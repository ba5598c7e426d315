//! A Sentinel fails over while everyone else is kept from the commands it needs.

use crate::harness::builder::Builder;
use crate::harness::replication::{Replication, wait_for_link};
use crate::harness::sentinel::Sentinel;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::version;

/// A master and a replica under this policy, and where the Sentinel has led clients in the end: the promoted server.
fn fail_over(policy: &str, builder: Builder, sentinel_lines: &str, rewrite: &str) {
    let server = builder.allow_debug().policy(policy);
    let mut servers = Replication::start_with(server.clone(), vec![server]);
    assert!(servers.master.call(["SET", "k", "before"]).is_ok());
    servers.wait_in_sync();
    for node in [&servers.master, &servers.replicas[0]] {
        for call in [
            vec!["CONFIG", "GET", "port"],
            vec!["SLAVEOF", "NO", "ONE"],
            vec!["REPLICAOF", "NO", "ONE"],
        ] {
            let reply = node.call(&call);
            assert!(reply.is_error(), "only Sentinel may: {call:?} {reply:?}");
        }
    }
    let sentinel = Sentinel::watch(&servers.master, sentinel_lines);
    let reply = sentinel.call(&["SENTINEL", "FAILOVER", "m"]);
    assert!(reply.is_ok(), "{reply:?}");
    let promoted = servers.replicas.remove(0);
    promoted.wait_until("the replica to be promoted", || {
        let role = promoted.info("replication")["role"].clone();
        let told = sentinel.master_port();
        if role == "master" && told == promoted.port() {
            Ok(())
        } else {
            Err(format!("{role}, clients are led to port {told}"))
        }
    });
    assert!(promoted.call(["SET", "k", "after"]).is_ok());
    let old = &servers.master;
    old.wait_until("the old master to follow", || {
        let info = old.info("replication");
        if info["role"] == "slave" && info.get("master_port") == Some(&promoted.port().to_string())
        {
            Ok(())
        } else {
            Err(format!("{info:?}"))
        }
    });
    wait_for_link(old);
    old.wait_until("the write to arrive", || {
        let value = old.call(["GET", "k"]).text();
        if value == "after" { Ok(()) } else { Err(value) }
    });
    old.wait_until("CONFIG REWRITE by the Sentinel", || {
        let conf = std::fs::read_to_string(old.conf()).unwrap();
        let line = format!("{rewrite} {}", promoted.port());
        if conf.contains(&line) {
            Ok(())
        } else {
            Err(conf)
        }
    });
    let log = format!("{}{}", old.log(), promoted.log());
    assert!(!log.contains("CRITICAL"), "{log}");
}

fn written_as() -> &'static str {
    "replicaof 127.0.0.1"
}

#[test]
fn sentinel_fails_over_where_only_its_user_may_reconfigure() {
    needs_module!();
    require!(
        version::under_test().tells_filters_who_calls(),
        "this server does not tell a filter who is calling: see the test with renamed commands"
    );
    let builder = Server::builder().config("user", "sentinel-1 on >watchful ~* &* +@all");
    fail_over(
        "deny config slaveof replicaof client|kill user=!sentinel* id=sentinel-only\n",
        builder,
        "sentinel auth-user m sentinel-1\nsentinel auth-pass m watchful\n",
        written_as(),
    );
}

#[test]
fn sentinel_fails_over_under_new_names_that_it_was_told() {
    needs_module!();
    fail_over(
        "rename config c0nf-7\nrename slaveof sl4ve-7\nrename replicaof r3pl-7\n",
        Server::builder(),
        "sentinel rename-command m CONFIG c0nf-7\nsentinel rename-command m SLAVEOF sl4ve-7\n\
         sentinel rename-command m REPLICAOF r3pl-7\n",
        written_as(),
    );
}
