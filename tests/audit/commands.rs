//! cmd.dangerous, cmd.data-loss, cmd.config: whatever takes a command away is seen, and nothing else is.

use super::Report;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;

/// What `cmd.dangerous` asks about, as the gate takes it; `force` for what replicas need.
const DENY_ALL: &str = "deny flushdb flushall keys shutdown bgrewriteaof bgsave save debug swapdb replicaof slaveof \
     migrate restore module acl monitor failover cluster|reset config id=all\ndeny sync psync force id=replicas\n";

#[test]
fn open_commands_fail_and_are_named_with_the_users_who_have_them() {
    needs_module!();
    let server = Server::builder()
        .config("user", "ops on >pw ~* +@all")
        .config("user", "app on >pw ~* +@read")
        .start();
    Report::of(&server)
        .shows("cmd.dangerous", "fail", "open to default, ops: flushdb ")
        .shows("cmd.dangerous", "fail", " cluster|reset")
        .shows("cmd.config", "fail", "open to default, ops: config")
        .shows(
            "cmd.dangerous",
            "fail",
            "refused by the server (enable-debug-command no): debug",
        );
    let server = Server::builder().allow_debug().start();
    let report = Report::of(&server);
    report.shows("cmd.dangerous", "fail", " debug ");
    assert!(!report.actual("cmd.dangerous").contains("enable-debug"));
}

#[test]
fn the_gate_counts_while_it_enforces_and_not_while_it_observes_or_is_off() {
    needs_module!();
    let server = Server::builder().policy(DENY_ALL).start();
    let closed = |report: &Report| {
        report
            .shows("cmd.dangerous", "pass", "denied by the gate (rule all): ")
            .shows(
                "cmd.dangerous",
                "pass",
                "denied by the gate (rule replicas): sync psync",
            )
            .shows(
                "cmd.config",
                "pass",
                "denied by the gate (rule all): config",
            );
    };
    closed(&Report::of(&server));
    for mode in ["observe", "off"] {
        assert!(server.call(["SECGATE", "MODE", mode]).is_ok());
        Report::of(&server)
            .shows("cmd.dangerous", "fail", "open to default: flushdb ")
            .shows("cmd.config", "fail", "open to default: config");
    }
    assert!(server.call(["SECGATE", "MODE", "enforce"]).is_ok());
    closed(&Report::of(&server));
}

#[test]
fn a_rule_that_only_observes_and_one_that_comes_too_late_take_nothing_away() {
    needs_module!();
    let observed = format!(
        "deny config mode=observe id=o\n{}",
        DENY_ALL.replace(" config", "")
    );
    let server = Server::builder().policy(&observed).start();
    Report::of(&server)
        .shows("cmd.config", "fail", "open to default: config")
        .shows("cmd.dangerous", "fail", "open to default: config");
    let in_part = "deny config|set mode=observe id=part\n";
    let server = Server::builder().policy(in_part).start();
    Report::of(&server).shows("cmd.config", "fail", "open to default: config");
    let allowed = format!("allow keys\n{DENY_ALL}");
    let server = Server::builder().policy(&allowed).start();
    Report::of(&server)
        .shows("cmd.dangerous", "fail", "open to default: keys")
        .shows("cmd.config", "pass", "denied by the gate");
}

#[test]
fn a_command_denied_in_part_is_still_open() {
    needs_module!();
    let server = Server::builder()
        .policy("deny config|set config|rewrite config|resetstat id=part\n")
        .start();
    Report::of(&server).shows(
        "cmd.config",
        "fail",
        "open in part (rule part denies some calls) to default: config",
    );
    assert!(!server.call(["CONFIG", "GET", "port"]).is_error());
    server.call(["SECGATE", "DENY", "config|get", "id=rest"]);
    Report::of(&server).shows("cmd.config", "pass", "denied by the gate");
}

