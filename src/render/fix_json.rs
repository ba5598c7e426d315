//! SECAUDIT FIX for programs: what would be done, and what was done, as one JSON object. Fields are added, never renamed.

use serde::Serialize;

use crate::audit::check::Severity;
use crate::audit::fix::applied::{Applied, Done, Kept, Mended, Step};
use crate::audit::fix::plan::{Item, Plan};
use crate::audit::grade::Grade;
use crate::audit::report::Verdict;

/// A plan.
pub fn plan(plan: &Plan<'_>) -> String {
    let document = PlanDocument {
        schema: 1,
        applied: false,
        findings: plan.items.iter().map(planned).collect(),
        applicable: plan.applicable(),
        persist_refused: plan.persist_refused.as_deref(),
        persist_mind: &plan.persist_mind,
    };
    // Plain structs of strings and numbers: serialising them cannot fail.
    serde_json::to_string(&document).unwrap_or_default()
}

#[derive(Serialize)]
struct PlanDocument<'r> {
    schema: u32,
    applied: bool,
    findings: Vec<Planned<'r>>,
    applicable: Vec<&'static str>,
    persist_refused: Option<&'r str>,
    persist_mind: &'r [String],
}

#[derive(Serialize)]
struct Planned<'r> {
    id: &'static str,
    severity: Severity,
    outcome: Verdict,
    actual: String,
    actions: Vec<PlannedAction<'r>>,
    steps: &'r [String],
}

#[derive(Serialize)]
struct PlannedAction<'r> {
    does: &'r str,
    mind: &'r [String],
    undo: Option<&'r str>,
    refused: Option<&'r str>,
}

fn planned<'r>(item: &'r Item<'_>) -> Planned<'r> {
    let finding = item.finding;
    let action = |action: &'r crate::audit::fix::plan::Planned| PlannedAction {
        does: &action.does,
        mind: &action.mind,
        undo: action.undo.as_deref(),
        refused: action.refused.as_deref(),
    };
    Planned {
        id: finding.meta.id,
        severity: finding.severity,
        outcome: finding.outcome,
        actual: finding.actual.join("\n"),
        actions: item.actions.iter().map(action).collect(),
        steps: &finding.steps,
    }
}

/// What was done. A new password stands here and nowhere else.
pub fn applied(applied: &Applied) -> String {
    let (before, now) = &applied.grades;
    let document = AppliedDocument {
        schema: 1,
        applied: true,
        complete: applied.is_complete(),
        checks: applied.checks.iter().map(mended).collect(),
        persist: applied.kept.iter().map(kept).collect(),
        grade_before: before,
        grade: now,
    };
    serde_json::to_string(&document).unwrap_or_default()
}

#[derive(Serialize)]
struct AppliedDocument<'r> {
    schema: u32,
    applied: bool,
    complete: bool,
    checks: Vec<Check<'r>>,
    persist: Vec<Persisted<'r>>,
    grade_before: &'r Grade,
    grade: &'r Grade,
}

#[derive(Serialize)]
struct Check<'r> {
    id: &'static str,
    outcome_before: Verdict,
    steps: Vec<Made<'r>>,
    outcome: Verdict,
    actual: String,
    by_hand: &'r [String],
}

#[derive(Serialize)]
struct Made<'r> {
    does: &'r str,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undo: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'r str>,
}

#[derive(Serialize)]
struct Persisted<'r> {
    by: &'static str,
    result: &'static str,
    file: Option<&'r str>,
    error: Option<&'r str>,
    mind: &'r [String],
}

fn mended(check: &Mended) -> Check<'_> {
    Check {
        id: check.id,
        outcome_before: check.before,
        steps: check.steps.iter().map(made).collect(),
        outcome: check.now,
        actual: check.actual.join("\n"),
        by_hand: &check.by_hand,
    }
}

fn made(step: &Step) -> Made<'_> {
    let mut made = Made {
        does: &step.does,
        result: "not-done",
        before: None,
        after: None,
        undo: None,
        password: None,
        error: None,
    };
    match &step.result {
        Done::Yes(change) => {
            made.result = "done";
            made.before = Some(change.before.join("\n"));
            made.after = Some(change.after.join("\n"));
            made.undo = change.undo.as_deref();
            let shown = change.password.as_ref();
            made.password =
                shown.map(|secret| String::from_utf8_lossy(secret.reveal()).into_owned());
        }
        Done::Failed(error) => {
            made.result = "failed";
            made.error = Some(error);
        }
        Done::No => {}
    }
    made
}

fn kept(kept: &Kept) -> Persisted<'_> {
    let (result, file, error) = match &kept.result {
        Some(Ok(file)) => ("done", Some(file.as_str()), None),
        Some(Err(why)) => ("failed", None, Some(why.as_str())),
        None => ("not-done", None, None),
    };
    Persisted {
        by: kept.by.command(),
        result,
        file,
        error,
        mind: &kept.mind,
    }
}
