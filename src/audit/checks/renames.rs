//! Checks of new names: none that is easily guessed, and none by `rename-command`.

use std::collections::BTreeSet;

use super::sentinel::{self, Watch};
use super::{keeping, steps};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Configured, Fact, Facts, NewName, RenameLine, Secret, Standing};
use crate::render::escape::printable_up_to;

/// `cmd.rename-guessable`: a new name that is guessed hides nothing.
pub struct Guessable;

/// `cmd.rename-command`: new names come from the gate.
pub struct RenameCommand;

/// Shorter than this, all names can be tried.
const LONG_ENOUGH: usize = 8;
/// A name that takes more tries than this (as a power of ten) is not guessed, whatever words it is made of.
const OUT_OF_REACH: f64 = 10.0;
/// How much of a name may be explained by words and patterns. In a random one a short word turns up now and then.
const BY_CHANCE: f64 = 0.2;

impl Check for Guessable {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "cmd.rename-guessable",
            title: "New names of commands cannot be guessed",
            category: Category::Commands,
            severity: Severity::Medium,
            worst: Severity::Medium,
            tutorial: false,
            why: "A renamed command is hidden, not barred: the server tells anybody at a million tries a second whether a name \
                  exists. The example names of tutorials are the first that are tried.",
            expected: "8 characters or more, without the old name in them and without words",
            remedy: "Give the command a random name, or deny it and let nobody have it.",
            references: &[steps::TUTORIAL, steps::SECURITY],
            fix: Fix::Plan,
            exposed: Exposed::Clients,
            cap: "a renamed command can be found by guessing",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let names = names(facts);
        let mut weak = Vec::new();
        let mut actual = Vec::new();
        for name in &names {
            if let Some(fault) = fault(name.command, name.new) {
                actual.push(format!(
                    "{}: its {} {fault} ({})",
                    shown(name.command),
                    name.kind(),
                    name.source()
                ));
                weak.push(name);
            }
        }
        if weak.is_empty() {
            return match facts.configured.as_ref().and_then(|file| file.gap.as_ref()) {
                Some(gap) => Outcome::unknown(format!("redis.conf may give more names: {gap}")),
                None if names.is_empty() => Outcome::not_applicable("no command has a new name"),
                None => Outcome::pass(format!(
                    "{} new {}, none of which is easily guessed",
                    names.len(),
                    if names.len() == 1 { "name" } else { "names" }
                )),
            };
        }
        let failure = Failure::new(actual).steps(guessable_steps(facts, &weak));
        let hides_nothing = |name: &&&Name| {
            name.is_alias()
                && !names
                    .iter()
                    .any(|other| !other.is_alias() && other.command == name.command)
        };
        match weak.iter().all(|name| hides_nothing(&name)) {
            true => failure
                .severity(
                    Severity::Low,
                    "each is a second name beside the real one, which works all the same",
                )
                .into(),
            false => failure.into(),
        }
    }
}

impl Check for RenameCommand {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "cmd.rename-command",
            title: "redis.conf renames no command",
            category: Category::Commands,
            severity: Severity::Low,
            worst: Severity::Low,
            tutorial: false,
            why: "rename-command is deprecated: a change needs a restart, an AOF written under other names does not load, \
                  replicas must have the same lines, and Sentinel and clients that use the command break.",
            expected: "new names and removals as statements of the gate, which the AOF and replicas do not see",
            remedy: "Put the same into the policy, then take the lines out of redis.conf and restart once.",
            references: &[
                steps::SECURITY,
                "https://github.com/redis/redis/issues/2783",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Host,
            cap: "redis.conf renames commands, which breaks the AOF and replicas",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let none = Configured::default();
        let file = facts.configured.as_ref().unwrap_or(&none);
        let mut actual = lines_shown(file);
        let told: BTreeSet<&[u8]> = file
            .renames
            .iter()
            .map(|line| line.command.as_slice())
            .collect();
        let untold = facts.commands.iter().filter(|command| {
            let gone = matches!(
                command.standing,
                Fact::Known(Standing::Renamed | Standing::Removed)
            );
            gone && !told.contains(container(command.name))
        });
        let untold: Vec<&str> = untold.map(|command| command.name).collect();
        if !untold.is_empty() {
            actual.push(format!(
                "renamed or removed at start, though no line that can be read says so: {}",
                untold.join(" ")
            ));
        }
        if !actual.is_empty() {
            return Failure::new(actual)
                .steps(rename_command_steps(facts, file))
                .into();
        }
        if let Some(gap) = &file.gap {
            return Outcome::unknown(format!("redis.conf may rename commands: {gap}"));
        }
        let unread = facts
            .commands
            .iter()
            .find_map(|command| command.standing.known().err());
        match unread {
            Some(reason) => Outcome::unknown(reason),
            None => Outcome::pass("no rename-command line, and every command has its own name"),
        }
    }
}

