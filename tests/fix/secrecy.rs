//! A password that SECAUDIT FIX makes is in its answer and nowhere else, and is taken back where nobody got the answer.

use super::persist::contains;
use super::{apply, fix, fix_json, password};
use crate::audit::set_mode;
use crate::harness::monitor::Monitor;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use std::fs;

#[test]
fn a_new_password_stands_in_no_log_and_no_record() {
    needs_module!();
    let server = Server::builder()
        .config("slowlog-log-slower-than", "0")
        .config("loglevel", "debug")
        .config("secaudit.log-file", "events.log")
        .start();
    let mut client = server.client();
    // Valkey 8.1 records large and slow calls here.
    for name in [
        "commandlog-execution-slower-than",
        "commandlog-reply-larger-than",
        "commandlog-request-larger-than",
    ] {
        client.call(["CONFIG", "SET", name, "0"]);
    }
    // So that PERSIST has nothing of these to write down.
    assert!(client.call(["CONFIG", "REWRITE"]).is_ok());
    client.call(["SECGATE", "DENY", "flushall"]);
    let mut monitor = Monitor::start(&server);
    let mut seen = server.client();
    let done = fix_json(&mut client, "APPLY auth.password PERSIST");
    let password = password(&done);
    seen.call(["FLUSHALL"]);
    seen.call(["PING", "end-of-monitor"]);
    let monitored = monitor.lines_until(|line| line.contains("end-of-monitor"));
    let mut told = vec![("MONITOR", monitored.join("\n"))];
    for (what, call) in [
        ("SLOWLOG", &["SLOWLOG", "GET", "-1"][..]),
        ("COMMANDLOG", &["COMMANDLOG", "GET", "-1", "slow"]),
        ("COMMANDLOG", &["COMMANDLOG", "GET", "-1", "large-reply"]),
        ("COMMANDLOG", &["COMMANDLOG", "GET", "-1", "large-request"]),
        ("INFO", &["INFO", "everything"]),
        ("ACL LOG", &["ACL", "LOG"]),
        ("ACL LIST", &["ACL", "LIST"]),
        ("CONFIG", &["CONFIG", "GET", "*"]),
        ("CLIENT LIST", &["CLIENT", "LIST"]),
        ("SECGATE LOG", &["SECGATE", "LOG", "JSON"]),
        ("SECGATE LIST", &["SECGATE", "LIST"]),
        ("LATENCY", &["LATENCY", "LATEST"]),
        ("SECAUDIT", &["SECAUDIT", "JSON"]),
    ] {
        told.push((what, format!("{:?}", seen.call(call))));
    }
    assert!(server.log().contains("auth.password"));
    for entry in fs::read_dir(server.dir()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let content = fs::read(&path).unwrap();
            told.push(("a file", String::from_utf8_lossy(&content).into_owned()));
        }
    }
    for (what, text) in told {
        assert!(!text.contains(&password), "{what}: {text}");
    }
}

#[test]
fn a_password_that_nobody_can_be_told_is_not_set_or_taken_back() {
    needs_module!();
    let server = Server::start();
    for _ in 0..10 {
        let mut client = server.client();
        client.send(["SECAUDIT", "FIX", "APPLY", "auth.password"]);
        drop(client);
    }
    // Each of them ends in one of these ways, and each has its line.
    server.wait_until("all ten have ended", || {
        let log = server.log();
        let stopped = log
            .matches("a step failed: the client who asked has gone")
            .count();
        let taken_back = log.matches("so the password was taken back").count();
        stopped + taken_back >= 10
    });
    assert!(server.stranger().call(["SET", "k", "v"]).is_ok());
}

#[test]
fn a_new_password_that_would_stand_in_clear_is_not_written_where_others_read_it() {
    needs_module!();
    let mut server = Server::builder()
        .config("rename-command", "ACL \"\"")
        .start();
    set_mode(&server.conf(), 0o644);
    let before = fs::read(server.conf()).unwrap();
    let error = fix(&mut server.client(), "APPLY auth.password PERSIST").error_text();
    contains(
        &error,
        &[
            "PERSIST is refused: ",
            "the new password",
            "mode 644",
            "; nothing was changed",
        ],
    );
    assert!(server.stranger().call(["GET", "k"]).is_nil());
    assert!(fs::read(server.conf()).unwrap() == before);
    set_mode(&server.conf(), 0o600);
    let password = password(&apply(&server, "auth.password PERSIST"));
    server.restart();
    assert!(server.stranger().call(["AUTH", &password]).is_ok());
}
