//! A policy's names held against the commands that this server has.

use super::condition::Condition;
use super::hidden;
use super::name::Name;
use super::nearest::did_you_mean;
use super::parse::Draft;
use super::problem::Problem;
use super::statement::{Action, Body, Category, Rule, Target};
use crate::render::escape::printable;

/// Commands without which a connection, a replica or this module cannot live: touching them needs `force`.
pub const NEEDS_FORCE: [&str; 12] = [
    "auth", "hello", "reset", "quit", "multi", "exec", "discard", "replconf", "psync", "sync",
    "secgate", "secaudit",
];

/// Words on which a server ends the connection: a browser, or whoever else was talked into it, sends an HTTP request, and
/// the commands would be in its body. Servers look for them behind the filter, so a gate that gave them another name would
/// switch that off. (securityWarningCommand, Redis 7.0 to 8.6, Valkey 8.0 to 9.1)
pub const ENDS_CONNECTION: [&str; 2] = ["post", "host:"];

/// What the server has under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It has it, and clients call it by `wire`; that differs only where redis.conf's rename-command was at work.
    Here {
        /// The name clients send.
        wire: Vec<u8>,
    },
    /// redis.conf's rename-command gave it a name that could not be found out.
    RenamedAway,
    /// redis.conf's rename-command removed it.
    Removed,
    /// It never had it.
    Absent,
}

/// The server's command table, as a policy needs to know it.
pub trait Commands {
    /// What stands under this (canonical) name.
    fn find(&self, command: &[u8]) -> Found;
    /// Whether the command has registered subcommands.
    fn is_container(&self, wire: &[u8]) -> bool;
    /// Whether a container has this subcommand.
    fn has_subcommand(&self, wire: &[u8], sub: &[u8]) -> bool;
    /// The names of all commands, or of all subcommands of one, for "did you mean".
    fn names(&self, container: Option<&[u8]>) -> Vec<String>;
    /// Whether a master can send it over the replication link (write commands and the like). Asked on servers that
    /// do not tell a filter who is calling.
    fn may_come_on_link(&self, wire: &[u8]) -> bool;
    /// The commands, whole or by subcommand, in an ACL category on this server; `None` if it has no such category.
    fn category(&self, category: &[u8]) -> Option<Vec<Name>>;
    /// The names of the ACL categories.
    fn categories(&self) -> Vec<String>;
    /// Whether the server tells a filter who is calling.
    fn tells_who_calls(&self) -> bool;
    /// Whether the audit has a check of this id; if not, the id it most likely stood for.
    fn find_check(&self, id: &str) -> Result<(), Option<&'static str>>;
}

/// All that is wrong with a statement on this server.
pub fn problems(draft: &Draft, commands: &dyn Commands) -> Vec<Problem> {
    let mut found = Vec::new();
    let known = |name: &Name| unknown(name, draft.optional, commands);
    let known_category = |category: &Category| match draft.optional {
        true => None,
        false => {
            unknown_category(category, commands).or_else(|| hidden::in_category(category, commands))
        }
    };
    match &draft.body {
        Body::Rule(rule) => {
            for target in &rule.targets {
                match target {
                    Target::Command(name) => found.extend(known(name)),
                    Target::Category(category) => {
                        found.extend(known_category(category));
                    }
                    Target::Every
                        if rule.action == Action::Allow || draft.optional || draft.force => {}
                    Target::Every => found.extend(hidden::in_all(draft.at, commands)),
                }
            }
            found.extend(not_config(rule, commands));
        }
        Body::Profile { .. } if draft.optional => {}
        Body::Profile { profile, .. } => {
            found.extend(hidden::in_profile(profile, draft.at, commands));
        }
        Body::Rename { old, new } => {
            found.extend(known(old));
            found.extend(not_free(old, new, commands));
        }
        Body::Alias { new, target } => {
            found.extend(known(target));
            found.extend(not_free(target, new, commands));
        }
        Body::Suppress { check, at, .. } => {
            if let Err(nearest) = commands.find_check(check) {
                let hint = nearest.map_or_else(
                    || "SECAUDIT CHECKS lists them".to_owned(),
                    |id| format!("did you mean '{id}'?"),
                );
                let check = printable(check.as_bytes());
                found.push(Problem::new(
                    *at,
                    format!("unknown check '{check}': {hint}"),
                ));
            }
        }
        Body::Administrators(_) => {}
    }
    found.extend(unforced(draft, commands));
    found.extend(untold(draft, commands));
    found
}

