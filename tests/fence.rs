//! A panic inside the gate never reaches the server: a call whose name had matched is refused, any other passes.

use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::harness::{module, version};

#[test]
fn a_panic_in_the_filter_refuses_what_had_matched_passes_the_rest_and_is_counted() {
    needs_module!();
    let server = Server::builder()
        .module_file(module::with_features(&["fault-injection"]))
        .start();
    server.call(["SET", "k", "v"]);
    server.call(["SECGATE", "DENY", "flushall", "id=no"]);
    server.call(["SECGATE", "ALLOW", "get"]);
    let mut client = server.client();
    for _ in 0..50 {
        let error = client
            .call(["FLUSHALL", "secaudit-fault-after-match"])
            .error_text();
        assert!(
            error.contains("the gate failed and fails closed"),
            "{error}"
        );
        // Even a call that a rule allows is refused: what the rule would have said was not found out.
        assert!(
            client
                .call(["GET", "secaudit-fault-after-match"])
                .is_error()
        );
        assert!(
            client
                .call(["SET", "secaudit-fault-before-match", "1"])
                .is_ok()
        );
        let error = client
            .call([
                "EVAL",
                "return redis.call('flushall', 'secaudit-fault-after-match')",
                "0",
            ])
            .error_text();
        assert!(!error.contains("forced by a test"), "{error}");
    }
    assert!(client.call(["FLUSHALL"]).error_text().contains("rule"));
    assert_eq!(client.call(["GET", "k"]).text(), "v");
    let panics: u64 = server.info("secaudit")["secaudit_panics_fenced"]
        .parse()
        .unwrap();
    assert!(panics >= 200, "{panics}");
    let log = server.log();
    assert!(
        log.contains("secaudit failed inside (src/server/filter.rs:"),
        "{log}"
    );
    assert!(
        !log.contains("forced by a test"),
        "the words of a panic may hold data: {log}"
    );
    assert!(server.is_alive());
}

#[test]
fn the_shipped_module_cannot_be_made_to_panic_by_the_words_of_the_test() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "DENY", "flushall", "id=no"]);
    let error = server
        .call(["FLUSHALL", "secaudit-fault-after-match"])
        .error_text();
    assert!(crate::gate::is_refusal(&error, "flushall", "no"), "{error}");
    assert_eq!(server.info("secaudit")["secaudit_panics_fenced"], "0");
    assert!(version::under_test().loads_the_module());
}
