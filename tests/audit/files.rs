//! file.config, file.data-dir, file.acl, proc.root; in the modules below the other file checks.

use super::{Report, set_mode};
use crate::harness::account::{NO_ORDINARY_USER, can_be_ordinary, is_root, ordinary_names};
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use std::fs;
use std::os::unix::fs::chown;

mod kept;
mod places;

#[test]
fn a_redis_conf_that_others_can_read_or_write_fails_and_a_private_one_passes() {
    needs_module!();
    let server = Server::start();
    for (mode, outcome, part) in [
        (0o644, "fail", "anybody may read it"),
        (0o602, "fail", "anybody may write it"),
        (0o660, "fail", "may write it"),
        (0o640, "pass", "-rw-r-----"),
        (0o600, "pass", "-rw-------"),
        (0o400, "pass", "-r--------"),
    ] {
        set_mode(&server.conf(), mode);
        let report = Report::of(&server);
        report.shows("file.config", outcome, part).shows(
            "file.config",
            outcome,
            &server.conf().to_string_lossy(),
        );
        assert_eq!(report.steps("file.config").is_empty(), outcome == "pass");
    }
}

#[test]
fn a_redis_conf_that_others_could_read_is_low_in_a_folder_that_keeps_them_out() {
    needs_module!();
    let server = Server::start();
    set_mode(&server.conf(), 0o644);
    for (mode, severity) in [(0o755, "high"), (0o700, "low")] {
        set_mode(server.dir(), mode);
        let report = Report::of(&server);
        report.shows("file.config", "fail", "anybody may read it");
        assert_eq!(report.severity("file.config"), severity);
        let told = report.actual("file.config").contains("were it not for");
        assert_eq!(told, severity == "low");
    }
}

#[test]
fn a_file_that_redis_conf_includes_is_judged_like_it() {
    needs_module!();
    let server = Server::builder()
        .file("more.conf", "include deep.conf\nmaxclients 100\n")
        .file("deep.conf", "timeout 100\n")
        .config("include", "more.conf")
        .start();
    for file in ["redis.conf", "more.conf", "deep.conf"] {
        set_mode(&server.dir().join(file), 0o600);
    }
    let report = Report::of(&server);
    for file in ["redis.conf", "more.conf", "deep.conf"] {
        report.shows("file.config", "pass", file);
    }
    set_mode(&server.dir().join("deep.conf"), 0o644);
    let report = Report::of(&server);
    report.shows("file.config", "fail", "deep.conf: anybody may read it");
    assert!(!report.actual("file.config").contains("more.conf"));
}

#[test]
fn a_file_of_somebody_else_fails() {
    needs_module!();
    require!(is_root(), "only root can give files away");
    let server = Server::builder().file("users.acl", "user default on nopass ~* +@all\n");
    let server = server.config("aclfile", "users.acl").start();
    for file in ["redis.conf", "users.acl"] {
        let path = server.dir().join(file);
        set_mode(&path, 0o600);
        chown(&path, Some(12345), None).unwrap();
    }
    let stranger = "owner 12345 is neither root nor the server's user root";
    Report::of(&server)
        .shows("file.config", "fail", stranger)
        .shows("file.acl", "fail", stranger);
    chown(server.dir(), Some(12345), None).unwrap();
    Report::of(&server).shows("file.data-dir", "fail", "owned by 12345, not by");
}

#[test]
fn without_a_redis_conf_there_is_none_to_judge() {
    needs_module!();
    let conf_on_stdin = ["sh", "-c", r#"exec "$0" - < "$1""#];
    let server = Server::builder().under(&conf_on_stdin).start();
    Report::of(&server)
        .shows("file.config", "not-applicable", "without a configuration")
        .shows("net.bind", "pass", "bind 127.0.0.1");
}

#[test]
fn a_data_directory_that_is_not_the_servers_alone_fails() {
    needs_module!();
    let server = Server::start();
    for (mode, outcome, part) in [
        (0o755, "fail", "anybody may look into it"),
        (0o777, "fail", "anybody may write it"),
        (0o770, "fail", "may write it"),
        (0o700, "pass", "drwx------"),
    ] {
        set_mode(server.dir(), mode);
        Report::of(&server)
            .shows("file.data-dir", outcome, part)
            .shows("file.data-dir", outcome, &server.dir().to_string_lossy());
    }
}

#[test]
fn a_group_of_the_servers_own_may_look_into_the_data_directory() {
    needs_module!();
    require!(can_be_ordinary(), NO_ORDINARY_USER);
    require!(
        is_root(),
        "whether this user's group is shared, the test cannot choose"
    );
    let server = Server::builder().ordinary_user().start();
    set_mode(server.dir(), 0o750);
    Report::of(&server).shows("file.data-dir", "pass", "drwxr-x---");
}

#[test]
fn a_data_directory_changed_on_the_running_server_is_what_counts() {
    needs_module!();
    let server = Server::builder()
        .config("enable-protected-configs", "yes")
        .start();
    set_mode(server.dir(), 0o700);
    Report::of(&server).shows("file.data-dir", "pass", "drwx------");
    let open = server.dir().join("open");
    fs::create_dir(&open).unwrap();
    set_mode(&open, 0o755);
    assert!(
        server
            .call(["CONFIG", "SET", "dir", &open.to_string_lossy()])
            .is_ok()
    );
    Report::of(&server).shows("file.data-dir", "fail", &open.to_string_lossy());
}

#[test]
fn an_acl_file_that_others_can_read_fails_and_a_private_one_passes() {
    needs_module!();
    Report::of(&Server::start()).shows("file.acl", "not-applicable", "no aclfile is set");
    let server = Server::builder()
        .file("users.acl", "user default on nopass ~* &* +@all\n")
        .config("aclfile", "users.acl")
        .start();
    let path = server.dir().join("users.acl");
    for (mode, outcome, part) in [
        (0o644, "fail", "anybody may read it"),
        (0o606, "fail", "anybody may write it"),
        (0o620, "fail", "may write it"),
        (0o600, "pass", "-rw-------"),
    ] {
        set_mode(&path, mode);
        Report::of(&server).shows("file.acl", outcome, part).shows(
            "file.acl",
            outcome,
            &path.to_string_lossy(),
        );
    }
}

#[test]
fn a_server_that_runs_as_root_fails() {
    needs_module!();
    require!(is_root(), "the tests do not run as root");
    let server = Server::start();
    let line = format!("pid {} runs as root (uid 0, gid 0)", server.pid());
    Report::of(&server).shows("proc.root", "fail", &line);
}

#[test]
fn a_server_that_runs_as_an_ordinary_user_passes() {
    needs_module!();
    require!(can_be_ordinary(), NO_ORDINARY_USER);
    let server = Server::builder().ordinary_user().start();
    set_mode(server.dir(), 0o700);
    let (user, _) = ordinary_names();
    let line = format!("pid {} runs as {user} (uid ", server.pid());
    Report::of(&server).shows("proc.root", "pass", &line).shows(
        "file.data-dir",
        "pass",
        &server.dir().to_string_lossy(),
    );
}
