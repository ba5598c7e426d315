//! Thousands of random policies and calls: what the server does with a call is what SECGATE TEST says, which is the pure
//! decision, and what it refuses never runs.

use std::cell::{Cell, RefCell};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::harness::resp::Client;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::harness::version;

const POLICIES: u32 = 200;
const CALLS: usize = 20;

/// Statements over a few harmless commands, so that they often meet.
fn statement() -> impl Strategy<Value = Vec<String>> {
    let target = prop_oneof![
        4 => prop::sample::select(vec!["echo", "get", "set", "exists", "client|id", "client|getname", "config|get", "object"]),
        1 => prop::sample::select(vec!["*", "@connection", "@read", "client", "config"]),
    ];
    let told = version::under_test().tells_filters_who_calls();
    let identity = move |condition: &'static str| if told { condition } else { "via=client" };
    let condition = prop::sample::select(vec![
        "arg1=a*",
        "arg1=!b",
        "arg2=?",
        "arg=[ab]",
        "arg=!c*,!d",
        "via=client",
        "via=script,!client",
        identity("user=default"),
        identity("user=!def*,!x"),
        identity("from=127.0.0.0/8"),
        identity("from=!127.0.0.1"),
        identity("from=unix"),
    ]);
    let rule = (
        prop::sample::select(vec!["DENY", "DENY", "ALLOW"]),
        prop::collection::vec(target, 1..3),
        prop::collection::vec(condition, 0..3),
        any::<bool>(),
    )
        .prop_map(|(verb, targets, mut conditions, first)| {
            conditions.sort_unstable();
            conditions.dedup_by_key(|condition| condition.split('=').next());
            let end = if first { vec!["at=first"] } else { vec![] };
            let words = [vec![verb], targets, conditions, end].concat();
            words.into_iter().map(str::to_owned).collect()
        });
    let name = prop::sample::select(vec![
        vec!["RENAME", "echo", "3cho"],
        vec!["ALIAS", "g", "get"],
        vec!["RENAME", "client|id", "client|1d"],
    ])
    .prop_map(|words| words.into_iter().map(str::to_owned).collect());
    prop_oneof![6 => rule, 1 => name]
}

fn call() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let name = prop::sample::select(vec![
        "echo", "ECHO", "3cho", "get", "g", "GeT", "set", "exists", "client", "config", "object",
        "nosuch", "echo\0x",
    ]);
    let word = prop::sample::select(vec![
        "a", "ab", "b", "c", "d", "id", "ID\0", "1d", "getname", "get", "port", "*", "max*", "help",
    ]);
    (name, prop::collection::vec(word, 0..4)).prop_map(|(name, rest)| {
        let words = std::iter::once(name).chain(rest);
        words.map(|word| word.as_bytes().to_vec()).collect()
    })
}

/// Puts a policy in force and makes the calls: how many were refused, or where the server and the decision differ.
fn compare(
    client: &mut Client,
    policy: &[Vec<String>],
    calls: &[Vec<Vec<u8>>],
) -> Result<usize, String> {
    client.call(["SECGATE", "RESET"]);
    for statement in policy {
        // Some do not go together (a name twice): then the rest is the policy.
        client.call(std::iter::once("SECGATE").chain(statement.iter().map(String::as_str)));
    }
    let mut denied = 0;
    for words in calls {
        let asked = [&b"SECGATE"[..], b"TEST"].into_iter();
        let test: Vec<&[u8]> = asked.chain(words.iter().map(Vec::as_slice)).collect();
        let told = client.call_bytes(&test).text();
        let reply = client.call(words);
        let refused = reply.is_error() && {
            let error = reply.error_text();
            // The old name of a renamed command is told what the server says of an unknown one.
            let gone = told.contains(": rename ") && error.contains("unknown");
            error.contains("secaudit") || gone
        };
        if refused != told.starts_with("deny by") {
            let list = client.call(["SECGATE", "LIST"]).texts();
            let call = words.join(&b' ').escape_ascii().to_string();
            return Err(format!(
                "{list:#?}\n{call}\nTEST: {told}\nserver: {reply:?}"
            ));
        }
        denied += usize::from(refused);
    }
    Ok(denied)
}

#[test]
fn the_server_refuses_just_what_the_decision_refuses() {
    needs_module!();
    let server = Server::start();
    let client = RefCell::new(server.client());
    let config = Config {
        cases: POLICIES,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let policies = prop::collection::vec(statement(), 1..6);
    let calls = prop::collection::vec(call(), CALLS);
    let denied = Cell::new(0);
    let outcome = runner.run(&(policies, calls), |(policy, calls)| {
        let refused = compare(&mut client.borrow_mut(), &policy, &calls);
        denied.set(denied.get() + refused.map_err(TestCaseError::fail)?);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let (denied, all) = (denied.get(), POLICIES as usize * CALLS);
    println!("{denied} of {all} calls refused, all as decided");
    assert!(denied > all / 10 && denied < all * 9 / 10, "{denied}");
}
