//! The state of the loaded module: one value, reached only under the server's lock.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use once_cell::unsync::OnceCell;

use super::beside::{Beside, Tally};
use super::capabilities::Capabilities;
use super::command_table::{ServerCommands, Table};
use super::configs::Settings;
use super::ffi::{self, Ctx, Kept, Lock, Locked};
use super::identity::{Connections, Sources, Users};
use super::log_file::LogFile;
use super::password_list::PasswordList;
use super::scene::LastWords;
use super::scripts::Scripts;
use crate::audit::facts::Started;
use crate::events::Ring;
use crate::policy::table::Compiled;
use crate::policy::{Lengths, Policy};

/// Everything the module knows.
#[derive(Default)]
pub struct Module {
    /// Which names the compiled policy could know: what the filter asks first.
    pub lengths: Lengths,
    /// Counts the calls that passed the filter: where one follows another at once, nothing has changed about its client.
    pub calls: Cell<u64>,
    /// The compiled policy, swapped whole: the filter's view.
    pub compiled: RefCell<Rc<Compiled>>,
    /// Its number: every policy that was put in force has another. From 1 on.
    pub version: Cell<u64>,
    /// The policy it was compiled from.
    pub policy: RefCell<Rc<Policy>>,
    /// The SHA-256 of its text.
    pub digest: RefCell<String>,
    /// That of the policy which a restart would bring back: as it was read from its file, or written to it.
    pub saved_digest: RefCell<String>,
    /// Hits of each statement, in the policy's order.
    pub hits: RefCell<Vec<u64>>,
    /// Totals since the module was loaded.
    pub totals: Cell<Totals>,
    /// Recent events.
    pub ring: RefCell<Ring>,
    /// The same events in a file.
    pub log_file: LogFile,
    /// The operator's list of passwords, and the lists of known ones.
    pub password_list: PasswordList,
    /// The server's commands, read when first needed.
    pub commands: RefCell<Option<Rc<Table>>>,
    /// Our settings.
    pub settings: Settings,
    /// What this server can do.
    pub capabilities: Cell<Capabilities>,
    /// What the hidden commands are to answer next.
    pub pending: RefCell<Option<Pending>>,
    /// Real names put in place of new ones, recognisable when a server shows a call twice.
    pub kept: RefCell<HashMap<Box<[u8]>, Kept>>,
    /// Who runs the script that is running.
    pub scripts: Scripts,
    /// Where clients connect from.
    pub sources: Sources,
    /// The calls whose answers are worked out beside the server.
    pub beside: Beside,
    /// The users of calls.
    pub users: Users,
    /// The connections of calls that were refused or recorded.
    pub connections: Connections,
    /// Whether the default user needs no password; `None` when it must be looked up.
    pub default_open: Cell<Option<bool>>,
    /// How the last decision was put into words.
    pub last_words: LastWords,
    /// The settings with which the server started, and starts again; none where the module was loaded later.
    pub started: RefCell<Option<Arc<Started>>>,
    /// What the last report found.
    pub last_audit: RefCell<Option<Summary>>,
    /// Until restart nothing can be weakened.
    pub sealed: Cell<bool>,
    /// Loading has finished: from now on the module does not let itself be unloaded.
    pub settled: Cell<bool>,
}

/// Totals of decisions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Totals {
    /// Refused calls.
    pub denied: u64,
    /// Calls that would have been refused.
    pub observed: u64,
    /// Calls that an `allow` statement let pass.
    pub allowed: u64,
    /// Calls that ran under their real name after coming under a new one.
    pub renamed: u64,
}

/// What a report found, in short.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The letter, or `?`.
    pub grade: char,
    /// When, in seconds since 1970.
    pub time: u64,
    /// How many findings, by outcome and, of those that fail, by severity.
    pub counts: Vec<(&'static str, usize)>,
    /// How long its facts took to collect.
    pub took: Duration,
    /// What of that was the server's own time.
    pub tally: Tally,
}

/// An error that waits for the hidden command it belongs to.
#[derive(Debug)]
pub struct Pending {
    /// The client; `None` where the server does not tell.
    pub client: Option<u64>,
    /// The hidden command that is to give it.
    pub command: &'static str,
    /// The error, whole.
    pub error: Rc<str>,
}

static MODULE: Locked<OnceCell<Module>> = Locked::new(OnceCell::new());

impl Module {
    /// The module's state, if it was ever asked for: for the hot path.
    #[inline]
    pub fn loaded(lock: Lock<'_>) -> Option<&Module> {
        MODULE.get(lock).get()
    }

    /// The module's state.
    pub fn get(lock: Lock<'_>) -> &Module {
        MODULE.get(lock).get_or_init(Module::default)
    }

    /// Puts a policy in force: compiled first, then swapped whole; hits stay with their ids. Registers the filter just
    /// when there is something to decide.
    pub fn install(&self, ctx: Ctx<'_>, policy: Policy, commands: &ServerCommands<'_>) {
        let links = !self.capabilities.get().caller_identity;
        let compiled = Compiled::new(&policy, commands, links);
        let hits = self.hits_for(&policy);
        let active = compiled.is_active();
        self.lengths.take_over(compiled.lengths());
        self.version.set(self.version.get() + 1);
        self.unsettle();
        self.compiled.replace(Rc::new(compiled));
        self.hits.replace(hits);
        self.digest.replace(policy.digest());
        self.policy.replace(Rc::new(policy));
        ctx.set_filter(active);
    }

    /// Whether a restart would bring back another policy than the one in force.
    pub fn policy_is_unsaved(&self) -> bool {
        self.digest != self.saved_digest
    }

    /// A restart would bring back the policy as it is now.
    pub fn is_as_saved(&self) {
        self.saved_digest.replace(self.digest.borrow().clone());
    }

    /// What was seen of connections and users may not be so any more.
    pub fn unsettle(&self) {
        self.users.unsettle();
        self.connections.unsettle();
        self.default_open.set(None);
    }

    /// Notes that a statement decided a call.
    pub fn count_hit(&self, statement: usize) {
        if let Some(hits) = self.hits.borrow_mut().get_mut(statement) {
            *hits += 1;
        }
    }

    /// Changes the totals.
    pub fn count(&self, change: impl FnOnce(&mut Totals)) {
        let mut totals = self.totals.get();
        change(&mut totals);
        self.totals.set(totals);
    }

    fn hits_for(&self, policy: &Policy) -> Vec<u64> {
        let old = self.policy.borrow();
        let hits = self.hits.borrow();
        let by_id: HashMap<&str, u64> = old
            .statements()
            .iter()
            .zip(hits.iter())
            .map(|(statement, hits)| (statement.id.as_str(), *hits))
            .collect();
        let of = |id: &str| by_id.get(id).copied().unwrap_or(0);
        policy
            .statements()
            .iter()
            .map(|statement| of(&statement.id))
            .collect()
    }
}

/// Begins as if never loaded: a load that failed may be tried again in the same process.
pub fn begin(ctx: Ctx<'_>) {
    let lock = ctx.lock();
    let module = Module::get(lock);
    module.lengths.take_over(&Lengths::default());
    module.compiled.take();
    module.policy.take();
    module.hits.take();
    module.commands.take();
    module.log_file.forget();
    module.password_list.forget();
    module.settled.set(false);
    module.sealed.set(false);
    module.capabilities.set(Capabilities::probe(ctx));
    debug_assert!(
        !ffi::filter_is_registered(lock),
        "a filter outlived its module"
    );
}
