//! SECGATE: reads and changes the gate. Each subcommand is registered, so that an ACL can grant each one.

pub mod change;
pub mod permission;
mod profile;
mod seal;
mod show;
mod table;
mod test;

pub use table::COMMAND;

use super::answer::Answer;
use super::ffi::Ctx;
use crate::policy::name::canonical_vec;

/// Answers a call; `words` begin with the subcommand, which the server has already looked up.
pub fn answer(ctx: Ctx<'_>, words: &[&[u8]]) -> Answer {
    let Some((sub, rest)) = words.split_first() else {
        return Answer::wrong_number_of_arguments("secgate");
    };
    let sub = canonical_vec(sub);
    let permitted = match changes(&sub, rest) {
        true => permission::to_change(ctx, "change the gate"),
        false if sub == b"help" => Ok(()),
        false => permission::to_look(ctx),
    };
    if let Err(refused) = permitted {
        return refused;
    }
    if let Err(sealed) = seal::permits(ctx, &sub, rest) {
        return sealed;
    }
    match sub.as_slice() {
        b"deny" | b"allow" | b"rename" | b"alias" | b"suppress" | b"administrators" => {
            change::add(ctx, &sub, rest)
        }
        b"profile" => profile::answer(ctx, rest),
        b"seal" => seal::seal(ctx),
        b"del" => change::remove(ctx, rest),
        b"reset" => change::reset(ctx),
        b"mode" => match rest {
            [] => show::mode(ctx),
            [word] => change::mode(ctx, word),
            _ => Answer::wrong_number_of_arguments("secgate|mode"),
        },
        b"load" => change::load(ctx),
        b"save" => change::save(ctx),
        b"list" => show::list(ctx, rest),
        b"test" => test::test(ctx, rest),
        b"log" => show::log(ctx, rest),
        b"stats" => show::stats(ctx),
        b"help" => Answer::lines(table::help()),
        _ => Answer::error("unknown subcommand: try SECGATE HELP"),
    }
}

/// Whether a call changes anything, or only shows.
fn changes(sub: &[u8], rest: &[&[u8]]) -> bool {
    match sub {
        b"list" | b"test" | b"stats" | b"help" => false,
        b"mode" => !rest.is_empty(),
        b"profile" => rest.len() > 1,
        b"log" => rest.iter().any(|word| word.eq_ignore_ascii_case(b"reset")),
        _ => true,
    }
}
