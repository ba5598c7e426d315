//! The gate never stands in the way of the server's own life: replication, AOF, and what others see of a call.

use std::fs;

use crate::harness::monitor::Monitor;
use crate::harness::replication::Replication;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::version::{self, VALKEY_9_1};

/// All that an AOF of this server says, whatever its parts are called.
fn aof(server: &Server) -> String {
    let folder = server.dir().join("appendonlydir");
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        text += &String::from_utf8_lossy(&fs::read(path).unwrap());
    }
    text.to_lowercase()
}

#[test]
fn monitor_slowlog_and_the_aof_see_the_real_name_of_an_alias_and_of_a_renamed_command() {
    needs_module!();
    let server = Server::builder()
        .appendonly()
        .config("slowlog-log-slower-than", "0")
        .start();
    server.call(["SECGATE", "ALIAS", "put", "set"]);
    server.call(["SECGATE", "RENAME", "incr", "1ncr"]);
    let mut monitor = Monitor::start(&server);
    assert!(server.call(["PUT", "k", "v"]).is_ok());
    assert_eq!(server.call(["1NCR", "n"]).int(), 1);
    let seen = monitor.lines_so_far(&server).join("\n").to_lowercase();
    assert!(
        seen.contains("\"set\" \"k\" \"v\"") && seen.contains("\"incr\" \"n\""),
        "{seen}"
    );
    assert!(!seen.contains("\"put\""), "{seen}");
    let slow = format!("{:?}", server.call(["SLOWLOG", "GET", "100"])).to_lowercase();
    assert!(
        slow.contains("incr")
            && !slow.contains("[bulk(\"put\")")
            && !slow.contains("[bulk(\"1ncr\")"),
        "{slow}"
    );
    server.wait_until("the AOF to be written", || {
        let text = aof(&server);
        if text.contains("set") && text.contains("incr") {
            Ok(())
        } else {
            Err(text)
        }
    });
    assert!(!aof(&server).contains("put") && !aof(&server).contains("1ncr"));
    let stats = server.info("commandstats");
    assert!(stats.contains_key("cmdstat_set") && !stats.contains_key("cmdstat_put"));
}

#[test]
fn monitor_sees_the_real_name_of_what_a_script_calls() {
    needs_module!();
    require!(
        !version::under_test().at_least(VALKEY_9_1),
        "Valkey 9.1 shows monitors the words that the script wrote, whatever a filter made of them"
    );
    let server = Server::start();
    server.call(["SECGATE", "RENAME", "incr", "1ncr"]);
    let mut monitor = Monitor::start(&server);
    assert_eq!(
        server
            .call(["EVAL", "return redis.call('1ncr', 'n')", "1", "n"])
            .int(),
        1
    );
    let seen = monitor.lines_so_far(&server).join("\n").to_lowercase();
    assert!(seen.contains("lua] \"incr\" \"n\""), "{seen}");
}

#[test]
fn an_aof_with_denied_and_renamed_commands_loads() {
    needs_module!();
    let mut server = Server::builder()
        .appendonly()
        .policy("mode enforce\n")
        .start();
    server.call(["SET", "gone", "1"]);
    server.call(["FLUSHALL"]);
    server.call(["SET", "a", "1"]);
    server.call(["SET", "b", "1"]);
    server.call(["DEL", "b"]);
    server.call([
        "EVAL",
        "redis.call('set', 'c', 1) redis.call('del', 'a')",
        "0",
    ]);
    for line in [
        "deny flushall flushdb set del multi exec eval * force",
        "rename incr i1",
    ] {
        let words: Vec<&str> = std::iter::once("SECGATE").chain(line.split(' ')).collect();
        assert!(!server.call(words).is_error(), "{line}");
    }
    assert!(server.call(["SECGATE", "SAVE"]).is_ok());
    server.restart();
    let error = server.call(["SET", "x", "1"]).error_text();
    assert!(
        error.contains("denied by secaudit"),
        "the policy is in force again: {error}"
    );
    assert!(server.call(["SECGATE", "MODE", "off"]).is_ok());
    server.wait_until("the AOF to be loaded", || {
        !server.call(["DBSIZE"]).is_error()
    });
    assert_eq!(server.call(["KEYS", "*"]).texts(), ["c"]);
}

