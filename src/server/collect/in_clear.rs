//! Secrets that stand in clear in the configuration files and the ACL file: where each stands, never what it is.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::bounded;
use super::config_file::ConfigFile;
use super::config_lines::Directive;
use super::settings::Settings;
use crate::audit::facts::{Fact, InClear, Owner, Secrets};

/// Settings whose value is a secret.
const SETTINGS: [&str; 5] = [
    "requirepass",
    "masterauth",
    "primaryauth",
    "tls-key-file-pass",
    "tls-client-key-file-pass",
];

const MAX_ACL_FILE: u64 = 10 << 20;
/// Nobody reads on after so many.
const MAX_FOUND: usize = 1000;

/// What the files hold: those that were read already, and the ACL file.
pub fn read(file: &ConfigFile, settings: &Settings) -> Fact<Secrets> {
    let mut secrets = Secrets {
        files: file.files.len(),
        found: file.in_clear.clone(),
        unread: file.unread.iter().chain(&file.bad_lines).cloned().collect(),
    };
    if let Err(reason) = settings.config.known() {
        secrets
            .unread
            .push(format!("whether there is an aclfile: {reason}"));
    }
    if let Some(path) = settings.get("aclfile") {
        let path = Path::new(OsStr::from_bytes(path));
        match bounded::whole(path, MAX_ACL_FILE) {
            Ok(content) => {
                secrets.files += 1;
                for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
                    of_acl_line(&mut secrets.found, path, index + 1, line);
                }
            }
            Err(reason) => secrets.unread.push(reason),
        }
    }
    Fact::Known(secrets)
}

/// Takes note of what a line of a configuration file holds.
pub fn note(found: &mut Vec<InClear>, path: &Path, line: &Directive) {
    let setting = || {
        SETTINGS
            .into_iter()
            .find(|name| line.name == name.as_bytes())
    };
    let owner = match (line.name.as_slice(), line.arguments.as_slice()) {
        (b"user", [name, rules @ ..]) if rules.iter().any(|rule| is_password(rule)) => {
            Some(Owner::User(name.clone()))
        }
        (_, [value]) if !value.is_empty() => setting().map(Owner::Setting),
        _ => None,
    };
    if let Some(owner) = owner {
        add(found, path, line.line, owner);
    }
}

/// A line of an ACL file: words with single spaces between, no quotes.
fn of_acl_line(found: &mut Vec<InClear>, path: &Path, number: usize, line: &[u8]) {
    let mut words = line.trim_ascii().split(|byte| *byte == b' ');
    let (Some(b"user"), Some(name)) = (words.next(), words.next()) else {
        return;
    };
    if words.any(is_password) {
        add(found, path, number, Owner::User(name.to_vec()));
    }
}

/// `>PASSWORD` gives one, `<PASSWORD` takes one away; a hash begins with `#` or `!`.
fn is_password(rule: &[u8]) -> bool {
    rule.starts_with(b">") || rule.starts_with(b"<")
}

fn add(found: &mut Vec<InClear>, path: &Path, line: usize, owner: Owner) {
    if found.len() < MAX_FOUND {
        found.push(InClear {
            path: path.as_os_str().as_bytes().to_vec(),
            line,
            owner,
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::settings;
    use super::super::twin::{Twin, text};
    use super::*;
    use crate::server::collect::ask::Reply;
    use std::fs;

    fn shown(secrets: &Secrets) -> Vec<String> {
        let one = |found: &InClear| {
            let name = Path::new(OsStr::from_bytes(&found.path))
                .file_name()
                .unwrap();
            format!("{}:{} {:?}", name.display(), found.line, found.owner)
        };
        secrets.found.iter().map(one).collect()
    }

    #[test]
    fn every_secret_is_found_where_it_stands_and_none_is_taken_along() {
        let folder = tempfile::tempdir().unwrap();
        let (conf, more, acl) = ("redis.conf", "more.conf", "users.acl");
        let at = |name: &str| folder.path().join(name);
        fs::write(
            at(conf),
            "# requirepass commented\nREQUIREPASS \"s3cret one\"\nmasterauth \"\"\ninclude more.conf\n\
             user app on >s3cret ~*\nuser hashed on #aa ~*\n",
        )
        .unwrap();
        fs::write(at(more), "tls-key-file-pass s3cret\nprimaryauth s3cret\n").unwrap();
        fs::write(
            at(acl),
            "user default off\n\nuser a>b on #aa ~*\r\nuser odd\u{1} on <s3cret ~*\n",
        )
        .unwrap();
        let file = ConfigFile::read(at(conf).as_os_str().as_bytes());
        let path = at(acl);
        let twin = Twin::redis_7().answers(
            &["config", "get", "*"],
            Reply::Array(vec![text("aclfile"), text(path.to_str().unwrap())]),
        );
        let fact = read(&file, &settings::read(&twin, &file));
        let secrets = fact.known().unwrap();
        assert_eq!(
            shown(secrets),
            [
                "redis.conf:2 Setting(\"requirepass\")",
                "redis.conf:5 User([97, 112, 112])",
                "more.conf:1 Setting(\"tls-key-file-pass\")",
                "more.conf:2 Setting(\"primaryauth\")",
                "users.acl:4 User([111, 100, 100, 1])",
            ]
        );
        assert_eq!((secrets.files, secrets.unread.len()), (3, 0));
        assert!(!format!("{fact:?}").contains("s3cret"));
    }

    #[test]
    fn what_could_not_be_read_is_told() {
        let twin = Twin::redis_7().answers(
            &["config", "get", "*"],
            Reply::Array(vec![text("aclfile"), text("/nonexistent/users.acl")]),
        );
        let file = ConfigFile::read(b"/nonexistent/redis.conf");
        let fact = read(&file, &settings::read(&twin, &file));
        let unread = fact.known().unwrap().unread.join(" ");
        assert!(unread.contains("redis.conf: not there"), "{unread}");
        assert!(unread.contains("users.acl: not there"), "{unread}");
        let fact = read(
            &ConfigFile::default(),
            &settings::read(&Twin::mute(), &ConfigFile::default()),
        );
        assert!(
            fact.known()
                .unwrap()
                .unread
                .concat()
                .contains("whether there is an aclfile")
        );
    }
}
