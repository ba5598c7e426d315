//! The log file: the gate's events as JSON lines, the setting that names it, and the thread that writes it.

/// Rotation, full disks, floods, and the end of the server.
mod trouble;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::builder::Builder;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::version::{VALKEY_8_1, VALKEY_9_1};

const SETTING: &str = "secaudit.log-file";

/// A server that refuses FLUSHALL, records KEYS, and writes `events.log` in its folder.
fn logging() -> Builder {
    Server::builder()
        .config(SETTING, "events.log")
        .config("enable-protected-configs", "yes")
        .policy("deny flushall id=no-flush\ndeny keys id=no-keys mode=observe\n")
}

fn file_of(server: &Server) -> PathBuf {
    server.dir().join("events.log")
}

/// Every line of a log file; panics if one is not JSON, or is not ended.
fn lines_of(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert!(
        text.is_empty() || text.ends_with('\n'),
        "the last line is torn: {text}"
    );
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}")))
        .collect()
}

/// How many lines are events, and how many more events the file says are lost.
fn told(lines: &[Value]) -> (u64, u64) {
    let events = lines.iter().filter(|line| line["seq"].is_u64()).count();
    let lost = lines.iter().filter_map(|line| line["dropped"].as_u64());
    (events as u64, lost.sum())
}

fn field(server: &Server, name: &str) -> String {
    let info = server.info("secaudit");
    info.get(&format!("secaudit_{name}"))
        .cloned()
        .unwrap_or_default()
}

fn number(server: &Server, name: &str) -> u64 {
    field(server, name).parse().unwrap()
}

/// Waits until every recorded decision is written or dropped; answers how many were written.
#[track_caller]
fn accounted(server: &Server) -> u64 {
    server.wait_until("every event to be written or dropped", || {
        let recorded = number(server, "calls_denied") + number(server, "calls_observed");
        let (written, dropped) = (
            number(server, "log_file_written"),
            number(server, "log_file_dropped"),
        );
        if written + dropped == recorded {
            Ok(written)
        } else {
            Err(format!("{written} + {dropped} of {recorded}"))
        }
    })
}

fn refused(server: &Server, count: usize) {
    for reply in server.client().pipeline(vec![["FLUSHALL"]; count]) {
        assert!(reply.is_error());
    }
}

/// The ids of the threads that write.
fn writers(server: &Server) -> Vec<PathBuf> {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    tasks
        .map(|task| task.unwrap().path())
        .filter(|task| {
            fs::read_to_string(task.join("comm")).is_ok_and(|name| name == "secaudit-log\n")
        })
        .collect()
}

#[test]
fn every_decision_becomes_a_line_with_the_fields_of_secgate_log() {
    needs_module!();
    let server = logging().start();
    refused(&server, 2);
    server.call(["KEYS", "secret-pattern"]);
    server.call(["EVAL", "return redis.pcall('flushall')", "0"]);
    accounted(&server);
    let lines = lines_of(&file_of(&server));
    let of =
        |name: &str| -> Vec<&str> { lines.iter().map(|l| l[name].as_str().unwrap()).collect() };
    assert_eq!(of("action"), ["deny", "deny", "observe", "deny"]);
    assert_eq!(of("rule"), ["no-flush", "no-flush", "no-keys", "no-flush"]);
    assert_eq!(of("via"), ["client", "client", "client", "script"]);
    let seqs: Vec<u64> = lines.iter().filter_map(|l| l["seq"].as_u64()).collect();
    assert_eq!(seqs, [1, 2, 3, 4], "repeats are not merged");
    let shown = server.call(["SECGATE", "LOG", "1", "JSON"]).text();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let names =
        |object: &Value| -> Vec<String> { object.as_object().unwrap().keys().cloned().collect() };
    assert_eq!(names(&lines[0]), names(&shown[0]));
    assert!(
        !fs::read_to_string(file_of(&server))
            .unwrap()
            .contains("secret"),
        "arguments are not written"
    );
    let mode = fs::metadata(file_of(&server)).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert_eq!(field(&server, "log_file_state"), "ok");
    assert_eq!(field(&server, "log_file_error"), "");
    let stats = server.call(["SECGATE", "STATS"]).texts();
    assert!(
        stats.contains(&"log_file_written:4".to_owned()),
        "{stats:?}"
    );
}

