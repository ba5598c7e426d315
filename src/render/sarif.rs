//! The report as a SARIF 2.1.0 log (OASIS, Static Analysis Results Interchange Format): what fails, what is unknown and what
//! is accepted are results; every shown check is a rule.

use serde_json::{Value, json};

use super::escape::printable;
use super::subject;
use crate::audit::accepting::Note;
use crate::audit::check::{Category, Meta, Severity};
use crate::audit::report::{Finding, Verdict};
use crate::audit::view::View;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const HOME: &str = "https://redis.io/docs/latest/operate/oss_and_stack/management/security/";

/// The log as one line of JSON.
pub fn report(view: &View<'_>) -> String {
    let report = view.report;
    let results = view.findings.iter().enumerate();
    let results: Vec<Value> = results
        .filter_map(|(index, finding)| result(view, index, finding))
        .collect();
    let rules: Vec<Value> = view.findings.iter().map(|f| rule(f.meta)).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "secaudit",
                "version": report.module_version,
                "semanticVersion": report.module_version,
                "rules": rules,
            }},
            "automationDetails": { "id": format!("secaudit/{}/", subject::place(report)) },
            "invocations": [{
                "executionSuccessful": true,
                "endTimeUtc": humantime::format_rfc3339_millis(report.time).to_string(),
                "machine": report.server.host,
                "account": report.user,
                "processId": report.pid,
                "toolConfigurationNotifications": report.notes.iter().map(notification).collect::<Vec<_>>(),
            }],
            "results": results,
            "properties": {
                "server": {
                    "name": report.server.name,
                    "version": report.server.version,
                    "mode": report.server.mode,
                    "role": report.server.role,
                    "host": report.server.host,
                    "port": report.server.port,
                    "configFile": report.server.config_file.as_deref().map(printable),
                },
                "grade": report.grade,
                "counts": view.counts,
                "leftOut": view.left_out,
            },
        }],
    })
    .to_string()
}

fn rule(meta: &Meta) -> Value {
    let mut tags = vec!["security", meta.category.name()];
    if meta.tutorial {
        tags.push("tutorial");
    }
    let read_more: Vec<String> = meta
        .references
        .iter()
        .map(|url| format!("<{url}>"))
        .collect();
    json!({
        "id": meta.id,
        "name": name(meta.id),
        "shortDescription": { "text": message(meta.title) },
        "fullDescription": { "text": message(meta.why) },
        "help": {
            "text": message(&format!("Should be: {}\nRemedy: {}", meta.expected, meta.remedy)),
            "markdown": message(&format!(
                "**Should be:** {}\n\n**Remedy:** {}\n\n{}",
                meta.expected,
                meta.remedy,
                read_more.join(" ")
            )),
        },
        "helpUri": meta.references.first().copied().unwrap_or(HOME),
        "defaultConfiguration": { "level": level(meta.severity), "rank": rank(meta.severity) },
        "properties": {
            "tags": tags,
            "category": meta.category,
            "severity": meta.severity,
            "security-severity": score(meta.severity),
            "precision": "very-high",
        },
    })
}

/// A check that passed, or that does not apply, is no result.
fn result(view: &View<'_>, index: usize, finding: &Finding) -> Option<Value> {
    let (kind, level) = match finding.outcome {
        Verdict::Fail | Verdict::Suppressed => ("fail", level(finding.severity)),
        // "there was insufficient information to decide whether a problem exists"; only failures have a level.
        Verdict::Unknown => ("open", "none"),
        Verdict::Pass | Verdict::NotApplicable => return None,
    };
    let said = match finding.outcome {
        Verdict::Unknown => "it cannot be told",
        _ => finding.meta.cap,
    };
    let lines = [format!("{}: {said}", finding.meta.title)];
    let lines: Vec<&str> = lines
        .iter()
        .chain(&finding.actual)
        .chain(&finding.severity_reason)
        .map(String::as_str)
        .collect();
    let mut result = json!({
        "ruleId": finding.meta.id,
        "ruleIndex": index,
        "kind": kind,
        "level": level,
        "rank": rank(finding.severity),
        "message": { "text": message(&lines.join("\n")) },
        "locations": [location(view, finding)],
        "partialFingerprints": { "secaudit/v1": subject::finding(view.report, finding) },
        "properties": {
            "outcome": finding.outcome,
            "severity": finding.severity,
            "severityReason": finding.severity_reason,
            "actual": finding.actual,
            "expected": finding.meta.expected,
            "steps": finding.steps,
        },
    });
    if let (Some(accepted), Some(fields)) = (&finding.suppression, result.as_object_mut()) {
        let suppression = json!({
            "kind": "external",
            "status": "accepted",
            "justification": subject::accepted(accepted),
            "properties": { "statement": accepted.id, "until": accepted.until },
        });
        fields.insert("suppressions".to_owned(), json!([suppression]));
    }
    Some(result)
}

/// What of the policy's words on the audit is in vain.
fn notification(note: &Note) -> Value {
    json!({
        "descriptor": { "id": note.kind },
        "level": "warning",
        "message": { "text": message(&note.text) },
        "properties": { "statement": note.statement },
    })
}

/// The file that is to be mended, where there is one, and always the server itself.
fn location(view: &View<'_>, finding: &Finding) -> Value {
    let place = subject::place(view.report);
    let mut location = json!({ "logicalLocations": [{
        "name": finding.meta.id,
        "fullyQualifiedName": format!("{place}/{}", finding.meta.id),
        "kind": kind(finding.meta.category),
    }]});
    if let Some(path) = subject::file(view.report, finding)
        && let Some(fields) = location.as_object_mut()
    {
        // The whole file; viewers and services want a line all the same.
        let artifact = json!({
            "artifactLocation": { "uri": subject::address(&path) },
            "region": { "startLine": 1 },
        });
        fields.insert("physicalLocation".to_owned(), artifact);
    }
    location
}

