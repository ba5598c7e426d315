//! What the policy says of the audit: findings it accepts, and the administrators it names.

use super::Report;
use crate::audit_forms::assert_readable;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use std::fs;

#[track_caller]
fn gate(server: &Server, words: &[&str]) -> String {
    let call: Vec<&str> = std::iter::once("SECGATE")
        .chain(words.iter().copied())
        .collect();
    let reply = server.call(&call);
    assert!(!reply.is_error(), "{call:?}: {reply}");
    reply.text()
}

#[test]
fn an_accepted_finding_stays_in_the_report_with_its_reason_and_sets_no_grade() {
    needs_module!();
    let server = Server::start();
    let failing = Report::of(&server);
    assert_eq!(failing.outcome("auth.password"), "fail");
    let id = gate(
        &server,
        &[
            "SUPPRESS",
            "auth.password",
            "until=2999-12-31",
            "note=only \u{e9} this host",
        ],
    );
    let report = Report::of(&server);
    report.shows("auth.password", "suppressed", "user default on nopass");
    let suppression = &report.finding("auth.password")["suppression"];
    assert_eq!(suppression["id"], *id);
    assert_eq!(suppression["until"], "2999-12-31");
    assert_eq!(suppression["note"], "only \\xc3\\xa9 this host");
    assert!(
        report.grade().ends_with("(1 accepted by the policy))"),
        "{}",
        report.grade()
    );
    assert!(
        !report.grade().contains("auth.password"),
        "{}",
        report.grade()
    );
    let lines = server.call(["SECAUDIT"]).texts();
    assert_readable(lines.iter().map(String::as_str));
    let text = lines.join("\n");
    assert!(
        text.contains("accepted by r1 until 2999-12-31: only \\xc3\\xa9 this host"),
        "{text}"
    );
    let info = server.info("secaudit");
    assert_eq!(info["secaudit_audit_suppressed"], "1");
    assert!(!info.contains_key("secaudit_hits_r1"));
    gate_removes(&server, &id);
    Report::of(&server).shows("auth.password", "fail", "nopass");
}

#[track_caller]
fn gate_removes(server: &Server, id: &str) {
    assert_eq!(server.call(["SECGATE", "DEL", id]).int(), 1);
}

