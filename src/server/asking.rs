//! How collecting asks the running server: `Ask` over the module API, each question a visit of its own.

use super::beside::{Beside, Host};
use super::collect::ask::{Ask, Reply};
use super::ffi;
use crate::audit::facts::{Fact, GateVerdict};
use crate::gate::{Described, Verdict, decide};
use crate::policy::compile::{Compiled, Step};
use crate::policy::name::canonical_vec;
use crate::policy::statement::{Action, Mode};

/// The running server, for the time of one report.
pub struct Asking<'a> {
    host: &'a Host<'a>,
}

impl<'a> Asking<'a> {
    /// Asks through the host of the work that the report is for.
    pub fn new(host: &'a Host<'a>) -> Self {
        Self { host }
    }
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
        if let Some(reason) = self.host.out_of_time() {
            return Err(reason);
        }
        let words = owned(words);
        self.host.visit(move |ctx| ctx.call(&borrowed(&words)))
    }

    fn has_command(&self, words: &[&[u8]]) -> bool {
        let words = owned(words);
        self.host
            .visit(move |ctx| ctx.has_command(&borrowed(&words)))
    }

    fn acl_allows(&self, user: &[u8], words: &[&[u8]]) -> Fact<bool> {
        let (user, words) = (user.to_vec(), owned(words));
        let allows = self
            .host
            .visit(move |ctx| ctx.acl_allows(&user, &borrowed(&words)));
        match allows {
            Some(allowed) => Fact::Known(allowed),
            None => Fact::Unavailable("the server knows no such user or command".to_owned()),
        }
    }

    fn acl_rules(&self, user: &[u8]) -> Fact<Vec<u8>> {
        let user = user.to_vec();
        match self
            .host
            .visit(move |ctx| ffi::acl_rules(&user, ctx.lock()))
        {
            Some(rules) => Fact::Known(rules),
            None => Fact::Unavailable("the server knows no such user".to_owned()),
        }
    }

    fn gate_verdict(&self, user: &[u8], words: &[&[u8]]) -> GateVerdict {
        let (user, words, beside) = (user.to_vec(), owned(words), self.host.is_beside());
        self.host.visit(move |ctx| {
            let compiled = Beside::gate(ctx.lock(), beside);
            verdict(&compiled, &user, &borrowed(&words))
        })
    }
}

fn verdict(compiled: &Compiled, user: &[u8], words: &[&[u8]]) -> GateVerdict {
    // What depends on the address or on arguments that are not given is no obstacle that a report may count on.
    let call = Described {
        words,
        user: Some(user),
        in_the_callers_favour: true,
        ..Described::default()
    };
    let decision = decide(compiled, &call);
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
