//! proc.capabilities, proc.no-new-privs, proc.core-dumps. (proc.root stands with the files.)

use super::Report;
use crate::harness::account::is_root;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use std::process::Command;

fn works(program: &str, args: &[&str]) -> bool {
    let output = Command::new(program).args(args).output();
    output.is_ok_and(|output| output.status.success())
}

#[test]
fn a_server_with_capabilities_fails_and_one_without_passes() {
    needs_module!();
    require!(is_root(), "only root has capabilities to give");
    let report = Report::of(&Server::start());
    report
        .shows("proc.capabilities", "fail", "effective capabilities: ")
        .shows("proc.capabilities", "fail", "among them chown");
    let without = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    require!(
        works(without[0], &[without[1], without[2], "true"]),
        "no setpriv to drop capabilities"
    );
    let server = Server::builder().under(&without).start();
    Report::of(&server).shows("proc.capabilities", "pass", "permitted capabilities: none");
}

#[test]
fn no_new_privs_is_seen_on_the_running_process() {
    needs_module!();
    let wall = ["setpriv", "--no-new-privs"];
    require!(
        works(wall[0], &[wall[1], "true"]),
        "no setpriv to set no_new_privs"
    );
    let server = Server::builder().under(&wall).start();
    Report::of(&server).shows("proc.no-new-privs", "pass", "no_new_privs on");
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    require!(
        status.contains("NoNewPrivs:\t0") && status.contains("Seccomp:\t0"),
        "this process has a wall around it already, and so have its servers"
    );
    Report::of(&Server::start()).shows(
        "proc.no-new-privs",
        "fail",
        "no_new_privs off, seccomp off",
    );
}

#[test]
fn core_dumps_are_judged_by_the_limit_of_the_running_process() {
    needs_module!();
    let pattern = std::fs::read("/proc/sys/kernel/core_pattern").unwrap();
    require!(
        !pattern.starts_with(b"|"),
        "the kernel hands cores to a program here, whatever the limit"
    );
    let server = Server::builder()
        .under(&["bash", "-c", r#"ulimit -S -c 0; exec "$0" "$@""#])
        .start();
    Report::of(&server).shows("proc.core-dumps", "pass", "core file limit 0");
    let raised = ["--core=1048576:1048576", &format!("--pid={}", server.pid())];
    require!(
        works("prlimit", &raised),
        "no right to raise the limit of a running process"
    );
    let report = Report::of(&server);
    report.shows("proc.core-dumps", "fail", "core file limit 1048576");
    let step = format!("sudo prlimit --pid {} --core=0", server.pid());
    assert!(report.steps("proc.core-dumps").contains(&step.as_str()));
}
