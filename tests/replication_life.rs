//! Links that break, masters that change, slots that move: with rules on every node that forbid clients what the link
//! brings, nothing of it is refused and no data diverge.

use crate::gate::is_refusal;
use crate::harness::builder::Builder;
use crate::harness::cluster::{Cluster, id};
use crate::harness::replication::{dataset_digest, wait_for_link};
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require, skip};
use crate::harness::version::{self, VALKEY_9_1};

/// What clients of a replica may not do, and its master does all the time.
const STRICT: &str = "SECGATE DENY set incr del expire pexpire pexpireat spop srem lpush hset publish function|load eval id=strict";

fn node() -> Builder {
    Server::builder()
        .allow_debug()
        .policy("rename incr 1ncr\nalias put set\ndeny flushall id=no-flush\n")
}

fn strictly(server: &Server) {
    assert!(!server.call(STRICT.split(' ')).is_error());
}

/// Writes of every kind, under new names too.
fn write(master: &Server, round: &str) {
    let key = |name: &str| format!("{name}-{round}");
    let ok = |call: &[&str]| {
        let reply = master.call(call);
        assert!(!reply.is_error(), "{call:?}: {reply:?}");
    };
    ok(&["PUT", &key("a"), "v"]);
    ok(&["1NCR", "n"]);
    ok(&["SADD", &key("s"), "1", "2", "3"]);
    ok(&["SPOP", &key("s")]);
    ok(&["SET", &key("gone"), "v", "PX", "1"]);
    ok(&["EXPIRE", &key("a"), "1000"]);
    ok(&[
        "EVAL",
        "redis.call('put', KEYS[1], 'e') return redis.call('1ncr', 'n')",
        "1",
        &key("e"),
    ]);
    ok(&["PUBLISH", "channel", round]);
    let library = format!(
        "#!lua name=l{round}\nredis.register_function('f{round}', function() return 1 end)"
    );
    ok(&["FUNCTION", "LOAD", &library]);
    let mut client = master.client();
    client.call(["MULTI"]);
    client.call(["PUT", &key("m"), "1"]);
    client.call(["DEL", &key("a")]);
    assert_eq!(client.call(["EXEC"]).items().len(), 2);
}

fn same_data(master: &Server, replica: &Server) {
    replica.wait_until("the replica to have its master's data", || {
        // Both each time: keys expire meanwhile.
        let (wanted, got) = (dataset_digest(master), dataset_digest(replica));
        let differs = format!("{got} for {wanted}");
        if got == wanted { Ok(()) } else { Err(differs) }
    });
    assert!(!replica.log().contains("CRITICAL"), "{}", replica.log());
}

fn partial_syncs(server: &Server) -> u32 {
    server.info("stats")["sync_partial_ok"].parse().unwrap()
}

#[test]
fn a_broken_link_is_resumed_and_a_chain_of_replicas_holds_the_same_data() {
    needs_module!();
    let master = node().start();
    let middle = node().replica_of(&master).start();
    let last = node().replica_of(&middle).start();
    wait_for_link(&middle);
    wait_for_link(&last);
    for replica in [&middle, &last] {
        strictly(replica);
    }
    write(&master, "1");
    same_data(&master, &last);
    for (round, upstream, downstream) in [("2", &master, &middle), ("3", &middle, &last)] {
        let before = partial_syncs(upstream);
        let killed = upstream.call(["CLIENT", "KILL", "TYPE", "replica"]).int();
        assert_eq!(killed, 1);
        write(&master, round);
        downstream.wait_until("a partial resync", || {
            let now = partial_syncs(upstream);
            if now > before {
                Ok(())
            } else {
                Err(now.to_string())
            }
        });
        wait_for_link(downstream);
        same_data(&master, &middle);
        same_data(&master, &last);
    }
}

