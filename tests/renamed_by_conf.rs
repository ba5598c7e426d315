//! Commands that redis.conf's rename-command gave other names: whatever the name, a statement reaches it, or is refused.

use crate::gate::is_refusal;
use crate::harness::resp::words;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::harness::version;

/// What SECGATE answers to a line.
fn gate(server: &Server, line: &str) -> String {
    let reply = server.call(words(&format!("SECGATE {line}")));
    match reply.is_error() {
        true => reply.error_text(),
        false => reply.text(),
    }
}

#[test]
fn a_new_name_longer_than_any_that_a_policy_may_write_is_met_by_every_statement() {
    needs_module!();
    let long = "x".repeat(80);
    let server = Server::builder()
        .config("rename-command", &format!("CONFIG {long}"))
        .start();
    let mut client = server.client();
    let upper = long.to_uppercase();
    let suffixed = format!("{long}\0y");
    for statement in [
        "DENY config",
        "DENY @admin",
        "PROFILE tutorial ADD",
        "DENY config|get",
    ] {
        assert!(client.call([&long, "GET", "maxmemory"]).items().len() == 2);
        assert_eq!(gate(&server, &format!("{statement} id=no")), "no");
        for name in [&long, &upper, &suffixed] {
            let error = client.call([name, "GET", "maxmemory"]).error_text();
            assert!(
                error.contains("denied by secaudit rule"),
                "{statement}: {error}"
            );
        }
        let told = server.call(["SECGATE", "TEST", &long, "GET", "maxmemory"]);
        assert!(told.text().contains("deny"), "{statement}: {told:?}");
        assert!(server.call(["SECGATE", "RESET"]).is_ok());
    }
    gate(&server, "RENAME config c0nf");
    let error = client.call([&long, "GET", "maxmemory"]).error_text();
    assert!(error.starts_with("ERR unknown command"), "{error}");
    assert_eq!(client.call(["C0NF", "GET", "maxmemory"]).items().len(), 2);
    gate(&server, "DENY config id=no");
    let error = client.call(["C0NF", "GET", "maxmemory"]).error_text();
    assert!(error.contains("denied by secaudit rule"), "{error}");
}

#[test]
fn what_the_gate_must_know_of_commands_it_knows_under_long_names_too() {
    needs_module!();
    let (auth, eval) = ("a".repeat(65), "e".repeat(300));
    let server = Server::builder()
        .config("rename-command", &format!("AUTH {auth}"))
        .config("rename-command", &format!("EVAL {eval}"))
        .config("user", "app on >pw ~* &* +@all")
        .start();
    let mut client = server.client();
    let script = [&eval, "return redis.call('flushall')", "0"];
    if version::under_test().tells_filters_who_calls() {
        gate(&server, "DENY flushall user=app id=app");
        // Whose script it is, is known: a rule about someone else lets it pass.
        assert!(client.call(script).is_ok());
        assert!(client.call([&auth, "app", "pw"]).is_ok());
        let error = client.call(script).error_text();
        assert!(error.contains("denied by secaudit rule app"), "{error}");
    }
    // `*` spares what nobody can live without.
    gate(&server, "DENY * id=all");
    let mut client = server.client();
    assert!(is_refusal(
        &client.call(["FLUSHALL"]).error_text(),
        "flushall",
        "all"
    ));
    assert!(client.call([&auth, "app", "pw"]).is_ok());
}

#[test]
fn a_category_or_profile_that_means_a_command_under_an_unknown_name_is_refused_like_the_command() {
    needs_module!();
    let hidden = ["--rename-command", "CONFIG", "xcfg"];
    let builder = Server::builder().args(&hidden);
    let server = builder.clone().start();
    assert!(gate(&server, "DENY config").contains("has another name here"));
    for (statement, what) in [
        ("DENY @admin", "'@admin'"),
        ("ALLOW @dangerous", "'@dangerous'"),
        ("PROFILE tutorial ADD", "'profile tutorial'"),
    ] {
        let error = gate(&server, statement);
        let reason = format!("{what} means 'config', which rename-command");
        assert!(error.contains(&reason), "{statement}: {error}");
        assert_eq!(gate(&server, &format!("{statement} optional id=o")), "o");
        assert_eq!(server.call(["SECGATE", "DEL", "o"]).int(), 1);
    }
    for statement in ["DENY @string", "PROFILE destructive ADD", "DENY * force"] {
        assert_eq!(gate(&server, &format!("{statement} id=o")), "o");
        assert_eq!(server.call(["SECGATE", "DEL", "o"]).int(), 1);
    }
    let failure = builder.policy("\n  profile tutorial\n").expect_refusal();
    let told = "line 2, column 3: 'profile tutorial' means 'config', which rename-command";
    assert!(failure.log.contains(told), "{failure}");
}

#[test]
fn where_command_is_hidden_too_a_profile_is_not_taken_for_what_it_cannot_be() {
    needs_module!();
    let mut hidden = words("--rename-command CONFIG xcfg --rename-command COMMAND xcommand");
    for _ in 0..2 {
        let server = Server::builder().args(&hidden).start();
        let error = gate(&server, "PROFILE tutorial ADD");
        assert!(
            error.contains("means 'config', which rename-command"),
            "{error}"
        );
        assert_eq!(gate(&server, "PROFILE tutorial ADD optional id=o"), "o");
        hidden.extend(words("--rename-command ACL xacl"));
    }
}

#[test]
fn a_new_name_with_a_nul_is_none_that_a_rule_could_mean() {
    needs_module!();
    let server = Server::builder()
        .config("rename-command", "CONFIG \"x\\x00y\"")
        .start();
    for statement in ["DENY config", "DENY @admin", "PROFILE tutorial ADD"] {
        let error = gate(&server, statement);
        assert!(error.contains("rename-command"), "{statement}: {error}");
    }
}
