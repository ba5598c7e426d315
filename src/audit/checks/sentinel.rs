//! What a Sentinel needs of this server, so that no remedy of the gate stops a failover: it runs SLAVEOF NO ONE, CONFIG
//! REWRITE and CLIENT KILL in one transaction, and one of them that is refused aborts the rest.

use super::access;
use crate::audit::facts::{Facts, Sentinel};

/// How Sentinels are connected.
#[derive(Debug, PartialEq, Eq)]
pub enum Watch<'f> {
    /// None is seen.
    No,
    /// Whether there is one is not known, and why.
    Unknown(&'f str),
    /// As users that are theirs alone. Those whom the policy names as administrators are left out: they are spared anyway.
    Apart(Vec<&'f [u8]>),
    /// As users from whom the gate cannot tell them apart, and why.
    Mixed(String),
}

/// How Sentinels are connected to this server.
pub fn watch(facts: &Facts) -> Watch<'_> {
    let sentinels = match facts.sentinels.known() {
        Ok(none) if none.is_empty() => return Watch::No,
        Ok(sentinels) => sentinels,
        Err(reason) => return Watch::Unknown(reason),
    };
    if !facts.gate.capabilities.contains(&("caller-identity", true)) {
        let why = "on this server the gate cannot tell its calls from those of others";
        return Watch::Mixed(why.to_owned());
    }
    if let Some(mixed) = sentinels
        .iter()
        .find(|one| !has_user_of_its_own(facts, one))
    {
        let user = access::names(std::slice::from_ref(&mixed.user));
        return Watch::Mixed(format!(
            "it is connected as user {user}, which is not its alone or needs no password"
        ));
    }
    let users = sentinels.iter().map(|one| one.user.as_slice());
    Watch::Apart(users.filter(|user| !facts.is_administrator(user)).collect())
}

fn has_user_of_its_own(facts: &Facts, sentinel: &Sentinel) -> bool {
    let users = facts.users.known().map_or(&[][..], Vec::as_slice);
    let user = users.iter().find(|user| user.name == sentinel.user);
    sentinel.alone && sentinel.user != b"default" && user.is_some_and(|user| !user.nopass)
}

/// Whether a Sentinel runs this command.
pub fn needs(facts: &Facts, name: &str) -> bool {
    match name {
        "config" | "replicaof" | "slaveof" | "client|kill" => true,
        // SENTINEL FAILOVER with COORDINATED, from 9.0 on.
        "failover" => facts.server.name == "valkey",
        _ => false,
    }
}

impl<'f> Watch<'f> {
    /// The users to spare.
    pub fn spared(&self) -> &[&'f [u8]] {
        match self {
            Self::Apart(users) => users,
            Self::No | Self::Unknown(_) | Self::Mixed(_) => &[],
        }
    }

    /// Why what it runs must stay open to all: it cannot be spared, and must not lose it. Printable.
    pub fn leaves_open(&self) -> Option<String> {
        match self {
            Self::No | Self::Apart(_) => None,
            Self::Unknown(why) => Some(format!(
                "a Sentinel would need this for a failover, and whether one is connected is not known ({why})"
            )),
            Self::Mixed(why) => Some(format!(
                "a Sentinel is connected, which needs this for a failover, and {why}"
            )),
        }
    }

    /// Those of these commands that must be treated apart, because a Sentinel that is connected, or may be, runs them; and
    /// the rest.
    pub fn split(
        &self,
        facts: &Facts,
        names: Vec<&'static str>,
    ) -> (Vec<&'static str>, Vec<&'static str>) {
        let is_here = self.leaves_open().is_some() || !self.spared().is_empty();
        names
            .into_iter()
            .partition(|name| is_here && needs(facts, name))
    }

