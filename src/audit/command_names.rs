//! The commands the audit asks about: collecting finds out how each stands, the checks judge it.

/// `cmd.dangerous`: the tutorial's commands first, then those of later years.
pub const DANGEROUS: [&str; 21] = [
    "flushdb",
    "flushall",
    "keys",
    "config",
    "shutdown",
    "bgrewriteaof",
    "bgsave",
    "save",
    "debug",
    "swapdb",
    "replicaof",
    "slaveof",
    "migrate",
    "restore",
    "module",
    "acl",
    "monitor",
    "sync",
    "psync",
    "failover",
    "cluster|reset",
];

/// `cmd.data-loss`: commands most applications need, which the tutorial lists too.
pub const DATA_LOSS: [&str; 5] = ["del", "pexpire", "spop", "srem", "rename"];

/// `cmd.scripting`: what brings code into the server or runs it there.
pub const SCRIPTING: [&str; 9] = [
    "eval",
    "evalsha",
    "eval_ro",
    "evalsha_ro",
    "fcall",
    "fcall_ro",
    "script|load",
    "function|load",
    "function|restore",
];

/// `cmd.config`.
pub const CONFIG: &str = "config";

/// Every command the audit asks about, each once.
pub fn all() -> impl Iterator<Item = &'static str> {
    DANGEROUS.into_iter().chain(DATA_LOSS).chain(SCRIPTING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_command_is_asked_about_twice_and_all_are_lower_case() {
        let unique: BTreeSet<&str> = all().collect();
        assert_eq!(unique.len(), all().count());
        assert!(unique.iter().all(|name| *name == name.to_lowercase()));
        assert!(DANGEROUS.contains(&CONFIG));
    }
}
