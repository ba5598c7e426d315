//! The findings as events of the Open Cybersecurity Schema Framework, class Compliance Finding (2003), one JSON object a line.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::subject;
use crate::audit::check::Severity;
use crate::audit::report::{Finding, Verdict};
use crate::audit::view::View;

/// The version of the schema that the events are written in.
const VERSION: &str = "1.5.0";
/// Compliance Finding, in the category Findings.
const CLASS: u32 = 2003;
const CATEGORY: u32 = 2;
/// Create: each report makes its findings anew; `finding_info.uid` tells which are the same.
const ACTIVITY: u32 = 1;

/// The events, each on a line of its own.
pub fn report(view: &View<'_>) -> String {
    let lines = view.findings.iter();
    let lines: Vec<String> = lines.map(|f| event(view, f).to_string()).collect();
    lines.join("\n")
}

fn event(view: &View<'_>, finding: &Finding) -> Value {
    let meta = finding.meta;
    let time = milliseconds(view.report.time);
    let (status_id, status) = status(finding.outcome);
    let (severity_id, severity) = match finding.outcome {
        // Nothing is to be done, however grave it would be else.
        Verdict::Pass | Verdict::NotApplicable => severity(Severity::Info),
        _ => severity(finding.severity),
    };
    let (check_severity_id, _) = self::severity(meta.severity);
    let evidence = finding.actual.join("\n");
    let mut event = json!({
        "activity_id": ACTIVITY,
        "activity_name": "Create",
        "category_uid": CATEGORY,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Compliance Finding",
        "type_uid": CLASS * 100 + ACTIVITY,
        "type_name": "Compliance Finding: Create",
        "time": time,
        "severity_id": severity_id,
        "severity": severity,
        "message": message(finding),
        "metadata": {
            "version": VERSION,
            "product": {
                "name": "secaudit",
                "vendor_name": "secaudit",
                "version": view.report.module_version,
            },
        },
        "compliance": {
            "category": meta.category,
            "control": meta.id,
            "desc": meta.expected,
            "standards": ["secaudit"],
            "status_id": status_id,
            "status": status,
            "status_details": finding.actual,
            "checks": [{
                "uid": meta.id,
                "name": meta.title,
                "desc": meta.why,
                "severity_id": check_severity_id,
                "severity": meta.severity,
                "standards": ["secaudit"],
                "status_id": status_id,
                "status": status,
            }],
        },
        "finding_info": {
            "uid": subject::finding(view.report, finding),
            "title": meta.title,
            "desc": format!("{}\n{evidence}", meta.why),
            "created_time": time,
            "src_url": meta.references.first(),
            "types": [meta.category],
            "analytic": { "type_id": 1, "type": "Rule", "uid": meta.id, "name": meta.title },
        },
        "remediation": { "desc": remediation(finding), "references": meta.references },
        "resources": [resource(view)],
        "unmapped": {
            "outcome": finding.outcome,
            "severity": finding.severity,
            "severity_reason": finding.severity_reason,
            "actual": finding.actual,
            "expected": meta.expected,
            "steps": finding.steps,
            "grade": view.report.grade.letter,
        },
    });
    let Some(fields) = event.as_object_mut() else {
        return event;
    };
    if let Some((id, caption)) = life(finding.outcome) {
        fields.insert("status_id".to_owned(), json!(id));
        fields.insert("status".to_owned(), json!(caption));
    }
    if let Some(accepted) = &finding.suppression {
        fields.insert("comment".to_owned(), json!(subject::accepted(accepted)));
    }
    event
}

fn resource(view: &View<'_>) -> Value {
    let server = &view.report.server;
    json!({
        "uid": subject::place(view.report),
        "name": subject::server(view.report),
        "type": server.name,
        "version": server.version,
        "data": {
            "host": server.host,
            "mode": server.mode,
            "role": server.role,
            "port": server.port,
            "pid": view.report.pid,
            "user": view.report.user,
            "executable": server.executable,
        },
    })
}

