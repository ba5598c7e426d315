//! The steps by which commands that a Sentinel runs are taken from all others: by denying them to these, or, where the gate
//! cannot tell its calls from theirs, by new names that it is told before the old ones go.

use super::denial::{self, Denial, Open};
use super::keeping;
use super::sentinel::Watch;
use super::steps;
use crate::audit::facts::Facts;

/// The steps that take these commands away and leave them to the Sentinels that watch, with what keeps that. `id` is for
/// the statement that denies them.
pub fn of(
    facts: &Facts,
    watch: &Watch<'_>,
    names: &[&'static str],
    open: &Open,
    id: &str,
) -> Vec<String> {
    let (mut lines, later) = match watch {
        Watch::No => (renames(facts, names), Some(TOLD_LATER.to_owned())),
        // A name is the same for everyone: a rename would take the command from a Sentinel that administers, too.
        Watch::Apart(users) => (but_sentinel(facts, names, open, users, id), None),
        Watch::Mixed(_) | Watch::Unknown(_) => return told_names(facts, watch, names),
    };
    lines.extend(denial::last_steps(facts));
    lines.extend(later);
    lines
}

const TOLD_LATER: &str = "# a Sentinel that comes later needs CONFIG, REPLICAOF and SLAVEOF: spare its user \
                          (user='!NAME'), or rename all three and tell it ('sentinel rename-command')";

/// Gives new names to those of these commands that would answer to their own.
fn renames(facts: &Facts, names: &[&'static str]) -> Vec<String> {
    let cli = steps::cli(facts);
    let line = |name: &&str| {
        format!(
            "{cli} SECGATE RENAME {name} \"$(openssl rand -hex 12)\"   # SECGATE LIST shows you the new name"
        )
    };
    needed(facts, names).iter().map(line).collect()
}

/// Those of these commands for which there is something to do.
fn needed(facts: &Facts, names: &[&'static str]) -> Vec<&'static str> {
    Denial::of(facts, names.iter().copied(), &[]).names
}

/// Denies commands to all but Sentinel's users, and has the audit know those of these who keep some.
fn but_sentinel(
    facts: &Facts,
    names: &[&'static str],
    open: &Open,
    users: &[&[u8]],
    id: &str,
) -> Vec<String> {
    let cli = steps::cli(facts);
    let denied = Denial::of(facts, names.iter().copied(), users).id(id);
    let deny = denied.step(&format!("DENY {}", steps::shell_names(&denied.names)), "");
    let keeps = |user: &[u8]| {
        let mut kept = open.iter().filter(|(name, _)| names.contains(name));
        kept.any(|(_, able)| able.iter().any(|name| name == user))
    };
    let users = users.iter().filter(|user| keeps(user));
    let users: Vec<String> = users
        .map(|user| steps::shell_path(&steps::glob_of(user)))
        .collect();
    let known = (!users.is_empty()).then(|| {
        format!(
            "{cli} SECGATE ADMINISTRATORS {}   # if that is Sentinel's user: it keeps what a failover needs, no check then \
             counts what it can run, and later fixes spare it",
            users.join(" ")
        )
    });
    deny.into_iter().chain(known).collect()
}

/// Gives new names to commands that a Sentinel runs like anybody else. It knows one name of a command for all nodes it
/// watches, and no failover succeeds on a node that does not: so both names work until every Sentinel was told, and the
/// last step is a remark, as nothing but the operator can tell when it is time.
fn told_names(facts: &Facts, watch: &Watch<'_>, names: &[&'static str]) -> Vec<String> {
    let names = needed(facts, names);
    if names.is_empty() {
        return denial::last_steps(facts);
    }
    let why = watch.leaves_open().unwrap_or_default();
    let mut lines = vec![format!("# {}: {why}", names.join(" "))];
    lines.extend(other_way(facts, watch, &names));
    let (cli, told) = (steps::cli(facts), told(facts, names));
    let remark = |text: &str| format!("# {text}");
    lines.push(remark(
        "choose each new name once: the Sentinel knows one for all nodes that it watches",
    ));
    lines.extend(told.iter().map(|Told { name, shell, .. }| {
        format!("{shell}=\"$(openssl rand -hex 12)\"; echo \"{name} ${shell}\"")
    }));
    lines.push(remark("on every node, with the same names"));
    lines.extend(told.iter().map(|Told { name, shell, id }| {
        format!("{cli} SECGATE ALIAS \"${shell}\" {name} id={id}")
    }));
    lines.extend(denial::last_steps(facts));
    lines.push(remark("on every Sentinel"));
    lines.extend(told.iter().map(|Told { name, shell, .. }| {
        let name = name.to_uppercase();
        format!(
            "redis-cli -h SENTINEL -p 26379 SENTINEL SET MASTER rename-command {name} \"${shell}\""
        )
    }));
    lines.push(remark(&format!(
        "when every Sentinel has answered OK to each of these, on every node: {} | {cli}",
        swap(&told)
    )));
    lines.push(keeping::policy(facts));
    lines
}

/// A new name on its way.
struct Told {
    name: &'static str,
    /// The variable of the shell that has the new name.
    shell: String,
    /// The id of the statement by which both names work.
    id: String,
}

fn told(facts: &Facts, names: Vec<&'static str>) -> Vec<Told> {
    let told = |name: &'static str| Told {
        name,
        shell: format!("NEW_{}", name.to_uppercase().replace('|', "_")),
        id: denial::free_id(facts, &format!("{name}-for-now").replace('|', "-")),
    };
    names.into_iter().map(told).collect()
}

/// The aliases go and the new names come in one transaction: a Sentinel finds one of the two at any time.
fn swap(told: &[Told]) -> String {
    let ids: Vec<&str> = told.iter().map(|told| told.id.as_str()).collect();
    let rename = |Told { name, shell, .. }: &Told| format!(" \"SECGATE RENAME {name} ${shell}\"");
    let renames: String = told.iter().map(rename).collect();
    format!(
        "printf '%s\\n' MULTI \"SECGATE DEL {}\"{renames} EXEC",
        ids.join(" ")
    )
}

/// What is simpler, where it does.
fn other_way(facts: &Facts, watch: &Watch<'_>, names: &[&'static str]) -> Option<String> {
    let tells = facts.gate.capabilities.contains(&("caller-identity", true));
    match watch {
        Watch::Mixed(_) if tells => Some(
            "# or, which is simpler: give it a user and a password of its own ('sentinel auth-user', 'sentinel auth-pass'), \
             and SECAUDIT FIX spares that user"
                .to_owned(),
        ),
        Watch::Unknown(_) => {
            let denied = Denial::of(facts, names.iter().copied(), &[]);
            let step = denied.step(&format!("DENY {}", steps::shell_names(names)), "")?;
            Some(format!("# or, where there is none: {step}"))
        }
        _ => None,
    }
}
