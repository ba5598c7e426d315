//! cmd.scripting, cmd.debug, cmd.module-load, cmd.protected-configs, cmd.gate.

use super::Report;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;

#[test]
fn what_only_redis_conf_can_switch_off_fails_while_it_is_on() {
    needs_module!();
    for (id, setting, command) in [
        ("cmd.debug", "enable-debug-command", "debug"),
        ("cmd.module-load", "enable-module-command", "module"),
        (
            "cmd.protected-configs",
            "enable-protected-configs",
            "config",
        ),
    ] {
        let server = Server::start();
        Report::of(&server).shows(id, "pass", &format!("{setting} no"));
        let server = Server::builder().config(setting, "yes").start();
        let report = Report::of(&server);
        report.shows(id, "fail", &format!("{setting} yes")).shows(
            id,
            "fail",
            &format!("open to default: {command}"),
        );
        assert_eq!(report.severity(id), "high");
        let deny = ["SECGATE", "DENY", command];
        assert!(!server.call(deny).is_error());
        let report = Report::of(&server);
        report.shows(id, "fail", "denied by the gate (rule r1)");
        assert_eq!(report.severity(id), "low");
        let server = Server::builder().config(setting, "local").start();
        let report = Report::of(&server);
        report.shows(id, "fail", &format!("{setting} local"));
        assert_eq!(report.severity(id), "medium");
    }
}

#[test]
fn the_step_that_closes_protected_settings_for_now_counts_and_is_not_asked_for_again() {
    needs_module!();
    let id = "cmd.protected-configs";
    let server = Server::builder()
        .config("enable-protected-configs", "yes")
        .start();
    let is_deny = |step: &&str| step.contains("SECGATE DENY");
    assert_eq!(
        Report::of(&server)
            .steps(id)
            .iter()
            .filter(|step| is_deny(step))
            .count(),
        1
    );
    let paths = "param=dir,dbfilename,appenddirname,aclfile,logfile";
    let deny = ["SECGATE", "DENY", "config|set", paths, "id=no-paths"];
    assert!(!server.call(deny).is_error());
    assert!(server.call(["CONFIG", "SET", "dir", "/"]).is_error());
    let report = Report::of(&server);
    report.shows(id, "fail", "denied by the gate (rule no-paths)");
    assert_eq!(report.severity(id), "low");
    assert_eq!(
        report.steps(id).iter().filter(|step| is_deny(step)).count(),
        0
    );
}

#[test]
fn scripts_for_everybody_fail_and_for_some_pass() {
    needs_module!();
    let server = Server::builder()
        .config("user", "app on >pw ~* +@all")
        .start();
    Report::of(&server).shows(
        "cmd.scripting",
        "fail",
        "open to app, default: eval evalsha eval_ro evalsha_ro fcall fcall_ro script|load function|load",
    );
    assert!(
        server
            .call(["ACL", "SETUSER", "app", "-@scripting"])
            .is_ok()
    );
    Report::of(&server).shows("cmd.scripting", "pass", "open to default: eval ");
    let back = ["ACL", "SETUSER", "app", "+function|load"];
    assert!(server.call(back).is_ok());
    Report::of(&server).shows(
        "cmd.scripting",
        "fail",
        "open to app, default: function|load",
    );
    let profile = ["SECGATE", "PROFILE", "scripting", "ADD", "id=no-scripts"];
    assert!(!server.call(profile).is_error());
    Report::of(&server).shows(
        "cmd.scripting",
        "pass",
        "denied by the gate (rule no-scripts): eval ",
    );
    assert!(server.call(["EVAL", "return 1", "0"]).is_error());
}

#[test]
fn a_gate_that_does_not_enforce_fails_and_so_does_a_rule_on_trial() {
    needs_module!();
    let server = Server::builder().policy("deny flushall\n").start();
    Report::of(&server).shows("cmd.gate", "pass", "mode enforce, 1 statement");
    for mode in ["observe", "off"] {
        assert!(server.call(["SECGATE", "MODE", mode]).is_ok());
        let report = Report::of(&server);
        report.shows("cmd.gate", "fail", &format!("mode {mode}, 1 statement"));
        assert_eq!(report.severity("cmd.gate"), "low");
    }
    assert!(server.call(["SECGATE", "MODE", "enforce"]).is_ok());
    let trial = ["SECGATE", "DENY", "keys", "mode=observe", "id=trial"];
    assert!(!server.call(trial).is_error());
    Report::of(&server).shows("cmd.gate", "fail", "only records (mode=observe): trial");
    assert_eq!(server.call(["SECGATE", "DEL", "trial"]).int(), 1);
    Report::of(&server).shows("cmd.gate", "pass", "mode enforce, 1 statement");
}
