//! Rules with conditions, categories and profiles, on real calls of real clients.

use std::net::{Ipv6Addr, SocketAddr, TcpListener};

use crate::gate::is_refusal;
use crate::harness::resp::Client;
use crate::harness::resp::words;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::version;

const UNTOLD: &str = "this server does not tell a filter who is calling";

/// Calls each line and compares whether rule `r` refuses it.
fn expect(client: &mut Client, cases: &[(&str, bool)]) {
    for (line, refused) in cases {
        let reply = client.call(words(line));
        let by_rule = reply.is_error() && {
            let error = reply.error_text();
            error.contains("secaudit rule r") || error.contains("secaudit rule 'r'")
        };
        assert_eq!(by_rule, *refused, "{line}: {reply:?}");
    }
}

fn gate(server: &Server, line: &str) {
    let reply = server.call(words(&format!("SECGATE {line}")));
    assert!(!reply.is_error(), "{line}: {reply:?}");
}

#[test]
fn arguments_are_matched_as_the_servers_own_patterns_match() {
    needs_module!();
    let server = Server::start();
    gate(&server, r"DENY keys arg1=\* id=r");
    let mut client = server.client();
    expect(
        &mut client,
        &[("KEYS *", true), ("keys a*", false), ("KEYS **", false)],
    );
    gate(&server, "RESET");
    gate(
        &server,
        "DENY del unlink arg=secret:[a-c]*,!secret:a-ok id=r",
    );
    expect(
        &mut client,
        &[
            ("DEL secret:b", true),
            ("DEL x y secret:c1", true),
            ("UNLINK secret:a-ok", false),
            ("DEL secret:a-ok secret:a1", true),
            ("DEL secret:d", false),
            ("DEL Secret:a", false),
        ],
    );
    gate(&server, "RESET");
    gate(&server, "ALLOW set arg1=app:* id=mine");
    gate(&server, "DENY set id=r");
    expect(
        &mut client,
        &[("SET app:1 v", false), ("SET other v", true)],
    );
    assert!(is_refusal(
        &client.call(["SET", "other", "v"]).error_text(),
        "set",
        "r"
    ));
}

#[test]
fn every_pair_of_config_set_counts_under_every_name_of_its_parameter() {
    needs_module!();
    let server = Server::start();
    gate(
        &server,
        "DENY config|set config|get param=dir,dbfilename,replica-priority,require* id=r",
    );
    expect(
        &mut server.client(),
        &[
            ("CONFIG SET dir /tmp", true),
            ("CONFIG SET maxmemory 100mb DBFILENAME x", true),
            ("CONFIG SET maxmemory 100mb lfu-log-factor 9", false),
            ("CONFIG SET slave-priority 7", true),
            ("CONFIG GET requirepass", true),
            ("CONFIG GET maxmemory", false),
            ("CONFIG GET maxmemory r?quirepass", true),
            ("CONFIG GET *", true),
            ("CONFIG GET max*", false),
            ("CONFIG GET slave-prio*", true),
            ("CONFIG RESETSTAT", false),
            (
                "EVAL return{redis.pcall('config','set','dir','/tmp')} 0",
                false,
            ),
        ],
    );
    let script = server.call([
        "EVAL",
        "return redis.call('config','set','dir','/tmp')",
        "0",
    ]);
    assert!(script.is_error());
    let dir = server.dir().to_string_lossy().into_owned();
    gate(&server, "RESET");
    assert_eq!(server.call(["CONFIG", "GET", "dir"]).get("dir").text(), dir);
}

#[test]
fn the_list_of_twin_parameters_is_true_of_this_server() {
    needs_module!();
    let server = Server::start();
    let source = include_str!("../src/policy/param_names.rs");
    let names: Vec<&str> = source.split('"').skip(1).step_by(2).collect();
    let shown = server.call(["CONFIG", "GET", "*"]);
    let settings = shown.texts();
    let has = |name: &str| settings.iter().step_by(2).any(|known| known == name);
    let mut twins = 0;
    for pair in names.chunks(2) {
        let [old, new] = pair else { continue };
        if has(old) && has(new) {
            let value = |name: &str| server.call(["CONFIG", "GET", name]).items()[1].text();
            assert_eq!(value(old), value(new), "{old} {new}");
            twins += 1;
        }
    }
    assert!(twins >= 15, "{twins} twins");
    for name in settings.iter().step_by(2) {
        let newer = name
            .replace("slave", "replica")
            .replace("ziplist", "listpack");
        if *name != newer && has(&newer) {
            assert!(names.contains(&name.as_str()), "{name} has a twin");
        }
    }
}

