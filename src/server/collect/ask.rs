//! What collecting asks of the server. The server's own answers come through `server::ffi`; tests answer from memory.

use crate::audit::facts::Fact;

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

/// What collecting asks of the server.
pub trait Ask {
    /// A field of a section of INFO, read by RM_GetServerInfo: no rename, ACL or filter stands in its way.
    fn info(&self, section: &str, field: &str) -> Option<String>;
    /// Runs a command as the module: past ACL and our own filter, but by the name that `rename-command` left it.
    /// `Err` is the server's error text (or the reason why there is no answer).
    fn call(&self, words: &[&[u8]]) -> Result<Reply, String>;
    /// Whether the server has a command of this wire name (and subcommand): asked of the command table itself, so
    /// neither a renamed COMMAND nor an ACL stands in its way.
    fn has_command(&self, words: &[&[u8]]) -> bool;
    /// Whether the ACL lets this user run exactly this call. Immune to a renamed ACL command.
    fn acl_allows(&self, user: &[u8], words: &[&[u8]]) -> Fact<bool>;
    /// The ACL rules of a user by name, `on nopass ~* &* +@all`, read by the module API where the ACL command is gone.
    fn acl_rules(&self, user: &[u8]) -> Fact<Vec<u8>>;
    /// What our own gate says to this call by this user, through the pure `decide`.
    fn gate_verdict(&self, user: &[u8], words: &[&[u8]]) -> crate::audit::facts::GateVerdict;
}
