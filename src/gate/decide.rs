//! The decision: names are resolved first, then the first rule that matches wins, and no match passes.

use super::{Call, conditions};
use crate::policy::compile::{Compiled, Named, Step, SubName};
use crate::policy::name::{self, MAX_NAME};
use crate::policy::statement::{Action, DenyReply, Mode};

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'p> {
    /// The real name to run it under, when it came under a new one.
    pub command: Option<Real<'p>>,
    /// The real subcommand, likewise.
    pub sub: Option<Real<'p>>,
    /// Whether it runs.
    pub verdict: Verdict<'p>,
}

/// The real name behind a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Real<'p> {
    /// As the server has it.
    pub name: &'p [u8],
    /// The statement that gave the new name.
    pub statement: usize,
}

/// Whether a call runs, and what decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'p> {
    /// It runs; an `allow` rule may have said so.
    Pass(Option<Decided<'p>>),
    /// It runs, and the refusal that would have been is recorded.
    Observe(Decided<'p>),
    /// It is refused.
    Deny(Decided<'p>),
}

/// What decided, and about what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided<'p> {
    /// The statement's index in the policy.
    pub statement: usize,
    /// The command, canonical: the real name, or the one that is gone.
    pub command: Vec<u8>,
    /// The subcommand, where the statement is about it.
    pub sub: Option<&'p [u8]>,
    /// What the refused client is told, where the rule says so.
    pub reply: Option<DenyReply>,
    /// The name was renamed away: to clients it does not exist.
    pub gone: bool,
}

/// Decides a call of a client or a script.
pub fn decide<'p>(policy: &'p Compiled, call: &dyn Call) -> Decision<'p> {
    let mut decision = Decision {
        command: None,
        sub: None,
        verdict: Verdict::Pass(None),
    };
    if policy.mode() == Mode::Off {
        return decision;
    }
    let typed = call.word(0).unwrap_or_default();
    let mut buffer = [0; MAX_NAME];
    let mut command = name::canonical(typed, &mut buffer);
    let mut named = command.and_then(|command| policy.named(command));
    if let Some((real, statement)) = named.and_then(|named| named.runs.as_ref()) {
        let statement = *statement;
        decision.command = Some(Real {
            name: real,
            statement,
        });
        command = Some(real);
        named = policy.named(real);
    } else if let Some(statement) = named.and_then(|named| named.gone)
        && !call.rewritten()
    {
        decision.verdict = gone(policy, statement, command.unwrap_or_default(), None);
        return decision;
    }
    let mut first = call.word(1);
    if let Some(sub) = sub_name(named, first) {
        match &sub.runs {
            Some(real) => {
                let statement = sub.statement;
                decision.sub = Some(Real {
                    name: real,
                    statement,
                });
                first = Some(real);
            }
            None if call.rewritten() => {}
            None => {
                let command = command.unwrap_or_default();
                decision.verdict = gone(policy, sub.statement, command, Some(&sub.name));
                return decision;
            }
        }
    }
    let mut steps = policy.steps(named);
    if let Some(step) = steps.find(|step| matches(step, call, first)) {
        decision.verdict = verdict(policy.mode(), step, called(command, typed));
    }
    decision
}

/// Decides a call that another module makes. It is the server's own code: names stay as they are, and only rules that
/// say `via=module` are meant for it.
pub fn decide_for_module<'p>(policy: &'p Compiled, call: &dyn Call) -> Verdict<'p> {
    let typed = call.word(0).unwrap_or_default();
    let mut buffer = [0; MAX_NAME];
    let command = name::canonical(typed, &mut buffer);
    let named = command.and_then(|command| policy.named(command));
    let first = call.word(1);
    let mut steps = policy.steps(named);
    match steps.find(|step| step.is_for_modules() && matches(step, call, first)) {
        Some(step) => verdict(policy.mode(), step, called(command, typed)),
        None => Verdict::Pass(None),
    }
}

fn called(command: Option<&[u8]>, typed: &[u8]) -> Vec<u8> {
    command.map_or_else(|| name::canonical_vec(typed), <[u8]>::to_vec)
}

fn sub_name<'p>(named: Option<&'p Named>, first: Option<&[u8]>) -> Option<&'p SubName> {
    let first = first?;
    named?.subs.iter().find(|sub| name::same(first, &sub.name))
}

#[inline]
fn matches(step: &Step, call: &dyn Call, first: Option<&[u8]>) -> bool {
    let named = match &step.sub {
        None => true,
        Some(sub) => first.is_some_and(|first| name::same(first, sub)),
    };
    named && (step.conditions.is_empty() || conditions::hold(step, call, first))
}

fn gone<'p>(
    policy: &Compiled,
    statement: usize,
    command: &[u8],
    sub: Option<&'p [u8]>,
) -> Verdict<'p> {
    let decided = Decided {
        statement,
        command: command.to_vec(),
        sub,
        reply: Some(DenyReply::Unknown),
        gone: true,
    };
    match policy.mode() {
        Mode::Enforce => Verdict::Deny(decided),
        Mode::Observe | Mode::Off => Verdict::Observe(decided),
    }
}

fn verdict(mode: Mode, step: &Step, command: Vec<u8>) -> Verdict<'_> {
    let decided = Decided {
        statement: step.statement,
        command,
        sub: step.sub.as_deref(),
        reply: step.reply,
        gone: false,
    };
    match step.action {
        Action::Allow => Verdict::Pass(Some(decided)),
        Action::Deny if step.observe || mode == Mode::Observe => Verdict::Observe(decided),
        Action::Deny => Verdict::Deny(decided),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
#[path = "decide_tests.rs"]
mod tests;
