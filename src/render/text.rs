//! The report for eyes: an array of status lines, as redis-cli prints them.

pub use super::catalogue::{checks, explain};
use super::escape::line;
use super::subject;
use super::wrap::{wrapped, wrapped_shell};
use crate::audit::check::Severity;
use crate::audit::facts::Suppression;
use crate::audit::report::{Counts, Finding, Verdict};
use crate::audit::view::View;
use crate::policy::statement;

/// The report, line by line: no control bytes, no line wider than 100 columns.
pub fn report(view: &View<'_>) -> Vec<String> {
    let mut lines = header(view);
    let failures = view.worst_first(Verdict::Fail);
    for finding in &failures {
        lines.push(String::new());
        lines.extend(full(finding));
    }
    let unknown = view.worst_first(Verdict::Unknown);
    if !unknown.is_empty() {
        lines.push(String::new());
        lines.push("Unknown: what could not be read is never taken for good".to_owned());
        for finding in unknown {
            lines.extend(short("??", finding));
            lines.extend(labelled_steps("  ask", &finding.steps));
        }
    }
    for (outcome, title, mark) in [
        (Verdict::Suppressed, "Accepted by the policy", "--"),
        (Verdict::Pass, "Passed", "ok"),
        (Verdict::NotApplicable, "Not applicable", "--"),
    ] {
        let mut findings = view.of(outcome).peekable();
        if findings.peek().is_some() {
            lines.push(String::new());
            lines.push(title.to_owned());
        }
        for finding in findings {
            lines.extend(short(mark, finding));
            lines.extend(finding.suppression.iter().flat_map(reason));
        }
    }
    let notes = &view.report.notes;
    if view.filter.is_empty() && !notes.is_empty() {
        lines.push(String::new());
        lines.push("The policy's own words on the audit".to_owned());
        for note in notes {
            lines.extend(wrapped("  !! ", &note.text));
        }
    }
    lines.push(String::new());
    lines.extend(footer(view, &failures));
    lines
}

fn header(view: &View<'_>) -> Vec<String> {
    let report = view.report;
    let server = &report.server;
    let title = format!(
        "secaudit {} on {} {} ({}, {}), pid {} as {}",
        report.module_version,
        server.name,
        server.version,
        server.mode,
        server.role,
        report.pid,
        report.user
    );
    let gate = statement::counted(report.gate.statements);
    let mut lines = wrapped("", &title);
    lines.extend(wrapped("Gate   ", &format!("{}, {gate}", report.gate.mode)));
    lines.extend(wrapped(
        "Grade  ",
        &format!("{}  ({})", report.grade.letter, report.grade.because),
    ));
    lines.extend(wrapped("Checks ", &counted(view)));
    if !view.filter.is_empty() {
        lines.extend(wrapped("Only   ", &filter(view)));
    }
    lines
}

/// What was asked for, and what that leaves out.
fn filter(view: &View<'_>) -> String {
    let mut asked = Vec::new();
    if let Some(level) = view.filter.level {
        asked.push(format!("{} and above", level.name()));
    }
    if let Some(checks) = &view.filter.checks {
        asked.push(checks.join(" "));
    }
    let left_out = match outcomes(&view.left_out, None) {
        parts if parts.is_empty() => "nothing".to_owned(),
        parts => parts.join(", "),
    };
    format!(
        "{}; left out: {left_out}; the grade is that of all {} checks",
        asked.join(", "),
        view.report.counts.total()
    )
}

fn counted(view: &View<'_>) -> String {
    let of = |severity: &Severity| {
        let count = view.failures(*severity);
        (count > 0).then(|| format!("{count} {}", severity.name()))
    };
    let severities: Vec<String> = Severity::ALL.iter().filter_map(of).collect();
    let failed = match severities.is_empty() {
        true => "0 failed".to_owned(),
        false => format!("{} failed ({})", view.counts.fail, severities.join(", ")),
    };
    outcomes(&view.counts, Some(failed)).join(", ")
}

/// How many of each outcome, those that are none left away; what failed may be told in other words.
fn outcomes(counts: &Counts, failed: Option<String>) -> Vec<String> {
    let said = |(count, name): (usize, &str)| (count > 0).then(|| format!("{count} {name}"));
    let others = [
        (counts.unknown, "unknown"),
        (counts.suppressed, "suppressed"),
        (counts.pass, "passed"),
        (counts.not_applicable, "not applicable"),
    ];
    let failed = failed.or_else(|| said((counts.fail, "failed")));
    let others = others.into_iter().filter_map(said);
    failed.into_iter().chain(others).collect()
}

