//! The facts a report rests on: plain data, read once from the server and the machine before any check runs.
//! A fact that could not be read says why; no check may take it for good news.

mod accepted;
mod configured;
mod defaults;
mod files;
mod gated;
mod kept_users;
mod logins;
mod machine;
mod names;
mod network;
mod origin;
mod sentinels;
mod started;

pub use accepted::*;
pub use configured::*;
pub use defaults::*;
pub use files::*;
pub use gated::*;
pub use kept_users::*;
pub use logins::*;
pub use machine::*;
pub use names::*;
pub use network::*;
pub use origin::*;
pub use sentinels::*;
pub use started::*;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

/// Something read from the server, or the reason why it could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    /// It was read.
    Known(T),
    /// It could not be read; the text says why, for the operator's eyes.
    Unavailable(String),
}

/// Bytes that must never reach a reply, a log line or a panic message. `Debug` and `Display` show nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes the bytes in.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
    /// The bytes, for a judgement that does not repeat them.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
    /// As the ACL keeps passwords.
    pub fn acl_digest(&self) -> String {
        acl_digest(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A password as the ACL keeps it: its SHA-256 digest in lower-case hexadecimal.
pub fn acl_digest(password: &[u8]) -> String {
    let digest = Sha256::digest(password);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl<T> Fact<T> {
    /// The value, or the reason why there is none.
    pub fn known(&self) -> Result<&T, &str> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Unavailable(reason) => Err(reason),
        }
    }
}

impl Facts {
    /// An effective setting, or the reason why it is not known.
    pub fn setting(&self, name: &str) -> Result<&[u8], String> {
        let config = self.config.known()?;
        match config.get(name) {
            Some(value) => Ok(value),
            None => Err(format!("CONFIG GET does not tell '{name}' on this server")),
        }
    }

    /// When they were read, in seconds since 1970.
    pub fn now(&self) -> i64 {
        let since = self.time.duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| {
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        })
    }

    /// The default user, or the reason why it is not known.
    pub fn default_user(&self) -> Result<&User, String> {
        let users = self.users.known()?;
        let default = users.iter().find(|user| user.name == b"default");
        default.ok_or_else(|| "the server names no default user".to_owned())
    }

    /// Whether the policy names this user as an administrator. A user who needs no password never is one.
    pub fn is_administrator(&self, user: &[u8]) -> bool {
        self.administrators.contains(user)
    }
}

/// Everything the checks may look at.
#[derive(Debug, Clone)]
pub struct Facts {
    /// When they were read.
    pub time: SystemTime,
    /// Which server this is.
    pub server: Server,
    /// Effective settings as CONFIG GET tells them, by lower-case name; secrets are kept out (see `requirepass`).
    pub config: Fact<BTreeMap<String, Vec<u8>>>,
    /// The readable password of the default user; an empty one is `Known(None)`.
    pub requirepass: Fact<Option<Secret>>,
    /// The password this server presents to its master; an empty one is `Known(None)`.
    pub masterauth: Fact<Option<Secret>>,
    /// The sockets this process really listens on.
    pub sockets: Fact<Vec<Socket>>,
    /// The folders and links above its unix sockets.
    pub socket_parents: Vec<Parent>,
    /// The server can speak TLS. Its settings alone do not tell: builds without TLS have them, too.
    pub tls_built: Fact<bool>,
    /// The certificates that the settings name.
    pub certificates: Fact<Certificates>,
    /// The authorities that the settings name.
    pub authorities: Vec<Authority>,
    /// Whether a packet filter is seen on this host.
    pub packet_filter: Fact<PacketFilter>,
    /// The ACL users.
    pub users: Fact<Vec<User>>,
    /// Those of them whom the policy names as administrators and who need a password; none while the users are unknown.
    pub administrators: BTreeSet<Vec<u8>>,
    /// Enabled users whom the ACL lets change data by other means than the commands of `cmd.data-loss`.
    pub writers: Fact<Vec<Vec<u8>>>,
    /// The distribution's package that the running server belongs to; `None` for one that was built otherwise.
    pub package: Fact<Option<Package>>,
    /// What a script can reach of Lua.
    pub lua: Fact<Lua>,
    /// What redis.conf says; `None` when the server was started without one.
    pub configured: Option<Configured>,
    /// The settings as they were when the server started; `None` where the module was loaded later.
    pub started: Option<Arc<Started>>,
    /// The users that run beside those that the files make.
    pub kept_users: Fact<KeptUsers>,
    /// How each dangerous command stands, in the catalogue's order.
    pub commands: Vec<CommandAccess>,
    /// How users, replicas and strangers get in.
    pub logins: Logins,
    /// The files the server lives from.
    pub files: Files,
    /// The process the server runs in.
    pub process: Process,
    /// What the machine and the kernel allow that process.
    pub machine: Machine,
    /// The master this server replicates from; `None` when it is a master itself.
    pub follows: Fact<Option<Followed>>,
    /// The links to other nodes.
    pub links: Links,
    /// The clients that are connected.
    pub clients: Fact<Clients>,
    /// The users as whom Sentinels are connected, each once.
    pub sentinels: Fact<Vec<Sentinel>>,
    /// The gate of this module.
    pub gate: Gate,
}

