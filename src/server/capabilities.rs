//! What this server lets the module do beyond what all servers do, found out at run time and named.

use super::ffi::{self, Ctx};

/// What this server can do for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// A filter learns which client calls (Redis 7.2, Valkey 7.2). Else the link to the master is told by role and command.
    pub caller_identity: bool,
    /// Commands of modules can be in ACL categories (Redis 7.2, Valkey 7.2). Else we ask ACL ourselves who may change the gate.
    pub acl_categories: bool,
    /// "unknown command" ends with a list of arguments even if there are none (all but Redis from 8.6 on).
    pub unknown_lists_arguments: bool,
}

impl Capabilities {
    /// Asks the running server.
    pub fn probe(ctx: Ctx<'_>) -> Self {
        let valkey = ctx.info_field("server", "valkey_version").is_some();
        Self {
            caller_identity: ffi::tells_filters_who_calls(),
            acl_categories: ffi::sorts_commands_into_acl_categories(),
            unknown_lists_arguments: valkey || ffi::stated_version() < (8, 4, 0),
        }
    }

    /// By name, for reports.
    pub fn named(self) -> Vec<(&'static str, bool)> {
        vec![
            ("caller-identity", self.caller_identity),
            ("acl-categories", self.acl_categories),
        ]
    }
}
