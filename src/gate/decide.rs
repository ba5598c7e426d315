//! The decision: names are resolved first, then the first rule that matches wins, and no match passes.

use std::borrow::Cow;

use super::{Call, conditions};
use crate::policy::name::{self, MAX_NAME};
use crate::policy::statement::{Action, DenyReply, Mode};
use crate::policy::table::{Brings, Compiled, Named, Step, SubName};

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

impl Decision<'_> {
    /// It runs as it came, and nothing said so.
    fn pass() -> Self {
        Self {
            command: None,
            sub: None,
            verdict: Verdict::Pass(None),
        }
    }

    /// Whether it runs as it came, and nothing said so.
    #[inline]
    pub fn is_nothing(&self) -> bool {
        matches!(self.verdict, Verdict::Pass(None)) && self.command.is_none() && self.sub.is_none()
    }
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
    pub command: Cow<'p, [u8]>,
    /// The subcommand, where the statement is about it.
    pub sub: Option<&'p [u8]>,
    /// What the refused client is told, where the rule says so.
    pub reply: Option<DenyReply>,
    /// The name was renamed away: to clients it does not exist.
    pub gone: bool,
}

/// What the policy knows of a call's name, before anything else of the call is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Looked<'n, 'p> {
    /// The name as it was called.
    typed: &'n [u8],
    /// The same in canonical form; `None` if the policy does not have the name, or it is longer than a policy's.
    canonical: Option<&'n [u8]>,
    named: Option<&'p Named>,
    /// The policy's own copy of the name, if it has it.
    known: Option<&'p [u8]>,
}

impl<'n, 'p> Looked<'n, 'p> {
    /// Looks a name up; `None` if no call of it can matter to the policy.
    #[inline]
    pub fn up(
        policy: &'p Compiled,
        typed: &'n [u8],
        buffer: &'n mut [u8; MAX_NAME],
    ) -> Option<Self> {
        let (canonical, found) = match policy.might_name(typed) {
            true => find(policy, typed, buffer),
            false => (None, None),
        };
        (found.is_some() || policy.minds_all_names()).then_some(Self {
            typed,
            canonical,
            named: found.map(|(_, named)| named),
            known: found.map(|(known, _)| known),
        })
    }

    /// Whether the call runs as it came, told from its name and the rules for `*` alone: most calls, where such rules
    /// ask who calls.
    #[inline]
    pub fn passes(&self, policy: &Compiled, call: &dyn Call) -> bool {
        let mut others = policy.others().iter();
        self.named.is_none() && !others.any(|step| conditions::hold(step, call, None))
    }

    /// What a call of it brings about that the gate must know of, under whichever name it comes.
    #[inline]
    pub fn brings(&self, policy: &Compiled) -> Brings {
        let Some(named) = self.named else {
            return Brings::default();
        };
        let real = named.runs.as_ref().and_then(|(real, _)| policy.named(real));
        real.unwrap_or(named).brings
    }

    /// The name in canonical form, however long.
    pub fn called(&self) -> Vec<u8> {
        match self.canonical {
            Some(canonical) => canonical.to_vec(),
            None => name::canonical_vec(self.typed),
        }
    }
}

/// Decides a call of a client or a script.
pub fn decide<'p>(policy: &'p Compiled, call: &dyn Call) -> Decision<'p> {
    let mut buffer = [0; MAX_NAME];
    match Looked::up(policy, call.word(0).unwrap_or_default(), &mut buffer) {
        Some(looked) => decide_looked(policy, call, looked),
        None => Decision::pass(),
    }
}

/// What would be decided if the gate enforced, whatever its mode is.
pub fn decide_enforced<'p>(policy: &'p Compiled, call: &dyn Call) -> Decision<'p> {
    let mut buffer = [0; MAX_NAME];
    match Looked::up(policy, call.word(0).unwrap_or_default(), &mut buffer) {
        Some(looked) => decide_in(Mode::Enforce, policy, call, looked),
        None => Decision::pass(),
    }
}

/// The same as `decide` for a call whose name was looked up.
#[inline]
pub fn decide_looked<'p>(
    policy: &'p Compiled,
    call: &dyn Call,
    looked: Looked<'_, 'p>,
) -> Decision<'p> {
    decide_in(policy.mode(), policy, call, looked)
}