/// A failure in full.
fn full(finding: &Finding) -> Vec<String> {
    let meta = finding.meta;
    let severity = finding.severity.name().to_uppercase();
    let mut lines = wrapped(
        &format!("{severity:<9}"),
        &format!("{}: {}", meta.id, meta.cap),
    );
    lines.extend(labelled("is", finding.actual.iter().map(String::as_str)));
    lines.extend(labelled("should be", [meta.expected]));
    lines.extend(labelled("why", [meta.why]));
    if let Some(reason) = &finding.severity_reason {
        let change = format!(
            "{} instead of {}: {reason}",
            finding.severity.name(),
            meta.severity.name()
        );
        lines.extend(labelled("severity", [change.as_str()]));
    }
    lines.extend(labelled("remedy", [meta.remedy]));
    lines.extend(labelled_steps("steps", &finding.steps));
    lines
}

/// A finding in a line or two.
fn short(mark: &str, finding: &Finding) -> Vec<String> {
    let actual = finding.actual.join("; ");
    wrapped(&format!("  {mark} {:<23}", finding.meta.id), &actual)
}

/// Why a finding is accepted.
fn reason(suppression: &Suppression) -> Vec<String> {
    wrapped(&" ".repeat(28), &subject::accepted(suppression))
}

/// Lines behind a label.
pub fn labelled<'t>(label: &str, texts: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    let mut label = label;
    let mut lines = Vec::new();
    for text in texts {
        lines.extend(wrapped(&format!("  {label:<11}"), text));
        label = "";
    }
    lines
}

/// Steps are there to be pasted.
pub fn labelled_steps(label: &str, steps: &[String]) -> Vec<String> {
    let mut label = label;
    let mut lines = Vec::new();
    for step in steps {
        lines.extend(wrapped_shell(&format!("  {label:<11}"), step));
        label = "";
    }
    lines
}

fn footer(view: &View<'_>, failures: &[&Finding]) -> Vec<String> {
    let example = failures.first().or(view.findings.first());
    let example = example.map_or("net.bind", |finding| finding.meta.id);
    let mut lines = vec![line(&format!(
        "More about one check: SECAUDIT EXPLAIN {example}"
    ))];
    if failures.iter().any(|finding| !finding.actions.is_empty()) {
        lines.push("What can be done at once, and how to undo it: SECAUDIT FIX".to_owned());
    }
    lines.extend([
        "For programs: SECAUDIT JSON, SARIF, JUNIT or OCSF.  For a browser: SECAUDIT HTML"
            .to_owned(),
        "Every check: SECAUDIT CHECKS.  All options: SECAUDIT HELP.  The gate: SECGATE HELP"
            .to_owned(),
    ]);
    lines
}

#[cfg(test)]
mod tests {
    use super::super::wrap::WIDTH;
    use super::*;
    use crate::audit::checks::sample;
    use crate::audit::facts::{Fact, Facts};
    use crate::audit::run;
    use crate::audit::view::Filter;

    fn rendered(facts: &Facts) -> Vec<String> {
        filtered(facts, &Filter::default())
    }

    fn filtered(facts: &Facts, filter: &Filter) -> Vec<String> {
        report(&View::new(&run(facts), filter))
    }

    #[test]
    fn what_is_left_out_is_counted_and_the_grade_stays() {
        let filter = Filter {
            level: Some(Severity::Critical),
            checks: Some(vec!["net.bind", "cmd.config", "proc.root"]),
        };
        let lines = filtered(&sample::wide_open(), &filter);
        let whole = rendered(&sample::wide_open());
        assert_eq!(
            lines.iter().take(2).collect::<Vec<_>>(),
            whole.iter().take(2).collect::<Vec<_>>()
        );
        let text = lines.join(" ");
        assert!(text.contains("Grade  F "), "{text}");
        assert!(text.contains("Checks 1 failed (1 critical) Only   critical and above, net.bind cmd.config proc.root; left out: "), "{text}");
        assert!(
            text.contains("CRITICAL net.bind") && !text.contains("cmd.config:"),
            "{text}"
        );
        let lines = filtered(&sample::hardened(), &filter);
        assert!(
            lines.iter().any(|line| line == "Checks 0 failed"),
            "{lines:#?}"
        );
    }

