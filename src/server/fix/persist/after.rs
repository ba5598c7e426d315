//! Whether the server starts with what was set, and else with what it started with before, now that the files are written:
//! CONFIG REWRITE knows of the main file only, and writes no line for what is the default; a file that is included behind, or
//! at all, may say otherwise, and so may the command line.

use super::includes;
use super::settings::{normal, of_the_command_line, shown};
use crate::audit::facts::Facts;
use crate::audit::fix::{Action, Keep};
use crate::server::collect::config_file::ConfigFile;
use crate::server::collect::config_said::Line;
use crate::server::collect::settings::is_secret;

/// What a restart would change of the settings, whether the fix has set them or not, because a line of an included file says
/// otherwise, or the command line. `facts` are those before the fix.
pub fn overruled(
    before: &ConfigFile,
    after: &ConfigFile,
    facts: &Facts,
    actions: &[Action],
) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(gap) = after.unread.first().or(after.bad_lines.first()) {
        found.push(format!("what the files say now is not known: {gap}"));
    }
    let kept_here = |action: &&Action| action.keep(facts) == Some(Keep::Rewrite);
    for action in actions.iter().filter(kept_here) {
        match action {
            Action::Set(pairs) => {
                for (name, value) in pairs {
                    match name.as_str() {
                        "client-output-buffer-limit" => found.extend(limits(after, value)),
                        name => {
                            found.extend(setting(after, name, value));
                            found.extend(said_again(facts, before, name, value));
                        }
                    }
                }
            }
            Action::NewPassword => found.extend(password(after)),
            Action::Statement(_) | Action::GateMode(_) | Action::Permissions { .. } => {}
        }
    }
    found.extend(includes::now_counts(before, after, actions));
    found
}

/// What the command line will say again, over all files.
fn said_again(facts: &Facts, before: &ConfigFile, name: &str, value: &[u8]) -> Option<String> {
    let said = of_the_command_line(facts, before, name)?;
    let differs = normal(name, said) != normal(name, value);
    differs.then(|| format!("{name}: the command line says {} and counts", shown(said)))
}

/// CONFIG REWRITE has just written the main file, so its lines are right.
fn included(line: Option<&Line>) -> Option<&Line> {
    line.filter(|line| !line.is_in_the_main_file())
}

fn setting(file: &ConfigFile, name: &str, value: &[u8]) -> Option<String> {
    let line = included(file.lines_of(name.as_bytes()).last())?;
    let said = line.value();
    let place = file.place(line);
    match normal(name, &said) == normal(name, value) {
        true => None,
        false if is_secret(name) => Some(format!("{name}: {place} has another one and counts")),
        false => Some(format!("{name}: {place} says {} and counts", shown(&said))),
    }
}

/// A setting of four words for each class of clients, of which lines may name some.
fn limits(file: &ConfigFile, value: &[u8]) -> Vec<String> {
    let name = "client-output-buffer-limit";
    let words: Vec<&[u8]> = value
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty())
        .collect();
    let one = |limit: &[&[u8]]| {
        let (class, amounts) = limit.split_first()?;
        let said = |line: &Line| {
            let mut limits = line.directive.arguments.chunks(4);
            let own =
                limits.rfind(|limit| limit.first().is_some_and(|own| same_class(own, class)))?;
            Some(own.get(1..)?.to_vec())
        };
        let lines = file.lines_of(name.as_bytes());
        let (line, said) = lines.filter_map(|line| Some((line, said(line)?))).last()?;
        included(Some(line))?;
        let same = said.len() == amounts.len()
            && said
                .iter()
                .zip(amounts)
                .all(|(said, wanted)| normal(name, said) == normal(name, wanted));
        let (class, said, place) = (shown(class), shown(&said.join(&b' ')), file.place(line));
        (!same).then(|| format!("{name} {class}: {place} says {said} and counts"))
    };
    words.chunks(4).filter_map(one).collect()
}

fn same_class(one: &[u8], other: &[u8]) -> bool {
    let class = |word: &[u8]| match word.to_ascii_lowercase().as_slice() {
        b"slave" => b"replica".to_vec(),
        word => word.to_vec(),
    };
    class(one) == class(other)
}

