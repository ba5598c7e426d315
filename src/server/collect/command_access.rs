//! Who can run each command the audit asks about: by what the ACL and the gate say.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::ask::{Ask, Reply};
use super::command_calls::{Call, WRITES, calls, has_keys};
use super::config_file::ConfigFile;
use super::settings::Settings;
use super::standing::Standings;
use super::wire_name::wire_name;
use crate::audit::command_names;
use crate::audit::facts::{CommandAccess, Fact, GateVerdict, Standing, User, UserAccess};
use crate::render::escape::printable_up_to;

/// What the facts hold of commands.
pub struct Commands {
    /// How each command stands.
    pub access: Vec<CommandAccess>,
    /// Enabled users who may write.
    pub writers: Fact<Vec<Vec<u8>>>,
}

/// Asks about every command and every enabled user.
pub fn read(
    ask: &dyn Ask,
    file: &ConfigFile,
    settings: &Settings,
    users: &Fact<Vec<User>>,
) -> Commands {
    let standings = Standings::new(ask, file, settings);
    let standings: Vec<_> = command_names::all()
        .map(|name| (name, standings.of(name)))
        .collect();
    let users = match users {
        Fact::Known(users) => users,
        Fact::Unavailable(reason) => return unknown(standings, reason),
    };
    // A command that writes and was renamed or removed has no answer; the others have.
    let probes = WRITES.iter().copied().filter(|call| {
        let name = call.first();
        name.is_some_and(|name| ask.has_command(&[name]))
    });
    let probes: Vec<Call> = probes.collect();
    let open = standings.iter().filter(|(_, standing)| is_open(standing));
    let mut wanted: Vec<Call> = open.flat_map(|(name, _)| calls(name)).copied().collect();
    wanted.extend(&probes);
    let acl = wire_name(ask, file, "acl").ok();
    let enabled: Vec<&User> = users.iter().filter(|user| user.enabled).collect();
    let permissions = Permissions::of(ask, acl.as_deref(), &enabled, &wanted);
    let gates: Vec<_> = enabled
        .iter()
        .map(|user| permissions.gate(ask, user, &wanted))
        .collect();
    let access = standings.into_iter().map(|(name, standing)| CommandAccess {
        name,
        access: match &standing {
            Fact::Known(_) if is_open(&standing) => {
                let users = enabled.iter().zip(&gates);
                let access = users.map(|(user, gate)| permissions.access(name, user, gate));
                together(access)
            }
            Fact::Known(_) => Fact::Known(Vec::new()),
            Fact::Unavailable(reason) => Fact::Unavailable(reason.clone()),
        },
        standing,
    });
    Commands {
        access: access.collect(),
        writers: writers(&permissions, &enabled, &probes),
    }
}

fn unknown(standings: Vec<(&'static str, Fact<Standing>)>, reason: &str) -> Commands {
    let access = standings.into_iter().map(|(name, standing)| CommandAccess {
        name,
        access: Fact::Unavailable(match &standing {
            Fact::Known(_) => reason.to_owned(),
            Fact::Unavailable(own) => own.clone(),
        }),
        standing,
    });
    Commands {
        access: access.collect(),
        writers: Fact::Unavailable(reason.to_owned()),
    }
}

/// Whether users can reach a command by its name, if their rights let them.
fn is_open(standing: &Fact<Standing>) -> bool {
    matches!(
        standing,
        Fact::Known(Standing::Own | Standing::SwitchedOff(_))
    )
}

fn writers(permissions: &Permissions<'_>, users: &[&User], probes: &[Call]) -> Fact<Vec<Vec<u8>>> {
    if probes.is_empty() {
        return Fact::Unavailable("every command that writes is renamed or removed".to_owned());
    }
    let mut writers = Vec::new();
    for user in users {
        for call in probes {
            match permissions.may_run(user, call) {
                Fact::Known(true) => {
                    writers.push(user.name.clone());
                    break;
                }
                Fact::Known(false) => {}
                Fact::Unavailable(reason) => return Fact::Unavailable(reason),
            }
        }
    }
    Fact::Known(writers)
}

/// What the ACL lets users run, asked once for all users of the same rights.
struct Permissions<'u> {
    by_rights: HashMap<&'u [u8], HashMap<Call, Fact<bool>>>,
}

