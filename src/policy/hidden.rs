//! Commands that a category or a profile means and that no rule can reach: redis.conf gave them names that could not be
//! found out. A statement that passed them over in silence would promise what it does not do.

use super::problem::{At, Problem};
use super::profiles::Profile;
use super::resolve::{Commands, Found, NEEDS_FORCE};
use super::statement::{Category, Target};

/// As many names as one problem tells.
const TOLD: usize = 5;

/// The problem with a category some of whose members are hidden. Those that categories skip anyway are no matter.
pub fn in_category(category: &Category, commands: &dyn Commands) -> Option<Problem> {
    let members = commands.category(&category.name)?;
    let meant = members
        .iter()
        .map(|name| name.command.as_slice())
        .filter(|command| {
            !NEEDS_FORCE
                .iter()
                .any(|spared| spared.as_bytes() == *command)
        });
    let what = format!("@{}", String::from_utf8_lossy(&category.name));
    problem(&what, hidden(meant, commands), category.at)
}

/// The problem with a profile some of whose commands are hidden.
pub fn in_profile(profile: &Profile, at: At, commands: &dyn Commands) -> Option<Problem> {
    let rules = profile.rules();
    let targets = rules.iter().flat_map(|rule| &rule.targets);
    let meant = targets.filter_map(|target| match target {
        Target::Command(name) => Some(name.command.as_slice()),
        Target::Every | Target::Category(_) => None,
    });
    let what = format!("profile {}", profile.name);
    problem(&what, hidden(meant, commands), at)
}

/// The problem with `*` where commands that it must skip are hidden: it would take them from everybody.
pub fn in_all(at: At, commands: &dyn Commands) -> Option<Problem> {
    let away = |name: &&'static str| commands.find(name.as_bytes()) == Found::RenamedAway;
    let names: Vec<String> = NEEDS_FORCE
        .into_iter()
        .filter(away)
        .map(|name| format!("'{name}'"))
        .collect();
    let message = format!(
        "'*' would take {} from everybody, which rename-command in redis.conf gave another name that could not be read from \
         the configuration file: allow it above by the name that clients send, and add the word force",
        names.join(", ")
    );
    (!names.is_empty()).then(|| Problem::new(at, message))
}

/// Those of these commands that the server has under names nobody knows, each once, in order of their names.
fn hidden<'n>(meant: impl Iterator<Item = &'n [u8]>, commands: &dyn Commands) -> Vec<&'n [u8]> {
    // Where not even COMMAND can be asked, nothing tells a hidden command from one that the server never had.
    let blind = commands.names(None).is_empty();
    let mut meant: Vec<&[u8]> = meant.collect();
    meant.sort_unstable();
    meant.dedup();
    meant.retain(|command| match commands.find(command) {
        Found::RenamedAway => true,
        Found::Absent => blind,
        Found::Here { .. } | Found::Removed => false,
    });
    meant
}

fn problem(what: &str, hidden: Vec<&[u8]>, at: At) -> Option<Problem> {
    let quoted = |name: &&[u8]| format!("'{}'", String::from_utf8_lossy(name));
    let mut names: Vec<String> = hidden.iter().take(TOLD).map(quoted).collect();
    if hidden.len() > TOLD {
        names.push(format!("{} more", hidden.len() - TOLD));
    }
    let (last, others) = names.split_last()?;
    let names = match others {
        [] => last.clone(),
        others => format!("{} and {last}", others.join(", ")),
    };
    let message = format!(
        "'{what}' means {names}, which rename-command in redis.conf gave another name that could not be read from the \
         configuration file: add the word optional to leave such commands out, and name them as clients do"
    );
    Some(Problem::new(at, message))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::Policy;
    use super::super::resolve::tests::FewCommands;
    use super::*;

    fn told(text: &str) -> String {
        match Policy::read(text.as_bytes(), &FewCommands) {
            Ok(_) => String::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_category_or_profile_with_a_command_under_an_unknown_name_is_refused_with_the_reason() {
        for (text, place, what) in [
            (
                "deny get @admin",
                "column 10",
                "'@admin' means 'acl', which rename-command",
            ),
            (
                "allow @admin",
                "column 7",
                "'@admin' means 'acl', which rename-command",
            ),
            (
                "profile managed",
                "column 1",
                "'profile managed' means 'acl', which rename-command",
            ),
        ] {
            let told = told(text);
            assert!(
                told.contains(place) && told.contains(what),
                "{text}: {told}"
            );
            assert!(told.contains("add the word optional"), "{told}");
        }
    }

    #[test]
    fn it_passes_where_the_operator_vouches_for_it_and_where_all_is_within_reach() {
        for text in [
            "deny @admin optional",
            "profile managed optional",
            // Removed, and absent.
            "profile tutorial",
            "deny @dangerous",
        ] {
            assert_eq!(told(text), "", "{text}");
        }
    }

    #[test]
    fn many_names_are_told_in_short() {
        let names: Vec<&[u8]> = vec![b"a", b"b", b"c", b"d", b"e", b"f", b"g"];
        let told = |count: usize| {
            let names = names.iter().take(count).copied().collect();
            problem("@x", names, At::default()).map(|problem| problem.to_string())
        };
        assert_eq!(told(0), None);
        assert!(
            told(2)
                .unwrap()
                .contains("means 'a' and 'b', which rename-command")
        );
        assert!(
            told(7)
                .unwrap()
                .contains("means 'a', 'b', 'c', 'd', 'e' and 2 more, which rename-command")
        );
    }
}
