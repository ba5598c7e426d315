//! A policy as the table that decides: built once per change, never altered, swapped whole.
//!
//! Most calls match nothing, so the table answers "could this name mean anything?" from the first byte and the length of
//! the name alone; only then is the name folded and looked up. The cost does not depend on the number of rules.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use super::Policy;
use super::name::Name;
use super::resolve::{self, Commands, Found, NEEDS_FORCE};
use super::statement::{Action, Body, DenyReply, Mode, Rule, Target};

/// The compiled policy.
#[derive(Debug, Default)]
pub struct Compiled {
    mode: Mode,
    /// For each first byte of a name, either case: the lengths of the names that are in the table, a bit each.
    lengths: Lengths,
    names: HashMap<Box<[u8]>, Named, BuildHasherDefault<Fnv>>,
    /// The rules for names that are not in the table: those for `*`.
    others: Vec<Step>,
    /// The ids of the statements, in their order.
    ids: Vec<Box<str>>,
    link: Link,
}

/// On servers that do not tell who is calling: the names a master may send.
#[derive(Debug, Default)]
enum Link {
    /// The server tells who is calling.
    #[default]
    NotAsked,
    /// These: as the server calls them, and as clients do where redis.conf renamed them (a master sends what its
    /// client sent).
    Names(HashSet<Box<[u8]>>),
    /// Any: the server's commands, or their new names, are not known. No data may diverge for that.
    Any,
}

impl Link {
    fn of<'n>(commands: &dyn Commands, ruled: impl Iterator<Item = &'n Box<[u8]>>) -> Self {
        let mut names = HashSet::new();
        for name in commands.names(None) {
            let name = name.as_bytes();
            if !commands.may_come_on_link(name) {
                continue;
            }
            match commands.find(name) {
                Found::RenamedAway => return Self::Any,
                _ => names.insert(resolve::wire(name, commands).into()),
            };
            names.insert(name.into());
        }
        if names.is_empty() {
            return Self::Any;
        }
        names.extend(
            ruled
                .filter(|name| commands.may_come_on_link(name))
                .cloned(),
        );
        Self::Names(names)
    }
}

/// What the table knows of one name, as clients send it.
#[derive(Debug, Default, Clone)]
pub struct Named {
    /// It is a new name of this command, by this statement.
    pub runs: Option<(Box<[u8]>, usize)>,
    /// It was renamed, by this statement: to clients it does not exist any more.
    pub gone: Option<usize>,
    /// New and gone names of its subcommands.
    pub subs: Vec<SubName>,
    /// The rules that may match it, in the policy's order.
    pub steps: Vec<Step>,
}

/// A subcommand that a statement renamed, or its new name.
#[derive(Debug, Clone)]
pub struct SubName {
    /// As clients send it.
    pub name: Box<[u8]>,
    /// The subcommand it runs; `None` if it is the old name of a renamed one.
    pub runs: Option<Box<[u8]>>,
    /// The statement behind it.
    pub statement: usize,
}

/// One rule as one command sees it.
#[derive(Debug, Clone)]
pub struct Step {
    /// Only for this subcommand or first argument.
    pub sub: Option<Box<[u8]>>,
    /// Deny or allow.
    pub action: Action,
    /// It only records.
    pub observe: bool,
    /// What a refused client is told, where the rule says so.
    pub reply: Option<DenyReply>,
    /// The statement behind it.
    pub statement: usize,
}

impl Compiled {
    /// Compiles a policy. `links` asks for the table of commands that may come over the replication link.
    pub fn new(policy: &Policy, commands: &dyn Commands, links: bool) -> Self {
        let spared = NEEDS_FORCE
            .iter()
            .map(|name| resolve::wire(name.as_bytes(), commands));
        let mut build = Build {
            compiled: Self {
                mode: policy.mode(),
                ..Self::default()
            },
            spared: spared.collect(),
            commands,
        };
        for (index, statement) in policy.statements().iter().enumerate() {
            build.compiled.ids.push(statement.id.as_str().into());
            build.names(index, &statement.body);
        }
        let rules = policy.statements().iter().enumerate();
        for (index, statement) in rules {
            if let Body::Rule(rule) = &statement.body {
                build.rule(index, rule);
            }
        }
        let mut compiled = build.compiled;
        if links {
            compiled.link = Link::of(commands, compiled.names.keys());
        }
        compiled.index();
        compiled
    }

    /// Whether anything would ever come of looking at calls: if not, the filter need not be registered.
    pub fn is_active(&self) -> bool {
        self.mode != Mode::Off && !(self.names.is_empty() && self.others.is_empty())
    }

    /// Which names the table could know: the hot path asks a copy of this.
    pub fn lengths(&self) -> &Lengths {
        &self.lengths
    }

