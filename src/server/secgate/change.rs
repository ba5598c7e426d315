//! Changes of the gate: each makes a whole new policy or an error, and is told in the server's log.

use crate::gate::Caller;
use crate::policy::Policy;
use crate::policy::nearest::instead;
use crate::policy::parse::{self, Draft, Read};
use crate::policy::problem::Problem;
use crate::policy::resolve;
use crate::policy::statement::{Body, Mode};
use crate::policy::words::{self, Word};
use crate::render::escape::printable;
use crate::server::answer::Answer;
use crate::server::command_table::ServerCommands;
use crate::server::ffi::{self, Ctx, Level, log};
use crate::server::module::Module;
use crate::server::{identity, policy_file, startup};

/// DENY, ALLOW, RENAME, ALIAS, SUPPRESS, ADMINISTRATORS: adds a statement and answers its id.
pub fn add(ctx: Ctx<'_>, verb: &[u8], rest: &[&[u8]]) -> Answer {
    let all: Vec<&[u8]> = std::iter::once(verb).chain(rest.iter().copied()).collect();
    let all = words::from_arguments(&all);
    let Some((verb, rest)) = all.split_first() else {
        return Answer::wrong_number_of_arguments("secgate");
    };
    let module = Module::get(ctx.lock());
    let commands = ServerCommands::read(ctx);
    let added =
        read(verb, rest, &commands).and_then(|draft| module.policy.borrow().with(draft, &commands));
    match added {
        Ok((policy, id)) => {
            let told = logged(&policy, &id);
            module.install(ctx, policy, &commands);
            tell(ctx, &format!("added: {told}"));
            Answer::Text(id)
        }
        Err(problems) => Answer::error(listed(&problems)),
    }
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
            tell(ctx, &format!("removed: {}", ids.join(" ")));
            Answer::Integer(i64::try_from(removed).unwrap_or(i64::MAX))
        }
        Err(problem) => Answer::error(problem),
    }
}

/// RESET: removes all statements.
pub fn reset(ctx: Ctx<'_>) -> Answer {
    let module = Module::get(ctx.lock());
    let policy = module.policy.borrow().emptied();
    swap(ctx, policy, "all statements removed")
}

/// MODE with a word: sets the mode.
pub fn mode(ctx: Ctx<'_>, word: &[u8]) -> Answer {
    let Some(mode) = Mode::from_word(word) else {
        let hint = instead(word, &Mode::WORDS);
        return Answer::error(format!("unknown mode '{}'{hint}", printable(word)));
    };
    let policy = Module::get(ctx.lock()).policy.borrow().in_mode(mode);
    swap(ctx, policy, &format!("mode {}", mode.word()))
}

/// LOAD: takes the policy file's place of what is in force, or changes nothing.
pub fn load(ctx: Ctx<'_>) -> Answer {
    let module = Module::get(ctx.lock());
    if module.settings.policy_path.borrow().is_none() {
        return no_policy_file();
    }
    let commands = ServerCommands::read(ctx);
    match startup::read_policy(module, &commands) {
        Ok(policy) => {
            let count = policy.statements().len();
            module.install(ctx, policy, &commands);
            tell(
                ctx,
                &format!("loaded from the policy file: {count} statements"),
            );
            Answer::ok()
        }
        Err(failure) => Answer::error(format!("{}; nothing was changed", failure.in_full())),
    }
}

/// SAVE: writes the policy file.
pub fn save(ctx: Ctx<'_>) -> Answer {
    let module = Module::get(ctx.lock());
    let path = module.settings.policy_path.borrow();
    let Some(path) = path.as_deref() else {
        return no_policy_file();
    };
    match policy_file::write(path, &module.policy.borrow().text()) {
        Ok(()) => {
            tell(ctx, "saved to the policy file");
            Answer::ok()
        }
        Err(problem) => Answer::error(problem),
    }
}

fn no_policy_file() -> Answer {
    Answer::error(
        "there is no policy file: name one in redis.conf, 'loadmodule <path>/libsecaudit.so <policy file>' \
         or 'secaudit.policy-file <policy file>', and restart",
    )
}

fn swap(ctx: Ctx<'_>, policy: Policy, told: &str) -> Answer {
    Module::get(ctx.lock()).install(ctx, policy, &ServerCommands::read(ctx));
    tell(ctx, told);
    Answer::ok()
}

/// Every change is told in the log, with who made it.
fn tell(ctx: Ctx<'_>, change: &str) {
    let client = ctx.client();
    let user = match identity::caller(client, ctx.lock()) {
        Caller::User(user) => printable(&user),
        Caller::Server | Caller::Unlinked | Caller::Untold => "?".to_owned(),
    };
    let address =
        ffi::connection(client).map_or_else(|| "?".to_owned(), |connection| connection.address());
    log(
        Level::Notice,
        &format!("secaudit: policy changed by user {user} from {address}: {change}"),
    );
}

fn listed(problems: &[Problem]) -> String {
    let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
    list.join("; ")
}
