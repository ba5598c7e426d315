//! The commands the audit asks about: collecting finds out how each stands, the checks judge it.

use super::advisories;

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

/// By this a user gives itself, or another, every right. It asks for no key, and `acl` alone does not tell who may run it.
pub const SETUSER: &str = "acl|setuser";

/// By these calls a client has the server write where it should not.
pub const SET_PATHS: &str = "config|set";

/// Every command the audit asks about, each once.
pub fn all() -> impl Iterator<Item = &'static str> {
    DANGEROUS.into_iter().chain(DATA_LOSS).chain(SCRIPTING)
}

/// Those to ask about on a server of this name and version: besides, the ones that decide who may give himself every right
/// and who may lead the server's files elsewhere, and the ones that decide whether a known vulnerability of it is within reach.
pub fn of_server(server: &str, version: &str) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = all().chain([SETUSER, SET_PATHS]).collect();
    for name in advisories::commands(server, version) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_server_with_vulnerabilities_is_asked_about_more_commands_each_once() {
        let names = of_server("redis", "7.0.3");
        assert!(names.contains(&"xautoclaim") && names.contains(&"eval"));
        let unique: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(unique.len(), names.len());
        assert_eq!(of_server("redis", "8.10.1").len(), all().count() + 2);
    }

    #[test]
    fn no_command_is_asked_about_twice_and_all_are_lower_case() {
        let unique: BTreeSet<&str> = all().collect();
        assert_eq!(unique.len(), all().count());
        assert!(unique.iter().all(|name| *name == name.to_lowercase()));
        assert!(DANGEROUS.contains(&CONFIG));
    }
}
