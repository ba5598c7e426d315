//! Which server this is, and what it can do. Tests ask for a capability by name rather than compare versions.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Who makes the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Redis.
    Redis,
    /// Valkey, which branched off at Redis 7.2.
    Valkey,
}

/// A server's family and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Redis or Valkey: their numbers cannot be compared with each other.
    pub family: Family,
    /// 7 in 7.0.15.
    pub major: u16,
    /// 0 in 7.0.15.
    pub minor: u16,
    /// 15 in 7.0.15.
    pub patch: u16,
}

/// Redis 7.0, our floor.
pub const REDIS_7_0: Version = Version::first_of(Family::Redis, 7, 0);
/// Redis 7.2: filters are told who calls; modules can have ACL categories.
pub const REDIS_7_2: Version = Version::first_of(Family::Redis, 7, 2);
/// Redis 7.4.
pub const REDIS_7_4: Version = Version::first_of(Family::Redis, 7, 4);
/// Redis 8.0.
pub const REDIS_8_0: Version = Version::first_of(Family::Redis, 8, 0);
/// Redis 8.6.
pub const REDIS_8_6: Version = Version::first_of(Family::Redis, 8, 6);
/// Valkey 7.2, the first of its name and our floor there.
pub const VALKEY_7_2: Version = Version::first_of(Family::Valkey, 7, 2);
/// Valkey 8.0.
pub const VALKEY_8_0: Version = Version::first_of(Family::Valkey, 8, 0);
/// Valkey 8.1.
pub const VALKEY_8_1: Version = Version::first_of(Family::Valkey, 8, 1);
/// Valkey 9.1: scripts are run by a module.
pub const VALKEY_9_1: Version = Version::first_of(Family::Valkey, 9, 1);

impl Version {
    /// Whether this is of the same family as `floor` and not older. A Valkey is never "at least" a Redis, nor the other
    /// way round: name both, or use a capability below.
    pub fn at_least(self, floor: Self) -> bool {
        let number = |v: Self| (v.major, v.minor, v.patch);
        self.family == floor.family && number(self) >= number(floor)
    }

    /// Whether the module loads: from Redis 7.0 and on every Valkey.
    pub fn loads_the_module(self) -> bool {
        self.at_least(REDIS_7_0) || self.at_least(VALKEY_7_2)
    }

    /// Whether a command filter can learn who is calling (`CommandFilterGetClientId`).
    pub fn tells_filters_who_calls(self) -> bool {
        self.at_least(REDIS_7_2) || self.at_least(VALKEY_7_2)
    }

    /// Whether a module's commands can belong to ACL categories.
    pub fn has_acl_categories_for_modules(self) -> bool {
        self.at_least(REDIS_7_2) || self.at_least(VALKEY_7_2)
    }

    /// Whether DEBUG is closed unless `enable-debug-command` opens it.
    pub fn guards_the_debug_command(self) -> bool {
        self.at_least(REDIS_7_0) || self.at_least(VALKEY_7_2)
    }

    /// Whether the port of the cluster bus can be set (`cluster-port`).
    pub fn has_cluster_port(self) -> bool {
        self.at_least(REDIS_7_0) || self.at_least(VALKEY_7_2)
    }

    /// Reads `Redis server v=7.0.15 sha=…` or `Valkey server v=…`.
    pub fn from_banner(banner: &str) -> Option<Self> {
        let (name, rest) = banner.trim_start().split_once(" server v=")?;
        let family = match name {
            "Redis" => Family::Redis,
            "Valkey" => Family::Valkey,
            _ => return None,
        };
        Self::numbered(family, rest.split_whitespace().next()?)
    }

    /// Reads INFO, where a Valkey says `valkey_version` beside the `redis_version` that it is compatible with.
    pub fn from_info(info: &BTreeMap<String, String>) -> Option<Self> {
        match info.get("valkey_version") {
            Some(number) => Self::numbered(Family::Valkey, number),
            None => Self::numbered(Family::Redis, info.get("redis_version")?),
        }
    }

    const fn first_of(family: Family, major: u16, minor: u16) -> Self {
        Self {
            family,
            major,
            minor,
            patch: 0,
        }
    }

    fn numbered(family: Family, number: &str) -> Option<Self> {
        let mut parts = number.split('.').map(str::parse);
        let mut part = || parts.next()?.ok();
        Some(Self {
            family,
            major: part()?,
            minor: part()?,
            patch: part()?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} {}.{}.{}",
            self.family, self.major, self.minor, self.patch
        )
    }
}

/// The version of the server under test.
pub fn under_test() -> Version {
    of_binary(server_binary())
}

/// The version that a server binary says it is; asked once for each binary.
pub fn of_binary(binary: &Path) -> Version {
    static KNOWN: Mutex<BTreeMap<PathBuf, Version>> = Mutex::new(BTreeMap::new());
    if let Some(known) = KNOWN
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(binary)
    {
        return *known;
    }
    let mut command = Command::new(binary);
    command.arg("--version");
    let banner = super::process::run(command, b"", super::wait::DEADLINE).text();
    let version = Version::from_banner(&banner)
        .unwrap_or_else(|| panic!("{} --version says no version: {banner:?}", binary.display()));
    KNOWN
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(binary.to_owned(), version);
    version
}

/// The server binary under test: `SECAUDIT_TEST_SERVER`, else `redis-server` on PATH.
pub fn server_binary() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| match named_by("SECAUDIT_TEST_SERVER") {
        Some(path) => path,
        None => on_path("redis-server").expect("a redis-server on PATH, or SECAUDIT_TEST_SERVER"),
    })
}

/// The redis-cli to use: `SECAUDIT_TEST_CLI`, else the one beside the server, else the one on PATH.
pub fn cli_binary() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        named_by("SECAUDIT_TEST_CLI")
            .or_else(|| {
                Some(server_binary().with_file_name("redis-cli")).filter(|path| path.is_file())
            })
            .or_else(|| on_path("redis-cli"))
            .expect("a redis-cli beside the server or on PATH, or SECAUDIT_TEST_CLI")
    })
}

/// A server that scripts/servers.sh fetched, by its name there, for tests that need another one beside the one under test.
pub fn fetched(name: &str) -> Option<PathBuf> {
    let folder = |variable, below: &str| {
        let folder = std::env::var_os(variable)?;
        Some(PathBuf::from(folder).join(below))
    };
    let cache = folder("SECAUDIT_SERVERS", "")
        .or_else(|| folder("XDG_CACHE_HOME", "secaudit/servers"))
        .or_else(|| folder("HOME", ".cache/secaudit/servers"))?;
    Some(cache.join(name).join("redis-server")).filter(|path| path.is_file())
}

fn named_by(variable: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os(variable)?);
    assert!(
        path.is_file(),
        "{variable} names no file: {}",
        path.display()
    );
    Some(std::path::absolute(path).expect("a path"))
}

/// Not resolved any further: Debian's redis-server is a link, and the binary tells by the name it was called what it is.
fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}
