//! Fixes by the gate where its policy stands in the way: rules in front, a mode in which nothing of it is in force, an id
//! that is taken. What is done does it, and the steps by hand go through as they are printed.

use super::fix_json;
use crate::audit::Report;
use crate::harness::builder::Builder;
use crate::harness::process::run;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::harness::wait::DEADLINE;
use serde_json::{Value, json};
use std::process::Command;

/// Whom nobody but the ACL keeps from what only ACL takes away: replication.
const NO_REPLICA: (&str, &str) = ("user", "default on nopass ~* &* +@all -sync -psync");
/// What lets calls through in front of whatever is added at the end.
const IN_FRONT: &str = "deny get id=no-dangerous\nallow flushall id=jobs\ndeny flushdb mode=observe id=trial\nallow eval config|get id=s\n";

fn under(policy: &str) -> Builder {
    let (name, value) = NO_REPLICA;
    Server::builder().config(name, value).policy(policy)
}

fn applied(server: &Server, words: &str) -> Value {
    fix_json(&mut server.client(), &format!("APPLY {words}"))
}

/// Runs steps as an operator would, each of them in a shell; none of their commands is refused.
#[track_caller]
fn by_hand(steps: &[&str]) {
    for step in steps {
        let mut shell = Command::new("bash");
        shell.args(["-c", step]);
        let done = run(shell, b"", DEADLINE);
        let told = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{step}: {}", done.complaint());
        assert!(
            !told.contains("ERR") && !told.contains("NOPERM"),
            "{step}: {told}"
        );
    }
}

/// The steps that the applied fix of the first check leaves to the operator.
fn left(done: &Value) -> Vec<&str> {
    let steps = done["checks"][0]["by_hand"].as_array().unwrap();
    steps.iter().filter_map(Value::as_str).collect()
}

fn statements(server: &Server) -> Vec<String> {
    server.call(["SECGATE", "LIST"]).texts()
}

#[test]
fn a_statement_goes_in_front_of_what_lets_its_commands_through() {
    needs_module!();
    let server = under(IN_FRONT).start();
    for check in ["cmd.dangerous", "cmd.scripting", "cmd.config"] {
        let done = applied(&server, check);
        assert_eq!(done["checks"][0]["outcome"], "pass", "{done:#}");
    }
    for call in ["FLUSHALL", "FLUSHDB", "CONFIG GET port", "EVAL return 0"] {
        let reply = server.call(call.split(' '));
        assert!(reply.is_error(), "{call}: {reply}");
    }
    // What stood in front of that keeps its place.
    let list = statements(&server).join("\n");
    let place = |part: &str| {
        list.find(part)
            .unwrap_or_else(|| panic!("{part} in {list}"))
    };
    assert!(
        place("deny get ") < place("deny flushdb flushall "),
        "{list}"
    );
    assert!(
        place("deny flushdb flushall ") < place("allow flushall"),
        "{list}"
    );
}

#[test]
fn the_plan_tells_before_which_rules_a_statement_goes() {
    needs_module!();
    let server = under(IN_FRONT).start();
    let plan = fix_json(&mut server.client(), "cmd.dangerous");
    let action = &plan["findings"][0]["actions"][0];
    let does = action["does"].as_str().unwrap();
    assert!(does.ends_with(" id=no-dangerous-2 at=2"), "{does}");
    assert!(
        action["mind"].to_string().contains("before jobs"),
        "{action:#}"
    );
}

#[test]
fn the_steps_by_hand_go_through_past_rules_in_front_and_a_taken_id() {
    needs_module!();
    for policy in [
        IN_FRONT,
        "mode observe\nallow flushall id=no-dangerous\n",
        "mode off\n",
    ] {
        let server = Server::builder().policy(policy).start();
        by_hand(&Report::of(&server).steps("cmd.dangerous"));
        let report = Report::of(&server);
        assert_eq!(
            report.outcome("cmd.dangerous"),
            "pass",
            "{policy}: {}",
            report.actual("cmd.dangerous")
        );
        assert!(server.call(["FLUSHALL"]).is_error(), "{policy}");
        assert!(
            server.call(["CONFIG", "GET", "port"]).is_error(),
            "{policy}"
        );
    }
}

#[test]
fn the_steps_that_a_fix_leaves_go_through_though_it_barred_acl() {
    needs_module!();
    let server = Server::builder().policy("mode enforce\n").start();
    let done = applied(&server, "cmd.dangerous");
    assert_eq!(done["checks"][0]["outcome"], "fail", "{done:#}");
    assert!(server.call(["ACL", "WHOAMI"]).is_error());
    by_hand(&left(&done));
    let report = Report::of(&server);
    assert_eq!(
        report.outcome("cmd.dangerous"),
        "pass",
        "{}",
        report.actual("cmd.dangerous")
    );
    assert!(server.call(["ACL", "WHOAMI"]).is_error());
}

#[test]
fn what_the_steps_take_by_acl_is_gone_after_a_restart_too() {
    needs_module!();
    for policy in ["mode enforce\n", "deny config id=no-config\n"] {
        let mut server = Server::builder()
            .config("user", "default on nopass ~* &* +@all")
            .config("user", "app on >pw ~app:* +@all")
            .policy(policy)
            .start();
        let report = Report::of(&server);
        let steps = report.steps("cmd.dangerous");
        let denies = steps.iter().position(|step| step.contains("SECGATE DENY"));
        by_hand(&steps[..denies.unwrap()]);
        server.restart();
        for user in ["default", "app"] {
            let user = server.call(["ACL", "GETUSER", user]);
            assert!(format!("{user:?}").contains("-psync"), "{policy}{user:?}");
        }
    }
}

#[test]
fn where_the_gate_does_not_enforce_a_statement_is_not_said_to_be_in_force() {
    needs_module!();
    for mode in ["observe", "off"] {
        let server = under(&format!("mode {mode}\n")).start();
        let plan = fix_json(&mut server.client(), "cmd.dangerous");
        let mind = plan["findings"][0]["actions"][0]["mind"].to_string();
        assert!(mind.contains("SECGATE MODE enforce"), "{mind}");
        let done = applied(&server, "cmd.dangerous");
        let step = &done["checks"][0]["steps"][0];
        let after = step["after"].to_string();
        assert!(
            !after.contains("in force") && after.contains(&format!("mode {mode}")),
            "{step:#}"
        );
        // The mode is the operator's to change, and all that is left to do.
        assert_eq!(server.call(["SECGATE", "MODE"]).text(), mode);
        let steps = left(&done);
        assert!(
            steps
                .iter()
                .any(|step| step.contains("SECGATE MODE enforce")),
            "{steps:?}"
        );
        assert!(
            !steps.iter().any(|step| step.contains("SECGATE DENY")),
            "{steps:?}"
        );
        let before = statements(&server);
        let again = applied(&server, "cmd.dangerous");
        assert_eq!(again["checks"][0]["steps"], json!([]), "{again:#}");
        assert_eq!(statements(&server), before);
        by_hand(&steps);
        assert_eq!(Report::of(&server).outcome("cmd.dangerous"), "pass");
    }
}

#[test]
fn a_fix_and_the_mode_go_together_where_both_are_named() {
    needs_module!();
    let server = under("mode observe\nallow flushall id=jobs\n").start();
    let done = applied(&server, "cmd.dangerous cmd.config cmd.scripting cmd.gate");
    for check in done["checks"].as_array().unwrap() {
        assert_eq!(check["outcome"], "pass", "{done:#}");
    }
}
