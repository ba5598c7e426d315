//! The report as one page for a browser: it needs no server, no network and no script to be read. `report.html` is its
//! template, `style.css` and `script.js` go into it whole; everything else that goes in is escaped by askama.

use askama::Template;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::subject;
use crate::audit::accepting::Note;
use crate::audit::check::Severity;
use crate::audit::report::{Counts, Finding, Verdict};
use crate::audit::view::View;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The page.
pub fn report(view: &View<'_>) -> String {
    // Numbers and strings into memory: rendering cannot fail.
    page(view).render().unwrap_or_default()
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'v> {
    style: &'static str,
    script: &'static str,
    /// What the policy in the page's head lets the browser use: these very texts and nothing else.
    style_hash: String,
    script_hash: String,
    server: String,
    module_version: &'static str,
    time: String,
    facts: Vec<(&'static str, String)>,
    part: Option<String>,
    letter: char,
    letter_class: &'static str,
    verdict: &'static str,
    because: &'v str,
    scale: Vec<Step>,
    bars: Vec<Bar>,
    bars_label: String,
    outcomes: Vec<OutcomeCount>,
    groups: Vec<Group<'v>>,
    notes: &'v [Note],
}

/// One letter of the scale.
struct Step {
    letter: char,
    class: &'static str,
    here: bool,
    /// Where it begins on the half circle, in hundredths of it; negative, as SVG wants it.
    offset: String,
    x: u32,
    y: u32,
}

/// The failures of one severity.
struct Bar {
    severity: &'static str,
    count: usize,
    y: usize,
    text_y: usize,
    width: usize,
}

struct OutcomeCount {
    key: &'static str,
    name: &'static str,
    count: usize,
}

/// The findings of one outcome.
struct Group<'v> {
    key: &'static str,
    title: &'static str,
    remark: &'static str,
    evidence: &'static str,
    steps: &'static str,
    in_full: bool,
    findings: Vec<Entry<'v>>,
}

struct Entry<'v> {
    id: &'static str,
    severity: &'static str,
    usual_severity: &'static str,
    /// What is to be mended today, and what nobody knows, is read without a click.
    open: bool,
    badge: &'static str,
    said: String,
    accepted: Option<String>,
    actual: &'v [String],
    expected: &'static str,
    why: &'static str,
    severity_reason: Option<&'v str>,
    remedy: &'static str,
    steps: &'v [String],
    references: Vec<Link>,
}

struct Link {
    address: &'static str,
    text: &'static str,
}

fn page<'v>(view: &'v View<'_>) -> Page<'v> {
    let report = view.report;
    let letter = report.grade.letter;
    let (letter_class, verdict) = grade(letter);
    let bars = bars(view);
    let label = |bar: &Bar| format!("{} {}", bar.count, bar.severity);
    Page {
        style: STYLE,
        script: SCRIPT,
        style_hash: hash(STYLE),
        script_hash: hash(SCRIPT),
        server: subject::server(report),
        module_version: report.module_version,
        time: moment(view),
        facts: facts(view),
        part: (!view.filter.is_empty()).then(|| part(view)),
        letter,
        letter_class,
        verdict,
        because: &report.grade.because,
        scale: scale(letter),
        bars_label: bars.iter().map(label).collect::<Vec<_>>().join(", "),
        bars,
        outcomes: outcomes(&view.counts),
        groups: groups(view),
        notes: match view.filter.is_empty() {
            true => &report.notes,
            false => &[],
        },
    }
}

/// As a content security policy names a text.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

fn moment(view: &View<'_>) -> String {
    let time = humantime::format_rfc3339_seconds(view.report.time).to_string();
    time.replace('T', " ").replace('Z', " UTC")
}

fn facts(view: &View<'_>) -> Vec<(&'static str, String)> {
    let report = view.report;
    let server = &report.server;
    let gate = match report.gate.statements {
        1 => format!("{}, 1 statement", report.gate.mode),
        count => format!("{}, {count} statements", report.gate.mode),
    };
    let config = server.config_file.as_deref();
    let config = config.map_or_else(|| "none".to_owned(), super::escape::printable);
    vec![
        ("Read at", moment(view)),
        ("Mode", format!("{}, {}", server.mode, server.role)),
        ("Process", format!("{} as {}", report.pid, report.user)),
        ("Configuration", config),
        ("Gate", gate),
    ]
}

/// What was asked for, and what that leaves out.
fn part(view: &View<'_>) -> String {
    let level = view
        .filter
        .level
        .map(|level| format!("{} and above", level.name()));
    let checks = view.filter.checks.as_ref().map(|checks| checks.join(" "));
    let asked: Vec<String> = level.into_iter().chain(checks).collect();
    let left_out = view.left_out.total();
    format!(
        "{}; {left_out} of {} findings are left out",
        asked.join(", "),
        view.report.counts.total()
    )
}

fn grade(letter: char) -> (&'static str, &'static str) {
    match letter {
        'A' => ("grade-a", "In good order"),
        'B' => ("grade-b", "Nothing above medium fails"),
        'C' => ("grade-c", "High failures, out of reach of other hosts"),
        'D' => ("grade-d", "High failures within reach of other hosts"),
        'F' => ("grade-f", "Critical failures"),
        _ => ("grade-none", "No grade: what decides it is unknown"),
    }
}

