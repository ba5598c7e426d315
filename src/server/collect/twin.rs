//! A server in memory, to collect from in tests.
#![allow(clippy::panic, reason = "only tests use it, and a test may panic")]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::ask::{Ask, Reply, UsersCall};
use crate::audit::command_names;
use crate::audit::facts::{Fact, GateVerdict, Gated, Started, Through};
use crate::audit::passwords::{Index, Lists, Source};

/// The password of the server in memory.
pub const PASSWORD: &str = "the-password-of-the-twin";

/// Why a question that comes too late has no answer.
pub const LATE: &str = "not asked: it took too long";

/// A server in memory.
#[derive(Default)]
pub struct Twin {
    /// How many questions on `each` it still has time for; without a number, for all.
    time: Option<Cell<usize>>,
    info: BTreeMap<(String, String), String>,
    /// Every name it ever had, and the one each answers to now.
    commands: BTreeMap<String, Option<String>>,
    answers: BTreeMap<Vec<Vec<u8>>, Reply>,
    dry_runs: BTreeMap<Vec<u8>, Vec<u8>>,
    rules: BTreeMap<Vec<u8>, Vec<u8>>,
    api_allows: BTreeSet<Vec<u8>>,
    gate: BTreeMap<Vec<u8>, GateVerdict>,
    clients: BTreeSet<u64>,
}

/// A text reply.
pub fn text(text: &str) -> Reply {
    Reply::Text(text.as_bytes().to_vec())
}

impl Twin {
    /// A plain Redis 7.0 with a default user without limits, and one who may only read.
    pub fn redis_7() -> Self {
        let mut twin = Self::default();
        let others = ["config", "command", "cluster", "get", "set", "incr", "hset"];
        let asked = command_names::of_server("redis", "7.0.15");
        for name in asked.into_iter().chain(others) {
            twin.commands.insert(name.to_owned(), Some(name.to_owned()));
        }
        let users = [
            "user default on nopass ~* &* +@all",
            "user reader on #aa ~* &* -@all +@read",
        ];
        let users = users.iter().map(|user| text(user));
        let settings = [
            "bind",
            "127.0.0.1",
            "requirepass",
            PASSWORD,
            "masterauth",
            "",
            "aclfile",
            "",
            "tls-key-file-pass",
            PASSWORD,
        ];
        twin.tells("server", "redis_version", "7.0.15")
            .tells("server", "tcp_port", "6379")
            .tells("replication", "role", "master")
            .answers(&["acl", "list"], Reply::Array(users.collect()))
            .answers(
                &["config", "get", "*"],
                Reply::Array(settings.iter().map(|word| text(word)).collect()),
            )
            .answers(
                &["acl", "cat", "dangerous"],
                Reply::Array(["flushall", "config|set", "keys"].map(text).into()),
            )
            .answers(
                &["acl", "cat", "write"],
                Reply::Array(["del", "set"].map(text).into()),
            )
            .dry_runs("default", "OK")
            .dry_runs(
                "reader",
                "This user has no permissions to run the 'x' command",
            )
    }

    /// A server that answers nothing.
    pub fn mute() -> Self {
        Self::default()
    }

    /// Sets a field of INFO.
    pub fn tells(mut self, section: &str, field: &str, value: &str) -> Self {
        self.info
            .insert((section.to_owned(), field.to_owned()), value.to_owned());
        self
    }

    /// Sets the answer to a call by its original name.
    pub fn answers(mut self, words: &[&str], reply: Reply) -> Self {
        self.answers.insert(
            words.iter().map(|word| word.as_bytes().to_vec()).collect(),
            reply,
        );
        self
    }

    /// Has one more command.
    pub fn command(mut self, name: &str) -> Self {
        self.commands.insert(name.to_owned(), Some(name.to_owned()));
        self
    }

    /// `rename-command OLD NEW`.
    pub fn rename(mut self, old: &str, new: &str) -> Self {
        self.commands.insert(old.to_owned(), Some(new.to_owned()));
        self
    }

    /// `rename-command OLD ""`.
    pub fn remove(mut self, old: &str) -> Self {
        self.commands.insert(old.to_owned(), None);
        self
    }

    /// What ACL DRYRUN says to every call of a user.
    pub fn dry_runs(mut self, user: &str, answer: &str) -> Self {
        self.dry_runs
            .insert(user.as_bytes().to_vec(), answer.as_bytes().to_vec());
        self
    }

    /// The rules the module API tells of a user.
    pub fn has_rules(mut self, user: &str, rules: &str) -> Self {
        self.rules
            .insert(user.as_bytes().to_vec(), rules.as_bytes().to_vec());
        self
    }

    /// The module API allows this command to every user.
    pub fn api_allows(mut self, name: &str) -> Self {
        self.api_allows.insert(name.as_bytes().to_vec());
        self
    }

    /// What the gate says to a command.
    pub fn gate(mut self, name: &str, verdict: GateVerdict) -> Self {
        self.gate.insert(name.as_bytes().to_vec(), verdict);
        self
    }

