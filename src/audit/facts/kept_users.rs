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
    /// The patterns of keys, whatever may be done with them.
    pub keys: BTreeSet<Vec<u8>>,
    /// The patterns of channels; `None` where they hang on `acl-pubsub-default`.
    pub channels: Option<BTreeSet<Vec<u8>>>,
    /// Begins with all commands.
    pub all_commands: bool,
    /// What is added to them and taken from them, in order, lower case, with its sign.
    pub commands: Vec<Vec<u8>>,
    /// How many selectors there are.
    pub selectors: usize,
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
