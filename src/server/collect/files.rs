//! Owners and modes of the files the server lives from, as `ls -lL` would show them, and of all that lies above them.

mod code;
mod data;
mod logs;
mod targets;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::accounts::Accounts;
use super::ask::Ask;
use super::bounded;
use super::config_file::ConfigFile;
use super::settings::Settings;
use super::walk::{Walk, absolute};
use crate::audit::facts::{Fact, FileStatus, Files, Gate, Member, Server};

/// So many groups are looked up in /etc/group; files of more than that belong to no server.
const MAX_GROUPS: usize = 64;

/// What was read before, and is needed to find the files.
pub struct Known<'k> {
    /// The server.
    pub server: &'k Server,
    /// Its configuration files.
    pub file: &'k ConfigFile,
    /// Its settings.
    pub settings: &'k Settings,
    /// Names of users and groups.
    pub accounts: &'k Accounts,
    /// This module's own files.
    pub gate: &'k Gate,
}

/// Looks at every file that the server, and this module in it, lives from.
pub fn read(ask: &dyn Ask, known: &Known<'_>) -> Files {
    let settings = known.settings;
    let mut walk = Walk::new(known.accounts);
    let config = config(known, &mut walk);
    let here = here(settings);
    let data_dir = status_of(&here, &mut walk);
    let acl = path_of(settings, "aclfile").map(|path| status_of(&path, &mut walk));
    let tls_keys = ["tls-key-file", "tls-client-key-file"]
        .iter()
        .filter_map(|setting| path_of(settings, setting))
        .map(|path| status_of(&path, &mut walk))
        .collect();
    let policy = known.gate.policy_file.as_deref();
    let policy =
        policy.map(|path| status_of(&Ok(PathBuf::from(OsStr::from_bytes(path))), &mut walk));
    let data = data::read(settings, &here, &mut walk);
    let logs = logs::read(known, &mut walk);
    let code = code::read(ask, known.file, &mut walk);
    let targets = targets::read(known, &here, &mut walk);
    let astray = targets::astray(known, &here, &mut walk);
    let parents = walk.parents();
    Files {
        groups: groups(&walk, known.accounts),
        config,
        data_dir,
        data,
        acl,
        logs,
        tls_keys,
        policy,
        code,
        parents,
        targets,
        astray,
    }
}

/// A file or folder; a link stands for what it leads to. A relative path starts from where the server stands.
pub fn status(path: &[u8], accounts: &Accounts) -> Fact<FileStatus> {
    Walk::new(accounts).status(path)
}

fn config(known: &Known<'_>, walk: &mut Walk<'_>) -> Vec<Fact<FileStatus>> {
    let mut paths = known.file.files.clone();
    if paths.is_empty() && known.file.unread.is_empty() {
        paths.extend(known.server.config_file.clone());
    }
    let looked_at = paths.iter().map(|path| kept(path, walk));
    let mut config: Vec<Fact<FileStatus>> = looked_at.collect();
    // What a file includes is known only when it could be read.
    config.extend(known.file.unread.iter().cloned().map(Fact::Unavailable));
    config
}

/// A file of the server's, with all that is above it.
fn kept(path: &[u8], walk: &mut Walk<'_>) -> Fact<FileStatus> {
    walk.follow_and_keep(Path::new(OsStr::from_bytes(path)));
    walk.status(path)
}

fn status_of(path: &Result<PathBuf, String>, walk: &mut Walk<'_>) -> Fact<FileStatus> {
    match path {
        Ok(path) => kept(path.as_os_str().as_bytes(), walk),
        Err(reason) => Fact::Unavailable(reason.clone()),
    }
}

/// The data directory. `dir` is the folder the server stands in, so it is known without CONFIG, too.
fn here(settings: &Settings) -> Result<PathBuf, String> {
    if let Some(path) = settings.get("dir") {
        return Ok(absolute(path));
    }
    std::env::current_dir()
        .map_err(|error| format!("the working directory: {}", bounded::reason(&error)))
}

/// The file that a setting names; `None` where it names none.
fn path_of(settings: &Settings, setting: &str) -> Option<Result<PathBuf, String>> {
    match settings.config.known() {
        Err(reason) => Some(Err(format!("whether there is a {setting}: {reason}"))),
        Ok(_) => Some(Ok(absolute(settings.get(setting)?))),
    }
}

fn groups(walk: &Walk<'_>, accounts: &Accounts) -> BTreeMap<u32, Fact<Vec<Member>>> {
    let found = walk.groups().iter().take(MAX_GROUPS);
    found.map(|gid| (*gid, accounts.members(*gid))).collect()
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
