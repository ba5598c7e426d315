//! Who can run each command the audit asks about: by what the ACL and the gate say.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use super::ask::{Ask, Reply};
use super::command_calls::{Call, WRITES, calls, has_keys};
use super::config_file::ConfigFile;
use super::settings::Settings;
use super::standing::Standings;
use super::wire_name::wire_name;
use crate::audit::facts::{
    CommandAccess, Fact, GateVerdict, Gated, Standing, Through, User, UserAccess,
};
use crate::render::escape::printable_up_to;

/// What the facts hold of commands.
pub struct Commands {
    /// How each command stands.
    pub access: Vec<CommandAccess>,
    /// Enabled users who may write.
    pub writers: Fact<Vec<Vec<u8>>>,
}

/// So many users are asked about together: enough to fill a stop of the server, few enough not to take much memory.
const AT_ONCE: usize = 100;

/// Asks about each of these commands and every enabled user.
pub fn read(
    ask: &dyn Ask,
    names: &[&'static str],
    file: &ConfigFile,
    settings: &Settings,
    users: &Fact<Vec<User>>,
) -> Commands {
    let standings = Standings::new(ask, file, settings);
    let standings = names.iter().map(|name| (*name, standings.of(name)));
    let users = match users {
        Fact::Known(users) => users.iter().filter(|user| user.enabled),
        Fact::Unavailable(reason) => return unknown(standings, reason),
    };
    let users: Vec<&User> = users.collect();
    let mut wanted = Vec::new();
    let mut commands: Vec<CommandAccess> = Vec::new();
    let mut places = Vec::new();
    for (name, standing) in standings {
        places.push(add(
            &mut wanted,
            if is_open(&standing) { calls(name) } else { &[] },
        ));
        commands.push(CommandAccess {
            name,
            access: match &standing {
                Fact::Known(_) => Fact::Known(Vec::new()),
                Fact::Unavailable(reason) => Fact::Unavailable(reason.clone()),
            },
            standing,
        });
    }
    // A command that writes and was renamed or removed has no answer; the others have.
    let probes = WRITES.iter().copied().filter(|call| {
        let name = call.first();
        name.is_some_and(|name| ask.has_command(&[name]))
    });
    let probes = add(&mut wanted, &probes.collect::<Vec<_>>());
    let mut writers = match probes.is_empty() {
        true => Fact::Unavailable("every command that writes is renamed or removed".to_owned()),
        false => Fact::Known(Vec::new()),
    };
    let mut permissions = Permissions {
        ask,
        acl: wire_name(ask, file, "acl").ok(),
        wanted: &wanted,
        by_rights: HashMap::new(),
    };
    for some in users.chunks(AT_ONCE) {
        permissions.ask_about(some);
        for (user, gate) in some.iter().zip(permissions.gates(some)) {
            for (command, place) in commands.iter_mut().zip(&places) {
                if !place.is_empty() {
                    add_to(&mut command.access, permissions.access(user, place, &gate));
                }
            }
            match permissions.may_run_any(user, &probes) {
                Fact::Known(true) => add_to(&mut writers, Fact::Known(user.name.clone())),
                Fact::Known(false) => {}
                Fact::Unavailable(reason) => add_to(&mut writers, Fact::Unavailable(reason)),
            }
        }
    }
    Commands {
        access: commands,
        writers,
    }
}

/// Adds calls to those that are asked about; their place there.
fn add(wanted: &mut Vec<Call>, calls: &[Call]) -> Range<usize> {
    let start = wanted.len();
    wanted.extend_from_slice(calls);
    start..wanted.len()
}

/// One that is not known makes all of them unknown.
fn add_to<T>(all: &mut Fact<Vec<T>>, one: Fact<T>) {
    match (all, one) {
        (Fact::Known(all), Fact::Known(one)) => all.push(one),
        (all @ Fact::Known(_), Fact::Unavailable(reason)) => *all = Fact::Unavailable(reason),
        (Fact::Unavailable(_), _) => {}
    }
}

fn unknown(
    standings: impl Iterator<Item = (&'static str, Fact<Standing>)>,
    reason: &str,
) -> Commands {
    let access = standings.map(|(name, standing)| CommandAccess {
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

/// What the ACL lets users run, asked once for all users of the same rights.
struct Permissions<'p> {
    ask: &'p dyn Ask,
    acl: Option<Vec<u8>>,
    /// All calls that are asked about.
    wanted: &'p [Call],
    /// What the ACL says to each of them.
    by_rights: HashMap<&'p [u8], Vec<Fact<bool>>>,
}

/// What the gate says to those of the wanted calls that the ACL allows.
type Gate = HashMap<usize, Fact<Gated>>;

impl<'p> Permissions<'p> {
    /// Asks: first the module API, which says yes or no. A no to a call with keys may mean the keys, and a no to a user of
    /// some databases (Valkey 9.1) the database, so ACL DRYRUN, which names what it denies, is asked about those. It
    /// takes many times as long.
    fn ask_about(&mut self, users: &[&'p User]) {
        let mut asked = Vec::new();
        for user in users {
            let Entry::Vacant(entry) = self.by_rights.entry(&user.rights) else {
                continue;
            };
            let granted = |call: &&Call| !is_never_granted(&user.rights, call);
            let may_be: Vec<bool> = self.wanted.iter().map(|call| granted(&call)).collect();
            let name: Arc<[u8]> = user.name.as_slice().into();
            let questions = (0..).zip(self.wanted).zip(&may_be).filter(|(_, may)| **may);
            asked.extend(questions.map(|((index, call), _)| Question {
                rights: &user.rights,
                index,
                user: Arc::clone(&name),
                call,
            }));
            entry.insert(vec![Fact::Known(false); may_be.len()]);
        }
        let pairs = asked
            .iter()
            .map(|question| (Arc::clone(&question.user), question.call));
        let answers = self.ask.acl_allows_each(pairs.collect());
        let mut unsure = Vec::new();
        for (question, answer) in asked.into_iter().zip(answers) {
            let may_mean_more = has_keys(question.call) || of_some_databases(question.rights);
            if answer == Fact::Known(false) && may_mean_more {
                unsure.push(question);
            } else {
                self.note(&question, answer);
            }
        }
        let answers = dry_runs(self.ask, self.acl.as_deref(), &unsure);
        for (question, answer) in unsure.iter().zip(answers) {
            self.note(question, answer);
        }
    }

    fn note(&mut self, question: &Question<'p>, answer: Fact<bool>) {
        let answers = self.by_rights.get_mut(question.rights);
        if let Some(place) = answers.and_then(|answers| answers.get_mut(question.index)) {
            *place = answer;
        }
    }

    /// What the ACL says to all wanted calls of a user.
    fn answers(&self, user: &User) -> &[Fact<bool>] {
        let answers = self.by_rights.get(user.rights.as_slice());
        answers.map_or(&[], Vec::as_slice)
    }

    /// What the gate says to these users' calls.
    fn gates(&self, users: &[&User]) -> Vec<Gate> {
        let mut places = Vec::new();
        let mut pairs = Vec::new();
        for (number, user) in users.iter().enumerate() {
            let name: Arc<[u8]> = user.name.as_slice().into();
            let calls = (0..).zip(self.wanted).zip(self.answers(user));
            for ((index, call), _) in calls.filter(|(_, answer)| **answer == Fact::Known(true)) {
                places.push((number, index));
                pairs.push((Arc::clone(&name), *call));
            }
        }
        let mut gates = vec![Gate::new(); users.len()];
        for ((number, index), verdict) in places.into_iter().zip(self.ask.gate_verdicts(pairs)) {
            if let Some(gate) = gates.get_mut(number) {
                gate.insert(index, verdict);
            }
        }
        gates
    }

    /// Whether a user can run the command whose calls stand there.
    fn access(&self, user: &User, place: &Range<usize>, gate: &Gate) -> Fact<UserAccess> {
        let answers = self.answers(user).get(place.clone()).unwrap_or_default();
        let mut verdicts = Vec::new();
        let mut through = Through::default();
        for (index, answer) in place.clone().zip(answers) {
            match (answer, gate.get(&index)) {
                (Fact::Known(true), Some(Fact::Known(gated))) => {
                    verdicts.push(gated.verdict.clone());
                    through = through.and(gated.through);
                }
                (Fact::Unavailable(reason), _) | (_, Some(Fact::Unavailable(reason))) => {
                    return Fact::Unavailable(reason.clone());
                }
                (Fact::Known(_), _) => {}
            }
        }
        Fact::Known(UserAccess {
            user: user.name.clone(),
            acl: !verdicts.is_empty(),
            whole: verdicts.len() == answers.len(),
            gate: one_verdict(verdicts),
            through,
        })
    }

    /// Whether the ACL lets a user run one of the calls that stand there.
    fn may_run_any(&self, user: &User, place: &Range<usize>) -> Fact<bool> {
        let answers = self.answers(user).get(place.clone()).unwrap_or_default();
        let decides = |answer: &&Fact<bool>| **answer != Fact::Known(false);
        answers
            .iter()
            .find(decides)
            .cloned()
            .unwrap_or(Fact::Known(false))
    }
}

/// A question to the ACL.
struct Question<'p> {
    rights: &'p [u8],
    /// Its place among the wanted calls.
    index: usize,
    /// One of the users who have these rights.
    user: Arc<[u8]>,
    call: Call,
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

/// Whether rights are bound to databases: `db=0,3` (Valkey 9.1).
fn of_some_databases(rights: &[u8]) -> bool {
    rights.windows(3).any(|part| part == b"db=")
}

/// What ACL DRYRUN says. It names what it denies: the command, a key, a channel or a database, and only the first bars the
/// command.
fn dry_runs(ask: &dyn Ask, acl: Option<&[u8]>, questions: &[Question<'_>]) -> Vec<Fact<bool>> {
    let Some(acl) = acl else {
        let reason =
            "ACL is removed, and without it a denied key cannot be told from a denied command";
        return vec![Fact::Unavailable(reason.to_owned()); questions.len()];
    };
    let words = |question: &Question<'_>| {
        let start = [acl, b"dryrun", &question.user];
        let words = start.iter().chain(question.call);
        words.map(|word| word.to_vec()).collect()
    };
    let answers = ask.call_each(questions.iter().map(words).collect());
    let answers = questions.iter().zip(answers);
    answers
        .map(|(question, answer)| understood(question.call, answer))
        .collect()
}

fn understood(call: Call, answer: Result<Reply, String>) -> Fact<bool> {
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
            // FLUSHALL wants every database, so to whom one is denied it is; other calls run in one that is allowed.
            let wants_all_databases = call.first().is_some_and(|name| *name == b"flushall");
            Fact::Known(!text.ends_with(b"command") && !wants_all_databases)
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