#[test]
fn a_name_that_the_gate_took_away_is_seen_and_the_new_one_is_not_told() {
    needs_module!();
    let server = Server::builder()
        .policy("rename config v7q2m9xk4t id=hide\n")
        .start();
    let report = Report::of(&server);
    report.shows("cmd.config", "pass", "renamed by the gate: config");
    let text = server.call(["SECAUDIT"]).texts().concat() + &format!("{report:?}");
    assert!(!text.contains("v7q2m9xk4t"), "{text}");
    assert_eq!(server.call(["V7q2m9xk4t", "GET", "port"]).items().len(), 2);
    server.call(["SECGATE", "ALIAS", "conf", "config"]);
    // An alias is another way to the command, whose own name stays gone.
    Report::of(&server).shows("cmd.config", "pass", "renamed by the gate: config");
}

#[test]
fn what_redis_conf_renamed_or_removed_is_told_apart() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "FLUSHALL \"\"")
        .config("rename-command", "Keys wild_keys_9431")
        .config("rename-command", "DEL \"\"")
        .start();
    let report = Report::of(&server);
    report
        .shows("cmd.dangerous", "fail", "removed in redis.conf: flushall")
        .shows("cmd.dangerous", "fail", "renamed in redis.conf: keys")
        .shows("cmd.data-loss", "fail", "removed in redis.conf: del");
    assert!(!format!("{report:?}").contains("wild_keys_9431"));
    assert!(server.call(["FLUSHALL"]).is_error());
    assert!(!server.call(["WILD_KEYS_9431", "*"]).is_error());
}

#[test]
fn commands_that_the_acl_takes_from_every_user_are_closed() {
    needs_module!();
    let server = Server::builder()
        .config("user", "ops on >pw ~* +@all")
        .start();
    let mut client = server.client();
    assert!(
        client
            .call(["ACL", "SETUSER", "default", "-@dangerous", "+secaudit"])
            .is_ok()
    );
    Report::by(&mut client)
        .shows("cmd.dangerous", "fail", "open to ops: flushdb ")
        .shows("cmd.config", "fail", "open to ops: config");
    let mut ops = server.client();
    ops.auth("ops", "pw");
    assert!(ops.call(["ACL", "SETUSER", "ops", "off"]).is_ok());
    Report::by(&mut client)
        .shows("cmd.dangerous", "pass", "ACL bars every user: flushdb ")
        .shows("cmd.config", "pass", "ACL bars every user: config");
    assert!(client.call(["FLUSHALL"]).error_text().starts_with("NOPERM"));
    // A single command given back is found again.
    let back = ["ACL", "SETUSER", "ops", "on", "-@all", "+config|get"];
    assert!(ops.call(back).is_ok());
    Report::by(&mut client)
        .shows("cmd.config", "fail", "open to ops: config")
        .shows("cmd.dangerous", "fail", "ACL bars every user: flushdb ");
}

#[test]
fn acl_and_gate_together_close_what_neither_closes_alone() {
    needs_module!();
    let server = Server::builder()
        .config("user", "ops on >pw ~* +@all")
        .policy("deny config id=no-config\n")
        .start();
    Report::of(&server)
        .shows("cmd.config", "pass", "denied by the gate (rule no-config)")
        .shows("cmd.dangerous", "fail", "open to default, ops: flushdb");
    let mut client = server.client();
    assert!(
        client
            .call(["ACL", "SETUSER", "default", "-@dangerous", "+secaudit"])
            .is_ok()
    );
    Report::by(&mut client).shows("cmd.dangerous", "fail", "open to ops: flushdb");
}

#[test]
fn who_only_reads_should_not_delete_and_who_writes_within_limits_may() {
    needs_module!();
    let fitted = "on >pw ~app:* resetchannels -@all +@connection +@read +@write -@dangerous";
    let server = Server::builder()
        .config("user", &format!("app {fitted}"))
        .config("user", "reader on >pw ~* -@all +@read +del")
        .start();
    Report::of(&server)
        .shows("cmd.data-loss", "fail", "only reads otherwise: reader")
        .shows(
            "cmd.data-loss",
            "fail",
            "not limited to what an application needs: default",
        );
    let mut client = server.client();
    for rules in [
        &["ACL", "SETUSER", "reader", "-del"][..],
        &["ACL", "SETUSER", "default", "-@all", "+@read", "+secaudit"],
    ] {
        assert!(client.call(rules).is_ok() || client.call(rules).is_error());
    }
    let report = Report::by(&mut client);
    report.shows(
        "cmd.data-loss",
        "pass",
        "open to app: del pexpire spop srem rename",
    );
}
