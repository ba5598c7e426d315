//! How collecting asks the running server: `Ask` over the module API, each question a visit of its own.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::vec::IntoIter;

use super::beside::{Beside, Host};
use super::collect::ask::{Ask, Reply, UsersCall};
use super::ffi::{self, Ctx};
use super::module::Module;
use crate::audit::facts::{Fact, GateVerdict, Gated, Started, Through};
use crate::audit::passwords::Lists;
use crate::gate::{Described, Verdict, decide, decide_enforced};
use crate::policy::name::canonical_vec;
use crate::policy::statement::{Action, Mode};
use crate::policy::table::{Compiled, Step};

/// The running server, for the time of one report.
pub struct Asking<'a> {
    host: &'a Host<'a>,
    gate_decides: OnceCell<bool>,
}

impl<'a> Asking<'a> {
    /// Asks through the host of the work that the report is for.
    pub fn new(host: &'a Host<'a>) -> Self {
        Self {
            host,
            gate_decides: OnceCell::new(),
        }
    }
}

/// A stop of the server for many questions is over after about this long.
const STOP: Duration = Duration::from_micros(500);
/// Looking for so many ids takes much less than that.
const SOME_IDS: u64 = 1000;

impl Asking<'_> {
    /// Asks many questions, in as few visits as stay short. What is not asked for lack of time has `late` for an answer.
    fn each<Q: Send + 'static, A: Send + 'static>(
        &self,
        questions: Vec<Q>,
        ask: impl Fn(Ctx<'_>, Q) -> A + Copy + Send + 'static,
        late: impl Fn(String) -> A,
    ) -> Vec<A> {
        let mut answers = Vec::with_capacity(questions.len());
        let mut left = questions.into_iter();
        while left.len() > 0 {
            if let Some(reason) = self.host.out_of_time() {
                answers.extend(left.map(|_| late(reason.clone())));
                break;
            }
            let (unasked, more) = some(self.host, left, ask);
            left = unasked;
            answers.extend(more);
        }
        answers
    }
}

/// Asks as many questions as fit into one short stop of the server, one at least. What is left of them, and the answers.
pub fn some<Q: Send + 'static, A: Send + 'static>(
    host: &Host<'_>,
    mut left: IntoIter<Q>,
    ask: impl Fn(Ctx<'_>, Q) -> A + Send + 'static,
) -> (IntoIter<Q>, Vec<A>) {
    host.visit(move |ctx| {
        let begun = Instant::now();
        let mut answers = Vec::new();
        for question in left.by_ref() {
            answers.push(ask(ctx, question));
            if begun.elapsed() >= STOP {
                break;
            }
        }
        (left, answers)
    })
}

/// Words that can go with a visit.
fn owned(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.to_vec()).collect()
}

fn borrowed(words: &[Vec<u8>]) -> Vec<&[u8]> {
    words.iter().map(Vec::as_slice).collect()
}

