//! What SECAUDIT USERS shows of sample servers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use super::super::users_json::document as json;
use super::*;
use crate::audit::checks::sample;
use crate::audit::facts::{Fact, GateVerdict, Standing};

fn several() -> Facts {
    let mut facts = sample::hardened();
    for name in ["admin", "app", "web"] {
        sample::add_user(&mut facts, name, name == "web");
    }
    for name in ["flushall", "config", "monitor"] {
        sample::open_command(&mut facts, name, "admin");
    }
    sample::open_command(&mut facts, "flushall", "app");
    facts.administrators.insert(b"admin".to_vec());
    let denied = GateVerdict::Denied("no-wipe".to_owned());
    sample::verdict(&mut facts, "flushall", denied);
    sample::command(&mut facts, "debug").standing = Fact::Known(Standing::Removed);
    facts
}

#[test]
fn the_tables_read_like_this() {
    let lines = tables(&several());
    let text = lines.join("\n");
    let wanted = "\
Who can run what is dangerous on redis 8.2.9 (standalone, master), pid 4242 as redis
Gate   enforce, 1 statement
Users  4 on

Data lost or moved     flushdb  flushall  swapdb   restore  migrate
*  admin               acl      gate      acl      acl      acl
   default             acl      acl       acl      acl      acl
   app                 acl      gate      acl      acl      acl
!  web                 acl      acl       acl      acl      acl
";
    let head: Vec<&str> = text.lines().take(wanted.lines().count()).collect();
    assert_eq!(head, wanted.lines().collect::<Vec<_>>(), "{text}");
    for part in [
        "Settings, users, code  config   acl      debug    module   shutdown",
        "*  admin               OPEN     acl      removed  acl      acl",
        "OPEN     can be run",
        "gate     denied by a rule of SECGATE (by rule no-wipe: flushall)",
        "removed  removed by rename-command in redis.conf",
        "*        an administrator by the policy",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn ten_thousand_users_share_a_row_and_are_counted() {
    let mut facts = sample::hardened();
    for number in 0..10_000 {
        let name = format!("u{number:05}");
        if let Fact::Known(users) = &mut facts.users {
            let mut user = users.first().unwrap().clone();
            user.name = name.clone().into_bytes();
            users.push(user);
        }
        for command in &mut facts.commands {
            let Fact::Known(access) = &mut command.access else {
                continue;
            };
            let mut one = access.first().unwrap().clone();
            one.user = name.clone().into_bytes();
            access.push(one);
        }
    }
    let text = tables(&facts).join("\n");
    assert!(
        text.contains("Users  10001 on; everything stands alike to all of them"),
        "{text}"
    );
    assert!(text.contains("   default +10000      acl"), "{text}");
    assert!(
        text.contains(
            "default, u00000, u00001, u00002, u00003, u00004, u00005, u00006 and 9993 more"
        ),
        "{text}"
    );
    assert!(text.lines().count() < 36);
    let document: serde_json::Value = serde_json::from_str(&json(&facts)).unwrap();
    let users = document.pointer("/rows/0/users").unwrap();
    assert_eq!(users.as_array().unwrap().len(), 10_001);
}

#[test]
fn many_different_rows_are_cut_and_told_and_json_has_all() {
    let mut facts = sample::hardened();
    let names: Vec<&str> = facts
        .commands
        .iter()
        .map(|command| command.name)
        .take(12)
        .collect();
    for number in 0..200_usize {
        let user = format!("user-{number}");
        sample::add_user(&mut facts, &user, false);
        let bits = names
            .iter()
            .enumerate()
            .filter(|(bit, _)| (number + 1) >> bit & 1 == 1);
        for (_, name) in bits {
            sample::open_command(&mut facts, name, &user);
        }
    }
    let lines = tables(&facts);
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("161 more users, in 161 rows that can run less")),
        "{lines:#?}"
    );
    let document: serde_json::Value = serde_json::from_str(&json(&facts)).unwrap();
    assert_eq!(
        document.pointer("/rows").unwrap().as_array().unwrap().len(),
        201
    );
}

#[test]
fn no_line_is_too_wide_or_holds_a_byte_that_a_status_reply_may_not() {
    let mut open = sample::wide_open();
    for name in ["\u{1b}[31m\r\n", &"n\u{e9}".repeat(100), "a b", ""] {
        sample::add_user(&mut open, name, true);
    }
    let long = GateVerdict::Denied("r".repeat(300));
    sample::verdict(&mut open, "cluster|reset", long);
    for facts in [&open, &several(), &sample::nothing_read()] {
        for line in tables(facts) {
            assert!(line.len() <= WIDTH, "{line}");
            assert!(
                line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "{line:?}"
            );
            assert_eq!(line.trim_end(), line);
        }
        let json = json(facts);
        assert!(json.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let document: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(document["schema"], 1);
    }
}

#[test]
fn what_is_unknown_says_why() {
    let text = tables(&sample::nothing_read()).join("\n");
    assert!(text.ends_with("Users  unknown: not readable"), "{text}");
    let mut facts = several();
    sample::command(&mut facts, "keys").access = Fact::Unavailable("too many users".to_owned());
    let text = tables(&facts).join("\n");
    assert!(
        text.contains("?        unknown (too many users: keys)"),
        "{text}"
    );
}

#[test]
fn json_names_the_state_the_rule_and_the_reason_of_every_command() {
    let document: serde_json::Value = serde_json::from_str(&json(&several())).unwrap();
    let row = document["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["users"][0] == "admin")
        .unwrap();
    assert_eq!(row["administrators"], true);
    assert_eq!(row["commands"]["config"]["state"], "open");
    assert_eq!(row["commands"]["flushall"]["state"], "gate");
    assert_eq!(row["commands"]["flushall"]["rule"], "no-wipe");
    assert_eq!(row["commands"]["debug"]["state"], "removed");
    assert_eq!(
        (document["enabled"].as_u64(), document["off"].as_u64()),
        (Some(4), Some(0))
    );
}

#[test]
fn every_command_of_the_tables_is_one_that_is_asked_about() {
    for (_, names) in TABLES {
        for name in names {
            assert!(
                crate::audit::command_names::all().any(|known| known == *name),
                "{name}"
            );
        }
    }
}