fn scale(letter: char) -> Vec<Step> {
    // The places are the middles of five equal parts of a half circle of 68 around (110, 112).
    let places = [(45, 95), (70, 61), (110, 48), (150, 61), (175, 95)];
    let letters = ['F', 'D', 'C', 'B', 'A'].into_iter().zip(places);
    let step = |(index, (own, (x, y))): (u32, (char, (u32, u32)))| Step {
        letter: own,
        class: grade(own).0,
        here: own == letter,
        offset: format!("-{}.7", index * 20),
        x,
        y,
    };
    (0..).zip(letters).map(step).collect()
}

/// So many failures fill a track of 250, or as many as the worst severity has: one or two shall not look like the end.
const FULL: usize = 8;

/// How many failures of each severity; any failure is seen.
fn bars(view: &View<'_>) -> Vec<Bar> {
    let counts = Severity::ALL.map(|severity| view.failures(severity));
    let most = counts.iter().copied().max().unwrap_or(0).max(FULL);
    let bar = |(row, (severity, count)): (usize, (Severity, usize))| Bar {
        severity: severity.name(),
        count,
        y: row * 29 + 6,
        text_y: row * 29 + 20,
        width: (count * 250 / most).max(4),
    };
    let rows = Severity::ALL.into_iter().zip(counts).enumerate();
    rows.map(bar).collect()
}

fn outcomes(counts: &Counts) -> Vec<OutcomeCount> {
    let count = |outcome: Verdict| match outcome {
        Verdict::Pass => counts.pass,
        Verdict::Fail => counts.fail,
        Verdict::Unknown => counts.unknown,
        Verdict::NotApplicable => counts.not_applicable,
        Verdict::Suppressed => counts.suppressed,
    };
    let of = |outcome: Verdict| {
        let (key, name) = name(outcome);
        OutcomeCount {
            key,
            name,
            count: count(outcome),
        }
    };
    let outcomes = ORDER.into_iter().map(of);
    outcomes.filter(|outcome| outcome.count > 0).collect()
}

/// What matters first comes first.
const ORDER: [Verdict; 5] = [
    Verdict::Fail,
    Verdict::Unknown,
    Verdict::Suppressed,
    Verdict::Pass,
    Verdict::NotApplicable,
];

fn name(outcome: Verdict) -> (&'static str, &'static str) {
    match outcome {
        Verdict::Pass => ("pass", "passed"),
        Verdict::Fail => ("fail", "failed"),
        Verdict::Unknown => ("unknown", "unknown"),
        Verdict::NotApplicable => ("not-applicable", "not applicable"),
        Verdict::Suppressed => ("suppressed", "accepted"),
    }
}

fn groups<'v>(view: &'v View<'_>) -> Vec<Group<'v>> {
    let group = |outcome: Verdict| {
        let (title, remark) = match outcome {
            Verdict::Fail => ("To be mended", "The worst first."),
            Verdict::Unknown => ("Unknown", "What could not be read is never taken for good."),
            Verdict::Suppressed => (
                "Accepted by the policy",
                "They fail, and somebody answers for it.",
            ),
            Verdict::Pass => ("Passed", "As it should be."),
            Verdict::NotApplicable => (
                "Not applicable",
                "The question does not arise on this server.",
            ),
        };
        let (in_full, evidence, steps) = match outcome {
            Verdict::Fail | Verdict::Suppressed => (true, "Found", "Steps"),
            Verdict::Unknown => (true, "Because", "To find out"),
            Verdict::Pass => (false, "Found", "Steps"),
            Verdict::NotApplicable => (false, "Because", "Steps"),
        };
        let findings = match outcome {
            Verdict::Fail | Verdict::Unknown => view.worst_first(outcome),
            _ => view.of(outcome).collect(),
        };
        Group {
            key: name(outcome).0,
            title,
            remark,
            evidence,
            steps,
            in_full,
            findings: findings.into_iter().map(entry).collect(),
        }
    };
    let groups = ORDER.into_iter().map(group);
    groups.filter(|group| !group.findings.is_empty()).collect()
}

fn entry(finding: &Finding) -> Entry<'_> {
    let meta = finding.meta;
    let link = |address: &&'static str| Link {
        address,
        text: address.trim_start_matches("https://").trim_end_matches('/'),
    };
    let severity = finding.severity.name();
    Entry {
        id: meta.id,
        severity,
        usual_severity: meta.severity.name(),
        open: match finding.outcome {
            Verdict::Fail => finding.severity >= Severity::High,
            Verdict::Unknown => true,
            _ => false,
        },
        badge: match finding.outcome {
            Verdict::Fail => severity,
            other => name(other).1,
        },
        said: match finding.outcome {
            Verdict::Fail | Verdict::Suppressed => sentence(meta.cap),
            _ => meta.title.to_owned(),
        },
        accepted: finding.suppression.as_ref().map(subject::accepted),
        actual: &finding.actual,
        expected: meta.expected,
        why: meta.why,
        severity_reason: finding.severity_reason.as_deref(),
        remedy: meta.remedy,
        steps: &finding.steps,
        references: meta.references.iter().map(link).collect(),
    }
}

/// With a capital, unless it begins with the name of a file or a setting.
fn sentence(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    match text.split_at_checked(1) {
        Some((first, rest)) if !word.contains(['.', '-', '_']) => first.to_uppercase() + rest,
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
