//! The grade: each letter on a real server, with the finding that set it.

use super::fixtures::{hardened, make_private};
use super::{Report, set_mode, strong_password};
use crate::harness::account::{NO_OWN_ACCOUNT, can_have_own};
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};

#[test]
fn a_medium_failure_gives_a_b() {
    needs_module!();
    require!(can_have_own(), NO_OWN_ACCOUNT);
    let server = hardened().config("masterauth", "q7Zr!2mVx9Lp#4Ta").start();
    make_private(&server);
    // The server under test may be an old one.
    for id in ["ver.supported", "ver.advisories"] {
        let accept = ["SECGATE", "SUPPRESS", id, "note=a server to test with"];
        assert!(!server.call(accept).is_error());
    }
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
    require!(can_have_own(), NO_OWN_ACCOUNT);
    let server = hardened().start();
    make_private(&server);
    set_mode(&server.dir().join("users.acl"), 0o644);
    // A folder that nobody else enters would make it low.
    set_mode(server.dir(), 0o711);
    let report = Report::of(&server);
    assert_eq!(report.severity("file.acl"), "high");
    let grade = report.grade();
    assert!(grade.starts_with("C (file."), "{grade}");
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