/// The problem with a condition that this server cannot decide.
fn untold(draft: &Draft, commands: &dyn Commands) -> Option<Problem> {
    let mut conditions = draft.body.conditions().iter();
    let condition = conditions.find(|condition| condition.needs_identity())?;
    if commands.tells_who_calls() {
        return None;
    }
    let message = format!(
        "{}= needs a server that tells a filter who is calling: Redis 7.2 or newer, or Valkey",
        condition.key()
    );
    Some(Problem::new(draft.at, message))
}

/// `param=` is about CONFIG only.
fn not_config(rule: &Rule, commands: &dyn Commands) -> Vec<Problem> {
    let param = |condition: &Condition| matches!(condition, Condition::Param(_));
    if !rule.conditions.iter().any(param) {
        return Vec::new();
    }
    let config = wire(b"config", commands);
    let meant = |target: &Target| match target {
        Target::Command(name) => {
            let subs: [Option<&[u8]>; 3] = [None, Some(b"get"), Some(b"set")];
            wire(&name.command, commands) == config && subs.contains(&name.sub.as_deref())
        }
        Target::Every | Target::Category(_) => false,
    };
    let problem = |target: &Target| {
        let (shown, at) = match target {
            Target::Every => ("*".to_owned(), None),
            Target::Category(category) => {
                let name = String::from_utf8_lossy(&category.name);
                (format!("@{name}"), Some(category.at))
            }
            Target::Command(name) => (name.to_string(), Some(name.at)),
        };
        let message = format!("param= is for config, config|get and config|set, not for '{shown}'");
        Problem::new(at.unwrap_or_default(), message)
    };
    let wrong = rule.targets.iter().filter(|target| !meant(target));
    wrong.map(problem).collect()
}

fn unknown_category(category: &Category, commands: &dyn Commands) -> Option<Problem> {
    if commands.category(&category.name).is_some() {
        return None;
    }
    let names = commands.categories();
    let name = String::from_utf8_lossy(&category.name);
    let hint = match did_you_mean(&category.name, &names) {
        _ if category.name == b"all" => ": all commands are written *".to_owned(),
        hint if hint.is_empty() && names.is_empty() => {
            ": the server's command table cannot be read, name the commands".to_owned()
        }
        hint if hint.is_empty() => ": ACL CAT lists those of this server".to_owned(),
        hint => hint,
    };
    Some(Problem::new(
        category.at,
        format!("unknown category '@{name}'{hint}"),
    ))
}

/// The name clients send for a command, whatever the policy calls it.
pub fn wire(command: &[u8], commands: &dyn Commands) -> Vec<u8> {
    match commands.find(command) {
        Found::Here { wire } => wire,
        _ => command.to_vec(),
    }
}

fn unforced(draft: &Draft, commands: &dyn Commands) -> Vec<Problem> {
    let names: Vec<&Name> = match &draft.body {
        Body::Rule(rule) if rule.action == Action::Allow => Vec::new(),
        Body::Profile { .. } => Vec::new(),
        Body::Rule(rule) => rule
            .targets
            .iter()
            .filter_map(|target| match target {
                Target::Command(name) => Some(name),
                Target::Every | Target::Category(_) => None,
            })
            .collect(),
        Body::Rename { old, .. } => vec![old],
        Body::Alias { .. } | Body::Suppress { .. } | Body::Administrators(_) => Vec::new(),
    };
    // Also under the names that rename-command gave them.
    let vital = NEEDS_FORCE.map(|name| wire(name.as_bytes(), commands));
    let touchy = |name: &&Name| !draft.force && vital.contains(&wire(&name.command, commands));
    names
        .into_iter()
        .filter(touchy)
        .map(|name| {
            let message = format!(
                "'{name}' is one of the commands that connections, replicas or this module cannot live without: \
                 add the word force if you mean it"
            );
            Problem::new(name.at, message)
        })
        .collect()
}

