//! Checks of what can be run: the commands that erase, leak or take over.

use std::collections::BTreeSet;

use super::{access, steps};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::command_names::{CONFIG, DANGEROUS, DATA_LOSS};
use crate::audit::facts::Facts;
use crate::audit::fix::Action;

/// `cmd.dangerous`: nobody can run what erases, leaks or takes over.
pub struct Dangerous;

/// `cmd.data-loss`: deleting is for those who need it.
pub struct DataLoss;

/// `cmd.config`: CONFIG does not answer to its own name.
pub struct Config;

impl Check for Dangerous {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "cmd.dangerous",
            title: "No dangerous command is reachable",
            category: Category::Commands,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: true,
            why: "One of these commands erases all data, stops or blocks the server, reads everybody's traffic, or makes the \
                  server load code and follow a stranger as its master.",
            expected: "each one removed, renamed, denied by the gate, or barred by ACL for every enabled user",
            remedy: "Deny them with the gate, at once and without a restart, or take them from each user with ACL.",
            references: &[steps::TUTORIAL, steps::SECURITY, steps::ACL],
            fix: Fix::Auto,
            exposed: Exposed::Clients,
            cap: "commands that erase, leak or take over can be run",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        judged(facts, &DANGEROUS, dangerous_steps, dangerous_actions)
    }
}

impl Check for Config {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "cmd.config",
            title: "CONFIG does not answer to its own name",
            category: Category::Commands,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: true,
            why: "CONFIG SET dir and dbfilename write a file of an attacker's choice, which is how most takeovers of Redis \
                  end; CONFIG GET reads the passwords in clear.",
            expected: "removed, renamed, denied by the gate, or barred by ACL for every enabled user",
            remedy: "Rename it with the gate, so that only you know it, or deny it.",
            references: &[steps::TUTORIAL, steps::SECURITY],
            fix: Fix::Auto,
            exposed: Exposed::Clients,
            cap: "CONFIG can be run, and with it files written and passwords read",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let actions = |facts: &Facts, _: &Open| vec![deny(facts, CONFIG, "no-config")];
        judged(facts, &[CONFIG], |facts, _| config_steps(facts), actions)
    }
}

impl Check for DataLoss {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "cmd.data-loss",
            title: "Only users who write can delete",
            category: Category::Commands,
            severity: Severity::Info,
            worst: Severity::Info,
            tutorial: true,
            why: "The tutorial lists these commands among the dangerous ones. Most applications need them, but a user who \
                  only reads does not, and a user whose rights nobody fitted can do more than it should.",
            expected: "no user who only reads, and none with rights to administer, can delete or rename keys",
            remedy: "Give each application a user of its own, and take from readers what they do not need.",
            references: &[steps::TUTORIAL, steps::ACL],
            fix: Fix::Plan,
            exposed: Exposed::Clients,
            cap: "users who need not can delete keys",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let summary = access::summary(facts, &DATA_LOSS);
        let able: BTreeSet<&[u8]> = summary
            .open
            .iter()
            .flat_map(|(_, users)| users.iter().map(Vec::as_slice))
            .collect();
        let writers: BTreeSet<&[u8]> = match facts.writers.known() {
            Ok(writers) => writers.iter().map(Vec::as_slice).collect(),
            Err(reason) if !able.is_empty() => return Outcome::unknown(reason),
            Err(_) => BTreeSet::new(),
        };
        let without_limits = without_limits(facts);
        let mut actual = summary.lines;
        let mut unlimited = Vec::new();
        let mut readers = Vec::new();
        for user in able {
            if !writers.contains(user) {
                readers.push(user.to_vec());
            } else if without_limits.contains(user) {
                unlimited.push(user.to_vec());
            }
        }
        if !readers.is_empty() {
            actual.push(format!("only reads otherwise: {}", access::names(&readers)));
        }
        if !unlimited.is_empty() {
            actual.push(format!(
                "not limited to what an application needs: {}",
                access::names(&unlimited)
            ));
        }
        if !readers.is_empty() || !unlimited.is_empty() {
            return Failure::new(actual)
                .steps(data_loss_steps(facts, &readers))
                .into();
        }
        match summary.unknown {
            Some(reason) => Outcome::unknown(reason),
            None => Outcome::Pass(actual),
        }
    }
}

