//! The report: every finding with its evidence, the counts and the grade. Renderers show it; nothing below it decides again.

use std::time::SystemTime;

use serde::Serialize;

use super::accepting::{self, Note};
use super::check::{Check, Meta, Outcome, Severity};
use super::checks::{barred, keeping, other_names, sealed};
use super::facts::{Facts, Gate, Server, Suppression};
use super::fix::Action;
use super::grade::{self, Grade};

/// All that SECAUDIT says.
#[derive(Debug)]
pub struct Report {
    /// This module's version.
    pub module_version: &'static str,
    /// When the facts were read.
    pub time: SystemTime,
    /// Which server was judged.
    pub server: Server,
    /// The process id of that server.
    pub pid: u32,
    /// The account it runs as.
    pub user: String,
    /// The gate at that time, and what this server lets the module do.
    pub gate: Gate,
    /// The sum of it.
    pub grade: Grade,
    /// How many findings there are of each outcome.
    pub counts: Counts,
    /// Every finding, in the catalogue's order.
    pub findings: Vec<Finding>,
    /// What of the policy's own words on the audit is in vain.
    pub notes: Vec<Note>,
}

/// What one check found on this server.
#[derive(Debug)]
pub struct Finding {
    /// The check.
    pub meta: &'static Meta,
    /// How it came out.
    pub outcome: Verdict,
    /// The severity here; the catalogue's unless `severity_reason` says otherwise.
    pub severity: Severity,
    /// Why the severity is not the catalogue's.
    pub severity_reason: Option<String>,
    /// The evidence, line by line; for an unknown the reason why it is not known.
    pub actual: Vec<String>,
    /// The steps that mend it here, or that tell what could not be read.
    pub steps: Vec<String>,
    /// What SECAUDIT FIX can do on the running server.
    pub actions: Vec<Action>,
    /// Why the policy accepts it; only where it does.
    pub suppression: Option<Suppression>,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Not as it should be.
    Fail,
    /// It cannot be told.
    Unknown,
    /// The question does not arise.
    NotApplicable,
    /// Not as it should be, and the policy says why that is accepted.
    Suppressed,
}

/// How many findings there are of each outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// As it should be.
    pub pass: usize,
    /// Not as it should be.
    pub fail: usize,
    /// It cannot be told.
    pub unknown: usize,
    /// The question does not arise.
    pub not_applicable: usize,
    /// Accepted by the policy.
    pub suppressed: usize,
}

impl Report {
    /// Judges the facts by these checks.
    pub fn new(facts: &Facts, checks: &[&dyn Check]) -> Self {
        let judge = |check: &&dyn Check| {
            let mut finding = Finding::new(check.meta(), check.evaluate(facts));
            keeping::modes(facts, &mut finding.steps);
            barred::past_the_gate(facts, &mut finding.steps);
            other_names::remark(facts, &mut finding.steps);
            sealed::remark(facts, &mut finding.steps);
            finding
        };
        let mut findings: Vec<Finding> = checks.iter().map(judge).collect();
        let notes = accepting::accept(&mut findings, facts);
        Self {
            module_version: env!("CARGO_PKG_VERSION"),
            time: facts.time,
            server: facts.server.clone(),
            pid: facts.process.pid,
            user: facts.process.user.clone(),
            gate: facts.gate.clone(),
            grade: grade::grade(&findings, facts),
            counts: Counts::of(&findings),
            findings,
            notes,
        }
    }

    /// The finding of a check.
    pub fn finding(&self, id: &str) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.meta.id == id)
    }
}

impl Finding {
    /// A check's outcome as a finding.
    pub fn new(meta: &'static Meta, outcome: Outcome) -> Self {
        let mut finding = Self {
            meta,
            outcome: Verdict::Pass,
            severity: meta.severity,
            severity_reason: None,
            actual: Vec::new(),
            steps: Vec::new(),
            actions: Vec::new(),
            suppression: None,
        };
        match outcome {
            Outcome::Pass(actual) => finding.actual = actual,
            Outcome::Fail(failure) => {
                finding.outcome = Verdict::Fail;
                finding.actual = failure.actual;
                finding.steps = failure.steps;
                finding.actions = failure.actions;
                if let Some((severity, reason)) = failure.severity {
                    finding.severity = severity;
                    finding.severity_reason = Some(reason);
                }
            }
            Outcome::Unknown { reason, steps } => {
                finding.outcome = Verdict::Unknown;
                finding.actual = vec![reason];
                finding.steps = steps;
            }
            Outcome::NotApplicable(reason) => {
                finding.outcome = Verdict::NotApplicable;
                finding.actual = vec![reason];
            }
        }
        finding
    }
}

impl Counts {
    /// Counts findings.
    pub fn of<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            let count = match finding.outcome {
                Verdict::Pass => &mut counts.pass,
                Verdict::Fail => &mut counts.fail,
                Verdict::Unknown => &mut counts.unknown,
                Verdict::NotApplicable => &mut counts.not_applicable,
                Verdict::Suppressed => &mut counts.suppressed,
            };
            *count += 1;
        }
        counts
    }

    /// All of them.
    pub fn total(&self) -> usize {
        self.pass + self.fail + self.unknown + self.not_applicable + self.suppressed
    }
}

#[cfg(test)]
mod tests {
    use crate::audit::checks::{self, sample};

    #[test]
    fn the_counts_cover_every_finding() {
        let report = crate::audit::run(&sample::wide_open());
        assert_eq!(report.findings.len(), checks::ALL.len());
        assert_eq!(report.counts.total(), checks::ALL.len());
    }
}
