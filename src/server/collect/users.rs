//! The ACL users: their names by ACL USERS or, where ACL was removed, from the files; their rules by the module API.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::ask::{Ask, Reply};
use super::config_file::ConfigFile;
use super::config_lines::directives;
use super::kept_users::ByName;
use super::settings::Settings;
use super::wire_name::call;
use super::{acl_grants, acl_rules, bounded};
use crate::audit::facts::{Fact, User};

const MAX_ACL_FILE: u64 = 10 << 20;

/// Asks for every user: first the names, then the rules of some at a time. ACL LIST would hold up the server for all of them.
/// Beside each user stands what the rules come to.
pub fn with_grants(
    ask: &dyn Ask,
    file: &ConfigFile,
    settings: &Settings,
) -> (Fact<Vec<User>>, Fact<ByName>) {
    match all(ask, file, settings) {
        Ok((users, grants)) => (Fact::Known(users), Fact::Known(grants)),
        Err(reason) => (Fact::Unavailable(reason.clone()), Fact::Unavailable(reason)),
    }
}

/// Only the users.
#[cfg(test)]
pub fn read(ask: &dyn Ask, file: &ConfigFile, settings: &Settings) -> Fact<Vec<User>> {
    with_grants(ask, file, settings).0
}

fn all(ask: &dyn Ask, file: &ConfigFile, settings: &Settings) -> Result<Users, String> {
    let reason = match call(ask, file, &[b"acl", b"users"]).and_then(names) {
        Ok(names) => return by_rules(ask, names, "ACL USERS names no user that exists"),
        Err(reason) => reason,
    };
    // With ACL removed for good, nobody makes or changes a user while the server runs: the files name them all.
    if file.renamed(b"acl") != Some(b"") {
        return Err(reason);
    }
    let users = named(file, settings)
        .and_then(|names| by_rules(ask, names, "the files name no user that exists"));
    users.map_err(|why| format!("{reason}; {why}"))
}

/// The users, and what the rules of each come to.
type Users = (Vec<User>, ByName);

/// The users of these names, by the rules the server holds for each. One who is gone by then is no user any more.
fn by_rules(ask: &dyn Ask, names: Vec<Vec<u8>>, none: &str) -> Result<Users, String> {
    let rules = ask.acl_rules_each(names.clone());
    let mut users = Vec::with_capacity(names.len());
    let mut grants = ByName::new();
    for (name, rules) in names.iter().zip(rules) {
        match rules {
            Fact::Known(Some(rules)) => {
                users.push(user(name, &rules));
                let rules = rules.split(|byte| *byte == b' ');
                grants.insert(name.clone(), acl_grants::read(rules));
            }
            Fact::Known(None) => {}
            Fact::Unavailable(why) => return Err(why),
        }
    }
    match users.is_empty() {
        false => Ok((users, grants)),
        true => Err(none.to_owned()),
    }
}

/// A user by the rules the ACL writes.
pub fn user(name: &[u8], rules: &[u8]) -> User {
    let rules = acl_rules::read(rules);
    User {
        name: name.to_vec(),
        enabled: rules.enabled,
        nopass: rules.nopass,
        password_hashes: rules.password_hashes,
        unlimited: rules.unlimited,
        rights: rules.rights,
    }
}

fn names(reply: Reply) -> Result<Vec<Vec<u8>>, String> {
    let name = |item: Reply| match item {
        Reply::Text(name) => Some(name),
        _ => None,
    };
    let names = match reply {
        Reply::Array(items) => items.into_iter().map(name).collect(),
        _ => None,
    };
    names.ok_or_else(|| "ACL USERS answered in a form that is not known".to_owned())
}

/// The names of the users on the lines of the files.
fn named(file: &ConfigFile, settings: &Settings) -> Result<Vec<Vec<u8>>, String> {
    if !file.unread.is_empty() || !file.bad_lines.is_empty() {
        return Err(format!(
            "the files may name users that are not seen{}",
            file.gaps()
        ));
    }
    settings
        .config
        .known()
        .map_err(|why| format!("whether there is an aclfile: {why}"))?;
    let mut names: BTreeSet<Vec<u8>> = file.users.clone();
    names.insert(b"default".to_vec());
    if let Some(path) = settings.get("aclfile") {
        let content = bounded::whole(Path::new(OsStr::from_bytes(path)), MAX_ACL_FILE)?;
        for line in directives(&content).0 {
            if line.name == b"user" {
                names.extend(line.arguments.into_iter().next());
            }
        }
    }
    Ok(names.into_iter().collect())
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
mod tests {
    use super::super::settings;
    use super::super::twin::{Twin, text};
    use super::*;

    fn read_with(twin: &Twin, file: &ConfigFile) -> Fact<Vec<User>> {
        read(twin, file, &settings::read(twin, file))
    }

    #[test]
    fn users_with_odd_names_are_listed() {
        let line = Reply::Text(b"user a\xff\x1b on nopass sanitize-payload ~* &* +@all".to_vec());
        let twin = Twin::redis_7().answers(&["acl", "list"], Reply::Array(vec![line]));
        let users = read_with(&twin, &ConfigFile::default());
        assert_eq!(users.known().unwrap()[0].name, b"a\xff\x1b");
        assert!(users.known().unwrap()[0].nopass);
    }

    #[test]
    fn an_odd_answer_is_a_reason() {
        for reply in [
            Reply::Nil,
            Reply::Array(vec![]),
            Reply::Array(vec![text("nonsense")]),
        ] {
            let twin = Twin::redis_7().answers(&["acl", "users"], reply);
            assert!(read_with(&twin, &ConfigFile::default()).known().is_err());
        }
    }

    #[test]
    fn a_renamed_acl_is_called_by_the_name_the_file_tells() {
        let twin = Twin::redis_7().rename("acl", "aclx");
        let mut file = ConfigFile::default();
        assert!(read_with(&twin, &file).known().is_err());
        file.renames.insert(b"acl".to_vec(), b"aclx".to_vec());
        assert_eq!(read_with(&twin, &file).known().unwrap().len(), 2);
    }

    #[test]
    fn with_acl_removed_the_files_name_the_users() {
        let twin = Twin::redis_7()
            .remove("acl")
            .has_rules("default", "on nopass ~* &* +@all")
            .has_rules("app", "on #aa ~* &* +@all");
        let mut file = ConfigFile::default();
        file.renames.insert(b"acl".to_vec(), Vec::new());
        file.users.insert(b"app".to_vec());
        assert_eq!(read_with(&twin, &file).known().unwrap().len(), 2);
        file.unread
            .push("/etc/redis/more.conf: not there".to_owned());
        assert!(read_with(&twin, &file).known().is_err());
    }
}
