//! What the audit reads may be gone, closed, endless or rubbish: each time a judgement or a reason, never a panic.

use crate::audit::{Report, patient, set_mode, strong_password};
use crate::audit_forms::{IDS, assert_readable};
use crate::harness::account::{NO_ORDINARY_USER, can_be_ordinary};
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The report in all its forms, which must be whole whatever was read; and the server must be none the worse.
#[track_caller]
fn report(server: &Server) -> Report {
    let report = Report::of(server);
    let ids: Vec<&str> = report.outcomes().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, IDS);
    let lines = patient(server).call(["SECAUDIT"]).texts();
    assert_readable(lines.iter().map(String::as_str));
    assert_eq!(server.info("secaudit")["secaudit_panics_fenced"], "0");
    assert!(server.is_alive());
    report
}

fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

/// A server whose ACL file is `users.acl`, readable by its owner only.
fn with_acl_file(content: &[u8]) -> (Server, PathBuf) {
    let server = Server::builder()
        .file("users.acl", content)
        .config("aclfile", "users.acl")
        .start();
    let path = server.dir().join("users.acl");
    set_mode(&path, 0o600);
    (server, path)
}

#[test]
fn a_redis_conf_that_vanished_is_unknown_and_the_rest_is_judged() {
    needs_module!();
    let server = Server::start();
    fs::remove_file(server.conf()).unwrap();
    report(&server)
        .shows("file.config", "unknown", "redis.conf: not there")
        .shows("net.bind", "pass", "bind 127.0.0.1")
        .shows("cmd.config", "fail", "open to default: config");
    // With it went the only line that tells the name of CONFIG.
    let server = Server::builder()
        .config("rename-command", "CONFIG hidden_41")
        .start();
    fs::remove_file(server.conf()).unwrap();
    report(&server)
        .shows("file.config", "unknown", "not there")
        .shows("net.protected-mode", "unknown", "redis.conf: not there")
        .shows("cmd.config", "pass", "renamed in redis.conf: config");
}

#[test]
fn a_redis_conf_that_the_server_may_not_read_any_more_is_judged_by_its_mode_and_hides_names() {
    needs_module!();
    require!(can_be_ordinary(), NO_ORDINARY_USER);
    let server = Server::builder()
        .ordinary_user()
        .config("rename-command", "CONFIG hidden_42")
        .start();
    set_mode(&server.conf(), 0o000);
    let report = report(&server);
    report
        .shows(
            "net.protected-mode",
            "unknown",
            "this process may not read it",
        )
        .shows(
            "auth.password-strength",
            "unknown",
            "CONFIG is renamed or removed",
        )
        .shows("file.config", "unknown", "this process may not read it");
}

#[test]
fn a_redis_conf_that_became_a_folder_a_pipe_a_device_or_a_loop_of_links_is_unknown() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "CONFIG hidden_43")
        .start();
    let path = server.conf();
    let becomes = |what: &str| match what {
        "a folder" => fs::create_dir(&path).unwrap(),
        "a link to itself" => symlink(&path, &path).unwrap(),
        "a device" => symlink("/dev/zero", &path).unwrap(),
        _ => make_pipe(&path),
    };
    for (what, reason) in [
        ("a folder", "no regular file"),
        ("a pipe", "no regular file"),
        ("a device", "no regular file"),
        ("a link to itself", "redis.conf: "),
    ] {
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
        becomes(what);
        report(&server)
            .shows(
                "net.protected-mode",
                "unknown",
                "CONFIG is renamed or removed",
            )
            .shows("net.protected-mode", "unknown", reason);
    }
}

#[test]
fn files_that_include_each_other_come_to_an_end() {
    needs_module!();
    let server = Server::start();
    set_mode(&server.conf(), 0o600);
    let (one, two) = (server.dir().join("one.conf"), server.dir().join("two.conf"));
    for (file, next) in [(&one, &two), (&two, &one)] {
        fs::write(file, format!("include {}\n", next.display())).unwrap();
        set_mode(file, 0o600);
    }
    append(
        &server.conf(),
        format!("include {}\n", one.display()).as_bytes(),
    );
    report(&server).shows("file.config", "unknown", "one.conf: it includes itself");
    append(
        &server.conf(),
        b"include /nonexistent/*.conf\ninclude nowhere-31.conf\n",
    );
    report(&server).shows("file.config", "unknown", "");
    set_mode(&two, 0o644);
    report(&server)
        .shows("file.config", "fail", "two.conf: anybody may read it")
        .shows("file.config", "fail", "unknown: ");
}

