//! WHO can run what is dangerous: every enabled user against every dangerous command, after redis.conf, ACL and gate. Users
//! to whom everything stands alike share a row.

use std::collections::HashMap;

use super::command_names::{self, DATA_LOSS};
use super::facts::{CommandAccess, Fact, Facts, GateVerdict, Standing, UserAccess};

/// All rows.
#[derive(Debug)]
pub struct Matrix<'f> {
    /// The commands, in the order of the rows' cells.
    pub commands: Vec<&'static str>,
    /// The rows: the users who can do most come first.
    pub rows: Vec<Row<'f>>,
    /// How many users are off, and so have no row.
    pub off: usize,
}

/// Users to whom all commands stand alike.
#[derive(Debug)]
pub struct Row<'f> {
    /// Their names, in the server's order.
    pub users: Vec<&'f [u8]>,
    /// The policy names them as administrators.
    pub administrators: bool,
    /// They need no password.
    pub nopass: bool,
    /// How each command stands to them.
    pub cells: Vec<Cell<'f>>,
}

/// How a command stands to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cell<'f> {
    /// It can be run.
    Open,
    /// Some calls of it can be run; a rule of the gate denies the others, or the ACL.
    Part(Option<&'f str>),
    /// The ACL denies it.
    Acl,
    /// This rule of the gate denies it.
    Gate(&'f str),
    /// It has another name: by this rule of the gate, or by redis.conf.
    Renamed(Option<&'f str>),
    /// redis.conf removes it.
    Removed,
    /// The server refuses every call, by this setting.
    Off(&'static str),
    /// This server does not have it.
    Absent,
    /// It cannot be told, and why.
    Unknown(&'f str),
}

impl<'f> Matrix<'f> {
    /// Who can run what; `Err` with the reason where the users are not known.
    pub fn of(facts: &'f Facts) -> Result<Self, &'f str> {
        let users = facts.users.known()?;
        let commands = || {
            // Not those that most applications need, nor those asked about only for a vulnerability of this release.
            let dangerous = |command: &&CommandAccess| {
                command_names::all().any(|name| name == command.name)
                    && !DATA_LOSS.contains(&command.name)
            };
            facts.commands.iter().filter(dangerous)
        };
        let mut rows: Vec<Row<'f>> = Vec::new();
        let mut known: HashMap<(bool, bool, Vec<Cell<'f>>), usize> = HashMap::new();
        let enabled = users.iter().filter(|user| user.enabled);
        for (index, user) in enabled.enumerate() {
            let administrators = facts.is_administrator(&user.name);
            let cells: Vec<Cell<'f>> = commands()
                .map(|command| cell(command, index, &user.name))
                .collect();
            let key = (administrators, user.nopass, cells.clone());
            let next = rows.len();
            let at = *known.entry(key).or_insert(next);
            match rows.get_mut(at) {
                Some(row) => row.users.push(&user.name),
                None => rows.push(Row {
                    users: vec![&user.name],
                    administrators,
                    nopass: user.nopass,
                    cells,
                }),
            }
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.power()));
        Ok(Self {
            commands: commands().map(|command| command.name).collect(),
            rows,
            off: users.iter().filter(|user| !user.enabled).count(),
        })
    }

    /// How many users have a row.
    pub fn enabled(&self) -> usize {
        self.rows.iter().map(|row| row.users.len()).sum()
    }
}

impl Row<'_> {
    /// How many commands can be run, whole or in part.
    fn power(&self) -> (usize, usize) {
        let count =
            |wanted: fn(&Cell<'_>) -> bool| self.cells.iter().filter(|cell| wanted(cell)).count();
        (
            count(|cell| *cell == Cell::Open),
            count(|cell| matches!(cell, Cell::Part(_) | Cell::Unknown(_))),
        )
    }
}

/// How a command stands to the user with this place among the enabled ones.
fn cell<'f>(command: &'f CommandAccess, index: usize, user: &[u8]) -> Cell<'f> {
    let off = match &command.standing {
        Fact::Unavailable(reason) => return Cell::Unknown(reason),
        Fact::Known(Standing::Renamed) => return Cell::Renamed(None),
        Fact::Known(Standing::Removed) => return Cell::Removed,
        Fact::Known(Standing::Absent) => return Cell::Absent,
        Fact::Known(Standing::SwitchedOff(setting)) => Some(*setting),
        Fact::Known(Standing::Own) => None,
    };
    let access = match command.access.known() {
        Ok(access) => access,
        Err(reason) => return Cell::Unknown(reason),
    };
    // They stand in the order of the users.
    let in_order = access.get(index).filter(|access| access.user == user);
    let access = in_order.or_else(|| access.iter().find(|access| access.user == user));
    match (access, off) {
        (None, _) => Cell::Unknown("the server was not asked about this user"),
        (Some(access), _) if !access.acl => Cell::Acl,
        (Some(_), Some(setting)) => Cell::Off(setting),
        (Some(access), None) => by_gate(access),
    }
}

fn by_gate(access: &UserAccess) -> Cell<'_> {
    match &access.gate {
        GateVerdict::Denied(rule) => Cell::Gate(rule),
        GateVerdict::Renamed(rule) => Cell::Renamed(Some(rule)),
        GateVerdict::Partly(rule) => Cell::Part(Some(rule)),
        GateVerdict::Pass if access.whole => Cell::Open,
        GateVerdict::Pass => Cell::Part(None),
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]
mod tests {
    use super::*;
    use crate::audit::checks::sample;

    fn cell_of<'f>(matrix: &Matrix<'f>, user: &str, command: &str) -> Cell<'f> {
        let row = matrix
            .rows
            .iter()
            .find(|row| row.users.contains(&user.as_bytes()));
        let at = matrix.commands.iter().position(|name| *name == command);
        row.unwrap().cells[at.unwrap()]
    }

    #[test]
    fn every_way_in_which_a_command_can_stand_is_told_apart() {
        let mut facts = sample::hardened();
        sample::add_user(&mut facts, "app", false);
        for name in ["flushall", "keys", "config", "debug", "monitor", "save"] {
            sample::open_command(&mut facts, name, "app");
        }
        sample::verdict(
            &mut facts,
            "keys",
            GateVerdict::Denied("no-keys".to_owned()),
        );
        sample::verdict(&mut facts, "config", GateVerdict::Renamed("r1".to_owned()));
        sample::verdict(&mut facts, "monitor", GateVerdict::Partly("r2".to_owned()));
        let Fact::Known(access) = &mut sample::command(&mut facts, "save").access else {
            panic!("not known");
        };
        access.iter_mut().for_each(|access| access.whole = false);
        let mut stand = |name: &str, standing| {
            sample::command(&mut facts, name).standing = Fact::Known(standing);
        };
        stand("debug", Standing::SwitchedOff("enable-debug-command no"));
        stand("acl", Standing::Renamed);
        stand("shutdown", Standing::Removed);
        stand("failover", Standing::Absent);
        sample::command(&mut facts, "sync").standing = Fact::Unavailable("no COMMAND".to_owned());
        let matrix = Matrix::of(&facts).unwrap();
        let cell = |command: &str| cell_of(&matrix, "app", command);
        assert_eq!(cell("flushall"), Cell::Open);
        assert_eq!(cell("flushdb"), Cell::Acl);
        assert_eq!(cell("keys"), Cell::Gate("no-keys"));
        assert_eq!(cell("config"), Cell::Renamed(Some("r1")));
        assert_eq!(cell("monitor"), Cell::Part(Some("r2")));
        assert_eq!(cell("save"), Cell::Part(None));
        assert_eq!(cell("debug"), Cell::Off("enable-debug-command no"));
        assert_eq!(cell("acl"), Cell::Renamed(None));
        assert_eq!(cell("shutdown"), Cell::Removed);
        assert_eq!(cell("failover"), Cell::Absent);
        assert_eq!(cell("sync"), Cell::Unknown("no COMMAND"));
        // Whom the ACL bars, no setting need bar.
        assert_eq!(cell_of(&matrix, "default", "debug"), Cell::Acl);
        assert!(!matrix.commands.contains(&"del"));
    }

    #[test]
    fn users_who_are_alike_share_a_row_and_the_mightiest_come_first() {
        let mut facts = sample::hardened();
        for name in ["a", "b", "c", "admin", "gone"] {
            sample::add_user(&mut facts, name, false);
        }
        sample::open_command(&mut facts, "flushall", "admin");
        sample::user(&mut facts, "gone").enabled = false;
        for command in &mut facts.commands {
            let Fact::Known(access) = &mut command.access else {
                continue;
            };
            access.retain(|access| access.user != b"gone");
        }
        facts.administrators.insert(b"c".to_vec());
        let matrix = Matrix::of(&facts).unwrap();
        let rows: Vec<Vec<&[u8]>> = matrix.rows.iter().map(|row| row.users.clone()).collect();
        assert_eq!(
            rows,
            [
                vec![&b"admin"[..]],
                vec![&b"default"[..], b"a", b"b"],
                vec![&b"c"[..]]
            ]
        );
        assert!(matrix.rows[2].administrators);
        assert_eq!((matrix.enabled(), matrix.off), (5, 1));
    }

    #[test]
    fn without_the_users_there_is_a_reason() {
        assert_eq!(
            Matrix::of(&sample::nothing_read()).err(),
            Some("not readable")
        );
    }
}
