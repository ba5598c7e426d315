//! SECAUDIT makes its report beside the server: others are served meanwhile, whatever becomes of who asked.

use crate::audit::{Report, patient};
use crate::audit_forms::IDS;
use crate::harness::module;
use crate::harness::resp::{Client, Reply};
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

mod crowds;

/// A server with so many users of different rights that a report takes its time.
fn slow_server() -> Server {
    let mut users = String::from("user default on nopass ~* &* +@all\n");
    for index in 0..4000 {
        users.push_str(&format!(
            "user u{index} on nopass ~app:* resetchannels -@all +@write +@dangerous (~k{index} +get)\n"
        ));
    }
    Server::builder()
        .file("users.acl", users)
        .config("aclfile", "users.acl")
        .start()
}

/// A server whose thread for reports can be held, by a client that thereby waits.
fn held_server() -> (Server, Client) {
    let server = Server::builder()
        .module_file(module::with_features(&["fault-injection"]))
        .start();
    let (client, _) = asking(&server, &["SECAUDIT", "FAULT", "hold"]);
    // From now on who asks is not answered together with this one, but after it.
    server.wait_for_log("the thread is held");
    (server, client)
}

/// Lets the thread of a held server go on.
#[track_caller]
fn release(server: &Server, mut client: Client) {
    assert!(server.call(["SECGATE", "MODE", "off"]).is_ok());
    assert!(client.read().is_ok());
}

/// A client that has asked and waits, and its id.
#[track_caller]
fn asking(server: &Server, call: &[&str]) -> (Client, String) {
    let mut client = server.client();
    let id = client.call(["CLIENT", "ID"]).int().to_string();
    client.send(call);
    server.wait_until("the client to wait", || flags(server, &id).contains('b'));
    (client, id)
}

/// The flags that CLIENT LIST shows of a client; empty if there is none.
fn flags(server: &Server, id: &str) -> String {
    let list = server.call(["CLIENT", "LIST", "ID", id]).text();
    let flags = list
        .split(' ')
        .find_map(|field| field.strip_prefix("flags="));
    flags.unwrap_or_default().to_owned()
}

/// A report that is all there.
#[track_caller]
fn assert_whole(reply: &Reply) -> Report {
    let report = Report::from(reply);
    let ids: Vec<&str> = report.outcomes().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, IDS);
    report
}

#[track_caller]
fn assert_well(server: &Server) {
    assert!(server.is_alive());
    let info = server.info("secaudit");
    assert_eq!(info["secaudit_panics_fenced"], "0");
    let log = server.log();
    assert!(!log.contains("failed inside"), "{log}");
    server.wait_until("nobody to be blocked", || {
        server.info("clients")["blocked_clients"] == "0"
    });
}

#[test]
fn clients_ask_at_once_while_others_work_and_the_policy_and_the_users_change() {
    needs_module!();
    let server = Server::start();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let askers: Vec<_> = (0..8)
            .map(|number| {
                let server = &server;
                scope.spawn(move || {
                    let mut client = server.client();
                    if number % 2 == 0 {
                        client.hello3();
                    }
                    for round in 0..5 {
                        let key = format!("a{number}");
                        let value = format!("{round}");
                        let replies = client.pipeline([
                            vec!["SET", &key, &value],
                            vec!["SECAUDIT", "JSON"],
                            vec!["GET", &key],
                            vec!["SECAUDIT"],
                            vec!["ECHO", "end"],
                        ]);
                        assert!(replies[0].is_ok());
                        assert_whole(&replies[1]);
                        assert_eq!(replies[2].text(), value);
                        assert!(replies[3].texts().len() > 10);
                        assert_eq!(replies[4].text(), "end");
                    }
                })
            })
            .collect();
        let work = |calls: &'static [&'static [&'static str]]| {
            let (server, done) = (&server, &done);
            scope.spawn(move || {
                let mut client = server.client();
                while !done.load(Ordering::Relaxed) {
                    for reply in client.pipeline(calls.iter().copied()) {
                        assert!(!reply.is_error(), "{reply}");
                    }
                }
            });
        };
        work(&[&["SET", "k", "v"], &["GET", "k"], &["INFO", "secaudit"]]);
        work(&[
            &["SECGATE", "DENY", "flushall", "id=no-flush"],
            &["SECGATE", "LIST"],
            &["SECGATE", "DEL", "no-flush"],
        ]);
        work(&[
            &["ACL", "SETUSER", "coming", "on", "nopass", "+@all", "~*"],
            &["ACL", "DELUSER", "coming"],
        ]);
        let outcomes: Vec<_> = askers
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Ordering::Relaxed);
        assert!(outcomes.iter().all(Result::is_ok));
    });
    assert_well(&server);
}

