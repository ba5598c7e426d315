//! auth.password, auth.password-strength, auth.nopass-users; and that no password is ever shown.

use super::{Report, strong_password};
use crate::harness::cli;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;

#[test]
fn a_default_user_without_a_password_fails() {
    needs_module!();
    let server = Server::start();
    let report = Report::of(&server);
    report.shows("auth.password", "fail", "user default on nopass");
    assert_eq!(report.severity("auth.password"), "high");
    let reason = report.finding("auth.password")["severity_reason"].to_string();
    assert!(reason.contains("only this host can use it"), "{reason}");
}

#[test]
fn a_password_from_wherever_it_comes_is_seen() {
    needs_module!();
    let password = strong_password("wherever");
    let in_file = Server::builder().password(&password).start();
    Report::of(&in_file).shows("auth.password", "pass", "user default on, passwords: 1");

    let on_command_line = Server::builder()
        .args(&["--requirepass", &password])
        .sign_in("default", &password)
        .start();
    Report::of(&on_command_line)
        .shows("auth.password", "pass", "passwords: 1")
        .shows("auth.password-strength", "pass", "requirepass: at least 32");

    let by_config_set = Server::start();
    let mut client = by_config_set.client();
    Report::by(&mut client)
        .shows("auth.password", "fail", "nopass")
        .shows("auth.password-strength", "not-applicable", "no password");
    let set = client.call(["CONFIG", "SET", "requirepass", &password]);
    assert!(set.is_ok());
    Report::by(&mut client)
        .shows("auth.password", "pass", "passwords: 1")
        .shows("auth.password-strength", "pass", "requirepass: at least 32");

    let by_acl = Server::start();
    let mut client = by_acl.client();
    let given = format!(">{password}");
    let rules = ["ACL", "SETUSER", "default", "resetpass", &given];
    assert!(client.call(rules).is_ok());
    Report::by(&mut client).shows("auth.password", "pass", "passwords: 1");
}

#[test]
fn a_default_user_who_is_off_needs_no_password_and_one_who_loses_it_fails_again() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    assert!(client.call(["ACL", "SETUSER", "default", "off"]).is_ok());
    Report::by(&mut client).shows("auth.password", "pass", "user default off");
    let back = ["ACL", "SETUSER", "default", "on"];
    assert!(client.call(back).is_ok());
    Report::by(&mut client).shows("auth.password", "fail", "user default on nopass");
}

#[test]
fn a_password_is_judged_by_its_strength() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    for (password, outcome, severity) in [
        ("foobared", "fail", "high"),
        ("a", "fail", "high"),
        ("passwordpasswordpasswordpasswordpassword", "fail", "high"),
        ("q7Zr!2mVx9Lp#4Ta", "fail", "medium"),
        (&strong_password("strength"), "pass", "high"),
    ] {
        let set = client.call(["CONFIG", "SET", "requirepass", password]);
        assert!(set.is_ok());
        let report = Report::by(&mut client);
        report.shows("auth.password-strength", outcome, "requirepass: ");
        assert_eq!(report.severity("auth.password-strength"), severity);
    }
}

#[test]
fn a_weak_password_for_the_master_fails_and_one_that_the_acl_replaced_does_not() {
    needs_module!();
    let strong = strong_password("master");
    let server = Server::builder()
        .config("masterauth", "replica1")
        .password(&strong)
        .start();
    Report::of(&server)
        .shows("auth.password-strength", "fail", "masterauth: shorter than")
        .shows("auth.password-strength", "fail", "requirepass: at least 32");

    let server = Server::builder().password("foobared").start();
    let mut client = server.client();
    Report::by(&mut client).shows("auth.password-strength", "fail", "score ");
    let given = format!(">{strong}");
    let rules = ["ACL", "SETUSER", "default", "resetpass", &given];
    assert!(client.call(rules).is_ok());
    Report::by(&mut client).shows("auth.password-strength", "pass", "requirepass: out of use");
}

#[test]
fn every_other_user_needs_a_password_while_it_is_on() {
    needs_module!();
    let server = Server::builder()
        .config("user", "legacy on nopass ~* +@all")
        .start();
    Report::of(&server).shows("auth.nopass-users", "fail", "user legacy on nopass");
    assert!(
        server
            .call(["ACL", "SETUSER", "legacy", "resetpass", ">pw"])
            .is_ok()
    );
    Report::of(&server).shows(
        "auth.nopass-users",
        "pass",
        "enabled users beside default: 1, none of them nopass",
    );
    assert!(
        server
            .call(["ACL", "SETUSER", "asleep", "nopass", "+@all"])
            .is_ok()
    );
    Report::of(&server).shows("auth.nopass-users", "pass", "beside default: 1,");
    assert!(server.call(["ACL", "SETUSER", "asleep", "on"]).is_ok());
    Report::of(&server).shows("auth.nopass-users", "fail", "user asleep on nopass");
}

#[test]
fn no_password_is_in_any_answer_nor_in_the_log() {
    needs_module!();
    let [default, master, user, tried] =
        ["default", "master", "user", "tried"].map(strong_password);
    let server = Server::builder()
        .config("loglevel", "debug")
        .config("masterauth", &master)
        .config("user", &format!("app on >{user} ~* +@all"))
        .policy("deny flushall id=no\ndeny auth force mode=observe id=auth\n")
        .password(&default)
        .start();
    let mut client = server.client();
    client.call(["AUTH", "app", &tried]);
    client.call(["FLUSHALL"]);
    let mut answers = Vec::new();
    for words in [
        &["SECAUDIT"][..],
        &["SECAUDIT", "JSON"],
        &["SECAUDIT", "CHECKS"],
        &["SECAUDIT", "EXPLAIN", "auth.password-strength"],
        &["SECGATE", "LIST"],
        &["SECGATE", "LOG"],
        &["SECGATE", "LOG", "JSON"],
        &["SECGATE", "STATS"],
        &["INFO", "everything"],
    ] {
        let reply = client.call(words);
        assert!(!reply.is_error(), "{words:?}: {reply}");
        answers.push(reply.to_string());
    }
    // What a client sends where a word of ours is wanted is shown in the error, as it is by every command; not more.
    answers.push(client.call(["SECAUDIT", "TEXT", "x"]).to_string());
    answers.push(cli::run(&server, ["SECAUDIT"]).text());
    answers.push(server.log());
    for secret in [default, master, user, tried] {
        for answer in &answers {
            assert!(!answer.contains(&secret), "{secret} is in {answer}");
        }
    }
}
