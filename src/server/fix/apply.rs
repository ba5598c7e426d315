//! SECAUDIT FIX APPLY: looks whether anything stands in the way, does step after step up to the first that fails, and
//! judges the checks again.

use std::collections::BTreeSet;

use super::acting::Acting;
use super::persist::{self, Persist};
use super::steps::Steps;
use super::{may, seat};
use crate::audit::facts::Facts;
use crate::audit::fix::applied::{Applied, Done, Kept, Mended, Step};
use crate::audit::fix::lockout::{Seat, refused};
use crate::audit::fix::request::Request;
use crate::audit::fix::{Action, Keep};
use crate::audit::report::{Finding, Report, Verdict};
use crate::audit::request::Form;
use crate::render;
use crate::server::answer::Answer;
use crate::server::asked_by::AskedBy;
use crate::server::beside::Host;
use crate::server::collect::config_file::ConfigFile;
use crate::server::ffi::{Level, log};
use crate::server::secaudit::judge;
use crate::server::secgate::change::NO_POLICY_FILE;

/// What is asked for of one check.
pub struct Wanted {
    /// The check.
    pub id: &'static str,
    /// How it came out.
    pub outcome: Verdict,
    /// What can be done.
    pub actions: Vec<Action>,
}

/// Does what is asked for.
pub fn run(host: &Host<'_>, request: &Request, by: &AskedBy) -> Answer {
    let facts = host.facts();
    let before = judge(host);
    let wanted = wanted(&before, request.checks.as_deref().unwrap_or_default());
    let to_keep = to_keep(&wanted, &facts);
    let seat = seat::of(host, by);
    if let Err(error) = obstacle(host, by, request, &wanted, &to_keep, &seat, &facts) {
        return error;
    }
    let actions = actions(&wanted);
    let file = facts.server.config_file.as_deref();
    let read = file.map(ConfigFile::read);
    let persist = Persist {
        host,
        facts: &facts,
        file: read.as_ref(),
        actions: &actions,
    };
    if let (true, Err(why)) = (request.persist, persist.obstacle(&to_keep)) {
        return unchanged(&why);
    }
    let no_file = ConfigFile::default();
    let renames = persist.file.unwrap_or(&no_file);
    let acting = Acting::new(host, by, renames);
    let done = do_all(&Steps { act: &acting }, &wanted);
    let kept = match request.persist {
        true => keep_and_look(&acting, &persist, &to_keep, &done),
        false => Vec::new(),
    };
    let after = judge(host);
    let applied = applied(wanted, done, (&before, &after), kept, to_keep);
    take_back_if_nobody_is_told(host, by, renames, file, &applied);
    match request.form {
        Form::Json => Answer::Text(render::fix_json::applied(&applied)),
        _ => Answer::lines(render::fix::applied(&applied, &after)),
    }
}