#[test]
fn a_replica_under_an_enforcing_policy_gets_all_that_its_master_writes() {
    needs_module!();
    let pair = Replication::start(1);
    let replica = &pair.replicas[0];
    for line in [
        "ALLOW info debug ping",
        "DENY flushall set del eval publish * id=all",
        "RENAME incr i1",
    ] {
        let words: Vec<&str> = std::iter::once("SECGATE").chain(line.split(' ')).collect();
        assert!(!replica.call(words).is_error(), "{line}");
    }
    assert!(
        replica.call(["GET", "k"]).is_error(),
        "clients of the replica are gated"
    );
    let mut client = pair.master.client();
    client.call(["SET", "k", "v"]);
    client.call(["INCR", "n"]);
    client.call(["MULTI"]);
    client.call(["SET", "m", "1"]);
    client.call(["DEL", "k"]);
    client.call(["EXEC"]);
    client.call(["SELECT", "3"]);
    client.call(["EVAL", "redis.call('set', 'from-script', 1)", "0"]);
    client.call(["PUBLISH", "channel", "message"]);
    client.call([
        "FUNCTION",
        "LOAD",
        "#!lua name=lib\nredis.register_function('f', function() return 1 end)",
    ]);
    pair.assert_same_data();
    client.call(["FLUSHALL"]);
    client.call(["SET", "after", "1"]);
    pair.assert_same_data();
    assert_eq!(
        pair.master.call(["DBSIZE"]).int(),
        0,
        "database 0 was flushed"
    );
    let log = replica.log();
    assert!(!log.contains("CRITICAL"), "{log}");
    let errors = replica
        .info("stats")
        .get("unexpected_error_replies")
        .cloned()
        .unwrap_or_default();
    assert_eq!(errors, "0");
}

#[test]
fn a_replica_gets_what_its_master_writes_under_names_that_rename_command_gave() {
    needs_module!();
    let renamed = Server::builder()
        .allow_debug()
        .config("rename-command", "FLUSHALL wipe-it")
        .config("rename-command", "SET s3t");
    let pair = Replication::start_with(renamed.clone(), vec![renamed]);
    let replica = &pair.replicas[0];
    assert!(
        !replica
            .call(["SECGATE", "DENY", "flushall", "set", "id=no"])
            .is_error()
    );
    assert!(pair.master.call(["S3T", "k", "v"]).is_ok());
    pair.assert_same_data();
    assert!(pair.master.call(["WIPE-IT"]).is_ok());
    assert!(pair.master.call(["S3T", "after", "v"]).is_ok());
    pair.assert_same_data();
    assert_eq!(replica.call(["KEYS", "*"]).texts(), ["after"]);
    assert!(!replica.log().contains("CRITICAL"));
    if version::under_test().tells_filters_who_calls() {
        assert!(replica.call(["WIPE-IT"]).error_text().contains("rule no"));
    }
}

#[test]
fn a_replica_that_cannot_learn_its_commands_refuses_its_master_nothing() {
    needs_module!();
    let blind = Server::builder()
        .allow_debug()
        .config("rename-command", "COMMAND \"\"");
    let pair = Replication::start_with(Server::builder().allow_debug(), vec![blind]);
    let replica = &pair.replicas[0];
    assert!(
        !replica
            .call(["SECGATE", "ALLOW", "info", "debug", "ping"])
            .is_error()
    );
    assert!(!replica.call(["SECGATE", "DENY", "*"]).is_error());
    pair.master.call(["SET", "k", "v"]);
    pair.master.call(["PUBLISH", "channel", "message"]);
    pair.assert_same_data();
    assert!(!replica.log().contains("CRITICAL"));
}

#[test]
fn a_gated_master_sends_real_names_to_a_replica_without_the_module() {
    needs_module!();
    let replica = Server::builder().no_module().allow_debug();
    let pair = Replication::start_with(Server::builder().allow_debug(), vec![replica]);
    pair.master.call(["SECGATE", "RENAME", "flushall", "wipe"]);
    pair.master.call(["SECGATE", "ALIAS", "put", "set"]);
    pair.master.call(["SET", "k", "v"]);
    pair.assert_same_data();
    pair.master.call(["WIPE"]);
    pair.master.call(["PUT", "after", "1"]);
    pair.assert_same_data();
    assert_eq!(pair.replicas[0].call(["KEYS", "*"]).texts(), ["after"]);
}