#[test]
fn users_are_told_apart_by_pattern_and_again_after_they_sign_in_as_another() {
    needs_module!();
    let server = Server::start();
    if !version::under_test().tells_filters_who_calls() {
        for condition in ["user=!ops*", "from=10.0.0.0/8", "via=module", "via=!module"] {
            for statement in ["DENY flushall", "ALLOW flushall", "PROFILE rce ADD"] {
                let line = format!("SECGATE {statement} {condition}");
                let error = server.call(words(&line)).error_text();
                let key = condition.split('=').next().unwrap();
                let reason = format!("{key}= needs a server that tells a filter who is calling");
                assert!(error.contains(&reason), "{line}: {error}");
            }
        }
        return;
    }
    for user in ["ops-1", "app"] {
        server.call(["ACL", "SETUSER", user, "on", ">pw", "~*", "&*", "+@all"]);
    }
    gate(&server, "DENY flushall user=!ops* id=r");
    gate(&server, "ALLOW flushdb user=ops-1 id=mine");
    gate(&server, "DENY flushdb id=r2");
    let mut client = server.client();
    expect(&mut client, &[("FLUSHALL", true), ("FLUSHDB", true)]);
    client.auth("ops-1", "pw");
    expect(&mut client, &[("FLUSHALL", false), ("FLUSHDB", false)]);
    client.auth("app", "pw");
    expect(&mut client, &[("FLUSHALL", true), ("FLUSHDB", true)]);
    let log = server.call(["SECGATE", "LOG"]).texts().join("\n");
    assert!(
        log.contains("user=app") && log.contains("user=default"),
        "{log}"
    );
    let acl = format!("{:?}", server.call(["ACL", "LOG"]));
    assert!(acl.contains("flushall") && acl.contains("app"), "{acl}");
}

#[test]
fn addresses_of_both_kinds_and_sockets_are_told_apart() {
    needs_module!();
    require!(version::under_test().tells_filters_who_calls(), UNTOLD);
    require!(
        TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok(),
        "this machine has no IPv6 loopback"
    );
    let server = Server::builder().config("bind", "127.0.0.1 ::1").start();
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, server.port()));
    for (condition, v4_refused, v6_refused, unix_refused) in [
        ("from=127.0.0.0/8", true, false, false),
        ("from=::1", false, true, false),
        ("from=unix", false, false, true),
        ("from=!127.0.0.0/8", false, true, true),
        ("from=!127.0.0.0/8,!::1,!unix", false, false, false),
        ("from=::ffff:127.0.0.0/104,unix", true, false, true),
        ("from=0.0.0.0/0,::/0", true, true, false),
    ] {
        gate(&server, "RESET");
        gate(&server, &format!("DENY echo {condition} id=r"));
        for _ in 0..2 {
            expect(&mut server.client(), &[("ECHO x", v4_refused)]);
            let mut six = Client::tcp_at(v6).unwrap();
            expect(&mut six, &[("ECHO x", v6_refused), ("ECHO y", v6_refused)]);
            expect(&mut server.unix_client(), &[("ECHO x", unix_refused)]);
        }
    }
    let answer = |line: &str| server.call(words(line)).text();
    gate(&server, "RESET");
    gate(&server, "DENY echo from=10.0.0.0/8 user=app id=r");
    assert!(answer("SECGATE TEST USER app FROM 10.1.2.3 ECHO x").starts_with("deny by r:"));
    assert!(answer("SECGATE TEST USER app FROM unix ECHO x").starts_with("pass"));
    assert!(answer("SECGATE TEST FROM 10.1.2.3 ECHO x").starts_with("pass"));
}