/// What PERSIST would do besides, for what is done about these checks, or why it would be refused.
pub fn persist_outlook(
    host: &Host<'_>,
    report: &Report,
    facts: &Facts,
    ids: &[&'static str],
) -> Result<Vec<String>, String> {
    let wanted = wanted(report, ids);
    let to_keep = to_keep(&wanted, facts);
    if to_keep.is_empty() {
        return Ok(Vec::new());
    }
    let file = facts.server.config_file.as_deref().map(ConfigFile::read);
    let persist = Persist {
        host,
        facts,
        file: file.as_ref(),
        actions: &actions(&wanted),
    };
    persist.obstacle(&to_keep)?;
    Ok(persist.mind(&to_keep))
}

fn wanted(report: &Report, ids: &[&'static str]) -> Vec<Wanted> {
    let findings = ids.iter().filter_map(|id| report.finding(id));
    let wanted = |finding: &Finding| Wanted {
        id: finding.meta.id,
        outcome: finding.outcome,
        actions: finding.actions.clone(),
    };
    findings.map(wanted).collect()
}

/// What would make all of it outlive a restart, in order.
fn to_keep(wanted: &[Wanted], facts: &Facts) -> Vec<Keep> {
    let actions = wanted.iter().flat_map(|wanted| &wanted.actions);
    let keeps: BTreeSet<Keep> = actions.filter_map(|action| action.keep(facts)).collect();
    keeps.into_iter().collect()
}

fn actions(wanted: &[Wanted]) -> Vec<Action> {
    let each = wanted.iter().flat_map(|wanted| wanted.actions.clone());
    each.collect()
}

fn unchanged(why: &str) -> Answer {
    Answer::error(format!("{why}; nothing was changed"))
}

/// What stands in the way of doing it, known before anything is done.
fn obstacle(
    host: &Host<'_>,
    by: &AskedBy,
    request: &Request,
    wanted: &[Wanted],
    to_keep: &[Keep],
    seat: &Seat,
    facts: &Facts,
) -> Result<(), Answer> {
    let saves_policy = request.persist && to_keep.contains(&Keep::PolicySave);
    if saves_policy && facts.gate.policy_file.is_none() {
        return Err(unchanged(NO_POLICY_FILE));
    }
    let mut has_password = facts.default_user().is_ok_and(|user| !user.nopass);
    for wanted in wanted {
        for action in &wanted.actions {
            if let Some(why) = refused(action, seat, facts, has_password) {
                let (id, does) = (wanted.id, action.does());
                return Err(unchanged(&format!("{id}: {does}: {why}")));
            }
            has_password |= *action == Action::NewPassword;
        }
    }
    let actions = actions(wanted);
    let keeps = if request.persist { to_keep } else { &[] }.to_vec();
    let by = by.clone();
    host.visit(move |ctx| may::all(ctx, &by, &actions, &keeps))
        .map_err(Answer::Error)
}

/// Does everything, up to the first step that fails. One list of results for each check.
pub fn do_all(steps: &Steps<'_>, wanted: &[Wanted]) -> Vec<Vec<Done>> {
    let mut failed = false;
    let mut one = |id: &str, action: &Action| {
        if failed {
            return Done::No;
        }
        let result = steps.run(action);
        failed = result.is_err();
        let what = match &result {
            // The policy's own line in the log tells of a statement, without what may be a secret in it.
            Ok(_) if matches!(action, Action::Statement(_)) => {
                format!("{id}: a statement was added")
            }
            Ok(_) => format!("{id}: {}", action.does()),
            Err(why) => format!("{id}: a step failed: {why}"),
        };
        steps.act.tell(&what);
        match result {
            Ok(change) => Done::Yes(change),
            Err(why) => Done::Failed(why),
        }
    };
    let mut of_check = |wanted: &Wanted| {
        wanted
            .actions
            .iter()
            .map(|action| one(wanted.id, action))
            .collect()
    };
    wanted.iter().map(&mut of_check).collect()
}

/// Keeps what was done, if all of it was; stops at the first that fails.
pub fn keep(
    steps: &Steps<'_>,
    to_keep: &[Keep],
    done: &[Vec<Done>],
    config_file: Option<&[u8]>,
) -> Vec<Kept> {
    let all_done = done
        .iter()
        .flatten()
        .all(|done| matches!(done, Done::Yes(_)));
    let mut stopped = !all_done;
    let mut one = |by: &Keep| {
        let result = (!stopped).then(|| steps.keep(*by, config_file));
        stopped |= matches!(result, Some(Err(_)));
        Kept {
            by: *by,
            result,
            mind: Vec::new(),
        }
    };
    to_keep.iter().map(&mut one).collect()
}

/// Keeps what was done. Where the files, read again, say what runs, the server starts with that from now on.
fn keep_and_look(
    acting: &Acting<'_>,
    persist: &Persist<'_>,
    to_keep: &[Keep],
    done: &[Vec<Done>],
) -> Vec<Kept> {
    let path = persist.facts.server.config_file.as_deref();
    let mut kept = keep(&Steps { act: acting }, to_keep, done, path);
    let rewritten = kept.iter_mut().find(|kept| kept.by == Keep::Rewrite);
    if let (Some(kept), Some(path)) = (rewritten, path) {
        let after = ConfigFile::read(path);
        hold_against_the_files(kept, persist, &after);
        if matches!(kept.result, Some(Ok(_))) {
            acting.remember_what_is_written(&after);
        }
    }
    kept
}

/// What CONFIG REWRITE has written is not kept where an included file says otherwise. `persist` is about what was so before.
fn hold_against_the_files(kept: &mut Kept, persist: &Persist<'_>, after: &ConfigFile) {
    let (Some(Ok(file)), Some(before)) = (&kept.result, persist.file) else {
        return;
    };
    kept.mind = persist::copied(before, after);
    let overruled = persist::overruled(before, after, persist.facts, persist.actions);
    if !overruled.is_empty() {
        let what = overruled.join("; ");
        let why = format!("{file} is written, but a restart undoes some of it: {what}");
        kept.result = Some(Err(why));
    }
}

fn applied(
    wanted: Vec<Wanted>,
    done: Vec<Vec<Done>>,
    (before, after): (&Report, &Report),
    kept: Vec<Kept>,
    to_keep: Vec<Keep>,
) -> Applied {
    let mended = |(wanted, done): (Wanted, Vec<Done>)| {
        let now = after.finding(wanted.id);
        let steps = wanted.actions.iter().zip(done);
        let steps = steps.map(|(action, result)| Step {
            does: action.does(),
            result,
        });
        let fails =
            |finding: &&Finding| matches!(finding.outcome, Verdict::Fail | Verdict::Suppressed);
        Mended {
            id: wanted.id,
            before: wanted.outcome,
            steps: steps.collect(),
            now: now.map_or(Verdict::Unknown, |finding| finding.outcome),
            actual: now
                .map(|finding| finding.actual.clone())
                .unwrap_or_default(),
            by_hand: now
                .filter(fails)
                .map(|finding| finding.steps.clone())
                .unwrap_or_default(),
        }
    };
    let checks: Vec<Mended> = wanted.into_iter().zip(done).map(mended).collect();
    let any_done = checks
        .iter()
        .flat_map(|check| &check.steps)
        .any(|step| matches!(step.result, Done::Yes(_)));
    Applied {
        checks,
        kept,
        to_keep: if any_done { to_keep } else { Vec::new() },
        grades: (before.grade.clone(), after.grade.clone()),
    }
}

/// A password that nobody was told locks everybody out: where the client who asked has gone before the answer, it is
/// taken back, also from the files.
fn take_back_if_nobody_is_told(
    host: &Host<'_>,
    by: &AskedBy,
    renames: &ConfigFile,
    config_file: Option<&[u8]>,
    applied: &Applied,
) {
    let made = |step: &Step| matches!(&step.result, Done::Yes(change) if change.password.is_some());
    if !applied
        .checks
        .iter()
        .flat_map(|check| &check.steps)
        .any(made)
    {
        return;
    }
    let client = by.clone();
    if !host.visit(move |ctx| client.has_gone(ctx.lock())) {
        return;
    }
    let nobody = by.without_connection();
    let acting = Acting::new(host, &nobody, renames);
    let steps = Steps { act: &acting };
    let taken_back = steps.forget_password();
    for kept in &applied.kept {
        // What could not be kept whole may be written all the same.
        if kept.result.is_some() {
            let _ = steps.keep(kept.by, config_file);
        }
        if let (Keep::Rewrite, Some(Ok(_)), Some(path)) = (kept.by, &kept.result, config_file) {
            acting.remember_what_is_written(&ConfigFile::read(path));
        }
    }
    let outcome = match taken_back {
        Ok(()) => "was taken back".to_owned(),
        Err(why) => format!("could not be taken back: {why}"),
    };
    let line = format!(
        "secaudit: the client who asked for a new password has gone before it could be told, so the password {outcome}"
    );
    host.visit(move |_| log(Level::Warning, &line));
}
