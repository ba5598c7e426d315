//! How collecting asks the running server: `Ask` over the module API.

use super::collect::ask::{Ask, Reply};
use super::ffi::{self, Ctx};
use super::module::Module;
use crate::audit::facts::{Fact, GateVerdict};
use crate::gate::{Described, Verdict, decide};
use crate::policy::compile::{Compiled, Step};
use crate::policy::name::canonical_vec;
use crate::policy::statement::{Action, Mode};

/// The running server, for the time of one command.
pub struct Asking<'c> {
    ctx: Ctx<'c>,
}

impl<'c> Asking<'c> {
    /// Asks through the context of a running command.
    pub fn new(ctx: Ctx<'c>) -> Self {
        Self { ctx }
    }
}

impl Ask for Asking<'_> {
    fn info(&self, section: &str, field: &str) -> Option<String> {
        self.ctx.info_field(section, field)
    }

    fn call(&self, words: &[&[u8]]) -> Result<Reply, String> {
        self.ctx.call(words)
    }

    fn has_command(&self, words: &[&[u8]]) -> bool {
        self.ctx.has_command(words)
    }

    fn acl_allows(&self, user: &[u8], words: &[&[u8]]) -> Fact<bool> {
        match self.ctx.acl_allows(user, words) {
            Some(allowed) => Fact::Known(allowed),
            None => Fact::Unavailable("the server knows no such user or command".to_owned()),
        }
    }

    fn acl_rules(&self, user: &[u8]) -> Fact<Vec<u8>> {
        match ffi::acl_rules(user, self.ctx.lock()) {
            Some(rules) => Fact::Known(rules),
            None => Fact::Unavailable("the server knows no such user".to_owned()),
        }
    }

    fn gate_verdict(&self, user: &[u8], words: &[&[u8]]) -> GateVerdict {
        let compiled = Module::get(self.ctx.lock()).compiled.borrow();
        // What depends on the address or on arguments that are not given is no obstacle that a report may count on.
        let call = Described {
            words,
            user: Some(user),
            in_the_callers_favour: true,
            ..Described::default()
        };
        let decision = decide(&compiled, &call);
        let id = |statement: usize| compiled.id(statement).to_owned();
        match decision.verdict {
            Verdict::Deny(decided) if decided.gone => GateVerdict::Renamed(id(decided.statement)),
            Verdict::Deny(decided) if decided.sub.is_some() && words.len() == 1 => {
                GateVerdict::Partly(id(decided.statement))
            }
            Verdict::Deny(decided) => GateVerdict::Denied(id(decided.statement)),
            Verdict::Pass(_) | Verdict::Observe(_) => partly(&compiled, words),
        }
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
