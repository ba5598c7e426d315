//! The users whose rights the next start changes. Where two ways to write rules may come to the same, they count as the same.

use crate::audit::facts::{Facts, Grants, KeptUsers, Login};
use crate::render::escape::{printable, printable_up_to};

/// How a user differs from what the file makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<'f> {
    /// The user.
    pub name: &'f [u8],
    /// No file makes this user.
    pub is_new: bool,
    /// As the report tells it.
    pub shown: String,
}

/// Every user who differs, by name. `passwords_told`: that the default user's password differs is said elsewhere.
pub fn changes<'f>(facts: &Facts, users: &'f KeptUsers, passwords_told: bool) -> Vec<Change<'f>> {
    let file = printable(&users.file);
    let keeps_text = !facts.server.version.starts_with("7.0.");
    let mut changes = Vec::new();
    let of_the_start = users
        .default_by_requirepass
        .then(|| password_of_the_start(facts))
        .flatten();
    for (name, running) in &users.running {
        let shown = match users.kept.get(name) {
            None => format!("{} runs, and {file} does not make it", called(name)),
            Some(kept) => {
                let mut kept = kept.clone();
                if let (b"default", Some(login)) = (name.as_slice(), &of_the_start) {
                    kept.login = Some(login.clone());
                }
                let mut differs = differences(&kept, running, keeps_text);
                differs
                    .retain(|what| !(passwords_told && name == b"default" && *what == "passwords"));
                if differs.is_empty() {
                    continue;
                }
                let what = differs.join(", ");
                format!("{} runs with other {what} than {file} gives", called(name))
            }
        };
        changes.push(Change {
            name,
            is_new: !users.kept.contains_key(name),
            shown,
        });
    }
    let gone = users.kept.keys();
    changes.extend(
        gone.filter(|name| !users.running.contains_key(*name))
            .map(|name| Change {
                name,
                is_new: false,
                shown: format!("{} does not run, and {file} makes it", called(name)),
            }),
    );
    changes
}

/// The password that the command line gives the default user at every start, over that of the file.
fn password_of_the_start(facts: &Facts) -> Option<Login> {
    let password = facts.requirepass.known().ok()?.as_ref()?;
    facts
        .is_password_from_the_start("requirepass", Some(password))
        .then(|| Login::Passwords([password.acl_digest()].into()))
}

fn called(name: &[u8]) -> String {
    format!("user {}", printable_up_to(name, 64))
}

/// In what two users surely differ.
fn differences(kept: &Grants, running: &Grants, keeps_text: bool) -> Vec<&'static str> {
    let state = kept.enabled != running.enabled;
    let logins = logins_differ(kept, running);
    let first = [(state, "state (on, off)"), (logins, "passwords")];
    let sanitizing = running.skips_sanitizing && !kept.skips_sanitizing;
    let selectors = selectors_differ(kept, running, keeps_text);
    let last = [
        (sanitizing, "sanitizing of payloads"),
        (selectors, "selectors"),
    ];
    let all = first
        .into_iter()
        .chain(rights_differ(kept, running, keeps_text))
        .chain(last);
    all.filter_map(|(differ, what)| differ.then_some(what))
        .collect()
}

