//! What of a report is shown: SECAUDIT's LEVEL and CHECK leave findings out, and say what they left out. The grade stays that
//! of the whole report.

use super::check::Severity;
use super::report::{Counts, Finding, Report, Verdict};

/// Which findings are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only findings of at least this severity, however they came out: a passed check counts with its own severity.
    pub level: Option<Severity>,
    /// Only these checks, in the catalogue's order.
    pub checks: Option<Vec<&'static str>>,
}

/// A report as it is shown.
#[derive(Debug)]
pub struct View<'r> {
    /// The whole report: the server, the gate and the grade are shown whatever is left out.
    pub report: &'r Report,
    /// What was asked for; nothing in it when the whole report is shown.
    pub filter: &'r Filter,
    /// The findings that are shown, in the catalogue's order.
    pub findings: Vec<&'r Finding>,
    /// How many of these there are of each outcome.
    pub counts: Counts,
    /// How many findings of each outcome are not shown.
    pub left_out: Counts,
}

impl Filter {
    /// The whole report is wanted.
    pub fn is_empty(&self) -> bool {
        self.level.is_none() && self.checks.is_none()
    }

    fn wants(&self, finding: &Finding) -> bool {
        let heavy = self.level.is_none_or(|level| finding.severity >= level);
        let named = |checks: &Vec<&str>| checks.contains(&finding.meta.id);
        heavy && self.checks.as_ref().is_none_or(named)
    }
}

impl<'r> View<'r> {
    /// What the filter leaves of a report.
    pub fn new(report: &'r Report, filter: &'r Filter) -> Self {
        let (findings, others): (Vec<&Finding>, Vec<&Finding>) = report
            .findings
            .iter()
            .partition(|finding| filter.wants(finding));
        Self {
            report,
            filter,
            counts: Counts::of(findings.iter().copied()),
            left_out: Counts::of(others),
            findings,
        }
    }

    /// The findings of one outcome, in the catalogue's order.
    pub fn of(&self, outcome: Verdict) -> impl Iterator<Item = &'r Finding> {
        let of_outcome = move |finding: &&Finding| finding.outcome == outcome;
        self.findings.iter().copied().filter(of_outcome)
    }

    /// The findings of one outcome, worst first, in the catalogue's order within a severity.
    pub fn worst_first(&self, outcome: Verdict) -> Vec<&'r Finding> {
        let mut findings: Vec<&Finding> = self.of(outcome).collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }

    /// How many shown findings fail with this severity.
    pub fn failures(&self, severity: Severity) -> usize {
        self.of(Verdict::Fail)
            .filter(|finding| finding.severity == severity)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::{self, sample};

    fn ids(view: &View<'_>) -> Vec<&'static str> {
        view.findings
            .iter()
            .map(|finding| finding.meta.id)
            .collect()
    }

    #[test]
    fn without_a_filter_everything_is_shown() {
        let report = crate::audit::run(&sample::wide_open());
        let filter = Filter::default();
        let view = View::new(&report, &filter);
        assert!(filter.is_empty());
        assert_eq!(view.findings.len(), checks::ALL.len());
        assert_eq!(view.counts, report.counts);
        assert_eq!(view.left_out, Counts::default());
    }

    #[test]
    fn a_level_keeps_what_is_at_least_as_grave_whatever_its_outcome() {
        for facts in [
            sample::wide_open(),
            sample::hardened(),
            sample::nothing_read(),
        ] {
            let report = crate::audit::run(&facts);
            for level in Severity::ALL {
                let filter = Filter {
                    level: Some(level),
                    checks: None,
                };
                let view = View::new(&report, &filter);
                let grave = |finding: &&Finding| finding.severity >= level;
                assert_eq!(
                    view.findings.len(),
                    report.findings.iter().filter(grave).count()
                );
                assert!(view.findings.iter().all(grave));
            }
        }
    }

    #[test]
    fn named_checks_are_kept_in_the_catalogues_order_and_the_rest_is_counted() {
        let report = crate::audit::run(&sample::wide_open());
        let filter = Filter {
            level: Some(Severity::Critical),
            checks: Some(vec!["net.bind", "auth.password", "cmd.config"]),
        };
        let view = View::new(&report, &filter);
        assert_eq!(ids(&view), ["net.bind", "auth.password"]);
        assert_eq!(view.counts.fail, 2);
        assert_eq!(
            view.counts.total() + view.left_out.total(),
            checks::ALL.len()
        );
        assert_eq!(view.failures(Severity::Critical), 2);
        assert_eq!(view.failures(Severity::High), 0);
    }

    #[test]
    fn failures_come_worst_first() {
        let report = crate::audit::run(&sample::wide_open());
        let filter = Filter::default();
        let view = View::new(&report, &filter);
        let failures = view.worst_first(Verdict::Fail);
        assert_eq!(failures.len(), view.counts.fail);
        assert!(failures.is_sorted_by(|a, b| a.severity >= b.severity));
    }
}