#[test]
fn others_are_served_while_a_report_is_made() {
    needs_module!();
    let server = slow_server();
    let mut client = patient(&server);
    client.send(["SECAUDIT", "JSON"]);
    let mut other = server.client();
    for _ in 0..50 {
        assert_eq!(other.call(["PING"]).text(), "PONG");
    }
    assert_whole(&client.read());
    let info = server.info("secaudit");
    let number = |name: &str| info[name].parse::<u64>().unwrap();
    assert!(number("secaudit_audit_visits") > 100);
    assert!(number("secaudit_audit_server_usec") < number("secaudit_audit_usec"));
    assert!(number("secaudit_audit_longest_visit_usec") > 0);
    assert_well(&server);
}

#[test]
fn who_asks_while_another_is_answered_waits_and_sees_what_was_so_when_he_asked() {
    needs_module!();
    let (server, first) = held_server();
    let made = server.call(["ACL", "SETUSER", "late", "on", "nopass", "+@all", "~*"]);
    assert!(made.is_ok());
    let call = ["SECAUDIT", "JSON"];
    let mut others: Vec<Client> = (0..3).map(|_| asking(&server, &call).0).collect();
    release(&server, first);
    for other in &mut others {
        assert_whole(&other.read()).shows("auth.nopass-users", "fail", "late");
    }
    assert_well(&server);
}

#[test]
fn a_client_that_is_killed_or_leaves_while_it_waits_takes_nothing_with_it() {
    needs_module!();
    let (server, first) = held_server();
    let call = ["SECAUDIT", "JSON"];
    let (mut killed, id) = asking(&server, &call);
    assert_eq!(server.call(["CLIENT", "KILL", "ID", &id]).int(), 1);
    killed.expect_closed();
    let (leaves, id) = asking(&server, &call);
    drop(leaves);
    server.wait_until("the client to be gone", || flags(&server, &id).is_empty());
    let (mut stays, id) = asking(&server, &call);
    // Nothing but its answer unblocks it.
    assert_eq!(server.call(["CLIENT", "UNBLOCK", &id]).int(), 0);
    release(&server, first);
    assert_whole(&stays.read());
    assert_well(&server);
}

#[test]
fn a_client_that_leaves_while_it_is_being_answered_takes_nothing_with_it() {
    needs_module!();
    let (server, first) = held_server();
    drop(first);
    server.wait_until("nobody to be blocked", || {
        server.info("clients")["blocked_clients"] == "0"
    });
    let (mut next, _) = asking(&server, &["SECAUDIT", "JSON"]);
    assert!(server.call(["SECGATE", "MODE", "off"]).is_ok());
    assert_whole(&next.read());
    assert_well(&server);
}

#[test]
fn only_a_hundred_may_wait() {
    needs_module!();
    let (server, first) = held_server();
    let call = ["SECAUDIT", "JSON"];
    let mut waiting: Vec<Client> = (0..100).map(|_| asking(&server, &call).0).collect();
    for _ in 0..3 {
        let error = server.call(call).error_text();
        assert!(error.contains("100 calls of SECAUDIT wait"), "{error}");
    }
    release(&server, first);
    for client in &mut waiting {
        assert_whole(&client.read());
    }
    assert_whole(&server.call(call));
    assert_well(&server);
}

#[test]
fn shutdown_does_not_wait_for_a_report_and_is_clean() {
    needs_module!();
    let (held, first) = held_server();
    let slow = slow_server();
    let mut second = slow.client();
    second.send(["SECAUDIT", "JSON"]);
    for (server, mut client) in [(held, first), (slow, second)] {
        server.client().send(["SHUTDOWN", "NOSAVE"]);
        server.wait_until("the server to end", || !server.is_alive());
        // A report that was done in time has arrived before.
        if client.try_read().is_ok() {
            client.expect_closed();
        }
        let log = server.log();
        assert!(log.contains("bye bye"), "{log}");
        assert!(!log.contains("crashed by signal"), "{log}");
    }
}

#[test]
fn a_server_that_becomes_a_replica_drops_who_waits_and_goes_on() {
    needs_module!();
    let master = Server::builder().no_module().start();
    let (server, mut first) = held_server();
    let port = master.port().to_string();
    assert!(server.call(["REPLICAOF", "127.0.0.1", &port]).is_ok());
    let reply = first.read();
    assert!(reply.error_text().starts_with("UNBLOCKED"), "{reply}");
    assert!(server.call(["SECGATE", "MODE", "off"]).is_ok());
    server.wait_until("the link to the master", || {
        server.info("replication")["master_link_status"] == "up"
    });
    assert_whole(&server.call(["SECAUDIT", "JSON"]));
    assert_well(&server);
}