    /// What to mind where these commands are denied, or left open for it. Printable.
    pub fn mind(&self, facts: &Facts, names: &[&'static str]) -> Option<String> {
        let own: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| needs(facts, name))
            .collect();
        if own.is_empty() {
            return None;
        }
        let own = own.join(" ");
        match self {
            Self::No => Some(format!(
                "no Sentinel is connected; one that comes later cannot fail over without {own}: spare its user then \
                 (user=!NAME)"
            )),
            Self::Apart(users) if users.is_empty() => None,
            Self::Apart(users) => Some(format!(
                "{} keeps {own}: connections as this user call themselves Sentinel, which cannot fail over without",
                access::names(&owned(users))
            )),
            Self::Unknown(_) | Self::Mixed(_) => {
                let why = self.leaves_open()?;
                Some(format!("{own} stay open: {why}"))
            }
        }
    }
}

fn owned(users: &[&[u8]]) -> Vec<Vec<u8>> {
    users.iter().map(|user| user.to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample;
    use crate::audit::facts::Fact;

    fn watched_by(user: &str, alone: bool) -> Facts {
        let mut facts = sample::hardened();
        facts.gate.capabilities = vec![("caller-identity", true)];
        sample::add_user(&mut facts, "watch", false);
        facts.sentinels = Fact::Known(vec![Sentinel {
            user: user.as_bytes().to_vec(),
            alone,
        }]);
        facts
    }

    #[test]
    fn a_sentinel_is_spared_as_a_user_that_is_its_alone_and_needs_a_password() {
        let mut facts = watched_by("watch", true);
        assert_eq!(watch(&facts), Watch::Apart(vec![b"watch"]));
        sample::user(&mut facts, "watch").nopass = true;
        assert!(matches!(watch(&facts), Watch::Mixed(_)));
        for (user, alone) in [("watch", false), ("default", true), ("gone", true)] {
            let facts = watched_by(user, alone);
            let mixed = watch(&facts);
            let told = |why: &str| why.contains(&format!("as user {user}, "));
            assert!(
                matches!(&mixed, Watch::Mixed(why) if told(why)),
                "{mixed:?}"
            );
        }
        let mut facts = watched_by("watch", true);
        facts.gate.capabilities = vec![("caller-identity", false)];
        assert!(matches!(watch(&facts), Watch::Mixed(why) if why.contains("cannot tell")));
    }

    #[test]
    fn a_sentinel_that_administers_needs_nothing_more() {
        let mut facts = watched_by("watch", true);
        facts.administrators.insert(b"watch".to_vec());
        let watch = watch(&facts);
        assert_eq!(watch, Watch::Apart(Vec::new()));
        assert_eq!(watch.mind(&facts, &["config"]), None);
        let (apart, rest) = watch.split(&facts, vec!["config", "keys"]);
        assert!(apart.is_empty() && rest.len() == 2);
    }

    #[test]
    fn what_it_runs_is_treated_apart_while_one_is_connected() {
        let names = || vec!["keys", "config", "failover", "slaveof"];
        let mut facts = watched_by("watch", true);
        let split = watch(&facts).split(&facts, names());
        assert_eq!(split, (vec!["config", "slaveof"], vec!["keys", "failover"]));
        facts.server.name = "valkey".to_owned();
        assert_eq!(watch(&facts).split(&facts, names()).0.len(), 3);
        facts.sentinels = Fact::Known(Vec::new());
        assert_eq!(watch(&facts).split(&facts, names()).0, [""; 0]);
    }

    #[test]
    fn whoever_denies_what_it_runs_is_told_and_nobody_else() {
        let mut facts = watched_by("default", false);
        for (sentinels, part) in [
            (facts.sentinels.clone(), "config stay open"),
            (Fact::Known(Vec::new()), "one that comes later"),
            (Fact::Unavailable("hidden".to_owned()), "not known (hidden)"),
        ] {
            facts.sentinels = sentinels;
            let watch = watch(&facts);
            let mind = watch.mind(&facts, &["keys", "config"]).unwrap_or_default();
            assert!(mind.contains(part), "{mind}");
            assert_eq!(watch.mind(&facts, &["keys"]), None);
        }
    }
}
