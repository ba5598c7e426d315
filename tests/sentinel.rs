//! A Sentinel fails over while everyone else is kept from the commands it needs.

use crate::audit::Report;
use crate::audit::remedies::follow;
use crate::fix::fix_json;
use crate::harness::builder::Builder;
use crate::harness::replication::{Replication, wait_for_link};
use crate::harness::resp::Reply;
use crate::harness::sentinel::Sentinel;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::version;

/// Lets a Sentinel fail over a master and its replica, both under this policy, and looks at all that it must have done.
fn fail_over(policy: &str, builder: Builder, sentinel_lines: &str) {
    let server = builder.allow_debug().policy(policy);
    let servers = Replication::start_with(server.clone(), vec![server]);
    assert!(servers.master.call(["SET", "k", "before"]).is_ok());
    servers.wait_in_sync();
    for node in [&servers.master, &servers.replicas[0]] {
        for call in [
            vec!["CONFIG", "GET", "port"],
            vec!["SLAVEOF", "NO", "ONE"],
            vec!["REPLICAOF", "NO", "ONE"],
        ] {
            let reply = node.call(&call);
            assert!(reply.is_error(), "only Sentinel may: {call:?} {reply:?}");
        }
    }
    let sentinel = Sentinel::watch(&servers.master, sentinel_lines);
    fails_over(servers, &sentinel);
}

/// Tells a Sentinel to fail over, and looks at all that it must have done.
fn fails_over(mut servers: Replication, sentinel: &Sentinel) {
    let reply = sentinel.call(&["SENTINEL", "FAILOVER", "m"]);
    assert!(reply.is_ok(), "{reply:?}");
    let promoted = servers.replicas.remove(0);
    promoted.wait_until("the replica to be promoted", || {
        let (role, told) = (role(&promoted), sentinel.master_port());
        if role.starts_with("master") && told == promoted.port() {
            Ok(())
        } else {
            Err(format!("{role}, clients are led to port {told}"))
        }
    });
    assert!(promoted.call(["SET", "k", "after"]).is_ok());
    let old = &servers.master;
    let wanted = format!("slave 127.0.0.1 {} connected", promoted.port());
    old.wait_until("the old master to follow", || match role(old) {
        role if role == wanted => Ok(()),
        role => Err(role),
    });
    wait_for_link(old);
    old.wait_until("the write to arrive", || {
        let value = old.call(["GET", "k"]).text();
        if value == "after" { Ok(()) } else { Err(value) }
    });
    old.wait_until("CONFIG REWRITE by the Sentinel", || {
        let conf = std::fs::read_to_string(old.conf()).unwrap();
        let line = format!("replicaof 127.0.0.1 {}", promoted.port());
        if conf.contains(&line) {
            Ok(())
        } else {
            Err(conf)
        }
    });
    let log = format!("{}{}", old.log(), promoted.log());
    assert!(!log.contains("CRITICAL"), "{log}");
}

/// What ROLE says in short. The Sentinel closes all connections of a server that it reconfigures, this one too.
fn role(server: &Server) -> String {
    let Ok(reply) = server.client().try_call(["ROLE"]) else {
        return "the connection was closed".to_owned();
    };
    let word = |part: &Reply| match part {
        Reply::Int(number) => number.to_string(),
        part => part.text(),
    };
    let parts = reply.items().iter().take(4);
    let parts: Vec<String> = match reply.items().len() {
        5 => parts.map(word).collect(),
        _ => parts.take(1).map(word).collect(),
    };
    parts.join(" ")
}

#[test]
fn sentinel_fails_over_where_only_its_user_may_reconfigure() {
    needs_module!();
    require!(
        version::under_test().tells_filters_who_calls(),
        "this server does not tell a filter who is calling: see the test with renamed commands"
    );
    let builder = Server::builder().config("user", "sentinel-1 on >watchful ~* &* +@all");
    fail_over(
        "deny config slaveof replicaof client|kill user=!sentinel* id=sentinel-only\n",
        builder,
        "sentinel auth-user m sentinel-1\nsentinel auth-pass m watchful\n",
    );
}

#[test]
fn sentinel_fails_over_under_new_names_that_it_was_told() {
    needs_module!();
    fail_over(
        "rename config c0nf-7\nrename slaveof sl4ve-7\nrename replicaof r3pl-7\n",
        Server::builder(),
        "sentinel rename-command m CONFIG c0nf-7\nsentinel rename-command m SLAVEOF sl4ve-7\n\
         sentinel rename-command m REPLICAOF r3pl-7\n",
    );
}

/// A master and its replica without statements, watched by a Sentinel; then the fix of what is dangerous, on both.
fn fixed_under_watch(builder: Builder, sentinel_lines: &str) -> (Replication, Sentinel) {
    let server = builder.policy("mode enforce\n");
    let servers = Replication::start_with(server.clone(), vec![server]);
    servers.wait_in_sync();
    let sentinel = Sentinel::watch(&servers.master, sentinel_lines);
    for node in [&servers.master, &servers.replicas[0]] {
        let done = fix_json(&mut node.client(), "APPLY cmd.dangerous cmd.config");
        assert_eq!(done["complete"], true, "{done:#}");
        assert!(node.call(["FLUSHALL"]).is_error());
    }
    (servers, sentinel)
}