#[test]
fn a_full_resync_passes_a_replica_that_denies_everything() {
    needs_module!();
    let master = Server::builder().allow_debug().start();
    master.call(["SET", "k", "v"]);
    let replica = Server::builder()
        .allow_debug()
        .policy("allow info debug ping\ndeny * replconf psync sync multi exec force\n");
    let replica = replica.replica_of(&master).start();
    crate::harness::replication::wait_for_link(&replica);
    let pair = Replication {
        replicas: vec![replica],
        master,
    };
    pair.master.call(["SET", "k2", "v"]);
    pair.assert_same_data();
}

#[test]
fn a_paused_client_is_decided_once_and_its_alias_still_works() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "RENAME", "incr", "1ncr"]);
    server.call(["SECGATE", "RENAME", "client|id", "client|whoami"]);
    let mut client = server.client();
    for (call, number) in [(&["1NCR", "n"][..], 1), (&["1NCR", "n"][..], 2)] {
        assert!(server.call(["CLIENT", "PAUSE", "200", "ALL"]).is_ok());
        assert_eq!(client.call(call).int(), number);
    }
    assert!(server.call(["CLIENT", "PAUSE", "200", "ALL"]).is_ok());
    assert!(client.call(["CLIENT", "WHOAMI"]).int() > 0);
    assert!(server.call(["CLIENT", "PAUSE", "200", "ALL"]).is_ok());
    assert!(client.call(["INCR", "n"]).is_error());
    assert!(server.is_alive());
}

#[test]
fn a_call_that_waits_under_its_new_name_runs_though_the_policy_changes_meanwhile() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "RENAME", "incr", "1ncr"]);
    let mut client = server.client();
    assert!(server.call(["CLIENT", "PAUSE", "100000", "WRITE"]).is_ok());
    client.send(["1NCR", "n"]);
    server.wait_until("the call to wait", || {
        server.info("clients")["blocked_clients"] == "1"
    });
    assert_eq!(server.call(["SECGATE", "DENY", "keys"]).text(), "r2");
    assert!(server.call(["CLIENT", "UNPAUSE"]).is_ok());
    assert_eq!(client.read().int(), 1);
}

#[test]
fn io_threads_and_many_clients_change_no_decision() {
    needs_module!();
    let server = Server::builder().config("io-threads", "4").start();
    server.call(["SECGATE", "DENY", "flushall", "config|set", "id=no"]);
    server.call(["SECGATE", "ALIAS", "put", "set"]);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let server = &server;
            scope.spawn(move || {
                let mut client = server.client();
                let key = format!("k{number}");
                for _ in 0..60 {
                    let calls = [
                        vec!["PUT", &key, "v"],
                        vec!["GET", &key],
                        vec!["FLUSHALL"],
                        vec!["CONFIG", "SET", "maxmemory", "777000777"],
                        vec!["GET", &key],
                        vec!["MULTI"],
                        vec!["PUT", &key, "changed"],
                        vec!["FlushAll", "a", "b", "c"],
                        vec!["EXEC"],
                        vec!["EVAL", "return redis.pcall('flushall', 'a').err", "0"],
                        vec!["GET", &key],
                    ];
                    let replies = client.pipeline(&calls);
                    assert!(replies[0].is_ok());
                    assert!(replies[1].text() == "v" && replies[4].text() == "v");
                    assert!(replies[2].is_error() && replies[3].is_error());
                    assert!(replies[6].text() == "QUEUED" && replies[7].is_error());
                    assert!(replies[8].error_text().starts_with("EXECABORT"));
                    assert!(replies[9].text().contains("rule no"), "{}", replies[9]);
                    assert_eq!(replies[10].text(), "v");
                }
            });
        }
    });
    assert_eq!(server.call(["DBSIZE"]).int(), 8);
}
