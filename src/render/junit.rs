//! The report as JUnit XML: a suite for each area, a test for each check. What cannot be told is an error, what is accepted or
//! does not apply is skipped.

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::subject;
use crate::audit::accepting::Note;
use crate::audit::check::Category;
use crate::audit::report::{Finding, Verdict};
use crate::audit::view::View;

/// The document.
pub fn report(view: &View<'_>) -> String {
    let whole = view.report;
    let time = humantime::format_rfc3339_millis(whole.time).to_string();
    let mut document = Report::new(format!("secaudit of {}", subject::server(whole)));
    document.timestamp = time.parse().ok();
    let mut areas: Vec<Category> = view.findings.iter().map(|f| f.meta.category).collect();
    areas.dedup();
    for area in areas {
        let mut suite = TestSuite::new(area.name());
        suite.timestamp = document.timestamp;
        suite
            .extra
            .insert("hostname".into(), whole.server.host.as_str().into());
        suite.add_property(("server", subject::server(whole).as_str()));
        suite.add_property(("grade", whole.grade.letter.to_string().as_str()));
        suite.add_property(("because", whole.grade.because.as_str()));
        if document.test_suites.is_empty() {
            let note = |note: &Note| Property::new("policy", note.text.as_str());
            suite.add_properties(whole.notes.iter().map(note));
        }
        let of_area = |finding: &&&Finding| finding.meta.category == area;
        suite.add_test_cases(view.findings.iter().filter(of_area).map(|f| test(f)));
        document.add_test_suite(suite);
    }
    // Plain text in memory: writing it cannot fail.
    document.to_string().unwrap_or_default()
}

fn test(finding: &Finding) -> TestCase {
    let meta = finding.meta;
    let evidence = finding.actual.join("\n");
    let severity = finding.severity.name();
    let mut status = match finding.outcome {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Unknown => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::NotApplicable | Verdict::Suppressed => TestCaseStatus::skipped(),
    };
    match finding.outcome {
        Verdict::Pass => {}
        Verdict::Fail => {
            status.set_message(format!("{severity}: {}", meta.cap));
            status.set_type(severity);
            status.set_description(in_full(finding));
        }
        Verdict::Unknown => {
            status.set_message(format!("unknown: {evidence}"));
            status.set_type("unknown");
            status.set_description(in_full(finding));
        }
        Verdict::NotApplicable => {
            status.set_message(format!("not applicable: {evidence}"));
        }
        Verdict::Suppressed => {
            let accepted = finding.suppression.as_ref().map(subject::accepted);
            status.set_message(accepted.unwrap_or_default());
            status.set_description(in_full(finding));
        }
    }
    let mut test = TestCase::new(meta.id, status);
    test.set_classname(format!("secaudit.{}", meta.category.name()));
    test.add_property(Property::new("title", meta.title));
    test.add_property(Property::new("severity", severity));
    if finding.outcome == Verdict::Pass {
        test.set_system_out(evidence);
    }
    test
}

/// All that is needed to mend it.
fn in_full(finding: &Finding) -> String {
    let meta = finding.meta;
    let mut parts = vec![
        ("is", finding.actual.join("\n           ")),
        ("should be", meta.expected.to_owned()),
        ("why", meta.why.to_owned()),
        ("remedy", meta.remedy.to_owned()),
    ];
    if let Some(reason) = &finding.severity_reason {
        parts.push(("severity", reason.clone()));
    }
    if !finding.steps.is_empty() {
        parts.push(("steps", finding.steps.join("\n           ")));
    }
    let lines = parts
        .iter()
        .map(|(label, text)| format!("{label:<11}{text}"));
    lines.collect::<Vec<_>>().join("\n")
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
    use crate::audit::run;
    use crate::audit::view::Filter;

    fn rendered(whole: &crate::audit::report::Report) -> Report {
        let filter = Filter::default();
        Report::deserialize_from_str(&report(&View::new(whole, &filter))).unwrap()
    }

    #[test]
    fn every_check_is_a_test_and_outcomes_become_failures_errors_and_skips() {
        let mut accepting = sample::wide_open();
        sample::suppress(&mut accepting, "net.bind", None);
        for whole in [
            run(&accepting),
            run(&sample::hardened()),
            run(&sample::nothing_read()),
        ] {
            let document = rendered(&whole);
            let counted = |verdict| {
                whole
                    .findings
                    .iter()
                    .filter(|f| f.outcome == verdict)
                    .count()
            };
            assert_eq!(document.tests, checks::ALL.len());
            assert_eq!(document.failures, counted(Verdict::Fail));
            assert_eq!(document.errors, counted(Verdict::Unknown));
            assert_eq!(
                document.skipped,
                counted(Verdict::NotApplicable) + counted(Verdict::Suppressed)
            );
        }
    }

    #[test]
    fn a_suite_is_an_area_in_the_catalogues_order() {
        let document = rendered(&run(&sample::hardened()));
        let names: Vec<&str> = document
            .test_suites
            .iter()
            .map(|s| s.name.as_str())
            .collect();
        let mut areas: Vec<&str> = checks::ALL
            .iter()
            .map(|c| c.meta().category.name())
            .collect();
        areas.dedup();
        assert_eq!(names, areas);
        let first = &document.test_suites[0].test_cases[0];
        assert_eq!(first.name.as_str(), "net.bind");
        assert_eq!(
            first.classname.as_ref().unwrap().as_str(),
            "secaudit.network"
        );
    }

    #[test]
    fn a_failure_says_what_is_wrong_and_how_to_mend_it() {
        let filter = Filter::default();
        let whole = run(&sample::wide_open());
        let text = report(&View::new(&whole, &filter));
        for part in [
            "timestamp=\"2026-11-24T16:47:50.223",
            "hostname=\"db-1\"",
            "message=\"critical: a listener is open to every network the host is on\"",
            "tcp 0.0.0.0:6379",
            "redis-cli CONFIG SET bind",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn what_the_policy_accepts_is_skipped_with_the_reason_and_what_it_says_in_vain_is_a_property() {
        let mut facts = sample::wide_open();
        sample::suppress(&mut facts, "net.bind", None);
        sample::suppress(&mut facts, "cmd.config", Some("2026-01-31"));
        let filter = Filter::default();
        let text = report(&View::new(&run(&facts), &filter));
        for part in [
            "<skipped message=\"accepted by r9 without end: known and watched\">",
            "<property name=\"policy\" value=\"suppress cmd.config (r9) ended on 2026-01-31: the finding counts again\"/>",
        ] {
            assert_eq!(text.matches(part).count(), 1, "{part} in {text}");
        }
    }

    #[test]
    fn nobodys_name_is_markup() {
        let mut facts = sample::wide_open();
        sample::add_user(&mut facts, "<script>&\"']]>\u{1b}", true);
        let filter = Filter::default();
        let text = report(&View::new(&run(&facts), &filter));
        assert!(!text.contains("<script"), "{text}");
        assert!(text.contains("&lt;script&gt;&amp;"), "{text}");
    }
}