#[test]
fn in_a_transaction_the_report_comes_at_once_and_a_script_may_not_ask() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    for three in [false, true] {
        if three {
            client.hello3();
        }
        for call in [&["MULTI"][..], &["SET", "k", "v"], &["SECAUDIT", "JSON"]] {
            assert!(!client.call(call).is_error());
        }
        let replies = client.call(["EXEC"]);
        assert!(replies.items()[0].is_ok());
        assert_whole(&replies.items()[1]);
        let script = "return redis.call('SECAUDIT')";
        let error = client.call(["EVAL", script, "0"]).error_text();
        assert!(error.contains("not allowed from script"), "{error}");
    }
    assert_well(&server);
}

#[test]
fn a_transaction_does_not_wait_for_thousands_of_users_to_be_asked_about() {
    needs_module!();
    let server = slow_server();
    let mut client = patient(&server);
    client.call(["MULTI"]);
    client.call(["SECAUDIT", "JSON"]);
    let replies = client.call(["EXEC"]);
    let report = assert_whole(&replies.items()[0]);
    report.shows("cmd.data-loss", "unknown", "not asked: in a transaction");
    assert_whole(&client.call(["SECAUDIT", "JSON"])).shows("cmd.data-loss", "fail", "open to");
    assert_well(&server);
}

#[test]
fn a_subscriber_is_answered_and_stays_subscribed() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    client.hello3();
    client.send(["SUBSCRIBE", "channel"]);
    client.read();
    assert_whole(&client.call(["SECAUDIT", "JSON"]));
    server.call(["PUBLISH", "channel", "text"]);
    assert_eq!(client.read().items()[2].text(), "text");
    assert_well(&server);
}

#[test]
fn a_report_does_not_step_in_between_the_calls_of_a_script() {
    needs_module!();
    let (server, mut first) = held_server();
    server.call(["CONFIG", "SET", "busy-reply-threshold", "10"]);
    let mut busy = server.client();
    let mut other = server.client();
    // Between the two nobody else has a turn: only from within the script could the thread see that it may go on.
    let queued = busy.pipeline([
        vec!["MULTI"],
        vec!["SECGATE", "MODE", "off"],
        vec!["EVAL", "while true do end", "0"],
    ]);
    assert!(queued.iter().all(|reply| !reply.is_error()), "{queued:?}");
    busy.send(["EXEC"]);
    server.wait_until("the script to be busy", || {
        other.call(["GET", "k"]).is_error()
    });
    thread::sleep(Duration::from_millis(200));
    let went_on = || server.log().contains("the thread goes on");
    assert!(!went_on(), "the thread went on while a script ran");
    assert!(other.call(["SCRIPT", "KILL"]).is_ok());
    assert!(busy.read().items()[1].is_error());
    assert!(first.read().is_ok());
    assert!(went_on());
    assert_whole(&server.call(["SECAUDIT", "JSON"]));
    assert_well(&server);
}

#[test]
fn a_panic_beside_the_server_is_an_error_to_who_asked_and_nothing_else() {
    needs_module!();
    let server = Server::builder()
        .module_file(module::with_features(&["fault-injection"]))
        .start();
    let mut client = server.client();
    for (count, place) in ["thread", "visit", "thread"].into_iter().enumerate() {
        let mut waiting = server.client();
        waiting.send(["SECAUDIT", "FAULT", place]);
        let error = client.call(["SECAUDIT", "FAULT", place]).error_text();
        assert!(error.contains("secaudit failed inside"), "{error}");
        assert!(!error.contains("forced by a test"), "{error}");
        assert!(waiting.read().is_error());
        assert_whole(&client.call(["SECAUDIT", "JSON"]));
        let panics = &server.info("secaudit")["secaudit_panics_fenced"];
        assert_eq!(*panics, (2 * count + 2).to_string());
    }
    client.call(["MULTI"]);
    client.call(["SECAUDIT", "FAULT", "visit"]);
    assert!(client.call(["EXEC"]).items()[0].is_error());
    let log = server.log();
    assert!(
        log.contains("a thread of its own, the server goes on"),
        "{log}"
    );
    assert!(!log.contains("forced by a test"), "{log}");
    assert!(server.is_alive());
}
