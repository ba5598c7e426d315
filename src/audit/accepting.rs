//! The policy's word on findings: what it accepts is put aside with its reason, and what the policy says in vain is noted.

use serde::Serialize;

use super::facts::{Accepted, Facts, Suppression, User};
use super::report::{Finding, Verdict};
use crate::policy::day::Day;
use crate::policy::statement::Pattern;
use crate::render::escape::printable;

/// Something about a statement of the policy that its author should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What it is about.
    pub kind: Kind,
    /// The statement's id in the policy.
    pub statement: String,
    /// All of it, in a sentence.
    pub text: String,
}

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A suppression whose last day is over.
    SuppressionExpired,
    /// A suppression of a check that does not fail.
    SuppressionUnused,
    /// A pattern that is no user's.
    AdministratorUnknown,
    /// A named administrator who needs no password, and so is none.
    AdministratorNopass,
}

/// Puts accepted findings aside, and tells what of the policy's words on the audit is in vain. A check that is unknown
/// stays unknown: what nobody knows, nobody can accept.
pub fn accept(findings: &mut [Finding], facts: &Facts) -> Vec<Note> {
    let accepted = &facts.gate.accepted;
    let today = Day::of(facts.time);
    let mut notes = Vec::new();
    for suppression in &accepted.suppressions {
        let found = findings
            .iter_mut()
            .find(|finding| finding.meta.id == suppression.check);
        // The policy names known checks only; one that was not run is not judged.
        let Some(finding) = found else { continue };
        if suppression.has_expired(today) {
            notes.push(expired(suppression, finding.outcome));
            continue;
        }
        match finding.outcome {
            Verdict::Fail => {
                finding.outcome = Verdict::Suppressed;
                finding.suppression = Some(suppression.clone());
            }
            Verdict::Pass => notes.push(unused(suppression, "the check passes")),
            Verdict::NotApplicable => {
                notes.push(unused(suppression, "the check does not apply here"));
            }
            Verdict::Unknown => notes.push(unused(suppression, "the check is unknown")),
            Verdict::Suppressed => {}
        }
    }
    if let Ok(users) = facts.users.known() {
        notes.extend(about_administrators(accepted, users));
    }
    notes
}

fn expired(suppression: &Suppression, outcome: Verdict) -> Note {
    let until = suppression.until.unwrap_or_default();
    let counts = match outcome {
        Verdict::Fail => "the finding counts again",
        Verdict::Unknown => "the check is unknown",
        _ => "nothing is left to accept: remove it",
    };
    Note {
        kind: Kind::SuppressionExpired,
        statement: suppression.id.clone(),
        text: format!(
            "suppress {} ({}) ended on {until}: {counts}",
            suppression.check, suppression.id
        ),
    }
}

fn unused(suppression: &Suppression, why: &str) -> Note {
    Note {
        kind: Kind::SuppressionUnused,
        statement: suppression.id.clone(),
        text: format!(
            "suppress {} ({}) accepts nothing: {why}",
            suppression.check, suppression.id
        ),
    }
}

fn about_administrators(accepted: &Accepted, users: &[User]) -> Vec<Note> {
    let mut notes = Vec::new();
    for names in &accepted.administrators {
        let note = |kind, text: String| Note {
            kind,
            statement: names.id.clone(),
            text: format!("administrators ({}): {text}", names.id),
        };
        let is_named = |pattern: &Pattern, user: &User| pattern.glob.matches(&user.name);
        for pattern in &names.patterns {
            if !users.iter().any(|user| is_named(pattern, user)) {
                let text = printable(&pattern.text);
                notes.push(note(
                    Kind::AdministratorUnknown,
                    format!("'{text}' is no user's name"),
                ));
            }
        }
        let nopass = users.iter().filter(|user| user.enabled && user.nopass);
        let named = nopass
            .filter(|user| names.patterns.iter().any(|pattern| is_named(pattern, user)))
            .take(MOST_NAMED);
        notes.extend(named.map(|user| {
            let name = printable(&user.name);
            note(
                Kind::AdministratorNopass,
                format!(
                    "user {name} needs no password, so anybody can be it, and it is not spared"
                ),
            )
        }));
    }
    notes
}