#[test]
fn an_included_pipe_or_device_does_not_hold_up_the_report() {
    needs_module!();
    let server = Server::start();
    set_mode(&server.conf(), 0o600);
    make_pipe(&server.dir().join("pipe.conf"));
    let lines = format!(
        "include {}/pipe.conf\ninclude /dev/zero\n",
        server.dir().display()
    );
    append(&server.conf(), lines.as_bytes());
    let report = report(&server);
    assert_ne!(report.outcome("file.config"), "pass");
    report
        .shows(
            "file.config",
            report.outcome("file.config"),
            "pipe.conf: no regular file",
        )
        .shows("net.bind", "pass", "bind 127.0.0.1");
}

#[test]
fn an_acl_file_that_became_a_pipe_or_a_device_does_not_hold_up_the_report() {
    needs_module!();
    let server = Server::builder()
        .file("users.acl", "user default on nopass ~* &* +@all\n")
        .config("aclfile", "users.acl")
        .config("rename-command", "ACL \"\"")
        .start();
    let path = server.dir().join("users.acl");
    for what in ["a pipe", "a device"] {
        fs::remove_file(&path).unwrap();
        match what {
            "a pipe" => make_pipe(&path),
            _ => symlink("/dev/zero", &path).unwrap(),
        }
        // With ACL removed the file is the only one that names the users.
        report(&server).shows("auth.nopass-users", "unknown", "users.acl: no regular file");
    }
}

#[test]
fn a_tree_of_includes_that_grows_and_grows_is_cut_off() {
    needs_module!();
    let server = Server::start();
    // Each of these includes all of them, itself too.
    let pattern = server.dir().join("*.tree");
    for index in 0..40 {
        let path = server.dir().join(format!("{index}.tree"));
        fs::write(&path, format!("include {}\n", pattern.display()).repeat(20)).unwrap();
        set_mode(&path, 0o600);
    }
    set_mode(&server.conf(), 0o600);
    append(
        &server.conf(),
        format!("include {}\n", pattern.display()).as_bytes(),
    );
    report(&server).shows("file.config", "unknown", ".tree: ");
}

#[test]
fn rubbish_in_redis_conf_does_no_harm_and_what_can_be_read_counts() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "CONFIG hidden_44")
        .start();
    let rubbish: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    append(&server.conf(), &rubbish);
    append(
        &server.conf(),
        b"\n\"unclosed\nrename-command \x00 \xff\ninclude \"\\xff\\x00\x1b[31m\"\nuser\n",
    );
    set_mode(&server.conf(), 0o600);
    report(&server)
        .shows("net.protected-mode", "pass", "protected-mode yes")
        .shows("cmd.config", "pass", "renamed in redis.conf: config");
}

#[test]
fn a_redis_conf_of_five_megabytes_is_read_and_one_without_end_is_not() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "CONFIG hidden_45")
        .start();
    append(
        &server.conf(),
        "# nothing to see here\n"
            .repeat(5 << 20)
            .get(..5 << 20)
            .unwrap()
            .as_bytes(),
    );
    report(&server).shows("net.protected-mode", "pass", "protected-mode yes");
    let file = File::options().append(true).open(server.conf()).unwrap();
    file.set_len(11 << 20).unwrap();
    report(&server)
        .shows("net.protected-mode", "unknown", "larger than")
        .shows("cmd.config", "pass", "renamed in redis.conf: config");
}

#[test]
fn users_with_odd_names_are_judged_and_shown_escaped() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    for name in [
        &b"a\xff\x1b[31m\r\n+OK"[..],
        b"back\\slash'\"",
        "\u{fc}ser".as_bytes(),
    ] {
        let reply =
            client.call_bytes(&[b"ACL", b"SETUSER", name, b"on", b"nopass", b"~*", b"+@all"]);
        // A server may refuse a name; what it takes, we can show.
        assert!(reply.is_ok() || reply.is_error(), "{reply}");
    }
    let listed = format!("{:?}", client.call(["ACL", "USERS"]));
    let report = report(&server);
    report.shows("auth.nopass-users", "fail", "user \\xc3\\xbcser on nopass");
    for (raw, shown) in [
        ("\\x1b[31m", "\\x1b[31m\\r\\n+OK"),
        ("back", "back\\\\slash'\""),
    ] {
        if listed.contains(raw) {
            report.shows("auth.nopass-users", "fail", shown);
            report.shows("cmd.config", "fail", shown);
        }
    }
}

