//! What SECAUDIT FIX APPLY did: each step with before and after, where it stopped, and how the checks stand now.

use super::Keep;
use crate::audit::facts::Secret;
use crate::audit::grade::Grade;
use crate::audit::report::Verdict;

/// All that was asked for, and what became of it.
#[derive(Debug)]
pub struct Applied {
    /// The checks, in the order they were named.
    pub checks: Vec<Mended>,
    /// What was to make it outlive a restart, in order; empty without PERSIST.
    pub kept: Vec<Kept>,
    /// What PERSIST would do; empty where nothing of it was done.
    pub to_keep: Vec<Keep>,
    /// The grade before and after.
    pub grades: (Grade, Grade),
}

/// One check, and what was done about it.
#[derive(Debug)]
pub struct Mended {
    /// Its id.
    pub id: &'static str,
    /// How it came out before.
    pub before: Verdict,
    /// What was done, or not, in order.
    pub steps: Vec<Step>,
    /// How it comes out now.
    pub now: Verdict,
    /// The evidence for that.
    pub actual: Vec<String>,
    /// What is left to the operator, where it still fails.
    pub by_hand: Vec<String>,
}

/// An action and what became of it.
#[derive(Debug)]
pub struct Step {
    /// What it does.
    pub does: String,
    /// Whether it did.
    pub result: Done,
}

/// What became of an action.
#[derive(Debug)]
pub enum Done {
    /// It was done.
    Yes(Change),
    /// It failed, and why.
    Failed(String),
    /// It was not tried: an earlier one failed.
    No,
}

/// What an action changed.
#[derive(Debug, Default)]
pub struct Change {
    /// What was there before, printable.
    pub before: Vec<String>,
    /// What is there now, printable.
    pub after: Vec<String>,
    /// What takes it back.
    pub undo: Option<String>,
    /// A password that was made, to be shown this once.
    pub password: Option<Secret>,
}

/// What made the changes outlive a restart.
#[derive(Debug)]
pub struct Kept {
    /// By which command.
    pub by: Keep,
    /// The file it wrote, printable, or why it did not. Without a result it was not tried.
    pub result: Option<Result<String, String>>,
    /// What else came of it, for the operator to have in mind. Printable.
    pub mind: Vec<String>,
}

/// How many steps came out how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Done.
    pub done: usize,
    /// Failed: one at most, the first that did.
    pub failed: usize,
    /// Not tried.
    pub not_done: usize,
}

impl Applied {
    /// How many steps came out how; what was to keep them is not counted.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for step in self.checks.iter().flat_map(|check| &check.steps) {
            let count = match step.result {
                Done::Yes(_) => &mut tally.done,
                Done::Failed(_) => &mut tally.failed,
                Done::No => &mut tally.not_done,
            };
            *count += 1;
        }
        tally
    }

    /// Whether everything was done that was to be done, and kept where that was asked for.
    pub fn is_complete(&self) -> bool {
        let tally = self.tally();
        let kept = |kept: &Kept| matches!(kept.result, Some(Ok(_)));
        tally.failed + tally.not_done == 0 && self.kept.iter().all(kept)
    }
}
