//! What the policy says of the audit: the findings it accepts, and the users it names as administrators.

use std::collections::BTreeSet;

use super::User;
use crate::policy::Policy;
use crate::policy::day::Day;
use crate::policy::statement::{Body, Pattern};
use crate::render::escape::printable;

/// The policy's words on the audit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accepted {
    /// What is accepted, one for a check at most.
    pub suppressions: Vec<Suppression>,
    /// Who administers, by statement.
    pub administrators: Vec<Administrators>,
}

/// A finding that the policy accepts (`suppress CHECK until=… note=…`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// The check: `net.tls`.
    pub check: String,
    /// The statement's id in the policy.
    pub id: String,
    /// Why it is accepted, printable.
    pub note: String,
    /// The last day it holds; for ever without one.
    pub until: Option<Day>,
}

/// Users whom the policy names as administrators (`administrators PATTERN …`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrators {
    /// The statement's id in the policy.
    pub id: String,
    /// Patterns over their names.
    pub patterns: Vec<Pattern>,
}

impl Suppression {
    /// Whether its last day is over.
    pub fn has_expired(&self, today: Day) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

impl Accepted {
    /// What this policy says of the audit.
    pub fn by(policy: &Policy) -> Self {
        let mut accepted = Self::default();
        for statement in policy.statements() {
            match &statement.body {
                Body::Suppress { check, until, .. } => accepted.suppressions.push(Suppression {
                    check: check.clone(),
                    id: statement.id.clone(),
                    note: printable(statement.note.as_deref().unwrap_or_default()),
                    until: *until,
                }),
                Body::Administrators(patterns) => accepted.administrators.push(Administrators {
                    id: statement.id.clone(),
                    patterns: patterns.clone(),
                }),
                Body::Rule(_) | Body::Profile { .. } | Body::Rename { .. } | Body::Alias { .. } => {
                }
            }
        }
        accepted
    }

    /// The users who count as administrators. One who needs no password never does: anybody can be that user.
    pub fn administrators_among(&self, users: &[User]) -> BTreeSet<Vec<u8>> {
        let patterns = || self.administrators.iter().flat_map(|names| &names.patterns);
        let is_named = |user: &&User| patterns().any(|pattern| pattern.glob.matches(&user.name));
        let named = users.iter().filter(|user| !user.nopass).filter(is_named);
        named.map(|user| user.name.clone()).collect()
    }
}