/// Which server this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The host's name, as `uname -n` tells it.
    pub host: String,
    /// `redis` or `valkey`.
    pub name: String,
    /// The version it states, `7.0.15`.
    pub version: String,
    /// `standalone`, `cluster` or `sentinel`.
    pub mode: String,
    /// `master` or `replica`.
    pub role: String,
    /// The TCP port INFO states; 0 when TCP is off.
    pub port: u16,
    /// The running executable.
    pub executable: String,
    /// The configuration file it was started with; `None` when it was started without one.
    pub config_file: Option<Vec<u8>>,
}

/// A listening socket of this process, as `netstat -plunt` would show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Socket {
    /// A TCP listener.
    Tcp(SocketAddr),
    /// A unix socket and its mode bits (07777), where the file is still there.
    Unix {
        /// Where it lies; abstract names start with `@`.
        path: Vec<u8>,
        /// Its file, when it can be seen.
        file: Fact<FileStatus>,
    },
}

/// What is seen of a packet filter on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PacketFilter {
    /// Chains that look at incoming packets exist; what they let through is not judged. Each is named.
    Seen(Vec<String>),
    /// The kernel was asked and has none.
    None,
}

/// An ACL user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name: bytes, any.
    pub name: Vec<u8>,
    /// `on` in ACL words.
    pub enabled: bool,
    /// Any password, or none, lets this user in.
    pub nopass: bool,
    /// SHA-256 digests of the passwords, lower-case hex as ACL GETUSER gives them.
    pub password_hashes: Vec<String>,
    /// Nothing is barred: `+@all ~* &*`, among the user's own rules or in one of the selectors.
    pub unlimited: bool,
    /// The command rules and selectors as the ACL writes them. Users with the same rights may run the same commands.
    pub rights: Vec<u8>,
}

/// How one dangerous command stands on this server.
#[derive(Debug, Clone)]
pub struct CommandAccess {
    /// Its real name, lower case: `flushall`, `config`, `cluster|reset`.
    pub name: &'static str,
    /// Whether the server still has it under its own name.
    pub standing: Fact<Standing>,
    /// Every enabled user and what bars or does not bar it, in the order of `Facts::users`.
    pub access: Fact<Vec<UserAccess>>,
}

/// Whether a command still has its own name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It answers to its own name.
    Own,
    /// `rename-command` in redis.conf gave it another name. The name itself is kept out of reports.
    Renamed,
    /// `rename-command NAME ""` removed it.
    Removed,
    /// It answers to its own name, but a setting makes the server refuse every call: `enable-debug-command no`.
    SwitchedOff(&'static str),
    /// This server does not have it at all.
    Absent,
}

/// What bars one user from one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserAccess {
    /// The user.
    pub user: Vec<u8>,
    /// The ACL lets the user run it on at least some keys.
    pub acl: bool,
    /// The ACL lets the user run all that stands for the command, not just one of its subcommands.
    pub whole: bool,
    /// What the gate says to it.
    pub gate: GateVerdict,
    /// Why the gate lets through those of its calls that it does.
    pub through: Through,
}

/// The process the server runs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// The user's name, or its number.
    pub user: String,
    /// The group's name, or its number.
    pub group: String,
    /// Other accounts that are in the process's group.
    pub group_sharers: Fact<Vec<String>>,
    /// The other groups the process itself is in, by number.
    pub groups: Fact<Vec<u32>>,
}

/// The gate of this module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// `off`, `observe` or `enforce`.
    pub mode: &'static str,
    /// How many statements the policy has.
    pub statements: usize,
    /// Their ids, in order.
    pub ids: Vec<String>,
    /// Its policy file, by its absolute path; `None` where SECGATE SAVE has nothing to write to.
    pub policy_file: Option<Vec<u8>>,
    /// Its log file (`secaudit.log-file`), by its absolute path.
    pub log_file: Option<Vec<u8>>,
    /// The new names it gives commands.
    pub names: Vec<NewName>,
    /// The ids of the statements that only record what they would refuse.
    pub on_trial: Vec<String>,
    /// SECGATE SEAL was called: until restart it can only be made stricter.
    pub sealed: bool,
    /// What this server lets the module do, each `name` with yes or no.
    pub capabilities: Vec<(&'static str, bool)>,
    /// What the policy says of the audit.
    pub accepted: Accepted,
}
