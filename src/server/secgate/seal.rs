//! SECGATE SEAL: from here until restart the gate can be made stricter and nothing else.

use crate::policy::statement::Mode;
use crate::server::answer::Answer;
use crate::server::asked_by::AskedBy;
use crate::server::ffi::{Ctx, Level, log};
use crate::server::module::Module;

/// SEAL
pub fn seal(ctx: Ctx<'_>) -> Answer {
    let module = Module::get(ctx.lock());
    if !module.sealed.replace(true) {
        log(
            Level::Notice,
            &format!(
                "secaudit: sealed by {}: until restart the gate can only be made stricter",
                AskedBy::client_of(ctx).shown()
            ),
        );
    }
    Answer::ok()
}

/// Whether a call of SECGATE may run, sealed or not; else what it is told.
pub fn permits(ctx: Ctx<'_>, sub: &[u8], rest: &[&[u8]]) -> Result<(), Answer> {
    let module = Module::get(ctx.lock());
    if !module.sealed.get() {
        return Ok(());
    }
    let why = match sub {
        b"del" | b"reset" => "no statement can be removed",
        b"load" => "the policy file could take statements away",
        b"allow" => "an allow lets calls pass that are refused now",
        // In front of a deny that enforces, it would take its calls; behind, it waits for those still to be added.
        b"deny" | b"profile" if observes(rest) => {
            "a rule that only observes could stand before one that enforces"
        }
        b"suppress" => "an accepted finding would no longer count",
        b"administrators" => "a named administrator would no longer be reported",
        b"mode" if lowers(module, rest) => "the mode cannot be lowered",
        b"log" if has(rest, b"reset") => "the record of refusals is kept",
        _ => return Ok(()),
    };
    Err(Answer::error(format!(
        "the gate is sealed until the server restarts: {why}"
    )))
}

fn has(words: &[&[u8]], wanted: &[u8]) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(wanted))
}

fn observes(words: &[&[u8]]) -> bool {
    has(words, b"mode=observe")
}

fn lowers(module: &Module, words: &[&[u8]]) -> bool {
    let strength = |mode| match mode {
        Mode::Off => 0,
        Mode::Observe => 1,
        Mode::Enforce => 2,
    };
    let wanted = words.first().and_then(|word| Mode::from_word(word));
    wanted.is_some_and(|mode| strength(mode) < strength(module.policy.borrow().mode()))
}
