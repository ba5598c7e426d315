//! The report for programs: one JSON object. Fields are added, never renamed.

use serde::Serialize;
use std::collections::BTreeMap;

use super::escape::printable;
use crate::audit::accepting::Note;
use crate::audit::check::{Category, Severity};
use crate::audit::grade::Grade;
use crate::audit::report::{Counts, Finding, Verdict};
use crate::audit::view::View;
use crate::policy::day::Day;

/// The JSON Schema of the report, as SECAUDIT SCHEMA hands it out.
pub const SCHEMA: &str = include_str!("report.schema.json");

/// The report as one line of JSON. Bytes that are no printable ASCII are escaped as in the text.
pub fn report(view: &View<'_>) -> String {
    let report = view.report;
    let document = Document {
        schema: 1,
        time: humantime::format_rfc3339_millis(report.time).to_string(),
        module: Module {
            name: "secaudit",
            version: report.module_version,
            gate: Gate {
                mode: report.gate.mode,
                statements: report.gate.statements,
            },
            capabilities: report.gate.capabilities.iter().copied().collect(),
        },
        server: Server {
            host: &report.server.host,
            name: &report.server.name,
            version: &report.server.version,
            mode: &report.server.mode,
            role: &report.server.role,
            port: report.server.port,
            pid: report.pid,
            user: &report.user,
            executable: &report.server.executable,
            config_file: report.server.config_file.as_deref().map(printable),
        },
        grade: &report.grade,
        filter: filter(view),
        counts: &view.counts,
        findings: view.findings.iter().copied().map(finding).collect(),
        notes: &report.notes,
    };
    // Plain structs of strings and numbers: serialising them cannot fail.
    serde_json::to_string(&document).unwrap_or_default()
}

#[derive(Serialize)]
struct Document<'r> {
    schema: u32,
    time: String,
    module: Module<'r>,
    server: Server<'r>,
    grade: &'r Grade,
    filter: Option<Filter<'r>>,
    counts: &'r Counts,
    findings: Vec<Entry<'r>>,
    notes: &'r [Note],
}

#[derive(Serialize)]
struct Module<'r> {
    name: &'static str,
    version: &'r str,
    gate: Gate<'r>,
    capabilities: BTreeMap<&'r str, bool>,
}

#[derive(Serialize)]
struct Gate<'r> {
    mode: &'r str,
    statements: usize,
}

#[derive(Serialize)]
struct Server<'r> {
    host: &'r str,
    name: &'r str,
    version: &'r str,
    mode: &'r str,
    role: &'r str,
    port: u16,
    pid: u32,
    user: &'r str,
    executable: &'r str,
    config_file: Option<String>,
}

#[derive(Serialize)]
struct Filter<'r> {
    level: Option<Severity>,
    checks: Option<&'r [&'static str]>,
    left_out: &'r Counts,
}

#[derive(Serialize)]
struct Entry<'r> {
    id: &'static str,
    title: &'static str,
    category: Category,
    severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity_reason: Option<&'r str>,
    outcome: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppression: Option<Accepted<'r>>,
    actual: String,
    expected: &'static str,
    why: &'static str,
    remedy: Remedy<'r>,
    references: &'static [&'static str],
}

#[derive(Serialize)]
struct Accepted<'r> {
    id: &'r str,
    note: &'r str,
    until: Option<Day>,
}

#[derive(Serialize)]
struct Remedy<'r> {
    text: &'static str,
    steps: &'r [String],
}

fn filter<'r>(view: &'r View<'r>) -> Option<Filter<'r>> {
    let filter = Filter {
        level: view.filter.level,
        checks: view.filter.checks.as_deref(),
        left_out: &view.left_out,
    };
    (!view.filter.is_empty()).then_some(filter)
}

