//! What a refused client is told while something else is going on: subscriptions, a busy script, loading.

use crate::gate::is_refusal;
use crate::harness::resp::words;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::harness::version;

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

/// Refused in the way that also aborts a transaction; on servers that tell no filter who calls, the only way.
fn by_name(error: &str) -> bool {
    error.starts_with("ERR unknown command 'flushall' is denied by secaudit rule 'no-flush'")
}

/// What the rule says where nothing stands in the way of saying it.
const EXPLAINED: &str = "NOPERM 'flushall' is denied by secaudit rule no-flush";

#[test]
fn every_user_in_every_situation_is_told_what_the_readme_says() {
    needs_module!();
    let server = Server::builder()
        .policy(POLICY)
        .password("pw")
        .config("user", "mighty on >pw ~* &* +@all")
        .config(
            "user",
            "lowly on >pw &* -@all +multi +exec +eval +subscribe",
        )
        .start();
    let told = version::under_test().tells_filters_who_calls();
    let plainly = |error: &str| match told {
        true => error == EXPLAINED,
        false => by_name(error),
    };
    for user in ["mighty", "lowly", "default"] {
        for three in [false, true] {
            let mut client = server.stranger();
            assert!(client.auth(user, "pw").is_ok());
            if three {
                client.send(["HELLO", "3"]);
                client.read();
            }
            let place = format!("{user}, RESP3: {three}");
            let error = client.call(["FlushAll", "secret"]).error_text();
            assert!(
                plainly(&error) && !error.contains("secret"),
                "{place}: {error}"
            );
            let replies = client.pipeline([["FLUSHALL"], ["FLUSHALL"], ["FLUSHALL"]]);
            assert!(
                replies.iter().all(|reply| plainly(&reply.error_text())),
                "{place}: {replies:?}"
            );
            let transaction = [vec!["MULTI"], vec!["FLUSHALL", "secret"], vec!["EXEC"]];
            let replies = client.pipeline(transaction);
            assert!(replies[0].is_ok(), "{place}: {replies:?}");
            let error = replies[1].error_text();
            assert!(
                by_name(&error) && !error.contains("secret"),
                "{place}: {error}"
            );
            assert!(replies[2].error_text().starts_with("EXECABORT"));
            let script = ["EVAL", "return redis.call('FLUSHALL', 'secret')", "0"];
            let error = client.call(script).error_text();
            assert!(error.starts_with(EXPLAINED), "{place}: {error}");
            client.send(["SUBSCRIBE", "channel"]);
            client.read();
            let error = client.call(["FLUSHALL"]).error_text();
            assert!(by_name(&error), "{place}: {error}");
        }
    }
    let mut stranger = server.stranger();
    for _ in 0..2 {
        let error = stranger.call(["FLUSHALL"]).error_text();
        let hears = match told {
            true => error == "NOAUTH Authentication required.",
            false => by_name(&error),
        };
        assert!(hears, "{error}");
    }
}

#[test]
fn who_is_not_to_know_hears_what_the_server_says_of_a_command_that_it_does_not_have() {
    needs_module!();
    let server = Server::builder()
        .policy("deny flushall id=no-flush reply=unknown\nrename flushdb f1 id=gone\n")
        .config(
            "user",
            "lowly on >pw &* -@all +multi +exec +eval +subscribe",
        )
        .start();
    let told = version::under_test().tells_filters_who_calls();
    for user in ["default", "lowly"] {
        for three in [false, true] {
            let mut client = server.stranger();
            if user == "lowly" {
                assert!(client.auth(user, "pw").is_ok());
            }
            if three {
                client.send(["HELLO", "3"]);
                client.read();
            }
            for name in ["FLUSHALL", "FlushDb"] {
                let genuine = server.call(["NOSUCHCOMMAND"]).error_text();
                let genuine = genuine.replace("NOSUCHCOMMAND", name);
                let error = client.call([name, "secret"]).error_text();
                let begins = format!("ERR unknown command '{name}'");
                assert!(error.starts_with(&begins), "{user}: {error}");
                assert!(!told || error == genuine, "{user}: {error}");
                let replies = client.pipeline([vec!["MULTI"], vec![name], vec!["EXEC"]]);
                let error = replies[1].error_text();
                assert!(error.starts_with(&begins), "{user}: {error}");
                assert!(replies[2].error_text().starts_with("EXECABORT"));
                let script = format!("return redis.call('{name}', 'secret')");
                let error = client.call(["EVAL", &script, "0"]).error_text();
                let unknown = error.to_lowercase().contains("unknown");
                assert!(unknown && !error.contains("secaudit"), "{user}: {error}");
            }
        }
    }
}