#[test]
fn a_category_means_what_this_server_has_in_it() {
    needs_module!();
    let server = Server::start();
    gate(&server, "DENY @dangerous id=r");
    expect(
        &mut server.client(),
        &[
            ("FLUSHALL", true),
            ("KEYS *", true),
            ("CONFIG GET port", true),
            ("INFO server", true),
            ("GET k", false),
            ("CLIENT ID", false),
            ("CLIENT LIST", true),
            ("SECGATE MODE", false),
        ],
    );
    let error = server.call(words("SECGATE DENY @dangeros")).error_text();
    assert!(error.contains("did you mean 'dangerous'?"), "{error}");
}

#[test]
fn profiles_are_shown_added_and_hold_on_this_server() {
    needs_module!();
    let server = Server::start();
    let all = server.call(["SECGATE", "PROFILE"]).texts().join("\n");
    for name in [
        "tutorial",
        "destructive",
        "rce",
        "scripting",
        "managed",
        "slow",
    ] {
        assert!(all.contains(name), "{all}");
        let shown = server.call(["SECGATE", "PROFILE", name]).texts();
        assert!(shown[1].starts_with("# breaks "), "{shown:?}");
        assert!(
            shown.iter().any(|line| line.starts_with("deny ")),
            "{shown:?}"
        );
        let commands = shown.iter().filter(|line| line.starts_with("deny "));
        for word in commands.flat_map(|line| line.split(' ').skip(1)) {
            if !word.contains('=') && !word.starts_with("debug") {
                let known = server.call(["SECGATE", "DENY", word, "id=probe"]);
                let newer = ["flushslot", "shutdown", "restore-asking"];
                assert!(
                    !known.is_error() || newer.iter().any(|newer| word.contains(newer)),
                    "{name} {word}: {known:?}"
                );
                server.call(["SECGATE", "DEL", "probe"]);
            }
        }
    }
    assert_eq!(
        server.call(words("SECGATE LIST")).texts().len(),
        2,
        "showing adds nothing"
    );
    gate(&server, "PROFILE tutorial ADD id=r");
    expect(
        &mut server.client(),
        &[("FLUSHALL", true), ("DEL k", true), ("SET k v", false)],
    );
    gate(&server, "RESET");
    gate(&server, "PROFILE rce id=r note=x");
    expect(
        &mut server.client(),
        &[
            ("CONFIG SET dir /tmp", true),
            ("CONFIG SET maxmemory 0", false),
            ("MODULE LOAD /x.so", true),
            ("REPLICAOF 1.2.3.4 1", true),
            ("EVAL return(1) 0", false),
        ],
    );
    let list = server.call(["SECGATE", "LIST"]).texts().join("\n");
    assert!(list.contains("profile rce id=r note=x"), "{list}");
    let error = server.call(words("SECGATE PROFILE tutoral")).error_text();
    assert!(error.contains("did you mean 'tutorial'?"), "{error}");
}

#[test]
fn a_seal_lets_the_gate_be_made_stricter_and_nothing_else() {
    needs_module!();
    let server = Server::builder().policy("deny flushall id=keep\n").start();
    gate(&server, "SEAL");
    let set = |line: &str| server.call(words(line));
    for line in [
        "SECGATE DEL keep",
        "SECGATE RESET",
        "SECGATE LOAD",
        "SECGATE ALLOW flushall at=first",
        "SECGATE DENY flushall at=first mode=observe",
        "SECGATE PROFILE tutorial ADD mode=observe",
        "SECGATE MODE off",
        "SECGATE MODE observe",
        "SECGATE LOG RESET",
        "CONFIG SET secaudit.deny-reply unknown",
        "CONFIG SET secaudit.log-max-len 0",
    ] {
        let error = set(line).error_text();
        assert!(error.contains("sealed"), "{line}: {error}");
    }
    for line in [
        "SECGATE DENY flushdb",
        "SECGATE RENAME keys k1",
        "SECGATE MODE enforce",
        "SECGATE SAVE",
        "SECGATE SEAL",
        "SECGATE LOG",
    ] {
        assert!(!set(line).is_error(), "{line}");
    }
    assert!(is_refusal(
        &set("FLUSHALL").error_text(),
        "flushall",
        "keep"
    ));
    assert_eq!(server.info("secaudit")["secaudit_sealed"], "1");
    assert!(set("MODULE UNLOAD secaudit").is_error());
}
