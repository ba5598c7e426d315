//! The page holds every finding, loads nothing, and nobody's name becomes a part of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use super::*;
use crate::audit::checks::{ALL, sample};
use crate::audit::facts::Facts;
use crate::audit::report::Report;
use crate::audit::run;
use crate::audit::view::Filter;

fn shown(whole: &Report) -> String {
    report(&View::new(whole, &Filter::default()))
}

fn rendered(facts: &Facts) -> String {
    shown(&run(facts))
}

fn every_kind() -> [Facts; 3] {
    [
        sample::wide_open(),
        sample::hardened(),
        sample::nothing_read(),
    ]
}

#[test]
fn every_check_stands_in_the_page_once_with_its_outcome_and_severity() {
    for facts in every_kind() {
        let whole = run(&facts);
        let page = shown(&whole);
        for finding in &whole.findings {
            let marked = format!(
                "id=\"{}\" data-outcome=\"{}\" data-severity=\"{}\"",
                finding.meta.id,
                name(finding.outcome).0,
                finding.severity.name()
            );
            assert_eq!(page.matches(&marked).count(), 1, "{marked}");
        }
        assert_eq!(page.matches("<details class=\"finding").count(), ALL.len());
    }
}

#[test]
fn the_grade_and_the_failures_are_drawn() {
    let page = rendered(&sample::wide_open());
    assert!(page.contains("aria-label=\"Grade F, on a scale from F to A\""));
    assert_eq!(
        page.matches(" here\"").count(),
        2,
        "one step and its letter"
    );
    let whole = run(&sample::wide_open());
    let view = View::new(&whole, &Filter::default()).failures(Severity::Critical);
    assert!(page.contains(&format!("aria-label=\"{view} critical, ")));
    let page = rendered(&sample::nothing_read());
    assert!(page.contains("aria-label=\"Grade ?, on a scale from F to A\""));
    assert_eq!(page.matches(" here\"").count(), 0);
}

#[test]
fn what_is_to_be_mended_today_lies_open_and_what_passed_is_folded() {
    let whole = run(&sample::wide_open());
    let page = shown(&whole);
    for finding in &whole.findings {
        let start = page.find(&format!("id=\"{}\"", finding.meta.id)).unwrap();
        let tag = page[start..].split('>').next().unwrap();
        let grave = finding.outcome == Verdict::Fail && finding.severity >= Severity::High;
        assert_eq!(tag.ends_with(" open"), grave, "{tag}");
    }
}

#[test]
fn nobodys_name_becomes_a_part_of_the_page() {
    let mut facts = sample::wide_open();
    let hostile = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}&amp;</style>";
    sample::add_user(&mut facts, hostile, true);
    // So that as much fails as without that user.
    sample::open_command(&mut facts, "eval", hostile);
    facts.server.config_file = Some(b"/etc/<script>alert(3)</script>\xff\x1b".to_vec());
    facts.server.host = hostile.to_owned();
    facts.server.version = hostile.to_owned();
    facts.process.user = hostile.to_owned();
    let page = rendered(&facts);
    let plain = rendered(&sample::wide_open());
    // Not one tag more than without them, but for the list of evidence.
    for tag in ["<script", "<img", "</style", "<a ", "<h1", "<title"] {
        assert_eq!(
            page.matches(tag).count(),
            plain.matches(tag).count(),
            "{tag}"
        );
    }
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("{{7*7}}"), "taken for a template");
    assert!(page.contains("&#38;amp;"), "escaped once");
    let printable = |byte: u8| byte == b'\n' || (b' '..=b'~').contains(&byte);
    assert!(page.bytes().all(printable));
}

#[test]
fn the_page_loads_nothing_and_lets_only_its_own_style_and_script_run() {
    for facts in every_kind() {
        let page = rendered(&facts);
        let policy = format!(
            "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
            hash(STYLE),
            hash(SCRIPT)
        );
        assert!(page.contains(&policy));
        for loading in [
            " src=", "<link", "@import", "url(", "srcset", "<iframe", "<object", "fetch(",
            " style=", " onclick",
        ] {
            assert!(!page.contains(loading), "{loading}");
        }
        let between = |open: &str, close: &str| {
            let (_, rest) = page.split_once(open).unwrap();
            rest.split_once(close).unwrap().0.to_owned()
        };
        assert_eq!(between("<style>", "</style>"), STYLE);
        assert_eq!(between("<script>", "</script>"), SCRIPT);
    }
    assert_eq!(
        hash("alert('Hello, world.');"),
        "sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=",
        "the example of the specification"
    );
}

#[test]
fn a_part_of_the_report_says_so() {
    let whole = run(&sample::wide_open());
    let filter = Filter {
        level: Some(Severity::High),
        checks: Some(vec!["net.bind", "cmd.config"]),
    };
    let page = report(&View::new(&whole, &filter));
    let left_out = ALL.len() - 2;
    let said = format!(
        "high and above, net.bind cmd.config; {left_out} of {} findings are left out",
        ALL.len()
    );
    assert!(page.contains(&said), "{said}");
    assert!(!shown(&whole).contains("Only a part"));
    assert_eq!(page.matches("<details class=\"finding").count(), 2);
}

#[test]
fn what_the_policy_accepts_has_a_group_of_its_own() {
    let mut facts = sample::wide_open();
    sample::suppress(&mut facts, "net.bind", None);
    sample::suppress(&mut facts, "cmd.config", Some("2026-01-31"));
    let page = rendered(&facts);
    let (_, group) = page
        .split_once("<section class=\"group\" id=\"suppressed\">")
        .unwrap();
    let group = group.split("</section>").next().unwrap();
    assert!(group.contains("id=\"net.bind\""), "{group}");
    assert!(group.contains("accepted by r9 without end: known and watched"));
    assert!(page.contains("<li>suppress cmd.config (r9) ended on 2026-01-31"));
}

#[test]
fn a_sentence_begins_with_a_capital_but_no_file_does() {
    assert_eq!(sentence("anyone who can"), "Anyone who can");
    assert_eq!(sentence("redis.conf is open"), "redis.conf is open");
    assert_eq!(sentence(""), "");
}
