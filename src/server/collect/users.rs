//! The ACL users: their names by ACL USERS or, where ACL was removed, from the files; their rules by the module API.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::ask::{Ask, Reply};
use super::bounded;
use super::config_file::ConfigFile;
use super::config_lines::directives;
use super::settings::Settings;
use super::wire_name::call;
use crate::audit::facts::{Fact, User};

const MAX_ACL_FILE: u64 = 10 << 20;

/// Asks for every user: first the names, then the rules of some at a time. ACL LIST would hold up the server for all of them.
pub fn read(ask: &dyn Ask, file: &ConfigFile, settings: &Settings) -> Fact<Vec<User>> {
    let reason = match call(ask, file, &[b"acl", b"users"]).and_then(names) {
        Ok(names) => return fact(by_rules(ask, names, "ACL USERS names no user that exists")),
        Err(reason) => reason,
    };
    // With ACL removed for good, nobody makes or changes a user while the server runs: the files name them all.
    if file.renamed(b"acl") != Some(b"") {
        return Fact::Unavailable(reason);
    }
    let users = named(file, settings)
        .and_then(|names| by_rules(ask, names, "the files name no user that exists"));
    fact(users.map_err(|why| format!("{reason}; {why}")))
}

fn fact<T>(result: Result<T, String>) -> Fact<T> {
    match result {
        Ok(value) => Fact::Known(value),
        Err(reason) => Fact::Unavailable(reason),
    }
}

/// The users of these names, by the rules the server holds for each. One who is gone by then is no user any more.
fn by_rules(ask: &dyn Ask, names: Vec<Vec<u8>>, none: &str) -> Result<Vec<User>, String> {
    let rules = ask.acl_rules_each(names.clone());
    let mut users = Vec::with_capacity(names.len());
    for (name, rules) in names.iter().zip(rules) {
        match rules {
            Fact::Known(Some(rules)) => users.push(user(name, &rules)),
            Fact::Known(None) => {}
            Fact::Unavailable(why) => return Err(why),
        }
    }
    match users.is_empty() {
        false => Ok(users),
        true => Err(none.to_owned()),
    }
}

/// A user by the rules the ACL writes: `on nopass sanitize-payload #digest ~* &* +@all (selector)`.
pub fn user(name: &[u8], rules: &[u8]) -> User {
    let mut user = User {
        name: name.to_vec(),
        enabled: false,
        nopass: false,
        password_hashes: Vec::new(),
        unlimited: false,
        rights: Vec::new(),
    };
    let mut in_selector = false;
    let (mut own, mut selector) = (Reach::default(), Reach::default());
    for rule in rules
        .split(|byte| *byte == b' ')
        .filter(|rule| !rule.is_empty())
    {
        if rule.starts_with(b"(") {
            in_selector = true;
            selector = Reach::default();
        }
        if in_selector {
            user.rights.push(b' ');
            user.rights.extend(rule);
            selector.take(rule.strip_prefix(b"(").unwrap_or(rule));
            in_selector = !rule.ends_with(b")");
            user.unlimited |= !in_selector && selector.is_everything();
            continue;
        }
        own.take(rule);
        match rule {
            b"on" => user.enabled = true,
            b"nopass" => user.nopass = true,
            [b'#', digest @ ..] => {
                user.password_hashes
                    .push(String::from_utf8_lossy(digest).to_lowercase());
            }
            [b'+' | b'-', ..] | b"allcommands" | b"nocommands" => {
                user.rights.push(b' ');
                user.rights.extend(rule);
            }
            _ => {}
        }
    }
    user.unlimited |= own.is_everything();
    user
}

/// How far one set of rules reaches, the user's own or a selector's.
#[derive(Default)]
struct Reach {
    commands: bool,
    keys: bool,
    channels: bool,
    /// Only some databases (Valkey 9.1).
    some_databases: bool,
}

impl Reach {
    fn take(&mut self, rule: &[u8]) {
        match rule.strip_suffix(b")").unwrap_or(rule) {
            b"+@all" | b"allcommands" => self.commands = true,
            [b'-', ..] | b"nocommands" => self.commands = false,
            b"~*" | b"allkeys" => self.keys = true,
            b"&*" | b"allchannels" => self.channels = true,
            rule => self.some_databases |= rule.starts_with(b"db="),
        }
    }

    fn is_everything(&self) -> bool {
        self.commands && self.keys && self.channels && !self.some_databases
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
    fn a_user_is_read_from_its_rules() {
        let user = user(
            b"bob",
            b" on sanitize-payload #ABC1 #02 ~app:* resetchannels -@all +get +config|get (~x +@write) (%R~y +set)",
        );
        assert!(user.enabled && !user.nopass);
        assert_eq!(user.password_hashes, ["abc1", "02"]);
        assert_eq!(
            user.rights,
            b" -@all +get +config|get (~x +@write) (%R~y +set)"
        );
    }

    #[test]
    fn words_inside_a_selector_are_not_taken_for_flags() {
        let user = user(b"bob", b"off ~* +@all (on nopass #ff)");
        assert!(!user.enabled && !user.nopass && user.password_hashes.is_empty());
    }

    #[test]
    fn a_user_is_unlimited_by_own_rules_or_by_one_selector_not_by_several_together() {
        for rules in [
            "on nopass sanitize-payload ~* &* +@all",
            "on ~* ~x &* -@all +@all",
            "on resetchannels -@all (%R~x +get) (~* &* +@all)",
            "on ~* &* +@all +debug",
        ] {
            assert!(user(b"bob", rules.as_bytes()).unlimited, "{rules}");
        }
        for rules in [
            "on ~* &* +@all -debug",
            "on ~* resetchannels +@all",
            "on %R~* &* +@all",
            "on ~* &* db=0 +@all",
            "on resetchannels ~* -@all (&* +@all)",
            "on resetchannels -@all (~* &* +get) (+@all)",
        ] {
            assert!(!user(b"bob", rules.as_bytes()).unlimited, "{rules}");
        }
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
