//! Changes of the gate: each makes a whole new policy or an error, and is told in the server's log.

use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

use crate::policy::Policy;
use crate::policy::nearest::instead;
use crate::policy::parse::{self, Draft, Read};
use crate::policy::problem::Problem;
use crate::policy::resolve;
use crate::policy::statement::{self, Body, Mode};
use crate::policy::words::{self, Word};
use crate::render::escape::printable;
use crate::server::answer::Answer;
use crate::server::asked_by::AskedBy;
use crate::server::command_table::ServerCommands;
use crate::server::ffi::{Ctx, Level, log};
use crate::server::module::Module;
use crate::server::{policy_file, startup};

/// DENY, ALLOW, RENAME, ALIAS, SUPPRESS, ADMINISTRATORS: adds a statement and answers its id.
pub fn add(ctx: Ctx<'_>, verb: &[u8], rest: &[&[u8]]) -> Answer {
    let all: Vec<&[u8]> = std::iter::once(verb).chain(rest.iter().copied()).collect();
    let all = words::from_arguments(&all);
    let Some((verb, rest)) = all.split_first() else {
        return Answer::wrong_number_of_arguments("secgate");
    };
    let commands = ServerCommands::read(ctx);
    let draft = read(verb, rest, &commands);
    match draft.and_then(|draft| put(ctx, draft, &commands, &AskedBy::client_of(ctx))) {
        Ok(id) => Answer::Text(id),
        Err(problems) => Answer::error(listed(&problems)),
    }
}

/// Adds a statement in the policy's own words, at the end or where its `at=` says; the id it names is left out where
/// another statement has it.
/// Answers the id it got.
pub fn add_line(ctx: Ctx<'_>, line: &str, by: &AskedBy) -> Result<String, String> {
    let all = words::split_line(line.as_bytes(), 1).map_err(|problem| problem.message)?;
    let all: Vec<&[u8]> = all.iter().map(|word| word.text.as_slice()).collect();
    let all = words::from_arguments(&all);
    let (verb, rest) = all.split_first().ok_or("no statement")?;
    let commands = ServerCommands::read(ctx);
    let mut draft = read(verb, rest, &commands).map_err(|problems| listed(&problems))?;
    let policy = Rc::clone(&Module::get(ctx.lock()).policy.borrow());
    let is_taken = |(id, _): &(String, _)| {
        let mut statements = policy.statements().iter();
        !statements.any(|statement| statement.id == *id)
    };
    draft.id = draft.id.filter(is_taken);
    put(ctx, draft, &commands, by).map_err(|problems| listed(&problems))
}

/// Puts the policy with one more statement in force.
fn put(
    ctx: Ctx<'_>,
    draft: Draft,
    commands: &ServerCommands<'_>,
    by: &AskedBy,
) -> Result<String, Vec<Problem>> {
    let module = Module::get(ctx.lock());
    let (policy, id) = module.policy.borrow().with(draft, commands)?;
    let told = logged(&policy, &id);
    module.install(ctx, policy, commands);
    tell(by, &format!("added: {told}"));
    Ok(id)
}

/// A statement, or all that is wrong with it here.
fn read(verb: &Word, rest: &[Word], commands: &ServerCommands<'_>) -> Result<Draft, Vec<Problem>> {
    let Read {
        draft,
        mut problems,
    } = parse::statement(verb, rest);
    match draft {
        Some(draft) if problems.is_empty() => Ok(draft),
        Some(draft) => {
            problems.extend(resolve::problems(&draft, commands));
            Err(problems)
        }
        None => Err(problems),
    }
}

/// A statement as the log may have it: a new name may be a secret, and the log is read by more eyes than the policy.
fn logged(policy: &Policy, id: &str) -> String {
    let statement = policy
        .statements()
        .iter()
        .find(|statement| statement.id == id);
    let Some(statement) = statement else {
        return id.to_owned();
    };
    match &statement.body {
        Body::Rule(_) | Body::Profile { .. } | Body::Suppress { .. } | Body::Administrators(_) => {
            statement.to_string()
        }
        Body::Rename { old, .. } => format!("rename {old} (its new name is not logged) id={id}"),
        Body::Alias { target, .. } => format!("alias of {target} (its name is not logged) id={id}"),
    }
}

