//! Ways round a plain deny that real servers offer (ENGINE.md §0-1): each must be closed.

use crate::gate::is_refusal;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::harness::version;

/// A server with keys to lose and a rule against losing them.
fn guarded() -> Server {
    let server = Server::start();
    server.call(["SET", "k", "v"]);
    server.call(["SECGATE", "DENY", "flushall", "config|set", "id=no"]);
    server
}

/// Nothing got through: the key is there, the setting is as it was.
fn assert_untouched(server: &Server) {
    assert_eq!(server.call(["DBSIZE"]).int(), 1, "a FLUSHALL got through");
    assert_ne!(
        server.call(["CONFIG", "GET", "maxmemory"]).texts()[1],
        "777000777",
        "a CONFIG SET got through"
    );
}

#[test]
fn no_spelling_in_other_case_gets_through() {
    needs_module!();
    let server = guarded();
    let mut client = server.client();
    for name in ["flushall", "FLUSHALL", "fLuShAlL", "FlushAll"] {
        let error = client.call([name]).error_text();
        assert!(is_refusal(&error, "flushall", "no"), "{error}");
        let error = client
            .call(["cOnFiG", "SeT", "maxmemory", "777000777"])
            .error_text();
        assert!(is_refusal(&error, "config|set", "no"), "{error}");
    }
    assert_untouched(&server);
}

#[test]
fn no_nul_suffix_on_a_command_gets_through() {
    needs_module!();
    let server = guarded();
    let mut client = server.client();
    // First a call that runs: Redis 8 compares with the last command before it looks into the table.
    for suffix in 0..3000u32 {
        let name = format!("FLUSHALL\0{suffix}");
        let error = client.call([name.as_bytes()]).error_text();
        assert!(
            error.contains("denied by secaudit rule"),
            "{suffix}: {error}"
        );
    }
    for suffix in 0..1000u32 {
        let name = format!("CONFIG\0{suffix}");
        let reply = client.call([name.as_bytes(), b"SET", b"maxmemory", b"777000777"]);
        assert!(
            reply.error_text().contains("denied by secaudit rule"),
            "{suffix}: {reply}"
        );
    }
    assert_untouched(&server);
}

#[test]
fn no_nul_suffix_on_a_subcommand_gets_through() {
    needs_module!();
    let server = guarded();
    let mut client = server.client();
    for suffix in 0..600u32 {
        let sub = format!("SET\0{suffix}");
        let reply = client.call([b"CONFIG", sub.as_bytes(), b"maxmemory", b"777000777"]);
        assert!(
            reply.error_text().contains("denied by secaudit rule"),
            "{suffix}: {reply}"
        );
    }
    assert_untouched(&server);
}

#[test]
fn nul_suffixes_do_run_commands_on_a_server_without_the_module() {
    // Else the tests above would prove nothing.
    let server = Server::builder().no_module().start();
    let mut client = server.client();
    let runs = (0..6000u32).filter(|suffix| {
        let name = format!("DBSIZE\0{suffix}");
        let sub = format!("ID\0{suffix}");
        let name_runs = !client.call([name.as_bytes()]).is_error();
        name_runs || !client.call([b"CLIENT", sub.as_bytes()]).is_error()
    });
    assert!(
        runs.count() > 0,
        "this server compares whole names: the tests of NUL suffixes can go"
    );
}

#[test]
fn an_inline_command_is_refused_as_any_other() {
    needs_module!();
    let server = guarded();
    let mut client = server.client();
    for line in [
        "FLUSHALL",
        "  flushall  async",
        "\"FLUSHALL\"",
        "\"FLUSH\\x41LL\"",
        "config SET maxmemory 777000777",
    ] {
        let error = client.inline(line).error_text();
        assert!(error.contains("denied by secaudit rule"), "{line}: {error}");
    }
    assert_untouched(&server);
}

#[test]
fn in_a_pipeline_each_call_gets_its_own_answer_in_order() {
    needs_module!();
    let server = guarded();
    let mut client = server.client();
    let mut calls: Vec<Vec<&str>> = Vec::new();
    for _ in 0..200 {
        calls.push(vec!["GET", "k"]);
        calls.push(vec!["FLUSHALL"]);
        calls.push(vec!["CONFIG", "SET", "maxmemory", "777000777"]);
        calls.push(vec!["PING"]);
    }
    let replies = client.pipeline(&calls);
    for (call, reply) in calls.iter().zip(&replies) {
        match call[0] {
            "GET" => assert_eq!(reply.text(), "v"),
            "PING" => assert_eq!(reply.text(), "PONG"),
            _ => assert!(
                reply.error_text().contains("denied by secaudit rule"),
                "{reply}"
            ),
        }
    }
    assert_untouched(&server);
}

#[test]
fn a_refused_call_in_a_transaction_aborts_all_of_it() {
    needs_module!();
    let server = guarded();
    let mut client = server.client();
    for call in [
        vec!["FLUSHALL"],
        vec!["config\0x", "set\0y", "maxmemory", "777000777"],
    ] {
        assert!(client.call(["MULTI"]).is_ok());
        assert_eq!(client.call(["SET", "k", "changed"]).text(), "QUEUED");
        let error = client.call(&call).error_text();
        assert!(error.contains("denied by secaudit rule"), "{error}");
        assert!(client.call(["EXEC"]).error_text().starts_with("EXECABORT"));
    }
    assert_eq!(client.call(["GET", "k"]).text(), "v");
    assert_untouched(&server);
}

