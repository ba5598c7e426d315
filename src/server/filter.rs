//! The filter: every command call passes here while a rule is active. It looks the name up, asks the gate, and acts.

use super::ffi::{self, FilterCall};
use super::filtered::Filtered;
use super::module::Module;
use super::scene::{Act, Arguments, Scene};
use crate::gate::{Looked, Origin, decide_for_module, decide_looked, refusal};
use crate::policy::name::MAX_NAME;
use crate::policy::table::Compiled;

/// Whether a call could mean anything to the policy: the hot path. Most do not, and go on untouched.
#[inline]
pub fn might_match(call: &FilterCall<'_>) -> bool {
    #[cfg(feature = "fault-injection")]
    fault(call, b"secaudit-fault-before-match");
    match (Module::loaded(call.lock()), call.name()) {
        (Some(module), Some(name)) => {
            module.calls.set(module.calls.get().wrapping_add(1));
            module.lengths.might_match(name)
        }
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
    let act = look_whole(&filtered, looked);
    if looked.brings(compiled).unsettles {
        // Last: what was seen of the call's client was seen before it runs.
        module.unsettle();
    }
    act
}

/// Decides a call that needs more than a look at who calls.
#[inline(never)]
fn look_whole(filtered: &Filtered<'_, '_>, looked: Looked<'_, '_>) -> Option<Act> {
    let (_, _, compiled) = filtered.parts();
    if looked.brings(compiled).scripts {
        filtered.begins_scripts();
    }
    let decision = decide_looked(compiled, filtered, looked);
    if decision.is_nothing() {
        return None;
    }
    let scene = Scene::new(filtered);
    match scene.origin() {
        Origin::Exempt => None,
        Origin::Module => scene.act(&decide_for_module(compiled, filtered)),
        Origin::Client(_) | Origin::Script => scene.act_and_rename(&decision, looked),
    }
}

fn carry_out(call: &mut FilterCall<'_>, module: &Module, act: Act) {
    match act {
        Act::Rename { command, sub } => rename(call, module, &command, sub.as_deref()),
        Act::RefuseAsUnknown { name, arguments } => {
            call.replace(0, name.as_bytes());
            match arguments {
                Arguments::Kept => {}
                Arguments::Emptied => call.empty_arguments(),
                Arguments::Dropped => call.drop_arguments(),
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
    // The first word must be another object even where only the second changes: Valkey 8 and 9 look no further. It is one
    // that tells that we have seen the call: servers show it again if another module yields meanwhile, Redis 7.0 also
    // after CLIENT PAUSE. Sharing it is safe with I/O threads: the main thread counts references, and leaves only what
    // nobody else holds to them (tryDeferFreeClientObject in Redis 8.2, reclaimPendingCommand in 8.6,
    // tryOffloadFreeArgvToIOThreads in Valkey 8 and 9).
    let lock = call.lock();
    let mut kept = module.kept.borrow_mut();
    if !kept.contains_key(command) {
        kept.insert(command.into(), ffi::Kept::new(lock, command));
    }
    if let Some(kept) = kept.get(command) {
        call.replace_with(0, kept);
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
