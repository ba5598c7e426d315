//! The users that redis.conf or the aclfile makes at the next start, beside those that run.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::config_file::ConfigFile;
use super::config_lines::directives;
use super::settings::Settings;
use super::{acl_grants, bounded, walk};
use crate::audit::facts::{Fact, Grants, KeptUsers, Login};

const MAX_FILE: u64 = 10 << 20;
/// As much as is read of redis.conf and all its includes.
const MAX_TOTAL: usize = 20 << 20;

/// Users by their names.
pub type ByName = BTreeMap<Vec<u8>, Grants>;

/// Reads the lines that make users. `running` are those that run, where they are known.
pub fn read(file: &ConfigFile, settings: &Settings, running: Fact<ByName>) -> Fact<KeptUsers> {
    let running = match running {
        Fact::Known(running) => running,
        Fact::Unavailable(reason) => return Fact::Unavailable(reason),
    };
    let read = match (settings.config.known(), settings.get("aclfile")) {
        (Err(reason), _) => Err(format!("whether there is an aclfile: {reason}")),
        (Ok(_), Some(aclfile)) => of_aclfile(aclfile).map(|(path, kept)| (path, kept, false)),
        (Ok(_), None) => of_redis_conf(file)
            .map(|(path, kept)| (path, kept, !file.users.contains(&b"default"[..]))),
    };
    match read {
        Ok((file, kept, default_by_requirepass)) => Fact::Known(KeptUsers {
            file,
            kept,
            default_by_requirepass,
            running,
        }),
        Err(reason) => Fact::Unavailable(reason),
    }
}

fn of_aclfile(path: &[u8]) -> Result<(Vec<u8>, ByName), String> {
    let path = walk::absolute(path);
    let content = bounded::whole(&path, MAX_FILE)?;
    let mut kept = ByName::new();
    for line in content.split(|byte| *byte == b'\n') {
        // The server splits these lines at spaces alone; they have no quotes.
        let mut words = line
            .trim_ascii()
            .split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty());
        if let (Some(b"user"), Some(name)) = (words.next(), words.next()) {
            kept.insert(name.to_vec(), acl_grants::read(words));
        }
    }
    // `requirepass` may be at work then, or not: that differs between servers.
    kept.entry(b"default".to_vec()).or_insert_with(|| Grants {
        login: None,
        ..acl_grants::of_default()
    });
    Ok((path.as_os_str().as_bytes().to_vec(), kept))
}

fn of_redis_conf(file: &ConfigFile) -> Result<(Vec<u8>, ByName), String> {
    let mut kept = ByName::new();
    let mut total: usize = 0;
    let files = match file.users.is_empty() {
        true => &[],
        false => file.files.as_slice(),
    };
    for path in files {
        let content = bounded::whole(Path::new(OsStr::from_bytes(path)), MAX_FILE)?;
        total = total.saturating_add(content.len());
        if total > MAX_TOTAL {
            return Err("the configuration files are too large to be read again".to_owned());
        }
        for line in directives(&content).0 {
            if let (b"user", [name, rules @ ..]) = (line.name.as_slice(), &*line.arguments) {
                let rules = rules.iter().map(Vec::as_slice);
                kept.insert(name.clone(), acl_grants::read(rules));
            }
        }
    }
    kept.entry(b"default".to_vec()).or_insert_with(|| {
        let mut default = acl_grants::of_default();
        let password = file.secrets.get("requirepass");
        if let Some(password) = password.filter(|password| !password.reveal().is_empty()) {
            default.login = Some(Login::Passwords([password.acl_digest()].into()));
        }
        default
    });
    let main = file.files.first().cloned().unwrap_or_default();
    Ok((main, kept))
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
    use crate::server::collect::ask::Reply;

    fn kept(conf: &str, aclfile: Option<&str>) -> Fact<KeptUsers> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("redis.conf");
        std::fs::write(&path, conf).unwrap();
        let file = ConfigFile::read(path.as_os_str().as_bytes());
        let users = folder.path().join("users.acl");
        let name = aclfile.map_or("", |_| users.to_str().unwrap());
        if let Some(content) = aclfile.filter(|content| !content.is_empty()) {
            std::fs::write(&users, content).unwrap();
        }
        let reply = Reply::Array(vec![text("aclfile"), text(name)]);
        let twin = Twin::redis_7().answers(&["config", "get", "*"], reply);
        read(
            &file,
            &settings::read(&twin, &file),
            Fact::Known(ByName::new()),
        )
    }

    #[test]
    fn without_an_aclfile_the_lines_of_redis_conf_and_its_password_count() {
        let users = kept("user \"app\" on '>alice' (+get ~a)\n", None);
        let users = &users.known().unwrap().kept;
        assert_eq!(users.len(), 2);
        assert_eq!(users[&b"app"[..]].selectors.len(), 1);
        assert_eq!(users[&b"default"[..]], acl_grants::of_default());
        let users = kept("requirepass alice\n", None);
        let default = &users.known().unwrap().kept[&b"default"[..]];
        let digest = crate::audit::facts::acl_digest(b"alice");
        assert_eq!(default.login, Some(Login::Passwords([digest].into())));
    }

    #[test]
    fn with_an_aclfile_its_lines_count_alone() {
        let users = kept(
            "requirepass alice\nuser other on nopass\n",
            Some("\n  user app  on nopass ~* +get\r\n"),
        );
        let users = users.known().unwrap();
        assert!(users.file.ends_with(b"/users.acl"));
        assert!(users.kept.keys().eq([&b"app"[..], b"default"]));
        assert_eq!(users.kept[&b"default"[..]].login, None);
        let app = &users.kept[&b"app"[..]];
        assert!(app.enabled && app.commands == [b"+get"]);
    }

    #[test]
    fn an_aclfile_that_cannot_be_read_is_a_reason() {
        assert!(
            kept("", Some(""))
                .known()
                .unwrap_err()
                .contains("users.acl")
        );
    }
}
