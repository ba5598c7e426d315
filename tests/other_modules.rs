//! Other modules: their commands come and go, and their own calls are free unless a rule says via=module.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::gate::is_refusal;
use crate::harness::c_module;
use crate::harness::replication::wait_for_link;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::version::{self, REDIS_8_0};

/// The other module.
pub fn other() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| c_module::path("other_module"))
}

fn server(policy: &str) -> Server {
    let builder = Server::builder().policy(policy);
    builder.config("enable-module-command", "yes").start()
}

#[test]
fn a_module_that_comes_later_is_met_by_the_rules_that_waited_for_it() {
    needs_module!();
    let server = server("deny other.flush id=waits optional\n");
    assert!(server.call(["MODULE", "LOAD", other()]).is_ok());
    let error = server.call(["OTHER.FLUSH"]).error_text();
    assert!(is_refusal(&error, "other.flush", "waits"), "{error}");
    assert!(server.call(["MODULE", "UNLOAD", "other"]).is_ok());
    assert!(server.call(["MODULE", "LOAD", other()]).is_ok());
    assert!(server.call(["OTHER.FLUSH"]).is_error());
    assert!(server.call(["SECGATE", "DEL", "waits"]).int() == 1);
    assert_eq!(server.call(["OTHER.FLUSH"]).int(), 1);
}

#[test]
fn a_category_takes_in_the_commands_of_a_module_when_it_comes() {
    needs_module!();
    require!(
        version::under_test().has_acl_categories_for_modules(),
        "modules of this server cannot put commands into ACL categories"
    );
    let server = server("allow module\ndeny @dangerous id=d\n");
    assert!(server.call(["MODULE", "LOAD", other()]).is_ok());
    let error = server.call(["OTHER.FLUSH"]).error_text();
    assert!(is_refusal(&error, "other.flush", "d"), "{error}");
    // It goes, and the category is as it was; it comes back, and so does the refusal.
    assert!(server.call(["MODULE", "UNLOAD", "other"]).is_ok());
    let error = server.call(["OTHER.FLUSH"]).error_text();
    assert!(error.starts_with("ERR unknown command"), "{error}");
    assert!(server.call(["KEYS", "*"]).is_error());
    assert!(server.call(["MODULE", "LOAD", other()]).is_ok());
    assert!(server.call(["OTHER.FLUSH"]).is_error());
}

#[test]
fn a_modules_own_calls_are_free_unless_a_rule_says_via_module() {
    needs_module!();
    require!(
        version::under_test().tells_filters_who_calls(),
        "this server does not tell a module's calls from a client's"
    );
    let server = server("deny flushall id=clients\nrename flushdb f1\n");
    assert!(server.call(["MODULE", "LOAD", other()]).is_ok());
    assert!(server.call(["FLUSHALL"]).is_error());
    assert_eq!(server.call(["OTHER.FLUSH"]).int(), 1);
    let deny = "SECGATE DENY flushall via=module id=modules";
    assert!(!server.call(deny.split(' ')).is_error());
    assert!(server.call(["OTHER.FLUSH"]).is_error());
    let log = server.call(["SECGATE", "LOG"]).texts().join("\n");
    assert!(
        log.contains("rule=modules") && log.contains("via=module"),
        "{log}"
    );
}

#[test]
fn a_client_that_a_module_makes_another_user_is_that_user_from_the_next_call_on() {
    needs_module!();
    require!(
        version::under_test().tells_filters_who_calls(),
        "this server does not tell a filter who is calling"
    );
    let server = server("deny flushall id=all\ndeny flushdb user=!app id=others\n");
    assert!(server.call(["MODULE", "LOAD", other()]).is_ok());
    server.call(["ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all"]);
    let mut client = server.client();
    let replies = client.pipeline([
        vec!["FLUSHALL"],
        vec!["FLUSHDB"],
        vec!["OTHER.BECOME"],
        vec!["FLUSHDB"],
        vec!["FLUSHALL"],
    ]);
    let refused: Vec<bool> = replies.iter().map(|reply| reply.is_error()).collect();
    assert_eq!(refused, [true, true, false, false, true], "{replies:?}");
    let newest = server.call(["SECGATE", "LOG", "1"]).texts();
    assert!(newest[0].contains("rule=all user=app "), "{newest:?}");
}

