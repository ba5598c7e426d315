//! Tests of the checks of new names.

use super::*;
use crate::audit::checks::sample::{self, fails, passes, unknown};

fn line(facts: &mut Facts, command: &str, new: &str) {
    let file = facts.configured.get_or_insert_default();
    file.renames.push(RenameLine {
        command: command.as_bytes().to_vec(),
        new: (!new.is_empty()).then(|| Secret::new(new.as_bytes().to_vec())),
        file: b"/etc/redis/redis.conf".to_vec(),
    });
}

fn statement(facts: &mut Facts, command: &str, new: &str, alias: bool) {
    facts.gate.names.push(NewName {
        command: command.as_bytes().to_vec(),
        new: Secret::new(new.as_bytes().to_vec()),
        alias,
        statement: "r7".to_owned(),
    });
}

#[test]
fn a_guessable_name_fails_wherever_it_comes_from_and_is_not_shown() {
    for (command, new, fault) in [
        ("config", "ASC12_CONFIG", "holds the old one"),
        ("shutdown", "shutdown_menot", "holds the old one"),
        ("flushall", "xq7Zp2m", "is shorter than 8 characters"),
        ("config", "gfnoc-q", "is shorter than 8 characters"),
        ("config", "passw0rd", "words or patterns"),
        ("config", "c0nf1g2024", "words or patterns"),
        ("flushall", "llahsulf1", "words or patterns"),
        ("flushall", "qwertyuiop", "words or patterns"),
        ("debug", "dragonfly", "words or patterns"),
        ("keys", "hidden_command", "words or patterns"),
        ("config", "winterkite", "words or patterns"),
        ("config", "prod-settings", "words or patterns"),
        ("keys", "aaaaaaaaaaaa", "words or patterns"),
        ("client|kill", "client-killer-1", "holds the old one"),
    ] {
        for by_gate in [true, false] {
            let mut facts = sample::hardened();
            match by_gate {
                true => statement(&mut facts, command, new, false),
                false => line(&mut facts, command, new),
            }
            let failure = fails(&Guessable, &facts);
            let told = format!("{failure:?}");
            assert!(told.contains(fault), "{command} {new}: {told}");
            assert!(!told.to_lowercase().contains(&new.to_lowercase()), "{told}");
            assert!(!failure.steps.is_empty());
        }
    }
}

#[test]
fn a_random_name_passes() {
    for new in [
        "a9d1f60c7e52",
        "v7q2m9xk4t",
        "e04b7c2a91f8",
        "7f3c9a1e",
        "hq4zv8xw",
        "Zr7-kq2.wv",
    ] {
        let mut facts = sample::hardened();
        statement(&mut facts, "config", new, false);
        line(&mut facts, "acl", new);
        assert_eq!(
            passes(&Guessable, &facts),
            ["2 new names, none of which is easily guessed"],
            "{new}"
        );
    }
}

#[test]
fn an_alias_beside_the_real_name_is_low_and_one_beside_a_renamed_command_is_not() {
    let mut facts = sample::hardened();
    statement(&mut facts, "flushall", "wipe", true);
    let failure = fails(&Guessable, &facts);
    assert!(
        failure
            .severity
            .is_some_and(|(severity, _)| severity == Severity::Low)
    );
    assert!(
        failure
            .steps
            .iter()
            .any(|step| step.contains("SECGATE ALIAS"))
    );
    statement(&mut facts, "flushall", "v7q2m9xk4t", false);
    assert_eq!(fails(&Guessable, &facts).severity, None);
}

#[test]
fn odd_bytes_and_long_names_are_judged_without_a_panic() {
    let mut facts = sample::hardened();
    statement(&mut facts, "\u{ff}|", "\u{ff}\0", false);
    statement(&mut facts, "", "", false);
    line(&mut facts, "config", &"x9".repeat(5000));
    fails(&Guessable, &facts);
}

#[test]
fn no_new_name_is_not_applicable_and_a_file_that_cannot_be_read_unknown() {
    let mut facts = sample::hardened();
    assert!(matches!(
        Guessable.evaluate(&facts),
        Outcome::NotApplicable(_)
    ));
    facts.configured.get_or_insert_default().gap = Some("conf.d/a.conf: not there".to_owned());
    assert!(unknown(&Guessable, &facts).contains("conf.d/a.conf"));
    statement(&mut facts, "config", "conf", false);
    fails(&Guessable, &facts);
}

