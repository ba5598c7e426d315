//! One command call as the gate sees it. What is dear to find out is asked only when a rule wants it.

use std::rc::Rc;

use crate::policy::condition::{Source, Via};

/// One of several clients, each of whom may be behind a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its ACL user, if that could be found out.
    pub user: Option<Rc<[u8]>>,
    /// Where it connects from, likewise.
    pub source: Option<Source>,
}

/// A call. `None` for the user or the source means that it could not be found out.
pub trait Call {
    /// A word of the call, its name first: any bytes.
    fn word(&self, index: usize) -> Option<&[u8]>;
    /// We already gave this call its real name, and the server shows it to us again (paused clients on Redis 7.0).
    fn rewritten(&self) -> bool;
    /// The ACL user who calls; inside a script, the one who called the script.
    fn user(&self) -> Option<&[u8]>;
    /// Where the caller connects from.
    fn source(&self) -> Option<Source>;
    /// Who may be behind the call, where that is one of several: then there is neither a user nor a source.
    fn candidates(&self) -> &[Candidate] {
        &[]
    }
    /// The way the call comes.
    fn via(&self) -> Via;
    /// Another way by which it may come just as well, where that cannot be told.
    fn or_via(&self) -> Option<Via> {
        None
    }
    /// Whether a deny holds, and an allow does not, where it cannot be told whether a condition does. A gate must fail
    /// closed; a report on what the gate holds off must not take the benefit of the doubt.
    fn fails_closed(&self) -> bool {
        true
    }
}

/// A call that is only described: for a decision on a call that is not made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Described<'c> {
    /// Its words, the name first.
    pub words: &'c [&'c [u8]],
    /// See `Call::rewritten`.
    pub rewritten: bool,
    /// Who would call, if that is given.
    pub user: Option<&'c [u8]>,
    /// From where, likewise.
    pub source: Option<Source>,
    /// By which way; a client's if nothing is said.
    pub via: Option<Via>,
    /// What cannot be told is taken for the caller's good: a report must not count on what a rule might hold off.
    pub in_the_callers_favour: bool,
}

impl Call for Described<'_> {
    fn word(&self, index: usize) -> Option<&[u8]> {
        self.words.get(index).copied()
    }
    fn rewritten(&self) -> bool {
        self.rewritten
    }
    fn user(&self) -> Option<&[u8]> {
        self.user
    }
    fn source(&self) -> Option<Source> {
        self.source
    }
    fn via(&self) -> Via {
        self.via.unwrap_or(Via::Client)
    }
    fn fails_closed(&self) -> bool {
        !self.in_the_callers_favour
    }
}