#[inline]
fn decide_in<'p>(
    mode: Mode,
    policy: &'p Compiled,
    call: &dyn Call,
    looked: Looked<'_, 'p>,
) -> Decision<'p> {
    let mut decision = Decision::pass();
    if mode == Mode::Off {
        return decision;
    }
    let Looked {
        mut named,
        known: mut command,
        ..
    } = looked;
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
        decision.verdict = gone(mode, statement, called(command, &looked), None);
        return decision;
    }
    if let Some(sub) = sub_name(named, call) {
        match &sub.runs {
            Some(real) => {
                let statement = sub.statement;
                decision.sub = Some(Real {
                    name: real,
                    statement,
                });
            }
            None if call.rewritten() => {}
            None => {
                let command = called(command, &looked);
                decision.verdict = gone(mode, sub.statement, command, Some(&sub.name));
                return decision;
            }
        }
    }
    let real_sub = decision.sub.map(|real| real.name);
    let mut steps = policy.steps(named);
    if let Some(step) = steps.find(|step| matches(step, call, real_sub)) {
        decision.verdict = verdict(mode, step, called(command, &looked));
    }
    decision
}

/// Decides a call that another module makes. It is the server's own code: names stay as they are, and only rules that
/// say `via=module` are meant for it.
pub fn decide_for_module<'p>(policy: &'p Compiled, call: &dyn Call) -> Verdict<'p> {
    let typed = call.word(0).unwrap_or_default();
    let mut buffer = [0; MAX_NAME];
    let (_, found) = find(policy, typed, &mut buffer);
    let mut steps = policy.steps(found.map(|(_, named)| named));
    match steps.find(|step| step.is_for_modules() && matches(step, call, None)) {
        Some(step) => verdict(policy.mode(), step, name::canonical_vec(typed).into()),
        None => Verdict::Pass(None),
    }
}

/// The policy's own copy of a name, and what it knows of it.
type Known<'p> = (&'p [u8], &'p Named);

/// A name in canonical form, unless it is longer than a policy's, and what the table knows of it, however long it is.
#[inline]
fn find<'n, 'p>(
    policy: &'p Compiled,
    typed: &[u8],
    buffer: &'n mut [u8; MAX_NAME],
) -> (Option<&'n [u8]>, Option<Known<'p>>) {
    match name::canonical(typed, buffer) {
        Some(canonical) => (Some(canonical), policy.found(canonical)),
        None => (None, policy.found_long(typed)),
    }
}

/// The command by the policy's own copy of its name; one that the policy does not name is copied.
fn called<'p>(known: Option<&'p [u8]>, looked: &Looked<'_, '_>) -> Cow<'p, [u8]> {
    known.map_or_else(|| looked.called().into(), Cow::Borrowed)
}

fn sub_name<'p>(named: Option<&'p Named>, call: &dyn Call) -> Option<&'p SubName> {
    let subs = &named?.subs;
    if subs.is_empty() {
        return None;
    }
    let first = call.word(1)?;
    subs.iter().find(|sub| name::same(first, &sub.name))
}

/// Whether a rule matches. `real_sub` is the first argument's real name, if it came under a new one.
#[inline]
fn matches(step: &Step, call: &dyn Call, real_sub: Option<&[u8]>) -> bool {
    let named = match &step.sub {
        None => true,
        Some(sub) => {
            let first = real_sub.or_else(|| call.word(1));
            first.is_some_and(|first| name::same(first, sub))
        }
    };
    named && (step.conditions.is_empty() || conditions::hold(step, call, real_sub))
}

fn gone<'p>(
    mode: Mode,
    statement: usize,
    command: Cow<'p, [u8]>,
    sub: Option<&'p [u8]>,
) -> Verdict<'p> {
    let decided = Decided {
        statement,
        command,
        sub,
        reply: Some(DenyReply::Unknown),
        gone: true,
    };
    match mode {
        Mode::Enforce => Verdict::Deny(decided),
        Mode::Observe | Mode::Off => Verdict::Observe(decided),
    }
}

fn verdict<'p>(mode: Mode, step: &'p Step, command: Cow<'p, [u8]>) -> Verdict<'p> {
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
