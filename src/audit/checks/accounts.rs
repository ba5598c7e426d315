//! Checks of the accounts themselves: who may do everything, and who shares a password.

use std::collections::BTreeMap;

use super::access::{granters, names};
use super::peers::Peers;
use super::{administrator, keeping, steps};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Facts, User};
use crate::render::escape::printable_up_to;

/// `auth.default-user`.
pub struct DefaultUser;

/// `auth.user-privileges`.
pub struct UserPrivileges;

/// `auth.shared-password`.
pub struct SharedPassword;

/// So many groups of users are shown, and so many users are given steps.
const SHOWN: usize = 5;

impl Check for DefaultUser {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "auth.default-user",
            title: "The default user is not the administrator",
            category: Category::Authentication,
            severity: Severity::Medium,
            worst: Severity::Medium,
            tutorial: false,
            why: "Everybody knows the default user's name, and every connection begins as that user. Where others have names \
                  of their own, nobody needs it, and what it does cannot be traced to anybody.",
            expected: "user default off, or without full power, where named users exist",
            remedy: "Give those who still use it a user of their own, then switch it off.",
            references: &[steps::ACL, steps::VALKEY],
            fix: Fix::Plan,
            exposed: Exposed::Clients,
            cap: "the default user has full power beside the named users",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let (users, default) = match (facts.users.known(), facts.default_user()) {
            (Ok(users), Ok(default)) => (users, default),
            (Err(reason), _) => return Outcome::unknown(reason),
            (_, Err(reason)) => return Outcome::unknown(reason),
        };
        if !default.enabled {
            return Outcome::pass("user default off");
        }
        let power = match granters(facts) {
            _ if default.unlimited => "on +@all ~* &*",
            Ok(granters) if granters.contains(default.name.as_slice()) => {
                "on, and may give itself the rest (ACL SETUSER)"
            }
            Ok(_) => return Outcome::pass("user default on, but not +@all ~* &*"),
            Err(reason) => return Outcome::unknown(reason),
        };
        let named = |user: &&User| user.name != b"default" && user.enabled;
        let named: Vec<Vec<u8>> = users
            .iter()
            .filter(named)
            .map(|user| user.name.clone())
            .collect();
        if named.is_empty() {
            return Outcome::not_applicable("there is no other enabled user");
        }
        let actual = format!("user default {power}, beside {}", names(&named));
        let cli = steps::cli(facts);
        let administrator = administrator::beside(facts, &[default]);
        let mut lines = vec![format!(
            "{cli} CLIENT LIST   # user=default: who still needs a user of his own"
        )];
        lines.extend(Peers::of(facts, &default.name).map(first_their_own));
        lines.extend(administrator.first);
        let cli = administrator.cli;
        lines.push(format!("{cli} ACL SETUSER default off"));
        lines.push(keeping::users_by(facts, &cli));
        Failure::new(vec![actual]).steps(lines).into()
    }
}

impl Check for UserPrivileges {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "auth.user-privileges",
            title: "Only named administrators have full power",
            category: Category::Authentication,
            severity: Severity::Medium,
            worst: Severity::Medium,
            tutorial: false,
            why: "Who takes over a user takes over its rights. An application that may run every command on every key and \
                  channel hands all of that to whoever finds a hole in it.",
            expected: "+@all ~* &* for nobody but the administrators that the policy names",
            remedy: "Give each user the commands, keys and channels it needs; name the administrators in the policy.",
            references: &[
                steps::ACL,
                steps::VALKEY,
                "https://cwe.mitre.org/data/definitions/250.html",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Clients,
            cap: "users have full power who are no named administrators",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let users = match facts.users.known() {
            Ok(users) => users,
            Err(reason) => return Outcome::unknown(reason),
        };
        let granters = granters(facts);
        let grants =
            |user: &User| matches!(&granters, Ok(all) if all.contains(user.name.as_slice()));
        let powerful = users
            .iter()
            .filter(|user| user.enabled && (user.unlimited || grants(user)));
        let (administrators, others): (Vec<&User>, Vec<&User>) =
            powerful.partition(|user| facts.is_administrator(&user.name));
        let all = |users: &[&User]| -> Vec<Vec<u8>> {
            users.iter().map(|user| user.name.clone()).collect()
        };
        if others.is_empty() {
            return match (&granters, administrators.is_empty()) {
                (Err(reason), _) => Outcome::unknown(reason.clone()),
                (Ok(_), true) => Outcome::pass("no enabled user has +@all ~* &*"),
                (Ok(_), false) => Outcome::pass(format!(
                    "administrators: {}; nobody else",
                    names(&all(&administrators))
                )),
            };
        }
        let told = [
            ("+@all ~* &*", true),
            ("may give itself the rest (ACL SETUSER)", false),
        ];
        let actual = told.into_iter().filter_map(|(power, unlimited)| {
            let these = others.iter().filter(|user| user.unlimited == unlimited);
            let these: Vec<&User> = these.copied().collect();
            let line = || {
                format!(
                    "{power}, and no named administrator: {}",
                    names(&all(&these))
                )
            };
            (!these.is_empty()).then(line)
        });
        Failure::new(actual.collect())
            .steps(privilege_steps(facts, &others))
            .into()
    }
}

