//! Who administers the server once a remedy has taken power from others: without such a user the next step, and every one
//! after it, would be refused.

use super::keeping;
use super::peers::Peers;
use super::steps;
use crate::audit::facts::{Facts, User};

/// How steps go on.
pub struct Administrator {
    /// Steps that come before anybody loses power: none where an administrator is left.
    pub first: Vec<String>,
    /// The `redis-cli` of who is left.
    pub cli: String,
}

/// Who is left when these users have lost their power: one who has all of it already, else one to be made.
pub fn beside(facts: &Facts, losing: &[&User]) -> Administrator {
    let cli = steps::cli(facts);
    let users = facts.users.known().map_or(&[][..], Vec::as_slice);
    let loses = |user: &User| losing.iter().any(|one| one.name == user.name);
    let left = users
        .iter()
        .filter(|user| user.enabled && user.unlimited && !loses(user) && can_sign_in(facts, user))
        .min_by_key(|user| !facts.is_administrator(&user.name));
    match left {
        Some(user) if user.name == b"default" => Administrator {
            first: Vec::new(),
            cli,
        },
        Some(user) => Administrator {
            first: Vec::new(),
            cli: format!("{cli} --user {} --askpass", steps::shell_user(&user.name)),
        },
        None => made(facts, users, &cli),
    }
}

/// Whether a person can be counted on to sign in as this user: it has a way in, and is not a replica's or a Sentinel's. Steps
/// are taken as default anyway, and whom the policy names is known to somebody.
fn can_sign_in(facts: &Facts, user: &User) -> bool {
    let has_way_in = user.nopass || !user.password_hashes.is_empty();
    let is_somebodys = user.name == b"default" || facts.is_administrator(&user.name);
    has_way_in && (is_somebodys || Peers::of(facts, &user.name).is_none())
}

fn made(facts: &Facts, users: &[User], cli: &str) -> Administrator {
    let taken = |name: &String| users.iter().any(|user| user.name == name.as_bytes());
    let numbered = (2..u32::MAX).map(|number| format!("admin{number}"));
    let name = std::iter::once("admin".to_owned())
        .chain(numbered)
        .find(|name| !taken(name))
        .unwrap_or_default();
    let first = vec![
        format!(
            "(umask 077; openssl rand -base64 48 | tr -d '\\n' > {name}.password)   # nobody else could administer this server \
             afterwards"
        ),
        format!(
            "{cli} ACL SETUSER {name} on \"#$(sha256sum < {name}.password | cut -c1-64)\" '~*' '&*' +@all"
        ),
        format!("{cli} SECGATE ADMINISTRATORS {name}"),
        keeping::policy(facts),
        format!("export REDISCLI_AUTH=\"$(cat {name}.password)\"   # from here on as {name}"),
    ];
    Administrator {
        first,
        cli: format!("{cli} --user {name}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::audit::checks::sample;
    use crate::audit::facts::{Fact, Sentinel};

    fn facts(names: &[(&str, bool)]) -> Facts {
        let mut facts = sample::hardened();
        for (name, unlimited) in names {
            sample::add_user(&mut facts, name, false);
            let user = sample::user(&mut facts, name);
            user.unlimited = *unlimited;
            user.password_hashes = vec![sample::sha256(name)];
        }
        facts
    }

    fn without_default(facts: &Facts) -> Administrator {
        beside(facts, &[facts.default_user().unwrap()])
    }

    #[test]
    fn who_is_left_goes_on_and_named_administrators_come_first() {
        let mut facts = facts(&[("app", false), ("ops", true), ("root", true)]);
        assert_eq!(
            without_default(&facts).cli,
            "redis-cli --user ops --askpass"
        );
        facts.administrators.insert(b"root".to_vec());
        assert_eq!(
            without_default(&facts).cli,
            "redis-cli --user root --askpass"
        );
        assert!(without_default(&facts).first.is_empty());
        sample::user(&mut facts, "default").unlimited = true;
        facts.administrators.clear();
        let ops = facts
            .users
            .known()
            .unwrap()
            .iter()
            .find(|user| user.name == b"root");
        assert_eq!(beside(&facts, &[ops.unwrap()]).cli, "redis-cli");
    }

    #[test]
    fn who_cannot_sign_in_or_is_a_machine_is_nobody_who_is_left() {
        let mut facts = facts(&[("ops", true)]);
        let is_made = |facts: &Facts| !without_default(facts).first.is_empty();
        assert!(!is_made(&facts));
        sample::user(&mut facts, "ops").password_hashes.clear();
        assert!(is_made(&facts));
        sample::user(&mut facts, "ops").nopass = true;
        assert!(!is_made(&facts));
        facts.sentinels = Fact::Known(vec![Sentinel {
            user: b"ops".to_vec(),
            alone: true,
        }]);
        assert!(is_made(&facts));
        facts.administrators.insert(b"ops".to_vec());
        assert!(!is_made(&facts));
    }

    #[test]
    fn where_nobody_is_left_an_administrator_of_a_free_name_is_made_first() {
        let facts = facts(&[("admin", false), ("admin2", false)]);
        let made = without_default(&facts);
        assert_eq!(made.cli, "redis-cli --user admin3");
        assert!(
            made.first
                .iter()
                .any(|step| step.contains("ACL SETUSER admin3 on "))
        );
        assert!(
            made.first
                .last()
                .unwrap()
                .starts_with("export REDISCLI_AUTH=")
        );
    }
}
