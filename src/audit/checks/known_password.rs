//! `auth.known-password`: no user's password is one that everybody tries first.

use super::authentication::lowered;
use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Facts, User};
use crate::audit::passwords::{self, Lists};
use crate::render::escape::printable_up_to;

/// `auth.known-password`.
pub struct KnownPassword;

/// So many users are named.
const NAMED: usize = 10;

impl Check for KnownPassword {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "auth.known-password",
            title: "No user has a well-known password",
            category: Category::Authentication,
            severity: Severity::Critical,
            worst: Severity::Critical,
            tutorial: false,
            why: "Whoever tries passwords begins with the most used ones, with what documentation and images print as \
                  examples, and with the user's own name; a hash of such a word is tried as well. Redis lets a million a \
                  second be tried.",
            expected: "no password from the built-in lists, from secaudit.password-list, or made of the user's name",
            remedy: "Give each of these users a long random password, and change it wherever it was used.",
            references: &[
                steps::TUTORIAL,
                steps::ACL,
                "https://cwe.mitre.org/data/definitions/1391.html",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Clients,
            cap: "a user's password is public knowledge",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let users = match facts.users.known() {
            Ok(users) => users,
            Err(reason) => return Outcome::unknown(reason),
        };
        let has_password =
            |user: &&User| user.enabled && !user.nopass && !user.password_hashes.is_empty();
        let users: Vec<&User> = users.iter().filter(has_password).collect();
        if users.is_empty() {
            return Outcome::not_applicable("no enabled user has a password");
        }
        let lists = facts.logins.known_passwords.known();
        let mut known = Vec::new();
        for user in &users {
            if let Some(words) = told(user, lists.ok()) {
                known.push((*user, words));
            }
        }
        if known.is_empty() {
            return match lists.map(|lists| &lists.operators) {
                Err(reason) => Outcome::unknown(reason),
                Ok(Err(reason)) => Outcome::unknown(reason),
                Ok(Ok(_)) => Outcome::pass(format!(
                    "enabled users with a password: {}, none of these is known",
                    users.len()
                )),
            };
        }
        let mut actual: Vec<String> = known
            .iter()
            .take(NAMED)
            .map(|(user, words)| format!("user {}: {words}", printable_up_to(&user.name, 64)))
            .collect();
        if known.len() > NAMED {
            actual.push(format!("and {} more users", known.len() - NAMED));
        }
        let users: Vec<&User> = known.iter().map(|(user, _)| *user).collect();
        let failure = Failure::new(actual).steps(steps::new_passwords(facts, &users));
        lowered(facts, &users, failure).into()
    }
}

/// Where the first known password of a user comes from.
fn told(user: &User, lists: Option<&Lists>) -> Option<String> {
    let digests = || {
        user.password_hashes
            .iter()
            .filter_map(|hash| passwords::digest(hash))
    };
    let own = digests().find_map(|digest| passwords::own_name(&user.name, &digest));
    if let Some(form) = own {
        return Some(form.of("its own name"));
    }
    let known = digests().find_map(|digest| lists?.find(&digest));
    known.map(passwords::Known::words)
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes, unknown};
    use crate::audit::facts::Fact;
    use std::sync::Arc;

    fn with_password(name: &str, password: &str) -> Facts {
        let mut facts = sample::hardened();
        if name != "default" {
            sample::add_user(&mut facts, name, false);
        }
        sample::user(&mut facts, name).password_hashes = vec![sample::sha256(password)];
        facts
    }

    #[test]
    fn a_known_password_is_told_by_where_it_stands_and_never_repeated() {
        for (password, told) in [
            ("foobared", "user app: an example from redis.conf"),
            ("dragon", "user app: one of the 100 most used passwords"),
            ("app", "user app: its own name"),
            ("App\n", "user app: "),
            ("zebra-7", "user app: a password of secaudit.password-list"),
            (
                "a9c43be948c5cabd56ef2bacffb77cdaa5eec49dd5eb0cc4129cf3eda5f0e74c",
                "user app: the SHA-256 in hex of one of the 100 most used passwords",
            ),
        ] {
            let facts = with_password("app", password);
            if password == "App\n" {
                // Capitals and a newline at once are nobody's habit.
                passes(&KnownPassword, &facts);
                continue;
            }
            let failure = fails(&KnownPassword, &facts);
            assert_eq!(failure.actual, [told]);
            let told = format!("{:?}{:?}", failure.steps, failure.severity);
            assert!(password == "app" || !told.contains(password));
        }
    }

    #[test]
    fn it_is_critical_unless_only_this_host_or_nothing_dangerous_is_within_reach() {
        let mut facts = with_password("default", "foobared");
        let severity = |facts: &Facts| {
            fails(&KnownPassword, facts)
                .severity
                .map(|(severity, _)| severity)
        };
        assert_eq!(severity(&facts), Some(Severity::High));
        facts.sockets = Fact::Known(vec![sample::tcp("10.0.0.5:6379")]);
        assert_eq!(severity(&facts), Some(Severity::High));
        sample::open_command(&mut facts, "flushall", "default");
        assert_eq!(severity(&facts), None);
    }

    #[test]
    fn of_several_passwords_one_known_is_enough_and_users_who_cannot_sign_in_do_not_count() {
        let mut facts = with_password("app", "foobared");
        let strong = sample::sha256(sample::PASSWORD);
        sample::user(&mut facts, "app")
            .password_hashes
            .insert(0, strong);
        fails(&KnownPassword, &facts);
        sample::user(&mut facts, "app").enabled = false;
        let actual = passes(&KnownPassword, &facts);
        assert_eq!(
            actual,
            ["enabled users with a password: 1, none of these is known"]
        );
        sample::user(&mut facts, "default").enabled = false;
        let outcome = KnownPassword.evaluate(&facts);
        assert!(matches!(outcome, Outcome::NotApplicable(_)));
    }

    #[test]
    fn without_a_list_only_what_is_found_all_the_same_is_told() {
        let mut facts = with_password("app", "app");
        facts.logins.known_passwords = Fact::Unavailable("not indexed yet".to_owned());
        fails(&KnownPassword, &facts);
        sample::user(&mut facts, "app").password_hashes.clear();
        assert_eq!(unknown(&KnownPassword, &facts), "not indexed yet");
        let mut facts = with_password("app", "foobared");
        let Fact::Known(lists) = &mut facts.logins.known_passwords else {
            panic!("no lists");
        };
        lists.operators = Err("/etc/words: not there".to_owned());
        fails(&KnownPassword, &facts);
        sample::user(&mut facts, "app").password_hashes.clear();
        assert_eq!(unknown(&KnownPassword, &facts), "/etc/words: not there");
    }

    #[test]
    fn ten_users_are_named_and_the_others_counted() {
        let mut facts = sample::hardened();
        let own = passwords::operators(b"zebra-7\n");
        let Fact::Known(lists) = &mut facts.logins.known_passwords else {
            panic!("no lists");
        };
        lists.operators = Ok(Some(Arc::new(own)));
        let hash = sample::sha256("zebra-7");
        for number in 0..500 {
            let name = format!("u{number}");
            sample::add_user(&mut facts, &name, false);
            sample::user(&mut facts, &name).password_hashes = vec![hash.clone()];
        }
        let failure = fails(&KnownPassword, &facts);
        assert_eq!(failure.actual.len(), 11);
        assert_eq!(
            failure.actual.last().map(String::as_str),
            Some("and 490 more users")
        );
        assert!(failure.steps.len() <= 12);
    }
}
