//! Settings in several files: what is refused, and what is told before and after.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::audit::checks::sample;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use tempfile::TempDir;

/// A main file, and one of the name `more.conf` that it may include.
fn files(main: &str, more: &str) -> (TempDir, ConfigFile) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("more.conf"), more).unwrap();
    let file = main_file(&folder, main);
    (folder, file)
}

fn main_file(folder: &TempDir, main: &str) -> ConfigFile {
    let path = folder.path().join("redis.conf");
    fs::write(&path, main).unwrap();
    ConfigFile::read(path.as_os_str().as_bytes())
}

fn without(folder: &TempDir, text: &str) -> String {
    text.replace(&format!("{}/", folder.path().display()), "")
}

/// Why these files are refused, where that is so.
fn refusal(main: &str, more: &str, actions: &[Action]) -> Option<String> {
    let (folder, file) = files(main, more);
    let mut facts = sample::hardened();
    facts.config = crate::audit::facts::Fact::Known(BTreeMap::new());
    let refused = would_count(&facts, &file, actions).err()?;
    Some(without(&folder, &refused.why))
}

#[test]
fn a_value_that_would_move_in_front_of_an_included_line_of_another_value_is_refused() {
    let main = "appendonly no\ninclude more.conf\nappendonly yes\n";
    let why = refusal(main, "appendonly no\n", &[]).unwrap();
    let told = "appendonly: line 3 of redis.conf counts, CONFIG REWRITE would write it into line 1 of redis.conf instead, and \
                line 1 of more.conf would count";
    assert!(why.ends_with(told), "{why}");
    for (main, more) in [
        (main, "appendonly  YES\n"),
        (
            "appendonly no\nappendonly yes\ninclude more.conf\n",
            "appendonly no\n",
        ),
        (
            "include more.conf\nappendonly no\nappendonly yes\n",
            "appendonly no\n",
        ),
        ("appendonly no\ninclude more.conf\n", "appendonly yes\n"),
        (
            "maxmemory 1gb\ninclude more.conf\nmaxmemory 2gb\n",
            "maxmemory 2048mb\n",
        ),
        (
            "rename-command get \"\"\ninclude more.conf\nrename-command get g\n",
            "rename-command get h\n",
        ),
    ] {
        assert_eq!(refusal(main, more, &[]), None, "{main}{more}");
    }
    let other_names = "slave-read-only no\ninclude more.conf\nreplica-read-only yes\n";
    assert!(refusal(other_names, "slave-read-only no\n", &[]).is_some());
    let saves = "save 1 1\ninclude more.conf\nsave 2 2\n";
    assert!(refusal(saves, "save \"\"\n", &[]).is_some());
    assert!(refusal(saves, "save 3 3\n", &[]).is_some());
}

#[test]
fn points_of_save_are_kept_only_by_lines_in_front_of_every_include() {
    let refused = |running: &str, main: &str| {
        let (_folder, file) = files(main, "");
        let mut facts = sample::hardened();
        sample::set(&mut facts, "save", running);
        let refused = points_would_be_lost(&facts, &file).err()?;
        Some(refused.why)
    };
    for main in [
        "include more.conf\n",
        "save 1 1\ninclude more.conf\nsave 2 2\n",
        "save 1 1 2 2\ninclude no/*.conf\n",
    ] {
        let why = refused("1 1 2 2", main).unwrap();
        assert!(why.starts_with("save runs with 2 points"), "{main}{why}");
        assert_eq!(refused("1 1", main), None, "{main}");
        assert_eq!(refused("1 1 1 1", main), None, "{main}");
        assert_eq!(refused("", main), None, "{main}");
    }
    for main in [
        "",
        "save 1 1 2 2\n",
        "save 1 1\nsave 2 2\ninclude more.conf\n",
    ] {
        assert_eq!(refused("1 1 2 2", main), None, "{main}");
    }
}

