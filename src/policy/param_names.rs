//! CONFIG parameters that have two names: a rule that means one means the other.

use super::name::canonical_vec;

/// The same parameter under its older and its newer name. (config.c of Redis 7.0 to 8.6 and Valkey 8.0 to 9.1; a test
/// holds the list against what the servers show.)
const TWINS: [(&str, &str); 28] = [
    ("slave-serve-stale-data", "replica-serve-stale-data"),
    ("slave-read-only", "replica-read-only"),
    ("slave-ignore-maxmemory", "replica-ignore-maxmemory"),
    ("slave-lazy-flush", "replica-lazy-flush"),
    ("slave-priority", "replica-priority"),
    ("slave-announce-ip", "replica-announce-ip"),
    ("slave-announce-port", "replica-announce-port"),
    ("slaveof", "replicaof"),
    ("min-slaves-to-write", "min-replicas-to-write"),
    ("min-slaves-max-lag", "min-replicas-max-lag"),
    (
        "cluster-slave-validity-factor",
        "cluster-replica-validity-factor",
    ),
    ("cluster-slave-no-failover", "cluster-replica-no-failover"),
    ("hash-max-ziplist-entries", "hash-max-listpack-entries"),
    ("hash-max-ziplist-value", "hash-max-listpack-value"),
    ("zset-max-ziplist-entries", "zset-max-listpack-entries"),
    ("zset-max-ziplist-value", "zset-max-listpack-value"),
    ("list-max-ziplist-size", "list-max-listpack-size"),
    ("lua-time-limit", "busy-reply-threshold"),
    ("masterauth", "primaryauth"),
    ("masteruser", "primaryuser"),
    (
        "slowlog-log-slower-than",
        "commandlog-execution-slower-than",
    ),
    ("slowlog-max-len", "commandlog-slow-execution-max-len"),
    ("repl-ping-slave-period", "repl-ping-replica-period"),
    ("server_cpulist", "server-cpulist"),
    ("bio_cpulist", "bio-cpulist"),
    ("aof_rewrite_cpulist", "aof-rewrite-cpulist"),
    ("bgsave_cpulist", "bgsave-cpulist"),
    // Hidden: `CONFIG GET *` shows neither. Both are of Valkey 8.1 and 9.1, others have the older alone.
    ("lua-enable-deprecated-api", "lua-enable-insecure-api"),
];

/// All names of the parameter that a call names: the one it was called, as the server compares it, and its twin.
pub fn names(called: &[u8]) -> Vec<Vec<u8>> {
    let name = canonical_vec(called);
    let twin = TWINS.iter().find_map(|(old, new)| {
        let (old, new) = (old.as_bytes(), new.as_bytes());
        match name.as_slice() {
            name if name == old => Some(new.to_vec()),
            name if name == new => Some(old.to_vec()),
            _ => None,
        }
    });
    std::iter::once(name).chain(twin).collect()
}

/// The names that a pattern of a client might mean besides those it matches itself: twins of those it matches.
pub fn twins_of(matches: impl Fn(&[u8]) -> bool) -> Vec<&'static [u8]> {
    let mut found = Vec::new();
    for (old, new) in TWINS {
        let (old, new) = (old.as_bytes(), new.as_bytes());
        if matches(old) {
            found.push(new);
        }
        if matches(new) {
            found.push(old);
        }
    }
    found
}