/// What a user and a selector have alike.
fn rights_differ(kept: &Grants, running: &Grants, keeps_text: bool) -> [(bool, &'static str); 4] {
    let channels = [&kept.channels, &running.channels];
    let channels = matches!(channels, [Some(kept), Some(running)] if kept != running);
    [
        (commands_differ(kept, running, keeps_text), "commands"),
        (kept.keys != running.keys, "keys"),
        (channels, "channels"),
        (kept.databases != running.databases, "databases"),
    ]
}

fn selectors_differ(kept: &Grants, running: &Grants, keeps_text: bool) -> bool {
    let differ = |(kept, running): (&Grants, &Grants)| {
        rights_differ(kept, running, keeps_text)
            .iter()
            .any(|(differ, _)| *differ)
    };
    kept.selectors.len() != running.selectors.len()
        || kept.selectors.iter().zip(&running.selectors).any(differ)
}

fn logins_differ(kept: &Grants, running: &Grants) -> bool {
    let both: [&Option<Login>; 2] = [&kept.login, &running.login];
    matches!(both, [Some(kept), Some(running)] if kept != running)
}

fn commands_differ(kept: &Grants, running: &Grants, keeps_text: bool) -> bool {
    if kept.all_commands != running.all_commands {
        return true;
    }
    if keeps_text {
        return kept.commands != running.commands;
    }
    // Redis 7.0 makes rules up from what a user may run: of all and of nothing it makes none.
    let named = |grants: &Grants| {
        let mut rules = grants.commands.clone();
        rules.sort();
        let sign = rules.first().and_then(|rule| rule.first()).copied();
        let plain = |rule: &Vec<u8>| rule.first() == sign.as_ref() && !rule.contains(&b'@');
        rules.iter().all(plain).then_some(rules)
    };
    if kept.commands.is_empty() {
        return !running.commands.is_empty();
    }
    match (named(kept), named(running)) {
        (Some(kept), Some(running)) => kept != running,
        _ => false,
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
mod tests {
    use super::super::ConfigDrift;
    use crate::audit::check::Check;
    use crate::audit::checks::sample::{self, fails, passes, unknown};
    use crate::audit::facts::{Fact, Facts, Grants, Login};

    fn changed(change: impl FnOnce(&mut Grants)) -> Facts {
        let mut facts = sample::hardened();
        change(sample::running(&mut facts, "default"));
        facts
    }

    fn told(facts: &Facts) -> String {
        fails(&ConfigDrift, facts).actual.join("\n")
    }

    #[test]
    fn a_user_whom_no_file_makes_is_named_and_can_be_deleted() {
        let mut facts = sample::hardened();
        passes(&ConfigDrift, &facts);
        sample::running(&mut facts, "back\u{1b}door");
        assert_eq!(
            told(&facts),
            "user back\\x1bdoor runs, and /etc/redis/redis.conf does not make it"
        );
        sample::running(&mut facts, "x");
        let steps = fails(&ConfigDrift, &facts).steps.concat();
        let order = [steps.find("ACL DELUSER x "), steps.find("CONFIG REWRITE")];
        assert!(order[0].is_some() && order[0] < order[1], "{steps}");
        assert!(!steps.contains("ACL SAVE") && !steps.contains("ACL LOAD"));
        sample::set(&mut facts, "aclfile", "/etc/redis/users.acl");
        let conf = sample::conf(&mut facts);
        conf.settings
            .insert("aclfile", b"/etc/redis/users.acl".to_vec());
        let steps = fails(&ConfigDrift, &facts).steps.concat();
        let order = [steps.find("ACL LOAD"), steps.find("ACL SAVE")];
        assert!(order[0].is_some() && order[0] < order[1], "{steps}");
        assert!(!steps.contains("REWRITE") && !steps.contains("DELUSER"));
        sample::set(&mut facts, "bind", "0.0.0.0");
        let steps = fails(&ConfigDrift, &facts).steps.concat();
        assert!(steps.contains("REWRITE") && steps.contains("ACL SAVE"));
        sample::set(&mut facts, "bind", "127.0.0.1");
        for number in 0..20 {
            sample::running(&mut facts, &format!("u{number}"));
        }
        assert!(told(&facts).ends_with("and 12 more users"));
    }

    #[test]
    fn a_user_whom_only_the_file_has_is_named() {
        let mut facts = sample::hardened();
        let Fact::Known(users) = &mut facts.kept_users else {
            return;
        };
        users.running.clear();
        assert_eq!(
            told(&facts),
            "user default does not run, and /etc/redis/redis.conf makes it"
        );
    }

    #[test]
    fn what_differs_is_said_and_no_digest_shown() {
        let digest = sample::sha256("one-of-two");
        let facts = changed(|user| {
            user.enabled = false;
            user.login = Some(Login::Passwords([digest.clone()].into()));
            user.keys.clear();
            user.channels = Some([b"a".to_vec()].into());
            user.selectors = vec![user.clone()];
            user.all_commands = false;
        });
        assert_eq!(
            told(&facts),
            "user default runs with other state (on, off), passwords, commands, keys, channels, selectors than \
             /etc/redis/redis.conf gives"
        );
        let evaluated = ConfigDrift.evaluate(&facts);
        assert!(!format!("{evaluated:?}").contains(&digest));
        let back = "# if not: give default the rights that /etc/redis/redis.conf has, with redis-cli ACL SETUSER NAME reset RULES";
        assert_eq!(fails(&ConfigDrift, &facts).steps[0], back);
        let facts = changed(|user| user.login = Some(Login::Anything));
        assert!(told(&facts).contains("other passwords than"));
    }

    #[test]
    fn other_rights_in_a_selector_are_told_and_more_sanitizing_is_not() {
        let mut facts = sample::hardened();
        let selector = sample::running(&mut facts, "default").clone();
        if let Fact::Known(users) = &mut facts.kept_users {
            let kept = users.kept.values_mut().next().unwrap();
            kept.selectors = vec![selector.clone()];
            kept.skips_sanitizing = true;
        }
        let user = sample::running(&mut facts, "default");
        user.selectors = vec![selector];
        passes(&ConfigDrift, &facts);
        sample::running(&mut facts, "default").selectors[0]
            .commands
            .push(b"-acl".to_vec());
        assert!(told(&facts).contains("other selectors than"));
        let facts = changed(|user| user.skips_sanitizing = true);
        assert!(told(&facts).contains("other sanitizing of payloads than"));
        let facts = changed(|user| user.databases = Some([b"0".to_vec()].into()));
        assert!(told(&facts).contains("other databases than"));
    }

    #[test]
    fn what_hangs_on_more_than_the_rules_is_not_compared() {
        let facts = changed(|user| {
            user.login = None;
            user.channels = None;
        });
        passes(&ConfigDrift, &facts);
    }

    #[test]
    fn rules_are_compared_as_text_where_the_server_keeps_it() {
        let rules = |rules: &[&str]| -> Vec<Vec<u8>> {
            rules.iter().map(|rule| rule.as_bytes().to_vec()).collect()
        };
        for (kept, running, version, differs) in [
            (&["-debug"][..], &[][..], "8.2.9", true),
            (&["-@read", "+get"], &["-@read", "+get"], "8.2.9", false),
            (&["-@read"], &["-get", "-mget"], "7.0.15", false),
            (&["-get", "-acl"], &["-acl", "-get"], "7.0.15", false),
            (&["-get", "-acl"], &["-get"], "7.0.15", true),
            (&[], &["-@read"], "7.0.15", true),
        ] {
            let mut facts = changed(|user| user.commands = rules(running));
            facts.server.version = version.to_owned();
            if let Fact::Known(users) = &mut facts.kept_users {
                let users = users.kept.values_mut();
                users.for_each(|user| user.commands = rules(kept));
            }
            match differs {
                true => assert!(told(&facts).contains("other commands than")),
                false => drop(passes(&ConfigDrift, &facts)),
            }
        }
    }

    #[test]
    fn a_password_that_differs_is_told_once() {
        let mut facts = changed(|user| user.login = Some(Login::Anything));
        facts.requirepass = Fact::Known(None);
        assert_eq!(
            told(&facts),
            "requirepass: another one runs than /etc/redis/redis.conf has"
        );
    }

    #[test]
    fn an_aclfile_that_cannot_be_read_leaves_it_unknown_unless_something_else_differs() {
        let mut facts = sample::hardened();
        facts.kept_users = Fact::Unavailable("users.acl: not there".to_owned());
        assert!(unknown(&ConfigDrift, &facts).contains("users.acl"));
        sample::set(&mut facts, "bind", "0.0.0.0");
        fails(&ConfigDrift, &facts);
    }
}
