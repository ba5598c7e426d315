//! `cmd.scripting`: not every user can bring code into the server.

use super::denial::{self, Denial};
use super::{access, keeping, steps};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::command_names::SCRIPTING;
use crate::audit::facts::{Facts, User};

/// `cmd.scripting`.
pub struct Scripting;

/// So many users are given steps.
const SHOWN: usize = 5;

/// Who can run one of these brings code of his own. (The others run what somebody brought.)
const BRING_CODE: [&str; 4] = ["eval", "eval_ro", "function|load", "function|restore"];

impl Check for Scripting {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "cmd.scripting",
            title: "Scripts are for those who need them",
            category: Category::Commands,
            severity: Severity::Medium,
            worst: Severity::Medium,
            tutorial: false,
            why: "Most of the holes through which Redis was made to run foreign code lay in its Lua engine, from CVE-2015-4335 \
                  to CVE-2025-49844, and a script that loops blocks everybody.",
            expected: "EVAL and FUNCTION LOAD denied, or open only to the users whose applications run scripts",
            remedy: "Deny scripts with the gate, or take @scripting from the users who do not need it.",
            references: &[
                steps::SECURITY,
                steps::ACL,
                "https://nvd.nist.gov/vuln/detail/CVE-2025-49844",
            ],
            fix: Fix::Auto,
            exposed: Exposed::Clients,
            cap: "every user can run scripts",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let summary = access::summary(facts, &SCRIPTING);
        let users = match facts.users.known() {
            Ok(users) => users,
            Err(reason) => return Outcome::unknown(reason),
        };
        let enabled = users.iter().filter(|user| user.enabled);
        let enabled = enabled.filter(|user| !facts.is_administrator(&user.name));
        let enabled: Vec<&User> = enabled.collect();
        let all: Vec<&[u8]> = enabled.iter().map(|user| user.name.as_slice()).collect();
        let everybody =
            |able: &[Vec<u8>]| all.iter().all(|user| able.iter().any(|name| name == user));
        let open = summary.open.iter();
        let to_all = open.filter(|(name, able)| BRING_CODE.contains(name) && everybody(able));
        if to_all.count() > 0 {
            let open = summary.open.iter().map(|(name, _)| *name);
            let denial = Denial::of(facts, open, &[]);
            let steps = scripting_steps(facts, &denial, &all);
            let action = denial.id("no-scripts").action("profile scripting", "");
            let failure = Failure::new(summary.lines).steps(steps).actions(action);
            return match enabled.as_slice() {
                [only] if !only.nopass => {
                    let reason =
                        "there is one user, with a password, and its application may need them";
                    failure.severity(Severity::Low, reason).into()
                }
                _ => failure.into(),
            };
        }
        match summary.unknown {
            Some(reason) => Outcome::unknown(reason),
            None => Outcome::Pass(summary.lines),
        }
    }
}

fn scripting_steps(facts: &Facts, denial: &Denial<'_>, all: &[&[u8]]) -> Vec<String> {
    let cli = steps::cli(facts);
    let deny = denial.step("PROFILE scripting ADD", "");
    let deny = deny.map(|step| format!("{step}   # where nobody runs scripts"));
    let line = |user: &&[u8]| {
        format!(
            "{cli} ACL SETUSER {} -@scripting   # or this, unless its application runs scripts",
            steps::shell_user(user)
        )
    };
    let by_gate = deny.into_iter().chain(denial::last_steps(facts));
    by_gate
        .chain(all.iter().take(SHOWN).map(line))
        .chain(steps::and_more(all.len(), SHOWN))
        .chain([keeping::users(facts)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes, unknown};
    use crate::audit::facts::{Fact, GateVerdict, Standing};

    fn open_to(facts: &mut Facts, user: &str) {
        for name in SCRIPTING {
            sample::open_command(facts, name, user);
        }
    }

    #[test]
    fn scripts_for_every_user_fail_and_the_users_are_named() {
        let mut facts = sample::hardened();
        sample::add_user(&mut facts, "app", false);
        open_to(&mut facts, "default");
        open_to(&mut facts, "app");
        let failure = fails(&Scripting, &facts);
        assert_eq!(
            failure.actual.first().map(String::as_str),
            Some(format!("open to default, app: {}", SCRIPTING.join(" ")).as_str())
        );
        assert_eq!(failure.actions.len(), 1);
    }

    #[test]
    fn what_the_acl_takes_from_users_is_kept_and_who_is_not_shown_is_counted() {
        let mut facts = sample::hardened();
        open_to(&mut facts, "default");
        let steps = fails(&Scripting, &facts).steps.join("\n");
        assert!(steps.contains("\nredis-cli CONFIG REWRITE "), "{steps}");
        assert!(!steps.contains("the same for"), "{steps}");
        sample::set(&mut facts, "aclfile", "/etc/redis/users.acl");
        for number in 0..6 {
            let name = format!("u{number}");
            sample::add_user(&mut facts, &name, false);
            open_to(&mut facts, &name);
        }
        let steps = fails(&Scripting, &facts).steps.join("\n");
        assert!(
            steps.ends_with("\n# and the same for 2 more\nredis-cli ACL SAVE"),
            "{steps}"
        );
    }

    #[test]
    fn the_only_user_of_a_server_may_need_them_so_it_is_low_unless_anybody_is_that_user() {
        let mut facts = sample::hardened();
        open_to(&mut facts, "default");
        let severity = fails(&Scripting, &facts).severity;
        assert!(severity.is_some_and(|(severity, _)| severity == Severity::Low));
        sample::user(&mut facts, "default").nopass = true;
        assert_eq!(fails(&Scripting, &facts).severity, None);
    }

    #[test]
    fn scripts_for_some_users_pass() {
        let mut facts = sample::hardened();
        sample::add_user(&mut facts, "app", false);
        open_to(&mut facts, "app");
        let actual = passes(&Scripting, &facts);
        assert!(
            actual
                .iter()
                .any(|line| line.starts_with("open to app: eval")),
            "{actual:?}"
        );
        // A user who is off is no user.
        sample::user(&mut facts, "default").enabled = false;
        fails(&Scripting, &facts);
    }

    #[test]
    fn one_way_in_for_everybody_is_enough_and_running_what_others_brought_is_not() {
        for name in BRING_CODE {
            let mut facts = sample::hardened();
            sample::open_command(&mut facts, name, "default");
            fails(&Scripting, &facts);
        }
        let mut facts = sample::hardened();
        for name in ["evalsha", "evalsha_ro", "fcall", "fcall_ro", "script|load"] {
            sample::open_command(&mut facts, name, "default");
        }
        passes(&Scripting, &facts);
    }

    #[test]
    fn the_gate_and_redis_conf_count() {
        let mut facts = sample::hardened();
        open_to(&mut facts, "default");
        for name in BRING_CODE {
            sample::verdict(&mut facts, name, GateVerdict::Denied("s".to_owned()));
        }
        passes(&Scripting, &facts);
        sample::command(&mut facts, "eval").standing = Fact::Known(Standing::Removed);
        passes(&Scripting, &facts);
    }

    #[test]
    fn an_unknown_one_is_unknown_while_no_known_one_fails() {
        let mut facts = sample::hardened();
        sample::command(&mut facts, "fcall").access =
            Fact::Unavailable("ACL is renamed".to_owned());
        assert_eq!(unknown(&Scripting, &facts), "ACL is renamed");
        sample::open_command(&mut facts, "eval", "default");
        fails(&Scripting, &facts);
    }
}
