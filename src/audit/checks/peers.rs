//! Who signs in as a user beside people and applications: replicas and Sentinels. Without what they run, replication ends
//! or nobody fails over.

use crate::audit::facts::Facts;

/// What a replica runs on its master.
pub const OF_REPLICAS: &str = "+psync +replconf +ping";

/// What a Sentinel runs, beside what every connection may.
const OF_SENTINELS: &str = "+multi +exec +slaveof +replicaof +subscribe +publish +info +role '+config|rewrite' \
                            '+client|setname' '+client|kill' '+script|kill' +ping";

/// Where Sentinels meet.
const CHANNEL: &str = "'&__sentinel__:hello'";

/// The machines that sign in as a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peers {
    replicas: bool,
    sentinels: bool,
    /// On Valkey a Sentinel may hand over by FAILOVER.
    fails_over: bool,
}

impl Peers {
    /// Those that sign in as this user, or would after a failover; `None` where none is known to.
    pub fn of(facts: &Facts, user: &[u8]) -> Option<Self> {
        let sentinels = facts.sentinels.known();
        let peers = Self {
            replicas: replicates(facts, user),
            sentinels: sentinels.is_ok_and(|all| all.iter().any(|one| one.user == user)),
            fails_over: facts.server.name == "valkey",
        };
        (peers.replicas || peers.sentinels).then_some(peers)
    }

    /// Why it is not known of some user whether any signs in as it.
    pub fn unknown(facts: &Facts) -> Option<&str> {
        let replication = facts.logins.replication.known().err();
        replication.or_else(|| facts.sentinels.known().err())
    }

    /// Who they are.
    pub fn who(self) -> &'static str {
        match (self.replicas, self.sentinels) {
            (true, true) => "replicas and Sentinels",
            (true, false) => "replicas",
            (false, _) => "Sentinels",
        }
    }

    /// The commands they need, as ACL SETUSER takes them in a shell, with a space before each.
    pub fn commands(self) -> String {
        let mut commands = String::new();
        for (there, words) in [
            (self.replicas, OF_REPLICAS),
            (self.sentinels, OF_SENTINELS),
            (self.sentinels && self.fails_over, "+failover"),
        ] {
            if there {
                commands.push(' ');
                commands.push_str(words);
            }
        }
        commands
    }

    /// The channels they need, likewise.
    pub fn channels(self) -> String {
        match self.sentinels {
            true => format!(" {CHANNEL}"),
            false => String::new(),
        }
    }
}

/// Whether replicas sign in as this user: those that are connected, or all nodes, who change their parts in a failover and go
/// by the same settings.
fn replicates(facts: &Facts, user: &[u8]) -> bool {
    let Ok(replication) = facts.logins.replication.known() else {
        return false;
    };
    if replication.replicas.iter().any(|one| one.user == user) {
        return true;
    }
    let takes_part = replication.master.is_some() || !replication.replicas.is_empty();
    let own = facts.setting("masteruser");
    let own = own.or_else(|_| facts.setting("primaryuser"));
    let is_own = match own {
        Ok(b"") => user == b"default",
        Ok(name) => user == name,
        Err(_) => false,
    };
    takes_part && is_own && matches!(facts.masterauth.known(), Ok(Some(_)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::audit::checks::sample;
    use crate::audit::facts::{Fact, Replica, Replication, Sentinel};

    fn with_replica_as(user: &str) -> Facts {
        let mut facts = sample::hardened();
        facts.logins.replication = Fact::Known(Replication {
            master: None,
            replicas: vec![Replica {
                address: "10.0.0.2:41234".to_owned(),
                user: user.as_bytes().to_vec(),
            }],
        });
        facts
    }

    #[test]
    fn replicas_and_sentinels_are_known_by_the_users_they_sign_in_as() {
        let mut facts = with_replica_as("default");
        assert_eq!(Peers::of(&facts, b"app"), None);
        let peers = Peers::of(&facts, b"default").unwrap();
        assert_eq!(peers.who(), "replicas");
        assert_eq!(peers.commands(), " +psync +replconf +ping");
        assert_eq!(peers.channels(), "");
        facts.sentinels = Fact::Known(vec![Sentinel {
            user: b"default".to_vec(),
            alone: false,
        }]);
        let peers = Peers::of(&facts, b"default").unwrap();
        assert_eq!(peers.who(), "replicas and Sentinels");
        assert!(peers.commands().contains(" '+config|rewrite' "));
        assert!(!peers.commands().contains("+failover"));
        assert!(peers.channels().contains("__sentinel__:hello"));
        facts.server.name = "valkey".to_owned();
        let peers = Peers::of(&facts, b"default").unwrap();
        assert!(peers.commands().ends_with(" +failover"));
    }

    #[test]
    fn a_node_that_replicates_will_be_signed_in_to_as_it_signs_in_itself() {
        let mut facts = with_replica_as("x");
        assert_eq!(Peers::of(&facts, b"default"), None);
        facts.masterauth = sample::password("s");
        assert!(Peers::of(&facts, b"default").is_some());
        sample::set(&mut facts, "masteruser", "repl");
        assert_eq!(Peers::of(&facts, b"default"), None);
        assert!(Peers::of(&facts, b"repl").is_some());
        facts.logins.replication = Fact::Known(Replication::default());
        assert_eq!(Peers::of(&facts, b"repl"), None);
    }

    #[test]
    fn what_is_not_known_is_told() {
        let facts = sample::nothing_read();
        assert_eq!(Peers::of(&facts, b"default"), None);
        assert_eq!(Peers::unknown(&facts), Some("not readable"));
        assert_eq!(Peers::unknown(&sample::hardened()), None);
    }
}
