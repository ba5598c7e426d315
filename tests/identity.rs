//! Whose call it is, where that is not plain to see: inside scripts and transactions, after a pause, while others are busy.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::harness::resp::{Client, Reply, words};
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::version;

const UNTOLD: &str = "this server does not tell a filter who is calling";
const FLUSH: &str = "return redis.call('flushall')";

/// A server where only `ops` may FLUSHALL, and clients of both.
fn two_users() -> (Server, Client, Client) {
    let server = Server::start();
    for user in ["ops", "app"] {
        server.call(["ACL", "SETUSER", user, "on", ">pw", "~*", "&*", "+@all"]);
    }
    assert!(
        !server
            .call(words("SECGATE DENY flushall user=!ops id=no-flush"))
            .is_error()
    );
    let signed_in = |user| {
        let mut client = server.client();
        assert!(client.auth(user, "pw").is_ok());
        client
    };
    let clients = (signed_in("ops"), signed_in("app"));
    (server, clients.0, clients.1)
}

#[test]
fn a_script_has_the_rights_of_the_client_that_runs_it() {
    needs_module!();
    require!(version::under_test().tells_filters_who_calls(), UNTOLD);
    let (server, mut ops, mut app) = two_users();
    for _ in 0..3 {
        assert!(ops.call(["EVAL", FLUSH, "0"]).is_ok());
        let error = app.call(["EVAL", FLUSH, "0"]).error_text();
        assert!(error.contains("no-flush"), "{error}");
    }
    let sha = ops.call(["SCRIPT", "LOAD", FLUSH]).text();
    assert!(ops.call(["EVALSHA", sha.as_str(), "0"]).is_ok());
    assert!(app.call(["EVALSHA", sha.as_str(), "0"]).is_error());
    let library =
        "#!lua name=l\nredis.register_function('f', function() return redis.call('flushall') end)";
    assert_eq!(ops.call(["FUNCTION", "LOAD", library]).text(), "l");
    assert!(ops.call(["FCALL", "f", "0"]).is_ok());
    assert!(app.call(["FCALL", "f", "0"]).is_error());
    let log = server.call(["SECGATE", "LOG", "JSON"]).text();
    let events: serde_json::Value = serde_json::from_str(&log).unwrap();
    assert_eq!(events[0]["user"], "app");
    assert_eq!(events[0]["via"], "script");
    assert!(
        events[0]["address"]
            .as_str()
            .unwrap()
            .starts_with("127.0.0.1:")
    );
}

#[test]
fn a_queued_script_has_the_rights_of_who_calls_exec() {
    needs_module!();
    require!(version::under_test().tells_filters_who_calls(), UNTOLD);
    let (_server, mut ops, mut app) = two_users();
    for client in [&mut ops, &mut app] {
        client.call(["MULTI"]);
        client.call(["EVAL", FLUSH, "0"]);
        client.call(["PING"]);
    }
    let of_app = app.call(["EXEC"]);
    let of_ops = ops.call(["EXEC"]);
    assert!(of_app.items()[0].is_error(), "{of_app:?}");
    assert!(of_ops.items()[0].is_ok(), "{of_ops:?}");
    app.call(["MULTI"]);
    let queued = app.call(["FLUSHALL"]).error_text();
    assert!(queued.contains("no-flush"), "{queued}");
    assert!(app.call(["EXEC"]).error_text().starts_with("EXECABORT"));
}

#[test]
fn a_client_that_is_served_while_a_script_is_busy_is_itself_and_the_script_stays_its_callers() {
    needs_module!();
    require!(version::under_test().tells_filters_who_calls(), UNTOLD);
    let (server, mut ops, mut app) = two_users();
    server.call(["CONFIG", "SET", "busy-reply-threshold", "20"]);
    server.call(words("SECGATE DENY ping user=ops id=no-ping"));
    let busy = "local t = redis.call('time') local from = t[1] * 1000000 + t[2] \
         repeat t = redis.call('time') until t[1] * 1000000 + t[2] - from > 700000 \
         return redis.call('flushall')";
    // The script of one is busy while the other calls, and the other way round.
    for (runner, other, allowed) in [(&mut app, 0, false), (&mut ops, 1, true)] {
        let mut beside = server.client();
        assert!(beside.auth(["ops", "app"][other], "pw").is_ok());
        runner.send(["EVAL", busy, "0"]);
        thread::sleep(Duration::from_millis(200));
        for _ in 0..5 {
            let reply = beside.call(["EVAL", FLUSH, "0"]);
            assert!(reply.error_text().starts_with("BUSY"), "{reply:?}");
        }
        let reply = runner.read();
        assert_eq!(!reply.is_error(), allowed, "{reply:?}");
    }
}

