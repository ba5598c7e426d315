//! Checks of what can be run: the commands that erase, leak or take over.

use std::collections::BTreeSet;

use super::denial::{self, Denial};
use super::sentinel::{self, Watch};
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
        let steps = |facts: &Facts, _: &Open| config_steps(facts);
        judged(facts, &[CONFIG], steps, |facts, _| config_action(facts))
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
    if matches!(watch, Watch::Mixed(_)) {
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
    let mut lines = denial::past_a_denied_acl(facts, replica_steps(facts, &acl));
    if gate.is_empty() {
        return lines;
    }
    let names: Vec<&str> = gate.iter().map(|(name, _)| *name).collect();
    let watch = sentinel::watch(facts);
    let (of_sentinel, others) = watch.split(facts, names);
    // CONFIG has more uses than the others: it is renamed where nobody needs its own name.
    let renamed = others.contains(&CONFIG);
    let denied = others.into_iter().filter(|name| *name != CONFIG);
    let denied = Denial::of(facts, denied, &[]).id("no-dangerous");
    lines.extend(denied.step(&format!("DENY {}", quoted(&denied.names)), ""));
    match &watch {
        Watch::Apart(users) if !users.is_empty() => {
            lines.extend(but_sentinel(facts, &of_sentinel, users, BUT_SENTINEL));
        }
        Watch::Mixed(_) => lines.extend(renames(facts, &of_sentinel)),
        _ if renamed => lines.extend(renames(facts, &[CONFIG])),
        _ => {}
    }
    lines.extend(denial::last_steps(facts));
    lines.extend(told_to_sentinel(&watch));
    lines
}

/// Takes from users what replicas alone need.
fn replica_steps(facts: &Facts, open: &[&(&'static str, Vec<Vec<u8>>)]) -> Vec<String> {
    let cli = steps::cli(facts);
    let users: BTreeSet<&Vec<u8>> = open.iter().flat_map(|(_, users)| users).collect();
    let line = |user: &Vec<u8>| {
        format!(
            "{cli} ACL SETUSER {} -sync -psync   # unless replicas log in as this user",
            steps::shell_user(user)
        )
    };
    users.into_iter().take(5).map(line).collect()
}

fn config_steps(facts: &Facts) -> Vec<String> {
    let watch = sentinel::watch(facts);
    let mut lines = match watch.spared() {
        [] => renames(facts, &[CONFIG]),
        users => but_sentinel(facts, &[CONFIG], users, "no-config"),
    };
    lines.extend(denial::last_steps(facts));
    lines.extend(told_to_sentinel(&watch));
    lines
}

/// Denies commands to all but Sentinel's users, and has the audit know these.
fn but_sentinel(facts: &Facts, names: &[&'static str], users: &[&[u8]], id: &str) -> Vec<String> {
    let cli = steps::cli(facts);
    let denied = Denial::of(facts, names.iter().copied(), users).id(id);
    let deny = denied.step(&format!("DENY {}", quoted(&denied.names)), "");
    let users: Vec<String> = users
        .iter()
        .map(|user| steps::shell_path(&steps::glob_of(user)))
        .collect();
    let known = format!(
        "{cli} SECGATE ADMINISTRATORS {}   # if that is Sentinel's user: it keeps what a failover needs",
        users.join(" ")
    );
    deny.into_iter().chain([known]).collect()
}

/// Gives new names to those of these commands that would answer to their own.
fn renames(facts: &Facts, names: &[&'static str]) -> Vec<String> {
    let cli = steps::cli(facts);
    let open = Denial::of(facts, names.iter().copied(), &[]).names;
    let line = |name: &&str| {
        format!(
            "{cli} SECGATE RENAME {name} \"$(openssl rand -hex 12)\"   # SECGATE LIST shows you the new name"
        )
    };
    open.iter().map(line).collect()
}

/// What to do for a Sentinel, as a remark.
fn told_to_sentinel(watch: &Watch<'_>) -> Vec<String> {
    let remarks: &[&str] = match watch {
        Watch::No(_) => &[
            "# a Sentinel that comes later needs CONFIG, REPLICAOF and SLAVEOF: spare its user (user='!NAME'), or rename \
             all three and tell it ('sentinel rename-command')",
        ],
        Watch::Apart(_) => &[],
        Watch::Mixed(_) => &[
            "# a Sentinel is connected: it cannot fail over before each new name is told to it ('sentinel rename-command \
             MASTER CONFIG NEWNAME')",
            "# or give it a user and a password of its own ('sentinel auth-user', 'sentinel auth-pass') instead: where the \
             gate knows who calls, SECAUDIT FIX then spares that user",
        ],
    };
    remarks.iter().map(ToString::to_string).collect()
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
    denial::past_a_denied_acl(facts, lines)
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
