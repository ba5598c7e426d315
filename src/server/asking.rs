//! How collecting asks the running server: `Ask` over the module API.

use super::collect::ask::{Ask, Reply};
use super::ffi::{self, Ctx};
use super::module::Module;
use crate::audit::facts::{Fact, GateVerdict};
use crate::gate::{Request, Verdict, decide};
use crate::policy::name::canonical_vec;

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

    fn gate_verdict(&self, _user: &[u8], words: &[&[u8]]) -> GateVerdict {
        let compiled = Module::get(self.ctx.lock()).compiled.borrow();
        let Some(name) = words.first() else {
            return GateVerdict::Pass;
        };
        let decision = decide(
            &compiled,
            &Request {
                name,
                first: words.get(1).copied(),
                rewritten: false,
            },
        );
        match decision.verdict {
            Verdict::Deny(decided) if decided.gone => {
                GateVerdict::Renamed(compiled.id(decided.statement).to_owned())
            }
            Verdict::Deny(decided) if decided.sub.is_some() && words.len() == 1 => {
                GateVerdict::Partly(compiled.id(decided.statement).to_owned())
            }
            Verdict::Deny(decided) => {
                GateVerdict::Denied(compiled.id(decided.statement).to_owned())
            }
            Verdict::Pass(_) | Verdict::Observe(_) => partly(&compiled, name),
        }
    }
}

/// A command whose bare call passes may still have rules on its subcommands.
fn partly(compiled: &crate::policy::compile::Compiled, name: &[u8]) -> GateVerdict {
    let named = compiled.named(&canonical_vec(name));
    let denies = |step: &&crate::policy::compile::Step| {
        step.sub.is_some()
            && !step.observe
            && step.action == crate::policy::statement::Action::Deny
            && compiled.mode() == crate::policy::statement::Mode::Enforce
    };
    match named.and_then(|named| named.steps.iter().find(denies)) {
        Some(step) => GateVerdict::Partly(compiled.id(step.statement).to_owned()),
        None => GateVerdict::Pass,
    }
}
