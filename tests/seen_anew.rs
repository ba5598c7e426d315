//! What the gate keeps of a client, to be quick with its next call, never outlives what it is true of.

use crate::gate::is_refusal;
use crate::harness::resp::{Client, Reply, words};
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::version;

const UNTOLD: &str = "this server does not tell a filter who is calling";

/// The text of a refusal that is no longer than it must be.
const TOLD: &str = "NOPERM 'flushall' is denied by secaudit rule no";

fn gate(server: &Server, line: &str) {
    let reply = server.call(words(&format!("SECGATE {line}")));
    assert!(!reply.is_error(), "{line}: {reply:?}");
}

/// Refused as a call outside of transactions and subscriptions is, several times: what can be kept of the client is.
fn refused_plainly(client: &mut Client) {
    for _ in 0..3 {
        assert_eq!(client.call(["FLUSHALL"]).error_text(), TOLD);
    }
}

/// Refused in the way that also aborts a transaction.
fn by_name(reply: &Reply) -> bool {
    let error = reply.error_text();
    error.starts_with("ERR unknown command") && is_refusal(&error, "flushall", "no")
}

#[test]
fn a_transaction_that_is_opened_after_refusals_is_aborted_by_the_next() {
    needs_module!();
    require!(version::under_test().tells_filters_who_calls(), UNTOLD);
    let server = Server::start();
    gate(&server, "DENY flushall id=no");
    gate(&server, "ALIAS begin multi");
    let (mut client, mut other) = (server.client(), server.client());
    for open in ["MULTI", "begin", "MuLtI"] {
        refused_plainly(&mut client);
        refused_plainly(&mut other);
        assert!(client.call([open]).is_ok());
        refused_plainly(&mut other);
        assert!(by_name(&client.call(["FLUSHALL"])));
        assert!(by_name(&client.call(["FLUSHALL"])));
        let aborted = client.call(["EXEC"]).error_text();
        assert!(aborted.starts_with("EXECABORT"), "{open}: {aborted}");
        // All in one piece, and in the middle of it.
        let replies = client.pipeline([
            vec!["FLUSHALL"],
            vec![open],
            vec!["SET", "k", "v"],
            vec!["FLUSHALL"],
            vec!["EXEC"],
            vec!["FLUSHALL"],
        ]);
        assert_eq!(replies[0].error_text(), TOLD);
        assert!(by_name(&replies[3]), "{replies:?}");
        assert!(replies[4].error_text().starts_with("EXECABORT"));
        assert_eq!(replies[5].error_text(), TOLD);
    }
    // Looked at for another rule just before it is opened.
    gate(&server, "DENY multi force mode=observe id=watched");
    refused_plainly(&mut client);
    assert!(client.call(["MULTI"]).is_ok());
    assert!(by_name(&client.call(["FLUSHALL"])));
    assert!(client.call(["EXEC"]).is_error());
    // Opened while the filter was away.
    gate(&server, "MODE off");
    assert!(client.call(["MULTI"]).is_ok());
    gate(&server, "MODE enforce");
    assert!(by_name(&client.call(["FLUSHALL"])));
    assert!(client.call(["EXEC"]).is_error());
    let log = server.call(["SECGATE", "LOG"]).texts().join("\n");
    assert!(
        log.contains("rule=no") && log.contains("via=multi") && log.contains("via=client"),
        "{log}"
    );
}

#[test]
fn a_subscription_after_refusals_is_heeded_by_the_next_and_so_is_its_end() {
    needs_module!();
    require!(version::under_test().tells_filters_who_calls(), UNTOLD);
    let server = Server::start();
    gate(&server, "DENY flushall id=no");
    gate(&server, "DENY psubscribe mode=observe id=watched");
    for (subscribe, unsubscribe) in [
        ("SUBSCRIBE", "UNSUBSCRIBE"),
        ("PSUBSCRIBE", "PUNSUBSCRIBE"),
        ("SSUBSCRIBE", "SUNSUBSCRIBE"),
    ] {
        let mut client = server.client();
        refused_plainly(&mut client);
        assert!(!client.call([subscribe, "c"]).is_error());
        assert!(by_name(&client.call(["FLUSHALL"])), "{subscribe}");
        assert!(!client.call([unsubscribe, "c"]).is_error());
        refused_plainly(&mut client);
        // Servers do not let a transaction subscribe to shards.
        if subscribe == "SSUBSCRIBE" {
            continue;
        }
        client.call(["MULTI"]);
        client.call([subscribe, "c"]);
        assert!(!client.call(["EXEC"]).is_error());
        assert!(by_name(&client.call(["FLUSHALL"])), "{subscribe} in MULTI");
    }
}

