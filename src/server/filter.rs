//! The filter: every command call passes here while a rule is active. It looks the name up, asks the gate, and acts.

use std::time::SystemTime;

use once_cell::unsync::OnceCell;

use super::ffi::{self, FilterCall};
use super::filtered::{Filtered, Identity};
use super::module::{Module, Pending};
use crate::events::{Event, Happened, Via};
use crate::gate::refusal::{self, Circumstances, Refusal};
use crate::gate::{Decided, Decision, Looked, Origin, Verdict, decide_for_module, decide_looked};
use crate::policy::compile::Compiled;
use crate::policy::name::MAX_NAME;

/// Whether a call could mean anything to the policy: the hot path. Most do not, and go on untouched.
#[inline]
pub fn might_match(call: &FilterCall<'_>) -> bool {
    #[cfg(feature = "fault-injection")]
    fault(call, b"secaudit-fault-before-match");
    match (Module::loaded(call.lock()), call.name()) {
        (Some(module), Some(name)) => module.lengths.might_match(name),
        _ => false,
    }
}

/// Decides a call whose name might mean something, and acts.
pub fn on_call(call: &mut FilterCall<'_>) {
    let Some(module) = Module::loaded(call.lock()) else {
        return;
    };
    let compiled = module.compiled.borrow();
    if passes_as_before(call, module, &compiled) {
        return;
    }
    let act = judge(call, module, &compiled);
    drop(compiled);
    if let Some(act) = act {
        carry_out(call, module, act);
    }
}

/// The gate itself failed on a call whose name had matched: it fails closed, but never on what keeps replicas alike.
pub fn on_failure(call: &mut FilterCall<'_>) {
    let module = Module::get(call.lock());
    let compiled = module.compiled.borrow();
    let filtered = Filtered::new(call, module, &compiled);
    if matches!(filtered.identity().origin, Origin::Exempt | Origin::Module) {
        return;
    }
    drop(compiled);
    call.replace(0, refusal::FAILED.as_bytes());
    call.drop_arguments();
}

/// What is to be done with a call that does not pass as it came.
enum Act {
    /// It came under a new name and runs under its real one.
    Rename {
        command: Box<[u8]>,
        sub: Option<Box<[u8]>>,
    },
    /// The server refuses it, as a command that does not exist.
    RefuseAsUnknown { name: String, keep_arguments: bool },
    /// A hidden command of ours answers.
    RefuseWithAnswer { command: &'static str },
}

/// Whether this call's name is no matter and it is known that all such calls of this client pass: where a rule means all
/// commands but only some addresses, nearly every call ends here.
#[inline]
fn passes_as_before(call: &FilterCall<'_>, module: &Module, compiled: &Compiled) -> bool {
    let (Some(client), Some(name)) = (call.client(), call.name()) else {
        return false;
    };
    module.sources.passes(client, module.version.get()) && !compiled.might_name(name)
}

/// What is to be done; `None` for a call that passes as it came. Where a rule means all commands, every call pays this.
#[inline]
fn judge(call: &FilterCall<'_>, module: &Module, compiled: &Compiled) -> Option<Act> {
    let typed = call.name().unwrap_or_default();
    let mut buffer = [0; MAX_NAME];
    let looked = Looked::up(compiled, typed, &mut buffer)?;
    call.matched.set(true);
    #[cfg(feature = "fault-injection")]
    fault(call, b"secaudit-fault-after-match");
    let filtered = Filtered::new(call, module, compiled);
    if looked.passes(compiled, &filtered) {
        if let (true, Some(client)) = (compiled.others_ask_only_whence(), call.client()) {
            module
                .sources
                .note_that_passes(client, module.version.get());
        }
        return None;
    }
    look_whole(&filtered, looked)
}

/// Decides a call that needs more than a look at who calls.
#[inline(never)]
fn look_whole(filtered: &Filtered<'_, '_>, looked: Looked<'_, '_>) -> Option<Act> {
    let (call, module, compiled) = filtered.parts();
    if looked.starts_scripts(compiled) {
        filtered.begins_scripts();
    }
    let decision = decide_looked(compiled, filtered, looked);
    if decision.is_nothing() {
        return None;
    }
    let scene = Scene {
        call,
        module,
        compiled,
        identity: filtered.identity(),
        connection: OnceCell::new(),
    };
    match scene.identity.origin {
        Origin::Exempt => None,
        Origin::Module => scene.act(&decide_for_module(compiled, filtered)),
        Origin::Client(_) | Origin::Script => scene.act_and_rename(&decision, looked),
    }
}

fn carry_out(call: &mut FilterCall<'_>, module: &Module, act: Act) {
    match act {
        Act::Rename { command, sub } => rename(call, module, &command, sub.as_deref()),
        Act::RefuseAsUnknown {
            name,
            keep_arguments,
        } => {
            call.replace(0, name.as_bytes());
            if !keep_arguments {
                call.drop_arguments();
            }
        }
        Act::RefuseWithAnswer { command } => call.replace(0, command.as_bytes()),
    }
}

/// Puts the real name in place of a new one, so that ACL, AOF, replicas, MONITOR and SLOWLOG see that.
fn rename(call: &mut FilterCall<'_>, module: &Module, command: &[u8], sub: Option<&[u8]>) {
    module.count(|totals| totals.renamed += 1);
    if let Some(sub) = sub {
        call.replace(1, sub);
    }
    // The first word must be a new object even where only the second changes: Valkey 8 and 9 look no further.
    if module.capabilities.get().caller_identity {
        call.replace(0, command);
        return;
    }
    // Redis 7.0 shows a paused call twice: the object tells that we have seen it.
    let lock = call.lock();
    let mut kept = module.kept.borrow_mut();
    let kept = kept
        .entry(command.into())
        .or_insert_with(|| ffi::Kept::new(lock, command));
    call.replace_with(0, kept);
}

/// A call that matched, and all that is known of it.
struct Scene<'s> {
    call: &'s FilterCall<'s>,
    module: &'s Module,
    compiled: &'s Compiled,
    identity: &'s Identity,
    connection: OnceCell<Option<ffi::Connection>>,
}