    #[test]
    fn no_line_is_too_wide_or_holds_a_byte_that_a_status_reply_may_not() {
        let mut facts = sample::wide_open();
        sample::add_user(&mut facts, &"n\u{e9}\r\n+OK ".repeat(40), true);
        facts.server.config_file = Some(vec![0xff; 300]);
        for facts in [&facts, &sample::hardened(), &sample::nothing_read()] {
            for line in rendered(facts) {
                assert!(line.len() <= WIDTH, "{line}");
                assert!(
                    line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                    "{line:?}"
                );
                assert_eq!(line.trim_end(), line);
            }
        }
    }

    #[test]
    fn the_header_names_server_gate_grade_and_counts() {
        let lines = rendered(&sample::hardened());
        let head: Vec<&str> = lines.iter().take(4).map(String::as_str).collect();
        assert!(
            matches!(head.as_slice(), [first, ..] if first.ends_with("on redis 8.2.9 (standalone, master), pid 4242 as redis")),
            "{head:?}"
        );
        assert!(head.contains(&"Gate   enforce, 1 statement"));
        assert!(head.contains(&"Grade  A  (nothing fails above low)"));
        let last = head.last().copied().unwrap_or_default();
        assert!(
            last.starts_with("Checks 0 failed, ") && last.ends_with(" not applicable"),
            "{head:?}"
        );
    }

    #[test]
    fn failures_come_worst_first_with_all_that_is_needed_to_mend_them() {
        let lines = rendered(&sample::wide_open());
        let at = |text: &str| lines.iter().position(|line| line.starts_with(text));
        assert!(at("CRITICAL ").is_some());
        assert!(
            at("CRITICAL ") < at("HIGH ")
                && at("HIGH ") < at("MEDIUM ")
                && at("MEDIUM ") < at("INFO ")
        );
        for label in [
            "  is         tcp 0.0.0.0:6379",
            "  should be  ",
            "  why        ",
            "  severity   critical instead of high",
            "  remedy     ",
            "  steps      # ",
            "             redis-cli CONFIG SET bind",
        ] {
            assert!(at(label).is_some(), "{label}");
        }
        assert_eq!(
            lines.last().map(|line| line.starts_with("Every check: ")),
            Some(true)
        );
    }

    #[test]
    fn what_is_unknown_is_told_with_its_reason() {
        let lines = rendered(&sample::nothing_read()).join("\n");
        assert!(
            lines.contains("?? auth.password          not readable"),
            "{lines}"
        );
    }

    #[test]
    fn what_the_policy_accepts_is_shown_with_the_reason_and_what_it_says_in_vain_too() {
        let mut facts = sample::wide_open();
        sample::suppress(&mut facts, "log.acl-log", Some("2026-12-31"));
        sample::suppress(&mut facts, "limit.clients", Some("2026-01-31"));
        let lines = rendered(&facts);
        let text = lines.join("\n");
        assert!(text.contains("1 suppressed"), "{text}");
        let at = lines
            .iter()
            .position(|line| line == "Accepted by the policy");
        let accepted: Vec<&String> = lines
            .iter()
            .skip(at.unwrap_or(lines.len()))
            .take(3)
            .collect();
        assert_eq!(
            accepted,
            [
                "Accepted by the policy",
                "  -- log.acl-log            acllog-max-len 0",
                "                            accepted by r9 until 2026-12-31: known and watched",
            ]
        );
        assert!(
            text.contains(
                "  !! suppress limit.clients (r9) ended on 2026-01-31: the finding counts again"
            ),
            "{text}"
        );
        assert!(text.contains("LOW      limit.clients: "), "{text}");
    }

    #[test]
    fn no_password_is_shown() {
        let mut facts = sample::wide_open();
        facts.requirepass = sample::password(sample::PASSWORD);
        facts.users = Fact::Unavailable("ACL is renamed".to_owned());
        let lines = rendered(&facts).join("");
        assert!(!lines.contains(sample::PASSWORD) && !lines.contains("letmein"));
    }
}
