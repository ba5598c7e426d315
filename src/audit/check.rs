//! What a check is: its place in the catalogue (`Meta`) and its judgement over facts (`Outcome`).

use serde::Serialize;

use super::facts::Facts;
use super::fix::Action;

/// One judgement of the catalogue. Pure: the same facts give the same outcome.
pub trait Check: Sync {
    /// Its place in the catalogue.
    fn meta(&self) -> &'static Meta;
    /// Judges the facts.
    fn evaluate(&self, facts: &Facts) -> Outcome;
}

/// What the catalogue says of a check, whatever the server.
#[derive(Debug)]
pub struct Meta {
    /// The public id, `net.bind`. It never changes meaning.
    pub id: &'static str,
    /// What holds when the check passes, in a few words.
    pub title: &'static str,
    /// The part of the server it looks at.
    pub category: Category,
    /// The severity of a plain failure.
    pub severity: Severity,
    /// The highest severity this check can give. While a check that could be critical is unknown, there is no grade.
    pub worst: Severity,
    /// The tutorial asks for it.
    pub tutorial: bool,
    /// Why it matters.
    pub why: &'static str,
    /// What a hardened server has.
    pub expected: &'static str,
    /// How to mend it, in a sentence or two. The exact steps depend on the server and come with the finding.
    pub remedy: &'static str,
    /// Where to read more.
    pub references: &'static [&'static str],
    /// What SECAUDIT FIX can do about it.
    pub fix: Fix,
    /// Who can make use of a failure, for the grade.
    pub exposed: Exposed,
    /// What a failure means, as the grade's reason: `anyone who can reach the port is administrator`.
    pub cap: &'static str,
}

/// The part of the server a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Listeners and packet filters.
    Network,
    /// Passwords and users.
    Authentication,
    /// What can be run.
    Commands,
    /// Owners and modes.
    Files,
    /// The process the server runs in.
    Process,
    /// How much may be used, and what is recorded.
    Limits,
    /// Which release runs, and what is known of it.
    Version,
    /// Signs that somebody else has been at work.
    Compromise,
}

/// How much a failure matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Mend it when convenient.
    Low,
    /// Mend it soon.
    Medium,
    /// Mend it today.
    High,
    /// Mend it now.
    Critical,
}

/// What SECAUDIT FIX can do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix {
    /// It can be done at run time.
    Auto,
    /// The exact steps are printed.
    Plan,
}

/// Who can make use of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposed {
    /// Whoever can open a connection to the server.
    Network,
    /// Whoever the server admits: protected mode keeps strangers out.
    Clients,
    /// Only somebody with an account or a process on this host.
    Host,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As it should be; the lines are the evidence.
    Pass(Vec<String>),
    /// Not as it should be.
    Fail(Failure),
    /// It cannot be told, and why.
    Unknown {
        /// What could not be read, and why.
        reason: String,
        /// How the operator can find out himself.
        steps: Vec<String>,
    },
    /// The question does not arise on this server, and why.
    NotApplicable(String),
}

/// A failure with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The evidence, line by line: the thing itself, printable.
    pub actual: Vec<String>,
    /// Another severity than the catalogue's, and the reason for it.
    pub severity: Option<(Severity, String)>,
    /// The steps that mend it on this server.
    pub steps: Vec<String>,
    /// What SECAUDIT FIX can do of them on the running server; none where the operator must.
    pub actions: Vec<Action>,
}

impl Outcome {
    /// A pass with one line of evidence.
    pub fn pass(actual: impl Into<String>) -> Self {
        Self::Pass(vec![actual.into()])
    }

    /// A fact was missing, and there is no other way to tell.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown {
            reason: reason.into(),
            steps: Vec::new(),
        }
    }

    /// The question does not arise.
    pub fn not_applicable(reason: impl Into<String>) -> Self {
        Self::NotApplicable(reason.into())
    }
}

impl Failure {
    /// A failure of the catalogue's severity.
    pub fn new(actual: Vec<String>) -> Self {
        Self {
            actual,
            severity: None,
            steps: Vec::new(),
            actions: Vec::new(),
        }
    }

    /// Raises or lowers the severity, and says why.
    pub fn severity(mut self, severity: Severity, reason: impl Into<String>) -> Self {
        self.severity = Some((severity, reason.into()));
        self
    }

    /// The steps that mend it.
    pub fn steps<S: Into<String>>(mut self, steps: impl IntoIterator<Item = S>) -> Self {
        self.steps = steps.into_iter().map(Into::into).collect();
        self
    }

    /// What SECAUDIT FIX can do on the running server.
    pub fn actions(mut self, actions: impl IntoIterator<Item = Action>) -> Self {
        self.actions = actions.into_iter().collect();
        self
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Fail(failure)
    }
}

impl Category {
    /// Its name, as reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Authentication => "authentication",
            Self::Commands => "commands",
            Self::Files => "files",
            Self::Process => "process",
            Self::Limits => "limits",
            Self::Version => "version",
            Self::Compromise => "compromise",
        }
    }
}

impl Severity {
    /// Every severity, worst first.
    pub const ALL: [Self; 5] = [
        Self::Critical,
        Self::High,
        Self::Medium,
        Self::Low,
        Self::Info,
    ];

    /// Its name, as reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl Fix {
    /// How it is mended, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Auto => "on the running server",
            Self::Plan => "by the steps the report prints",
        }
    }
}
