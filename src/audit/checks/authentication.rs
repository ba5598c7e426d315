//! Checks of logging in: who gets in without a password.

use super::{access, keeping, steps};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Facts, User};
use crate::audit::fix::Action;
use crate::audit::reach::{self, Reach};
use crate::render::escape::printable_up_to;

/// `auth.password`: the default user needs a password.
pub struct Password;

/// `auth.nopass-users`: so does every other user.
pub struct NopassUsers;

impl Check for Password {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "auth.password",
            title: "The default user needs a password",
            category: Category::Authentication,
            severity: Severity::Critical,
            worst: Severity::Critical,
            tutorial: true,
            why: "Every connection begins as the default user. While that user needs no password, anyone who can reach the \
                  port is administrator: he can read, change and delete all data, and often run code on the host.",
            expected: "user default with a long random password (requirepass), or off",
            remedy: "Give the default user a long random password; clients then log in with AUTH.",
            references: &[
                steps::TUTORIAL,
                steps::SECURITY,
                steps::ACL,
                "https://cwe.mitre.org/data/definitions/306.html",
            ],
            fix: Fix::Auto,
            exposed: Exposed::Clients,
            cap: "anyone who can reach the port is administrator",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let default = match facts.default_user() {
            Ok(default) => default,
            Err(reason) => return Outcome::unknown(reason),
        };
        if !default.enabled {
            return Outcome::pass("user default off");
        }
        if !default.nopass {
            let passwords = default.password_hashes.len();
            return Outcome::pass(format!("user default on, passwords: {passwords}"));
        }
        let failure = Failure::new(vec!["user default on nopass".to_owned()])
            .steps(password_steps(facts))
            .actions([Action::NewPassword]);
        lowered(facts, &[default], failure).into()
    }
}

impl Check for NopassUsers {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "auth.nopass-users",
            title: "Every other user needs a password",
            category: Category::Authentication,
            severity: Severity::Critical,
            worst: Severity::Critical,
            tutorial: false,
            why: "A user who is nopass lets in whoever knows or guesses the name: any password will do.",
            expected: "every enabled user has a password",
            remedy: "Give each of these users a password, or switch the user off.",
            references: &[
                steps::ACL,
                "https://cwe.mitre.org/data/definitions/306.html",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Clients,
            cap: "a user gets in with any password",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let users = match facts.users.known() {
            Ok(users) => users,
            Err(reason) => return Outcome::unknown(reason),
        };
        let others = || {
            users
                .iter()
                .filter(|user| user.name != b"default" && user.enabled)
        };
        let open: Vec<&User> = others().filter(|user| user.nopass).collect();
        if open.is_empty() {
            let count = others().count();
            return Outcome::pass(format!(
                "enabled users beside default: {count}, none of them nopass"
            ));
        }
        let mut actual: Vec<String> = open
            .iter()
            .take(10)
            .map(|user| format!("user {} on nopass", printable_up_to(&user.name, 64)))
            .collect();
        if open.len() > actual.len() {
            actual.push(format!("and {} more", open.len() - actual.len()));
        }
        let failure = Failure::new(actual).steps(steps::new_passwords(facts, &open));
        lowered(facts, &open, failure).into()
    }
}

/// A login without a password is critical, unless only this host can use it, or nothing dangerous is to be had by it.
pub(super) fn lowered(facts: &Facts, users: &[&User], failure: Failure) -> Failure {
    let powerless = users
        .iter()
        .all(|user| access::power_of(facts, &user.name).is_ok_and(|power| power.is_empty()));
    match reach::admitted(facts) {
        Ok(Reach::Host(why)) => {
            failure.severity(Severity::High, format!("only this host can use it: {why}"))
        }
        _ if powerless => failure.severity(
            Severity::High,
            "none of the dangerous commands is open without a password",
        ),
        _ => failure,
    }
}