#[test]
fn without_the_setting_there_is_no_thread_and_no_file() {
    needs_module!();
    let server = Server::builder().policy("deny flushall\n").start();
    refused(&server, 1);
    assert_eq!(writers(&server), Vec::<PathBuf>::new());
    assert_eq!(field(&server, "log_file_state"), "off");
    assert_eq!(number(&server, "log_file_written"), 0);
    assert!(!file_of(&server).exists());
}

#[test]
fn config_set_needs_protected_configs_to_be_enabled() {
    needs_module!();
    let server = Server::start();
    let error = server
        .call(["CONFIG", "SET", SETTING, "events.log"])
        .error_text();
    assert!(error.contains("protected config"), "{error}");
    assert!(!file_of(&server).exists());
    let server = Server::builder()
        .config("enable-protected-configs", "yes")
        .policy("deny flushall\n")
        .start();
    assert!(
        server
            .call(["CONFIG", "SET", SETTING, "events.log"])
            .is_ok()
    );
    refused(&server, 3);
    server.wait_until("three lines", || lines_of(&file_of(&server)).len() == 3);
}

#[test]
fn a_relative_path_is_shown_whole_and_kept_by_config_rewrite() {
    needs_module!();
    let mut server = logging().start();
    let path = file_of(&server).to_string_lossy().into_owned();
    for _ in 0..3 {
        let shown = server.call(["CONFIG", "GET", SETTING]).texts();
        assert_eq!(shown, [SETTING, path.as_str()]);
    }
    let other = server.dir().join("other log, 'new'");
    assert!(
        server
            .call(["CONFIG", "SET", SETTING, "other log, 'new'"])
            .is_ok()
    );
    assert!(server.call(["CONFIG", "REWRITE"]).is_ok());
    server.restart();
    let shown = server.call(["CONFIG", "GET", SETTING]).texts();
    assert_eq!(shown[1], other.to_string_lossy());
    refused(&server, 1);
    accounted(&server);
    assert_eq!(lines_of(&other).len(), 1);
    assert!(server.call(["CONFIG", "SET", SETTING, ""]).is_ok());
    assert_eq!(server.call(["CONFIG", "GET", SETTING]).texts()[1], "");
    assert!(server.call(["CONFIG", "REWRITE"]).is_ok());
    server.restart();
    assert_eq!(field(&server, "log_file_state"), "off");
}

#[test]
fn a_wrong_path_is_refused_with_what_is_wrong_and_nothing_changes() {
    needs_module!();
    let server = logging().start();
    let path = |name: &str| server.dir().join(name).to_string_lossy().into_owned();
    let _socket = UnixListener::bind(path("socket")).unwrap();
    std::os::unix::fs::symlink("/dev/null", path("link")).unwrap();
    for (wrong, reason) in [
        (path(""), "this is a folder, and should be an ordinary file"),
        (path("no/such"), "folder does not exist"),
        (path("redis.conf/x"), "Not a directory"),
        ("/dev/full".to_owned(), "is a device"),
        (path("link"), "is a device"),
        (path("socket"), "is a socket"),
        (
            path("a\nb/c"),
            "no quotes, backslashes or control characters",
        ),
        (path("nul\0"), "control characters"),
        (path("a\"b"), "no quotes"),
        (path(&"n".repeat(300)), "File name too long"),
    ] {
        let error = server.call(["CONFIG", "SET", SETTING, &wrong]).error_text();
        assert!(error.contains(reason), "{wrong}: {error}");
    }
    assert_eq!(
        server.call(["CONFIG", "GET", SETTING]).texts()[1],
        path("events.log")
    );
    refused(&server, 1);
    accounted(&server);
    assert_eq!(lines_of(&file_of(&server)).len(), 1);
}

