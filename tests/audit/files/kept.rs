//! file.data, file.log, file.tls-key, file.policy: what the server keeps on disk.

use super::super::{Report, set_mode};
use crate::harness::account::is_root;
use crate::harness::builder::POLICY_NAME;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require, skip};
use std::fs::{self, File};
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_dump_that_others_may_read_fails_as_far_as_the_folder_lets_them() {
    needs_module!();
    let server = Server::start();
    Report::of(&server).shows("file.data", "not-applicable", "neither a dump nor");
    assert!(server.call(["SAVE"]).is_ok());
    let dump = server.dir().join("dump.rdb");
    for (folder, mode, outcome, severity) in [
        (0o755, 0o644, "fail", "medium"),
        (0o755, 0o602, "fail", "medium"),
        (0o700, 0o644, "fail", "low"),
        (0o755, 0o640, "pass", "medium"),
        (0o700, 0o600, "pass", "medium"),
    ] {
        set_mode(server.dir(), folder);
        set_mode(&dump, mode);
        let report = Report::of(&server);
        report.shows("file.data", outcome, &dump.to_string_lossy());
        assert_eq!(
            report.severity("file.data"),
            severity,
            "{mode:o} in {folder:o}"
        );
        assert_eq!(report.steps("file.data").is_empty(), outcome == "pass");
    }
}

#[test]
fn a_dump_that_is_a_link_is_judged_by_what_it_leads_to() {
    needs_module!();
    let server = Server::start();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("copy.rdb");
    fs::write(&target, "").unwrap();
    set_mode(&target, 0o644);
    symlink(&target, server.dir().join("dump.rdb")).unwrap();
    set_mode(server.dir(), 0o700);
    let report = Report::of(&server);
    report.shows("file.data", "fail", &format!(" -> {}", target.display()));
    assert_eq!(report.severity("file.data"), "medium");
    fs::remove_file(&target).unwrap();
    Report::of(&server).shows("file.data", "unknown", "dump.rdb: not there");
}

fn with_aof() -> (Server, PathBuf) {
    let server = Server::builder().appendonly().start();
    set_mode(server.dir(), 0o755);
    let folder = server.dir().join("appendonlydir");
    set_mode(&folder, 0o755);
    for entry in fs::read_dir(&folder).unwrap() {
        set_mode(&entry.unwrap().path(), 0o640);
    }
    (server, folder)
}

#[test]
fn the_folder_of_the_aof_and_each_file_in_it_count_be_they_a_thousand() {
    needs_module!();
    let (server, folder) = with_aof();
    let report = Report::of(&server);
    report.shows(
        "file.data",
        "fail",
        "appendonlydir: anybody may look into it",
    );
    set_mode(&folder, 0o700);
    Report::of(&server).shows("file.data", "pass", "appendonly.aof.1.incr.aof");
    for index in 0..1000 {
        let path = folder.join(format!("z{index}.incr.aof"));
        File::create(&path).unwrap();
        set_mode(&path, 0o600);
    }
    Report::of(&server).shows("file.data", "pass", "and 999 more");
    set_mode(&folder.join("z999.incr.aof"), 0o644);
    let report = Report::of(&server);
    report.shows("file.data", "fail", "z999.incr.aof: anybody may read it");
    assert_eq!(report.severity("file.data"), "low");
    set_mode(&folder, 0o711);
    assert_eq!(Report::of(&server).severity("file.data"), "medium");
}

#[test]
fn a_folder_of_the_aof_without_end_is_cut_and_that_is_told() {
    needs_module!();
    let (server, folder) = with_aof();
    for index in 0..4001 {
        File::create(folder.join(index.to_string())).unwrap();
    }
    let report = Report::of(&server);
    report.shows(
        "file.data",
        "fail",
        "unknown: the folder of the AOF has more than the 4000",
    );
}

#[test]
fn a_folder_of_the_aof_that_vanished_or_became_something_else_does_no_harm() {
    needs_module!();
    let (server, folder) = with_aof();
    fs::rename(&folder, server.dir().join("away")).unwrap();
    Report::of(&server).shows("file.data", "not-applicable", "neither a dump nor");
    pipe(&folder);
    Report::of(&server).shows("file.data", "pass", "prw");
    fs::remove_file(&folder).unwrap();
    symlink(&folder, &folder).unwrap();
    Report::of(&server).shows("file.data", "unknown", "too many links");
    fs::remove_file(&folder).unwrap();
    fs::write(server.dir().join("appendonly.aof"), "").unwrap();
    set_mode(&server.dir().join("appendonly.aof"), 0o644);
    Report::of(&server).shows("file.data", "fail", "appendonly.aof: anybody may read it");
    assert!(server.is_alive());
}