fn finding(finding: &Finding) -> Entry<'_> {
    Entry {
        id: finding.meta.id,
        title: finding.meta.title,
        category: finding.meta.category,
        severity: finding.severity,
        severity_reason: finding.severity_reason.as_deref(),
        outcome: finding.outcome,
        suppression: finding.suppression.as_ref().map(|accepted| Accepted {
            id: &accepted.id,
            note: &accepted.note,
            until: accepted.until,
        }),
        actual: finding.actual.join("\n"),
        expected: finding.meta.expected,
        why: finding.meta.why,
        remedy: Remedy {
            text: finding.meta.remedy,
            steps: &finding.steps,
        },
        references: finding.meta.references,
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
    use crate::audit::{run, view};
    use serde_json::Value;

    fn rendered(facts: &crate::audit::facts::Facts) -> Value {
        filtered(facts, &view::Filter::default())
    }

    fn filtered(facts: &crate::audit::facts::Facts, filter: &view::Filter) -> Value {
        let whole = run(facts);
        serde_json::from_str(&report(&View::new(&whole, filter))).unwrap()
    }

    #[test]
    fn the_fields_are_those_of_the_contract() {
        let document = rendered(&sample::wide_open());
        let keys =
            |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
        assert_eq!(
            keys(&document),
            [
                "counts", "filter", "findings", "grade", "module", "notes", "schema", "server",
                "time"
            ]
        );
        assert_eq!(document["filter"], Value::Null);
        assert_eq!(document["time"], sample::TIME);
        assert_eq!(document["schema"], 1);
        assert_eq!(keys(&document["grade"]), ["because", "letter"]);
        assert_eq!(
            keys(&document["counts"]),
            ["fail", "not-applicable", "pass", "suppressed", "unknown"]
        );
        let wanted = [
            "actual",
            "category",
            "expected",
            "id",
            "outcome",
            "references",
            "remedy",
            "severity",
            "title",
            "why",
        ];
        let findings = document["findings"].as_array().unwrap();
        assert_eq!(findings.len(), checks::ALL.len());
        for finding in findings {
            let keys: Vec<String> = keys(finding)
                .into_iter()
                .filter(|key| key != "severity_reason")
                .collect();
            assert_eq!(keys, wanted);
            assert!(finding["actual"].is_string());
            assert!(finding["remedy"]["text"].is_string() && finding["remedy"]["steps"].is_array());
        }
    }

    #[test]
    fn a_filter_is_told_with_what_it_leaves_out_and_the_grade_stays() {
        let filter = view::Filter {
            level: Some(Severity::High),
            checks: Some(vec!["net.bind", "log.acl-log"]),
        };
        let document = filtered(&sample::wide_open(), &filter);
        assert_eq!(document["filter"]["level"], "high");
        assert_eq!(
            document["filter"]["checks"],
            serde_json::json!(["net.bind", "log.acl-log"])
        );
        assert_eq!(document["findings"].as_array().unwrap().len(), 1);
        assert_eq!(document["counts"]["fail"], 1);
        let left_out = document["filter"]["left_out"].as_object().unwrap();
        let left_out: u64 = left_out.values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(usize::try_from(left_out).unwrap(), checks::ALL.len() - 1);
        assert_eq!(document["grade"]["letter"], "F");
    }

    #[test]
    fn severities_and_outcomes_are_written_as_documented() {
        let document = rendered(&sample::wide_open());
        let bind = &document["findings"][0];
        assert_eq!(bind["id"], "net.bind");
        assert_eq!(bind["outcome"], "fail");
        assert_eq!(bind["severity"], "critical");
        assert!(
            bind["severity_reason"]
                .as_str()
                .unwrap()
                .contains("without a password")
        );
        assert_eq!(document["grade"]["letter"], "F");
        let document = rendered(&sample::hardened());
        let mut findings = document["findings"].as_array().unwrap().iter();
        let acl = findings.find(|finding| finding["id"] == "file.acl");
        assert_eq!(acl.unwrap()["outcome"], "not-applicable");
    }

    #[test]
    fn an_accepted_finding_says_by_which_statement_why_and_until_when() {
        let mut facts = sample::wide_open();
        sample::suppress(&mut facts, "net.bind", Some("2026-12-31"));
        sample::suppress(&mut facts, "net.listening", Some("2026-01-31"));
        let document = rendered(&facts);
        let bind = &document["findings"][0];
        assert_eq!(bind["outcome"], "suppressed");
        assert_eq!(bind["suppression"]["id"], "r9");
        assert_eq!(bind["suppression"]["note"], "known and watched");
        assert_eq!(bind["suppression"]["until"], "2026-12-31");
        assert_eq!(document["counts"]["suppressed"], 1);
        assert_eq!(document["findings"][1]["outcome"], "fail");
        assert!(document["findings"][1].get("suppression").is_none());
        assert_eq!(document["notes"][0]["kind"], "suppression-expired");
        assert_eq!(document["notes"][0]["statement"], "r9");
    }

    #[test]
    fn bytes_are_escaped_and_no_password_is_shown() {
        let mut facts = sample::wide_open();
        facts.server.config_file = Some(b"/etc/\xff\x1b.conf".to_vec());
        facts.requirepass = sample::password(sample::PASSWORD);
        let text = report(&View::new(&run(&facts), &view::Filter::default()));
        assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        assert!(text.contains("/etc/\\\\xff\\\\x1b.conf"));
        assert!(!text.contains(sample::PASSWORD) && !text.contains("letmein"));
    }
}