impl Ask for Asking<'_> {
    fn info(&self, section: &str, field: &str) -> Option<String> {
        let (section, field) = (section.to_owned(), field.to_owned());
        self.host.visit(move |ctx| ctx.info_field(&section, &field))
    }

    fn call(&self, words: &[&[u8]]) -> Result<Reply, String> {
        let words = owned(words);
        self.host.visit(move |ctx| ctx.call(&borrowed(&words)))
    }

    fn call_each(&self, calls: Vec<Vec<Vec<u8>>>) -> Vec<Result<Reply, String>> {
        self.each(calls, |ctx, words| ctx.call(&borrowed(&words)), Err)
    }

    fn client_ids(&self, ids: Range<u64>) -> Result<Vec<u64>, String> {
        let mut found = Vec::new();
        let mut left = ids;
        while !left.is_empty() {
            if let Some(reason) = self.host.out_of_time() {
                return Err(reason);
            }
            let (unasked, more) = self.host.visit(move |ctx| {
                let (begun, mut found) = (Instant::now(), Vec::new());
                while begun.elapsed() < STOP && !left.is_empty() {
                    let some = left.start..left.start.saturating_add(SOME_IDS).min(left.end);
                    left.start = some.end;
                    found.extend(some.filter(|id| ffi::is_connected(*id, ctx.lock())));
                }
                (left, found)
            });
            left = unasked;
            found.extend(more);
        }
        Ok(found)
    }

    fn has_command(&self, words: &[&[u8]]) -> bool {
        let words = owned(words);
        self.host
            .visit(move |ctx| ctx.has_command(&borrowed(&words)))
    }

    fn acl_allows_each(&self, calls: Vec<UsersCall>) -> Vec<Fact<bool>> {
        let allows = |ctx: Ctx<'_>, (user, call): UsersCall| match ctx.acl_allows(&user, call) {
            Some(allowed) => Fact::Known(allowed),
            None => Fact::Unavailable("the server knows no such user or command".to_owned()),
        };
        self.each(calls, allows, Fact::Unavailable)
    }

    fn acl_rules_each(&self, users: Vec<Vec<u8>>) -> Vec<Fact<Option<Vec<u8>>>> {
        let rules = |ctx: Ctx<'_>, user: Vec<u8>| Fact::Known(ffi::acl_rules(&user, ctx.lock()));
        self.each(users, rules, Fact::Unavailable)
    }

    fn gate_verdicts(&self, calls: Vec<UsersCall>) -> Vec<Fact<Gated>> {
        let beside = self.host.is_beside();
        let decides = self.gate_decides.get_or_init(|| {
            self.host
                .visit(move |ctx| Beside::gate(ctx.lock(), beside).decides())
        });
        if !decides {
            let nothing = Gated {
                verdict: GateVerdict::Pass,
                through: Through::NoRule,
            };
            return vec![Fact::Known(nothing); calls.len()];
        }
        let says = move |ctx: Ctx<'_>, (user, call): UsersCall| {
            Fact::Known(gated(&Beside::gate(ctx.lock(), beside), &user, call))
        };
        self.each(calls, says, Fact::Unavailable)
    }

    fn started(&self) -> Option<Arc<Started>> {
        self.host
            .visit(|ctx| Module::get(ctx.lock()).started.borrow().clone())
    }

    fn known_passwords(&self) -> Fact<Lists> {
        let ticket = self.host.visit(|ctx| {
            let module = Module::get(ctx.lock());
            module.password_list.ticket(module.settled.get())
        });
        match self.host.is_beside() {
            true => Fact::Known(ticket.lists()),
            false => ticket.lists_if_ready(),
        }
    }
}

fn gated(compiled: &Compiled, user: &[u8], words: &[&[u8]]) -> Gated {
    // What depends on the address or on arguments that are not given is no obstacle that a report may count on.
    let call = Described {
        words,
        user: Some(user),
        in_the_callers_favour: true,
        ..Described::default()
    };
    Gated {
        verdict: verdict(compiled, &call),
        through: match decide_enforced(compiled, &call).verdict {
            Verdict::Deny(_) => Through::Mode,
            Verdict::Pass(None) => Through::NoRule,
            Verdict::Pass(Some(by)) | Verdict::Observe(by) => Through::Statement(by.statement),
        },
    }
}

fn verdict(compiled: &Compiled, call: &Described<'_>) -> GateVerdict {
    let words = call.words;
    let decision = decide(compiled, call);
    let id = |statement: usize| compiled.id(statement).to_owned();
    match decision.verdict {
        Verdict::Deny(decided) if decided.gone => GateVerdict::Renamed(id(decided.statement)),
        Verdict::Deny(decided) if decided.sub.is_some() && words.len() == 1 => {
            GateVerdict::Partly(id(decided.statement))
        }
        Verdict::Deny(decided) => GateVerdict::Denied(id(decided.statement)),
        Verdict::Pass(_) | Verdict::Observe(_) => partly(compiled, words),
    }
}

/// A command whose bare call passes may still have rules on its subcommands, or rules with conditions.
fn partly(compiled: &Compiled, words: &[&[u8]]) -> GateVerdict {
    let name = canonical_vec(words.first().copied().unwrap_or_default());
    let denies = |step: &&Step| {
        (step.sub.is_some() || !step.conditions.is_empty())
            && !step.observe
            && step.action == Action::Deny
            && compiled.mode() == Mode::Enforce
    };
    let mut steps = compiled.steps(compiled.named(&name));
    match steps.find(denies) {
        Some(step) => GateVerdict::Partly(compiled.id(step.statement).to_owned()),
        None => GateVerdict::Pass,
    }
}
