//! limit.maxmemory, limit.clients, limit.output-buffer, log.file, log.acl-log.

use super::Report;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use std::process::Command;

#[track_caller]
fn set(server: &Server, name: &str, value: &str) {
    let reply = server.call(["CONFIG", "SET", name, value]);
    assert!(reply.is_ok(), "{name} {value}: {reply}");
}

#[test]
fn no_memory_limit_and_one_above_all_memory_fail_and_a_smaller_one_passes() {
    needs_module!();
    let server = Server::start();
    let report = Report::of(&server);
    report
        .shows("limit.maxmemory", "fail", "maxmemory 0: no limit")
        .shows("limit.maxmemory", "fail", "physical memory ");
    assert_eq!(report.severity("limit.maxmemory"), "low");
    set(&server, "maxmemory", "64mb");
    Report::of(&server).shows("limit.maxmemory", "pass", "maxmemory 64mb");
    set(&server, "maxmemory", "1000000gb");
    let report = Report::of(&server);
    report.shows("limit.maxmemory", "fail", "maxmemory 1000000gb");
    assert_eq!(report.severity("limit.maxmemory"), "medium");
}

#[test]
fn more_clients_than_descriptors_and_no_keepalive_fail() {
    needs_module!();
    let server = Server::builder().config("maxclients", "100").start();
    Report::of(&server).shows(
        "limit.clients",
        "pass",
        "maxclients 100, timeout 0, tcp-keepalive 300",
    );
    set(&server, "tcp-keepalive", "0");
    Report::of(&server).shows(
        "limit.clients",
        "fail",
        "tcp-keepalive 0: a client that vanished",
    );
    set(&server, "tcp-keepalive", "60");
    Report::of(&server).shows("limit.clients", "pass", "tcp-keepalive 60");
    // The server makes its limit fit at start; somebody may lower the process's limit later.
    let lowered = Command::new("prlimit")
        .args([&format!("--pid={}", server.pid()), "--nofile=120"])
        .output();
    require!(
        lowered.is_ok_and(|output| output.status.success()),
        "no prlimit to lower the limit of a running process"
    );
    let report = Report::of(&server);
    report
        .shows(
            "limit.clients",
            "fail",
            "descriptors the server keeps for itself",
        )
        .shows("limit.clients", "fail", "at most 120");
    assert!(
        report
            .steps("limit.clients")
            .iter()
            .any(|step| step.ends_with("maxclients 88")),
        "{report:?}"
    );
}

#[test]
fn replies_without_limit_fail_where_other_hosts_can_connect() {
    needs_module!();
    let server = Server::start();
    Report::of(&server).shows("limit.output-buffer", "pass", "it listens on loopback only");
    set(&server, "bind", "0.0.0.0");
    Report::of(&server).shows("limit.output-buffer", "fail", "normal 0 0 0");
    set(&server, "maxmemory-clients", "64mb");
    let together = "maxmemory-clients 64mb: the limit of all clients together";
    Report::of(&server).shows("limit.output-buffer", "pass", together);
    set(&server, "maxmemory-clients", "5%");
    Report::of(&server).shows(
        "limit.output-buffer",
        "fail",
        "maxmemory-clients 5% of maxmemory: all clients together have no limit",
    );
    set(&server, "client-output-buffer-limit", "normal 64mb 16mb 60");
    Report::of(&server).shows("limit.output-buffer", "pass", "normal 67108864 16777216 60");
}

#[test]
fn a_log_that_nobody_keeps_fails() {
    needs_module!();
    let server = Server::start();
    Report::of(&server).shows("log.file", "pass", "redis.log");
    if server
        .call(["CONFIG", "SET", "loglevel", "nothing"])
        .is_ok()
    {
        Report::of(&server).shows("log.file", "fail", "loglevel nothing");
    }
    // A supervisor reads from a pipe; a server that went to the background has /dev/null.
    for (output, outcome) in [("cat", "pass"), ("", "fail")] {
        let script = match output {
            "" => r#"exec "$0" "$@" > /dev/null"#,
            _ => r#"exec "$0" "$@" > >(cat > /dev/null)"#,
        };
        let server = Server::builder()
            .under(&["bash", "-c", script])
            .config("logfile", "\"\"")
            .start();
        let part = if output.is_empty() {
            "/dev/null"
        } else {
            "pipe:["
        };
        Report::of(&server).shows("log.file", outcome, part);
    }
}

#[test]
fn an_acl_log_without_room_fails() {
    needs_module!();
    let server = Server::start();
    Report::of(&server).shows("log.acl-log", "pass", "acllog-max-len 128");
    set(&server, "acllog-max-len", "0");
    Report::of(&server).shows("log.acl-log", "fail", "acllog-max-len 0");
}
