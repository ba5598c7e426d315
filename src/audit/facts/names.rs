//! The names commands were given: by `rename-command` in redis.conf, and by the gate. A new name is a secret.

use super::Secret;
use crate::policy::Policy;
use crate::policy::name::Name;
use crate::policy::statement::Body;

/// A `rename-command` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenameLine {
    /// The command, lower case.
    pub command: Vec<u8>,
    /// Its new name; `None` where the line removes it.
    pub new: Option<Secret>,
    /// The file the line stands in.
    pub file: Vec<u8>,
}

/// A new name that the gate gives a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewName {
    /// The command it runs, lower case: `config`, `client|kill`.
    pub command: Vec<u8>,
    /// The new name; of a subcommand, the part behind the `|`.
    pub new: Secret,
    /// The command keeps its own name too.
    pub alias: bool,
    /// The statement's id.
    pub statement: String,
}

/// The new names of a policy.
pub fn new_names(policy: &Policy) -> Vec<NewName> {
    let named = |command: &Name, new: &Name, alias, statement: &str| NewName {
        command: command.to_string().into_bytes(),
        new: Secret::new(new.sub.as_ref().unwrap_or(&new.command).clone()),
        alias,
        statement: statement.to_owned(),
    };
    let statements = policy.statements().iter();
    statements
        .filter_map(|statement| match &statement.body {
            Body::Rename { old, new } => Some(named(old, new, false, &statement.id)),
            Body::Alias { new, target } => Some(named(target, new, true, &statement.id)),
            _ => None,
        })
        .collect()
}

/// The ids of the statements that only record what they would refuse.
pub fn rules_on_trial(policy: &Policy) -> Vec<String> {
    let statements = policy.statements().iter();
    statements
        .filter(|statement| statement.rules().iter().any(|rule| rule.observe))
        .map(|statement| statement.id.clone())
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::policy::resolve::tests::FewCommands;

    fn policy(text: &str) -> Policy {
        Policy::read(text.as_bytes(), &FewCommands).unwrap()
    }

    #[test]
    fn new_names_are_told_apart_and_never_shown() {
        let names = new_names(&policy(
            "rename eval v7q2m9xk\nalias flush1 flushall id=f\nrename config|set config|s3t8\ndeny keys\n",
        ));
        let told: Vec<(&[u8], &[u8], bool, &str)> = names
            .iter()
            .map(|name| {
                (
                    name.command.as_slice(),
                    name.new.reveal(),
                    name.alias,
                    name.statement.as_str(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (&b"eval"[..], &b"v7q2m9xk"[..], false, "r1"),
                (b"flushall", b"flush1", true, "f"),
                (b"config|set", b"s3t8", false, "r2"),
            ]
        );
        assert!(!format!("{names:?}").contains("v7q2m9xk"));
    }

    #[test]
    fn rules_that_only_record_are_on_trial() {
        let policy = policy(
            "deny keys\ndeny del mode=observe id=s\nprofile rce mode=observe id=p\nallow get\n",
        );
        assert_eq!(rules_on_trial(&policy), ["s", "p"]);
    }
}
