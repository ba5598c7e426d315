//! Our settings in redis.conf and CONFIG: `secaudit.policy-file`, `secaudit.deny-reply` and
//! `secaudit.log-max-len`.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;

use super::ffi::{Kept, Lock};
use super::module::Module;
use crate::events::DEFAULT_LENGTH;
use crate::policy::statement::DenyReply;

/// The settings as they stand.
#[derive(Default)]
pub struct Settings {
    /// `secaudit.policy-file`, or the file named after `loadmodule`; empty for none. Never changes after start.
    pub policy_file: RefCell<Vec<u8>>,
    /// The same as an absolute path, fixed at start: CONFIG SET dir must not move the file under us. `None` for none.
    pub policy_path: RefCell<Option<PathBuf>>,
    /// `secaudit.deny-reply`.
    pub deny_reply: Cell<DenyReply>,
    /// What CONFIG GET is shown as the policy file: the server borrows it.
    shown: RefCell<Option<Kept>>,
}

/// CONFIG SET, or redis.conf, named the policy file.
pub fn set_policy_file(lock: Lock<'_>, path: &[u8]) {
    let settings = &Module::get(lock).settings;
    settings.policy_file.replace(path.to_vec());
    settings.shown.replace(None);
}

/// What CONFIG GET shows of it. Made once for each value: the server borrows it and does not free it.
pub fn policy_file_shown<T>(lock: Lock<'_>, show: impl FnOnce(&Kept) -> T) -> T {
    let settings = &Module::get(lock).settings;
    let path = settings.policy_file.borrow();
    let mut shown = settings.shown.borrow_mut();
    show(shown.get_or_insert_with(|| Kept::new(lock, &path)))
}

/// CONFIG SET, or redis.conf, chose what a refused client is told.
pub fn set_deny_reply(lock: Lock<'_>, unknown: bool) -> Result<(), String> {
    not_sealed(lock)?;
    let reply = if unknown {
        DenyReply::Unknown
    } else {
        DenyReply::Explain
    };
    Module::get(lock).settings.deny_reply.set(reply);
    Ok(())
}

/// What CONFIG GET shows of it.
pub fn deny_reply_is_unknown(lock: Lock<'_>) -> bool {
    Module::get(lock).settings.deny_reply.get() == DenyReply::Unknown
}

/// CONFIG SET, or redis.conf, chose how many events are kept. The server has held the number against the limits.
pub fn set_log_max_len(lock: Lock<'_>, longest: i64) -> Result<(), String> {
    not_sealed(lock)?;
    let longest = usize::try_from(longest).unwrap_or(DEFAULT_LENGTH);
    Module::get(lock).ring.borrow_mut().set_longest(longest);
    Ok(())
}

/// Whether our settings may change; else what CONFIG SET is told.
pub fn not_sealed(lock: Lock<'_>) -> Result<(), String> {
    match Module::get(lock).sealed.get() {
        true => {
            Err("the gate is sealed: until the server restarts no setting of it changes".to_owned())
        }
        false => Ok(()),
    }
}

/// What CONFIG GET shows of it.
pub fn log_max_len(lock: Lock<'_>) -> i64 {
    i64::try_from(Module::get(lock).ring.borrow().longest()).unwrap_or(i64::MAX)
}
