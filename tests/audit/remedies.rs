//! Remedies taken just as they are printed, all of one in a single shell: none ends in a server that nobody can administer.

use super::{Report, set_mode};
use crate::harness::process::run;
use crate::harness::replication::{Replication, wait_for_link};
use crate::harness::sentinel::Sentinel;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::harness::version::cli_binary;
use crate::harness::wait::DEADLINE;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

/// Takes the steps in the server's folder; no answer may be an error.
#[track_caller]
pub fn follow(server: &Server, steps: &[&str], password: &str) {
    let folder = cli_binary().parent().unwrap().display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    // The tests may do what they do without it.
    let own = |step: &&str| step.strip_prefix("sudo ").unwrap_or(step).to_owned();
    let own: Vec<String> = steps.iter().map(own).collect();
    let mut shell = Command::new("bash");
    shell
        .args(["-ec", &own.join("\n")])
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
        let report = Report::of(&server);
        report.shows(id, "fail", "");
        follow(&server, &report.steps(id), "foobared");
        server.stop();
        let conf = content(&server, "redis.conf");
        assert!(!conf.contains("foobared"), "{id}: {conf}");
    }
}

#[test]
fn a_file_that_a_remedy_writes_has_its_mode_again_whatever_the_servers_umask() {
    needs_module!();
    for (umask, written) in [("022", 0o644), ("027", 0o640), ("077", 0o600)] {
        let server = Server::builder()
            .password("foobared")
            .under(&["sh", "-c", &format!("umask {umask}; exec \"$@\""), "sh"])
            .start();
        let mode = || std::fs::metadata(server.conf()).unwrap().mode() & 0o777;
        set_mode(&server.conf(), 0o600);
        let report = Report::of(&server);
        let steps = report.steps("auth.known-password");
        let again = steps.iter().any(|step| step.starts_with("sudo chmod 600 "));
        assert_eq!(again, written != 0o600, "umask {umask}: {steps:#?}");
        assert!(server.call(["CONFIG", "REWRITE"]).is_ok());
        assert_eq!(mode(), written, "umask {umask}");
        set_mode(&server.conf(), 0o600);
        follow(&server, &steps, "foobared");
        assert_eq!(mode(), 0o600, "umask {umask}");
    }
}

/// A policy as the fix of what is dangerous leaves it.
const HARDENED: &str = "deny acl config id=no-dangerous\n";

/// Whether a statement that was to hold for a few steps is still there, in the policy or in its file.
fn is_left_open(server: &mut Server, password: &str) -> bool {
    let mut client = server.stranger();
    assert!(client.auth("admin", password).is_ok());
    let list = client.call(["SECGATE", "LIST"]);
    let file = content(server, "secaudit.policy");
    format!("{list:?}{file}").contains("for-now")
}

#[test]
fn the_steps_of_other_checks_pass_a_gate_that_denies_acl_and_config() {
    needs_module!();
    let user = "app on >pw ~app:* -@all +@read";
    for id in ["auth.user-privileges", "auth.default-user"] {
        let mut server = Server::builder()
            .policy(HARDENED)
            .config("user", user)
            .start();
        let report = Report::of(&server);
        report.shows(id, "fail", "");
        follow(&server, &report.steps(id), "");
        let password = content(&server, "admin.password");
        assert!(!is_left_open(&mut server, &password), "{id}");
        server.restart();
        assert!(!is_left_open(&mut server, &password), "{id}");
        let mut client = server.stranger();
        assert!(client.auth("admin", &password).is_ok());
        assert_ne!(Report::by(&mut client).outcome(id), "fail", "{id}");
    }
}

