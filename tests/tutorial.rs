//! The tutorial "How To Secure Your Redis Installation on Ubuntu 14.04" followed to the letter on a real server: before,
//! SECAUDIT names each of its steps; after, each passes. The reports are in `tests/tutorial/`: what differs from machine to
//! machine stands there as `<PORT>` and the like, and `SECAUDIT_ACCEPT=1` writes them anew.

use crate::audit::{Report, set_mode, strong_password};
use crate::harness::account::{NO_ORDINARY_USER, can_be_ordinary};
use crate::harness::process::run;
use crate::harness::resp::Client;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::version::cli_binary;
use crate::harness::wait::DEADLINE;
use std::fs;
use std::path::Path;
use std::process::Command;

mod golden;

/// The checks that stand for the tutorial's steps (**T** in CHECKS.md) and what each finds before they are taken.
const STEPS: [(&str, &str, &str); 10] = [
    // Step 2, the firewall: an ordinary process may not look at it, and says how to.
    ("net.firewall", "unknown", "reachable from beyond the host"),
    // Step 3, `bind 127.0.0.1`; `netstat -plunt` is the evidence.
    ("net.bind", "fail", "tcp 0.0.0.0:"),
    ("net.listening", "pass", "tcp 0.0.0.0:"),
    // Step 4, a very long password.
    ("auth.password", "fail", "user default on nopass"),
    ("auth.password-strength", "not-applicable", "no password"),
    // Step 5, dangerous commands renamed or disabled.
    (
        "cmd.dangerous",
        "fail",
        "open to default: flushdb flushall keys config",
    ),
    ("cmd.config", "fail", "open to default: config"),
    (
        "cmd.data-loss",
        "fail",
        "open to default: del pexpire spop srem rename",
    ),
    // Step 6, owners and modes.
    ("file.config", "fail", "redis.conf: anybody may read it"),
    ("file.data-dir", "fail", "anybody may look into it"),
];

/// Step 5 in the tutorial's own syntax: its examples word for word, then the rest of its list.
const RENAME_COMMANDS: &str = r#"
rename-command FLUSHDB ""
rename-command FLUSHALL ""
rename-command DEBUG ""
rename-command SHUTDOWN SHUTDOWN_MENOT
rename-command CONFIG ASC12_CONFIG
rename-command KEYS ""
rename-command PEXPIRE ""
rename-command DEL ""
rename-command BGREWRITEAOF ""
rename-command BGSAVE ""
rename-command SAVE ""
rename-command SPOP ""
rename-command SREM ""
rename-command RENAME ""
"#;

/// A server as the tutorial finds it: open to every network, without a password, its files open to everybody. It runs under
/// an account of its own, as Ubuntu's package has it. The module is there to tell; its policy is empty.
fn before() -> Server {
    let server = Server::builder()
        .ordinary_user()
        .config("bind", "0.0.0.0")
        .config("protected-mode", "no")
        .policy("# nothing yet\n")
        .start();
    set_mode(server.dir(), 0o755);
    set_mode(&server.conf(), 0o644);
    set_mode(&server.dir().join("redis.log"), 0o644);
    let report = Report::of(&server);
    for (id, outcome, part) in STEPS {
        report.shows(id, outcome, part);
    }
    let text = server.call(["SECAUDIT"]).texts();
    for (id, _, _) in STEPS {
        assert!(
            text.iter().any(|line| line.contains(id)),
            "{id} in {text:#?}"
        );
    }
    golden::compare("before.txt", &text, &server);
    server
}

/// After: every step passes.
#[track_caller]
fn all_steps_pass(client: &mut Client) -> Report {
    let report = Report::by(client);
    for (id, _, _) in STEPS {
        report.shows(id, "pass", "");
    }
    report
        .shows("net.bind", "pass", "bind 127.0.0.1")
        .shows("auth.password", "pass", "user default on, passwords: 1")
        .shows("auth.password-strength", "pass", "requirepass: at least 32")
        .shows("file.config", "pass", "-rw-------")
        .shows("file.data-dir", "pass", "drwx------");
    report
}

/// The grade is what the tutorial is worth: it wants its password in redis.conf, and whoever has it may do everything.
#[track_caller]
fn what_is_left(report: &Report) {
    let left = ["auth.user-privileges", "auth.plaintext-secrets"];
    if report.fails_above_low_but_for_the_machine(&left) {
        let grade = report.grade();
        assert!(grade.starts_with("B (auth.user-privileges: "), "{grade}");
    }
}

/// Step 4: the tutorial hashes some words with sha256sum. Its printed digests are public, so these words are our own.
fn very_long_password() -> String {
    strong_password("the tutorial")
}

fn signed_in(server: &Server, password: &str) -> Client {
    let mut client = server.stranger();
    assert!(client.auth("default", password).is_ok());
    client
}

/// Takes the steps that the report prints for a check, just as they stand there, in a shell.
fn follow(steps: &[&str], password: &str) {
    let folder = cli_binary().parent().unwrap_or(Path::new("/"));
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    for step in steps.iter().filter(|step| !step.starts_with('#')) {
        let mut command = Command::new("bash");
        command
            .args(["-c", step])
            .env("PATH", &path)
            .env("REDISCLI_AUTH", password);
        let outcome = run(command, b"", DEADLINE);
        let failed = outcome.text().contains("ERR") || !outcome.status.success();
        assert!(!failed, "{step}: {}{}", outcome.text(), outcome.complaint());
    }
}