#[test]
fn the_connections_that_nodes_of_a_cluster_make_to_each_other_pass_untouched() {
    needs_module!();
    require!(
        version::under_test().at_least(REDIS_8_0),
        "nodes of this server's Clusters do not sign in to each other"
    );
    let policy = "allow other.secret info optional\ndeny * id=all\n";
    let builder = Server::builder().policy(policy);
    let server = builder
        .config("cluster-enabled", "yes")
        .config("loadmodule", other())
        .start();
    let mut node = server.client();
    for _ in 0..2 {
        assert!(is_refusal(
            &node.call(["FLUSHALL"]).error_text(),
            "flushall",
            "all"
        ));
    }
    let secret = node.call(["OTHER.SECRET"]);
    let signed_in = node.call([b"AUTH", &b"internal connection"[..], secret.bytes()]);
    assert!(signed_in.is_ok(), "{signed_in:?}");
    let log = server.call(["SECGATE", "LOG"]).texts();
    for call in [
        vec!["FLUSHALL"],
        vec!["CONFIG", "SET", "maxmemory", "77mb"],
        vec!["EVAL", "return redis.call('flushall')", "0"],
        vec!["MULTI"],
        vec!["FLUSHALL"],
        vec!["EXEC"],
    ] {
        let reply = node.call(&call);
        assert!(!reply.is_error(), "{call:?}: {reply:?}");
    }
    assert_eq!(server.call(["SECGATE", "LOG"]).texts(), log, "nothing new");
    assert!(server.call(["FLUSHALL"]).is_error(), "clients are held off");
}

#[test]
fn a_call_that_blocks_under_a_new_name_is_woken_and_a_rule_that_comes_meanwhile_is_too_late_for_it()
{
    needs_module!();
    let server = server("rename blpop bl1\n");
    let mut waiting = server.client();
    waiting.send(["BL1", "list", "30"]);
    server.wait_until("the client to wait", || {
        let clients = server.info("clients")["blocked_clients"].clone();
        if clients == "1" { Ok(()) } else { Err(clients) }
    });
    let deny = "SECGATE DENY blpop id=late";
    assert!(!server.call(deny.split(' ')).is_error());
    assert_eq!(server.call(["RPUSH", "list", "x"]).int(), 1);
    assert_eq!(waiting.read().texts(), ["list", "x"]);
    let error = waiting.call(["BL1", "list", "1"]).error_text();
    assert!(is_refusal(&error, "blpop", "late"), "{error}");
}

#[test]
fn a_call_under_a_new_name_that_waits_while_a_module_yields_runs_once_and_leaves_no_event() {
    needs_module!();
    let policy = "rename get g3t\nrename config|get config|g3t\nalias sign ping\nrename eval e1\n";
    let server = Server::builder()
        .policy(policy)
        .config("loadmodule", other())
        .config("busy-reply-threshold", "20")
        .start();
    server.call(["SET", "k", "v"]);
    let mut busy = server.client();
    let calls = [
        vec!["G3T", "k"],
        vec!["CONFIG", "G3T", "maxmemory"],
        vec!["SIGN"],
        vec!["E1", "return 7", "0"],
    ];
    let mut waiting: Vec<_> = calls.iter().map(|_| server.client()).collect();
    let begun = Instant::now();
    busy.send(["OTHER.HOLD"]);
    std::thread::sleep(Duration::from_millis(200));
    for (client, call) in waiting.iter_mut().zip(&calls) {
        client.send(call);
    }
    assert_eq!(busy.read().int(), 1);
    let replies: Vec<_> = waiting.iter_mut().map(|client| client.read()).collect();
    // The module's second is counted in whole milliseconds, so it may be a little shorter.
    assert!(begun.elapsed() >= Duration::from_millis(990), "they waited");
    assert_eq!(replies[0].text(), "v");
    assert_eq!(replies[1].texts()[0], "maxmemory");
    assert_eq!(replies[2].text(), "PONG");
    assert_eq!(replies[3].int(), 7);
    assert_eq!(server.call(["SECGATE", "LOG"]).items().len(), 0);
    // The old names are as gone as ever.
    let error = server.call(["GET", "k"]).error_text();
    assert!(error.starts_with("ERR unknown command"), "{error}");
}

#[test]
fn what_a_module_replicates_passes_on_a_replica_whatever_its_flags() {
    needs_module!();
    let with_other = || Server::builder().config("loadmodule", other());
    let master = with_other().start();
    let replica = with_other()
        .policy("allow info\ndeny * id=all\n")
        .replica_of(&master)
        .start();
    wait_for_link(&replica);
    assert_eq!(master.call(["OTHER.PUT"]).int(), 1);
    replica.wait_until("the key", || {
        replica.info("keyspace").contains_key("db0") || replica.log().contains("CRITICAL")
    });
    assert!(!replica.log().contains("CRITICAL"));
    // What no module would replicate is refused there as elsewhere.
    let added = replica.call(["SECGATE", "DENY", "secgate", "force", "id=own"]);
    assert_eq!(added.text(), "own");
    assert!(is_refusal(
        &replica.call(["SECGATE", "LIST"]).error_text(),
        "secgate",
        "own"
    ));
}
