//! Nothing is left running: not when a test panics, not when the test runner is killed, not when a program hangs.

use super::{bare, complaint_of, runs};
use crate::harness::process::{Process, run};
use crate::harness::wait::{DEADLINE, until};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const FIXTURE: &str = "SECAUDIT_TEST_FIXTURE";

/// This test binary, to run one of the fixtures below in a process of its own.
fn fixture(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let path = format!("{}::{name}", module_path!().split_once("::").unwrap().1);
    command
        .args(["--ignored", "--nocapture", "--exact", &path])
        .env(FIXTURE, "yes");
    command
}

/// The pid that a fixture has printed.
fn pid_in(output: &str) -> Option<u32> {
    output
        .lines()
        .find_map(|line| line.split_once("server pid ")?.1.trim().parse().ok())
}

#[test]
#[ignore = "a fixture: it fails on purpose, in a process of its own"]
fn fixture_that_panics() {
    if std::env::var_os(FIXTURE).is_none() {
        return;
    }
    let server = bare();
    println!("server pid {}", server.pid());
    server.call(["CONFIG", "SET", "loglevel", "verbose"]);
    panic!("on purpose");
}

#[test]
#[ignore = "a fixture: it is killed on purpose, in a process of its own"]
fn fixture_that_is_killed() {
    if std::env::var_os(FIXTURE).is_none() {
        return;
    }
    let server = bare();
    println!("server pid {}", server.pid());
    until("being killed", DEADLINE, || false);
}

#[test]
fn a_panicking_test_shows_its_servers_log_and_leaves_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = fixture("fixture_that_panics");
    command.env("TMPDIR", folder.path());
    let outcome = run(command, b"", DEADLINE * 2);
    let shown = outcome.complaint();
    assert!(!outcome.status.success());
    assert!(shown.contains("on purpose"), "{shown}");
    assert!(shown.contains("--- server of "), "{shown}");
    assert!(shown.contains("redis.conf"), "the command line: {shown}");
    assert!(
        shown.contains(&crate::harness::version::under_test().to_string()),
        "{shown}"
    );
    assert!(
        shown.contains("Ready to accept connections"),
        "the log: {shown}"
    );
    let pid = pid_in(&outcome.text()).unwrap();
    assert!(!runs(pid, folder.path()), "the process is left over");
}

#[test]
fn a_killed_test_runner_leaves_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output");
    let mut command = fixture("fixture_that_is_killed");
    // Its server's folder is not removed by a runner that is killed: let it be inside ours.
    command.env("TMPDIR", folder.path()).stdin(Stdio::null());
    command
        .stdout(File::create(&output).unwrap())
        .stderr(Stdio::null());
    let runner = Process::spawn(command).unwrap();
    let pid = until("the runner's server", DEADLINE, || {
        pid_in(&read(&output)).ok_or(read(&output))
    });
    assert!(runs(pid, folder.path()));
    runner.kill();
    until("the end of the orphaned server", DEADLINE, || {
        !runs(pid, folder.path())
    });
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn a_program_that_hangs_is_killed_at_its_deadline() {
    let mut command = Command::new("sh");
    command.args(["-c", "echo so far; echo trouble >&2; exec sleep 600"]);
    let begun = Instant::now();
    let said = complaint_of(|| run(command, b"", Duration::from_millis(200)));
    assert!(
        said.contains("so far") && said.contains("trouble"),
        "{said}"
    );
    assert!(begun.elapsed() < DEADLINE);
}

#[test]
fn a_programs_input_and_output_are_whole() {
    let input = vec![b'x'; 1 << 20];
    let mut command = Command::new("sh");
    command.args(["-c", "cat; echo done >&2; exit 3"]);
    let outcome = run(command, &input, DEADLINE);
    assert_eq!((outcome.status.code(), outcome.stdout), (Some(3), input));
    assert_eq!(outcome.stderr, b"done\n");
}
