//! The grade: each letter on a real server, with the finding that set it.

use super::{MACHINES_OWN, Report, set_mode, strong_password};
use crate::harness::account::{NO_ORDINARY_USER, can_be_ordinary};
use crate::harness::builder::{Builder, POLICY_NAME};
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use std::path::Path;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/redis-test-conf");

/// The production server of redis-test-conf/hardened.conf, with its policy and its users.
fn hardened() -> Builder {
    let fixture = |name: &str| std::fs::read(Path::new(FIXTURES).join(name)).unwrap();
    Server::builder()
        .ordinary_user()
        .conf_file(Path::new(FIXTURES).join("hardened.conf"))
        .file("hardened.policy", fixture("hardened.policy"))
        .file("users.acl", fixture("users.acl"))
        .sign_in("admin", "example-nR4bXw8Yc2Kq6Vd0Zt5Jm9Hs")
}

fn make_private(server: &Server) {
    set_mode(server.dir(), 0o700);
    for name in ["redis.conf", "hardened.policy", "users.acl", POLICY_NAME] {
        let path = server.dir().join(name);
        if path.exists() {
            set_mode(&path, 0o600);
        }
    }
}

#[test]
fn a_hardened_server_gets_an_a() {
    needs_module!();
    require!(can_be_ordinary(), NO_ORDINARY_USER);
    let server = hardened().start();
    make_private(&server);
    let report = Report::of(&server);
    for (id, outcome) in report.outcomes() {
        let severity = report.severity(id);
        let minor = outcome == "fail" && ["low", "info"].contains(&severity);
        let fine = matches!(outcome, "pass" | "not-applicable") || minor;
        assert!(
            fine || MACHINES_OWN.contains(&id),
            "{:#}",
            report.finding(id)
        );
    }
    // Somebody has to administer the server, and the policy says who.
    report.shows("cmd.data-loss", "pass", "open to app: ");
    assert_eq!(report.notes(), []);
    report.gets_an_a();
}

#[test]
fn a_medium_failure_gives_a_b() {
    needs_module!();
    require!(can_be_ordinary(), NO_ORDINARY_USER);
    let server = hardened().config("masterauth", "q7Zr!2mVx9Lp#4Ta").start();
    make_private(&server);
    let grade = Report::of(&server).grade();
    assert!(grade.starts_with("B (auth.password-strength: "), "{grade}");
}

#[test]
fn high_failures_give_a_c_on_this_host_and_a_d_where_others_reach_them() {
    needs_module!();
    let server = Server::builder()
        .password(&strong_password("grade"))
        .start();
    let grade = Report::of(&server).grade();
    assert!(
        grade.starts_with("C (cmd.dangerous: ")
            && grade.ends_with("though not from beyond this host)"),
        "{grade}"
    );
    assert!(server.call(["CONFIG", "SET", "bind", "0.0.0.0"]).is_ok());
    let grade = Report::of(&server).grade();
    assert!(
        grade.starts_with("D (net.bind: ")
            && grade.ends_with("and it is within reach of other hosts)"),
        "{grade}"
    );
}

#[test]
fn a_file_that_others_may_read_is_no_matter_of_other_hosts() {
    needs_module!();
    require!(can_be_ordinary(), NO_ORDINARY_USER);
    let server = hardened().start();
    make_private(&server);
    set_mode(&server.dir().join("users.acl"), 0o644);
    let grade = Report::of(&server).grade();
    assert!(grade.starts_with("C (file.acl: "), "{grade}");
}

#[test]
fn a_server_open_to_the_world_gets_an_f_and_one_that_protected_mode_guards_does_not() {
    needs_module!();
    let server = Server::builder()
        .config("bind", "0.0.0.0")
        .config("protected-mode", "no")
        .start();
    assert_eq!(
        Report::of(&server).grade(),
        "F (auth.password: anyone who can reach the port is administrator)"
    );
    let guarded = ["CONFIG", "SET", "protected-mode", "yes"];
    assert!(server.call(guarded).is_ok());
    let grade = Report::of(&server).grade();
    assert!(grade.starts_with("D (net.bind: "), "{grade}");
}

#[test]
fn the_wide_open_fixture_fails_what_it_says_it_fails() {
    needs_module!();
    let server = Server::builder()
        .conf_file(Path::new(FIXTURES).join("wide-open.conf"))
        .start();
    set_mode(server.dir(), 0o755);
    let report = Report::of(&server);
    for id in [
        "net.bind",
        "net.protected-mode",
        "auth.password",
        "auth.password-strength",
        "auth.nopass-users",
        "cmd.dangerous",
        "cmd.data-loss",
        "cmd.config",
        "file.data-dir",
        "limit.maxmemory",
        "limit.clients",
        "limit.output-buffer",
        "log.acl-log",
    ] {
        assert_eq!(report.outcome(id), "fail", "{:#}", report.finding(id));
    }
    report.shows("cmd.dangerous", "fail", " debug ");
    assert!(report.grade().starts_with("F ("), "{}", report.grade());
}