#[test]
fn a_log_is_judged_with_its_folder() {
    needs_module!();
    let server = Server::start();
    let log = server.dir().join("redis.log");
    for (folder, mode, outcome, severity, part) in [
        (0o755, 0o644, "fail", "low", "anybody may read it"),
        (0o755, 0o666, "fail", "medium", "anybody may write it"),
        (
            0o777,
            0o600,
            "fail",
            "medium",
            "anybody may write the folder",
        ),
        (0o700, 0o644, "fail", "info", "anybody may read it"),
        (0o700, 0o640, "pass", "low", "redis.log in drwx------"),
    ] {
        set_mode(server.dir(), folder);
        set_mode(&log, mode);
        let report = Report::of(&server);
        report.shows("file.log", outcome, part);
        assert_eq!(
            report.severity("file.log"),
            severity,
            "{mode:o} in {folder:o}"
        );
    }
    fs::remove_file(&log).unwrap();
    Report::of(&server).shows("file.log", "pass", "logfile: no file yet in drwx------");
}

#[test]
fn standard_output_is_no_log_file_and_our_own_log_is_one() {
    needs_module!();
    let server = Server::builder().config("logfile", "").start();
    Report::of(&server).shows("file.log", "not-applicable", "no log file is set");
    let server = Server::builder()
        .config("logfile", "/dev/null")
        .config("secaudit.log-file", "gate.log")
        .start();
    set_mode(server.dir(), 0o700);
    let report = Report::of(&server);
    report
        .shows("file.log", "pass", "/dev/null")
        .shows("file.log", "pass", "gate.log in ");
    set_mode(server.dir(), 0o755);
    set_mode(&server.dir().join("gate.log"), 0o644);
    Report::of(&server).shows("file.log", "fail", "gate.log in ");
}

/// A server with a private key, which it has no use for as long as it listens without TLS.
fn with_key() -> Option<(Server, PathBuf)> {
    let started = Server::builder()
        .file("tls.key", "no key at all")
        .config("tls-key-file", "tls.key")
        .try_start();
    let server = started.ok()?;
    let path = server.dir().join("tls.key");
    Some((server, path))
}

#[test]
fn a_private_key_that_others_or_a_shared_group_may_read_fails() {
    needs_module!();
    Report::of(&Server::start()).shows("file.tls-key", "not-applicable", "tls-key-file");
    let Some((server, key)) = with_key() else {
        skip!("this server is built without TLS");
    };
    for (mode, outcome, part) in [
        (0o644, "fail", "anybody may read it"),
        (0o660, "fail", "may write it"),
        (0o600, "pass", "-rw-------"),
    ] {
        set_mode(&key, mode);
        Report::of(&server).shows("file.tls-key", outcome, part);
    }
    fs::rename(&key, server.dir().join("old.key")).unwrap();
    Report::of(&server).shows("file.tls-key", "unknown", "tls.key: not there");
    symlink("old.key", &key).unwrap();
    Report::of(&server).shows("file.tls-key", "pass", "tls.key -> ");
}

#[test]
fn a_key_that_a_group_with_members_may_read_fails_and_names_them() {
    needs_module!();
    require!(is_root(), "only root can give files to other groups");
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let daemon = passwd
        .lines()
        .find(|line| line.split(':').nth(3) == Some("1"));
    let Some(daemon) = daemon.and_then(|line| line.split(':').next()) else {
        skip!("no account of this machine is in group 1");
    };
    let Some((server, key)) = with_key() else {
        skip!("this server is built without TLS");
    };
    chown(&key, None, Some(1)).unwrap();
    set_mode(&key, 0o640);
    let report = Report::of(&server);
    report.shows(
        "file.tls-key",
        "fail",
        &format!("may read it, and so may {daemon}"),
    );
    chown(&key, Some(12345), None).unwrap();
    set_mode(&key, 0o600);
    Report::of(&server).shows("file.tls-key", "fail", "owner 12345 is neither root");
}

#[test]
fn a_policy_that_others_may_write_fails_and_one_that_they_may_read_passes() {
    needs_module!();
    Report::of(&Server::start()).shows("file.policy", "not-applicable", "no policy file");
    let server = Server::builder().policy("deny flushall\n").start();
    let policy = server.dir().join(POLICY_NAME);
    for (mode, outcome, part) in [
        (0o666, "fail", "anybody may write it"),
        (0o620, "fail", "may write it"),
        (0o644, "pass", "-rw-r--r--"),
        (0o600, "pass", "-rw-------"),
    ] {
        set_mode(&policy, mode);
        Report::of(&server).shows("file.policy", outcome, part);
    }
    fs::remove_file(&policy).unwrap();
    Report::of(&server).shows("file.policy", "unknown", "secaudit.policy: not there");
}
