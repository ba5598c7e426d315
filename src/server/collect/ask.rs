//! What collecting asks of the server. The server's own answers come through `server::ffi`; tests answer from memory.

use std::ops::Range;
use std::sync::Arc;

use super::command_calls::Call;
use crate::audit::facts::{Fact, Gated, Started};
use crate::audit::passwords::Lists;

/// A reply of the server to a command that this module called, asked in RESP2, as plain data.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A bulk, simple or verbatim string.
    Text(Vec<u8>),
    /// An integer.
    Integer(i64),
    /// An array or a set.
    Array(Vec<Reply>),
    /// Nothing.
    Nil,
}

/// What collecting asks of the server. Each question stops the server for as long as it takes to answer; where there are
/// many of a kind, the methods on `each` ask them in as few stops as stay short, and leave off when the report takes too long.
pub trait Ask {
    /// A field of a section of INFO, read by RM_GetServerInfo: no rename, ACL or filter stands in its way.
    fn info(&self, section: &str, field: &str) -> Option<String>;
    /// Runs a command as the module: past ACL and our own filter, but by the name that `rename-command` left it.
    /// `Err` is the server's error text (or the reason why there is no answer).
    fn call(&self, words: &[&[u8]]) -> Result<Reply, String>;
    /// Runs several commands, as `call` does.
    fn call_each(&self, calls: Vec<Vec<Vec<u8>>>) -> Vec<Result<Reply, String>>;
    /// Which of these ids are those of clients that are connected. `Err` is the reason why that is not found out.
    fn client_ids(&self, ids: Range<u64>) -> Result<Vec<u64>, String>;
    /// Whether the server has a command of this wire name (and subcommand): asked of the command table itself, so
    /// neither a renamed COMMAND nor an ACL stands in its way.
    fn has_command(&self, words: &[&[u8]]) -> bool;
    /// Whether the ACL lets these users run exactly these calls. Immune to a renamed ACL command.
    fn acl_allows_each(&self, calls: Vec<UsersCall>) -> Vec<Fact<bool>>;
    /// The ACL rules of these users, `on nopass ~* &* +@all`, read by the module API. `None` for one who does not exist.
    fn acl_rules_each(&self, users: Vec<Vec<u8>>) -> Vec<Fact<Option<Vec<u8>>>>;
    /// What our own gate says to these users' calls, through the pure `decide`, and why it lets through those that it does.
    fn gate_verdicts(&self, calls: Vec<UsersCall>) -> Vec<Fact<Gated>>;
    /// The settings as they were when the server started, if the module was loaded then.
    fn started(&self) -> Option<Arc<Started>>;
    /// The lists of known passwords, built when first asked for.
    fn known_passwords(&self) -> Fact<Lists>;
}

/// A call that a user of this name might make.
pub type UsersCall = (Arc<[u8]>, Call);