impl Scene<'_> {
    /// The same for a whole decision: a call that is not refused runs under its real name.
    #[cold]
    fn act_and_rename(&self, decision: &Decision<'_>, looked: Looked<'_, '_>) -> Option<Act> {
        for real in [decision.command, decision.sub].into_iter().flatten() {
            self.module.count_hit(real.statement);
        }
        if let Some(refused) = self.act(&decision.verdict) {
            return Some(refused);
        }
        match (decision.command, decision.sub) {
            (None, None) => None,
            (command, sub) => Some(Act::Rename {
                command: match command {
                    Some(real) => real.name.into(),
                    None => looked.called().into(),
                },
                sub: sub.map(|real| real.name.into()),
            }),
        }
    }

    /// Counts and records a verdict; how to refuse, if it is a refusal.
    #[cold]
    fn act(&self, verdict: &Verdict<'_>) -> Option<Act> {
        match verdict {
            Verdict::Deny(decided) => {
                self.record(Happened::Denied, decided);
                return Some(self.refuse(decided));
            }
            Verdict::Observe(decided) => self.record(Happened::Observed, decided),
            Verdict::Pass(Some(decided)) => {
                self.module.count_hit(decided.statement);
                self.module.count(|totals| totals.allowed += 1);
            }
            Verdict::Pass(None) => {}
        }
        None
    }

    /// The connection behind the call: of a script, that of its caller.
    fn connection(&self) -> Option<&ffi::Connection> {
        let connection = self
            .connection
            .get_or_init(|| self.identity.client.and_then(ffi::connection));
        connection.as_ref()
    }

    fn record(&self, happened: Happened, decided: &Decided<'_>) {
        self.module.count_hit(decided.statement);
        self.module.count(|totals| match happened {
            Happened::Denied => totals.denied += 1,
            Happened::Observed => totals.observed += 1,
        });
        let connection = self.connection();
        let queued = connection.is_some_and(|connection| connection.in_transaction);
        let via = match self.identity.origin {
            Origin::Client(_) if queued => Via::Multi,
            Origin::Client(_) => Via::Client,
            Origin::Script => Via::Script,
            Origin::Module | Origin::Exempt => Via::Module,
        };
        let now = SystemTime::now();
        let mut event = Event {
            seq: 0,
            time: now,
            first_time: now,
            happened,
            rule: self.compiled.id(decided.statement).to_owned(),
            command: refusal::subject(decided),
            user: self.identity.user.clone(),
            address: connection.map(|connection| connection.address.clone()),
            client: connection.and(self.identity.client),
            client_name: None,
            via,
            count: 1,
        };
        let command = event.command.clone();
        let lock = self.call.lock();
        let name = |client| ffi::client_name(client, lock);
        if self.module.log_file.is_on() {
            event.client_name = event.client.and_then(name);
        }
        self.module.log_file.hand_over(&event);
        let new = self.module.ring.borrow_mut().push(event, name);
        // The server's log of refusals costs more than a refusal: a repeat that the ring merges is not told again.
        if let (true, Happened::Denied, Some(user)) = (new, happened, &self.identity.user) {
            ffi::acl_log(user, &command, lock);
        }
    }

    /// Looked up only where it decides: for clients that run as the default user.
    fn default_needs_no_password(&self) -> bool {
        let default =
            matches!(&self.identity.origin, Origin::Client(Some(user)) if user == refusal::DEFAULT);
        let rules = default
            .then(|| ffi::acl_rules(refusal::DEFAULT, self.call.lock()))
            .flatten();
        rules.is_some_and(|rules| {
            rules
                .split(|byte| *byte == b' ')
                .any(|rule| rule == b"nopass")
        })
    }

    fn refuse(&self, decided: &Decided<'_>) -> Act {
        let origin = &self.identity.origin;
        // A script's own calls are never queued, whatever its caller's connection says.
        let connection = match origin {
            Origin::Client(_) => self.connection(),
            _ => None,
        };
        let circumstances = Circumstances {
            origin,
            default_needs_no_password: self.default_needs_no_password(),
            by_name_only: connection
                .map(|connection| connection.in_transaction || connection.subscribed),
            typed: self.call.name().unwrap_or_default(),
            typed_sub: self.call.word(1),
            reply: decided
                .reply
                .unwrap_or(self.module.settings.deny_reply.get()),
            lists_arguments: self.module.capabilities.get().unknown_lists_arguments,
        };
        let id = self.compiled.id(decided.statement);
        match refusal::refusal(decided, id, circumstances) {
            // A script's error does not name arguments, and its words are the script's.
            Refusal::UnknownName(name) => Act::RefuseAsUnknown {
                name,
                keep_arguments: *origin == Origin::Script,
            },
            Refusal::Answer { command, error } => {
                let client = self.call.client();
                self.module.pending.replace(Some(Pending { client, error }));
                Act::RefuseWithAnswer { command }
            }
        }
    }
}

/// Panics on purpose, in builds made to prove the fence.
#[cfg(feature = "fault-injection")]
#[allow(clippy::panic, reason = "this build is made to panic")]
fn fault(call: &FilterCall<'_>, word: &[u8]) {
    if call.word(1) == Some(word) {
        panic!("forced by a test");
    }
}