#[test]
fn a_replica_runs_the_scripts_that_an_old_master_sends_whole() {
    needs_module!();
    require!(
        version::under_test().tells_filters_who_calls(),
        "this server does not tell the master's scripts from a client's"
    );
    let Some(old) = version::fetched("redis-6.2") else {
        skip!("Redis 6.2 is not fetched");
    };
    let master = Server::builder()
        .no_module()
        .server_binary(old)
        .config("lua-replicate-commands", "no")
        .start();
    let replica = node().replica_of(&master).start();
    wait_for_link(&replica);
    strictly(&replica);
    assert!(!replica.call(["SECGATE", "DENY", "script"]).is_error());
    let (mut client, mut gated) = (master.client(), replica.client());
    for round in 1..=3 {
        let script = "redis.call('set', KEYS[1], 'v') return redis.call('incr', 'n')";
        let key = format!("k{round}");
        assert_eq!(client.call(["EVAL", script, "1", &key]).int(), round);
        // A client's script in between is not taken for one of the master's.
        let error = gated
            .call(["EVAL_RO", "return redis.call('set', 'x', 'y')", "0"])
            .error_text();
        assert!(error.contains("rule strict"), "{error}");
    }
    assert!(!client.call(["SCRIPT", "LOAD", "return 1"]).is_error());
    replica.wait_until("the scripts to have run", || {
        let (n, keys) = (replica.call(["GET", "n"]), replica.call(["DBSIZE"]).int());
        let seen = format!("{n:?} {keys}");
        if keys == 4 && !n.is_nil() && n.text() == "3" {
            Ok(())
        } else {
            Err(seen)
        }
    });
    assert!(!replica.log().contains("CRITICAL"), "{}", replica.log());
}

#[test]
fn after_a_failover_the_old_master_follows_with_a_partial_resync() {
    needs_module!();
    let master = node().start();
    let replica = node().replica_of(&master).start();
    wait_for_link(&replica);
    write(&master, "1");
    same_data(&master, &replica);
    assert!(master.call(["FAILOVER"]).is_ok());
    replica.wait_until("the replica to be promoted", || {
        let role = replica.info("replication")["role"].clone();
        if role == "master" { Ok(()) } else { Err(role) }
    });
    wait_for_link(&master);
    strictly(&master);
    assert!(partial_syncs(&replica) >= 1);
    write(&replica, "2");
    same_data(&replica, &master);
    // On a replica, a client's write is refused: by the server where the gate cannot tell it from the link's.
    let error = master.call(["SET", "x", "y"]).error_text();
    assert!(
        is_refusal(&error, "set", "strict") || error.starts_with("READONLY"),
        "{error}"
    );
}

#[test]
fn an_atomic_slot_migration_brings_all_keys_past_rules_against_writing() {
    needs_module!();
    let version = version::under_test();
    let valkey = version.at_least(VALKEY_9_1);
    let redis = version.to_string().starts_with("Redis 8.6");
    require!(valkey || redis, "this server has no atomic slot migration");
    // Redis' migration link has no user. Valkey's has the one that replication is configured with: the rule spares it.
    let mover = Server::builder()
        .config("user", "mover on >pw ~* &* +@all")
        .config("masteruser", "mover")
        .config("masterauth", "pw");
    let cluster = Cluster::start(&mover);
    let spared = if valkey { "user=!mover" } else { "via=client" };
    let (from, to) = cluster.right_and_wrong("{tag}");
    for number in 0..300 {
        let key = format!("{{tag}}{number}");
        assert!(from.call(["SET", key.as_str(), "v"]).is_ok());
    }
    for server in [from, to] {
        let deny =
            "SECGATE DENY set restore restore-asking del unlink mset rpush id=strict optional";
        let deny = deny.split(' ').chain([spared]);
        assert!(!server.call(deny).is_error());
        let error = server.call(["SET", "{tag}x", "v"]).error_text();
        assert!(is_refusal(&error, "set", "strict"), "{error}");
    }
    let slot = cluster.slot("{tag}").to_string();
    let begun = if redis {
        to.call(["CLUSTER", "MIGRATION", "IMPORT", &slot, &slot])
    } else {
        let target = id(to);
        from.call([
            "CLUSTER",
            "MIGRATESLOTS",
            "SLOTSRANGE",
            &slot,
            &slot,
            "NODE",
            &target,
        ])
    };
    assert!(!begun.is_error(), "{begun:?}");
    to.wait_until("the slot and all its keys to have moved", || {
        let counted = to.call(["CLUSTER", "COUNTKEYSINSLOT", &slot]);
        let there = to.call(["EXISTS", "{tag}0", "{tag}299"]);
        let whole = format!("{counted:?} {there:?}");
        if whole.contains("300") && whole.contains("Int(2)") {
            Ok(())
        } else {
            Err(whole)
        }
    });
    let log = format!("{}{}", from.log(), to.log());
    assert!(!log.contains("secaudit rule"), "{log}");
}
