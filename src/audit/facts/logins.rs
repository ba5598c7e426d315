//! How users, replicas and strangers get in: passwords that are known, passwords in files, the replication link, and who was
//! turned away.

use super::Fact;
use crate::audit::passwords::Lists;

/// What there is to know of logging in, beside the users themselves.
#[derive(Debug, Clone)]
pub struct Logins {
    /// The lists of known passwords; not asked for where no user has a password.
    pub known_passwords: Fact<Lists>,
    /// Secrets that the configuration files and the ACL file hold in clear.
    pub in_clear: Fact<Secrets>,
    /// The users on `user` lines of the configuration files, other than default.
    pub users_in_config: Fact<Vec<Vec<u8>>>,
    /// The links to a master and from replicas.
    pub replication: Fact<Replication>,
    /// How often somebody was turned away since the server started.
    pub denials: Fact<Vec<Denials>>,
}

/// The secrets that were found in files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// How many files were read.
    pub files: usize,
    /// Where each stands.
    pub found: Vec<InClear>,
    /// Files, or lines, that could not be read, and why.
    pub unread: Vec<String>,
}

/// A secret that a file holds in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InClear {
    /// The file.
    pub path: Vec<u8>,
    /// The line in it, from 1.
    pub line: usize,
    /// What it is the secret of.
    pub owner: Owner,
}

/// Whose secret it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A setting's, as the file names it: `requirepass`.
    Setting(&'static str),
    /// A user's: `user app … >PASSWORD`.
    User(Vec<u8>),
}

/// The links to a master and from replicas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replication {
    /// The master of this server, `10.0.0.1:6379`, if it is a replica.
    pub master: Option<String>,
    /// Its own replicas.
    pub replicas: Vec<Replica>,
}

/// A replica that is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Where from: `10.0.0.2:41234`.
    pub address: String,
    /// As which user.
    pub user: Vec<u8>,
}

/// A count of refusals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denials {
    /// As the server names it: `acl_access_denied_auth`.
    pub name: String,
    /// How many.
    pub count: u64,
}
