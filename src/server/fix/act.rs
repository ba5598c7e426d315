//! What fixing does to the server. The doing itself comes through `acting`; tests do it to a server in memory.

use super::permissions::Before;
use crate::audit::facts::Secret;
use crate::policy::statement::Mode;
use crate::server::collect::ask::Reply;

/// What fixing does to the server. Each of these first looks whether it may still: the gate may have been sealed, or the
/// client who asked may have gone, since the facts were collected. `Err` is the reason, or the server's error text.
pub trait Act {
    /// Whether something that is no business of the server (a file's mode) may still be done.
    fn may_still(&self) -> Result<(), String>;
    /// Whether a command can be called, by whatever name it answers to here.
    fn can_call(&self, command: &str) -> bool;
    /// Runs a command as the module; its own name (lower case) is enough, whatever `rename-command` did to it.
    fn call(&self, words: &[&[u8]]) -> Result<Reply, String>;
    /// Has the server write a file of its own by this command; the file keeps the bits it had, also where that fails.
    /// Answers what there is to say of the file.
    fn write(&self, words: &[&[u8]], file: &[u8]) -> Result<String, String>;
    /// The ACL rules of a user, `on nopass ~* &* +@all`.
    fn rules(&self, user: &[u8]) -> Result<Vec<u8>, String>;
    /// Adds a statement to the policy; answers its id, and the mode in which the gate is.
    fn add_statement(&self, line: &str) -> Result<(String, Mode), String>;
    /// Sets the gate's mode; answers the one before.
    fn set_mode(&self, mode: Mode) -> Result<Mode, String>;
    /// Writes the policy file; answers its path, printable.
    fn save_policy(&self) -> Result<String, String>;
    /// Sets the permission bits of a file; answers what was there before.
    fn set_permissions(&self, path: &[u8], mode: u32) -> Result<Before, String>;
    /// A new random password.
    fn new_password(&self) -> Result<Secret, String>;
    /// Tells the server's log what is done.
    fn tell(&self, what: &str);
}
