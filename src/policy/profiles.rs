//! The built-in lists of statements that `profile NAME` stands for. They only deny, and what a server does not have is
//! passed over.

use super::parse;
use super::statement::{Body, Rule};

/// A built-in list.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub title: &'static str,
    /// What will not work any more, in one line.
    pub breaks: &'static str,
    /// The statements, as in a policy file.
    pub text: &'static str,
}

impl Profile {
    /// Its rules, in order.
    pub fn rules(&self) -> Vec<Rule> {
        let drafts = parse::file(self.text.as_bytes()).drafts;
        let rule = |body| match body {
            Body::Rule(rule) => Some(rule),
            _ => None,
        };
        drafts
            .into_iter()
            .filter_map(|draft| rule(draft.body))
            .collect()
    }
}

/// The profile of this name, ignoring case.
pub fn find(name: &[u8]) -> Option<&'static Profile> {
    let mut all = PROFILES.iter();
    all.find(|profile| name.eq_ignore_ascii_case(profile.name.as_bytes()))
}

/// The names of all profiles.
pub fn names() -> Vec<&'static str> {
    PROFILES.iter().map(|profile| profile.name).collect()
}

/// All profiles.
pub const PROFILES: [Profile; 6] = [
    Profile {
        name: "tutorial",
        title: "the 14 commands of \"How To Secure Your Redis Installation\" (DigitalOcean, 2015)",
        breaks: "breaks applications that delete, expire or rename keys, and CONFIG, BGSAVE and SHUTDOWN from clients",
        text: "\
deny flushdb flushall keys pexpire del config shutdown bgrewriteaof bgsave save spop srem rename debug
",
    },
    Profile {
        name: "destructive",
        title: "calls that lose a whole data set, or the server, at one stroke",
        breaks: "breaks flushing, swapping and restoring databases, SHUTDOWN, manual failovers and resharding from clients",
        text: "\
deny flushdb flushall swapdb shutdown
deny debug
deny function|flush function|restore script|flush
deny cluster|reset cluster|flushslots cluster|delslots cluster|delslotsrange cluster|forget cluster|flushslot
deny replicaof slaveof failover cluster|failover
deny restore migrate
",
    },
    Profile {
        name: "rce",
        title: "the known roads from a client to running code on the host",
        breaks: "breaks CONFIG SET of paths, loading modules, functions, changing the master and MIGRATE from clients, Sentinel's included",
        text: "\
# Writing a chosen file: cron jobs, SSH keys, web roots, a module that is loaded later.
deny config|set param=dir,dbfilename,appenddirname,appendfilename,aclfile,logfile,unixsocket,pidfile
deny config|set param=enable-*,lua-enable-*,protected-mode,sanitize-dump-payload
deny config|rewrite
# Code of someone's choice.
deny module|load module|loadex
deny debug
deny function|load function|restore
# A rogue master sends a data set that is code.
deny replicaof slaveof cluster|replicate
deny config|set param=replicaof,slaveof,masterauth,masteruser,replica-read-only,repl-diskless-load
# Values of a forged form: RESTORE and what calls it.
deny restore restore-asking migrate
",
    },
    Profile {
        name: "scripting",
        title: "running and keeping scripts",
        breaks: "breaks clients that use Lua or functions: job queues, locks and rate limiters of many libraries",
        text: "\
deny eval evalsha eval_ro evalsha_ro
deny fcall fcall_ro
deny script|load script|flush script|kill script|debug
deny function|load function|delete function|flush function|restore function|kill
",
    },
    Profile {
        name: "managed",
        title: "what managed services keep to themselves (ElastiCache, OCI Cache and their like)",
        breaks: "breaks administration by clients: CONFIG, SAVE, replication, ACL changes, modules and cluster changes",
        text: "\
deny config debug module shutdown
deny bgrewriteaof bgsave save
deny replicaof slaveof failover migrate
deny acl|setuser acl|deluser acl|load acl|save
deny cluster|addslots cluster|addslotsrange cluster|bumpepoch cluster|delslots cluster|delslotsrange cluster|failover cluster|flushslots cluster|forget cluster|meet cluster|replicate cluster|reset cluster|saveconfig cluster|set-config-epoch cluster|setslot
",
    },
    Profile {
        name: "slow",
        title: "calls whose time grows with the data set and that stop everyone else meanwhile",
        breaks: "breaks clients that list, sort or flush in one call: they need SCAN, SSCAN, HSCAN and ranges. FLUSHALL without SYNC or ASYNC passes, and is slow unless lazyfree-lazy-user-flush is yes",
        text: "\
deny keys
deny sort sort_ro
deny smembers hgetall hkeys hvals
deny lrange zrange arg2=0 arg3=-1
deny sunion sunionstore sinter sinterstore sdiff sdiffstore
deny zunion zunionstore zinter zinterstore zdiff zdiffstore
deny flushall|sync flushdb|sync
deny save monitor
deny debug
deny lcs
",
    },
];

#[cfg(test)]
#[allow(clippy::panic, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::policy::statement::{Action, Target};

    #[test]
    fn every_profile_reads_without_a_problem_and_only_denies_commands() {
        for profile in &PROFILES {
            let file = parse::file(profile.text.as_bytes());
            assert_eq!(file.problems, [], "{}", profile.name);
            assert_eq!(file.mode, None);
            assert_eq!(profile.rules().len(), file.drafts.len());
            for rule in profile.rules() {
                assert_eq!(rule.action, Action::Deny);
                let named = |target: &Target| matches!(target, Target::Command(_));
                assert!(rule.targets.iter().all(named));
            }
            assert!(profile.breaks.starts_with("breaks ") && !profile.breaks.contains('\n'));
        }
    }

    #[test]
    fn the_tutorials_fourteen_commands_are_in_its_profile() {
        let Some(profile) = find(b"Tutorial") else {
            panic!("there is a profile")
        };
        let count = profile
            .rules()
            .iter()
            .map(|rule| rule.targets.len())
            .sum::<usize>();
        assert_eq!(count, 14);
        assert_eq!(find(b"no-such"), None);
    }
}