#[test]
fn a_suppression_that_is_over_and_one_that_accepts_nothing_are_told() {
    needs_module!();
    let server = Server::builder()
        .policy(
            "suppress auth.password until=2020-02-29 note=once id=old\n\
             suppress net.bind note=\"behind a proxy\" id=idle\n",
        )
        .start();
    let report = Report::of(&server);
    assert_eq!(report.outcome("auth.password"), "fail");
    assert_eq!(report.outcome("net.bind"), "pass");
    let notes = report.notes();
    assert_eq!(
        notes,
        [
            ("suppression-expired", "old"),
            ("suppression-unused", "idle"),
        ]
    );
    let text = server.call(["SECAUDIT"]).texts().join("\n");
    for line in [
        "  !! suppress auth.password (old) ended on 2020-02-29: the finding counts again",
        "  !! suppress net.bind (idle) accepts nothing: the check passes",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn both_statements_live_in_the_policy_like_all_others() {
    needs_module!();
    let mut server = Server::builder().policy("mode enforce\n").start();
    let digest = |server: &Server| server.info("secaudit")["secaudit_policy_sha256"].clone();
    let empty = digest(&server);
    gate(
        &server,
        &[
            "SUPPRESS",
            "NET.Firewall",
            "until=2999-01-01",
            "note=a \"b\"",
        ],
    );
    gate(
        &server,
        &["ADMINISTRATORS", "ops-*", "id=us", "note=on call"],
    );
    let listed = [
        "mode enforce",
        "suppress net.firewall until=2999-01-01 id=r1 note=\"a \\\"b\\\"\"",
        "administrators ops-* id=us note=\"on call\"",
    ];
    assert_eq!(server.call(["SECGATE", "LIST"]).texts(), listed);
    assert_ne!(digest(&server), empty);
    assert!(server.call(["SECGATE", "SAVE"]).is_ok());
    server.restart();
    assert_eq!(server.call(["SECGATE", "LIST"]).texts(), listed);
    assert!(server.call(["SECGATE", "LOAD"]).is_ok());
    assert_eq!(server.call(["SECGATE", "LIST"]).texts(), listed);
    assert_eq!(server.info("secaudit")["secaudit_filter_registered"], "0");
    assert_eq!(server.call(["SECGATE", "DEL", "r1", "us"]).int(), 2);
    assert_eq!(digest(&server), empty);
}

#[test]
fn a_slip_in_either_statement_is_told_and_changes_nothing() {
    needs_module!();
    let server = Server::builder().policy("mode enforce\n").start();
    for (words, part) in [
        (
            &["SUPPRESS", "auth.pasword", "note=x"][..],
            "did you mean 'auth.password'?",
        ),
        (
            &["SUPPRESS", "auth.password", "id=x"],
            "suppress wants a reason",
        ),
        (
            &["SUPPRESS", "auth.password", "note=x", "until=2027-02-30"],
            "is no day",
        ),
        (&["ADMINISTRATORS", "*"], "would name every user"),
    ] {
        let call: Vec<&str> = std::iter::once("SECGATE")
            .chain(words.iter().copied())
            .collect();
        let error = server.call(&call).error_text();
        assert!(error.contains(part), "{words:?}: {error}");
    }
    assert_eq!(server.call(["SECGATE", "LIST"]).texts().len(), 2);
    let path = server
        .call(["CONFIG", "GET", "secaudit.policy-file"])
        .texts()[1]
        .clone();
    fs::write(&path, "suppress  net.firewal note=x\n").unwrap();
    let error = server.call(["SECGATE", "LOAD"]).error_text();
    assert!(
        error.contains("line 1, column 11: unknown check 'net.firewal'"),
        "{error}"
    );
}

#[test]
fn a_sealed_gate_accepts_no_further_finding_and_no_further_administrator() {
    needs_module!();
    let server = Server::start();
    assert!(server.call(["SECGATE", "SEAL"]).is_ok());
    for call in [
        &["SECGATE", "SUPPRESS", "auth.password", "note=x"][..],
        &["SECGATE", "ADMINISTRATORS", "ops"],
    ] {
        let error = server.call(call).error_text();
        assert!(error.contains("sealed"), "{error}");
    }
}

#[test]
fn what_named_administrators_can_run_is_closed_unless_they_need_no_password() {
    needs_module!();
    let server = Server::builder().password("pw").start();
    server.call([
        "ACL", "SETUSER", "ops-anna", "on", ">secret", "~*", "&*", "+@all",
    ]);
    server.call([
        "ACL",
        "SETUSER",
        "guest",
        "on",
        "nopass",
        "-@all",
        "+flushall",
    ]);
    Report::of(&server).shows("cmd.config", "fail", "open to default, ops-anna: config");
    gate(
        &server,
        &[
            "ADMINISTRATORS",
            "ops-*",
            "default",
            "guest",
            "nobody",
            "id=us",
        ],
    );
    let report = Report::of(&server);
    report
        .shows(
            "cmd.config",
            "pass",
            "open to administrators only (default, ops-anna): config",
        )
        .shows("cmd.dangerous", "fail", "open to guest: flushall");
    let notes = report.notes();
    assert_eq!(
        notes,
        [
            ("administrator-unknown", "us"),
            ("administrator-nopass", "us")
        ]
    );
    server.call(["ACL", "SETUSER", "guest", "resetpass", ">pw"]);
    Report::of(&server).shows(
        "cmd.dangerous",
        "pass",
        "administrators only (default, ops-anna): ",
    );
}