/// Of one statement, so many users without a password are named.
const MOST_NAMED: usize = 5;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::audit::checks::sample;
    use crate::audit::facts::{Administrators, Fact};
    use crate::audit::report::Report;
    use crate::audit::run;
    use crate::policy::glob::Glob;

    fn finding<'r>(report: &'r Report, id: &str) -> &'r Finding {
        report.finding(id).unwrap()
    }

    fn texts(report: &Report) -> Vec<&str> {
        report.notes.iter().map(|note| note.text.as_str()).collect()
    }

    fn administrators(facts: &mut Facts, patterns: &[&str]) {
        let pattern = |text: &&str| Pattern {
            text: text.as_bytes().to_vec(),
            glob: Glob::new(text.as_bytes()),
        };
        facts.gate.accepted.administrators.push(Administrators {
            id: "r8".to_owned(),
            patterns: patterns.iter().map(pattern).collect(),
        });
    }

    #[test]
    fn an_accepted_failure_stays_in_sight_and_does_not_set_the_grade() {
        let mut facts = sample::hardened();
        sample::set(&mut facts, "acllog-max-len", "0");
        let conf = sample::conf(&mut facts);
        conf.settings.insert("acllog-max-len", b"0".to_vec());
        facts.masterauth = sample::password("q7Zr!2mVx9Lp#4Ta");
        assert_eq!(run(&facts).grade.letter, 'B');
        sample::suppress(&mut facts, "auth.password-strength", Some("2026-11-24"));
        let report = run(&facts);
        let found = finding(&report, "auth.password-strength");
        assert_eq!(found.outcome, Verdict::Suppressed);
        let suppression = found.suppression.as_ref().unwrap();
        assert_eq!(
            (suppression.id.as_str(), suppression.note.as_str()),
            ("r9", "known and watched")
        );
        assert!(!found.actual.is_empty());
        assert_eq!((report.counts.suppressed, report.counts.fail), (1, 1));
        assert_eq!(report.grade.letter, 'A');
        assert_eq!(
            report.grade.because,
            "nothing fails above low (1 accepted by the policy)"
        );
        assert_eq!(report.notes, []);
    }

    #[test]
    fn an_expired_suppression_counts_no_more_and_is_told() {
        let mut facts = sample::wide_open();
        sample::suppress(&mut facts, "auth.password", Some("2026-11-23"));
        let report = run(&facts);
        assert_eq!(finding(&report, "auth.password").outcome, Verdict::Fail);
        assert_eq!(report.grade.letter, 'F');
        assert_eq!(
            texts(&report),
            ["suppress auth.password (r9) ended on 2026-11-23: the finding counts again"]
        );
    }

    #[test]
    fn a_suppression_that_has_nothing_to_accept_is_told() {
        let mut facts = sample::hardened();
        sample::suppress(&mut facts, "auth.password", None);
        sample::suppress(&mut facts, "file.acl", None);
        let report = run(&facts);
        assert_eq!(
            texts(&report),
            [
                "suppress auth.password (r9) accepts nothing: the check passes",
                "suppress file.acl (r9) accepts nothing: the check does not apply here",
            ]
        );
    }

    #[test]
    fn what_is_unknown_cannot_be_accepted() {
        let mut facts = sample::nothing_read();
        sample::suppress(&mut facts, "auth.password", None);
        let report = run(&facts);
        assert_eq!(finding(&report, "auth.password").outcome, Verdict::Unknown);
        assert_eq!(report.grade.letter, '?');
        let told = "suppress auth.password (r9) accepts nothing: the check is unknown";
        assert_eq!(texts(&report), [told]);
    }

    #[test]
    fn administrators_are_users_with_a_password_whose_names_match() {
        let mut facts = sample::hardened();
        for (name, nopass) in [("ops-anna", false), ("ops-guest", true), ("app", false)] {
            sample::add_user(&mut facts, name, nopass);
        }
        administrators(&mut facts, &["ops-*", "root"]);
        let named = facts
            .gate
            .accepted
            .administrators_among(facts.users.known().unwrap());
        assert_eq!(named.into_iter().collect::<Vec<_>>(), [b"ops-anna"]);
        assert_eq!(
            texts(&run(&facts)),
            [
                "administrators (r8): 'root' is no user's name",
                "administrators (r8): user ops-guest needs no password, so anybody can be it, and it is not spared",
            ]
        );
        facts.users = Fact::Unavailable("ACL is renamed".to_owned());
        assert_eq!(texts(&run(&facts)), [""; 0]);
    }
}
