//! The table that decides: built once per change of the policy (`compile`), never altered, swapped whole.
//!
//! Most calls match nothing, so `lengths` answers "could this name mean anything?" from the first byte and the length of
//! the name alone; only then is the name folded and looked up. The cost does not depend on the number of rules.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use super::condition::{Condition, Via};
use super::lengths::Lengths;
use super::link::Link;
use super::name::MAX_NAME;
use super::short_names::ShortNames;
use super::statement::{Action, DenyReply, Mode};

/// The compiled policy.
#[derive(Debug, Default)]
pub struct Compiled {
    pub(super) mode: Mode,
    /// For each first byte of a name, either case: the lengths of the names that are in the table, a bit each.
    pub(super) lengths: Lengths,
    /// The same of the names in the table alone, without what `*` adds.
    pub(super) named: Lengths,
    pub(super) names: HashMap<Box<[u8]>, Named, BuildHasherDefault<ShortNames>>,
    /// How long the longest of them is.
    pub(super) longest: usize,
    /// The rules for `*`, in order.
    pub(super) others: Vec<Step>,
    /// They ask for nothing but where the client connects from, which never changes.
    pub(super) others_ask_only_whence: bool,
    /// The ids of the statements, in their order.
    pub(super) ids: Vec<Box<str>>,
    pub(super) link: Link,
    pub(super) decides: bool,
    /// What calls bring about that come under names which could not be found out.
    pub(super) unseen: Brings,
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
    pub(super) steps: Vec<Step>,
    /// `*` does not mean it.
    pub(super) spared: bool,
}

/// What the calls of a command bring about that the gate must know of.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Brings {
    /// They run scripts: who makes them is the caller of what the script calls.
    pub scripts: bool,
    /// Their caller may have a transaction or subscriptions afterwards, or users may have other passwords: what was seen
    /// of connections and of users must be looked at anew.
    pub unsettles: bool,
    /// Servers serve them to clients while a script is busy. Marked where the server does not tell who is calling.
    pub while_busy: bool,
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
    pub(super) order: usize,
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
    /// Whether anything would ever come of looking at calls: if not, the filter need not be registered.
    pub fn is_active(&self) -> bool {
        self.mode != Mode::Off && self.decides
    }

    /// Whether it has anything to decide about, whatever its mode.
    pub fn decides(&self) -> bool {
        self.decides
    }

    /// What calls bring about that come under names which could not be found out: whose script runs, or how a connection
    /// stands, is then not to be told from the calls that were seen.
    #[inline]
    pub fn unseen(&self) -> Brings {
        self.unseen
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

    /// The same of a name as the client sent it that is longer than any a policy may hold: rename-command in redis.conf
    /// gives names of any length. It costs an allocation where there is such a name, and nothing where there is none.
    #[cold]
    pub fn found_long(&self, typed: &[u8]) -> Option<(&[u8], &Named)> {
        if self.longest <= MAX_NAME {
            return None;
        }
        let name = typed.split(|byte| *byte == 0).next()?;
        (name.len() <= self.longest)
            .then(|| self.found(&name.to_ascii_lowercase()))
            .flatten()
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
