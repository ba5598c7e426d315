//! The users that run beside those that the files make at the next start.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The users that run beside those that the files make at the next start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptUsers {
    /// The file whose lines make users: the aclfile, or else redis.conf.
    pub file: Vec<u8>,
    /// What the files make of each user; of the default user always something.
    pub kept: BTreeMap<Vec<u8>, Grants>,
    /// No line makes the default user, so that his password is that of `requirepass`.
    pub default_by_requirepass: bool,
    /// Those the server has.
    pub running: BTreeMap<Vec<u8>, Grants>,
}

/// What the rules of a user come to, so that two ways to write them can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// May sign in.
    pub enabled: bool,
    /// By what; `None` where that hangs on more than the rules.
    pub login: Option<Login>,
    /// The patterns of keys, and what may be done with them.
    pub keys: BTreeMap<Vec<u8>, KeyAccess>,
    /// The patterns of channels; `None` where they hang on `acl-pubsub-default`.
    pub channels: Option<BTreeSet<Vec<u8>>>,
    /// Begins with all commands.
    pub all_commands: bool,
    /// What is added to them and taken from them, in order, lower case, with its sign.
    pub commands: Vec<Vec<u8>>,
    /// The databases, by number; `None` for all of them. Only Valkey 9.1 and newer bind users to some.
    pub databases: Option<BTreeSet<Vec<u8>>>,
    /// What RESTORE is given is not looked through. Some servers do not show it of a user who has it (Valkey 9.1).
    pub skips_sanitizing: bool,
    /// The selectors, in order. They have no state and no logins of their own.
    pub selectors: Vec<Grants>,
}

/// What may be done with keys: `%R~`, `%W~`, and both for `~`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyAccess {
    /// They may be read.
    pub read: bool,
    /// They may be written.
    pub write: bool,
}

impl KeyAccess {
    /// Read and written.
    pub const ALL: Self = Self {
        read: true,
        write: true,
    };
}

/// What lets a user in.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// Any password.
    Anything,
    /// The passwords of these SHA-256 digests, in lower-case hexadecimal.
    Passwords(BTreeSet<String>),
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anything => f.write_str("Anything"),
            Self::Passwords(digests) => write!(f, "Passwords({})", digests.len()),
        }
    }
}
