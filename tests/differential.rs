//! Thousands of random policies and calls: what the server does with a call is what SECGATE TEST says, which is the pure
//! decision, and what it refuses never runs.

use std::cell::{Cell, RefCell};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::harness::resp::{Client, Reply};
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::harness::version;

const POLICIES: u32 = 1000;
const CALLS: usize = 10;

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
        identity("user=a?p,b"),
        identity("from=127.0.0.0/8"),
        identity("from=!127.0.0.1"),
        identity("from=unix"),
        identity("from=10.0.0.0/8,!unix"),
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

/// Someone who calls, as SECGATE TEST is told of him.
struct Caller {
    user: &'static str,
    from: &'static str,
    client: Client,
}

/// One for each answer to who calls, and from where.
fn callers(server: &Server) -> Vec<Caller> {
    let user = ["ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all"];
    assert!(server.call(user).is_ok());
    let of = |user, from, client| Caller { user, from, client };
    let mut all = vec![
        of("default", "127.0.0.1", server.client()),
        of("app", "127.0.0.1", server.client()),
        of("default", "unix", server.unix_client()),
        of("app", "unix", server.unix_client()),
    ];
    for caller in &mut all {
        if caller.user == "app" {
            assert!(caller.client.auth("app", "pw").is_ok());
        }
    }
    all
}

/// Puts a policy in force and lets everyone make the calls: how many were refused, or where the server and the decision
/// differ.
fn compare(
    admin: &mut Client,
    callers: &mut [Caller],
    policy: &[Vec<String>],
    calls: &[Vec<Vec<u8>>],
) -> Result<usize, String> {
    let bytes = |words: &[&str]| -> Vec<Vec<u8>> {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    };
    let statements = policy.iter().map(|statement| {
        let words: Vec<&str> = statement.iter().map(String::as_str).collect();
        bytes(&[&["SECGATE"], words.as_slice()].concat())
    });
    // Some do not go together (a name twice): then the rest is the policy.
    admin.pipeline([bytes(&["SECGATE", "RESET"])].into_iter().chain(statements));
    let mut denied = 0;
    for caller in callers {
        let asked = bytes(&["SECGATE", "TEST", "USER", caller.user, "FROM", caller.from]);
        let tests = calls.iter().map(|words| [asked.as_slice(), words].concat());
        let told: Vec<String> = admin.pipeline(tests).iter().map(Reply::text).collect();
        let replies = caller.client.pipeline(calls);
        denied += agree(admin, caller, calls, &told, &replies)?;
    }
    Ok(denied)
}

/// How many calls were refused, all of them as the decision told; or where that is not so.
fn agree(
    admin: &mut Client,
    caller: &Caller,
    calls: &[Vec<Vec<u8>>],
    told: &[String],
    replies: &[Reply],
) -> Result<usize, String> {
    let mut denied = 0;
    for ((words, told), reply) in calls.iter().zip(told).zip(replies) {
        let refused = reply.is_error() && {
            let error = reply.error_text();
            // The old name of a renamed command is told what the server says of an unknown one.
            let gone = told.contains(": rename ") && error.contains("unknown");
            error.contains("secaudit") || gone
        };
        if refused != told.starts_with("deny by") {
            let list = admin.call(["SECGATE", "LIST"]).texts();
            let call = words.join(&b' ').escape_ascii().to_string();
            let (user, from) = (caller.user, caller.from);
            return Err(format!(
                "{list:#?}\n{user} from {from}: {call}\nTEST: {told}\nserver: {reply:?}"
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
    // The calls of clients that have other users or addresses mean nothing where the server does not tell.
    let told = version::under_test().tells_filters_who_calls();
    let mut callers = callers(&server);
    callers.truncate(if told { 4 } else { 1 });
    let clients = RefCell::new((server.client(), callers));
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
        let (admin, callers) = &mut *clients.borrow_mut();
        let refused = compare(admin, callers, &policy, &calls);
        denied.set(denied.get() + refused.map_err(TestCaseError::fail)?);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let made = POLICIES as usize * CALLS * clients.borrow().1.len();
    let (denied, all) = (denied.get(), made);
    println!("{denied} of {all} calls refused, all as decided");
    assert!(denied > all / 10 && denied < all * 9 / 10, "{denied}");
}
