//! Ways round a rule by what stands beside the command's name: how CONFIG GET reads a pattern, a setting's second name, what a
//! server itself looks for behind the filter, names that nobody knows, and answers left for others.

use crate::gate::is_refusal;
use crate::harness::resp::words;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::version;

/// Adds a statement.
#[track_caller]
fn gate(server: &Server, line: &str) {
    let reply = server.call(words(&format!("SECGATE {line}")));
    assert!(!reply.is_error(), "{line}: {reply:?}");
}

#[test]
fn no_character_class_shows_a_parameter_that_is_denied() {
    needs_module!();
    for policy in [
        "deny config|get param=requirepass,masterauth id=no\n",
        "allow config|get param=!requirepass,!masterauth\ndeny config|get id=no\n",
    ] {
        let server = Server::builder().policy(policy).start();
        server.call(["CONFIG", "SET", "masterauth", "s3cret"]);
        let mut client = server.client();
        for asked in [
            &b"[^\\M]asterauth"[..],
            b"[^Z-a]asterauth",
            b"[^a-\xff]asterauth",
            b"[^m]asterauth",
            b"[\\M]asterauth",
            b"masteraut[^\\H]",
            b"*[^\\A]uth",
        ] {
            let reply = client.call_bytes(&[b"CONFIG", b"GET", asked]);
            let told = format!("{reply:?}");
            assert!(!told.contains("s3cret"), "{policy}{told}");
            assert!(
                is_refusal(&reply.error_text(), "config|get", "no"),
                "{told}"
            );
        }
    }
}

#[test]
fn a_setting_that_the_server_hides_is_denied_by_both_its_names() {
    needs_module!();
    let server = Server::builder()
        .config("enable-protected-configs", "yes")
        .start();
    let name = "lua-enable-deprecated-api";
    require!(
        !server.call(["CONFIG", "GET", name]).items().is_empty(),
        "this server has no setting of two hidden names"
    );
    gate(
        &server,
        "DENY config|set param=lua-enable-insecure-api id=no",
    );
    for name in [name, "lua-enable-insecure-api"] {
        let error = server.call(["CONFIG", "SET", name, "yes"]).error_text();
        assert!(is_refusal(&error, "config|set", "no"), "{name}: {error}");
    }
}

#[test]
fn a_request_of_http_ends_the_connection_under_deny_all_too() {
    needs_module!();
    for statements in [&["ALLOW set get"][..], &["ALLOW set get", "DENY *"]] {
        let server = Server::start();
        for line in statements {
            gate(&server, line);
        }
        for request in [
            "POST / HTTP/1.1\r\nHost: x\r\n\r\nSET pwn 1\r\n",
            "GET k\r\nhost: x\r\nSET pwn 1\r\n",
        ] {
            let mut client = server.client();
            client.send_raw(request.as_bytes());
            // Whatever it answers before, the server ends it; a reset may take an answer away.
            while client.try_read().is_ok() {}
        }
        let mut client = server.client();
        assert!(client.call(["GET", "pwn"]).is_nil());
        for new in ["post", "HOST:"] {
            let error = client.call(["SECGATE", "ALIAS", new, "get"]).error_text();
            assert!(
                error.contains(&format!("'{}' is a word of HTTP", new.to_lowercase())),
                "{error}"
            );
        }
    }
}

#[test]
fn where_the_names_of_what_runs_scripts_are_unknown_a_script_is_nobodys() {
    needs_module!();
    require!(
        version::under_test().tells_filters_who_calls(),
        "this server does not tell a filter who is calling"
    );
    let server = Server::builder()
        .args(&["--rename-command", "EVAL", "ev4l"])
        .start();
    server.call(words("ACL SETUSER adm on >pw ~* &* +@all"));
    server.call(words("ACL SETUSER bad on >pw ~* &* +@all"));
    gate(&server, "DENY set user=!adm,!default id=no");
    let (mut adm, mut bad) = (server.client(), server.client());
    assert!(adm.auth("adm", "pw").is_ok() && bad.auth("bad", "pw").is_ok());
    let script = ["ev4l", "return redis.call('set','x','1')", "0"];
    // Both calls lie ready when the server comes to read again, and are one round of its event loop.
    let mut slow = server.client();
    slow.send(["ev4l", "for i = 1, 3e7 do end return 1", "0"]);
    std::thread::sleep(std::time::Duration::from_millis(20));
    adm.send(["MULTI"]);
    adm.send(["EXEC"]);
    bad.send(script);
    slow.read();
    adm.read();
    adm.read();
    let error = bad.read().error_text();
    assert!(error.contains("denied by secaudit rule no"), "{error}");
}

