//! The filter: every command call passes here while a rule is active. It looks the name up, asks the gate, and acts.

use std::rc::Rc;
use std::time::SystemTime;

use super::ffi::{self, FilterCall, Lock};
use super::module::{Module, Pending};
use crate::events::{Event, Happened, Via};
use crate::gate::refusal::{self, Circumstances, Refusal};
use crate::gate::{Caller, Decided, Origin, Request, Verdict, decide, origin};
use crate::policy::compile::Compiled;
use crate::policy::name;

/// Whether a call could mean anything to the policy: the hot path. Most do not, and go on untouched.
#[inline]
pub fn might_match(call: &FilterCall<'_>) -> bool {
    #[cfg(feature = "fault-injection")]
    fault(call, b"secaudit-fault-before-match");
    match (Module::loaded(call.lock()), call.word(0)) {
        (Some(module), Some(name)) => module.lengths.might_match(name),
        _ => false,
    }
}

/// Decides a call whose name might mean something, and acts.
pub fn on_call(call: &mut FilterCall<'_>) {
    let module = Module::get(call.lock());
    let compiled = Rc::clone(&module.compiled.borrow());
    let act = judge(call, module, &compiled);
    carry_out(call, module, act);
}

/// The gate itself failed on a call whose name had matched: it fails closed.
pub fn on_failure(call: &mut FilterCall<'_>) {
    call.replace(0, refusal::FAILED.as_bytes());
    call.drop_arguments();
}

/// What is to be done with a call.
enum Act {
    Pass,
    /// It came under a new name and runs under its real one.
    Rename {
        command: Box<[u8]>,
        sub: Option<Box<[u8]>>,
    },
    /// The server refuses it, as a command that does not exist.
    RefuseAsUnknown {
        name: String,
        keep_arguments: bool,
    },
    /// A hidden command of ours answers.
    RefuseWithAnswer {
        command: &'static str,
    },
}

fn judge(call: &FilterCall<'_>, module: &Module, compiled: &Compiled) -> Act {
    let typed = call.word(0).unwrap_or_default();
    let lower = name::canonical_vec(typed);
    if compiled.named(&lower).is_none() && compiled.others().is_empty() {
        return Act::Pass;
    }
    let client = call.client();
    let caller = client.map_or(Caller::Untold, |client| ffi::caller(client, call.lock()));
    let on_link = compiled.may_come_on_link(&lower);
    let origin = origin(caller, ffi::server_state(), on_link);
    if origin == Origin::Exempt {
        return Act::Pass;
    }
    call.matched.set(true);
    #[cfg(feature = "fault-injection")]
    fault(call, b"secaudit-fault-after-match");
    let kept = module.kept.borrow();
    let request = Request {
        name: typed,
        first: call.word(1),
        rewritten: kept
            .get(lower.as_slice())
            .is_some_and(|kept| call.is(0, kept)),
    };
    let decision = decide(compiled, &request);
    for real in [decision.command, decision.sub].into_iter().flatten() {
        module.count_hit(real.statement);
    }
    let scene = Scene {
        lock: call.lock(),
        module,
        compiled,
        client,
        origin: &origin,
        typed,
        typed_sub: call.word(1),
    };
    match &decision.verdict {
        Verdict::Deny(decided) => {
            scene.record(Happened::Denied, decided);
            return scene.refuse(decided);
        }
        Verdict::Observe(decided) => scene.record(Happened::Observed, decided),
        Verdict::Pass(Some(decided)) => {
            module.count_hit(decided.statement);
            module.count(|totals| totals.allowed += 1);
        }
        Verdict::Pass(None) => {}
    }
    match (decision.command, decision.sub) {
        (None, None) => Act::Pass,
        (command, sub) => Act::Rename {
            command: command.map_or(lower.as_slice(), |real| real.name).into(),
            sub: sub.map(|real| real.name.into()),
        },
    }
}

fn carry_out(call: &mut FilterCall<'_>, module: &Module, act: Act) {
    match act {
        Act::Pass => {}
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
    lock: Lock<'s>,
    module: &'s Module,
    compiled: &'s Compiled,
    client: Option<u64>,
    origin: &'s Origin,
    typed: &'s [u8],
    typed_sub: Option<&'s [u8]>,
}

impl Scene<'_> {
    fn connection(&self) -> Option<ffi::Connection> {
        match self.origin {
            Origin::Client(_) => self.client.and_then(ffi::connection),
            Origin::Script | Origin::Exempt => None,
        }
    }

    fn record(&self, happened: Happened, decided: &Decided<'_>) {
        self.module.count_hit(decided.statement);
        self.module.count(|totals| match happened {
            Happened::Denied => totals.denied += 1,
            Happened::Observed => totals.observed += 1,
        });
        let connection = self.connection();
        let (user, via) = match self.origin {
            Origin::Client(user) => (user.clone(), Via::Client),
            Origin::Script | Origin::Exempt => (None, Via::Script),
        };
        let now = SystemTime::now();
        self.module.ring.borrow_mut().push(Event {
            seq: 0,
            time: now,
            first_time: now,
            happened,
            rule: self.compiled.id(decided.statement).to_owned(),
            command: refusal::subject(decided),
            user,
            address: connection
                .as_ref()
                .map(|connection| connection.address.clone()),
            client: connection.and(self.client),
            via,
            count: 1,
        });
    }

    /// Looked up only where it decides: for clients that run as the default user.
    fn default_needs_no_password(&self) -> bool {
        let default = matches!(self.origin, Origin::Client(Some(user)) if user == refusal::DEFAULT);
        let rules = default
            .then(|| ffi::acl_rules(refusal::DEFAULT, self.lock))
            .flatten();
        rules.is_some_and(|rules| {
            rules
                .split(|byte| *byte == b' ')
                .any(|rule| rule == b"nopass")
        })
    }

    fn refuse(&self, decided: &Decided<'_>) -> Act {
        let connection = self.connection();
        let circumstances = Circumstances {
            origin: self.origin,
            default_needs_no_password: self.default_needs_no_password(),
            in_transaction: connection.map(|connection| connection.in_transaction),
            typed: self.typed,
            typed_sub: self.typed_sub,
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
                keep_arguments: *self.origin == Origin::Script,
            },
            Refusal::Answer { command, error } => {
                let client = self.client;
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
