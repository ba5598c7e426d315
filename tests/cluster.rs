//! The gate on a Cluster of three masters: routing, redirects and moving slots are as without it.

use crate::fix::fix_json;
use crate::gate::is_refusal;
use crate::harness::cluster::{Cluster, id, redirects};
use crate::harness::server::Server;
use crate::harness::skip::needs_module;

const POLICY: &str = "alias put set\nrename get g3t\ndeny del id=no-del\ndeny flushall keys id=no-all\n\
    profile tutorial mode=observe id=watched\n";

#[test]
fn calls_under_new_names_are_routed_and_refused_ones_are_refused_on_every_node() {
    needs_module!();
    let cluster = Cluster::start(&Server::builder().policy(POLICY));
    for key in ["a", "b", "c", "{tag}1"] {
        let (right, wrong) = cluster.right_and_wrong(key);
        assert!(right.call(["PUT", key, "v"]).is_ok());
        assert_eq!(right.call(["G3T", key]).text(), "v");
        for call in [vec!["PUT", key, "x"], vec!["G3T", key], vec!["EXISTS", key]] {
            let reply = wrong.call(&call);
            assert!(redirects(&reply, "MOVED"), "{call:?}: {reply:?}");
        }
        for node in [right, wrong] {
            let error = node.call(["DEL", key]).error_text();
            assert!(is_refusal(&error, "del", "no-del"), "{error}");
        }
        let script = right.call(["EVAL", "return redis.call('put', KEYS[1], 'w')", "1", key]);
        assert!(script.is_ok(), "{script:?}");
        assert_eq!(right.call(["G3T", key]).text(), "w");
    }
    for node in &cluster.nodes {
        assert_eq!(node.call(["PING"]).text(), "PONG");
        let error = node.call(["FLUSHALL"]).error_text();
        assert!(is_refusal(&error, "flushall", "no-all"), "{error}");
    }
}

#[test]
fn a_slot_moves_with_its_keys_and_clients_are_asked_over() {
    needs_module!();
    let cluster = Cluster::start(&Server::builder().policy(POLICY));
    let (from, to) = cluster.right_and_wrong("{tag}");
    let slot = cluster.slot("{tag}").to_string();
    assert!(from.call(["PUT", "{tag}1", "one"]).is_ok());
    let set = |node: &Server, words: &[&str]| {
        let all = [&["CLUSTER", "SETSLOT", slot.as_str()], words].concat();
        let reply = node.call(&all);
        assert!(reply.is_ok(), "{all:?}: {reply:?}");
    };
    set(to, &["IMPORTING", &id(from)]);
    set(from, &["MIGRATING", &id(to)]);
    assert!(redirects(&from.call(["PUT", "{tag}2", "two"]), "ASK"));
    assert!(redirects(&from.call(["G3T", "{tag}2"]), "ASK"));
    let mut client = to.client();
    assert!(redirects(&client.call(["PUT", "{tag}2", "two"]), "MOVED"));
    assert!(client.call(["ASKING"]).is_ok());
    assert!(client.call(["PUT", "{tag}2", "two"]).is_ok());
    let port = to.port().to_string();
    let moved = from.call(["MIGRATE", "127.0.0.1", &port, "{tag}1", "0", "5000"]);
    assert!(moved.is_ok(), "{moved:?}");
    for node in [to, from] {
        set(node, &["NODE", &id(to)]);
    }
    assert_eq!(to.call(["G3T", "{tag}1"]).text(), "one");
    assert_eq!(to.call(["G3T", "{tag}2"]).text(), "two");
    assert!(redirects(&from.call(["G3T", "{tag}1"]), "MOVED"));
}

#[test]
fn a_fix_says_that_slots_do_not_move_any_more_and_what_lets_them() {
    needs_module!();
    let cluster = Cluster::start(&Server::builder().policy("mode enforce\n"));
    let (from, to) = cluster.right_and_wrong("{tag}");
    let slot = cluster.slot("{tag}").to_string();
    assert!(from.call(["SET", "{tag}1", "one"]).is_ok());
    let mut way = String::new();
    for node in [from, to] {
        let plan = fix_json(&mut node.client(), "cmd.dangerous");
        let mind = plan["findings"][0]["actions"][0]["mind"].to_string();
        let told = mind
            .split_once("(SECGATE ALLOW ")
            .and_then(|(_, rest)| rest.split_once(')'));
        way = told.unwrap_or_else(|| panic!("{plan:#}")).0.to_owned();
        fix_json(&mut node.client(), "APPLY cmd.dangerous");
    }
    let other = id(to);
    for (node, state, peer) in [(to, "IMPORTING", id(from)), (from, "MIGRATING", other)] {
        assert!(
            node.call(["CLUSTER", "SETSLOT", &slot, state, &peer])
                .is_ok()
        );
    }
    let port = to.port().to_string();
    let migrate = || from.call(["MIGRATE", "127.0.0.1", &port, "{tag}1", "0", "5000"]);
    assert!(migrate().is_error());
    for node in [from, to] {
        let words = format!("SECGATE ALLOW {way}");
        let reply = node.call(words.split(' '));
        assert!(!reply.is_error(), "{reply:?}");
    }
    let moved = migrate();
    assert!(moved.is_ok(), "{moved:?}");
}
