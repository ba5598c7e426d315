//! Calls by which the ACL is asked about a command: the least arguments that each takes. None of them is ever made.

/// A call, word by word.
pub type Call = &'static [&'static [u8]];

const SOME_DIGEST: &[u8] = b"e0e1f9fabfc9d4800c877a703b823ac0578ff8db";

/// The calls that stand for a command. A container stands for those of its subcommands that do harm.
pub fn calls(name: &str) -> &'static [Call] {
    match name {
        "flushdb" => &[&[b"flushdb"]],
        "flushall" => &[&[b"flushall"]],
        "keys" => &[&[b"keys", b"*"]],
        "config" => &[
            &[b"config", b"set", b"dir", b"/"],
            &[b"config", b"get", b"*"],
            &[b"config", b"rewrite"],
            &[b"config", b"resetstat"],
        ],
        "shutdown" => &[&[b"shutdown"]],
        "bgrewriteaof" => &[&[b"bgrewriteaof"]],
        "bgsave" => &[&[b"bgsave"]],
        "save" => &[&[b"save"]],
        "debug" => &[
            &[b"debug", b"sleep", b"0"],
            &[b"debug", b"reload"],
            &[b"debug", b"segfault"],
            &[b"debug", b"object", b"k"],
        ],
        "swapdb" => &[&[b"swapdb", b"0", b"1"]],
        "replicaof" => &[&[b"replicaof", b"no", b"one"]],
        "slaveof" => &[&[b"slaveof", b"no", b"one"]],
        "migrate" => &[&[b"migrate", b"127.0.0.1", b"6379", b"k", b"0", b"1"]],
        "restore" => &[&[b"restore", b"k", b"0", b"v"]],
        "module" => &[
            &[b"module", b"load", b"/"],
            &[b"module", b"loadex", b"/"],
            &[b"module", b"unload", b"m"],
        ],
        "acl" => &[
            &[b"acl", b"setuser", b"u"],
            &[b"acl", b"deluser", b"u"],
            &[b"acl", b"load"],
            &[b"acl", b"save"],
            &[b"acl", b"list"],
            &[b"acl", b"getuser", b"u"],
        ],
        "monitor" => &[&[b"monitor"]],
        "sync" => &[&[b"sync"]],
        "psync" => &[&[b"psync", b"?", b"-1"]],
        "failover" => &[&[b"failover"]],
        "cluster|reset" => &[&[b"cluster", b"reset"]],
        "del" => &[&[b"del", b"k"]],
        "pexpire" => &[&[b"pexpire", b"k", b"1"]],
        "spop" => &[&[b"spop", b"k"]],
        "srem" => &[&[b"srem", b"k", b"m"]],
        "rename" => &[&[b"rename", b"k", b"l"]],
        "eval" => &[&[b"eval", b"return 1", b"0"]],
        "evalsha" => &[&[b"evalsha", SOME_DIGEST, b"0"]],
        "eval_ro" => &[&[b"eval_ro", b"return 1", b"0"]],
        "evalsha_ro" => &[&[b"evalsha_ro", SOME_DIGEST, b"0"]],
        "fcall" => &[&[b"fcall", b"f", b"0"]],
        "fcall_ro" => &[&[b"fcall_ro", b"f", b"0"]],
        "script|load" => &[&[b"script", b"load", b"return 1"]],
        "function|load" => &[&[b"function", b"load", b"#!lua name=l"]],
        "function|restore" => &[&[b"function", b"restore", b"v"]],
        // What decides whether a known vulnerability is within reach.
        "restore-asking" => &[&[b"restore-asking", b"k", b"0", b"v"]],
        "acl|setuser" => &[&[b"acl", b"setuser", b"u"]],
        "config|set" => &[
            &[b"config", b"set", b"dir", b"/"],
            &[b"config", b"set", b"dbfilename", b"f"],
        ],
        "acl|load" => &[&[b"acl", b"load"]],
        "client|kill" => &[&[b"client", b"kill", b"id", b"1"]],
        "hincrbyfloat" => &[&[b"hincrbyfloat", b"k", b"f", b"1"]],
        "hrandfield" => &[&[b"hrandfield", b"k"]],
        "msetnx" => &[&[b"msetnx", b"k", b"v"]],
        "pfadd" => &[&[b"pfadd", b"k", b"e"]],
        "pfcount" => &[&[b"pfcount", b"k"]],
        "pfdebug" => &[&[b"pfdebug", b"encoding", b"k"]],
        "pfmerge" => &[&[b"pfmerge", b"k"]],
        "setrange" => &[&[b"setrange", b"k", b"0", b"v"]],
        "sort" => &[&[b"sort", b"k"]],
        "sort_ro" => &[&[b"sort_ro", b"k"]],
        "srandmember" => &[&[b"srandmember", b"k"]],
        "xackdel" => &[&[b"xackdel", b"k", b"g", b"ids", b"1", b"0-1"]],
        "xautoclaim" => &[&[b"xautoclaim", b"k", b"g", b"c", b"0", b"0"]],
        "zrandmember" => &[&[b"zrandmember", b"k"]],
        _ => &[],
    }
}

/// Calls that write without taking away: who may make one of them is no mere reader.
pub const WRITES: &[Call] = &[
    &[b"set", b"k", b"v"],
    &[b"append", b"k", b"v"],
    &[b"incr", b"k"],
    &[b"setex", b"k", b"1", b"v"],
    &[b"hset", b"k", b"f", b"v"],
    &[b"lpush", b"k", b"v"],
    &[b"rpush", b"k", b"v"],
    &[b"sadd", b"k", b"m"],
    &[b"zadd", b"k", b"1", b"m"],
    &[b"xadd", b"k", b"*", b"f", b"v"],
];

/// Whether a call names keys: an API that only says no may mean the key.
pub fn has_keys(call: Call) -> bool {
    call.iter().skip(1).any(|word| *word == b"k")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::command_names;

    #[test]
    fn every_command_the_audit_asks_about_has_calls_that_begin_with_its_name() {
        let vulnerable = [
            ("redis", "7.0.0"),
            ("redis", "7.0.9"),
            ("redis", "8.2.0"),
            ("valkey", "7.2.5"),
        ];
        let more = vulnerable
            .into_iter()
            .flat_map(|(server, version)| command_names::of_server(server, version));
        for name in command_names::all().chain(more) {
            assert!(!calls(name).is_empty(), "{name}");
            for call in calls(name) {
                let words: Vec<&[u8]> = name.split('|').map(str::as_bytes).collect();
                assert!(call.starts_with(&words), "{name}");
            }
        }
        assert!(calls("get").is_empty());
    }
}