/// DEL: removes statements, all of those named or none.
pub fn remove(ctx: Ctx<'_>, ids: &[&[u8]]) -> Answer {
    let module = Module::get(ctx.lock());
    let changed = module.policy.borrow().without(ids);
    match changed {
        Ok(policy) => {
            let removed = module.policy.borrow().statements().len() - policy.statements().len();
            module.install(ctx, policy, &ServerCommands::read(ctx));
            let ids: Vec<String> = ids.iter().map(|id| printable(id)).collect();
            let by = AskedBy::client_of(ctx);
            tell(&by, &format!("removed: {}", ids.join(" ")));
            Answer::Integer(i64::try_from(removed).unwrap_or(i64::MAX))
        }
        Err(problem) => Answer::error(problem),
    }
}

/// RESET: removes all statements.
pub fn reset(ctx: Ctx<'_>) -> Answer {
    let module = Module::get(ctx.lock());
    let policy = module.policy.borrow().emptied();
    let by = AskedBy::client_of(ctx);
    swap(ctx, policy, "all statements removed", &by);
    Answer::ok()
}

/// MODE with a word: sets the mode.
pub fn mode(ctx: Ctx<'_>, word: &[u8]) -> Answer {
    let Some(mode) = Mode::from_word(word) else {
        let hint = instead(word, &Mode::WORDS);
        return Answer::error(format!("unknown mode '{}'{hint}", printable(word)));
    };
    set_mode(ctx, mode, &AskedBy::client_of(ctx));
    Answer::ok()
}

/// Sets the mode, and answers the one before.
pub fn set_mode(ctx: Ctx<'_>, mode: Mode, by: &AskedBy) -> Mode {
    let module = Module::get(ctx.lock());
    let before = module.policy.borrow().mode();
    let policy = module.policy.borrow().in_mode(mode);
    swap(ctx, policy, &format!("mode {}", mode.word()), by);
    before
}

/// LOAD: takes the policy file's place of what is in force, or changes nothing.
pub fn load(ctx: Ctx<'_>) -> Answer {
    let module = Module::get(ctx.lock());
    if module.settings.policy_path.borrow().is_none() {
        return Answer::error(NO_POLICY_FILE);
    }
    let commands = ServerCommands::read(ctx);
    match startup::read_policy(module, &commands) {
        Ok(policy) => {
            let count = policy.statements().len();
            module.install(ctx, policy, &commands);
            module.is_as_saved();
            tell(
                &AskedBy::client_of(ctx),
                &format!("loaded from the policy file: {}", statement::counted(count)),
            );
            Answer::ok()
        }
        Err(failure) => Answer::error(format!("{}; nothing was changed", failure.in_full())),
    }
}

/// SAVE: writes the policy file.
pub fn save(ctx: Ctx<'_>) -> Answer {
    match write(ctx, &AskedBy::client_of(ctx)) {
        Ok(_) => Answer::ok(),
        Err(problem) => Answer::error(problem),
    }
}

/// Writes the policy file; answers its path, printable.
pub fn write(ctx: Ctx<'_>, by: &AskedBy) -> Result<String, String> {
    let module = Module::get(ctx.lock());
    let path = module.settings.policy_path.borrow();
    let path = path.as_deref().ok_or(NO_POLICY_FILE)?;
    policy_file::write(path, &module.policy.borrow().text())?;
    module.is_as_saved();
    tell(by, "saved to the policy file");
    Ok(printable(path.as_os_str().as_bytes()))
}

/// What one is told who wants to read or write the policy file where there is none.
pub const NO_POLICY_FILE: &str = "there is no policy file: name one in redis.conf, 'loadmodule <path>/libsecaudit.so <policy file>' \
     or 'secaudit.policy-file <policy file>', and restart";

fn swap(ctx: Ctx<'_>, policy: Policy, told: &str, by: &AskedBy) {
    Module::get(ctx.lock()).install(ctx, policy, &ServerCommands::read(ctx));
    tell(by, told);
}

/// Every change is told in the log, with who made it.
fn tell(by: &AskedBy, change: &str) {
    let by = by.shown();
    log(
        Level::Notice,
        &format!("secaudit: policy changed by {by}: {change}"),
    );
}

fn listed(problems: &[Problem]) -> String {
    let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
    list.join("; ")
}