impl<'u> Permissions<'u> {
    /// Asks: first the module API, which says yes or no. A no to a call with keys may mean the keys, so ACL DRYRUN, which
    /// names what it denies, is asked about those. It takes five times as long.
    fn of(ask: &dyn Ask, acl: Option<&[u8]>, users: &[&'u User], wanted: &[Call]) -> Self {
        let mut by_rights = HashMap::new();
        for user in users {
            let Entry::Vacant(entry) = by_rights.entry(user.rights.as_slice()) else {
                continue;
            };
            let (asked, never): (Vec<Call>, Vec<Call>) = wanted
                .iter()
                .partition(|call| !is_never_granted(&user.rights, call));
            let answers = asked
                .iter()
                .copied()
                .zip(ask.acl_allows_each(&user.name, &asked));
            let mut answers: HashMap<Call, Fact<bool>> = answers.collect();
            answers.extend(never.into_iter().map(|call| (call, Fact::Known(false))));
            let unsure = asked
                .into_iter()
                .filter(|call| has_keys(call) && answers.get(call) == Some(&Fact::Known(false)));
            let unsure: Vec<Call> = unsure.collect();
            let sure = dry_runs(ask, acl, &user.name, &unsure);
            answers.extend(unsure.into_iter().zip(sure));
            entry.insert(answers);
        }
        Self { by_rights }
    }

    /// Whether the ACL lets a user run a call on at least some keys.
    fn may_run(&self, user: &User, call: Call) -> Fact<bool> {
        let answers = self.by_rights.get(user.rights.as_slice());
        let answer = answers.and_then(|answers| answers.get(call));
        answer
            .cloned()
            .unwrap_or_else(|| Fact::Unavailable("this call was not asked about".to_owned()))
    }

    /// What the gate says to those of the wanted calls that the ACL lets a user run.
    fn gate(&self, ask: &dyn Ask, user: &User, wanted: &[Call]) -> Gate {
        let allowed = wanted.iter().copied();
        let allowed: Vec<Call> = allowed
            .filter(|call| self.may_run(user, call) == Fact::Known(true))
            .collect();
        let verdicts = ask.gate_verdicts(&user.name, &allowed);
        allowed.into_iter().zip(verdicts).collect()
    }

    fn access(&self, name: &str, user: &User, gate: &Gate) -> Fact<UserAccess> {
        let mut verdicts = Vec::new();
        for call in calls(name) {
            match self.may_run(user, call) {
                Fact::Known(true) => match gate.get(call) {
                    Some(Fact::Known(verdict)) => verdicts.push(verdict.clone()),
                    Some(Fact::Unavailable(reason)) => return Fact::Unavailable(reason.clone()),
                    None => {}
                },
                Fact::Known(false) => {}
                Fact::Unavailable(reason) => return Fact::Unavailable(reason),
            }
        }
        Fact::Known(UserAccess {
            user: user.name.clone(),
            acl: !verdicts.is_empty(),
            gate: one_verdict(verdicts),
        })
    }
}

/// What the gate says to a user's calls.
type Gate = HashMap<Call, Fact<GateVerdict>>;

fn together<T>(facts: impl Iterator<Item = Fact<T>>) -> Fact<Vec<T>> {
    let known = facts.map(|fact| match fact {
        Fact::Known(value) => Ok(value),
        Fact::Unavailable(reason) => Err(reason),
    });
    match known.collect() {
        Ok(values) => Fact::Known(values),
        Err(reason) => Fact::Unavailable(reason),
    }
}

/// Whether no word of a user's rights can grant a call: no category, and not this command. What is granted is for the
/// server to say.
fn is_never_granted(rights: &[u8], call: Call) -> bool {
    let mentions = |word: &[u8]| {
        rights
            .windows(word.len())
            .any(|part| part.eq_ignore_ascii_case(word))
    };
    let name = call.first().copied().unwrap_or_default();
    let written = rights.iter().any(|byte| *byte == b'-' || *byte == b'+');
    written && !mentions(b"+@") && !mentions(b"allcommands") && !mentions(&[b"+", name].concat())
}

/// What ACL DRYRUN says to calls with keys. It names what it denies: the command, a key or a channel, and only the first
/// bars the command.
fn dry_runs(ask: &dyn Ask, acl: Option<&[u8]>, user: &[u8], calls: &[Call]) -> Vec<Fact<bool>> {
    let Some(acl) = acl else {
        let reason =
            "ACL is removed, and without it a denied key cannot be told from a denied command";
        return vec![Fact::Unavailable(reason.to_owned()); calls.len()];
    };
    let words = |call: &Call| {
        let start = [acl, b"dryrun", user];
        start
            .iter()
            .chain(*call)
            .map(|word| word.to_vec())
            .collect()
    };
    let answers = ask.call_each(calls.iter().map(words).collect());
    answers.into_iter().map(understood).collect()
}

fn understood(answer: Result<Reply, String>) -> Fact<bool> {
    let text = match answer {
        Ok(Reply::Text(text)) => text,
        Ok(_) => {
            return Fact::Unavailable("ACL DRYRUN answered in a form that is not known".to_owned());
        }
        Err(reason) => return Fact::Unavailable(format!("ACL DRYRUN: {reason}")),
    };
    let denied = b"no permissions to";
    match text.as_slice() {
        b"OK" => Fact::Known(true),
        // The user's name stands before it and could say anything; what is denied stands at the end.
        text if text
            .windows(denied.len())
            .any(|part| part.eq_ignore_ascii_case(denied)) =>
        {
            Fact::Known(!text.ends_with(b"command"))
        }
        text => Fact::Unavailable(format!("ACL DRYRUN: {}", printable_up_to(text, 100))),
    }
}

/// What the gate says to a command, from what it says to the calls that stand for it.
fn one_verdict(verdicts: Vec<GateVerdict>) -> GateVerdict {
    let first = verdicts.first().cloned().unwrap_or(GateVerdict::Pass);
    if verdicts
        .iter()
        .all(|verdict| matches!(verdict, GateVerdict::Denied(_) | GateVerdict::Renamed(_)))
    {
        return first;
    }
    let rule = verdicts.into_iter().find_map(|verdict| match verdict {
        GateVerdict::Denied(rule) | GateVerdict::Partly(rule) => Some(rule),
        GateVerdict::Pass | GateVerdict::Renamed(_) => None,
    });
    rule.map_or(GateVerdict::Pass, GateVerdict::Partly)
}

#[cfg(test)]
#[path = "command_access_tests.rs"]
mod tests;
