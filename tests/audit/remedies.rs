//! Remedies taken just as they are printed, all of one in a single shell: none ends in a server that nobody can administer.

use super::Report;
use crate::harness::process::run;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::harness::version::cli_binary;
use crate::harness::wait::DEADLINE;
use std::process::Command;

/// Takes the steps in the server's folder; no answer may be an error.
#[track_caller]
fn follow(server: &Server, steps: &[&str], password: &str) {
    let folder = cli_binary().parent().unwrap().display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell
        .args(["-ec", &steps.join("\n")])
        .current_dir(server.dir())
        .env("PATH", path)
        .env("REDISCLI_AUTH", password);
    let done = run(shell, b"", DEADLINE);
    let (said, complaint) = (done.text(), done.complaint());
    assert!(done.status.success(), "{steps:#?}\n{said}{complaint}");
    for error in ["ERR", "NOPERM", "NOAUTH", "WRONGPASS"] {
        assert!(!said.contains(error), "{steps:#?}\n{said}{complaint}");
    }
}

/// What a file in the server's folder holds.
fn content(server: &Server, name: &str) -> String {
    std::fs::read_to_string(server.dir().join(name)).unwrap()
}

/// Takes the steps of a check, starts the server again, and signs in as the administrator whom they made.
#[track_caller]
fn mends_and_leaves_an_administrator(server: &mut Server, id: &str) {
    let report = Report::of(server);
    report.shows(id, "fail", "");
    follow(server, &report.steps(id), "");
    server.restart();
    let mut client = server.stranger();
    let password = content(server, "admin.password");
    assert!(client.auth("admin", &password).is_ok());
    assert!(client.call(["CONFIG", "SET", "hz", "11"]).is_ok());
    let report = Report::by(&mut client);
    assert_ne!(report.outcome(id), "fail", "{report:?}");
}

#[test]
fn the_only_user_gives_up_its_power_to_an_administrator() {
    needs_module!();
    let mut server = Server::builder().policy("").start();
    mends_and_leaves_an_administrator(&mut server, "auth.user-privileges");
}

#[test]
fn the_default_user_is_off_and_an_administrator_is_left() {
    needs_module!();
    let mut server = Server::builder()
        .policy("")
        .config("user", "app on >pw ~app:* -@all +@read")
        .start();
    mends_and_leaves_an_administrator(&mut server, "auth.default-user");
}

#[test]
fn a_new_password_of_the_default_user_is_kept() {
    needs_module!();
    for id in ["auth.password-strength", "auth.known-password"] {
        let server = Server::builder().password("foobared").start();
        let report = Report::by(&mut server.client());
        report.shows(id, "fail", "");
        follow(&server, &report.steps(id), "foobared");
        server.stop();
        let conf = content(&server, "redis.conf");
        assert!(!conf.contains("foobared"), "{id}: {conf}");
    }
}
