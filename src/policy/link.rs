//! The names that a master may send over the replication link, for servers that do not tell a filter who is calling.

use std::collections::HashSet;

use super::resolve::{self, Commands, Found};

/// On servers that do not tell who is calling: the names a master may send.
#[derive(Debug, Default)]
pub enum Link {
    /// The server tells who is calling.
    #[default]
    NotAsked,
    /// These: as the server calls them, and as clients do where redis.conf renamed them (a master sends what its
    /// client sent).
    Names(HashSet<Box<[u8]>>),
    /// Any: the server's commands, or their new names, are not known. No data may diverge for that.
    Any,
}

impl Link {
    /// The names, by what the server says of its commands; `ruled` are names of the policy.
    pub fn of<'n>(commands: &dyn Commands, ruled: impl Iterator<Item = &'n Box<[u8]>>) -> Self {
        let mut names = HashSet::new();
        for name in commands.names(None) {
            let name = name.as_bytes();
            if !commands.may_come_on_link(name) {
                continue;
            }
            match commands.find(name) {
                Found::RenamedAway => return Self::Any,
                _ => names.insert(resolve::wire(name, commands).into()),
            };
            names.insert(name.into());
        }
        if names.is_empty() {
            return Self::Any;
        }
        names.extend(
            ruled
                .filter(|name| commands.may_come_on_link(name))
                .cloned(),
        );
        Self::Names(names)
    }
}
