//! A policy as the table that decides: built once per change, never altered, swapped whole.
//!
//! Most calls match nothing, so `lengths` answers "could this name mean anything?" from the first byte and the length of
//! the name alone; only then is the name folded and looked up. The cost does not depend on the number of rules.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use super::Policy;
use super::condition::{Condition, Via};
use super::lengths::Lengths;
use super::link::Link;
use super::name::Name;
use super::resolve::{self, Commands, NEEDS_FORCE};
use super::statement::{Action, Body, Category, DenyReply, Mode, Rule, Target};

/// The commands that run a script, and EXEC, which runs those that were queued.
const SCRIPT_STARTERS: [&str; 7] = [
    "eval",
    "evalsha",
    "eval_ro",
    "evalsha_ro",
    "fcall",
    "fcall_ro",
    "exec",
];
/// The commands that open a transaction or subscribe, and those that change users: EXEC runs them too.
const UNSETTLING: [&str; 7] = [
    "multi",
    "subscribe",
    "psubscribe",
    "ssubscribe",
    "acl",
    "config",
    "exec",
];

/// The compiled policy.
#[derive(Debug, Default)]
pub struct Compiled {
    mode: Mode,
    /// For each first byte of a name, either case: the lengths of the names that are in the table, a bit each.
    lengths: Lengths,
    /// The same of the names in the table alone, without what `*` adds.
    named: Lengths,
    names: HashMap<Box<[u8]>, Named, BuildHasherDefault<ShortNames>>,
    /// The rules for `*`, in order.
    others: Vec<Step>,
    /// They ask for nothing but where the client connects from, which never changes.
    others_ask_only_whence: bool,
    /// The ids of the statements, in their order.
    ids: Vec<Box<str>>,
    link: Link,
    decides: bool,
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
    /// What its calls bring about.
    pub brings: Brings,
    /// The rules that name it, in order.
    steps: Vec<Step>,
    /// `*` does not mean it.
    spared: bool,
}

/// What the calls of a command bring about that the gate must know of.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Brings {
    /// They run scripts: who makes them is the caller of what the script calls.
    pub scripts: bool,
    /// Their caller may have a transaction or subscriptions afterwards, or users may have other passwords: what was seen
    /// of connections and of users must be looked at anew.
    pub unsettles: bool,
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
    /// What must hold besides.
    pub conditions: Rc<[Condition]>,
    /// Its place among all rules.
    order: usize,
}

impl Step {
    /// Whether it is meant for calls that modules make: only rules that say so are.
    pub fn is_for_modules(&self) -> bool {
        self.conditions.iter().any(|condition| match condition {
            Condition::Via(list) => list.plain().contains(&Via::Module),
            _ => false,
        })
    }
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
            order: 0,
            commands,
        };
        for (index, statement) in policy.statements().iter().enumerate() {
            build.compiled.ids.push(statement.id.as_str().into());
            build.names(index, &statement.body);
        }
        for (index, statement) in policy.statements().iter().enumerate() {
            for rule in statement.rules() {
                build.rule(index, &rule);
            }
        }
        build.finish(links)
    }

    /// Whether anything would ever come of looking at calls: if not, the filter need not be registered.
    pub fn is_active(&self) -> bool {
        self.mode != Mode::Off && self.decides
    }

    /// Which names the table could know: the hot path asks a copy of this.
    pub fn lengths(&self) -> &Lengths {
        &self.lengths
    }

    /// The mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the table could know a name, as the client sent it.
    #[inline]
    pub fn might_name(&self, name: &[u8]) -> bool {
        self.named.might_match(name)
    }

    /// What the table knows of a canonical name, and the table's own copy of it.
    pub fn found(&self, name: &[u8]) -> Option<(&[u8], &Named)> {
        let (name, named) = self.names.get_key_value(name)?;
        Some((name, named))
    }

    /// What the table knows of a canonical name.
    pub fn named(&self, name: &[u8]) -> Option<&Named> {
        self.names.get(name)
    }

    /// The rules that may match a name, in the policy's order: its own, and those for `*`.
    pub fn steps<'p>(&'p self, named: Option<&'p Named>) -> Steps<'p> {
        Steps {
            own: named.map_or(&[], |named| &named.steps),
            others: match named {
                Some(named) if named.spared => &[],
                _ => &self.others,
            },
        }
    }

    /// The rules for `*`.
    #[inline]
    pub fn others(&self) -> &[Step] {
        &self.others
    }

    /// Whether there are rules for `*`, and all that they ask is where the client connects from.
    #[inline]
    pub fn others_ask_only_whence(&self) -> bool {
        self.others_ask_only_whence
    }

    /// Whether there are rules for names that the table does not know.
    #[inline]
    pub fn minds_all_names(&self) -> bool {
        !self.others.is_empty()
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
}

