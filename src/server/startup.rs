//! Loading the module: what is checked, made known and read, in this order, and when it may be unloaded again.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::command_table::ServerCommands;
use super::ffi::{self, Ctx, Level, log};
use super::module::{self, Module};
use super::{configs, policy_file, requests, start};
use crate::policy::Policy;
use crate::policy::problem::Problem;
use crate::policy::statement;
use crate::render::escape::printable;

/// Loads the module, or says why not. `arguments` are the words after the path in `loadmodule`.
pub fn load(ctx: Ctx<'_>, arguments: &[&[u8]]) -> Result<(), String> {
    let outcome = try_to_load(ctx, arguments);
    if outcome.is_err() {
        let module = Module::get(ctx.lock());
        module.log_file.forget();
        module.password_list.forget();
    }
    outcome
}

fn try_to_load(ctx: Ctx<'_>, arguments: &[&[u8]]) -> Result<(), String> {
    if !ffi::has_what_it_needs() {
        let (major, minor, patch) = ffi::stated_version();
        return Err(format!(
            "it needs Redis 7.0 or Valkey 7.2 at least, and this is Redis {major}.{minor}.{patch}"
        ));
    }
    module::begin(ctx);
    ctx.keep_detached_context();
    let argument = match arguments {
        [] => None,
        [path] => Some(*path),
        _ => return Err("loadmodule takes one argument, the path of the policy file".to_owned()),
    };
    ctx.declare_harmless();
    ctx.register_settings()?;
    let module = Module::get(ctx.lock());
    find_policy_file(ctx, module, argument)?;
    start::remember(ctx);
    let commands = ServerCommands::read(ctx);
    let policy = read_policy(module, &commands).map_err(|failure| failure.in_short())?;
    // Nothing that an operator can get wrong comes after this: Valkey 8.1.1 crashes when it has to take back a command
    // with subcommands (moduleFreeCommand walks over a table that it frees).
    for command in requests::COMMANDS {
        ctx.create_command(command)?;
    }
    module.install(ctx, policy, &commands);
    module.is_as_saved();
    module.commands.take();
    ctx.subscribe();
    greet(ctx, module);
    Ok(())
}

/// Whether the server may unload the module. Only while its loading has not finished: the server insists then. Later a
/// queued call could still point at our commands.
pub fn may_unload(ctx: Ctx<'_>) -> bool {
    let lock = ctx.lock();
    if Module::get(lock).settled.get() {
        log(
            Level::Warning,
            "secaudit stays loaded: calls may still be on their way to it. SECGATE MODE off takes it out of their way; a restart without loadmodule removes it",
        );
        return false;
    }
    Module::get(lock).log_file.forget();
    ctx.set_filter(false);
    true
}

/// Reads and checks the policy file that the settings name. All its problems go to the log, each with its place.
pub fn read_policy(
    module: &Module,
    commands: &ServerCommands<'_>,
) -> Result<Policy, PolicyFailure> {
    let path = module.settings.policy_path.borrow();
    let Some(path) = path.as_deref() else {
        return Ok(Policy::default());
    };
    let text = policy_file::read(path).map_err(PolicyFailure::Unreadable)?;
    Policy::read(&text, commands).map_err(|problems| {
        let path = printable(path.as_os_str().as_bytes());
        for problem in &problems {
            log(Level::Warning, &format!("secaudit: {path}: {problem}"));
        }
        PolicyFailure::Problems { path, problems }
    })
}

/// Why a policy file is not put in force.
pub enum PolicyFailure {
    /// It cannot be read, for this reason.
    Unreadable(String),
    /// It was read, and this is wrong with it.
    Problems {
        /// The file, printable.
        path: String,
        /// All of it, in order.
        problems: Vec<Problem>,
    },
}

impl PolicyFailure {
    /// For the log, where the problems stand already.
    fn in_short(&self) -> String {
        match self {
            Self::Unreadable(reason) => reason.clone(),
            Self::Problems { path, problems } => match problems.len() {
                1 => format!("the policy file {path} has 1 problem: see the line above"),
                count => {
                    format!("the policy file {path} has {count} problems: see the lines above")
                }
            },
        }
    }

    /// For who asked: the first few with their places.
    pub fn in_full(&self) -> String {
        let (path, problems) = match self {
            Self::Unreadable(reason) => return reason.clone(),
            Self::Problems { path, problems } => (path, problems),
        };
        let list: Vec<String> = problems.iter().take(8).map(ToString::to_string).collect();
        let more = match problems.len() {
            0..=8 => String::new(),
            count => format!("; and {} more, all in the server's log", count - 8),
        };
        let word = if problems.len() == 1 {
            "problem"
        } else {
            "problems"
        };
        let count = problems.len();
        format!(
            "the policy file {path} has {count} {word}: {}{more}",
            list.join("; ")
        )
    }
}

/// Fixes where the policy file is. The argument of loadmodule is the short form of `secaudit.policy-file`.
fn find_policy_file(ctx: Ctx<'_>, module: &Module, argument: Option<&[u8]>) -> Result<(), String> {
    let setting = module.settings.policy_file.borrow().clone();
    let by_setting = absolute(&setting)?;
    let by_argument = absolute(argument.unwrap_or_default())?;
    if let (Some(one), Some(other)) = (&by_argument, &by_setting)
        && one != other
    {
        return Err(format!(
            "loadmodule names the policy file {} and secaudit.policy-file names {}: keep one of the two",
            printable(one.as_os_str().as_bytes()),
            printable(other.as_os_str().as_bytes())
        ));
    }
    if let Some(argument) = argument.filter(|path| path.iter().any(|byte| b" \"'\\".contains(byte)))
    {
        log(
            Level::Warning,
            &format!(
                "secaudit: CONFIG REWRITE writes arguments of loadmodule without quotes, and the server would not start again \
                 with this one: name the policy file by secaudit.policy-file, or without blanks, quotes and backslashes: {}",
                printable(argument)
            ),
        );
    }
    if let (Some(argument), None) = (argument, &by_setting) {
        configs::set_policy_file(ctx.lock(), argument);
    }
    let path = by_argument.or(by_setting);
    module.settings.policy_path.replace(path);
    Ok(())
}

/// Relative paths start from the server's directory at start, as redis.conf's own do; an empty one is none.
fn absolute(path: &[u8]) -> Result<Option<PathBuf>, String> {
    if path.is_empty() {
        return Ok(None);
    }
    let found = std::path::absolute(OsStr::from_bytes(path));
    found.map(Some).map_err(|error| {
        let path = printable(path);
        format!("the policy file {path} cannot be found: {error}")
    })
}

fn greet(ctx: Ctx<'_>, module: &Module) {
    let policy = module.policy.borrow();
    let filter = if ffi::filter_is_registered(ctx.lock()) {
        "registered"
    } else {
        "not needed"
    };
    let told = if module.capabilities.get().caller_identity {
        ""
    } else {
        "; this server does not tell modules which client calls"
    };
    log(
        Level::Notice,
        &format!(
            "secaudit {}: mode {}, {}, command filter {filter}{told}",
            env!("CARGO_PKG_VERSION"),
            policy.mode().word(),
            statement::counted(policy.statements().len()),
        ),
    );
}