impl Check for SharedPassword {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "auth.shared-password",
            title: "Every user has a password of its own",
            category: Category::Authentication,
            severity: Severity::Medium,
            worst: Severity::Medium,
            tutorial: false,
            why: "Who knows the password of one user can sign in as the other, with the other's rights and under the other's \
                  name, and it cannot be changed for one alone.",
            expected: "no two enabled users share a password",
            remedy: "Give each of them a password of its own.",
            references: &[
                steps::ACL,
                "https://cwe.mitre.org/data/definitions/1391.html",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Clients,
            cap: "users share a password",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let users = match facts.users.known() {
            Ok(users) => users,
            Err(reason) => return Outcome::unknown(reason),
        };
        // The digest itself is kept out of sight: it is all that a guesser needs.
        let mut owners: BTreeMap<&str, Vec<&User>> = BTreeMap::new();
        for user in users.iter().filter(|user| user.enabled && !user.nopass) {
            for hash in &user.password_hashes {
                owners.entry(hash).or_default().push(user);
            }
        }
        let with_passwords = users
            .iter()
            .filter(|user| user.enabled && !user.password_hashes.is_empty());
        if with_passwords.count() < 2 {
            return Outcome::not_applicable("fewer than two enabled users have a password");
        }
        let mut shared: Vec<Vec<&User>> = owners
            .into_values()
            .filter(|users| users.len() > 1)
            .collect();
        if shared.is_empty() {
            return Outcome::pass("no two enabled users share a password");
        }
        shared.sort_by_key(|users| std::cmp::Reverse(users.len()));
        let line = |users: &Vec<&User>| {
            let all: Vec<Vec<u8>> = users.iter().map(|user| user.name.clone()).collect();
            format!("one password for {}", names(&all))
        };
        let mut actual: Vec<String> = shared.iter().take(SHOWN).map(line).collect();
        if shared.len() > SHOWN {
            actual.push(format!("and {} more such passwords", shared.len() - SHOWN));
        }
        // The first of each may keep it.
        let to_change: Vec<&User> = shared
            .iter()
            .flat_map(|users| users.iter().skip(1).copied())
            .collect();
        Failure::new(actual)
            .steps(steps::new_passwords(facts, &to_change))
            .into()
    }
}

fn privilege_steps(facts: &Facts, users: &[&User]) -> Vec<String> {
    let administrator = administrator::beside(facts, users);
    let (mut lines, cli) = (administrator.first, administrator.cli);
    if let Some(reason) = Peers::unknown(facts) {
        lines.push(format!(
            "# whether replicas or Sentinels sign in as one of these is not known ({reason}): then what they run is needed, too"
        ));
    }
    for user in users.iter().take(SHOWN) {
        lines.extend(fitted(facts, user, &cli));
    }
    lines.extend(steps::and_more(users.len(), SHOWN));
    lines.push(keeping::users_by(facts, &cli));
    if let Some(first) = users.iter().find(|user| !user.nopass) {
        let name = steps::shell_user(&steps::glob_of(&first.name));
        lines.push(format!(
            "# instead, for each who administers this server: {} SECGATE ADMINISTRATORS {name} and SECGATE SAVE",
            steps::cli(facts)
        ));
    }
    lines
}

/// Rights like those of an application, and what the machines need that sign in as this user. The selectors go as well: one
/// of them may hold all that is taken.
fn fitted(facts: &Facts, user: &User, cli: &str) -> Vec<String> {
    let peers = Peers::of(facts, &user.name);
    let channels = peers.map(Peers::channels).unwrap_or_default();
    let commands = peers.map(Peers::commands).unwrap_or_default();
    let theirs = peers.map(|peers| format!(", and the {} that sign in as it", peers.who()));
    let line = format!(
        "{cli} ACL SETUSER {} clearselectors resetkeys '~app:*' resetchannels{channels} -@all +@connection +@read +@write \
         -@dangerous{commands}   # what user {} needs{}",
        steps::shell_user(&user.name),
        printable_up_to(&user.name, 32),
        theirs.unwrap_or_default()
    );
    let first = peers.map(first_their_own);
    first.into_iter().chain([line]).collect()
}

/// What comes before a user is changed as whom machines sign in.
fn first_their_own(peers: Peers) -> String {
    format!(
        "# {} sign in as this user: give them one of their own first (auth.replica tells how; 'sentinel auth-user')",
        peers.who()
    )
}

#[cfg(test)]
#[path = "accounts_tests.rs"]
mod tests;
