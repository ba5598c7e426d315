//! SECAUDIT FIX for eyes: what would be done, and what was done.

use super::text::{labelled, labelled_steps};
use super::wrap::wrapped;
use crate::audit::fix::applied::{Applied, Change, Done, Kept, Mended, Step};
use crate::audit::fix::plan::{Item, Plan, Planned};
use crate::audit::report::{Finding, Report, Verdict};

/// A plan, line by line.
pub fn plan(plan: &Plan<'_>) -> Vec<String> {
    let title = format!(
        "What can be done on {}. Nothing has been changed.",
        server(plan.report)
    );
    let mut lines = wrapped("", &title);
    for item in &plan.items {
        lines.push(String::new());
        lines.extend(item_lines(item));
    }
    lines.push(String::new());
    lines.extend(offer(plan));
    lines
}

fn server(report: &Report) -> String {
    let server = &report.server;
    format!("{} {}, pid {}", server.name, server.version, report.pid)
}

fn item_lines(item: &Item<'_>) -> Vec<String> {
    let finding = item.finding;
    let meta = finding.meta;
    if !matches!(finding.outcome, Verdict::Fail | Verdict::Suppressed) {
        return nothing_to_do(finding);
    }
    let severity = finding.severity.name().to_uppercase();
    let mut lines = wrapped(
        &format!("{severity:<9}"),
        &format!("{}: {}", meta.id, meta.cap),
    );
    lines.extend(labelled("is", finding.actual.iter().map(String::as_str)));
    if let Some(accepted) = &finding.suppression {
        let text = format!("by {}: {}", accepted.id, accepted.note);
        lines.extend(labelled("accepted", [text.as_str()]));
    }
    for action in &item.actions {
        lines.extend(action_lines(action));
    }
    lines.extend(labelled_steps("by hand", &finding.steps));
    lines
}

fn action_lines(action: &Planned) -> Vec<String> {
    let mut lines = labelled("does", [action.does.as_str()]);
    if let Some(why) = &action.refused {
        lines.extend(labelled("not now", [why.as_str()]));
    }
    lines.extend(labelled("mind", action.mind.iter().map(String::as_str)));
    lines.extend(labelled("undo", action.undo.as_deref()));
    lines
}

/// Of a finding that does not fail.
fn nothing_to_do(finding: &Finding) -> Vec<String> {
    let why = match finding.outcome {
        Verdict::Unknown => "unknown, so nothing can be done",
        Verdict::NotApplicable => "does not apply here: nothing to do",
        _ => "passes: nothing to do",
    };
    let mut lines = wrapped("", &format!("{}: {why}", finding.meta.id));
    lines.extend(labelled("is", finding.actual.iter().map(String::as_str)));
    lines.extend(labelled_steps("ask", &finding.steps));
    lines
}

fn offer(plan: &Plan<'_>) -> Vec<String> {
    let ids = plan.applicable();
    if ids.is_empty() {
        return wrapped("", "Nothing of this can be done by SECAUDIT FIX APPLY.");
    }
    let mut lines = wrapped(
        "To do it: ",
        &format!("SECAUDIT FIX APPLY {}", ids.join(" ")),
    );
    let persist = plan.persist_refused.as_deref().unwrap_or(
        "PERSIST behind it keeps settings (CONFIG REWRITE) and statements (SECGATE SAVE).",
    );
    lines.extend(wrapped(
        "",
        &format!("It does only what is named. {persist}"),
    ));
    lines.extend(labelled(
        "mind",
        plan.persist_mind.iter().map(String::as_str),
    ));
    lines
}

/// What was done, line by line. A new password stands here and nowhere else.
pub fn applied(applied: &Applied, report: &Report) -> Vec<String> {
    let tally = applied.tally();
    let mut counts = vec![format!("{} done", tally.done)];
    if tally.failed + tally.not_done > 0 {
        counts.push(format!(
            "{} failed, {} not done",
            tally.failed, tally.not_done
        ));
    }
    let title = format!(
        "SECAUDIT FIX APPLY on {}: {}",
        server(report),
        counts.join(", ")
    );
    let mut lines = wrapped("", &title);
    let (before, now) = &applied.grades;
    lines.extend(wrapped(
        "Grade  ",
        &format!(
            "{} before, {} now  ({})",
            before.letter, now.letter, now.because
        ),
    ));
    for check in &applied.checks {
        lines.push(String::new());
        lines.extend(mended(check));
    }
    lines.push(String::new());
    for kept in &applied.kept {
        lines.extend(kept_lines(kept));
    }
    if !applied.to_keep.is_empty() && applied.kept.is_empty() {
        let commands: Vec<&str> = applied.to_keep.iter().map(|keep| keep.command()).collect();
        lines.extend(wrapped(
            "",
            &format!(
                "A restart undoes this, unless you keep it: {}",
                commands.join(", ")
            ),
        ));
    }
    if lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

fn mended(check: &Mended) -> Vec<String> {
    let fixed = matches!(check.now, Verdict::Pass | Verdict::NotApplicable);
    let now = match (check.before, check.now) {
        (Verdict::Fail | Verdict::Suppressed, _) if fixed => "fixed",
        (_, Verdict::Fail | Verdict::Suppressed) => "still fails",
        (_, Verdict::Unknown) => "unknown",
        _ => "nothing to do",
    };
    let mut lines = wrapped("", &format!("{}: {now}", check.id));
    for step in &check.steps {
        lines.extend(step_lines(step));
    }
    lines.extend(labelled("now", check.actual.iter().map(String::as_str)));
    lines.extend(labelled_steps("by hand", &check.by_hand));
    lines
}

fn step_lines(step: &Step) -> Vec<String> {
    match &step.result {
        Done::Yes(change) => {
            let mut lines = labelled("done", [step.does.as_str()]);
            lines.extend(change_lines(change));
            lines
        }
        Done::Failed(error) => {
            let mut lines = labelled("failed", [step.does.as_str()]);
            lines.extend(labelled("because", [error.as_str()]));
            lines
        }
        Done::No => labelled("not done", [step.does.as_str()]),
    }
}

fn change_lines(change: &Change) -> Vec<String> {
    let mut lines = labelled("before", change.before.iter().map(String::as_str));
    lines.extend(labelled("after", change.after.iter().map(String::as_str)));
    if let Some(password) = &change.password {
        let password = String::from_utf8_lossy(password.reveal());
        lines.extend(labelled("password", [&*password]));
        lines.extend(labelled(
            "",
            ["shown this once: the server keeps only its SHA-256"],
        ));
    }
    lines.extend(labelled("undo", change.undo.as_deref()));
    lines
}

fn kept_lines(kept: &Kept) -> Vec<String> {
    let command = kept.by.command();
    let mut lines = match &kept.result {
        Some(Ok(file)) => wrapped("Kept     ", &format!("{command}: {file}")),
        Some(Err(why)) => wrapped("NOT KEPT ", &format!("{command}: {why}")),
        None => wrapped(
            "NOT KEPT ",
            &format!("{command} was not tried: a step failed"),
        ),
    };
    lines.extend(labelled("mind", kept.mind.iter().map(String::as_str)));
    lines
}

#[cfg(test)]
#[path = "fix_tests.rs"]
mod tests;
