//! LEVEL and CHECK: only the findings that are asked for, in every form, and the grade of all.

use super::{IDS, json};
use crate::harness::resp::words;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use serde_json::Value;

/// The worst first.
const LEVELS: [&str; 5] = ["critical", "high", "medium", "low", "info"];

fn filtered(server: &Server, options: &str) -> Value {
    let call: Vec<&str> = ["SECAUDIT", "JSON"]
        .into_iter()
        .chain(words(options))
        .collect();
    serde_json::from_str(&server.call(call).text()).unwrap()
}

fn ids(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|f| f["id"].as_str().unwrap()).collect()
}

fn total(counts: &Value) -> u64 {
    let counts = counts.as_object().unwrap().values();
    counts.map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn a_level_shows_what_is_at_least_as_grave_and_keeps_the_grade() {
    needs_module!();
    let server = Server::builder().config("bind", "0.0.0.0").start();
    let whole = json(&server);
    assert_eq!(whole["filter"], Value::Null);
    for (rank, level) in LEVELS.iter().take(4).enumerate() {
        let report = filtered(&server, &format!("LEVEL {level}"));
        let grave = |finding: &&Value| {
            let severity = finding["severity"].as_str().unwrap();
            LEVELS.iter().position(|name| *name == severity).unwrap() <= rank
        };
        let wanted: Vec<&str> = whole["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(grave)
            .map(|finding| finding["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids(&report), wanted, "{level}");
        assert_eq!(report["grade"], whole["grade"]);
        assert_eq!(report["filter"]["level"], **level);
        assert_eq!(report["filter"]["checks"], Value::Null);
        assert_eq!(total(&report["counts"]), wanted.len() as u64);
        let left_out = total(&report["filter"]["left_out"]);
        assert_eq!(left_out, (IDS.len() - wanted.len()) as u64);
    }
}

#[test]
fn named_checks_and_patterns_are_shown_in_any_order_of_options() {
    needs_module!();
    let server = Server::start();
    let report = filtered(&server, "CHECK cmd.config NET.* LEVEL low");
    let network = IDS.iter().copied().filter(|id| id.starts_with("net."));
    let wanted: Vec<&str> = network.chain(["cmd.config"]).collect();
    assert_eq!(ids(&report), wanted);
    assert_eq!(report["filter"]["checks"], serde_json::json!(wanted));
    let same = server.call([
        "SECAUDIT",
        "CHECK",
        "net.*",
        "cmd.config",
        "JSON",
        "LEVEL",
        "low",
    ]);
    let same: Value = serde_json::from_str(&same.text()).unwrap();
    assert_eq!(ids(&same), wanted);
}

#[test]
fn the_text_says_what_it_leaves_out() {
    needs_module!();
    let server = Server::builder().config("bind", "0.0.0.0").start();
    let lines = server.call(["SECAUDIT", "LEVEL", "high", "CHECK", "net.bind", "log.*"]);
    let lines = lines.texts();
    super::assert_readable(lines.iter().map(String::as_str));
    let text = lines.join(" ");
    assert!(text.contains("net.bind: "), "{text}");
    assert!(
        text.contains(" Only   high and above, net.bind log.file log.acl-log; left out: "),
        "{text}"
    );
    assert!(
        !lines.iter().any(|line| line.contains("ok log.")),
        "{lines:#?}"
    );
    let whole = server.call(["SECAUDIT"]).texts();
    let grade = |lines: &[String]| {
        lines
            .iter()
            .find(|line| line.starts_with("Grade "))
            .cloned()
    };
    assert_eq!(grade(&lines), grade(&whole));
}

#[test]
fn a_check_that_is_none_is_an_error_and_nothing_runs() {
    needs_module!();
    let server = Server::start();
    for (line, told) in [
        (
            "JSON CHECK net.bind net.bnd",
            "ERR unknown check 'net.bnd': did you mean 'net.bind'?",
        ),
        (
            "CHECK nt.*",
            "ERR no check matches 'nt.*': SECAUDIT CHECKS lists them",
        ),
        (
            "LEVEL hihg",
            "ERR unknown level 'hihg': did you mean 'high'?",
        ),
        (
            "LEVEL",
            "ERR LEVEL wants one of low, medium, high, critical",
        ),
        (
            "JSON TEXT",
            "ERR TEXT is a second form: a report has one, and JSON is asked for already",
        ),
        (
            "LEVEL low LEVEL high",
            "ERR LEVEL high comes after LEVEL low: give it once",
        ),
        (
            "CHECK",
            "ERR CHECK wants ids or patterns: SECAUDIT CHECKS lists them",
        ),
    ] {
        let call: Vec<&str> = ["SECAUDIT"].into_iter().chain(words(line)).collect();
        assert_eq!(server.call(call).error_text(), told, "{line}");
    }
    let info = server.info("secaudit");
    let ran = info.keys().any(|field| field.contains("grade"));
    assert!(!ran, "no report was made: {info:?}");
    let lines = server.call(["SECAUDIT", "CHECK", "net.bind"]);
    assert!(!lines.is_error());
    let info = server.info("secaudit");
    assert!(info.keys().any(|field| field.contains("grade")), "{info:?}");
}
