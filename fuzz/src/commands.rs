//! A server's command table, small and fixed: enough for rules, containers, categories and misses.

use crate::policy::name::Name;
use crate::policy::problem::At;
use crate::policy::resolve::{Commands, Found};

/// Every command, its subcommands, and the one category it is in.
pub const TABLE: [(&str, &[&str], &str); 12] = [
    ("get", &[], "read"),
    ("set", &[], "write"),
    ("del", &[], "write"),
    ("keys", &[], "dangerous"),
    ("flushall", &[], "dangerous"),
    ("debug", &[], "dangerous"),
    ("eval", &[], "scripting"),
    ("config", &["get", "set", "rewrite"], "dangerous"),
    ("client", &["id", "kill"], "connection"),
    ("auth", &[], "connection"),
    ("multi", &[], "transaction"),
    ("secgate", &["list", "deny"], "admin"),
];

/// The table as a server answers it.
pub struct Table;

fn row(name: &[u8]) -> Option<&'static (&'static str, &'static [&'static str], &'static str)> {
    TABLE.iter().find(|(command, ..)| command.as_bytes() == name)
}

impl Commands for Table {
    fn find(&self, command: &[u8]) -> Found {
        match row(command) {
            Some(_) => Found::Here { wire: command.to_vec() },
            None if command == b"removed" => Found::Removed,
            None if command == b"away" => Found::RenamedAway,
            None => Found::Absent,
        }
    }

    fn is_container(&self, wire: &[u8]) -> bool {
        row(wire).is_some_and(|(_, subs, _)| !subs.is_empty())
    }

    fn has_subcommand(&self, wire: &[u8], sub: &[u8]) -> bool {
        row(wire).is_some_and(|(_, subs, _)| subs.iter().any(|own| own.as_bytes() == sub))
    }

    fn names(&self, container: Option<&[u8]>) -> Vec<String> {
        match container {
            None => TABLE.iter().map(|(name, ..)| (*name).to_owned()).collect(),
            Some(wire) => row(wire).map_or_else(Vec::new, |(_, subs, _)| subs.iter().map(ToString::to_string).collect()),
        }
    }

    fn may_come_on_link(&self, wire: &[u8]) -> bool {
        row(wire).is_some_and(|(.., category)| *category == "write")
    }

    fn category(&self, category: &[u8]) -> Option<Vec<Name>> {
        let members: Vec<Name> = TABLE
            .iter()
            .filter(|(.., own)| own.as_bytes() == category)
            .map(|(name, ..)| Name { command: name.as_bytes().to_vec(), sub: None, at: At::default() })
            .collect();
        (!members.is_empty()).then_some(members)
    }

    fn categories(&self) -> Vec<String> {
        let mut names: Vec<String> = TABLE.iter().map(|(.., category)| (*category).to_owned()).collect();
        names.sort();
        names.dedup();
        names
    }

    fn tells_who_calls(&self) -> bool {
        true
    }

    fn find_check(&self, id: &str) -> Result<(), Option<&'static str>> {
        match id {
            "net.bind" | "auth.password" => Ok(()),
            "net.bnid" => Err(Some("net.bind")),
            _ => Err(None),
        }
    }
}