/// The problem with a name that the server does not have.
fn unknown(name: &Name, optional: bool, commands: &dyn Commands) -> Option<Problem> {
    if optional {
        return None;
    }
    let command = String::from_utf8_lossy(&name.command).into_owned();
    let message = match commands.find(&name.command) {
        Found::Here { wire } => return unknown_subcommand(name, &wire, commands),
        Found::RenamedAway => format!(
            "'{command}' has another name here, given by rename-command in redis.conf, and it could not be read from \
             the configuration file: write the name that clients send, or add the word optional"
        ),
        Found::Removed => format!(
            "'{command}' was removed by rename-command in redis.conf, so no call of it can come: \
             leave it out, or add the word optional"
        ),
        Found::Absent => {
            // A name with a dot is a module's: no command of the server's own is what it meant.
            let dotted = command.contains('.');
            let names = commands.names(None);
            let alike = names.iter().filter(|name| name.contains('.') == dotted);
            let hint = did_you_mean(&name.command, alike);
            let hint = if hint.is_empty() {
                ": add the word optional if a module will bring it".to_owned()
            } else {
                hint
            };
            format!("unknown command '{command}'{hint}")
        }
    };
    Some(Problem::new(name.at, message))
}

fn unknown_subcommand(name: &Name, wire: &[u8], commands: &dyn Commands) -> Option<Problem> {
    let sub = name.sub.as_deref()?;
    if !commands.is_container(wire) || commands.has_subcommand(wire, sub) {
        return None;
    }
    let hint = did_you_mean(sub, &commands.names(Some(wire)));
    let sub = String::from_utf8_lossy(sub);
    let command = String::from_utf8_lossy(&name.command);
    let message = format!("unknown subcommand '{sub}' of '{command}'{hint}");
    Some(Problem::new(name.at, message))
}

/// A new name must be free, and of the shape of what it stands for.
pub fn not_free(real: &Name, new: &Name, commands: &dyn Commands) -> Option<Problem> {
    let ends = |word: &str| word.as_bytes() == new.command;
    let message = match (&real.sub, &new.sub) {
        (None, _) if ENDS_CONNECTION.iter().any(|word| ends(word)) => {
            format!(
                "'{new}' is a word of HTTP on which servers end the connection: choose another name"
            )
        }
        (None, None) => match commands.find(&new.command) {
            Found::Here { .. } => {
                format!("'{new}' is already a command: choose a name that is free")
            }
            Found::RenamedAway | Found::Removed | Found::Absent => return None,
        },
        (Some(_), Some(sub)) if real.command == new.command => {
            let wire = wire(&real.command, commands);
            if !commands.is_container(&wire) {
                format!(
                    "'{}' has no subcommands to give names to",
                    String::from_utf8_lossy(&real.command)
                )
            } else if commands.has_subcommand(&wire, sub) {
                format!("'{new}' is already a subcommand: choose a name that is free")
            } else {
                return None;
            }
        }
        (Some(_), _) => format!(
            "a subcommand keeps its command: write {}|NEWNAME",
            String::from_utf8_lossy(&real.command)
        ),
        (None, Some(_)) => "a command's new name is one word, without '|'".to_owned(),
    };
    Some(Problem::new(new.at, message))
}