#[test]
fn a_script_that_was_postponed_is_never_taken_for_another_clients() {
    needs_module!();
    require!(version::under_test().tells_filters_who_calls(), UNTOLD);
    let (server, mut ops, mut app) = two_users();
    let mut other = server.client();
    other.auth("ops", "pw");
    for round in 0..5 {
        server.call(["CLIENT", "PAUSE", "30000", "WRITE"]);
        app.send(["EVAL", FLUSH, "0"]);
        server.wait_until("the call to be postponed", || {
            let list = server.call(["CLIENT", "LIST"]).text();
            let waits = |line: &str| line.contains("user=app") && line.contains("flags=b");
            list.lines().any(waits)
        });
        // A reading script of the other user and the end of the pause arrive in one piece.
        let replies = other.pipeline([
            vec!["EVAL_RO", "return redis.call('dbsize')", "0"],
            vec!["CLIENT", "UNPAUSE"],
        ]);
        assert!(!replies[0].is_error() && replies[1].is_ok(), "{replies:?}");
        let reply = app.read();
        assert!(reply.is_error(), "round {round}: {reply:?}");
        assert!(ops.call(["EVAL", FLUSH, "0"]).is_ok());
    }
    // Alone, it is told right.
    server.call(["CLIENT", "PAUSE", "30000", "WRITE"]);
    ops.send(["EVAL", FLUSH, "0"]);
    server.wait_until("the call to be postponed", || {
        let list = server.call(["CLIENT", "LIST"]).text();
        list.lines()
            .any(|line| line.contains("user=ops") && line.contains("flags=b"))
    });
    server.call(["CLIENT", "UNPAUSE"]);
    assert!(ops.read().is_ok());
}

/// Pauses writing for a moment, many times, and has a client run a script meanwhile, while two others do as told; the replies.
fn resumed(server: &Server, client: &mut Client, others: &[&str]) -> Vec<Reply> {
    let done = AtomicBool::new(false);
    let busy = || {
        let mut other = server.client();
        assert!(other.auth("ops", "pw").is_ok());
        while !done.load(Ordering::Relaxed) {
            other.call(others);
        }
    };
    thread::scope(|scope| {
        let busy = [scope.spawn(busy), scope.spawn(busy)];
        let replies = (0..20).map(|_| {
            server.call(["CLIENT", "PAUSE", "20", "WRITE"]);
            client.call(["EVAL", FLUSH, "0"])
        });
        let replies = replies.collect();
        done.store(true, Ordering::Relaxed);
        for one in busy {
            one.join().unwrap();
        }
        replies
    })
}

#[test]
fn a_script_is_its_own_clients_when_a_pause_times_out_under_load() {
    needs_module!();
    require!(version::under_test().tells_filters_who_calls(), UNTOLD);
    let (server, mut ops, mut app) = two_users();
    for others in [&["EVAL_RO", "return 1", "0"][..], &["GET", "k"]] {
        for reply in resumed(&server, &mut app, others) {
            assert!(reply.is_error(), "{others:?}: {reply:?}");
        }
    }
    for reply in resumed(&server, &mut ops, &["GET", "k"]) {
        assert!(reply.is_ok(), "{reply:?}");
    }
    // Those who may be behind it are of one user.
    for reply in resumed(&server, &mut ops, &["EVAL_RO", "return 1", "0"]) {
        assert!(reply.is_ok(), "{reply:?}");
    }
}

#[test]
fn scripts_that_are_resumed_together_are_judged_by_what_holds_for_all_of_them() {
    needs_module!();
    require!(version::under_test().tells_filters_who_calls(), UNTOLD);
    let (server, ops, app) = two_users();
    server.call(words("SECGATE DENY * from=!127.0.0.0/8 id=elsewhere"));
    let script = "redis.call('set', 'a', 1) return redis.call('del', 'b')";
    let mut clients = [ops, app];
    for _ in 0..5 {
        server.call(["CLIENT", "PAUSE", "50", "WRITE"]);
        for client in &mut clients {
            client.send(["EVAL", script, "0"]);
        }
        for client in &mut clients {
            assert_eq!(client.read().int(), 0);
        }
    }
}

#[test]
fn a_transaction_that_signs_in_as_another_runs_its_scripts_as_that_one() {
    needs_module!();
    require!(version::under_test().tells_filters_who_calls(), UNTOLD);
    let (server, mut ops, _) = two_users();
    server.call(["SET", "k", "v"]);
    let replies = ops.pipeline([
        vec!["MULTI"],
        vec!["AUTH", "app", "pw"],
        vec!["EVAL", FLUSH, "0"],
        vec!["EXEC"],
    ]);
    let ran = replies[3].items();
    assert!(ran[0].is_ok(), "{ran:?}");
    assert!(ran[1].error_text().contains("no-flush"), "{ran:?}");
    assert_eq!(server.call(["EXISTS", "k"]).int(), 1);
}

#[test]
fn a_rule_can_mean_scripts_only_or_clients_only() {
    needs_module!();
    let server = Server::start();
    server.call(words("SECGATE DENY flushall via=script id=scripts"));
    server.call(words("SECGATE DENY flushdb via=client id=clients"));
    assert!(server.call(["FLUSHALL"]).is_ok());
    assert!(
        server
            .call(["EVAL", FLUSH, "0"])
            .error_text()
            .contains("script")
    );
    assert!(server.call(["FLUSHDB"]).is_error());
    assert!(
        server
            .call(["EVAL", "return redis.call('flushdb')", "0"])
            .is_ok()
    );
}
