//! A server in memory, to fix in tests.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::act::Act;
use super::permissions::Before;
use crate::audit::facts::Secret;
use crate::policy::statement::Mode;
use crate::render::escape::printable;
use crate::server::collect::ask::Reply;

/// The password that it makes up.
pub const PASSWORD: &str = "made-up-by-the-twin";

/// A server in memory.
pub struct Twin {
    settings: RefCell<BTreeMap<String, Vec<u8>>>,
    rules: RefCell<String>,
    statements: RefCell<Vec<String>>,
    mode: Cell<Mode>,
    /// Commands it does not have.
    pub removed: Vec<&'static str>,
    /// Settings that cannot be changed.
    pub fixed: Vec<&'static str>,
    /// What the log was told.
    pub log: RefCell<Vec<String>>,
    /// Every call of a command, as one line.
    pub calls: RefCell<Vec<String>>,
}

impl Twin {
    /// A server whose user default needs no password.
    pub fn new() -> Self {
        let settings = [
            ("acllog-max-len", "0"),
            ("bind", "0.0.0.0"),
            ("tls-key-file-pass", "x"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        Self {
            settings: RefCell::new(settings.into()),
            rules: RefCell::new("on nopass ~* &* +@all".to_owned()),
            statements: RefCell::default(),
            mode: Cell::new(Mode::Observe),
            removed: Vec::new(),
            fixed: Vec::new(),
            log: RefCell::default(),
            calls: RefCell::default(),
        }
    }

    /// A setting as it is now.
    pub fn setting(&self, name: &str) -> String {
        let settings = self.settings.borrow();
        let value = settings.get(name).cloned().unwrap_or_default();
        String::from_utf8_lossy(&value).into_owned()
    }

    fn set(&self, pairs: &[&[u8]]) -> Result<Reply, String> {
        for pair in pairs.chunks(2) {
            if let [name, value] = pair {
                let name = String::from_utf8_lossy(name).into_owned();
                if self.fixed.iter().any(|fixed| *fixed == name) {
                    return Err(format!("ERR CONFIG SET failed: can't set {name}"));
                }
                if name == "requirepass" {
                    self.rules.replace("on #by-requirepass".to_owned());
                }
                self.settings.borrow_mut().insert(name, value.to_vec());
            }
        }
        Ok(Reply::Text(b"OK".to_vec()))
    }
}

impl Act for Twin {
    fn may_still(&self) -> Result<(), String> {
        Ok(())
    }
    fn can_call(&self, command: &str) -> bool {
        !self.removed.contains(&command)
    }
    fn call(&self, words: &[&[u8]]) -> Result<Reply, String> {
        let line = String::from_utf8_lossy(&words.join(&b' ')).into_owned();
        self.calls.borrow_mut().push(line);
        match words {
            [b"config", b"get", name] => {
                let value = self
                    .settings
                    .borrow()
                    .get(&*String::from_utf8_lossy(name))
                    .cloned();
                let pair = value.map(|value| vec![Reply::Text(name.to_vec()), Reply::Text(value)]);
                Ok(Reply::Array(pair.unwrap_or_default()))
            }
            [b"config", b"set", pairs @ ..] => self.set(pairs),
            [b"acl", b"setuser", b"default", b"resetpass", hash] => {
                let hash = String::from_utf8_lossy(hash);
                self.rules.replace(format!("on {hash} ~* &* +@all"));
                Ok(Reply::Text(b"OK".to_vec()))
            }
            [b"config", b"rewrite"] | [b"acl", b"save"] => Ok(Reply::Text(b"OK".to_vec())),
            _ => Err("ERR unknown".to_owned()),
        }
    }
    fn write(&self, words: &[&[u8]], file: &[u8]) -> Result<String, String> {
        self.call(words).map(|_| printable(file))
    }
    fn rules(&self, _: &[u8]) -> Result<Vec<u8>, String> {
        Ok(self.rules.borrow().as_bytes().to_vec())
    }
    fn add_statement(&self, line: &str) -> Result<(String, Mode), String> {
        self.statements.borrow_mut().push(line.to_owned());
        let id = format!("r{}", self.statements.borrow().len());
        Ok((id, self.mode.get()))
    }
    fn set_mode(&self, mode: Mode) -> Result<Mode, String> {
        Ok(self.mode.replace(mode))
    }
    fn save_policy(&self) -> Result<String, String> {
        Err("the disk is full".to_owned())
    }
    fn set_permissions(&self, path: &[u8], _: u32) -> Result<Before, String> {
        Ok(Before {
            mode: 0o644,
            is_socket: path.ends_with(b".sock"),
        })
    }
    fn new_password(&self) -> Result<Secret, String> {
        Ok(Secret::new(PASSWORD.as_bytes().to_vec()))
    }
    fn tell(&self, what: &str) {
        self.log.borrow_mut().push(what.to_owned());
    }
}
