//! SECAUDIT FIX: plans what can be done about findings, and does what is named.
//!
//! The work is done beside the server, as reports are: facts are collected and judged; what is asked for is held against
//! the seal, the caller's rights and his way back; each step is then done in a visit of its own; and the checks are judged
//! once more. Nothing is done before all that can be known to stand in the way has been looked at.

mod act;
mod acting;
mod apply;
mod may;
mod permissions;
mod persist;
mod seat;
mod steps;

#[cfg(test)]
mod twin;

use super::answer::Answer;
use super::asked_by::AskedBy;
use super::beside::{self, Host};
use super::ffi::Ctx;
use super::module::Module;
use super::secaudit::judge;
use super::secgate::permission;
use crate::audit::fix::plan;
use crate::audit::fix::request::{self, Request};
use crate::audit::request::Form;
use crate::render;

/// Answers SECAUDIT FIX; `words` are those behind FIX.
pub fn answer(ctx: Ctx<'_>, words: &[&[u8]]) -> Answer {
    let request = match request::parse(words) {
        Ok(request) => request,
        Err(error) => return Answer::error(error),
    };
    let by = AskedBy::client_of(ctx);
    if !request.apply {
        return beside::answer(ctx, move |host| show(host, &request, &by));
    }
    if let Err(refused) = permission::to_change(ctx, "apply fixes") {
        return refused;
    }
    if Module::get(ctx.lock()).sealed.get() {
        return Answer::error(format!("{SEALED}; nothing was changed"));
    }
    beside::answer(ctx, move |host| apply::run(host, &request, &by))
}

/// Why nothing is changed under a seal, not even for the better: what is for the better is not for us to tell.
const SEALED: &str =
    "the gate is sealed until the server restarts: SECAUDIT FIX APPLY changes nothing";

/// The plan. It changes nothing.
fn show(host: &Host<'_>, request: &Request, by: &AskedBy) -> Answer {
    let facts = host.facts();
    let report = judge(host);
    let seat = seat::of(host, by);
    let mut plan = plan::plan(&report, &facts, request.checks.as_deref(), &seat);
    match apply::persist_outlook(host, &report, &facts, &plan.applicable()) {
        Ok(mind) => plan.persist_mind = mind,
        Err(why) => plan.persist_refused = Some(why),
    }
    match request.form {
        Form::Json => Answer::Text(render::fix_json::plan(&plan)),
        _ => Answer::lines(render::fix::plan(&plan)),
    }
}
