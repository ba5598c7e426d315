//! Who can run each command the audit asks about: by ACL DRYRUN, and by what the gate says.

use std::collections::BTreeMap;

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

/// A server with thousands of users that share no rights is not held up for them all: a question takes about 14 us.
const MAX_QUESTIONS: usize = 10_000;

/// Asks about every command and every enabled user.
pub fn read(
    ask: &dyn Ask,
    file: &ConfigFile,
    settings: &Settings,
    users: &Fact<Vec<User>>,
) -> Commands {
    let standings = Standings::new(ask, file, settings);
    let mut questions = Questions {
        ask,
        acl: wire_name(ask, file, "acl"),
        asked: 0,
        answers: BTreeMap::new(),
    };
    let access = command_names::all().map(|name| {
        let standing = standings.of(name);
        let access = match (&standing, users) {
            (Fact::Known(Standing::Own | Standing::SwitchedOff(_)), Fact::Known(users)) => {
                questions.access(name, users)
            }
            (Fact::Known(_), Fact::Known(_)) => Fact::Known(Vec::new()),
            (Fact::Unavailable(reason), _) | (_, Fact::Unavailable(reason)) => {
                Fact::Unavailable(reason.clone())
            }
        };
        CommandAccess {
            name,
            standing,
            access,
        }
    });
    let access = access.collect();
    let writers = match users {
        Fact::Known(users) => questions.writers(users),
        Fact::Unavailable(reason) => Fact::Unavailable(reason.clone()),
    };
    Commands { access, writers }
}

/// Questions to the ACL, each asked once for all users of the same rights.
struct Questions<'q> {
    ask: &'q dyn Ask,
    acl: Result<Vec<u8>, String>,
    asked: usize,
    answers: BTreeMap<(Vec<u8>, Vec<u8>), Fact<bool>>,
}

impl Questions<'_> {
    fn access(&mut self, name: &str, users: &[User]) -> Fact<Vec<UserAccess>> {
        let mut all = Vec::new();
        for user in users.iter().filter(|user| user.enabled) {
            let mut verdicts = Vec::new();
            for call in calls(name) {
                match self.may_run(user, call) {
                    Fact::Known(true) => verdicts.push(self.ask.gate_verdict(&user.name, call)),
                    Fact::Known(false) => {}
                    Fact::Unavailable(reason) => return Fact::Unavailable(reason),
                }
            }
            all.push(UserAccess {
                user: user.name.clone(),
                acl: !verdicts.is_empty(),
                gate: together(verdicts),
            });
        }
        Fact::Known(all)
    }

    fn writers(&mut self, users: &[User]) -> Fact<Vec<Vec<u8>>> {
        // A command that was renamed or removed has no answer; the others have.
        let probes = WRITES.iter().filter(|call| {
            call.first()
                .is_some_and(|name| self.ask.has_command(&[name]))
        });
        let probes: Vec<Call> = probes.copied().collect();
        if probes.is_empty() {
            return Fact::Unavailable("every command that writes is renamed or removed".to_owned());
        }
        let mut writers = Vec::new();
        for user in users.iter().filter(|user| user.enabled) {
            for call in &probes {
                match self.may_run(user, call) {
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

    /// Whether the ACL lets a user run a call on at least some keys.
    fn may_run(&mut self, user: &User, call: Call) -> Fact<bool> {
        if is_never_granted(&user.rights, call) {
            return Fact::Known(false);
        }
        let question = (user.rights.clone(), call.join(&b' '));
        if let Some(answer) = self.answers.get(&question) {
            return answer.clone();
        }
        self.asked += 1;
        if self.asked > MAX_QUESTIONS {
            return Fact::Unavailable(format!(
                "there are too many users of different rights to ask about (more than {MAX_QUESTIONS} questions)"
            ));
        }
        let answer = match &self.acl {
            Ok(acl) => dry_run(self.ask, acl, &user.name, call),
            Err(_) => by_api(self.ask, &user.name, call),
        };
        self.answers.insert(question, answer.clone());
        answer
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

/// ACL DRYRUN names what it denies: the command, a key or a channel. Only the first bars the command.
fn dry_run(ask: &dyn Ask, acl: &[u8], user: &[u8], call: Call) -> Fact<bool> {
    let mut words: Vec<&[u8]> = vec![acl, b"dryrun", user];
    words.extend(call);
    let text = match ask.call(&words) {
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

/// The module API says yes or no: a no to a call with keys may mean the keys.
fn by_api(ask: &dyn Ask, user: &[u8], call: Call) -> Fact<bool> {
    match ask.acl_allows(user, call) {
        Fact::Known(false) if has_keys(call) => Fact::Unavailable(
            "ACL is removed, and without it a denied key cannot be told from a denied command"
                .to_owned(),
        ),
        answer => answer,
    }
}

/// What the gate says to a command, from what it says to the calls that stand for it.
fn together(verdicts: Vec<GateVerdict>) -> GateVerdict {
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