#[test]
fn rename_command_lines_fail_and_the_plan_says_the_same_in_the_policys_words() {
    let mut facts = sample::hardened();
    line(&mut facts, "config", "v7q2m9xk4t");
    line(&mut facts, "flushall", "");
    line(&mut facts, "keys", "");
    let failure = fails(&RenameCommand, &facts);
    assert_eq!(
        failure.actual,
        [
            "/etc/redis/redis.conf: rename-command, removed: flushall keys",
            "/etc/redis/redis.conf: rename-command, renamed: config",
        ]
    );
    let steps = failure.steps.join("\n");
    for part in [
        "deny flushall keys",
        "rename config ITS-NEW-NAME",
        "awk ",
        "sed -i",
    ] {
        assert!(steps.contains(part), "{part} in {steps}");
    }
    assert!(!format!("{failure:?}").contains("v7q2m9xk4t"));
}

#[test]
fn the_plans_awk_writes_the_statements() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let (conf, policy) = (folder.path().join("a b.conf"), folder.path().join("policy"));
    let text = "bind 1\n  Rename-Command CONFIG \"v7q2m9xk4t\"\nrename-command FLUSHALL \"\"\nrename-command KEYS ''\n";
    std::fs::write(&conf, text)?;
    let mut facts = sample::hardened();
    facts.gate.policy_file = Some(policy.to_string_lossy().into_owned().into_bytes());
    line(&mut facts, "config", "v7q2m9xk4t");
    if let Some(file) = &mut facts.configured {
        for line in &mut file.renames {
            line.file = conf.to_string_lossy().into_owned().into_bytes();
        }
    }
    for step in fails(&RenameCommand, &facts).steps {
        let done = std::process::Command::new("bash")
            .args(["-c", &step])
            .status()?;
        assert!(done.success(), "{step}");
    }
    let written = std::fs::read_to_string(&policy)?;
    assert_eq!(
        written,
        "rename CONFIG \"v7q2m9xk4t\"\ndeny FLUSHALL\ndeny KEYS\n"
    );
    let left = std::fs::read_to_string(&conf)?;
    assert_eq!(left.matches("# ").count(), 3, "{left}");
    Ok(())
}

#[test]
fn what_was_renamed_though_no_line_says_so_fails_too() {
    let mut facts = sample::hardened();
    passes(&RenameCommand, &facts);
    sample::command(&mut facts, "keys").standing = Fact::Known(Standing::Renamed);
    sample::command(&mut facts, "flushall").standing = Fact::Known(Standing::Removed);
    line(&mut facts, "flushall", "");
    let failure = fails(&RenameCommand, &facts);
    assert_eq!(
        failure.actual.last().map(String::as_str),
        Some("renamed or removed at start, though no line that can be read says so: keys")
    );
    facts.configured = None;
    let failure = fails(&RenameCommand, &facts);
    assert!(!failure.steps.is_empty());
}

#[test]
fn a_file_with_a_gap_is_unknown() {
    let mut facts = sample::hardened();
    facts.configured.get_or_insert_default().gap = Some("redis.conf: line 7".to_owned());
    assert!(unknown(&RenameCommand, &facts).contains("line 7"));
    facts.configured = None;
    passes(&RenameCommand, &facts);
}

#[test]
fn a_name_that_a_sentinel_was_told_is_not_taken_away_before_it_was_told_the_new_one() {
    use crate::audit::facts::Sentinel;
    let steps = |command: &str, watched: bool| {
        let mut facts = sample::hardened();
        statement(&mut facts, command, "xq7Zp2m", false);
        let watch = || Sentinel {
            user: b"watch".to_vec(),
            alone: true,
        };
        facts.sentinels = Fact::Known(watched.then(watch).into_iter().collect());
        fails(&Guessable, &facts).steps
    };
    let told = steps("config", true).concat();
    assert!(
        told.starts_with("# a Sentinel that watches runs config "),
        "{told}"
    );
    for told in [steps("config", false), steps("flushall", true)] {
        assert!(
            told.first()
                .is_some_and(|step| step.contains("SECGATE DEL ")),
            "{told:?}"
        );
    }
}