#[test]
fn followed_to_the_letter_with_rename_command_each_step_passes() {
    needs_module!();
    require!(can_be_ordinary(), NO_ORDINARY_USER);
    let mut server = before();
    let password = very_long_password();

    // Steps 3 to 5: edit redis.conf. (Step 2, the firewall, is the machine's: nothing beyond it reaches loopback.)
    let conf = fs::read_to_string(server.conf()).unwrap();
    assert!(conf.contains("\nbind 0.0.0.0\n"), "{conf}");
    let edited = conf.replace("\nbind 0.0.0.0\n", "\nbind 127.0.0.1\n");
    let edited = format!("{edited}requirepass {password}\n{RENAME_COMMANDS}");
    fs::write(server.conf(), edited).unwrap();
    // Step 6: `chmod 700 /var/lib/redis`, `chmod 600 /etc/redis/redis.conf`; both belong to the server's user.
    set_mode(server.dir(), 0o700);
    set_mode(&server.conf(), 0o600);
    // And the restart that all this takes.
    server.restart();

    let mut client = signed_in(&server, &password);
    for gone in ["CONFIG", "FLUSHALL", "DEL", "SHUTDOWN", "DEBUG"] {
        let error = client.call([gone, "x"]).error_text();
        assert!(error.starts_with("ERR unknown command"), "{gone}: {error}");
    }
    assert_eq!(
        client.call(["ASC12_CONFIG", "GET", "bind"]).texts()[1],
        "127.0.0.1"
    );
    let report = Report::by(&mut client);
    for (id, _, _) in STEPS {
        if id != "cmd.dangerous" {
            report.shows(id, "pass", "");
        }
    }
    // Step 6b, what SECAUDIT adds to the tutorial's list of 2015: commands that do the same harm and came or were thought of
    // later. Each of the tutorial's own is gone, and the report prints how to close the others.
    let dangerous = report.actual("cmd.dangerous");
    let open = dangerous.lines().next().unwrap();
    assert_eq!(
        open,
        "open to default: swapdb replicaof slaveof migrate restore acl monitor sync psync failover cluster|reset"
    );
    report
        .shows(
            "cmd.dangerous",
            "fail",
            "renamed in redis.conf: config shutdown",
        )
        .shows(
            "cmd.dangerous",
            "fail",
            "removed in redis.conf: flushdb flushall keys bgrewriteaof bgsave save debug",
        );
    let steps = report.steps("cmd.dangerous");
    assert_eq!(
        steps[0],
        "# CONFIG has another name here: see rename-command in redis.conf"
    );
    // What is the administrator's to do is root's here.
    let by_us = |step: &&str| {
        let step = step.strip_prefix("sudo ").unwrap_or(step);
        step.replace(" CONFIG ", " ASC12_CONFIG ")
    };
    let steps: Vec<String> = steps.iter().map(by_us).collect();
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    follow(&steps, &password);

    // The names themselves are the tutorial's examples, which everybody knows.
    all_steps_pass(&mut client)
        .shows(
            "cmd.rename-guessable",
            "fail",
            "config: its new name holds the old one",
        )
        .shows(
            "cmd.rename-guessable",
            "fail",
            "shutdown: its new name holds the old one",
        );
    let text = client.call(["SECAUDIT"]).texts();
    golden::compare("after-rename-command.txt", &text, &server);
    assert!(!text.concat().to_lowercase().contains("asc12_config"));
}

#[test]
fn followed_with_our_policy_file_each_step_passes_without_a_restart() {
    needs_module!();
    require!(can_be_ordinary(), NO_ORDINARY_USER);
    let mut server = before();
    let password = very_long_password();
    let mut client = server.client();

    // Steps 3 and 4 on the running server, kept for the next start.
    for (name, value) in [("bind", "127.0.0.1"), ("requirepass", password.as_str())] {
        assert!(client.call(["CONFIG", "SET", name, value]).is_ok());
    }
    assert!(client.call(["CONFIG", "REWRITE"]).is_ok());
    // Step 5: the statements of redis-test-conf/tutorial.policy in place of rename-command.
    let policy = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/redis-test-conf/tutorial.policy"
    );
    fs::copy(policy, server.dir().join("secaudit.policy")).unwrap();
    let loaded = client.call(["SECGATE", "LOAD"]);
    assert!(!loaded.is_error(), "{loaded}");
    // Step 6. (CONFIG REWRITE made redis.conf anew, so this comes after it.)
    set_mode(server.dir(), 0o700);
    set_mode(&server.conf(), 0o600);

    // The grade is what the tutorial is worth.
    what_is_left(&all_steps_pass(&mut client));
    let text = client.call(["SECAUDIT"]).texts();
    golden::compare("after-policy.txt", &text, &server);
    for secret in ["v7q2m9xk4t", "h3w8zc5r1n", password.as_str()] {
        assert!(!text.concat().contains(secret), "{secret}");
    }

    // It is no passing mood: after the next restart, whenever that may be, all is as it is now.
    server.restart();
    let mut client = signed_in(&server, &password);
    what_is_left(&all_steps_pass(&mut client));
    let text = client.call(["SECAUDIT"]).texts();
    golden::compare("after-policy.txt", &text, &server);
    // Last, for the report would tell of them.
    for gone in ["CONFIG", "FLUSHALL", "SHUTDOWN", "DEBUG"] {
        let error = client.call([gone, "x"]).error_text();
        assert!(error.starts_with("ERR unknown command"), "{gone}: {error}");
    }
}