fn message(finding: &Finding) -> String {
    let said = match finding.outcome {
        Verdict::Fail | Verdict::Suppressed => finding.meta.cap.to_owned(),
        Verdict::Unknown => format!("unknown: {}", finding.actual.join("; ")),
        Verdict::Pass | Verdict::NotApplicable => finding.actual.join("; "),
    };
    format!("{}: {said}", finding.meta.id)
}

fn remediation(finding: &Finding) -> String {
    let remedy = std::iter::once(finding.meta.remedy);
    let steps = finding.steps.iter().map(String::as_str);
    remedy.chain(steps).collect::<Vec<_>>().join("\n")
}

/// What came of the check. Accepted or not, a failure is one.
fn status(outcome: Verdict) -> (u32, &'static str) {
    match outcome {
        Verdict::Unknown => (0, "Unknown"),
        Verdict::Pass => (1, "Pass"),
        Verdict::Fail | Verdict::Suppressed => (3, "Fail"),
        Verdict::NotApplicable => (99, "Not Applicable"),
    }
}

/// Where the finding stands in somebody's work; a check that passed makes none.
fn life(outcome: Verdict) -> Option<(u32, &'static str)> {
    match outcome {
        Verdict::Fail | Verdict::Unknown => Some((1, "New")),
        Verdict::Suppressed => Some((3, "Suppressed")),
        Verdict::Pass | Verdict::NotApplicable => None,
    }
}

fn severity(severity: Severity) -> (u32, &'static str) {
    match severity {
        Severity::Info => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok();
    let since = since.and_then(|since| since.as_millis().try_into().ok());
    since.unwrap_or(0)
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
    use crate::audit::report::Report;
    use crate::audit::run;
    use crate::audit::view::Filter;

    fn events(whole: &Report) -> Vec<Value> {
        let filter = Filter::default();
        let text = report(&View::new(whole, &filter));
        let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
        events.collect()
    }

    #[test]
    fn every_finding_is_a_line_with_the_fields_that_the_schema_requires() {
        for facts in [
            sample::wide_open(),
            sample::hardened(),
            sample::nothing_read(),
        ] {
            let events = events(&run(&facts));
            assert_eq!(events.len(), checks::ALL.len());
            for event in events {
                assert_eq!(event["class_uid"], 2003);
                assert_eq!(event["type_uid"], 200301);
                assert_eq!(event["time"], 1_795_538_870_223_u64);
                for path in [
                    "/activity_id",
                    "/category_uid",
                    "/severity_id",
                    "/metadata/version",
                    "/metadata/product/vendor_name",
                    "/compliance/standards/0",
                    "/compliance/status_id",
                    "/finding_info/uid",
                    "/finding_info/title",
                    "/remediation/desc",
                    "/resources/0/uid",
                ] {
                    assert!(event.pointer(path).is_some(), "{path} in {event:#}");
                }
            }
        }
    }

    #[test]
    fn outcomes_and_severities_are_those_of_the_schema() {
        let mut facts = sample::wide_open();
        sample::suppress(&mut facts, "net.listening", Some("2026-12-31"));
        let events = events(&run(&facts));
        let (bind, listening) = (&events[0], &events[1]);
        assert_eq!(bind["compliance"]["status_id"], 3);
        assert_eq!(
            (&bind["severity_id"], &bind["status_id"]),
            (&json!(5), &json!(1))
        );
        assert_eq!(bind["unmapped"]["severity"], "critical");
        assert_eq!(bind["finding_info"]["uid"], "secaudit/db-1:6379/net.bind");
        assert_eq!(listening["compliance"]["status"], "Fail");
        assert_eq!(listening["status"], "Suppressed");
        assert_eq!(
            listening["comment"],
            "accepted by r9 until 2026-12-31: known and watched"
        );
        let passed = &self::events(&run(&sample::hardened()))[0];
        assert_eq!(passed["compliance"]["status_id"], 1);
        assert_eq!(
            (&passed["severity_id"], passed.get("status_id")),
            (&json!(1), None)
        );
        assert_eq!(passed["compliance"]["checks"][0]["severity_id"], 4);
        let unknown = &self::events(&run(&sample::nothing_read()))[0];
        assert_eq!(unknown["compliance"]["status_id"], 0);
    }
}