/// SARIF leaves the kind of a logical location open to tools.
fn kind(category: Category) -> &'static str {
    match category {
        Category::Network => "listener",
        Category::Authentication => "user",
        Category::Commands => "command",
        Category::Files => "file",
        Category::Process => "process",
        Category::Limits => "setting",
        Category::Version => "version",
        Category::Compromise => "sign",
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

fn rank(severity: Severity) -> f64 {
    match severity {
        Severity::Critical => 95.0,
        Severity::High => 75.0,
        Severity::Medium => 50.0,
        Severity::Low => 25.0,
        Severity::Info => 5.0,
    }
}

/// As code scanning services sort: above 9.0 critical, from 7.0 high, from 4.0 medium.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.1",
    }
}

/// `net.protected-mode` as SARIF likes its names: `NetProtectedMode`.
fn name(id: &str) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_uppercase() + rest
    };
    id.split(['.', '-']).map(capital).collect()
}

/// Text as a SARIF message holds it: braces are doubled, for `{0}` would be a placeholder (3.11.5), and brackets are no link
/// (3.11.6).
fn message(text: &str) -> String {
    let text = text.replace('{', "{{").replace('}', "}}");
    match text.contains("](") {
        true => text.replace('[', "\\[").replace(']', "\\]"),
        false => text,
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
mod tests {
    use super::*;
    use crate::audit::checks::{self, sample};
    use crate::audit::facts::Facts;
    use crate::audit::report::Report;
    use crate::audit::run;
    use crate::audit::view::Filter;

    fn rendered(facts: &Facts) -> Value {
        shown(&run(facts))
    }

    fn shown(whole: &Report) -> Value {
        let filter = Filter::default();
        serde_json::from_str(&report(&View::new(whole, &filter))).unwrap()
    }

    #[test]
    fn every_check_is_a_rule_and_what_does_not_pass_a_result_of_its_rule() {
        for facts in [
            sample::wide_open(),
            sample::hardened(),
            sample::nothing_read(),
        ] {
            let whole = run(&facts);
            let run = &shown(&whole)["runs"][0];
            let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
            assert_eq!(rules.len(), checks::ALL.len());
            let results = run["results"].as_array().unwrap();
            assert_eq!(results.len(), whole.counts.fail + whole.counts.unknown);
            for result in results {
                let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
                assert_eq!(rules[rule]["id"], result["ruleId"]);
            }
        }
    }

    #[test]
    fn severities_become_levels_and_the_unknown_stays_open() {
        let log = rendered(&sample::wide_open());
        let results = log["runs"][0]["results"].as_array().unwrap();
        for result in results {
            let level = match result["properties"]["severity"].as_str().unwrap() {
                "critical" | "high" => "error",
                "medium" => "warning",
                _ => "note",
            };
            assert_eq!(
                (&result["kind"], &result["level"]),
                (&json!("fail"), &json!(level))
            );
        }
        let log = rendered(&sample::nothing_read());
        let open = log["runs"][0]["results"].as_array().unwrap();
        let open = open.iter().filter(|result| result["kind"] == "open");
        assert!(open.clone().count() > 5);
        assert!(open.clone().all(|result| result["level"] == "none"));
    }

    #[test]
    fn what_the_policy_accepts_is_a_suppressed_result() {
        let mut facts = sample::wide_open();
        sample::suppress(&mut facts, "net.bind", Some("2026-12-31"));
        sample::suppress(&mut facts, "net.listening", Some("2026-01-31"));
        let run = &rendered(&facts)["runs"][0];
        let result = &run["results"][0];
        assert_eq!(result["ruleId"], "net.bind");
        assert_eq!(
            (&result["kind"], &result["level"]),
            (&json!("fail"), &json!("error"))
        );
        assert_eq!(result["suppressions"][0]["status"], "accepted");
        assert_eq!(
            result["suppressions"][0]["justification"],
            "accepted by r9 until 2026-12-31: known and watched"
        );
        assert_eq!(run["results"][1].get("suppressions"), None);
        let note = &run["invocations"][0]["toolConfigurationNotifications"][0];
        assert_eq!(note["descriptor"]["id"], "suppression-expired");
    }

    #[test]
    fn a_finding_lies_in_its_file_or_else_in_the_server_alone() {
        let mut facts = sample::wide_open();
        facts.server.config_file = None;
        let log = rendered(&facts);
        let results = log["runs"][0]["results"].as_array().unwrap();
        let at = |id: &str| {
            let result = results
                .iter()
                .find(|result| result["ruleId"] == id)
                .unwrap();
            result["locations"][0].clone()
        };
        assert_eq!(
            at("file.data-dir")["physicalLocation"]["artifactLocation"]["uri"],
            "file:///var/lib/redis"
        );
        assert_eq!(at("net.bind").get("physicalLocation"), None);
        assert_eq!(
            at("net.bind")["logicalLocations"][0]["fullyQualifiedName"],
            "db-1:6379/net.bind"
        );
    }

    #[test]
    fn nobodys_name_becomes_a_link_or_a_placeholder() {
        assert_eq!(message("user {0}"), "user {{0}}");
        assert_eq!(message("tcp [::]:6379"), "tcp [::]:6379");
        assert_eq!(message("user [a](b)"), "user \\[a\\](b)");
        assert_eq!(name("net.protected-mode"), "NetProtectedMode");
    }
}
