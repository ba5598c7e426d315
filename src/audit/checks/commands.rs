//! Checks of what can be run: the commands that erase, leak or take over.

use std::collections::BTreeSet;

use super::denial::{Denial, Open};
use super::sentinel::{self, Watch};
use super::{access, keeping, sentinel_steps, steps};
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
        judged(facts, &[CONFIG], config_steps, |facts, _| {
            config_action(facts)
        })
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

/// The id of the statement that spares Sentinel.
const BUT_SENTINEL: &str = "sentinel-only";

fn dangerous_actions(facts: &Facts, open: &Open) -> Vec<Action> {
    let names = open.iter().map(|(name, _)| *name);
    let names: Vec<&str> = names.filter(|name| !OF_REPLICAS.contains(name)).collect();
    let watch = sentinel::watch(facts);
    let mind = watch.mind(facts, &names);
    let (of_sentinel, others) = watch.split(facts, names);
    let deny = |denial: Denial<'_>| {
        let what = format!("deny {}", denial.names.join(" "));
        denial.action(&what, "")
    };
    let others = Denial::of(facts, others, &[]).id("no-dangerous");
    let actions = match watch.spared() {
        // They stay open for a Sentinel that cannot be told from others, or there are none of its own here.
        [] => [deny(others.mind(mind)), None],
        spared => {
            let but_sentinel = Denial::of(facts, of_sentinel, spared).id(BUT_SENTINEL);
            [deny(others), deny(but_sentinel.mind(mind))]
        }
    };
    actions.into_iter().flatten().collect()
}

fn config_action(facts: &Facts) -> Vec<Action> {
    let watch = sentinel::watch(facts);
    if watch.leaves_open().is_some() {
        return Vec::new();
    }
    let denial = Denial::of(facts, [CONFIG], watch.spared()).id("no-config");
    let mind = watch.mind(facts, &[CONFIG]);
    let action = denial.mind(mind).action("deny config", "");
    action.into_iter().collect()
}

fn dangerous_steps(facts: &Facts, open: &Open) -> Vec<String> {
    let (acl, gate): (Vec<_>, Vec<_>) = open
        .iter()
        .partition(|(name, _)| OF_REPLICAS.contains(name));
    let mut lines = replica_steps(facts, &acl);
    if gate.is_empty() {
        return lines;
    }
    let names: Vec<&str> = gate.iter().map(|(name, _)| *name).collect();
    let watch = sentinel::watch(facts);
    let (of_sentinel, others) = watch.split(facts, names);
    // CONFIG has more uses than the others: it is renamed where no Sentinel needs its own name.
    let is_renamed = watch == Watch::No && others.contains(&CONFIG);
    let denied = others
        .into_iter()
        .filter(|name| !is_renamed || *name != CONFIG);
    let denied = Denial::of(facts, denied, &[]).id("no-dangerous");
    let words = format!("DENY {}", steps::shell_names(&denied.names));
    lines.extend(denied.step(&words, ""));
    lines.extend(denied.on_a_cluster().map(|mind| format!("# {mind}")));
    let apart = match is_renamed {
        true => vec![CONFIG],
        false => of_sentinel,
    };
    lines.extend(sentinel_steps::of(
        facts,
        &watch,
        &apart,
        open,
        BUT_SENTINEL,
    ));
    lines
}

fn config_steps(facts: &Facts, open: &Open) -> Vec<String> {
    let watch = sentinel::watch(facts);
    sentinel_steps::of(facts, &watch, &[CONFIG], open, "no-config")
}

/// Takes from users what replicas alone need.
fn replica_steps(facts: &Facts, open: &[&(&'static str, Vec<Vec<u8>>)]) -> Vec<String> {
    let users: BTreeSet<&Vec<u8>> = open.iter().flat_map(|(_, users)| users).collect();
    if users.is_empty() {
        return Vec::new();
    }
    let minus = "-sync -psync   # unless replicas log in as this user";
    let mut lines = taken_by_acl(facts, users, minus);
    lines.push(keeping::users(facts));
    lines
}

fn data_loss_steps(facts: &Facts, readers: &[Vec<u8>]) -> Vec<String> {
    let cli = steps::cli(facts);
    let minus: Vec<String> = DATA_LOSS.iter().map(|name| format!("-{name}")).collect();
    let mut lines = taken_by_acl(facts, readers, &minus.join(" "));
    lines.push(format!(
        "{cli} ACL SETUSER APPLICATION on '>PASSWORD' '~PREFIX:*' +@read +@write +@connection -@scripting -@dangerous"
    ));
    lines.push(keeping::users(facts));
    lines
}

/// Takes commands from users; steps for the first few, and how many are left.
fn taken_by_acl<'u>(
    facts: &Facts,
    users: impl IntoIterator<Item = &'u Vec<u8>>,
    minus: &str,
) -> Vec<String> {
    let cli = steps::cli(facts);
    let mut users = users.into_iter();
    let first = users.by_ref().take(5);
    let mut lines: Vec<String> = first
        .map(|user| format!("{cli} ACL SETUSER {} {minus}", steps::shell_user(user)))
        .collect();
    match users.count() {
        0 => {}
        more => lines.push(format!("# and likewise for {more} more")),
    }
    lines
}

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "commands_sentinel_tests.rs"]
mod sentinel_tests;