#[test]
fn refusals_are_recorded_under_the_user_of_their_moment() {
    needs_module!();
    require!(version::under_test().tells_filters_who_calls(), UNTOLD);
    let server = Server::start();
    for user in ["one", "two"] {
        server.call(["ACL", "SETUSER", user, "on", ">pw", "~*", "&*", "+@all"]);
    }
    gate(&server, "DENY flushall id=no");
    // Statements that have the gate look at who makes these calls, before they change it.
    gate(&server, "ALLOW auth");
    gate(&server, "DENY hello reset force mode=observe");
    let mut client = server.client();
    client.call(["CLIENT", "SETNAME", "the-client"]);
    let refused = || vec!["FLUSHALL"];
    client.pipeline([
        refused(),
        refused(),
        vec!["AUTH", "one", "pw"],
        refused(),
        vec!["HELLO", "3", "AUTH", "two", "pw"],
        refused(),
        refused(),
        vec!["MULTI"],
        vec!["AUTH", "one", "pw"],
        vec!["EXEC"],
        refused(),
        vec!["RESET"],
        refused(),
    ]);
    let log = server.call(["SECGATE", "LOG", "JSON"]).text();
    let events: serde_json::Value = serde_json::from_str(&log).unwrap();
    assert_eq!(events[1]["client_name"], "the-client", "{log}");
    assert!(events[1]["client"].is_u64());
    let counts = |user: &str| -> u64 {
        let events = events.as_array().unwrap().iter();
        let of_user = events.filter(|event| event["user"] == user);
        of_user.map(|event| event["count"].as_u64().unwrap()).sum()
    };
    let counted = (counts("default"), counts("one"), counts("two"));
    // The observed HELLO and RESET count too, under who made them.
    assert_eq!(counted, (3, 4, 2), "{log}");
}

#[test]
fn a_password_that_is_set_after_refusals_hides_the_rules_from_strangers() {
    needs_module!();
    require!(version::under_test().tells_filters_who_calls(), UNTOLD);
    for set in [
        vec![vec!["CONFIG", "SET", "requirepass", "pw"]],
        vec![vec!["ACL", "SETUSER", "default", "resetpass", ">pw"]],
        vec![
            vec!["MULTI"],
            vec!["CONFIG", "SET", "requirepass", "pw"],
            vec!["EXEC"],
        ],
    ] {
        let server = Server::start();
        gate(&server, "DENY flushall id=no");
        gate(&server, "DENY config acl|setuser mode=observe id=watched");
        let mut client = server.client();
        refused_plainly(&mut client);
        let calls = set.clone().into_iter().chain([vec!["FLUSHALL"]]);
        let replies = client.pipeline([vec!["FLUSHALL"]].into_iter().chain(calls));
        assert_eq!(replies.last().unwrap().error_text(), TOLD);
        let error = server.stranger().call(["FLUSHALL"]).error_text();
        assert!(error.starts_with("NOAUTH"), "{set:?}: {error}");
        client.call(["ACL", "SETUSER", "default", "nopass"]);
        let error = server.stranger().call(["FLUSHALL"]).error_text();
        assert_eq!(error, TOLD, "{set:?}");
    }
}

#[test]
fn a_default_user_that_is_off_hides_the_rules_from_strangers_though_it_needs_no_password() {
    needs_module!();
    require!(version::under_test().tells_filters_who_calls(), UNTOLD);
    let user = "ops on >pw ~* &* +@all";
    let server = Server::builder().config("user", user).start();
    gate(&server, "DENY flushall id=no");
    let (mut client, mut ops) = (server.client(), server.client());
    assert!(ops.auth("ops", "pw").is_ok());
    refused_plainly(&mut client);
    refused_plainly(&mut ops);
    assert!(ops.call(["ACL", "SETUSER", "default", "off"]).is_ok());
    let error = server.stranger().call(["FLUSHALL"]).error_text();
    assert!(error.starts_with("NOAUTH"), "{error}");
    refused_plainly(&mut ops);
    // Whoever came in before may stay, and is told.
    refused_plainly(&mut client);
    assert!(ops.call(["ACL", "SETUSER", "default", "on"]).is_ok());
    let error = server.stranger().call(["FLUSHALL"]).error_text();
    assert_eq!(error, TOLD);
}

#[test]
fn a_client_that_passes_for_its_address_is_held_against_every_new_policy_and_every_name() {
    needs_module!();
    require!(version::under_test().tells_filters_who_calls(), UNTOLD);
    let server = Server::start();
    let mut client = server.client();
    let passes = |client: &mut Client| {
        for _ in 0..3 {
            assert!(client.call(["SET", "k", "v"]).is_ok());
            assert!(!client.call(["NO-SUCH"]).error_text().contains("secaudit"));
        }
    };
    gate(&server, "ALLOW secgate acl");
    gate(&server, "DENY * from=!127.0.0.0/8 id=far");
    passes(&mut client);
    gate(&server, "DENY * from=127.0.0.0/8 id=near");
    let error = client.call(["SET", "k", "v"]).error_text();
    assert!(is_refusal(&error, "set", "near"), "{error}");
    assert!(is_refusal(
        &client.call(["NO-SUCH"]).error_text(),
        "no-such",
        "near"
    ));
    gate(&server, "DEL near");
    passes(&mut client);
    // Names that matter, new, old, and in every spelling.
    gate(&server, "DENY get id=get");
    gate(&server, "RENAME strlen str-length");
    passes(&mut client);
    for name in [&b"GET"[..], b"gEt", b"GET\0x"] {
        let error = client.call([name, b"k"]).error_text();
        assert!(is_refusal(&error, "get", "get"), "{error}");
    }
    assert_eq!(client.call(["STR-LENGTH", "k"]).int(), 1);
    assert!(client.call(["STRLEN", "k"]).is_error());
    let script = client.call(["EVAL", "return redis.call('get', 'k')", "0"]);
    assert!(script.error_text().contains("rule get"), "{script:?}");
    passes(&mut client);
    // More than the address is asked.
    gate(&server, "DENY * user=app id=app");
    server.call(["ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all"]);
    passes(&mut client);
    assert!(client.auth("app", "pw").is_ok());
    let error = client.call(["SET", "k", "v"]).error_text();
    assert!(is_refusal(&error, "set", "app"), "{error}");
}
