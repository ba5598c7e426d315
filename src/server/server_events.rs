//! What the server tells us of itself.

use std::rc::Rc;

use super::command_table::ServerCommands;
use super::ffi::Ctx;
use super::module::Module;

/// A module came or went, and commands with it: the policy is compiled anew against what is there now.
pub fn modules_changed(ctx: Ctx<'_>) {
    let module = Module::get(ctx.lock());
    module.commands.take();
    let policy = Rc::clone(&module.policy.borrow());
    if !policy.statements().is_empty() {
        module.install(ctx, (*policy).clone(), &ServerCommands::read(ctx));
    }
}

/// The event loop wakes up: no script is left from the round before, and what the filter does not see (a module that signs
/// a client in or out) may have happened meanwhile.
pub fn round_begins(ctx: Ctx<'_>) {
    let module = Module::get(ctx.lock());
    module.default_open.set(None);
    module.users.unsettle();
    module.scripts.round(ctx);
}

/// The server's clock ticked, so the event loop runs and loading is over.
pub fn time_passed(ctx: Ctx<'_>) {
    let module = Module::get(ctx.lock());
    if !module.settled.replace(true) {
        // Not before: a module with a thread must not be unloaded, and from now on it is not.
        module.log_file.start();
    }
}

/// The server is about to end.
pub fn shutting_down(ctx: Ctx<'_>) {
    Module::get(ctx.lock()).log_file.flush();
}