#[test]
fn where_the_name_of_config_is_unknown_scripts_are_their_callers() {
    needs_module!();
    require!(
        version::under_test().tells_filters_who_calls(),
        "this server does not tell a filter who is calling"
    );
    let server = Server::builder()
        .args(&["--rename-command", "CONFIG", "c0nf"])
        .start();
    gate(&server, "DENY set user=!default id=no");
    let script = ["EVAL", "return redis.call('set','x','1')", "0"];
    assert!(server.call(script).is_ok());
}

#[test]
fn where_the_name_of_multi_is_unknown_a_refused_call_is_not_queued() {
    needs_module!();
    let server = Server::builder()
        .args(&["--rename-command", "MULTI", "mu"])
        .start();
    gate(&server, "DENY flushall id=no");
    let mut client = server.client();
    for _ in 0..2 {
        assert!(client.call(["FLUSHALL"]).is_error());
        assert!(client.call(["mu"]).is_ok());
        let error = client.call(["FLUSHALL"]).error_text();
        assert!(error.contains("denied by secaudit rule"), "{error}");
        assert!(client.call(["EXEC"]).error_text().starts_with("EXECABORT"));
    }
}

#[test]
fn deny_all_does_not_lock_everybody_out_where_the_name_of_auth_is_unknown() {
    needs_module!();
    let server = Server::builder()
        .args(&["--rename-command", "AUTH", "myauth"])
        .start();
    let error = server.call(["SECGATE", "DENY", "*"]).error_text();
    assert!(
        error.contains("'*' would take 'auth' from everybody"),
        "{error}"
    );
    gate(&server, "DENY * force id=all");
}

#[test]
fn nobody_reads_what_was_refused_before_it_had_authenticated() {
    needs_module!();
    let server = Server::builder().password("pw").start();
    gate(&server, "DENY get id=the-rule");
    let mut stranger = server.stranger();
    for _ in 0..2 {
        stranger.call(["GET", "k"]);
        for hidden in ["secaudit.denied", "secaudit.refused"] {
            let error = stranger.call([hidden]).error_text();
            assert!(!error.contains("the-rule"), "{hidden}: {error}");
        }
    }
}

#[test]
fn a_call_that_is_far_too_long_is_not_repeated() {
    needs_module!();
    let server = Server::start();
    let long = vec![1; 1 << 20];
    let mut client = server.client();
    for words in [
        &[&b"SECGATE"[..], b"LIST", &long][..],
        &[b"SECGATE", b"DENY", &long],
        &[b"SECAUDIT", b"HELP", &long],
    ] {
        let error = client.call_bytes(words).error_text();
        assert!(
            error.len() < 200 && error.contains("65536"),
            "{}",
            error.len()
        );
    }
}

#[test]
fn while_a_script_is_busy_no_rule_about_the_way_of_a_call_is_walked_round() {
    needs_module!();
    let policy = "deny shutdown via=client id=no\nrename config c0nf\n";
    let server = Server::builder().policy(policy).start();
    let mut beside = server.client();
    beside.call(["c0nf", "SET", "busy-reply-threshold", "10"]);
    let mut busy = server.client();
    busy.send(["EVAL", "while true do end", "0"]);
    server.wait_until("the script to be busy", || {
        beside.call(["GET", "k"]).is_error()
    });
    let error = beside.call(["SHUTDOWN", "NOSAVE"]).error_text();
    assert!(error.contains("denied by secaudit rule no"), "{error}");
    let error = beside
        .call(["CONFIG", "SET", "requirepass", "s3cret"])
        .error_text();
    assert!(!error.contains("s3cret"), "{error}");
    assert!(beside.call(["SCRIPT", "KILL"]).is_ok());
    assert!(busy.read().is_error());
}
