//! What SECAUDIT FIX shows, as text and as JSON.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use serde_json::Value;

use super::super::fix_json;
use super::super::wrap::WIDTH;
use super::*;
use crate::audit::checks::sample;
use crate::audit::facts::{Facts, Secret};
use crate::audit::fix::lockout::Seat;
use crate::audit::fix::{Keep, plan as planning};
use crate::audit::grade::Grade;
use crate::audit::run;

const PASSWORD: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn nowhere() -> Seat {
    Seat {
        source: None,
        local: None,
        tls: false,
    }
}

fn planned(facts: &Facts, checks: Option<&[&str]>) -> (Vec<String>, Value) {
    let report = run(facts);
    let made = planning::plan(&report, facts, checks, &nowhere());
    let json = serde_json::from_str(&fix_json::plan(&made)).unwrap();
    (plan(&made), json)
}

#[track_caller]
fn assert_readable(lines: &[String]) {
    for line in lines {
        assert!(line.len() <= WIDTH, "{line}");
        assert!(
            line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{line:?}"
        );
        assert_eq!(line.trim_end(), line);
    }
}

#[test]
fn a_plan_shows_what_is_done_what_to_mind_and_how_to_undo_it() {
    let (lines, json) = planned(&sample::wide_open(), None);
    assert_readable(&lines);
    let text = lines.join("\n");
    for part in [
        "What can be done on redis 7.0.15, pid 4242. Nothing has been changed.",
        "CRITICAL auth.password: anyone who can reach the port is administrator",
        "  does       give user default a new random password of 256 bits, shown once",
        "  mind       connections that are open stay logged in;",
        "  undo       ACL SETUSER default nopass",
        "  does       CONFIG SET acllog-max-len 128",
        "  undo       CONFIG SET acllog-max-len 0",
        "  by hand    redis-cli CONFIG SET acllog-max-len 128",
        "To do it: SECAUDIT FIX APPLY ",
    ] {
        assert!(text.contains(part), "{part}\nin {text}");
    }
    let findings = json["findings"].as_array().unwrap();
    assert_eq!(json["applied"], false);
    assert!(findings.iter().all(|finding| finding["outcome"] == "fail"));
    let applicable = json["applicable"].as_array().unwrap();
    assert!(
        applicable.contains(&Value::from("auth.password")),
        "{applicable:?}"
    );
    assert!(!applicable.contains(&Value::from("net.firewall")));
}

#[test]
fn a_plan_for_what_does_not_fail_says_so() {
    let checks: &[&str] = &["auth.password", "net.firewall", "file.acl"];
    let (lines, json) = planned(&sample::hardened(), Some(checks));
    assert_readable(&lines);
    let text = lines.join("\n");
    for part in [
        "auth.password: passes: nothing to do",
        "file.acl: does not apply here: nothing to do",
        "Nothing of this can be done by SECAUDIT FIX APPLY.",
    ] {
        assert!(text.contains(part), "{part}\nin {text}");
    }
    assert_eq!(json["applicable"].as_array().unwrap().len(), 0);
    let (lines, _) = planned(&sample::nothing_read(), Some(&["auth.password"]));
    assert!(
        lines
            .join("\n")
            .contains("auth.password: unknown, so nothing can be done")
    );
}

fn step(does: &str, result: Done) -> Step {
    Step {
        does: does.to_owned(),
        result,
    }
}

fn stopped() -> Applied {
    let grade = |letter| Grade {
        letter,
        because: "for a reason".to_owned(),
    };
    let check = |id, now, steps| Mended {
        id,
        before: Verdict::Fail,
        steps,
        now,
        actual: vec!["as it is".to_owned()],
        by_hand: Vec::new(),
    };
    let password = Change {
        before: vec!["user default on nopass".to_owned()],
        after: vec!["user default on, passwords: 1".to_owned()],
        undo: Some("ACL SETUSER default nopass".to_owned()),
        password: Some(Secret::new(PASSWORD.as_bytes().to_vec())),
    };
    Applied {
        checks: vec![
            check(
                "auth.password",
                Verdict::Pass,
                vec![step("a", Done::Yes(password))],
            ),
            check(
                "limit.clients",
                Verdict::Fail,
                vec![
                    step("b", Done::Failed("ERR refused".to_owned())),
                    step("c", Done::No),
                ],
            ),
        ],
        kept: vec![Kept {
            by: Keep::Rewrite,
            result: None,
            mind: vec!["what else came of it".to_owned()],
        }],
        to_keep: vec![Keep::Rewrite],
        grades: (grade('F'), grade('B')),
    }
}

#[test]
fn what_was_done_is_shown_with_before_and_after_and_where_it_stopped() {
    let report = run(&sample::wide_open());
    let lines = applied(&stopped(), &report);
    assert_readable(&lines);
    let text = lines.join("\n");
    for part in [
        "pid 4242: 1 done, 1 failed, 1 not done",
        "Grade  F before, B now  (for a reason)",
        "auth.password: fixed\n  done       a\n  before     user default on nopass\n  after      user default on, passwords: 1",
        "limit.clients: still fails\n  failed     b\n  because    ERR refused\n  not done   c\n  now        as it is",
        "NOT KEPT CONFIG REWRITE was not tried: a step failed\n  mind       what else came of it",
    ] {
        assert!(text.contains(part), "{part}\nin {text}");
    }
    assert!(
        text.contains(&format!("  password   {PASSWORD}\n")),
        "{text}"
    );
    let mut lost = stopped();
    lost.kept.clear();
    let text = applied(&lost, &report).join("\n");
    assert!(
        text.contains("A restart undoes this, unless you keep it: CONFIG REWRITE"),
        "{text}"
    );
}

#[test]
fn programs_are_told_the_same() {
    let document: Value = serde_json::from_str(&fix_json::applied(&stopped())).unwrap();
    assert_eq!(document["complete"], false);
    let steps = &document["checks"][0]["steps"];
    assert_eq!(steps[0]["result"], "done");
    assert_eq!(steps[0]["password"], PASSWORD);
    assert_eq!(document["checks"][0]["outcome"], "pass");
    let steps = &document["checks"][1]["steps"];
    assert_eq!(
        (&steps[0]["result"], &steps[0]["error"]),
        (&Value::from("failed"), &Value::from("ERR refused"))
    );
    assert_eq!(steps[1]["result"], "not-done");
    assert_eq!(document["persist"][0]["result"], "not-done");
    assert_eq!(document["persist"][0]["mind"][0], "what else came of it");
    assert_eq!(document["grade"]["letter"], "B");
}

#[test]
fn a_password_shows_in_no_debug_print() {
    assert!(!format!("{:?}", stopped()).contains(PASSWORD));
}