    /// The mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What the table knows of a canonical name.
    pub fn named(&self, name: &[u8]) -> Option<&Named> {
        self.names.get(name)
    }

    /// The rules for a name that the table does not know.
    pub fn others(&self) -> &[Step] {
        &self.others
    }

    /// The id of a statement.
    pub fn id(&self, statement: usize) -> &str {
        self.ids.get(statement).map_or("?", |id| id)
    }

    /// Whether a call of this (canonical) name may come over the replication link, on servers that do not tell.
    pub fn may_come_on_link(&self, name: &[u8]) -> bool {
        match &self.link {
            Link::NotAsked => false,
            Link::Names(names) => names.contains(name),
            Link::Any => true,
        }
    }

    fn index(&mut self) {
        if !self.others.is_empty() {
            self.lengths.take_all();
        }
        for name in self.names.keys() {
            self.lengths.add(name);
        }
    }
}

struct Build<'c> {
    compiled: Compiled,
    /// The commands that `*` skips, as clients send them.
    spared: HashSet<Vec<u8>>,
    commands: &'c dyn Commands,
}

impl Build<'_> {
    /// The entry of a name. A new entry begins with the rules that all names share so far.
    fn entry(&mut self, wire: &[u8]) -> &mut Named {
        let shared = if self.spared.contains(wire) {
            &[]
        } else {
            self.compiled.others.as_slice()
        };
        self.compiled
            .names
            .entry(wire.into())
            .or_insert_with(|| Named {
                steps: shared.to_vec(),
                ..Named::default()
            })
    }

    /// Takes in what a statement says about names.
    fn names(&mut self, statement: usize, body: &Body) {
        let (real, new, old_goes) = match body {
            Body::Rule(_) => return,
            Body::Rename { old, new } => (old, new, true),
            Body::Alias { new, target } => (target, new, false),
        };
        let wire = resolve::wire(&real.command, self.commands);
        match (&real.sub, &new.sub) {
            (Some(real_sub), Some(new_sub)) => {
                let entry = self.entry(&wire);
                let sub = |name: &[u8], runs: Option<&[u8]>| SubName {
                    name: name.into(),
                    runs: runs.map(Into::into),
                    statement,
                };
                entry.subs.push(sub(new_sub, Some(real_sub)));
                if old_goes {
                    entry.subs.push(sub(real_sub, None));
                }
            }
            _ => {
                self.entry(&new.command).runs = Some((wire.as_slice().into(), statement));
                if old_goes {
                    self.entry(&wire).gone = Some(statement);
                }
            }
        }
    }

    fn rule(&mut self, statement: usize, rule: &Rule) {
        for target in &rule.targets {
            match target {
                Target::Every => self.every(statement, rule),
                Target::Command(name) => self.command(statement, rule, name),
            }
        }
    }

    fn every(&mut self, statement: usize, rule: &Rule) {
        for name in self.spared.clone() {
            self.entry(&name);
        }
        let step = step(statement, rule, None);
        for (name, entry) in &mut self.compiled.names {
            if !self.spared.contains(name.as_ref()) {
                entry.steps.push(step.clone());
            }
        }
        self.compiled.others.push(step);
    }

    fn command(&mut self, statement: usize, rule: &Rule, name: &Name) {
        let wire = resolve::wire(&name.command, self.commands);
        let step = step(statement, rule, name.sub.as_deref());
        self.entry(&wire).steps.push(step);
    }
}

fn step(statement: usize, rule: &Rule, sub: Option<&[u8]>) -> Step {
    Step {
        sub: sub.map(Into::into),
        action: rule.action,
        observe: rule.observe,
        reply: rule.reply,
        statement,
    }
}

/// Which names could be in a table, by first byte and length. In cells, so that the copy in force can be overwritten in
/// place and asked without a detour: asking it is what every call pays.
pub struct Lengths {
    /// The shortest name with this first byte; `NONE` if there is none.
    shortest: [Cell<u8>; 256],
    /// A bit for each length of such names, the last one for all longer ones.
    by_first: [Cell<u64>; 256],
    empty: Cell<bool>,
}

/// Longer than any name of a policy.
const NONE: u8 = u8::MAX;

impl Default for Lengths {
    fn default() -> Self {
        Self {
            shortest: [const { Cell::new(NONE) }; 256],
            by_first: [const { Cell::new(0) }; 256],
            empty: Cell::new(false),
        }
    }
}

impl std::fmt::Debug for Lengths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lengths")
    }
}

