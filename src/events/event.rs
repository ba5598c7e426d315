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

/// A decision as it is made. All of it is borrowed: most decisions repeat one that is recorded already.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'s> {
    /// When.
    pub time: SystemTime,
    /// What was decided.
    pub happened: Happened,
    /// The id of the statement that decided.
    pub rule: &'s str,
    /// `flushall`, `config|set`: printable.
    pub command: &'s str,
    /// The ACL user; `None` where the server does not tell.
    pub user: Option<&'s [u8]>,
    /// `127.0.0.1:50000`, `unix`; `None` where the server does not tell.
    pub address: Option<&'s str>,
    /// The client's id; `None` where the server does not tell.
    pub client: Option<u64>,
    /// Where the call came from.
    pub via: Via,
}

impl Seen<'_> {
    /// As a record under this number, of a client with this name.
    pub fn recorded(&self, seq: u64, client_name: Option<Vec<u8>>) -> Event {
        Event {
            seq,
            time: self.time,
            first_time: self.time,
            happened: self.happened,
            rule: self.rule.to_owned(),
            command: self.command.to_owned(),
            user: self.user.map(<[u8]>::to_vec),
            address: self.address.map(str::to_owned),
            client: self.client,
            client_name,
            via: self.via,
            count: 1,
        }
    }

    /// Whether anyone who reaches the port could have caused it.
    pub fn is_anonymous(&self) -> bool {
        self.user.is_none_or(|user| user == b"default")
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
    /// Whether a later decision is the same about the same caller: rule, command, user, host and way.
    pub fn is_repeated_by(&self, later: &Seen<'_>) -> bool {
        self.happened == later.happened
            && self.via == later.via
            && self.rule == later.rule
            && self.command == later.command
            && self.user.as_deref() == later.user
            && same_host(self.address.as_deref(), later.address)
    }

    /// Becomes the record of one more such decision. Another client's name is looked up.
    pub fn repeat(&mut self, later: &Seen<'_>, name: impl FnOnce(u64) -> Option<Vec<u8>>) {
        self.time = later.time;
        self.count += 1;
        if self.client != later.client {
            self.client = later.client;
            self.client_name = later.client.and_then(name);
        }
        if self.address.as_deref() != later.address {
            self.address = later.address.map(str::to_owned);
        }
    }
}

/// Whether two addresses differ in their ports at the most, which differ from connection to connection.
fn same_host(one: Option<&str>, other: Option<&str>) -> bool {
    fn host(address: &str) -> &str {
        address.rsplit_once(':').map_or(address, |(host, _)| host)
    }
    one == other || one.map(host) == other.map(host)
}

/// A decision for tests.
#[cfg(test)]
pub const SAMPLE: Seen<'_> = Seen {
    time: SystemTime::UNIX_EPOCH,
    happened: Happened::Denied,
    rule: "r1",
    command: "flushall",
    user: Some(b"a\nb"),
    address: Some("127.0.0.1:1"),
    client: Some(1),
    via: Via::Client,
};
