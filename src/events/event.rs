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
    /// A client sent it in a transaction.
    Multi,
    /// A script made it.
    Script,
    /// A module made it.
    Module,
}

impl Via {
    /// As it is shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Multi => "multi",
            Self::Script => "script",
            Self::Module => "module",
        }
    }
}

/// One recorded decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Counted from 1 since the module was loaded; a gap means that events were forgotten.
    pub seq: u64,
    /// When; of merged repeats, the last one.
    pub time: SystemTime,
    /// When the first of merged repeats happened.
    pub first_time: SystemTime,
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
    /// The name the client gave itself (CLIENT SETNAME), if it has one.
    pub client_name: Option<Vec<u8>>,
    /// Where the call came from.
    pub via: Via,
    /// How many calls this stands for.
    pub count: u64,
}

impl Event {
    /// Whether a later event says the same of the same caller: rule, command, user, host and way.
    pub fn is_repeated_by(&self, later: &Self) -> bool {
        self.happened == later.happened
            && self.via == later.via
            && self.rule == later.rule
            && self.command == later.command
            && self.user == later.user
            && self.host() == later.host()
    }

    /// Whether anyone who reaches the port could have caused it.
    pub fn is_anonymous(&self) -> bool {
        self.user.as_deref().is_none_or(|user| user == b"default")
    }

    /// The address without its port, which differs from connection to connection.
    fn host(&self) -> Option<&str> {
        let address = self.address.as_deref()?;
        Some(address.rsplit_once(':').map_or(address, |(host, _)| host))
    }
}

/// An event for tests.
#[cfg(test)]
pub fn sample() -> Event {
    Event {
        client_name: None,
        seq: 0,
        time: SystemTime::UNIX_EPOCH,
        first_time: SystemTime::UNIX_EPOCH,
        happened: Happened::Denied,
        rule: "r1".to_owned(),
        command: "flushall".to_owned(),
        user: Some(b"a\nb".to_vec()),
        address: Some("127.0.0.1:1".to_owned()),
        client: Some(1),
        via: Via::Client,
        count: 1,
    }
}