#[test]
fn a_name_as_long_as_a_novel_is_cut() {
    needs_module!();
    let server = Server::start();
    let name = "n".repeat(100_000);
    let made = server.call(["ACL", "SETUSER", &name, "on", "nopass", "+@all"]);
    assert!(made.is_ok());
    let report = report(&server);
    report.shows("auth.nopass-users", "fail", "... (100000 bytes)");
    assert!(!format!("{report:?}").contains(&"n".repeat(65)));
}

#[test]
fn an_acl_file_that_vanished_is_unknown_and_its_users_are_judged() {
    needs_module!();
    let (server, path) =
        with_acl_file(b"user default on nopass ~* &* +@all\nuser bob on nopass +@all\n");
    report(&server).shows("file.acl", "pass", "users.acl");
    fs::remove_file(&path).unwrap();
    report(&server)
        .shows("file.acl", "unknown", "users.acl: not there")
        .shows("auth.nopass-users", "fail", "user bob on nopass");
    // What the server holds counts; a file that was never loaded does not.
    fs::write(&path, "user default on nopass ~* &* +@all\n").unwrap();
    set_mode(&path, 0o600);
    report(&server).shows("auth.nopass-users", "fail", "user bob on nopass");
}

#[test]
fn an_acl_file_in_a_folder_closed_to_the_server_is_unknown() {
    needs_module!();
    require!(can_be_ordinary(), NO_ORDINARY_USER);
    let server = Server::builder()
        .ordinary_user()
        .file("users.acl", "user default on nopass ~* &* +@all\n")
        .config("aclfile", "users.acl")
        .start();
    let closed = server.dir().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::rename(server.dir().join("users.acl"), closed.join("users.acl")).unwrap();
    symlink(closed.join("users.acl"), server.dir().join("users.acl")).unwrap();
    set_mode(&closed, 0o000);
    let report = report(&server);
    // So that the folder can be removed.
    set_mode(&closed, 0o700);
    report.shows("file.acl", "unknown", "this process may not read it");
}

#[test]
fn an_acl_file_of_megabytes_with_thousands_of_users_is_judged() {
    needs_module!();
    let mut users = String::from("user default on nopass -@all +secaudit +info\n");
    for index in 0..4000 {
        let keys = format!("~app{index}:* ").repeat(150);
        users.push_str(&format!(
            "user u{index} on nopass {} resetchannels -@all +get\n",
            keys.trim()
        ));
    }
    assert!(users.len() > 5 << 20);
    let (server, _) = with_acl_file(users.as_bytes());
    let report = Report::of(&server);
    report
        .shows("auth.nopass-users", "fail", "user u0 on nopass")
        .shows("auth.nopass-users", "fail", "and 3990 more")
        .shows("cmd.config", "pass", "ACL bars every user: config")
        .shows("file.acl", "pass", "users.acl");
}

#[test]
fn thousands_of_users_of_different_rights_are_all_asked_about() {
    needs_module!();
    let mut users = String::from("user default on nopass ~* &* +@all\n");
    for index in 0..2000 {
        let selector = format!("(~k{index} +@all)");
        users.push_str(&format!("user u{index} on nopass ~* +@all {selector}\n"));
    }
    let (server, _) = with_acl_file(users.as_bytes());
    let report = report(&server);
    report
        .shows("auth.nopass-users", "fail", "and 1990 more")
        .shows("cmd.dangerous", "fail", "open to default, u0, u1")
        .shows("cmd.data-loss", "fail", "open to default, u0, u1");
    assert!(
        !report.actual("cmd.dangerous").contains("unknown"),
        "{report:?}"
    );
}

#[test]
fn a_data_directory_that_vanished_is_a_reason_not_a_pass() {
    needs_module!();
    let server = Server::builder()
        .config("enable-protected-configs", "yes")
        .password(&strong_password("vanished"))
        .start();
    let folder = server.dir().join("gone");
    fs::create_dir(&folder).unwrap();
    let change = ["CONFIG", "SET", "dir", &folder.to_string_lossy()];
    assert!(server.call(change).is_ok());
    fs::remove_dir(&folder).unwrap();
    let report = report(&server);
    assert_eq!(report.outcome("file.data-dir"), "unknown", "{report:?}");
}
