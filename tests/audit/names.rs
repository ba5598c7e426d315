//! cmd.rename-guessable, cmd.rename-command: new names by redis.conf and by the gate, none of which is ever shown.

use super::Report;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;

/// No form of the report holds the name.
#[track_caller]
fn is_hidden(server: &Server, name: &str) {
    let text = server.call(["SECAUDIT"]).texts().concat();
    let json = server.call(["SECAUDIT", "JSON"]).text();
    for told in [text, json] {
        assert!(!told.to_lowercase().contains(name), "{told}");
    }
}

#[test]
fn a_guessable_name_in_redis_conf_fails_and_a_random_one_passes() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "CONFIG ASC12_CONFIG")
        .config("rename-command", "KEYS dragonfly77")
        .start();
    Report::of(&server)
        .shows(
            "cmd.rename-guessable",
            "fail",
            "config: its new name holds the old one (rename-command)",
        )
        .shows(
            "cmd.rename-guessable",
            "fail",
            "keys: its new name is made of words",
        );
    is_hidden(&server, "asc12_config");
    is_hidden(&server, "dragonfly77");
    let server = Server::builder()
        .config("rename-command", "CONFIG \"a9d1f6\\x30c7e52\"")
        .start();
    Report::of(&server).shows("cmd.rename-guessable", "pass", "1 new name");
    is_hidden(&server, "a9d1f60c7e52");
}

#[test]
fn a_guessable_name_of_the_gate_fails_and_the_steps_mend_it() {
    needs_module!();
    let server = Server::builder()
        .policy("rename config conf1 id=hide\nalias flush-everything flushall id=also\n")
        .start();
    Report::of(&server)
        .shows(
            "cmd.rename-guessable",
            "fail",
            "config: its new name is shorter than 8 characters (statement hide)",
        )
        .shows(
            "cmd.rename-guessable",
            "fail",
            "flushall: its alias is made of words",
        );
    is_hidden(&server, "conf1");
    assert_eq!(server.call(["SECGATE", "DEL", "hide"]).int(), 1);
    let report = Report::of(&server);
    assert_eq!(report.severity("cmd.rename-guessable"), "low");
    assert_eq!(server.call(["SECGATE", "DEL", "also"]).int(), 1);
    Report::of(&server).shows(
        "cmd.rename-guessable",
        "not-applicable",
        "no command has a new name",
    );
    let random = ["SECGATE", "RENAME", "config", "7c1d90ae25b3"];
    assert!(!server.call(random).is_error());
    Report::of(&server).shows("cmd.rename-guessable", "pass", "1 new name");
}

#[test]
fn rename_command_fails_and_the_same_by_the_gate_passes() {
    needs_module!();
    let server = Server::builder()
        .file("names.conf", "rename-command SHUTDOWN \"\"\n")
        .config("include", "names.conf")
        .config("rename-command", "CONFIG a9d1f60c7e52")
        .start();
    let report = Report::of(&server);
    report
        .shows(
            "cmd.rename-command",
            "fail",
            "names.conf: rename-command, removed: shutdown",
        )
        .shows(
            "cmd.rename-command",
            "fail",
            "redis.conf: rename-command, renamed: config",
        );
    let steps = report.steps("cmd.rename-command").join("\n");
    assert!(
        steps.contains("deny shutdown") && steps.contains("rename config ITS-NEW-NAME"),
        "{steps}"
    );
    is_hidden(&server, "a9d1f60c7e52");
    let server = Server::builder()
        .policy("deny shutdown\nrename config a9d1f60c7e52\n")
        .start();
    Report::of(&server).shows(
        "cmd.rename-command",
        "pass",
        "every command has its own name",
    );
}

#[test]
fn the_plan_for_rename_command_leads_to_a_server_that_behaves_the_same() {
    needs_module!();
    let mut server = Server::builder()
        .config("rename-command", "CONFIG a9d1f60c7e52")
        .config("rename-command", "FLUSHALL \"\"")
        .policy("mode enforce\n")
        .start();
    for step in Report::of(&server).steps("cmd.rename-command") {
        let mut shell = std::process::Command::new("bash");
        shell.args(["-c", step]);
        let done = crate::harness::process::run(shell, b"", crate::harness::wait::DEADLINE);
        assert!(done.status.success(), "{step}: {}", done.complaint());
    }
    server.restart();
    assert!(server.call(["CONFIG", "GET", "port"]).is_error());
    assert_eq!(
        server.call(["A9D1F60C7E52", "GET", "port"]).items().len(),
        2
    );
    assert!(server.call(["FLUSHALL"]).is_error());
    Report::of(&server)
        .shows("cmd.rename-command", "pass", "no rename-command line")
        .shows("cmd.rename-guessable", "pass", "1 new name")
        .shows("cmd.config", "pass", "renamed by the gate: config");
}