#[test]
fn a_value_for_which_no_line_is_written_must_have_none_behind_it() {
    for (name, included, own) in [
        ("bind", "127.0.0.1", "* -::*"),
        ("requirepass", "x", "\"\""),
        ("replicaof", "db 6379", "no one"),
        (
            "client-output-buffer-limit",
            "pubsub 0 0 0",
            "pubsub 32mb 8mb 60",
        ),
    ] {
        let main = format!("include more.conf\n{name} {own}\n");
        let why = refusal(&main, &format!("{name} {included}\n"), &[]).unwrap();
        assert!(
            why.contains("line 2 of redis.conf counts, CONFIG REWRITE may write no line"),
            "{why}"
        );
        assert_eq!(refusal(&main, &format!("{name} {own}\n"), &[]), None);
    }
    for (name, included, own) in [
        ("bind", "127.0.0.1", "10.0.0.5"),
        ("logfile", "x", "\"\""),
        ("save", "1 1", "\"\""),
        (
            "client-output-buffer-limit",
            "normal 0 0 0",
            "pubsub 32mb 8mb 60",
        ),
    ] {
        let main = format!("include more.conf\n{name} {own}\n");
        assert_eq!(
            refusal(&main, &format!("{name} {included}\n"), &[]),
            None,
            "{name}"
        );
    }
}

#[test]
fn what_the_fix_sets_is_held_against_the_included_line_too() {
    let main = "timeout 0\ninclude more.conf\ntimeout 0\n";
    let set = |value| [Action::set("timeout", value)];
    assert!(refusal(main, "timeout 5\n", &set("300")).is_some());
    assert_eq!(refusal(main, "timeout 300\n", &set("300")), None);
}

#[test]
fn secrets_of_included_files_only_are_refused_by_name_and_place() {
    let refused = |main: &str| {
        let (folder, file) = files(
            main,
            "# c\nrequirepass hush\nmaxmemory 1gb\nmasterauth \"\"\n",
        );
        let refused = secrets_would_be_copied(&file).err()?;
        Some(without(&folder, &refused.why))
    };
    let why = refused("include more.conf\n").unwrap();
    assert!(
        why.ends_with(": requirepass (line 2 of more.conf)"),
        "{why}"
    );
    assert!(!why.contains("hush"));
    assert_eq!(refused("requirepass hush\ninclude more.conf\n"), None);
    assert_eq!(refused("port 1\n"), None);
}

#[test]
fn what_is_copied_is_told_before_and_after() {
    let (folder, before) = files(
        "port 1\ninclude more.conf\n",
        "maxmemory 1gb\nport 2\ntimeout 9\nappendonly no\n",
    );
    let mut facts = sample::hardened();
    for (name, value) in [
        ("maxmemory", "1073741824"),
        ("timeout", "9"),
        ("appendonly", "no"),
    ] {
        sample::set(&mut facts, name, value);
    }
    let told: Vec<String> = will_be_copied(&facts, &before);
    let told = without(&folder, &told.concat());
    assert!(
        told.ends_with("more.conf: maxmemory (line 1), timeout (line 3)"),
        "{told}"
    );
    let after = main_file(&folder, "port 2\ninclude more.conf\nmaxmemory 1gb\n");
    let told = without(&folder, &copied(&before, &after).concat());
    assert_eq!(
        told,
        "from now on these count in redis.conf, and to change them elsewhere has no effect: more.conf: maxmemory (line 1)"
    );
    assert_eq!(copied(&after, &after), [""; 0]);
}

#[test]
fn an_included_line_that_counts_since_the_file_was_written_is_told() {
    let more = "appendonly no\nmasterauth hush\ntimeout 0\nport 1\n";
    let counted = "include more.conf\nappendonly yes\nmasterauth y\ntimeout 0\nport 2\n";
    let (folder, before) = files(counted, more);
    let after = main_file(&folder, "appendonly yes\ninclude more.conf\nport 2\n");
    let told = |actions: &[Action]| -> Vec<String> {
        let found = now_counts(&before, &after, actions);
        found.iter().map(|text| without(&folder, text)).collect()
    };
    assert_eq!(
        told(&[]),
        [
            "appendonly: line 1 of more.conf says no and counts",
            "masterauth: line 2 of more.conf has another one and counts",
        ]
    );
    assert_eq!(told(&[Action::set("appendonly", "yes")]).len(), 1);
}