#[test]
fn sentinel_fails_over_after_the_fix_though_it_is_not_told_from_others() {
    needs_module!();
    let (servers, sentinel) = fixed_under_watch(Server::builder(), "");
    let plan = fix_json(&mut servers.master.client(), "cmd.dangerous");
    let steps = plan["findings"][0]["steps"].to_string();
    for name in ["config", "replicaof", "slaveof"] {
        assert!(
            steps.contains(&format!("SECGATE RENAME {name} ")),
            "{steps}"
        );
    }
    fails_over(servers, &sentinel);
}

#[test]
fn sentinel_fails_over_after_the_fix_by_the_user_that_is_spared() {
    needs_module!();
    require!(
        version::under_test().tells_filters_who_calls(),
        "this server does not tell a filter who is calling"
    );
    let builder = Server::builder()
        .config("user", "default on nopass ~* &* +@all")
        .config("user", "sentinel-1 on >watchful ~* &* +@all");
    let (servers, sentinel) = fixed_under_watch(
        builder,
        "sentinel auth-user m sentinel-1\nsentinel auth-pass m watchful\n",
    );
    for node in [&servers.master, &servers.replicas[0]] {
        assert!(node.call(["CONFIG", "GET", "port"]).is_error());
        assert!(node.call(["SLAVEOF", "NO", "ONE"]).is_error());
        let plan = fix_json(&mut node.client(), "cmd.config");
        let finding = &plan["findings"][0];
        let actual = finding["actual"].as_str().unwrap();
        assert!(actual.ends_with(" to sentinel-1: config"), "{actual}");
        assert_eq!(finding["actions"], serde_json::json!([]));
    }
    let master = &servers.master;
    let known = ["SECGATE", "ADMINISTRATORS", "sentinel-1"];
    assert!(!master.call(known).is_error());
    let plan = fix_json(&mut master.client(), "cmd.config");
    assert_eq!(plan["findings"][0]["outcome"], "pass", "{plan:#}");
    fails_over(servers, &sentinel);
}

/// The steps by hand of these checks. Replicas log in as default here, so that no user loses what these need.
fn by_hand(node: &Server, checks: &[&str]) -> Vec<String> {
    let report = Report::of(node);
    let steps = checks.iter().flat_map(|id| report.steps(id));
    let steps = steps.filter(|step| !step.contains(" -psync"));
    steps.map(str::to_owned).collect()
}

#[test]
fn sentinel_fails_over_after_the_steps_by_hand_where_its_user_administers() {
    needs_module!();
    require!(
        version::under_test().tells_filters_who_calls(),
        "this server does not tell a filter who is calling"
    );
    let server = Server::builder()
        .config("user", "default on nopass ~* &* +@all")
        .config("user", "sentinel-1 on >watchful ~* &* +@all")
        .policy("administrators sentinel-1\n");
    let servers = Replication::start_with(server.clone(), vec![server]);
    servers.wait_in_sync();
    let lines = "sentinel auth-user m sentinel-1\nsentinel auth-pass m watchful\n";
    let sentinel = Sentinel::watch(&servers.master, lines);
    for node in [&servers.master, &servers.replicas[0]] {
        for check in ["cmd.config", "cmd.dangerous"] {
            let steps = by_hand(node, &[check]);
            follow(
                node,
                &steps.iter().map(String::as_str).collect::<Vec<_>>(),
                "",
            );
        }
        assert!(node.call(["CONFIG", "GET", "port"]).is_error());
    }
    fails_over(servers, &sentinel);
}

#[test]
fn sentinel_fails_over_after_the_steps_by_hand_that_give_new_names() {
    needs_module!();
    let server = Server::builder().policy("mode enforce\n");
    let servers = Replication::start_with(server.clone(), vec![server]);
    servers.wait_in_sync();
    let sentinel = Sentinel::watch(&servers.master, "");
    let (master, replica) = (&servers.master, &servers.replicas[0]);
    let (here, there) = (
        format!("-p {}", master.port()),
        format!("-p {}", replica.port()),
    );
    let mut script = vec!["set -u".to_owned()];
    for step in by_hand(master, &["cmd.dangerous"]) {
        // What is to be done when Sentinel knows the names is a remark, so that nobody does it too early.
        let step = match step.split_once("on every node: ") {
            Some((_, then)) => then.to_owned(),
            None => step,
        };
        if step.contains("SENTINEL SET") {
            let told = step.replace("-h SENTINEL -p 26379", &format!("-p {}", sentinel.port()));
            script.push(told.replace(" MASTER ", " m "));
        } else if step.contains("redis-cli ") && !step.starts_with('#') {
            script.extend([step.replace(&here, &there), step]);
        } else {
            script.push(step);
        }
    }
    follow(
        master,
        &script.iter().map(String::as_str).collect::<Vec<_>>(),
        "",
    );
    for node in [master, replica] {
        for call in [vec!["CONFIG", "GET", "port"], vec!["SLAVEOF", "NO", "ONE"]] {
            let reply = node.call(&call);
            assert!(
                reply.error_text().starts_with("ERR unknown command"),
                "{reply:?}"
            );
        }
    }
    assert_eq!(rename_lines(master), rename_lines(replica));
    assert!(rename_lines(master).len() >= 3, "{script:#?}");
    fails_over(servers, &sentinel);
}

/// The statements that give commands new names.
fn rename_lines(node: &Server) -> Vec<String> {
    let list = node.call(["SECGATE", "LIST"]).texts();
    let lines = list.iter().filter_map(|line| line.split_once(" id="));
    let lines = lines.filter(|(statement, _)| !statement.starts_with("deny "));
    lines.map(|(statement, _)| statement.to_owned()).collect()
}
