//! Who may change the gate: whom the ACL lets run the subcommand. Where a module cannot put its commands into @admin and
//! @dangerous (Redis 7.0), `+@all -@dangerous` would include SECGATE, so there the ACL is asked about ACL SETUSER.

use crate::gate::Caller;
use crate::render::escape::printable;
use crate::server::answer::Answer;
use crate::server::command_table::ServerCommands;
use crate::server::ffi::{self, Ctx};
use crate::server::identity;
use crate::server::module::Module;

/// Whether the caller may change anything; else what it is told. `what` is what it wants to do.
pub fn to_change(ctx: Ctx<'_>, what: &str) -> Result<(), Answer> {
    if Module::get(ctx.lock()).capabilities.get().acl_categories {
        return Ok(());
    }
    match identity::caller(ctx.client(), ctx.lock()) {
        Caller::User(user) if may_administer(ctx, &user) => Ok(()),
        Caller::User(user) => Err(Answer::Error(format!(
            "NOPERM user '{}' may not {what}: on this server that takes the right to run ACL SETUSER",
            printable(&user)
        ))),
        // Another module, or the server itself: no ACL binds them.
        Caller::Server | Caller::Unlinked | Caller::Untold => Ok(()),
    }
}

/// Whether the caller may see new names and what was refused: an administrator, or whom the ACL lets by the command's name.
pub fn to_look(ctx: Ctx<'_>) -> Result<(), Answer> {
    let Err(refused) = to_change(ctx, "look into the gate") else {
        return Ok(());
    };
    let Caller::User(user) = identity::caller(ctx.client(), ctx.lock()) else {
        return Err(refused);
    };
    let rules = ffi::acl_rules(&user, ctx.lock()).unwrap_or_default();
    let mut words = rules.split(|byte| *byte == b' ');
    let grants = |word: &[u8]| {
        word.strip_prefix(b"(")
            .unwrap_or(word)
            .starts_with(b"+secgate")
    };
    match words.any(grants) {
        true => Ok(()),
        false => Err(refused),
    }
}

/// Calls that only administrators may make; the first that this server has decides.
const TELLING: [&[&[u8]]; 3] = [
    &[b"acl", b"setuser", b"x"],
    &[b"config", b"set", b"maxmemory", b"0"],
    &[b"shutdown", b"nosave"],
];

/// Whether the ACL lets a user make calls that only administrators may.
pub fn may_administer(ctx: Ctx<'_>, user: &[u8]) -> bool {
    let commands = ServerCommands::read(ctx);
    let told = TELLING.iter().find_map(|call| {
        let (command, rest) = call.split_first()?;
        let wire = commands.wire(command);
        let words: Vec<&[u8]> = std::iter::once(wire.as_slice())
            .chain(rest.iter().copied())
            .collect();
        ctx.acl_allows(user, &words)
    });
    told.unwrap_or(false)
}
