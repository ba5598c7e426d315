//! The policy file: loaded whole or not at all, saved in one step, and every error at its place.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::account::{NO_ORDINARY_USER, can_be_ordinary};
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};

const POLICY: &str = "\
# what production denies
mode enforce
deny flushall flushdb id=no-flush note=\"ask the dba\"   # data loss
deny config|set id=no-set reply=unknown
rename keys all-keys
";

#[test]
fn a_policy_is_in_force_from_the_first_call_on_and_survives_a_restart() {
    needs_module!();
    let mut server = Server::builder().policy(POLICY).start();
    for _ in 0..2 {
        assert!(server.call(["FLUSHDB"]).error_text().contains("no-flush"));
        assert!(
            server
                .call(["CONFIG", "SET", "port", "1"])
                .error_text()
                .starts_with("ERR unknown command")
        );
        assert_eq!(server.call(["ALL-KEYS", "*"]).items().len(), 0);
        server.restart();
    }
}

#[test]
fn a_policy_with_errors_stops_the_server_from_starting_and_tells_each_with_its_place() {
    needs_module!();
    let failure = Server::builder()
        .policy("deyn flushall\n\ndeny flushal\n  deny config|ste id=a\nallow get id=a\nrename get set\ndeny auth\nmode strict\ndeny \"x\n")
        .expect_refusal();
    for error in [
        "line 1, column 1: unknown statement 'deyn': did you mean 'deny'?",
        "line 3, column 6: unknown command 'flushal': did you mean 'flushall'?",
        "line 4, column 8: unknown subcommand 'ste' of 'config': did you mean 'set'?",
        "line 5, column 14: the id 'a' is taken on line 4",
        "line 6, column 12: 'set' is already a command",
        "line 7, column 6: 'auth' is one of the commands",
        "line 8, column 6: unknown mode 'strict'",
        "line 9, column 6: this \" is never closed",
    ] {
        assert!(
            failure.log.contains(error),
            "{error}\nis missing: {failure}"
        );
    }
    assert!(failure.log.contains("has 8 problems"), "{failure}");
    assert!(
        failure.status.code().is_some_and(|code| code != 0),
        "it ended by itself: {failure}"
    );
}

#[test]
fn every_line_of_the_example_of_errors_gets_the_complaint_written_above_it() {
    needs_module!();
    let text = include_str!("../redis-test-conf/bad.policy");
    let log = Server::builder().policy(text).expect_refusal().log;
    let mut complaints = 0;
    let lines: Vec<&str> = text.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let Some(complaint) = line.strip_prefix("# column ") else {
            continue;
        };
        let below = lines[number + 1..]
            .iter()
            .position(|line| !line.starts_with('#'));
        let faulty = number + 1 + below.unwrap() + 1;
        let expected = format!("line {faulty}, column {complaint}");
        assert!(log.contains(&expected), "{expected}\nis missing in {log}");
        complaints += 1;
    }
    assert!(complaints >= 20, "{complaints}");
    assert!(log.contains(&format!("has {complaints} problems")), "{log}");
}

#[test]
fn a_policy_file_can_name_our_own_commands() {
    needs_module!();
    let server = Server::builder()
        .policy("deny secgate|save force id=no-save\nalias report secaudit\nrename flushall wipe\n")
        .start();
    assert!(
        server
            .call(["SECGATE", "SAVE"])
            .error_text()
            .contains("no-save")
    );
    assert!(server.call(["REPORT", "CHECKS"]).items().len() > 10);
    let failure = Server::builder()
        .policy("deny secgate|sav force\nalias secaudit get\ndeny secgate\n")
        .expect_refusal();
    for error in [
        "line 1, column 6: unknown subcommand 'sav' of 'secgate'",
        "line 2, column 7: 'secaudit' is already a command",
        "line 3, column 6: 'secgate' is one of the commands",
    ] {
        assert!(
            failure.log.contains(error),
            "{error}\nis missing: {failure}"
        );
    }
}

#[test]
fn load_replaces_the_policy_or_changes_nothing() {
    needs_module!();
    let server = Server::builder().policy(POLICY).start();
    let path = server
        .call(["CONFIG", "GET", "secaudit.policy-file"])
        .texts()[1]
        .clone();
    let before = server.call(["SECGATE", "LIST"]).texts();
    fs::write(&path, "deny get id=new\ndeny flushal\ndeny gte\n").unwrap();
    let error = server.call(["SECGATE", "LOAD"]).error_text();
    assert!(
        error.contains("line 2, column 6")
            && error.contains("line 3, column 6")
            && error.contains("nothing was changed"),
        "{error}"
    );
    assert_eq!(server.call(["SECGATE", "LIST"]).texts(), before);
    fs::remove_file(&path).unwrap();
    assert!(
        server
            .call(["SECGATE", "LOAD"])
            .error_text()
            .contains("cannot be read")
    );
    assert!(server.call(["FLUSHALL"]).is_error());
    fs::write(&path, "deny get id=new\n").unwrap();
    assert!(server.call(["SECGATE", "LOAD"]).is_ok());
    assert!(server.call(["GET", "k"]).is_error());
    assert!(server.call(["FLUSHALL"]).is_ok());
}

