//! How fixing acts on the running server: `Act` over the module API, each act a visit of its own.

use std::cell::RefCell;

use rustix::rand::{GetRandomFlags, getrandom};

use super::SEALED;
use super::act::Act;
use super::permissions::{self, Before};
use crate::audit::facts::Secret;
use crate::policy::statement::Mode;
use crate::server::asked_by::AskedBy;
use crate::server::asking::Asking;
use crate::server::beside::Host;
use crate::server::collect::ask::Reply;
use crate::server::collect::config_file::ConfigFile;
use crate::server::collect::settings::Settings;
use crate::server::collect::wire_name::wire_name;
use crate::server::ffi::{self, Ctx, Level, log};
use crate::server::module::Module;
use crate::server::secgate::change;
use crate::server::start;

/// The running server, for one call of SECAUDIT FIX APPLY.
pub struct Acting<'a> {
    host: &'a Host<'a>,
    by: &'a AskedBy,
    file: &'a ConfigFile,
    /// The settings as they were when redis.conf was written.
    written: RefCell<Option<Settings>>,
}

impl<'a> Acting<'a> {
    /// Acts through the host of the work, for who asked for it; `file` tells renamed commands.
    pub fn new(host: &'a Host<'a>, by: &'a AskedBy, file: &'a ConfigFile) -> Self {
        let written = RefCell::default();
        Self {
            host,
            by,
            file,
            written,
        }
    }

    /// Remembers the settings of the last CONFIG REWRITE as those of the next start: to be called where the files, read
    /// again, say the same.
    pub fn remember_what_is_written(&self, files: &ConfigFile) {
        let written = self.written.take();
        let started = written.and_then(|written| start::started(written, files.digest));
        if let Some(started) = started {
            self.host.visit(|ctx| start::put(ctx, started));
        }
    }

    /// A call by the name that its command has here.
    fn as_sent(&self, words: &[&[u8]]) -> Result<Vec<Vec<u8>>, String> {
        let (command, rest) = words.split_first().ok_or("no command")?;
        let mut words = vec![self.wire(&String::from_utf8_lossy(command))?];
        words.extend(rest.iter().map(|word| word.to_vec()));
        Ok(words)
    }

    fn wire(&self, command: &str) -> Result<Vec<u8>, String> {
        wire_name(&Asking::new(self.host), self.file, command)
    }

    /// Runs a piece of code in a visit, if changes may still be made.
    fn act<T: Send + 'static>(
        &self,
        code: impl FnOnce(Ctx<'_>, &AskedBy) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let by = self.by.clone();
        self.host.act(move |ctx| {
            if Module::get(ctx.lock()).sealed.get() {
                return Err(SEALED.to_owned());
            }
            if by.has_gone(ctx.lock()) {
                return Err("the client who asked has gone, so nobody would be told".to_owned());
            }
            code(ctx, &by)
        })
    }
}

fn borrowed(words: &[Vec<u8>]) -> Vec<&[u8]> {
    words.iter().map(Vec::as_slice).collect()
}

impl Act for Acting<'_> {
    fn may_still(&self) -> Result<(), String> {
        self.act(|_, _| Ok(()))
    }

    fn can_call(&self, command: &str) -> bool {
        self.wire(command).is_ok()
    }

    fn call(&self, words: &[&[u8]]) -> Result<Reply, String> {
        let words = self.as_sent(words)?;
        self.act(move |ctx, _| ctx.call(&borrowed(&words)))
    }

    fn write(&self, words: &[&[u8]], file: &[u8]) -> Result<String, String> {
        let is_config = words.first() == Some(&&b"config"[..]);
        let words = self.as_sent(words)?;
        let path = file.to_vec();
        // All in one visit: nobody finds the file open, and nobody changes a setting in between.
        let (told, written) = self.act(move |ctx, _| {
            let told = permissions::keeping(&path, || ctx.call(&borrowed(&words)).map(|_| ()))?;
            let config = words.first().filter(|_| is_config);
            Ok((
                told,
                config.map(|config| start::settings_of_now(ctx, config)),
            ))
        })?;
        self.written.replace(written);
        Ok(told)
    }

    fn rules(&self, user: &[u8]) -> Result<Vec<u8>, String> {
        let user = user.to_vec();
        let rules = self
            .host
            .visit(move |ctx| ffi::acl_rules(&user, ctx.lock()));
        rules.ok_or_else(|| "the server knows no such user".to_owned())
    }

    fn add_statement(&self, line: &str) -> Result<(String, Mode), String> {
        let line = line.to_owned();
        self.act(move |ctx, by| {
            let id = change::add_line(ctx, &line, by)?;
            let mode = Module::get(ctx.lock()).policy.borrow().mode();
            Ok((id, mode))
        })
    }

    fn set_mode(&self, mode: Mode) -> Result<Mode, String> {
        self.act(move |ctx, by| Ok(change::set_mode(ctx, mode, by)))
    }

    fn save_policy(&self) -> Result<String, String> {
        self.act(change::write)
    }

    fn set_permissions(&self, path: &[u8], mode: u32) -> Result<Before, String> {
        self.may_still()?;
        permissions::set(path, mode)
    }

    fn new_password(&self) -> Result<Secret, String> {
        let mut bytes = [0; 32];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match getrandom(rest, GetRandomFlags::empty()) {
                Ok(0) => return Err("the system gives no random bytes".to_owned()),
                Ok(count) => filled += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(format!("the system gives no random bytes: {error}")),
            }
        }
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Secret::new(text.into_bytes()))
    }

    fn tell(&self, what: &str) {
        let line = format!("secaudit: SECAUDIT FIX by {}: {what}", self.by.shown());
        self.host.visit(move |_| log(Level::Notice, &line));
    }
}
