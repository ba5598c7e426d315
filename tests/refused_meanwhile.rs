//! What a refused client is told while something else is going on: subscriptions, a busy script, loading.

use crate::gate::is_refusal;
use crate::harness::resp::words;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;

const POLICY: &str = "deny flushall id=no-flush\ndeny debug|jmap id=no-jmap\n";

#[test]
fn a_subscriber_is_told_the_rule_in_both_protocols_and_stays_subscribed() {
    needs_module!();
    let server = Server::builder().policy(POLICY).start();
    for three in [false, true] {
        let mut client = server.client();
        if three {
            client.hello3();
        }
        client.send(["SUBSCRIBE", "channel"]);
        assert_eq!(client.read().items().len(), 3);
        let error = client.call(["FLUSHALL"]).error_text();
        assert!(is_refusal(&error, "flushall", "no-flush"), "{error}");
        server.call(["PUBLISH", "channel", "text"]);
        assert_eq!(client.read().items()[2].text(), "text");
    }
}

#[test]
fn while_a_script_is_busy_the_rule_is_told_and_other_calls_hear_busy() {
    needs_module!();
    let server = Server::builder().policy(POLICY).start();
    server.call(["CONFIG", "SET", "busy-reply-threshold", "10"]);
    let mut busy = server.client();
    let mut beside = server.client();
    busy.send(["EVAL", "while true do end", "0"]);
    server.wait_until("the script to be busy", || {
        let reply = beside.call(["GET", "k"]);
        if reply.is_error() {
            Ok(())
        } else {
            Err(format!("{reply:?}"))
        }
    });
    assert!(beside.call(["GET", "k"]).error_text().starts_with("BUSY"));
    let error = beside.call(["FLUSHALL"]).error_text();
    assert!(is_refusal(&error, "flushall", "no-flush"), "{error}");
    assert!(beside.call(["SCRIPT", "KILL"]).is_ok());
    assert!(busy.read().is_error());
}

#[test]
fn while_the_server_loads_the_rule_is_told_and_the_gate_can_be_asked() {
    needs_module!();
    let server = Server::builder().policy(POLICY).allow_debug().start();
    let mut client = server.client();
    let value = "v".repeat(200);
    let sets = (0..2000).map(|number| vec!["SET".to_owned(), format!("k{number}"), value.clone()]);
    client.pipeline(sets);
    for setting in [
        "loading-process-events-interval-bytes 1024",
        "key-load-delay 500",
    ] {
        let line = format!("CONFIG SET {setting}");
        let reply = client.call(words(&line));
        assert!(reply.is_ok(), "{line}: {reply:?}");
    }
    assert!(server.call(["SAVE"]).is_ok());
    let mut beside = server.client();
    client.send(["DEBUG", "RELOAD", "NOSAVE"]);
    server.wait_until("the server to load", || {
        let reply = beside.call(["GET", "k0"]);
        if reply.is_error() {
            Ok(())
        } else {
            Err(format!("{reply:?}"))
        }
    });
    let while_loading = beside.call(["GET", "k0"]).error_text();
    let error = beside.call(["FLUSHALL"]).error_text();
    let mode = beside.call(["SECGATE", "MODE"]).text();
    // Nobody who waits is answered before the server has loaded, so a report is made on the spot.
    let report = beside.call(["SECAUDIT", "JSON"]).text();
    let still = beside.call(["GET", "k0"]);
    assert!(while_loading.starts_with("LOADING"), "{while_loading}");
    assert!(is_refusal(&error, "flushall", "no-flush"), "{error}");
    assert_eq!(mode, "enforce");
    assert!(report.contains("\"grade\""), "{report}");
    assert!(still.is_error(), "it was loading all the while: {still:?}");
    assert!(client.read().is_ok());
    assert_eq!(client.call(["DBSIZE"]).int(), 2000);
}
