//! Servers whose CONFIG or ACL is renamed or removed: still judged where redis.conf tells the name, else unknown, never passed.

use super::{Report, set_mode, strong_password};
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use std::fs;

/// Takes the lines with this word out of the server's redis.conf, as somebody does who edits it and has not restarted yet.
fn forget(server: &Server, word: &str) {
    let text = fs::read_to_string(server.conf()).unwrap();
    let kept = text.lines().filter(|line| !line.contains(word));
    let kept: Vec<&str> = kept.collect();
    assert_ne!(kept.len(), text.lines().count());
    fs::write(server.conf(), kept.join("\n")).unwrap();
    set_mode(&server.conf(), 0o600);
}

#[test]
fn with_config_renamed_every_setting_is_judged_all_the_same() {
    needs_module!();
    let password = strong_password("renamed");
    let server = Server::builder()
        .config("rename-command", "CONFIG \"asc\\x31\\x32_config\"")
        .config("protected-mode", "no")
        .config("masterauth", "weak")
        .password(&password)
        .start();
    assert!(server.call(["CONFIG", "GET", "bind"]).is_error());
    set_mode(&server.conf(), 0o600);
    let report = Report::of(&server);
    report
        .shows("cmd.config", "pass", "renamed in redis.conf: config")
        .shows("net.bind", "pass", "bind 127.0.0.1")
        .shows("net.listening", "pass", "tcp 127.0.0.1:")
        .shows("net.protected-mode", "pass", "protected-mode no")
        .shows("auth.password-strength", "fail", "masterauth: shorter")
        .shows("auth.password-strength", "fail", "requirepass: at least")
        .shows("file.acl", "not-applicable", "no aclfile is set");
    let text = server.call(["SECAUDIT"]).texts().concat();
    for told in [text, format!("{report:?}")] {
        assert!(!told.to_lowercase().contains("asc12_config"), "{told}");
    }
    let changed = server.call(["asc12_config", "SET", "bind", "0.0.0.0"]);
    assert!(changed.is_ok());
    Report::of(&server).shows("net.bind", "fail", "bind 0.0.0.0");
}

#[test]
fn with_config_renamed_in_an_included_file_the_name_is_found_there() {
    needs_module!();
    let server = Server::builder()
        .file("names.conf", "rename-command CONFIG hidden_8812\n")
        .config("include", "names.conf")
        .start();
    Report::of(&server)
        .shows("cmd.config", "pass", "renamed in redis.conf: config")
        .shows("net.protected-mode", "pass", "protected-mode yes");
}

/// The checks that rest on settings are unknown for this reason, and those that do not are judged.
#[track_caller]
fn settings_are_unknown(server: &Server, reason: &str) -> Report {
    set_mode(server.dir(), 0o755);
    let report = Report::of(server);
    for id in [
        "net.listening",
        "net.protected-mode",
        "auth.password-strength",
        "file.acl",
    ] {
        report.shows(id, "unknown", reason);
    }
    report
        .shows("net.bind", "pass", "bind: not known")
        .shows("net.firewall", "pass", "it listens on loopback only")
        .shows("auth.password", "fail", "user default on nopass")
        .shows("file.data-dir", "fail", "drwxr-xr-x");
    report
}

#[test]
fn with_config_removed_what_rests_on_settings_is_unknown_with_the_reason() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "CONFIG \"\"")
        .config("protected-mode", "no")
        .start();
    set_mode(&server.conf(), 0o600);
    let report = settings_are_unknown(&server, "redis.conf removes CONFIG (rename-command)");
    report.shows("cmd.config", "pass", "removed in redis.conf: config");
}

#[test]
fn with_config_renamed_and_its_line_gone_it_is_unknown_with_the_reason() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "CONFIG hidden_8812")
        .config("protected-mode", "no")
        .start();
    forget(&server, "hidden_8812");
    let report = settings_are_unknown(
        &server,
        "CONFIG is renamed or removed, and no rename-command line",
    );
    report.shows("cmd.config", "pass", "renamed in redis.conf: config");
    // A wrong line is no better than none.
    let text = fs::read_to_string(server.conf()).unwrap();
    fs::write(server.conf(), text + "\nrename-command CONFIG other_9921\n").unwrap();
    let report = settings_are_unknown(&server, "CONFIG is renamed or removed");
    report.shows("cmd.config", "pass", "renamed in redis.conf: config");
}

#[test]
fn with_acl_renamed_users_are_judged_by_the_name_redis_conf_tells() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "ACL hidden_acl_77")
        .config("user", "legacy on nopass ~* +@all")
        .start();
    Report::of(&server)
        .shows("auth.nopass-users", "fail", "user legacy on nopass")
        .shows("auth.password", "fail", "user default on nopass")
        .shows("cmd.dangerous", "fail", "renamed in redis.conf: acl")
        .shows("cmd.config", "fail", "open to default, legacy: config");
    let off = ["hidden_acl_77", "SETUSER", "legacy", "off"];
    assert!(server.call(off).is_ok());
    Report::of(&server)
        .shows("auth.nopass-users", "pass", "beside default: 0")
        .shows("cmd.config", "fail", "open to default: config");
}

#[test]
fn with_acl_renamed_and_its_line_gone_users_are_unknown_and_there_is_no_grade() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "ACL hidden_acl_77")
        .password(&strong_password("acl"))
        .start();
    forget(&server, "hidden_acl_77");
    let report = Report::of(&server);
    let reason = "ACL is renamed or removed, and no rename-command line";
    for id in [
        "auth.password",
        "auth.nopass-users",
        "cmd.config",
        "cmd.dangerous",
    ] {
        report.shows(id, "unknown", reason);
    }
    let grade = report.grade();
    assert!(
        grade.starts_with("? (auth.password could be critical and is unknown: ACL is renamed"),
        "{grade}"
    );
}

#[test]
fn with_acl_removed_the_files_name_the_users_and_the_server_tells_their_rules() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "ACL \"\"")
        .config("user", "legacy on nopass ~* +@all")
        .config("user", "asleep off nopass ~* +@all")
        .start();
    Report::of(&server)
        .shows("auth.nopass-users", "fail", "user legacy on nopass")
        .shows("auth.password", "fail", "user default on nopass")
        .shows("cmd.dangerous", "fail", "removed in redis.conf: acl")
        .shows("cmd.config", "fail", "open to default, legacy: config");
    // A file that may name more users and cannot be read: then they are not known.
    fs::remove_file(server.conf()).unwrap();
    Report::of(&server)
        .shows("auth.nopass-users", "unknown", "ACL is renamed or removed")
        .shows("auth.password", "unknown", "not there")
        .shows("cmd.config", "unknown", "");
}

#[test]
fn with_command_renamed_too_nothing_is_taken_for_gone() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "COMMAND hidden_command_5")
        .config("rename-command", "FLUSHALL hidden_flush_5")
        .start();
    Report::of(&server)
        .shows("cmd.dangerous", "fail", "renamed in redis.conf: flushall")
        .shows("cmd.dangerous", "fail", "open to default: flushdb keys");
    forget(&server, "hidden_");
    Report::of(&server)
        .shows(
            "cmd.dangerous",
            "fail",
            "unknown (COMMAND is renamed or removed",
        )
        .shows("cmd.dangerous", "fail", "open to default: flushdb keys");
}