impl Lengths {
    /// Whether this name, as the client sent it, could be in the table. False positives are allowed, false negatives are
    /// a way round the gate.
    #[inline]
    pub fn might_match(&self, name: &[u8]) -> bool {
        let Some(&first) = name.first() else {
            return self.empty.get();
        };
        let first = usize::from(first);
        // Most names end here: nothing in the table begins like them and is as short, with a NUL or without.
        let shortest = self.shortest.get(first).map_or(0, Cell::get);
        if name.len() < usize::from(shortest) {
            return false;
        }
        let lengths = self.by_first.get(first).map_or(u64::MAX, Cell::get);
        let bit = Self::bit(name.len());
        // A NUL makes the name shorter than its length: it can then only mean a shorter name of the table.
        lengths & bit != 0 || (lengths & (bit - 1) != 0 && name.contains(&0))
    }

    /// Becomes a copy of another.
    pub fn take_over(&self, other: &Self) {
        for (mine, other) in self.by_first.iter().zip(&other.by_first) {
            mine.set(other.get());
        }
        for (mine, other) in self.shortest.iter().zip(&other.shortest) {
            mine.set(other.get());
        }
        self.empty.set(other.empty.get());
    }

    #[inline]
    fn bit(length: usize) -> u64 {
        1 << length.min(63)
    }

    fn add(&self, name: &[u8]) {
        let Some(first) = name.first() else {
            self.empty.set(true);
            return;
        };
        for byte in [first.to_ascii_lowercase(), first.to_ascii_uppercase()] {
            if let Some(lengths) = self.by_first.get(usize::from(byte)) {
                lengths.set(lengths.get() | Self::bit(name.len()));
            }
            if let Some(shortest) = self.shortest.get(usize::from(byte)) {
                let length = u8::try_from(name.len()).unwrap_or(0);
                shortest.set(shortest.get().min(length));
            }
        }
    }

    fn take_all(&self) {
        for (lengths, shortest) in self.by_first.iter().zip(&self.shortest) {
            lengths.set(u64::MAX);
            shortest.set(0);
        }
        self.empty.set(true);
    }
}

/// FNV-1a: for names of a few bytes, cheaper than the standard hasher. The keys come from the operator, not from clients.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::resolve::tests::FewCommands;
    use super::*;
    use proptest::prelude::*;

    fn compiled(text: &str) -> Compiled {
        let policy = Policy::read(text.as_bytes(), &FewCommands).unwrap();
        Compiled::new(&policy, &FewCommands, true)
    }

    #[test]
    fn only_a_policy_that_can_decide_something_is_active() {
        assert!(!compiled("").is_active());
        assert!(!compiled("mode off\ndeny get").is_active());
        assert!(compiled("deny get").is_active());
        assert!(compiled("deny *").is_active());
        assert!(compiled("mode observe\nalias x get").is_active());
    }

    #[test]
    fn a_name_is_sorted_out_by_first_byte_and_length_but_never_by_a_nul() {
        let table = compiled("deny flushall config del");
        for name in [
            &b"FLUSHALL"[..],
            b"flushall",
            b"Config",
            b"DEL",
            b"DEL\0",
            b"config\0\0\0xyz",
            b"DBL",
        ] {
            assert!(table.lengths().might_match(name), "{name:?}");
        }
        for name in [
            &b""[..],
            b"GET",
            b"FLUSHDB",
            b"D",
            b"DELETE",
            b"\0DEL",
            b"CONFIGURE",
        ] {
            assert!(!table.lengths().might_match(name), "{name:?}");
        }
        let all = compiled("deny *");
        for name in [&b""[..], b"GET", b"\0", b"\xff"] {
            assert!(all.lengths().might_match(name), "{name:?}");
        }
    }

    #[test]
    fn a_rule_on_a_renamed_command_stands_under_the_name_that_clients_send() {
        let table = compiled("deny keys");
        assert!(table.named(b"k3ys").is_some());
        assert!(table.named(b"keys").is_none());
    }

    #[test]
    fn the_commands_of_the_replication_link_are_those_the_server_names() {
        let table = compiled("deny flushall");
        assert!(table.may_come_on_link(b"flushall"));
        assert!(!table.may_come_on_link(b"config"));
        let policy = Policy::read(b"deny flushall", &FewCommands).unwrap();
        let told = Compiled::new(&policy, &FewCommands, false);
        assert!(
            !told.may_come_on_link(b"flushall"),
            "not asked where the server tells"
        );
    }

    proptest! {
        #[test]
        fn no_spelling_of_a_denied_name_is_ever_sorted_out(
            name in prop_oneof![Just("flushall"), Just("del"), Just("config")],
            upper in proptest::collection::vec(any::<bool>(), 8),
            tail in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..80)),
        ) {
            let mut spelled: Vec<u8> = name
                .bytes()
                .zip(upper)
                .map(|(byte, upper)| if upper { byte.to_ascii_uppercase() } else { byte })
                .collect();
            if let Some(tail) = tail {
                spelled.push(0);
                spelled.extend(tail);
            }
            prop_assert!(compiled("deny flushall del config").lengths().might_match(&spelled));
        }
    }
}
