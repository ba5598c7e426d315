//! The commands we bring: the table that the server is given, and who answers a call of each.

use std::rc::Rc;

use super::answer::Answer;
use super::ffi::{CommandSpec, Ctx};
use super::module::Module;
use super::{secaudit, secgate};
use crate::gate::refusal::GENERIC;
use crate::policy::name::{self, canonical_vec};

/// Every command of the module. The container comes last: a server that has to take it back crashes if it is Valkey 8.1.1.
pub const COMMANDS: [&CommandSpec; 4] = [
    &secaudit::COMMAND,
    &REFUSED_COMMAND,
    &DENIED_COMMAND,
    &secgate::COMMAND,
];

/// Answers for refused calls of clients who may not have authenticated.
const REFUSED_COMMAND: CommandSpec = CommandSpec {
    name: c"secaudit.refused",
    flags: c"allow-loading allow-stale allow-busy fast no-monitor no-slowlog",
    arity: -1,
    summary: c"Internal: answers for a call that the gate refused",
    tips: c"",
    categories: c"",
    refuses: true,
    subcommands: &[],
};

/// Answers for all other refused calls; no ACL stands before it, and it does nothing but refuse.
const DENIED_COMMAND: CommandSpec = CommandSpec {
    name: c"secaudit.denied",
    flags: c"allow-loading allow-stale allow-busy fast no-monitor no-slowlog no-auth",
    ..REFUSED_COMMAND
};

/// A call of our commands that is longer is not read: answers tell words that are wrong.
const MOST_BYTES: usize = 65_536;

/// Answers a call of one of our commands.
pub fn answer(ctx: Ctx<'_>, words: &[&[u8]]) -> Answer {
    let Some((command, rest)) = words.split_first() else {
        return Answer::error("no command");
    };
    let length: usize = words.iter().map(|word| word.len()).sum();
    // SECGATE TEST is asked about calls of any length, and repeats none.
    let is_test =
        name::same(command, b"secgate") && rest.first().is_some_and(|sub| name::same(sub, b"test"));
    if length > MOST_BYTES && !is_test {
        return Answer::error(
            "this call is too long: at most 65536 bytes in all; a longer statement goes into the policy file (SECGATE LOAD)",
        );
    }
    match canonical_vec(command).as_slice() {
        b"secaudit" => secaudit::answer(ctx, rest),
        b"secgate" => secgate::answer(ctx, rest),
        _ => Answer::error("secaudit does not know this command"),
    }
}

/// The error that the filter left for this call of a hidden command; a general one if another call came in between, or if
/// it was left for the other command: nobody reads by one what the server refused before the other.
pub fn refused(ctx: Ctx<'_>, command: &[u8]) -> Rc<str> {
    let pending = Module::get(ctx.lock()).pending.take();
    let ours = pending.filter(|pending| {
        name::same(command, pending.command.as_bytes())
            && pending.client.is_none_or(|client| client == ctx.client())
    });
    ours.map_or_else(|| GENERIC.into(), |pending| pending.error)
}