/// A command table for unit tests, like that of a small server.
#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::policy::parse;

    /// Knows a handful of commands; CONFIG has subcommands; DEBUG was removed; ACL renamed away; KEYS is now `k3ys`,
    /// MONITOR `LONG_NAME`.
    pub struct FewCommands;

    /// What rename-command made of a name, longer than any that a policy may write.
    pub const LONG_NAME: &[u8] = &[b'x'; 80];

    impl Commands for FewCommands {
        fn find(&self, command: &[u8]) -> Found {
            let here = |wire: &[u8]| Found::Here {
                wire: wire.to_vec(),
            };
            match command {
                b"keys" => here(b"k3ys"),
                b"monitor" => here(LONG_NAME),
                b"debug" => Found::Removed,
                b"acl" => Found::RenamedAway,
                _ if self
                    .names(None)
                    .iter()
                    .any(|name| name.as_bytes() == command) =>
                {
                    here(command)
                }
                _ => Found::Absent,
            }
        }
        fn is_container(&self, wire: &[u8]) -> bool {
            wire == b"config" || wire == b"acl"
        }
        fn has_subcommand(&self, _: &[u8], sub: &[u8]) -> bool {
            self.names(Some(b""))
                .iter()
                .any(|name| name.as_bytes() == sub)
        }
        fn names(&self, container: Option<&[u8]>) -> Vec<String> {
            let names: &[&str] = match container {
                Some(_) => &["get", "set", "rewrite"],
                None => &[
                    "get", "set", "del", "flushall", "flushdb", "config", "auth", "multi", "exec",
                    "secgate", "object", "k3ys", "eval",
                ],
            };
            names.iter().map(ToString::to_string).collect()
        }
        fn may_come_on_link(&self, wire: &[u8]) -> bool {
            matches!(wire, b"set" | b"del" | b"flushall" | b"flushdb")
        }
        fn category(&self, category: &[u8]) -> Option<Vec<Name>> {
            let name = |command: &[u8], sub: Option<&[u8]>| Name {
                command: command.to_vec(),
                sub: sub.map(<[u8]>::to_vec),
                at: crate::policy::problem::At::default(),
            };
            match category {
                b"dangerous" => Some(vec![
                    name(b"flushall", None),
                    name(b"config", Some(b"set")),
                    name(b"auth", None),
                ]),
                b"admin" => Some(vec![
                    name(b"monitor", None),
                    name(b"acl", Some(b"setuser")),
                    name(b"acl", Some(b"deluser")),
                    name(b"debug", None),
                ]),
                _ => None,
            }
        }
        fn categories(&self) -> Vec<String> {
            vec!["dangerous".to_owned()]
        }
        fn tells_who_calls(&self) -> bool {
            true
        }
        fn find_check(&self, id: &str) -> Result<(), Option<&'static str>> {
            match id {
                "net.tls" | "net.bind" => Ok(()),
                "net.tsl" => Err(Some("net.tls")),
                _ => Err(None),
            }
        }
    }

    fn found(text: &str) -> Vec<String> {
        let file = parse::file(text.as_bytes());
        assert_eq!(file.problems, []);
        let problems = file
            .drafts
            .iter()
            .flat_map(|draft| problems(draft, &FewCommands));
        problems.map(|problem| problem.to_string()).collect()
    }

    #[test]
    fn names_that_the_server_does_not_have_are_told_with_what_it_has_instead() {
        for (text, part) in [
            (
                "deny flushal",
                "column 6: unknown command 'flushal': did you mean 'flushall'?",
            ),
            (
                "deny get config|ste",
                "column 10: unknown subcommand 'ste' of 'config': did you mean 'set'?",
            ),
            ("deny ft.search", "add the word optional"),
            ("deny debug", "was removed by rename-command"),
            ("deny acl", "has another name here"),
            ("alias get flushall", "column 7: 'get' is already a command"),
            ("rename config|set config|get", "already a subcommand"),
            ("rename config|set other", "write config|NEWNAME"),
            ("rename config|set debug|x", "write config|NEWNAME"),
            ("rename config a|b", "one word"),
            ("rename object|help object|x", "no subcommands"),
            ("deny auth", "add the word force"),
            ("rename multi m1", "add the word force"),
            ("deny @dangeros", "did you mean 'dangerous'?"),
            ("deny @slow", "ACL CAT lists"),
            ("deny @all", "all commands are written *"),
            ("deny get param=dir", "param= is for config"),
            ("deny config|rewrite param=dir", "param= is for config"),
            ("deny @dangerous param=dir", "not for '@dangerous'"),
        ] {
            let problems = found(text);
            assert!(
                problems.len() == 1 && problems.concat().contains(part),
                "{text}: {problems:?}"
            );
        }
    }

    #[test]
    fn names_that_the_server_has_pass_and_so_do_those_the_operator_vouches_for() {
        for text in [
            "deny flushall config|set *",
            "deny ft.search debug acl optional",
            "deny auth force",
            "allow auth",
            "deny keys",
            "deny object|help",
            "deny @dangerous user=app from=10.0.0.0/8",
            "deny @nothing optional",
            "deny config config|set config|get param=dir,!x arg=y via=script",
            "rename config c0nfig",
            "alias debug2 get",
            "rename config|set config|s3t",
        ] {
            assert_eq!(found(text), Vec::<String>::new(), "{text}");
        }
    }
}