fn password_steps(facts: &Facts) -> Vec<String> {
    let cli = steps::cli(facts);
    vec![
        "(umask 077; openssl rand -base64 48 | tr -d '\\n' > redis.password)".to_owned(),
        format!(
            "{cli} -x CONFIG SET masterauth < redis.password   # where this server has or will have a master"
        ),
        format!("{cli} -x CONFIG SET requirepass < redis.password"),
        keeping::behind(
            "export REDISCLI_AUTH=\"$(cat redis.password)\"",
            keeping::setting(facts, "requirepass PASSWORD"),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes, tcp, unknown};
    use crate::audit::facts::Fact;

    fn severity(failure: Failure) -> Severity {
        failure
            .severity
            .map_or(Severity::Critical, |(severity, _)| severity)
    }

    #[test]
    fn an_open_server_without_a_password_is_critical() {
        let failure = fails(&Password, &sample::wide_open());
        assert_eq!(failure.actual, ["user default on nopass"]);
        assert_eq!(severity(failure), Severity::Critical);
    }

    #[test]
    fn on_loopback_only_it_is_high_and_says_why() {
        let mut facts = sample::wide_open();
        facts.sockets = Fact::Known(vec![tcp("127.0.0.1:6379"), tcp("[::1]:6379")]);
        let (severity, reason) = fails(&Password, &facts)
            .severity
            .unwrap_or((Severity::Info, String::new()));
        assert_eq!(severity, Severity::High);
        assert!(reason.contains("loopback only"), "{reason}");
    }

    #[test]
    fn behind_protected_mode_it_is_high_too() {
        let mut facts = sample::wide_open();
        sample::set(&mut facts, "protected-mode", "yes");
        assert_eq!(severity(fails(&Password, &facts)), Severity::High);
    }

    #[test]
    fn a_private_address_is_beyond_the_host() {
        let mut facts = sample::wide_open();
        facts.sockets = Fact::Known(vec![tcp("10.0.0.5:6379")]);
        assert_eq!(severity(fails(&Password, &facts)), Severity::Critical);
    }

    #[test]
    fn where_the_reach_is_unknown_it_stays_critical() {
        let mut facts = sample::wide_open();
        facts.sockets = Fact::Unavailable("no /proc".to_owned());
        facts.config = Fact::Unavailable("CONFIG is renamed".to_owned());
        assert_eq!(severity(fails(&Password, &facts)), Severity::Critical);
    }

    #[test]
    fn a_default_user_with_no_power_is_high() {
        let mut facts = sample::hardened();
        facts.sockets = Fact::Known(vec![tcp("0.0.0.0:6379")]);
        sample::set(&mut facts, "protected-mode", "no");
        sample::user(&mut facts, "default").nopass = true;
        assert_eq!(severity(fails(&Password, &facts)), Severity::High);
    }

    #[test]
    fn a_password_or_a_disabled_default_user_passes() {
        let mut facts = sample::wide_open();
        sample::user(&mut facts, "default").enabled = false;
        assert_eq!(passes(&Password, &facts), ["user default off"]);
        passes(&Password, &sample::hardened());
    }

    #[test]
    fn an_empty_requirepass_does_not_fail_a_user_whose_password_the_acl_set() {
        let mut facts = sample::hardened();
        facts.requirepass = Fact::Known(None);
        passes(&Password, &facts);
    }

    #[test]
    fn unknown_users_are_unknown() {
        let mut facts = sample::hardened();
        facts.users = Fact::Unavailable("ACL is renamed".to_owned());
        assert_eq!(unknown(&Password, &facts), "ACL is renamed");
        assert_eq!(unknown(&NopassUsers, &facts), "ACL is renamed");
    }

    #[test]
    fn a_named_user_without_a_password_fails_and_a_disabled_one_passes() {
        let mut facts = sample::wide_open();
        sample::add_user(&mut facts, "b\u{1b}b", true);
        let failure = fails(&NopassUsers, &facts);
        assert!(
            failure
                .actual
                .contains(&"user b\\x1bb on nopass".to_owned()),
            "{:?}",
            failure.actual
        );
        for user in ["guest", "b\u{1b}b"] {
            sample::user(&mut facts, user).enabled = false;
        }
        passes(&NopassUsers, &facts);
    }

    #[test]
    fn the_default_user_is_not_counted_among_the_others() {
        let mut facts = sample::hardened();
        sample::user(&mut facts, "default").nopass = true;
        passes(&NopassUsers, &facts);
    }
}
