//! A flood of refused calls neither makes the server grow nor pushes out the record of what others did.

use crate::harness::resp::Client;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};

const ROUND: usize = 8000;
/// A server closes the connection of a stranger for whom more than 1 KiB waits.
const PIPELINE: usize = 8;

/// Sends refused calls in one pipeline, each with another name if `names` says so.
fn flood(client: &mut Client, names: bool) {
    let call = |number: usize| match names {
        true => vec![format!("no-such-{number}")],
        false => vec!["FLUSHALL".to_owned()],
    };
    for chunk in (0..ROUND).collect::<Vec<_>>().chunks(PIPELINE) {
        let replies = client.pipeline(chunk.iter().copied().map(call));
        assert!(replies.iter().all(|reply| reply.is_error()));
    }
}

fn used_memory(server: &Server) -> usize {
    server.info("memory")["used_memory"].parse().unwrap()
}

#[test]
fn a_flood_of_refusals_leaves_memory_as_it_was_and_the_events_of_others_in_the_log() {
    needs_module!();
    let server = Server::builder()
        .policy("deny get id=of-others\nallow info client auth acl\ndeny * id=all\n")
        .config("user", "app on >pw ~* &* +@all")
        .password("secret")
        .start();
    // Nobody knows this client, and it needs no password to be refused.
    let mut client = server.stranger();
    // Both kinds once, so that what is kept for good is there.
    flood(&mut client, true);
    flood(&mut client, false);
    let mut app = server.client();
    assert!(app.auth("app", "pw").is_ok());
    assert!(app.call(["GET", "k"]).is_error());
    let before = used_memory(&server);
    let denied = |server: &Server| -> usize {
        server.info("secaudit")["secaudit_calls_denied"]
            .parse()
            .unwrap()
    };
    let denied_before = denied(&server);
    for _ in 0..5 {
        flood(&mut client, true);
        flood(&mut client, false);
    }
    let after = used_memory(&server);
    assert!(after < before + 512 * 1024, "{before} bytes, then {after}");
    assert_eq!(denied(&server) - denied_before, 10 * ROUND);
    let log = server.call(["SECGATE", "LOG"]).texts();
    let of_app = log.iter().filter(|line| line.contains("user=app")).count();
    if crate::harness::version::under_test().tells_filters_who_calls() {
        assert_eq!(of_app, 1, "the one event of a named user is still there");
    }
    assert!(log.len() <= 128);
}

#[test]
fn a_repeated_refusal_is_one_entry_of_acl_log_even_where_no_events_are_kept() {
    needs_module!();
    require!(
        crate::harness::version::under_test().tells_filters_who_calls(),
        "this server does not tell a filter who is calling"
    );
    let server = Server::builder().policy("deny flushall\n").start();
    let setting = ["CONFIG", "SET", "secaudit.log-max-len", "0"];
    assert!(server.call(setting).is_ok());
    let mut client = server.client();
    for _ in 0..20 {
        assert!(client.call(["FLUSHALL"]).is_error());
    }
    let entries = server.call(["ACL", "LOG"]);
    let [entry] = entries.items() else {
        panic!("one entry: {entries:?}")
    };
    assert_eq!(entry.items()[1].int(), 1, "{entry:?}");
    assert_eq!(server.call(["SECGATE", "LOG"]).items().len(), 0);
}