#[test]
fn what_was_queued_before_the_rule_came_runs_and_nothing_after() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    client.call(["MULTI"]);
    assert_eq!(client.call(["SWAPDB", "0", "1"]).text(), "QUEUED");
    server.call(["SECGATE", "DENY", "swapdb"]);
    assert!(client.call(["EXEC"]).items()[0].is_ok());
    assert!(client.call(["SWAPDB", "0", "1"]).is_error());
}

#[test]
fn scripts_and_functions_are_refused_with_the_rule_and_can_catch_it() {
    needs_module!();
    let server = guarded();
    let mut client = server.client();
    let explained = "NOPERM 'flushall' is denied by secaudit rule no";
    let error = client
        .call(["EVAL", "return redis.call('FlushAll')", "0"])
        .error_text();
    assert!(error.starts_with(explained), "{error}");
    let caught = client
        .call(["EVAL", "return redis.pcall('FLUSHALL').err", "0"])
        .text();
    assert!(caught.starts_with(explained), "{caught}");
    for script in [
        "return redis.call('FLUSHALL\\0x')",
        "return redis.call('config', 'set', 'maxmemory', '777000777')",
        "return redis.call('CONFIG', 'SET\\0zz', 'maxmemory', '777000777')",
    ] {
        assert!(client.call(["EVAL", script, "0"]).is_error(), "{script}");
    }
    let sha = client
        .call(["SCRIPT", "LOAD", "return redis.call('flushall')"])
        .text();
    assert!(
        client
            .call(["EVALSHA", &sha, "0"])
            .error_text()
            .starts_with(explained)
    );
    let library = "#!lua name=lib\nredis.register_function('wipe', function() return redis.call('flushall') end)";
    assert_eq!(client.call(["FUNCTION", "LOAD", library]).text(), "lib");
    assert!(
        client
            .call(["FCALL", "wipe", "0"])
            .error_text()
            .starts_with(explained)
    );
    client.call(["MULTI"]);
    client.call(["EVAL", "return redis.call('flushall')", "0"]);
    let replies = client.call(["EXEC"]);
    assert!(
        replies.items()[0].error_text().starts_with(explained),
        "{replies}"
    );
    assert_untouched(&server);
}

#[test]
fn an_alias_and_a_new_name_hide_nothing_from_a_rule() {
    needs_module!();
    let server = guarded();
    server.call(["SECGATE", "ALIAS", "wipe", "flushall"]);
    server.call(["SECGATE", "RENAME", "config", "c0nf"]);
    let mut client = server.client();
    for call in [
        vec!["WIPE\0x"],
        vec!["wipe"],
        vec!["C0NF", "set", "maxmemory", "777000777"],
        vec!["c0nf\0", "SET\0", "maxmemory", "777000777"],
    ] {
        assert!(
            client
                .call(&call)
                .error_text()
                .contains("denied by secaudit rule"),
            "{call:?}"
        );
    }
    assert!(
        client
            .call(["EVAL", "return redis.call('wipe')", "0"])
            .is_error()
    );
    server.call(["SECGATE", "DEL", "r2"]);
    assert_untouched(&server);
}

#[test]
fn all_clients_are_refused_in_resp3_and_over_a_unix_socket() {
    needs_module!();
    let server = guarded();
    let mut client = server.client();
    client.hello3();
    assert!(
        client
            .call(["FLUSHALL"])
            .error_text()
            .contains("denied by secaudit rule")
    );
    let mut client = server.unix_client();
    assert!(
        client
            .call(["FLUSHALL"])
            .error_text()
            .contains("denied by secaudit rule")
    );
    let log = server.call(["SECGATE", "LOG", "1"]).texts();
    if version::under_test().tells_filters_who_calls() {
        assert!(log[0].contains("address=unix"), "{log:?}");
    }
    let error = redis::cmd("FLUSHALL")
        .exec(&mut server.redis_client())
        .unwrap_err();
    assert!(
        error.to_string().contains("denied by secaudit rule"),
        "{error}"
    );
    assert_untouched(&server);
}

#[test]
fn names_and_arguments_of_any_bytes_are_handled() {
    needs_module!();
    let server = guarded();
    let mut client = server.client();
    server.call(["SECGATE", "DENY", "get", "id=get"]);
    let long = vec![b'f'; 4000];
    for name in [
        &b"\xff\xfe"[..],
        b"\0",
        b"",
        b"flush\xc3\xa4ll",
        b"flushall\r\n",
        &long,
    ] {
        assert!(client.call_bytes(&[name, b"\xff\0\r\n"]).is_error());
    }
    assert!(
        client
            .call_bytes(&[b"GET", b"\xff\0\r\n"])
            .error_text()
            .contains("rule")
    );
    assert!(client.call_bytes(&[b"SET", b"\xff\0\r\n", b"\0"]).is_ok());
    client.call_bytes(&[b"DEL", b"\xff\0\r\n"]);
    server.call(["SECGATE", "DENY", "*", "id=all"]);
    let error = client.call_bytes(&[b"no\r\n\xffsuch"]).error_text();
    assert!(error.contains("no\\r\\n\\xffsuch"), "{error}");
    assert!(server.call(["SECGATE", "RESET"]).is_ok());
    assert_untouched(&server);
}

#[test]
fn the_hidden_commands_only_refuse() {
    needs_module!();
    let server = guarded();
    for name in ["secaudit.denied", "SECAUDIT.REFUSED"] {
        let error = server.call([name, "FLUSHALL"]).error_text();
        assert_eq!(error, "NOPERM this call is denied by secaudit");
    }
    assert_untouched(&server);
}