/// The commands somebody can run, and who.
type Open = [(&'static str, Vec<Vec<u8>>)];

/// Fails when one of these commands is open, is unknown when one is unknown, and passes else.
fn judged(
    facts: &Facts,
    names: &[&'static str],
    remedy: impl Fn(&Facts, &Open) -> Vec<String>,
    actions: impl Fn(&Facts, &Open) -> Vec<Action>,
) -> Outcome {
    let summary = access::summary(facts, names);
    if !summary.open.is_empty() {
        let steps = remedy(facts, &summary.open);
        let actions = actions(facts, &summary.open);
        return Failure::new(summary.lines)
            .steps(steps)
            .actions(actions)
            .into();
    }
    match summary.unknown {
        Some(reason) => Outcome::unknown(reason),
        None => Outcome::Pass(summary.lines),
    }
}

/// Users whom the ACL lets run dangerous commands: nobody fitted their rights to their needs.
fn without_limits(facts: &Facts) -> BTreeSet<&[u8]> {
    let dangerous = facts
        .commands
        .iter()
        .filter(|command| DANGEROUS.contains(&command.name));
    dangerous
        .filter_map(|command| command.access.known().ok())
        .flatten()
        .filter(|access| access.acl)
        .map(|access| access.user.as_slice())
        .collect()
}

/// Replicas need these two, and the gate denies them only by force: they are ACL's to take.
const OF_REPLICAS: [&str; 2] = ["sync", "psync"];

fn deny(facts: &Facts, commands: &str, id: &str) -> Action {
    let spared = steps::but_administrators(facts);
    Action::Statement(format!("deny {commands}{spared} id={id}"))
}

fn dangerous_actions(facts: &Facts, open: &Open) -> Vec<Action> {
    let names = open.iter().map(|(name, _)| *name);
    let names: Vec<&str> = names.filter(|name| !OF_REPLICAS.contains(name)).collect();
    if names.is_empty() {
        return Vec::new();
    }
    vec![deny(facts, &names.join(" "), "no-dangerous")]
}

fn dangerous_steps(facts: &Facts, open: &Open) -> Vec<String> {
    let cli = steps::cli(facts);
    let (acl, gate): (Vec<_>, Vec<_>) = open
        .iter()
        .partition(|(name, _)| OF_REPLICAS.contains(name));
    let mut lines = Vec::new();
    if !acl.is_empty() {
        let mut users: Vec<&Vec<u8>> = acl.iter().flat_map(|(_, users)| users).collect();
        users.sort();
        users.dedup();
        for user in users.into_iter().take(5) {
            lines.push(format!(
                "{cli} ACL SETUSER {} -sync -psync   # unless replicas log in as this user",
                steps::shell_user(user)
            ));
        }
    }
    let denied: Vec<&str> = gate
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| *name != CONFIG)
        .collect();
    if !denied.is_empty() {
        lines.push(format!(
            "{cli} SECGATE DENY {}{} id=no-dangerous",
            quoted(&denied),
            steps::but_administrators_in_shell(facts)
        ));
    }
    if gate.iter().any(|(name, _)| *name == CONFIG) {
        lines.extend(config_steps(facts));
    } else if !denied.is_empty() {
        lines.push(steps::keep_policy(facts));
    }
    lines
}

fn config_steps(facts: &Facts) -> Vec<String> {
    let cli = steps::cli(facts);
    vec![
        format!(
            "{cli} SECGATE RENAME config \"$(openssl rand -hex 12)\"   # SECGATE LIST shows you the new name"
        ),
        steps::keep_policy(facts),
        "# Sentinel needs CONFIG and SLAVEOF: tell it the new name with 'sentinel rename-command'"
            .to_owned(),
    ]
}

fn data_loss_steps(facts: &Facts, readers: &[Vec<u8>]) -> Vec<String> {
    let cli = steps::cli(facts);
    let minus: Vec<String> = DATA_LOSS.iter().map(|name| format!("-{name}")).collect();
    let mut lines: Vec<String> = readers
        .iter()
        .take(5)
        .map(|user| {
            format!(
                "{cli} ACL SETUSER {} {}",
                steps::shell_user(user),
                minus.join(" ")
            )
        })
        .collect();
    lines.push(format!(
        "{cli} ACL SETUSER APPLICATION on '>PASSWORD' '~PREFIX:*' +@read +@write +@connection -@scripting -@dangerous"
    ));
    lines
}

/// `cluster|reset` would be a pipe to a shell.
fn quoted(names: &[&str]) -> String {
    let word = |name: &&str| match name.contains('|') {
        true => format!("'{name}'"),
        false => (*name).to_owned(),
    };
    names.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
