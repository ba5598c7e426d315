//! One action done: what was there before, the change, and whether it is there now.

use super::act::Act;
use crate::audit::facts::User;
use crate::audit::fix::applied::Change;
use crate::audit::fix::{Action, Keep, setting};
use crate::policy::statement::Mode;
use crate::render::escape::printable;
use crate::server::collect::ask::Reply;
use crate::server::collect::settings::is_secret;
use crate::server::collect::users;

/// The steps of fixes, done to a server.
pub struct Steps<'s> {
    /// The server.
    pub act: &'s dyn Act,
}

impl Steps<'_> {
    /// Does an action.
    pub fn run(&self, action: &Action) -> Result<Change, String> {
        match action {
            Action::Set(pairs) => self.set(pairs),
            Action::NewPassword => self.new_password(),
            Action::Statement(statement) => self.statement(&statement.line),
            Action::GateMode(word) => self.mode(word),
            Action::Permissions { path, mode } => self.permissions(path, *mode),
        }
    }

    /// Makes changes outlive a restart; answers the file they were written to.
    pub fn keep(&self, keep: Keep, config_file: Option<&[u8]>) -> Result<String, String> {
        match keep {
            Keep::Rewrite => {
                let file = config_file.unwrap_or_default();
                self.act.write(&[b"config", b"rewrite"], file)
            }
            Keep::AclSave => {
                let file = self.setting("aclfile")?.unwrap_or_default();
                self.act.write(&[b"acl", b"save"], &file)
            }
            Keep::PolicySave => self.act.save_policy(),
        }
    }

    /// Takes the password back from user default: nobody was told it.
    pub fn forget_password(&self) -> Result<(), String> {
        self.act
            .call(&[b"acl", b"setuser", b"default", b"nopass"])
            .or_else(|_| self.act.call(&[b"config", b"set", b"requirepass", b""]))
            .map(|_| ())
    }

    fn set(&self, pairs: &[(String, Vec<u8>)]) -> Result<Change, String> {
        let before = self.values(pairs)?;
        let mut words: Vec<&[u8]> = vec![b"config", b"set"];
        for (name, value) in pairs {
            words.extend([name.as_bytes(), value.as_slice()]);
        }
        self.act.call(&words)?;
        let shown = |values: &[Option<Vec<u8>>]| -> Vec<String> {
            let pairs = pairs.iter().zip(values);
            pairs
                .map(|((name, _), value)| shown(name, value.as_deref()))
                .collect()
        };
        // From here on it is done, whatever can be said of it.
        let after = match self.values(pairs) {
            Ok(after) => shown(&after),
            Err(why) => vec![format!("not known: {why}")],
        };
        let told = pairs
            .iter()
            .zip(&before)
            .map(|((name, _), value)| match value {
                Some(value) if !is_secret(name) => Some(setting(name, value)),
                _ => None,
            });
        let told: Option<Vec<String>> = told.collect();
        Ok(Change {
            before: shown(&before),
            after,
            undo: told.map(|told| format!("CONFIG SET {}", told.join(" "))),
            password: None,
        })
    }

    fn new_password(&self) -> Result<Change, String> {
        let before = self.default_user()?;
        let password = self.act.new_password()?;
        let hash = format!("#{}", password.acl_digest());
        let by_acl: Vec<&[u8]> = vec![
            b"acl",
            b"setuser",
            b"default",
            b"resetpass",
            hash.as_bytes(),
        ];
        let by_config: Vec<&[u8]> = vec![b"config", b"set", b"requirepass", password.reveal()];
        let undo = match self.act.can_call("acl") {
            // The server is given the hash alone, so the password is nowhere but in the answer.
            true => self
                .act
                .call(&by_acl)
                .map(|_| "ACL SETUSER default nopass")?,
            false => self
                .act
                .call(&by_config)
                .map(|_| "CONFIG SET requirepass \"\"")?,
        };
        // From here on it is done, and the password must be shown, whatever else can be said.
        let after = match self.default_user() {
            Ok(after) => in_words(&after),
            Err(why) => format!("not known: {why}"),
        };
        Ok(Change {
            before: vec![in_words(&before)],
            after: vec![after],
            undo: Some(undo.to_owned()),
            password: Some(password),
        })
    }

    fn statement(&self, line: &str) -> Result<Change, String> {
        let (id, mode) = self.act.add_statement(line)?;
        let after = match mode {
            Mode::Enforce => format!("statement {id} is in force"),
            mode => format!(
                "statement {id} is in the policy, and refuses nothing in mode {}",
                mode.word()
            ),
        };
        Ok(Change {
            before: vec!["no such statement".to_owned()],
            after: vec![after],
            undo: Some(format!("SECGATE DEL {id}")),
            password: None,
        })
    }

    fn mode(&self, word: &str) -> Result<Change, String> {
        let mode = Mode::from_word(word.as_bytes()).ok_or("no such mode")?;
        let before = self.act.set_mode(mode)?;
        Ok(Change {
            before: vec![format!("mode {}", before.word())],
            after: vec![format!("mode {}", mode.word())],
            undo: Some(format!("SECGATE MODE {}", before.word())),
            password: None,
        })
    }

    fn permissions(&self, path: &[u8], mode: u32) -> Result<Change, String> {
        let before = self.act.set_permissions(path, mode)?;
        let path = printable(path);
        let mut after = vec![format!("{mode:04o} {path}")];
        if before.is_socket {
            let restart = "until the next start: then unixsocketperm in redis.conf decides";
            after.push(restart.to_owned());
        }
        Ok(Change {
            before: vec![format!("{:04o} {path}", before.mode)],
            after,
            undo: Some(format!("chmod {:o} {path}", before.mode)),
            password: None,
        })
    }

    fn values(&self, pairs: &[(String, Vec<u8>)]) -> Result<Vec<Option<Vec<u8>>>, String> {
        pairs.iter().map(|(name, _)| self.setting(name)).collect()
    }

    /// A setting as it is now; `None` where the server has none of that name.
    fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let reply = self.act.call(&[b"config", b"get", name.as_bytes()])?;
        let Reply::Array(items) = reply else {
            return Err("CONFIG GET answered in a form that is not known".to_owned());
        };
        Ok(match items.into_iter().nth(1) {
            Some(Reply::Text(value)) => Some(value),
            _ => None,
        })
    }

    fn default_user(&self) -> Result<User, String> {
        let rules = self.act.rules(b"default")?;
        Ok(users::user(b"default", &rules))
    }
}

fn shown(name: &str, value: Option<&[u8]>) -> String {
    match value {
        Some(_) if is_secret(name) => format!("{} (not shown)", printable(name.as_bytes())),
        Some(value) => setting(name, value),
        None => format!(
            "{}: this server has no such setting",
            printable(name.as_bytes())
        ),
    }
}

fn in_words(user: &User) -> String {
    let on = if user.enabled { "on" } else { "off" };
    match user.nopass {
        true => format!("user default {on} nopass"),
        false => format!(
            "user default {on}, passwords: {}",
            user.password_hashes.len()
        ),
    }
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
