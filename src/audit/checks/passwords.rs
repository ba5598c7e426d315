//! `auth.password-strength`: the passwords the server keeps in clear are not to be guessed.

use super::keeping;
use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Fact, Facts, Secret};

/// `auth.password-strength`.
pub struct PasswordStrength;

/// Shorter than this, a password is not out of reach for a server that checks a million guesses a second.
const LONG_ENOUGH: usize = 32;

impl Check for PasswordStrength {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "auth.password-strength",
            title: "The readable passwords cannot be guessed",
            category: Category::Authentication,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: true,
            why: "Redis answers AUTH as fast as any command, a million guesses a second, and locks nobody out: only a very \
                  long random password withstands that.",
            expected: "random, 32 characters or more (zxcvbn score 4 of 4)",
            remedy: "Replace it by a long random one, here and in every client and replica.",
            references: &[
                steps::TUTORIAL,
                steps::SECURITY,
                "https://cwe.mitre.org/data/definitions/521.html",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Clients,
            cap: "a password of the server is easy to guess",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let mut actual = Vec::new();
        let mut weak = Vec::new();
        let mut unknown = None;
        let mut worst = Strength::Good;
        for (setting, secret) in [
            ("requirepass", &facts.requirepass),
            ("masterauth", &facts.masterauth),
        ] {
            match secret {
                Fact::Unavailable(reason) => unknown = Some(reason.as_str()),
                Fact::Known(None) => {}
                Fact::Known(Some(secret))
                    if setting == "requirepass" && is_stale(facts, secret) =>
                {
                    actual.push(
                        "requirepass: out of use, the ACL gave user default another password"
                            .to_owned(),
                    );
                }
                Fact::Known(Some(secret)) => {
                    let (strength, line) = judge(secret);
                    actual.push(format!("{setting}: {line}"));
                    if strength != Strength::Good {
                        weak.push(setting);
                    }
                    worst = worst.max(strength);
                }
            }
        }
        if let (Some(reason), true) = (unknown, worst < Strength::Guessable) {
            return Outcome::unknown(reason);
        }
        let failure = Failure::new(actual.clone()).steps(new_password_steps(facts, &weak));
        match worst {
            Strength::Good if actual.is_empty() => Outcome::not_applicable(
                "the server keeps no password in clear (requirepass, masterauth)",
            ),
            Strength::Good => Outcome::Pass(actual),
            Strength::Short => failure
                .severity(
                    Severity::Medium,
                    "not guessable at once, but shorter than 32 characters",
                )
                .into(),
            Strength::Guessable => failure.into(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Good,
    Short,
    Guessable,
}

/// How strong a password is, in words that do not betray it.
fn judge(secret: &Secret) -> (Strength, String) {
    let bytes = secret.reveal();
    // A byte that is no text stands for itself, so that every password has as many characters as bytes.
    let text: String = bytes
        .iter()
        .take(100)
        .map(|byte| char::from(*byte))
        .collect();
    let entropy = zxcvbn::zxcvbn(&text, &["redis", "valkey", "default"]);
    let score = u8::from(entropy.score());
    let length = if bytes.len() < LONG_ENOUGH {
        "shorter than"
    } else {
        "at least"
    };
    let line = format!("{length} {LONG_ENOUGH} characters, zxcvbn score {score} of 4");
    let strength = match score {
        0..=3 => Strength::Guessable,
        _ if bytes.len() < LONG_ENOUGH => Strength::Short,
        _ => Strength::Good,
    };
    (strength, line)
}

/// Whether `requirepass` is no longer a password of the default user: ACL SETUSER changes the one and not the other.
fn is_stale(facts: &Facts, secret: &Secret) -> bool {
    let Ok(default) = facts.default_user() else {
        return false;
    };
    let hex = secret.acl_digest();
    !default
        .password_hashes
        .iter()
        .any(|hash| hash.eq_ignore_ascii_case(&hex))
}

fn new_password_steps(facts: &Facts, weak: &[&str]) -> Vec<String> {
    let cli = steps::cli(facts);
    let mut lines =
        vec!["(umask 077; openssl rand -base64 48 | tr -d '\\n' > redis.password)".to_owned()];
    if weak.contains(&"masterauth") {
        lines.push(format!(
            "{cli} -x CONFIG SET masterauth < redis.password   # after the master's requirepass"
        ));
    }
    // Who signed in with the old one is let in no more.
    let mut sign_in = None;
    if weak.contains(&"requirepass") {
        lines.push(format!("{cli} -x CONFIG SET requirepass < redis.password"));
        sign_in = Some("export REDISCLI_AUTH=\"$(cat redis.password)\"");
    }
    let keep = keeping::settings(
        facts,
        "then give the new password to every client and replica",
    );
    lines.push(match sign_in {
        Some(sign_in) => keeping::behind(sign_in, keep),
        None => keep,
    });
    lines
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes, unknown};

    fn with_password(password: &str) -> Facts {
        let mut facts = sample::hardened();
        facts.requirepass = sample::password(password);
        let hash = sample::sha256(password);
        sample::user(&mut facts, "default").password_hashes = vec![hash];
        facts
    }

    #[test]
    fn a_guessable_password_is_high_and_is_not_repeated() {
        for password in [
            "foobared",
            "letmein",
            "P@ssw0rd123",
            "winterKite42",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            let failure = fails(&PasswordStrength, &with_password(password));
            assert_eq!(failure.severity, None);
            assert!(!format!("{failure:?}").contains(password));
        }
    }

    #[test]
    fn a_random_but_short_password_is_medium() {
        let failure = fails(&PasswordStrength, &with_password("q7Zr!2mVx9Lp#4Ta"));
        assert_eq!(
            failure.severity.map(|(severity, _)| severity),
            Some(Severity::Medium)
        );
    }

    #[test]
    fn a_long_random_password_passes() {
        passes(&PasswordStrength, &sample::hardened());
    }

    #[test]
    fn a_password_of_odd_bytes_is_judged_without_a_panic() {
        let mut facts = sample::hardened();
        facts.masterauth = Fact::Known(Some(Secret::new(vec![0xff; 3000])));
        fails(&PasswordStrength, &facts);
    }

    #[test]
    fn a_weak_masterauth_beside_a_strong_requirepass_fails() {
        let mut facts = sample::hardened();
        facts.masterauth = sample::password("replica");
        let failure = fails(&PasswordStrength, &facts);
        assert!(
            failure
                .actual
                .iter()
                .any(|line| line.starts_with("masterauth: shorter than 32"))
        );
    }

    #[test]
    fn a_requirepass_that_the_acl_replaced_is_not_judged() {
        let mut facts = sample::hardened();
        facts.requirepass = sample::password("foobared");
        let actual = passes(&PasswordStrength, &facts);
        assert!(
            actual.iter().any(|line| line.contains("out of use")),
            "{actual:?}"
        );
        facts.users = Fact::Unavailable("ACL is renamed".to_owned());
        fails(&PasswordStrength, &facts);
    }

    #[test]
    fn no_readable_password_is_not_applicable_and_an_unreadable_one_unknown() {
        let mut facts = sample::hardened();
        facts.requirepass = Fact::Known(None);
        assert!(matches!(
            PasswordStrength.evaluate(&facts),
            Outcome::NotApplicable(_)
        ));
        facts.requirepass = Fact::Unavailable("CONFIG is renamed".to_owned());
        assert_eq!(unknown(&PasswordStrength, &facts), "CONFIG is renamed");
    }
}
