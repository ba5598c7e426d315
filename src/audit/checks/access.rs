//! How commands stand: who beside the administrators can still run each, and what bars the rest. Shared by the checks about commands and logins.

use std::collections::BTreeSet;

use super::steps::first_few;
use crate::audit::command_names::SETUSER;
use crate::audit::facts::{CommandAccess, Facts, GateVerdict, Standing, UserAccess};
use crate::render::escape::printable_up_to;

/// How one command stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Somebody who is no named administrator can run it; with a rule's name where that rule denies some of its calls.
    Open {
        /// Who, as bytes.
        users: Vec<Vec<u8>>,
        /// The rule that denies some calls.
        partly: Option<String>,
    },
    /// Nobody can run it under its own name, and why.
    Closed(String),
    /// It cannot be told, and why.
    Unknown(String),
}

/// Several commands together.
#[derive(Debug, Default)]
pub struct Summary {
    /// The evidence: a line for each way in which some of them stand, the open ones first.
    pub lines: Vec<String>,
    /// The commands somebody can run, and who.
    pub open: Vec<(&'static str, Vec<Vec<u8>>)>,
    /// Why the first unknown one is unknown.
    pub unknown: Option<String>,
}

/// How a command stands.
pub fn state(facts: &Facts, command: &CommandAccess) -> State {
    match &command.standing {
        crate::audit::facts::Fact::Unavailable(reason) => return State::Unknown(reason.clone()),
        crate::audit::facts::Fact::Known(standing) => {
            if let Some(label) = closed_by_server(standing) {
                return State::Closed(label);
            }
        }
    }
    match command.access.known() {
        Ok(access) => by_users(facts, access),
        Err(reason) => State::Unknown(reason.to_owned()),
    }
}

/// How these commands stand, grouped for the eye.
pub fn summary(facts: &Facts, names: &[&'static str]) -> Summary {
    let mut summary = Summary::default();
    // Open lines, then unknown ones, then closed ones, each in the order they were met.
    let mut groups: Vec<(u8, String, Vec<&str>)> = Vec::new();
    for name in names {
        let command = facts.commands.iter().find(|command| command.name == *name);
        let state = match command {
            Some(command) => state(facts, command),
            None => State::Unknown("the server was not asked about it".to_owned()),
        };
        let (rank, label) = match state {
            State::Open { users, partly } => {
                let label = open_label(&users, partly.as_deref());
                summary.open.push((name, users));
                (0, label)
            }
            State::Unknown(reason) => {
                let label = format!("unknown ({reason})");
                summary.unknown.get_or_insert(reason);
                (1, label)
            }
            State::Closed(label) => (2, label),
        };
        match groups.iter_mut().find(|group| group.1 == label) {
            Some((_, _, members)) => members.push(name),
            None => groups.push((rank, label, vec![name])),
        }
    }
    groups.sort_by_key(|(rank, _, _)| *rank);
    let line =
        |(_, label, members): (u8, String, Vec<&str>)| format!("{label}: {}", members.join(" "));
    summary.lines = groups.into_iter().map(line).collect();
    summary
}

/// The dangerous commands that are open to a user; `Err` when that is not known.
pub fn power_of(facts: &Facts, user: &[u8]) -> Result<Vec<&'static str>, String> {
    let mut power = Vec::new();
    let mut unknown = None;
    for command in &facts.commands {
        if !crate::audit::command_names::DANGEROUS.contains(&command.name) {
            continue;
        }
        match state(facts, command) {
            State::Open { users, .. } if users.iter().any(|name| name == user) => {
                power.push(command.name);
            }
            State::Unknown(reason) => unknown = Some(reason),
            _ => {}
        }
    }
    match unknown {
        Some(reason) if power.is_empty() => Err(reason),
        None if facts.commands.is_empty() => Err("no command was looked at".to_owned()),
        _ => Ok(power),
    }
}

/// The users whom nothing bars from ACL SETUSER: whatever was taken from them, they may give themselves.
pub fn granters(facts: &Facts) -> Result<BTreeSet<&[u8]>, String> {
    let command = facts.commands.iter().find(|known| known.name == SETUSER);
    let command = command.ok_or_else(|| format!("the server was not asked about {SETUSER}"))?;
    if *command.standing.known()? != Standing::Own {
        return Ok(BTreeSet::new());
    }
    let able = command.access.known()?.iter().filter(|access| {
        access.acl && matches!(access.gate, GateVerdict::Pass | GateVerdict::Partly(_))
    });
    Ok(able.map(|access| access.user.as_slice()).collect())
}

/// User names for the eye.
pub fn names(users: &[Vec<u8>]) -> String {
    let shown: Vec<String> = users.iter().map(|user| printable_up_to(user, 64)).collect();
    first_few(&shown, 6)
}

fn closed_by_server(standing: &Standing) -> Option<String> {
    match standing {
        Standing::Own => None,
        Standing::Renamed => Some("renamed in redis.conf".to_owned()),
        Standing::Removed => Some("removed in redis.conf".to_owned()),
        Standing::SwitchedOff(setting) => Some(format!("refused by the server ({setting})")),
        Standing::Absent => Some("not in this server".to_owned()),
    }
}

fn by_users(facts: &Facts, access: &[UserAccess]) -> State {
    let allowed = || access.iter().filter(|access| access.acl);
    let able = || {
        allowed().filter(|access| matches!(access.gate, GateVerdict::Pass | GateVerdict::Partly(_)))
    };
    let administers = |access: &&UserAccess| facts.is_administrator(&access.user);
    let open = || able().filter(|access| !administers(access));
    let users: Vec<Vec<u8>> = open().map(|access| access.user.clone()).collect();
    if !users.is_empty() {
        let all_partly = open().all(|access| matches!(access.gate, GateVerdict::Partly(_)));
        let rule = open().find_map(|access| match &access.gate {
            GateVerdict::Partly(rule) => Some(rule.clone()),
            _ => None,
        });
        return State::Open {
            users,
            partly: rule.filter(|_| all_partly),
        };
    }
    let administrators: Vec<Vec<u8>> = able().map(|access| access.user.clone()).collect();
    if !administrators.is_empty() {
        let names = names(&administrators);
        return State::Closed(format!("open to administrators only ({names})"));
    }
    let closed = allowed().find_map(|access| match &access.gate {
        GateVerdict::Denied(rule) => Some(format!("denied by the gate (rule {rule})")),
        GateVerdict::Renamed(_) => Some("renamed by the gate".to_owned()),
        _ => None,
    });
    State::Closed(closed.unwrap_or_else(|| "ACL bars every user".to_owned()))
}

fn open_label(users: &[Vec<u8>], partly: Option<&str>) -> String {
    match partly {
        Some(rule) => format!(
            "open in part (rule {rule} denies some calls) to {}",
            names(users)
        ),
        None => format!("open to {}", names(users)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample;
    use crate::audit::facts::{Fact, Through};

    fn user(name: &str, acl: bool, gate: GateVerdict) -> UserAccess {
        UserAccess {
            user: name.as_bytes().to_vec(),
            acl,
            whole: true,
            gate,
            through: Through::NoRule,
        }
    }

    fn command(access: Vec<UserAccess>) -> CommandAccess {
        CommandAccess {
            name: "flushall",
            standing: Fact::Known(Standing::Own),
            access: Fact::Known(access),
        }
    }

    fn judged(command: &CommandAccess) -> State {
        state(&sample::hardened(), command)
    }

    fn closed(state: &State) -> &str {
        match state {
            State::Closed(label) => label,
            _ => "",
        }
    }

    #[test]
    fn a_command_is_open_when_one_user_can_run_it() {
        let state = judged(&command(vec![
            user("a", false, GateVerdict::Pass),
            user("b", true, GateVerdict::Denied("r1".to_owned())),
            user("c", true, GateVerdict::Pass),
        ]));
        let users = vec![b"c".to_vec()];
        assert_eq!(
            state,
            State::Open {
                users,
                partly: None
            }
        );
    }

    #[test]
    fn a_command_denied_in_part_is_open() {
        let partly = GateVerdict::Partly("r1".to_owned());
        let state = judged(&command(vec![user("a", true, partly)]));
        assert!(matches!(state, State::Open { partly: Some(rule), .. } if rule == "r1"));
    }

    #[test]
    fn whatever_closes_a_command_is_named() {
        let denied = user("a", true, GateVerdict::Denied("no-flush".to_owned()));
        assert_eq!(
            closed(&judged(&command(vec![denied]))),
            "denied by the gate (rule no-flush)"
        );
        let renamed = user("a", true, GateVerdict::Renamed("x".to_owned()));
        assert_eq!(
            closed(&judged(&command(vec![renamed]))),
            "renamed by the gate"
        );
        let barred = user("a", false, GateVerdict::Pass);
        assert_eq!(
            closed(&judged(&command(vec![barred]))),
            "ACL bars every user"
        );
        for (standing, label) in [
            (Standing::Renamed, "renamed in redis.conf"),
            (Standing::Removed, "removed in redis.conf"),
            (Standing::Absent, "not in this server"),
            (
                Standing::SwitchedOff("enable-debug-command no"),
                "refused by the server (enable-debug-command no)",
            ),
        ] {
            let mut command = command(vec![user("a", true, GateVerdict::Pass)]);
            command.standing = Fact::Known(standing);
            assert_eq!(closed(&judged(&command)), label);
        }
    }

    #[test]
    fn a_command_that_only_named_administrators_can_run_is_closed() {
        let mut facts = sample::hardened();
        facts.administrators.insert(b"ops".to_vec());
        let mut access = vec![
            user("ops", true, GateVerdict::Pass),
            user("app", false, GateVerdict::Pass),
        ];
        assert_eq!(
            closed(&state(&facts, &command(access.clone()))),
            "open to administrators only (ops)"
        );
        access.push(user("other", true, GateVerdict::Pass));
        let users = vec![b"other".to_vec()];
        assert!(
            matches!(state(&facts, &command(access)), State::Open { users: found, .. } if found == users)
        );
    }

    #[test]
    fn what_is_not_known_is_never_closed() {
        let mut command = command(Vec::new());
        command.access = Fact::Unavailable("too many users".to_owned());
        assert_eq!(
            judged(&command),
            State::Unknown("too many users".to_owned())
        );
    }
}
