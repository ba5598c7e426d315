//! What SECAUDIT FIX can do about a failure on the running server: the actions that a finding carries beside its steps.
//! A check says what; the server side does it.

/// One thing that can be done on the running server, and seen before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(dead_code, reason = "checks are given their actions one by one")]
pub enum Action {
    /// `CONFIG SET name value`. Several settings that only make sense together go in one call.
    Set(Vec<(String, Vec<u8>)>),
    /// A new random password for the default user (`requirepass`), shown once.
    NewPassword,
    /// A statement for the end of the policy, in the policy's own words: `deny flushall id=no-flush`.
    Statement(String),
    /// A mode for the gate: `enforce`.
    GateMode(&'static str),
    /// Permission bits (07777) for a file or a folder of this server.
    Permissions {
        /// Where it lies.
        path: Vec<u8>,
        /// The bits it should have.
        mode: u32,
    },
}