/// A `user default` line overrules `requirepass`; without one the last `requirepass` is the password.
fn password(file: &ConfigFile) -> Option<String> {
    let is_default = |line: &Line| {
        line.directive
            .arguments
            .first()
            .is_some_and(|name| name == b"default")
    };
    if file.lines_of(b"user").any(is_default) {
        return None;
    }
    let line = included(file.lines_of(b"requirepass").last())?;
    Some(format!(
        "the new password: requirepass in {} counts",
        file.place(line)
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::audit::checks::sample;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;

    /// What is overruled where the main file ends with an included one.
    fn overruled_by(main: &str, more: &str, actions: &[Action]) -> Vec<String> {
        by_a_server(&sample::hardened(), main, more, actions)
    }

    fn by_a_server(facts: &Facts, main: &str, more: &str, actions: &[Action]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("redis.conf");
        fs::write(folder.path().join("more.conf"), more).unwrap();
        fs::write(&path, format!("{main}include more.conf\n")).unwrap();
        let file = ConfigFile::read(path.as_os_str().as_bytes());
        let folder = format!("{}/", folder.path().display());
        let found = overruled(&file, &file, facts, actions);
        found.iter().map(|text| text.replace(&folder, "")).collect()
    }

    #[test]
    fn a_setting_is_overruled_by_an_included_line_of_another_value_only() {
        let set = |name, value| [Action::set(name, value)];
        let log = set("acllog-max-len", "128");
        assert_eq!(
            overruled_by("acllog-max-len 128\n", "\nacllog-max-len 0\n", &log),
            ["acllog-max-len: line 2 of more.conf says 0 and counts"]
        );
        for (main, more, actions) in [
            ("", "acllog-max-len 128\n", &log),
            ("acllog-max-len 128\n", "timeout 3\n", &log),
            ("", "maxmemory 1gb\n", &set("maxmemory", "1073741824")),
            ("", "bind  127.0.0.1   ::1\n", &set("bind", "127.0.0.1 ::1")),
        ] {
            assert_eq!(overruled_by(main, more, actions), [""; 0], "{more}");
        }
    }

    #[test]
    fn the_limits_of_each_class_are_held_against_the_last_line_of_that_class() {
        let name = "client-output-buffer-limit";
        let set = [Action::set(
            name,
            "replica 268435456 67108864 60 pubsub 33554432 8388608 60",
        )];
        let more =
            format!("{name} pubsub 0 0 0\n{name} slave 256mb 64mb 60\n{name} normal 1 1 1\n");
        assert_eq!(
            overruled_by("", &more, &set),
            ["client-output-buffer-limit pubsub: line 1 of more.conf says 0 0 0 and counts"]
        );
    }

    #[test]
    fn a_new_password_is_overruled_by_an_included_one_unless_the_user_has_a_line() {
        let new = [Action::NewPassword];
        assert_eq!(
            overruled_by("", "requirepass x\n", &new),
            ["the new password: requirepass in line 1 of more.conf counts"]
        );
        assert_eq!(
            overruled_by("user default on #aa\n", "requirepass x\n", &new),
            [""; 0]
        );
        let mut facts = sample::hardened();
        sample::set(&mut facts, "aclfile", "users.acl");
        assert_eq!(by_a_server(&facts, "", "requirepass x\n", &new), [""; 0]);
    }

    #[test]
    fn a_setting_is_overruled_by_the_command_line_that_gave_it_at_the_start() {
        let mut facts = sample::hardened();
        sample::started(
            &mut facts,
            &[("acllog-max-len", "0"), ("timeout", "5"), ("dir", "/d")],
            None,
        );
        let overruled =
            |main: &str, name, value| by_a_server(&facts, main, "", &[Action::set(name, value)]);
        let told = "the command line says 0 and counts";
        assert_eq!(
            overruled("", "acllog-max-len", "128"),
            [format!("acllog-max-len: {told}")]
        );
        assert_eq!(
            overruled("acllog-max-len 0\n", "acllog-max-len", "128"),
            [""; 0]
        );
        assert_eq!(overruled("dir ./\n", "dir", "/x"), [""; 0]);
        // What is the default of this one is not known here.
        assert_eq!(overruled("", "timeout", "300"), [""; 0]);
        assert_eq!(overruled("timeout 6\n", "timeout", "300").len(), 1);
    }
}