#[test]
fn save_writes_what_load_reads_with_mode_600() {
    needs_module!();
    let mut server = Server::builder().policy("mode enforce\n").start();
    let path = server
        .call(["CONFIG", "GET", "secaudit.policy-file"])
        .texts()[1]
        .clone();
    server.call([
        &b"SECGATE"[..],
        b"DENY",
        b"flushall",
        b"note=a \"quoted\" note \xff\n",
        b"id=x",
        b"optional",
    ]);
    server.call(["SECGATE", "RENAME", "keys", "all-keys"]);
    server.call(["SECGATE", "MODE", "observe"]);
    let listed = server.call(["SECGATE", "LIST"]).texts();
    assert!(server.call(["SECGATE", "SAVE"]).is_ok());
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
        0o600
    );
    server.restart();
    assert_eq!(server.call(["SECGATE", "LIST"]).texts(), listed);
}

#[test]
fn a_save_that_fails_says_why_and_leaves_the_old_file() {
    needs_module!();
    let server = Server::builder().policy(POLICY).start();
    let path = server
        .call(["CONFIG", "GET", "secaudit.policy-file"])
        .texts()[1]
        .clone();
    let folder = std::path::Path::new(&path).parent().unwrap().to_owned();
    let moved = folder.with_file_name("moved-away");
    server.call(["SECGATE", "RESET"]);
    fs::rename(&folder, &moved).unwrap();
    let error = server.call(["SECGATE", "SAVE"]).error_text();
    fs::rename(&moved, &folder).unwrap();
    assert!(
        error.contains("cannot be written, and is as it was: No such file or directory"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), POLICY);
}

#[test]
fn a_save_into_a_folder_that_cannot_be_opened_says_so_before_the_file_is_replaced() {
    needs_module!();
    require!(can_be_ordinary(), NO_ORDINARY_USER);
    let server = Server::builder().policy(POLICY).ordinary_user().start();
    let path = server
        .call(["CONFIG", "GET", "secaudit.policy-file"])
        .texts()[1]
        .clone();
    let folder = std::path::Path::new(&path).parent().unwrap();
    let mode = |mode| fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
    let before = fs::metadata(folder).unwrap().permissions().mode();
    server.call(["SECGATE", "RESET"]);
    // Files can be made there, but the folder cannot be flushed to disk.
    mode(0o300);
    let error = server.call(["SECGATE", "SAVE"]).error_text();
    mode(before);
    assert!(
        error.contains("cannot be written, and is as it was: Permission denied"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), POLICY);
}

#[test]
fn a_long_policy_loads_and_an_endless_one_is_refused_with_the_limit() {
    needs_module!();
    let mut text = String::new();
    for number in 0..10_000 {
        text += &format!("deny config|set id=rule-{number} note=\"number {number}\"\n");
    }
    let server = Server::builder().policy(&text).start();
    assert!(
        server
            .call(["CONFIG", "SET", "port", "1"])
            .error_text()
            .contains("rule-0")
    );
    let failure = Server::builder()
        .policy(&"# nothing\n".repeat(1_000_000))
        .expect_refusal();
    assert!(failure.log.contains("a policy may have"), "{failure}");
}

#[test]
fn binary_rubbish_is_refused_line_by_line_and_does_not_reach_the_log_raw() {
    needs_module!();
    let server = Server::builder().policy("mode enforce\n").start();
    let path = server
        .call(["CONFIG", "GET", "secaudit.policy-file"])
        .texts()[1]
        .clone();
    fs::write(&path, b"\xff\xfe\0\x01 x\ndeny \x1b[31m\n\r\r\r\n").unwrap();
    let error = server.call(["SECGATE", "LOAD"]).error_text();
    assert!(
        error.contains("\\xff\\xfe\\x00\\x01") && error.contains("\\x1b[31m"),
        "{error}"
    );
    assert!(!server.log().contains('\u{1b}'));
}

#[test]
fn commands_that_rename_command_renamed_or_removed_are_resolved_or_refused_with_the_reason() {
    needs_module!();
    let renamed = Server::builder()
        .config("rename-command", "FLUSHALL wipe-it")
        .config("rename-command", "DEBUG \"\"");
    let server = renamed.clone().start();
    assert_eq!(
        server.call(["SECGATE", "DENY", "flushall", "id=no"]).text(),
        "no"
    );
    assert!(server.call(["WIPE-IT"]).error_text().contains("rule"));
    let error = server.call(["SECGATE", "DENY", "debug"]).error_text();
    assert!(error.contains("removed by rename-command"), "{error}");
    assert!(!error.contains("wipe-it"));
    assert_eq!(
        server
            .call(["SECGATE", "DENY", "debug", "optional", "id=d"])
            .text(),
        "d"
    );
    server.call(["SECGATE", "ALIAS", "w", "flushall"]);
    assert!(server.call(["W"]).error_text().contains("rule"));
    require!(
        server.call(["COMMAND", "COUNT"]).int() > 0,
        "COMMAND is there"
    );
}

#[test]
fn a_renamed_command_command_does_not_blind_the_policy() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "COMMAND c0mmand")
        .start();
    assert_eq!(
        server
            .call(["SECGATE", "DENY", "flushall", "config|set", "id=no"])
            .text(),
        "no"
    );
    assert!(server.call(["FLUSHALL"]).is_error());
    let error = server.call(["SECGATE", "DENY", "flushdbb"]).error_text();
    assert!(error.contains("did you mean 'flushdb'?"), "{error}");
}