/// One new name, wherever it comes from.
struct Name<'f> {
    command: &'f [u8],
    new: &'f Secret,
    origin: Origin<'f>,
}

enum Origin<'f> {
    File,
    Gate(&'f NewName),
}

impl Name<'_> {
    fn is_alias(&self) -> bool {
        matches!(self.origin, Origin::Gate(name) if name.alias)
    }
    fn kind(&self) -> &'static str {
        if self.is_alias() { "alias" } else { "new name" }
    }
    fn source(&self) -> String {
        match self.origin {
            Origin::File => "rename-command".to_owned(),
            Origin::Gate(name) => format!("statement {}", name.statement),
        }
    }
}

fn names(facts: &Facts) -> Vec<Name<'_>> {
    let lines = facts.configured.iter().flat_map(|file| &file.renames);
    let from_file = lines.filter_map(|line| {
        Some(Name {
            command: &line.command,
            new: line.new.as_ref()?,
            origin: Origin::File,
        })
    });
    let from_gate = facts.gate.names.iter().map(|name| Name {
        command: &name.command,
        new: &name.new,
        origin: Origin::Gate(name),
    });
    from_file.chain(from_gate).collect()
}

/// What is wrong with a new name, in words that do not betray it.
fn fault(command: &[u8], new: &Secret) -> Option<&'static str> {
    let old = String::from_utf8_lossy(command).to_lowercase();
    let parts: Vec<&str> = old.split('|').collect();
    let own = parts.last().copied().unwrap_or_default();
    // A byte that is no text stands for itself.
    let new: String = new
        .reveal()
        .iter()
        .take(100)
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    if !own.is_empty() && new.contains(own) {
        return Some("holds the old one");
    }
    if new.chars().count() < LONG_ENOUGH {
        return Some("is shorter than 8 characters");
    }
    let mut words = parts;
    words.extend([
        "redis", "valkey", "command", "renamed", "disabled", "secret", "hidden",
    ]);
    let guess = zxcvbn::zxcvbn(&new, &words);
    // To the estimator, a character that no pattern explains is ten tries.
    let unexplained = f64::from(u8::try_from(new.chars().count()).unwrap_or(100));
    let tries = guess.guesses_log10();
    let patterned = tries < unexplained * (1.0 - BY_CHANCE) && tries < OUT_OF_REACH;
    patterned.then_some("is made of words or patterns that guessers try first")
}

/// `client` of `client|kill`.
fn container(name: &str) -> &[u8] {
    name.split('|').next().unwrap_or_default().as_bytes()
}

fn shown(command: &[u8]) -> String {
    printable_up_to(command, 64)
}

/// What each file says, the names it takes away and those it changes.
fn lines_shown(file: &Configured) -> Vec<String> {
    let mut actual = Vec::new();
    for path in files(file) {
        let shown_path = printable_up_to(path, 200);
        for (removed, what) in [(true, "removed"), (false, "renamed")] {
            let wanted = |line: &RenameLine| line.file == path && line.new.is_none() == removed;
            let commands = commands(file, wanted);
            if !commands.is_empty() {
                let commands = commands.join(" ");
                actual.push(format!("{shown_path}: rename-command, {what}: {commands}"));
            }
        }
    }
    actual
}

/// The files with such lines.
fn files(file: &Configured) -> BTreeSet<&[u8]> {
    let lines = file.renames.iter();
    lines.map(|line| line.file.as_slice()).collect()
}