#[test]
fn a_wrong_path_in_redis_conf_stops_the_server_from_starting_with_the_reason() {
    needs_module!();
    for (wrong, reason) in [
        (
            "/dev/null",
            "this is a device, and should be an ordinary file or a new one: /dev/null",
        ),
        (".", "this is a folder, and should be an ordinary file"),
        ("no/such", "folder does not exist"),
    ] {
        let failure = Server::builder().config(SETTING, wrong).expect_refusal();
        assert!(failure.log.contains(reason), "{failure}");
        assert!(
            failure.status.code().is_some(),
            "it did not crash: {failure}"
        );
    }
}

#[test]
fn the_setting_can_change_and_go_and_come_and_each_file_is_finished() {
    needs_module!();
    let server = logging().start();
    let path = |name: &str| server.dir().join(name);
    for round in 0..40 {
        refused(&server, 50);
        let next = if round % 2 == 0 { "" } else { "events.log" };
        assert!(server.call(["CONFIG", "SET", SETTING, next]).is_ok());
        assert_eq!(
            field(&server, "log_file_state"),
            if round % 2 == 0 { "off" } else { "ok" }
        );
    }
    assert_eq!(lines_of(&path("events.log")).len(), 20 * 50);
    assert!(
        server
            .call(["CONFIG", "SET", SETTING, "second.log"])
            .is_ok()
    );
    refused(&server, 50);
    assert!(
        server
            .call(["CONFIG", "SET", SETTING, "second.log"])
            .is_ok()
    );
    server.wait_until("the second file", || {
        lines_of(&path("second.log")).len() == 50
    });
    assert_eq!(
        lines_of(&path("second.log"))[0]["seq"],
        1001,
        "numbers go on"
    );
    assert_eq!(writers(&server).len(), 1);
    let used: u64 = server.info("memory")["used_memory"].parse().unwrap();
    assert!(used < 200_000_000, "memory is still counted right: {used}");
}

#[test]
fn the_thread_gets_none_of_the_servers_signals() {
    needs_module!();
    let server = logging().start();
    let thread = server.wait_until("the thread", || writers(&server).pop());
    let status = fs::read_to_string(thread.join("status")).unwrap();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigBlk:"))
        .unwrap();
    let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
    let blocks = |signal: i32| mask & (1 << (signal - 1)) != 0;
    for signal in [
        libc::SIGTERM,
        libc::SIGINT,
        libc::SIGALRM,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGXFSZ,
    ] {
        assert!(blocks(signal), "{signal} is not blocked: {mask:x}");
    }
    assert!(!blocks(libc::SIGSEGV), "a crash is reported as any other");
    assert!(server.stop().success());
}

#[test]
fn a_load_that_is_taken_back_leaves_no_thread_behind() {
    needs_module!();
    let server = Server::builder()
        .no_module()
        .config("enable-module-command", "yes")
        .start();
    let module = crate::harness::module::path();
    let module = module.to_str().unwrap();
    let log = file_of(&server).to_string_lossy().into_owned();
    fs::write(server.dir().join("bad.policy"), "deyn get\n").unwrap();
    for _ in 0..3 {
        let refused = server.call([
            "MODULE",
            "LOADEX",
            module,
            "CONFIG",
            SETTING,
            &log,
            "ARGS",
            "bad.policy",
        ]);
        assert!(refused.is_error());
        assert_eq!(writers(&server), Vec::<PathBuf>::new());
    }
    assert!(
        server
            .call(["MODULE", "LOADEX", module, "CONFIG", SETTING, &log])
            .is_ok()
    );
    server.wait_until("the thread", || writers(&server).len() == 1);
    let version = server.version();
    require!(
        !version.at_least(VALKEY_8_1) || version.at_least(VALKEY_9_1),
        "Valkey 8.1 crashes when it takes back commands with subcommands"
    );
    let server = Server::builder()
        .no_module()
        .config("enable-module-command", "yes")
        .start();
    // Refused after our part of loading went well: the server unloads the module again.
    let refused = server.call([
        "MODULE",
        "LOADEX",
        module,
        "CONFIG",
        SETTING,
        &log,
        "CONFIG",
        "secaudit.nonsense",
        "1",
    ]);
    assert!(refused.is_error());
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(writers(&server), Vec::<PathBuf>::new());
    assert!(server.is_alive());
}
