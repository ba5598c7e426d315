//! Names of users and groups, from /etc/passwd and /etc/group themselves: a name service could block the server.

use std::collections::BTreeSet;
use std::path::Path;

use super::bounded;
use crate::audit::facts::{Fact, Member};
use crate::render::escape::printable_up_to;

/// The two files, as far as they could be read.
#[derive(Debug)]
pub struct Accounts {
    users: Result<Vec<Entry>, String>,
    groups: Result<Vec<Entry>, String>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    id: u32,
    /// Of a user: the primary group.
    group: u32,
    /// Of a group: its members.
    members: Vec<String>,
}

const MAX_FILE: u64 = 4 << 20;

impl Accounts {
    /// Reads both files.
    pub fn read() -> Self {
        Self::read_from(Path::new("/etc/passwd"), Path::new("/etc/group"))
    }

    /// A user's name, or the number when it has none.
    pub fn user(&self, id: u32) -> String {
        name(&self.users, id)
    }

    /// A group's name, or the number when it has none.
    pub fn group(&self, id: u32) -> String {
        name(&self.groups, id)
    }

    /// The accounts in a group, other than this user and root (who needs no group).
    pub fn sharers(&self, group: u32, user: u32) -> Fact<Vec<String>> {
        let own = |member: &Member| member.uid.is_some_and(|id| id == user || id == 0);
        match self.members(group) {
            Fact::Known(members) => {
                let others = members.into_iter().filter(|member| !own(member));
                let names: BTreeSet<String> = others.map(|member| member.name).collect();
                Fact::Known(names.into_iter().collect())
            }
            Fact::Unavailable(reason) => Fact::Unavailable(reason),
        }
    }

    /// All accounts in a group, by name: those whose first group it is, and those it lists.
    pub fn members(&self, group: u32) -> Fact<Vec<Member>> {
        let (users, groups) = match (&self.users, &self.groups) {
            (Ok(users), Ok(groups)) => (users, groups),
            (Err(reason), _) | (_, Err(reason)) => return Fact::Unavailable(reason.clone()),
        };
        let number = |name: &String| {
            let user = users.iter().find(|entry| entry.name == *name);
            user.map(|entry| entry.id)
        };
        let primary = users.iter().filter(|entry| entry.group == group);
        let primary = primary.map(|entry| (entry.name.clone(), Some(entry.id)));
        let listed = groups.iter().filter(|entry| entry.id == group);
        let listed = listed.flat_map(|entry| &entry.members);
        let listed = listed.map(|name| (name.clone(), number(name)));
        let members: BTreeSet<(String, Option<u32>)> = primary.chain(listed).collect();
        let member = |(name, uid)| Member { name, uid };
        Fact::Known(members.into_iter().map(member).collect())
    }

    fn read_from(passwd: &Path, group: &Path) -> Self {
        let read = |path: &Path, parse: fn(&[&[u8]]) -> Option<Entry>| {
            let content = bounded::whole(path, MAX_FILE)?;
            let lines = content.split(|byte| *byte == b'\n');
            let entry = |line: &[u8]| parse(&line.split(|byte| *byte == b':').collect::<Vec<_>>());
            Ok(lines.filter_map(entry).collect())
        };
        Self {
            users: read(passwd, |fields| match fields {
                [name, _, id, group, ..] => Some(Entry {
                    name: shown(name),
                    id: number(id)?,
                    group: number(group)?,
                    members: Vec::new(),
                }),
                _ => None,
            }),
            groups: read(group, |fields| match fields {
                [name, _, id, members] => Some(Entry {
                    name: shown(name),
                    id: number(id)?,
                    group: 0,
                    members: members
                        .split(|byte| *byte == b',')
                        .filter(|member| !member.is_empty())
                        .map(shown)
                        .collect(),
                }),
                _ => None,
            }),
        }
    }
}

fn name(entries: &Result<Vec<Entry>, String>, id: u32) -> String {
    let entries = entries.as_ref().map(Vec::as_slice).unwrap_or_default();
    let entry = entries.iter().find(|entry| entry.id == id);
    entry.map_or_else(|| id.to_string(), |entry| entry.name.clone())
}

fn number(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

fn shown(name: &[u8]) -> String {
    printable_up_to(name, 64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn accounts(passwd: &[u8], group: &[u8]) -> Accounts {
        let folder = tempfile::tempdir().unwrap();
        let (users, groups) = (folder.path().join("passwd"), folder.path().join("group"));
        std::fs::write(&users, passwd).unwrap();
        std::fs::write(&groups, group).unwrap();
        Accounts::read_from(&users, &groups)
    }

    #[test]
    fn names_are_found_and_numbers_stand_in_for_missing_ones() {
        let accounts = accounts(
            b"root:x:0:0::/:/bin/sh\nredis:x:109:112::/:/bin/false\nbad line\n",
            b"redis:x:112:\n",
        );
        assert_eq!(
            (accounts.user(109).as_str(), accounts.group(112).as_str()),
            ("redis", "redis")
        );
        assert_eq!(
            (accounts.user(7).as_str(), accounts.group(0).as_str()),
            ("7", "0")
        );
    }

    #[test]
    fn sharers_are_members_and_those_whose_first_group_it_is() {
        let accounts = accounts(
            b"root:x:0:112::/:\nredis:x:109:112::/:\nweb:x:33:33::/:\nbackup:x:34:112::/:\n",
            b"redis:x:112:web,redis,root\nweb:x:33:\n",
        );
        assert_eq!(
            accounts.sharers(112, 109),
            Fact::Known(vec!["backup".to_owned(), "web".to_owned()])
        );
        assert_eq!(accounts.sharers(33, 33), Fact::Known(Vec::new()));
        let Fact::Known(members) = accounts.members(33) else {
            unreachable!("both files are there");
        };
        assert_eq!(
            members,
            [Member {
                name: "web".to_owned(),
                uid: Some(33)
            }]
        );
    }

    #[test]
    fn without_the_files_numbers_and_reasons_remain() {
        let nowhere = Path::new("/nonexistent");
        let accounts = Accounts::read_from(nowhere, nowhere);
        assert_eq!(accounts.user(0), "0");
        assert!(accounts.sharers(1, 1).known().is_err());
    }
}