fn guessable_steps(facts: &Facts, weak: &[&Name<'_>]) -> Vec<String> {
    let cli = steps::cli(facts);
    let mut lines: Vec<String> = of_a_sentinel(facts, weak).into_iter().collect();
    for name in weak.iter().take(5) {
        let Origin::Gate(new) = name.origin else {
            continue;
        };
        let command = steps::shell_path(name.command);
        let random = random_name(name.command);
        let statement = match new.alias {
            true => format!("ALIAS {random} {command}"),
            false => format!("RENAME {command} {random}"),
        };
        lines.push(format!("{cli} SECGATE DEL {}", new.statement));
        lines.push(format!(
            "{cli} SECGATE {statement}   # SECGATE LIST shows you the new name"
        ));
    }
    if !lines.is_empty() {
        lines.push(keeping::policy(facts));
    }
    let by_file = weak
        .iter()
        .filter(|name| matches!(name.origin, Origin::File));
    let by_file: Vec<String> = by_file.map(|name| shown(name.command)).collect();
    if !by_file.is_empty() {
        lines.push(format!(
            "# of {}: change the rename-command lines and restart, or move them to the gate (cmd.rename-command tells how)",
            steps::first_few(&by_file, 6)
        ));
    }
    lines
}

/// What to mind of names by which a Sentinel knows commands that it runs: no failover succeeds on a node that does not
/// know the name which the Sentinel was told.
fn of_a_sentinel(facts: &Facts, weak: &[&Name<'_>]) -> Option<String> {
    let runs = |name: &&&Name<'_>| {
        let command = std::str::from_utf8(name.command);
        command.is_ok_and(|command| sentinel::needs(facts, command))
    };
    let watched = sentinel::watch(facts) != Watch::No;
    let names: Vec<String> = weak
        .iter()
        .filter(runs)
        .map(|name| shown(name.command))
        .collect();
    (watched && !names.is_empty()).then(|| {
        format!(
            "# a Sentinel that watches runs {} by the name it was told: choose the new name once for all nodes, make it an \
             ALIAS on every node first, tell every Sentinel ('sentinel rename-command'), and only then take the old one away",
            names.join(", ")
        )
    })
}

/// A random name for a command; for a subcommand, one within its container.
fn random_name(command: &[u8]) -> String {
    let random = "$(openssl rand -hex 12)";
    match command.iter().position(|byte| *byte == b'|') {
        Some(end) => format!(
            "\"{}|{random}\"",
            shown(command.get(..end).unwrap_or_default())
        ),
        None => format!("\"{random}\""),
    }
}

fn rename_command_steps(facts: &Facts, file: &Configured) -> Vec<String> {
    let mut lines = Vec::new();
    let removed = commands(file, |line| line.new.is_none());
    let renamed = commands(file, |line| line.new.is_some());
    if !removed.is_empty() {
        lines.push(format!(
            "# in the policy's words: deny {}",
            removed.join(" ")
        ));
    }
    for command in renamed.iter().take(10) {
        lines.push(format!(
            "# in the policy's words: rename {command} ITS-NEW-NAME"
        ));
    }
    let policy = match &facts.gate.policy_file {
        Some(path) => steps::shell_path(path),
        None => "/etc/redis/secaudit/secaudit.policy".to_owned(),
    };
    for path in files(file).into_iter().take(5).map(steps::shell_path) {
        lines.push(format!(
            "grep -ih '^\\s*rename-command\\s' {path} | awk '$3~/^[\"\\047]+$/{{print \"deny\",$2;next}}{{print \"rename\",$2,$3}}' >> {policy}   # writes these statements; the new names stay as they are"
        ));
        lines.push(format!(
            "sed -i -E 's/^[[:space:]]*rename-command/# &/I' {path}"
        ));
    }
    if lines.is_empty() {
        lines.push("# take rename-command out of the server's command line, and DENY or RENAME with SECGATE".to_owned());
    }
    lines.push("# restart the server, with loadmodule naming that policy file".to_owned());
    lines
}

/// The commands of these lines.
fn commands(file: &Configured, wanted: impl Fn(&RenameLine) -> bool) -> Vec<String> {
    let lines = file.renames.iter().filter(|line| wanted(line));
    lines.map(|line| shown(&line.command)).collect()
}

#[cfg(test)]
#[path = "renames_tests.rs"]
mod tests;
