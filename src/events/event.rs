//! One recorded decision. Arguments are never part of it, so no secret can be.

use std::time::SystemTime;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// The call was refused.
    Denied,
    /// The call passed; had the gate (or the rule) enforced, it would have been refused.
    Observed,
}

impl Happened {
    /// As it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Denied => "deny",
            Self::Observed => "observe",
        }
    }
}

/// Where the call came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A client sent it.
    Client,
    /// A script made it.
    Script,
}

impl Via {
    /// As it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Script => "script",
        }
    }
}

/// One recorded decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Counted from 1 since the module was loaded; a gap means that events were forgotten.
    pub seq: u64,
    /// When.
    pub time: SystemTime,
    /// What was decided.
    pub happened: Happened,
    /// The id of the statement that decided.
    pub rule: String,
    /// `flushall`, `config|set`: printable.
    pub command: String,
    /// The ACL user; `None` where the server does not tell.
    pub user: Option<Vec<u8>>,
    /// `127.0.0.1:50000`, `unix`; `None` where the server does not tell.
    pub address: Option<String>,
    /// The client's id; `None` where the server does not tell.
    pub client: Option<u64>,
    /// Where the call came from.
    pub via: Via,
    /// How many calls this stands for.
    pub count: u64,
}