    /// The users whom its ACL LIST shows, and their rules.
    fn users(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let Some(Reply::Array(lines)) = self.answers.get(&[b"acl".to_vec(), b"list".to_vec()][..])
        else {
            return BTreeMap::new();
        };
        let user = |line: &Reply| match line {
            Reply::Text(line) => {
                let mut words = line.strip_prefix(b"user ")?.splitn(2, |byte| *byte == b' ');
                Some((words.next()?.to_vec(), words.next()?.to_vec()))
            }
            _ => None,
        };
        lines.iter().filter_map(user).collect()
    }

    /// Has clients of these ids, and lists them.
    pub fn has_clients(mut self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.clients = ids.into_iter().collect();
        self
    }

    /// Has time for so many questions of those that are asked on `each`.
    pub fn has_time_for(mut self, questions: usize) -> Self {
        self.time = Some(Cell::new(questions));
        self
    }

    fn is_late(&self) -> bool {
        let Some(time) = &self.time else { return false };
        let left = time.get();
        time.set(left.saturating_sub(1));
        left == 0
    }

    fn original(&self, name: &[u8]) -> Option<&str> {
        let name = String::from_utf8_lossy(name).to_lowercase();
        let answers_to =
            |(_, new): &(&String, &Option<String>)| new.as_deref() == Some(name.as_str());
        self.commands
            .iter()
            .find(answers_to)
            .map(|(old, _)| old.as_str())
    }
}

impl Ask for Twin {
    fn info(&self, section: &str, field: &str) -> Option<String> {
        self.info
            .get(&(section.to_owned(), field.to_owned()))
            .cloned()
    }

    fn call(&self, words: &[&[u8]]) -> Result<Reply, String> {
        let (name, rest) = words.split_first().ok_or("no command")?;
        let original = self.original(name).ok_or("ERR unknown command")?;
        if let (b"acl", [b"dryrun", user, ..]) = (original.as_bytes(), rest) {
            let answer = self.dry_runs.get(*user).cloned();
            return Ok(Reply::Text(answer.unwrap_or_else(|| b"OK".to_vec())));
        }
        if let ("client", [b"list", ids @ ..], false) = (original, rest, self.clients.is_empty()) {
            let wanted = |id: &&u64| ids.is_empty() || ids.contains(&id.to_string().as_bytes());
            let lines = self.clients.iter().filter(wanted);
            return Ok(text(
                &lines
                    .map(|id| format!("id={id} idle=9\n"))
                    .collect::<String>(),
            ));
        }
        if original == "command" {
            let left = self.commands.iter().filter(|(_, new)| new.is_some());
            return Ok(Reply::Array(left.map(|(old, _)| text(old)).collect()));
        }
        let mut call = vec![original.as_bytes().to_vec()];
        call.extend(rest.iter().map(|word| word.to_vec()));
        let answer = self.answers.get(&call).cloned();
        let users = self.users().into_keys().map(Reply::Text);
        match (answer, original, rest) {
            (None, "acl", [b"users"]) if users.len() > 0 => Ok(Reply::Array(users.collect())),
            (answer, ..) => answer.ok_or_else(|| "ERR no answer".to_owned()),
        }
    }

    fn call_each(&self, calls: Vec<Vec<Vec<u8>>>) -> Vec<Result<Reply, String>> {
        let words = |call: &'_ Vec<Vec<u8>>| -> Result<Reply, String> {
            self.call(&call.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        calls.iter().map(words).collect()
    }

    fn client_ids(&self, ids: Range<u64>) -> Result<Vec<u64>, String> {
        Ok(self.clients.range(ids).copied().collect())
    }

    fn has_command(&self, words: &[&[u8]]) -> bool {
        match words {
            [name] => self.original(name).is_some(),
            words => self.original(&words.join(&b'|')).is_some(),
        }
    }

    fn acl_allows_each(&self, calls: Vec<UsersCall>) -> Vec<Fact<bool>> {
        let allows = |(user, call): &UsersCall| {
            if self.is_late() {
                return Fact::Unavailable(LATE.to_owned());
            }
            let denied = self.dry_runs.get(&**user).is_some_and(|says| says != b"OK");
            let name = call.first();
            let by_name = name.is_some_and(|name| self.api_allows.contains(*name));
            Fact::Known(by_name || (self.api_allows.is_empty() && !denied))
        };
        calls.iter().map(allows).collect()
    }

    fn acl_rules_each(&self, users: Vec<Vec<u8>>) -> Vec<Fact<Option<Vec<u8>>>> {
        let listed = self.users();
        let rules = |user: Vec<u8>| {
            let rules = self.rules.get(&user).or_else(|| listed.get(&user));
            Fact::Known(rules.cloned())
        };
        users.into_iter().map(rules).collect()
    }

    fn gate_verdicts(&self, calls: Vec<UsersCall>) -> Vec<Fact<Gated>> {
        let verdict = |(_, call): &UsersCall| {
            let verdict = call.first().and_then(|name| self.gate.get(*name));
            Fact::Known(Gated {
                verdict: verdict.cloned().unwrap_or(GateVerdict::Pass),
                through: Through::NoRule,
            })
        };
        calls.iter().map(verdict).collect()
    }

    fn started(&self) -> Option<Arc<Started>> {
        None
    }

    fn known_passwords(&self) -> Fact<Lists> {
        Fact::Known(Lists {
            built_in: Arc::new(Index::new([("foobared", Source::Example(0))])),
            operators: Ok(None),
        })
    }
}
