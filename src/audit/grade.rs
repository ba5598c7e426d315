//! The grade: one letter for the whole report, and the finding that set it.

use serde::Serialize;

use super::check::{Exposed, Severity};
use super::facts::Facts;
use super::reach::{self, Reach};
use super::report::{Finding, Verdict};

/// A letter and its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grade {
    /// `A` to `F`; `?` while what decides it is unknown.
    pub letter: char,
    /// The finding that set the letter, and what it means.
    pub because: String,
}

/// Grades the findings. What the policy accepts sets no grade, and the reason says so. F is never taken back; short of it, no letter is given while a check that could be critical is
/// unknown.
pub fn grade(findings: &[Finding], facts: &Facts) -> Grade {
    let mut grade = of_what_counts(findings, facts);
    let accepted = |finding: &&Finding| finding.outcome == Verdict::Suppressed;
    match findings.iter().filter(accepted).count() {
        0 => {}
        count => {
            let addition = format!(" ({count} accepted by the policy)");
            grade.because.push_str(&addition);
        }
    }
    grade
}

fn of_what_counts(findings: &[Finding], facts: &Facts) -> Grade {
    let failures = || {
        findings
            .iter()
            .filter(|finding| finding.outcome == Verdict::Fail)
    };
    // Of several, the one that is grave by nature says more than one that was raised.
    let first = |severity: Severity| {
        let alike = failures().filter(|finding| finding.severity == severity);
        alike.min_by_key(|finding| std::cmp::Reverse(finding.meta.severity))
    };

    if let Some(finding) = first(Severity::Critical) {
        return named('F', finding, "");
    }
    let undecided = findings.iter().find(|finding| {
        finding.outcome == Verdict::Unknown && finding.meta.worst == Severity::Critical
    });
    if let Some(finding) = undecided {
        let reason = finding.actual.first().map_or("", String::as_str);
        return Grade {
            letter: '?',
            because: format!(
                "{} could be critical and is unknown: {reason}",
                finding.meta.id
            ),
        };
    }
    let high = |finding: &&Finding| finding.severity == Severity::High;
    let reachable = failures()
        .filter(high)
        .find(|finding| is_reachable(finding, facts));
    if let Some(finding) = reachable {
        return named('D', finding, ", and it is within reach of other hosts");
    }
    if let Some(finding) = first(Severity::High) {
        return named('C', finding, ", though not from beyond this host");
    }
    if let Some(finding) = first(Severity::Medium) {
        return named('B', finding, "");
    }
    Grade {
        letter: 'A',
        because: "nothing fails above low".to_owned(),
    }
}

/// Whether somebody on another host can make use of a failure. Where that is not known, he can.
fn is_reachable(finding: &Finding, facts: &Facts) -> bool {
    let reach = match finding.meta.exposed {
        Exposed::Network => reach::network(facts),
        Exposed::Clients => reach::admitted(facts),
        Exposed::Host => return false,
    };
    !matches!(reach, Ok(Reach::Host(_)))
}

fn named(letter: char, finding: &Finding, addition: &str) -> Grade {
    Grade {
        letter,
        because: format!("{}: {}{addition}", finding.meta.id, finding.meta.cap),
    }
}

#[cfg(test)]
mod tests {
    use crate::audit::checks::sample::{self, tcp};
    use crate::audit::facts::{Fact, FileStatus};
    use crate::audit::{facts::Facts, run};

    fn letter(facts: &Facts) -> char {
        run(facts).grade.letter
    }

    fn world_readable(facts: &mut Facts) {
        facts.files.data_dir = Fact::Known(FileStatus {
            mode: 0o755,
            ..sample::folder("/var/lib/redis", 0o700)
        });
    }

    #[test]
    fn a_hardened_server_gets_an_a() {
        let grade = run(&sample::hardened()).grade;
        assert_eq!(
            (grade.letter, grade.because.as_str()),
            ('A', "nothing fails above low")
        );
    }

    #[test]
    fn an_open_server_gets_an_f_that_names_what_it_means() {
        let grade = run(&sample::wide_open()).grade;
        assert_eq!(grade.letter, 'F');
        assert!(
            grade.because == "auth.password: anyone who can reach the port is administrator",
            "{}",
            grade.because
        );
    }

    #[test]
    fn a_medium_failure_gives_a_b() {
        let mut facts = sample::hardened();
        facts.masterauth = sample::password("q7Zr!2mVx9Lp#4Ta");
        assert_eq!(letter(&facts), 'B');
    }

    #[test]
    fn a_high_failure_gives_a_c_on_the_host_and_a_d_from_beyond() {
        let mut facts = sample::hardened();
        sample::open_command(&mut facts, "flushall", "default");
        assert_eq!(letter(&facts), 'C');
        facts.sockets = Fact::Known(vec![tcp("10.0.0.5:6379")]);
        sample::set(&mut facts, "bind", "10.0.0.5");
        assert_eq!(letter(&facts), 'D');
    }

    #[test]
    fn a_wrong_file_mode_is_no_matter_of_other_hosts() {
        let mut facts = sample::hardened();
        facts.sockets = Fact::Known(vec![tcp("10.0.0.5:6380")]);
        for (name, value) in [("bind", "10.0.0.5"), ("port", "0"), ("tls-port", "6380")] {
            sample::set(&mut facts, name, value);
        }
        world_readable(&mut facts);
        assert_eq!(letter(&facts), 'C');
    }

    #[test]
    fn there_is_no_grade_while_what_could_be_critical_is_unknown() {
        let mut facts = sample::hardened();
        facts.users = Fact::Unavailable("ACL is renamed".to_owned());
        let grade = run(&facts).grade;
        assert_eq!(grade.letter, '?');
        assert!(
            grade.because.contains("ACL is renamed"),
            "{}",
            grade.because
        );
    }

    #[test]
    fn a_known_critical_failure_is_an_f_whatever_else_is_unknown() {
        let mut facts = sample::wide_open();
        facts.requirepass = Fact::Unavailable("CONFIG is renamed".to_owned());
        assert_eq!(letter(&facts), 'F');
    }
}