#[test]
fn passwords_of_users_change_behind_a_gate_that_denies_acl_and_config() {
    needs_module!();
    let id = "auth.shared-password";
    let server = Server::builder()
        .policy(HARDENED)
        .password("of-default-alone")
        .config("user", "app on >one-for-all ~* +@read")
        .config("user", "web on >one-for-all ~* +@read")
        .start();
    let report = Report::of(&server);
    report.shows(id, "fail", "");
    follow(&server, &report.steps(id), "of-default-alone");
    Report::of(&server).shows(id, "pass", "");
    let list = format!("{:?}", server.call(["SECGATE", "LIST"]));
    assert!(!list.contains("for-now"), "{list}");
}

/// Moves the users of redis.conf to the file, as the last step says.
fn name_the_aclfile(server: &Server) {
    let conf = content(server, "redis.conf");
    let lines = conf.lines().filter(|line| !line.starts_with("user "));
    let path = server.dir().join("users.acl");
    let named = format!("aclfile {}", path.display());
    let lines: Vec<&str> = lines.chain([named.as_str()]).collect();
    std::fs::write(server.conf(), lines.join("\n") + "\n").unwrap();
}

#[test]
fn users_move_to_a_file_that_the_server_starts_with_though_the_gate_denies_acl() {
    needs_module!();
    let mut server = Server::builder()
        .policy(HARDENED)
        .config("user", "app on >pw ~app:* -@all +@read")
        .start();
    let report = Report::of(&server);
    report.shows("auth.aclfile", "fail", "");
    follow(&server, &report.steps("auth.aclfile"), "");
    let users = content(&server, "users.acl");
    assert!(users.lines().count() == 2 && users.lines().all(|line| line.starts_with("user ")));
    name_the_aclfile(&server);
    server.restart();
    assert!(server.stranger().auth("app", "pw").is_ok());
}

#[test]
fn an_answer_that_names_no_users_does_not_become_the_file_of_users() {
    needs_module!();
    let server = Server::builder()
        .config("user", "app on >pw ~app:* -@all +@read")
        .start();
    let steps = Report::of(&server);
    let steps = steps.steps("auth.aclfile");
    assert!(!server.call(["SECGATE", "DENY", "acl"]).is_error());
    let mut shell = Command::new("bash");
    let folder = cli_binary().parent().unwrap().display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    shell
        .args(["-c", &steps.join("\n")])
        .current_dir(server.dir())
        .env("PATH", path);
    run(shell, b"", DEADLINE);
    assert!(!server.dir().join("users.acl").exists());
}

#[test]
fn replicas_and_a_sentinel_that_sign_in_as_a_user_who_loses_power_go_on() {
    needs_module!();
    let id = "auth.user-privileges";
    let server = Server::builder()
        .policy("")
        .password("shared-by-all")
        .config("masterauth", "shared-by-all");
    let servers = Replication::start_with(server.clone(), vec![server]);
    servers.wait_in_sync();
    let sentinel = Sentinel::watch(&servers.master, "sentinel auth-pass m shared-by-all\n");
    let master = &servers.master;
    let report = Report::of(master);
    report.shows(id, "fail", "");
    follow(master, &report.steps(id), "shared-by-all");
    assert!(
        master.call(["CONFIG", "GET", "dir"]).is_error(),
        "default has lost its power"
    );

    let (replica, port) = (&servers.replicas[0], master.port().to_string());
    assert!(replica.call(["REPLICAOF", "NO", "ONE"]).is_ok());
    assert!(replica.call(["REPLICAOF", "127.0.0.1", &port]).is_ok());
    wait_for_link(replica);
    servers.wait_in_sync();
    let failed_over = sentinel.call(&["SENTINEL", "FAILOVER", "m"]);
    assert!(failed_over.is_ok(), "{failed_over:?}");
    let password = content(master, "admin.password");
    master.wait_until("the old master to follow", || {
        let mut client = master.stranger();
        if client.try_call(["AUTH", "admin", &password]).is_err() {
            return Err("the connection was closed".to_owned());
        }
        match client.try_call(["ROLE"]) {
            Ok(role) if role.items().len() == 5 => Ok(()),
            role => Err(format!("{role:?}")),
        }
    });
}
