//! Servers killed while they write: the policy file is always whole, and the log file's lines are too.

use std::fs;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::{Random, rounds};
use crate::harness::server::Server;
use crate::harness::skip::needs_module;

#[test]
fn a_server_killed_while_it_saves_leaves_the_old_policy_or_the_new_one() {
    needs_module!();
    let mut random = Random::new();
    // Long enough that a write takes time.
    let filler: String = (0..400)
        .map(|number| format!("deny get arg1=never-{number} id=f{number}\n"))
        .collect();
    let mut server = Server::builder()
        .policy(&format!("deny keys id=old\n{filler}"))
        .start();
    let path = server.dir().join(crate::harness::builder::POLICY_NAME);
    let (mut olds, mut news) = (0, 0);
    for round in 0..rounds(15, 1000) {
        let (name, other) = if round % 2 == 0 {
            ("new", "old")
        } else {
            ("old", "new")
        };
        let mut client = server.client();
        client.call(["SECGATE", "DENY", "keys", &format!("id={name}"), "at=first"]);
        client.call(["SECGATE", "DEL", other]);
        let before = fs::read(&path).unwrap();
        let expected = client.call(["SECGATE", "LIST"]).texts().len();
        client.send(["SECGATE", "SAVE"]);
        thread::sleep(Duration::from_micros(random.next() % 12_000));
        server.kill9();
        let after = fs::read(&path).unwrap();
        let text = String::from_utf8(after.clone()).unwrap();
        if after == before {
            olds += 1;
        } else {
            news += 1;
            assert_eq!(text.lines().count(), expected, "half a policy:\n{text}");
            assert!(
                text.ends_with('\n') && text.contains(&format!("id={name}")),
                "{text}"
            );
        }
        // A server starts with a whole policy only.
        server.restart();
    }
    println!("{olds} times the old policy, {news} times the new one, never half of one");
}

#[test]
fn a_server_killed_while_a_fix_is_persisted_starts_again_on_whole_files() {
    needs_module!();
    let mut random = Random::new();
    let filler: String = (0..200)
        .map(|number| format!("deny get arg1=never-{number} id=f{number}\n"))
        .collect();
    let old_policy = format!("mode observe\n{filler}");
    let mut server = Server::builder()
        .config("acllog-max-len", "0")
        .policy(&old_policy)
        .start();
    let policy = server.dir().join(crate::harness::builder::POLICY_NAME);
    let old_conf = fs::read(server.conf()).unwrap();
    // How many kills each file outlived as it was, and as it was to be.
    let (mut confs, mut policies) = ((0, 0), (0, 0));
    let count =
        |old: bool, (olds, news): (u32, u32)| (olds + u32::from(old), news + u32::from(!old));
    for _ in 0..rounds(10, 1000) {
        let mut client = server.client();
        client.send([
            "SECAUDIT",
            "FIX",
            "APPLY",
            "log.acl-log",
            "cmd.gate",
            "PERSIST",
        ]);
        thread::sleep(Duration::from_micros(random.next() % 250_000));
        server.kill9();
        let text = fs::read_to_string(&policy).unwrap();
        let enforces = text.starts_with("mode enforce");
        assert!(
            enforces || text == old_policy,
            "neither the old policy nor the new one:\n{text}"
        );
        assert_eq!(text.lines().count(), old_policy.lines().count(), "{text}");
        // A server starts with whole files only, and does what they say.
        server.restart();
        let kept = server.call(["CONFIG", "GET", "acllog-max-len"]).texts()[1] == "128";
        confs = count(!kept, confs);
        policies = count(!enforces, policies);
        assert_eq!(
            server
                .call(["SECGATE", "LIST"])
                .texts()
                .join("\n")
                .contains("mode enforce"),
            enforces
        );
        server.kill9();
        fs::write(server.conf(), &old_conf).unwrap();
        fs::write(&policy, &old_policy).unwrap();
        server.restart();
    }
    // Left alone, the same call does write both.
    let done = server.call([
        "SECAUDIT",
        "FIX",
        "APPLY",
        "log.acl-log",
        "cmd.gate",
        "PERSIST",
    ]);
    assert!(!done.is_error(), "{done}");
    let conf = fs::read_to_string(server.conf()).unwrap();
    assert!(conf.contains("acllog-max-len 128"), "{done}\n{conf}");
    let text = fs::read_to_string(&policy).unwrap();
    assert!(text.starts_with("mode enforce"), "{done}\n{text}");
    println!("redis.conf: {} times old, {} times new", confs.0, confs.1);
    println!(
        "the policy: {} times old, {} times new, never half of one",
        policies.0, policies.1
    );
}

#[test]
fn a_server_killed_while_it_logs_leaves_whole_lines_but_for_the_last_and_goes_on_behind_it() {
    needs_module!();
    let mut random = Random::new();
    let mut server = Server::builder()
        .config("secaudit.log-file", "events.log")
        .policy("deny get set id=no\n")
        .start();
    let path = server.dir().join("events.log");
    let (mut events, mut torn) = (0, 0);
    let kills = rounds(4, 1000);
    for _ in 0..kills {
        let mut client = server.client();
        for _ in 0..20 {
            client.pipeline((0..50).map(|number| vec!["GET".to_owned(), format!("k{number}")]));
        }
        // The writer looks every tenth of a second.
        thread::sleep(Duration::from_micros(90_000 + random.next() % 60_000));
        server.kill9();
        let text = fs::read_to_string(&path).unwrap_or_default();
        let broken = text
            .lines()
            .filter(|line| serde_json::from_str::<Value>(line).is_err())
            .count();
        events += text.lines().count();
        torn += broken;
        assert!(broken <= 1, "{broken} lines are torn by one kill");
        // What stays torn is the end of one file; the next begins on its own line.
        fs::remove_file(&path).ok();
        server.restart();
    }
    println!("{kills} kills, {events} lines, {torn} torn at their end");
    assert!(events > kills);
}