/// The rules that may match a name, in order.
#[derive(Debug, Clone)]
pub struct Steps<'p> {
    own: &'p [Step],
    others: &'p [Step],
}

impl<'p> Iterator for Steps<'p> {
    type Item = &'p Step;

    #[inline]
    fn next(&mut self) -> Option<&'p Step> {
        let own_first = match (self.own.first(), self.others.first()) {
            (Some(own), Some(other)) => own.order < other.order,
            (own, _) => own.is_some(),
        };
        let list = if own_first {
            &mut self.own
        } else {
            &mut self.others
        };
        let (first, rest) = list.split_first()?;
        *list = rest;
        Some(first)
    }
}

struct Build<'c> {
    compiled: Compiled,
    /// The commands that `*` and categories skip, as clients send them.
    spared: HashSet<Vec<u8>>,
    /// The place of the next rule among all.
    order: usize,
    commands: &'c dyn Commands,
}

impl Build<'_> {
    fn entry(&mut self, wire: &[u8]) -> &mut Named {
        let spared = self.spared.contains(wire);
        self.compiled
            .names
            .entry(wire.into())
            .or_insert_with(|| Named {
                spared,
                ..Named::default()
            })
    }

    /// Takes in what a statement says about names.
    fn names(&mut self, statement: usize, body: &Body) {
        let (real, new, old_goes) = match body {
            Body::Rule(_)
            | Body::Profile { .. }
            | Body::Suppress { .. }
            | Body::Administrators(_) => return,
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
        let step = Step {
            sub: None,
            action: rule.action,
            observe: rule.observe,
            reply: rule.reply,
            statement,
            conditions: rule.conditions.as_slice().into(),
            order: self.order,
        };
        self.order += 1;
        for target in &rule.targets {
            match target {
                Target::Every => self.compiled.others.push(step.clone()),
                Target::Category(category) => self.category(&step, category),
                Target::Command(name) => self.command(&step, name),
            }
        }
    }

    fn command(&mut self, step: &Step, name: &Name) {
        let wire = resolve::wire(&name.command, self.commands);
        let mut step = step.clone();
        step.sub = name.sub.as_deref().map(Into::into);
        self.entry(&wire).steps.push(step);
    }

    fn category(&mut self, step: &Step, category: &Category) {
        let members = self.commands.category(&category.name);
        for name in members.unwrap_or_default() {
            if !self
                .spared
                .contains(&resolve::wire(&name.command, self.commands))
            {
                self.command(step, &name);
            }
        }
    }

    fn finish(mut self, links: bool) -> Compiled {
        self.compiled.decides =
            !(self.compiled.names.is_empty() && self.compiled.others.is_empty());
        if links {
            let ruled = self.compiled.names.keys();
            self.compiled.link = Link::of(self.commands, ruled);
        } else if self.compiled.decides {
            for name in SCRIPT_STARTERS {
                let wire = resolve::wire(name.as_bytes(), self.commands);
                self.entry(&wire).brings.scripts = true;
            }
            for name in UNSETTLING {
                let wire = resolve::wire(name.as_bytes(), self.commands);
                self.entry(&wire).brings.unsettles = true;
            }
        }
        let whence = |condition: &Condition| matches!(condition, Condition::From(_));
        let mut asked = self.compiled.others.iter().map(|step| &step.conditions);
        self.compiled.others_ask_only_whence = self.compiled.minds_all_names()
            && asked.all(|conditions| !conditions.is_empty() && conditions.iter().all(whence));
        if self.compiled.minds_all_names() {
            for name in self.spared.clone() {
                self.entry(&name);
            }
            self.compiled.lengths.take_all();
        }
        for name in self.compiled.names.keys() {
            self.compiled.lengths.add(name);
            self.compiled.named.add(name);
        }
        self.compiled
    }
}

/// Eight bytes with one multiplication: for short names cheaper than the standard hasher, which withstands keys that
/// clients choose. These come from the operator.
#[derive(Default)]
struct ShortNames(u64);

impl Hasher for ShortNames {
    fn finish(&self) -> u64 {
        // The table goes by the lowest bits, and the highest ones of a product know all of its factors.
        self.0.rotate_left(26)
    }
    fn write(&mut self, bytes: &[u8]) {
        let (eights, rest) = bytes.as_chunks::<8>();
        for eight in eights {
            self.write_u64(u64::from_le_bytes(*eight));
        }
        let last = rest.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
        self.write_u64(last);
    }
    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
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
