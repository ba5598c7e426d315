//! Tests of the checks of TLS on the wire.
#![allow(clippy::panic, reason = "a test may panic")]

use super::*;
use crate::audit::checks::sample::{self, fails, passes, tcp, unknown};
use crate::audit::facts::Fact;

fn listening_on(addresses: &[&str]) -> Facts {
    let mut facts = sample::hardened();
    facts.sockets = Fact::Known(addresses.iter().map(|address| tcp(address)).collect());
    facts
}

fn with_tls(settings: &[(&str, &str)]) -> Facts {
    let mut facts = listening_on(&["10.0.0.5:6380"]);
    sample::set(&mut facts, "port", "0");
    sample::set(&mut facts, "tls-port", "6380");
    for (name, value) in settings {
        sample::set(&mut facts, name, value);
    }
    facts
}

fn without_tls_in_the_build(facts: &mut Facts) {
    let Fact::Known(config) = &mut facts.config else {
        panic!("no settings");
    };
    config.retain(|name, _| !name.starts_with("tls-"));
    facts.tls_built = Fact::Known(false);
}

fn not_applicable(check: &dyn Check, facts: &Facts) -> String {
    match check.evaluate(facts) {
        Outcome::NotApplicable(why) => why,
        other => panic!("{} applies: {other:?}", check.meta().id),
    }
}

#[test]
fn plaintext_on_loopback_passes_and_beyond_it_fails() {
    passes(&Plaintext, &listening_on(&["127.0.0.1:6379", "[::1]:6379"]));
    let mut facts = listening_on(&["127.0.0.1:6379", "10.0.0.5:6379"]);
    sample::user(&mut facts, "default").enabled = false;
    let failure = fails(&Plaintext, &facts);
    assert_eq!(
        failure.actual,
        ["tcp 10.0.0.5:6379 LISTEN 4242/redis-server", "tls-port 0"]
    );
    assert_eq!(failure.severity, None);
}

#[test]
fn passwords_that_cross_it_make_it_high_unless_nobody_can_send_any() {
    let mut facts = listening_on(&["10.0.0.5:6379"]);
    assert_eq!(
        fails(&Plaintext, &facts).severity,
        Some((
            Severity::High,
            "passwords cross it in clear: default".to_owned()
        ))
    );
    sample::user(&mut facts, "default").nopass = true;
    assert_eq!(fails(&Plaintext, &facts).severity, None);
    sample::set(&mut facts, "protected-mode", "no");
    assert_eq!(fails(&Plaintext, &facts).severity, None);
    facts.users = Fact::Unavailable("ACL is renamed".to_owned());
    let failure = fails(&Plaintext, &facts);
    assert!(failure.actual.concat().contains("ACL is renamed"));
}

#[test]
fn a_tls_port_alone_passes_and_one_beside_plaintext_does_not_help() {
    let mut facts = with_tls(&[]);
    assert_eq!(
        passes(&Plaintext, &facts),
        ["tcp 10.0.0.5:6380 LISTEN 4242/redis-server: TLS"]
    );
    facts.sockets = Fact::Known(vec![tcp("10.0.0.5:6379"), tcp("10.0.0.5:6380")]);
    sample::set(&mut facts, "port", "6379");
    let failure = fails(&Plaintext, &facts);
    assert_eq!(
        failure.actual.last().map(String::as_str),
        Some("tls-port 6380, beside it")
    );
    assert!(failure.steps.concat().contains("CONFIG SET port 0"));
}

#[test]
fn a_build_without_tls_fails_all_the_same_and_is_told_what_to_do() {
    let mut facts = listening_on(&["0.0.0.0:6379"]);
    without_tls_in_the_build(&mut facts);
    let failure = fails(&Plaintext, &facts);
    assert!(failure.actual.concat().contains("built without TLS"));
    assert!(failure.steps.concat().contains("stunnel"));
    for check in [&Protocols as &dyn Check, &ClientAuth] {
        assert_eq!(
            not_applicable(check, &facts),
            "the server was built without TLS"
        );
    }
}

#[test]
fn settings_of_tls_in_a_build_without_it_fool_nobody() {
    let mut facts = listening_on(&["0.0.0.0:6379"]);
    facts.tls_built = Fact::Known(false);
    let failure = fails(&Plaintext, &facts);
    assert!(failure.actual.concat().contains("built without TLS"));
    // Redis 8.2 dies of it.
    assert!(!failure.steps.concat().contains("tls-port"), "{failure:?}");
    assert!(not_applicable(&Protocols, &facts).contains("built without TLS"));
    facts.tls_built = Fact::Unavailable("/proc/self/exe: not there".to_owned());
    let failure = fails(&Plaintext, &facts);
    assert!(
        failure
            .actual
            .concat()
            .contains("/proc/self/exe: not there")
    );
    assert!(!failure.steps.concat().contains("tls-port"), "{failure:?}");
    assert!(unknown(&Protocols, &facts).contains("/proc/self/exe"));
    sample::set(&mut facts, "tls-port", "6380");
    passes(&Protocols, &facts);
}

#[test]
fn without_sockets_bind_tells_and_without_settings_nothing_does() {
    let mut facts = sample::hardened();
    facts.sockets = Fact::Unavailable("no /proc".to_owned());
    sample::set(&mut facts, "bind", "127.0.0.1 10.0.0.5");
    fails(&Plaintext, &facts);
    sample::set(&mut facts, "bind", "db.example");
    assert!(unknown(&Plaintext, &facts).contains("bind db.example"));
    let mut facts = listening_on(&["10.0.0.5:6379"]);
    facts.config = Fact::Unavailable("CONFIG is renamed".to_owned());
    assert_eq!(unknown(&Plaintext, &facts), "CONFIG is renamed");
}

#[test]
fn versions_before_1_2_fail_however_they_are_written() {
    for fine in ["", "TLSv1.2", "tlsv1.3 TLSv1.2"] {
        passes(&Protocols, &with_tls(&[("tls-protocols", fine)]));
    }
    for old in ["TLSv1", "TLSv1.1 TLSv1.2", "tlsv1.3 tlsv1"] {
        let failure = fails(&Protocols, &with_tls(&[("tls-protocols", old)]));
        let good = ("tls-protocols".to_owned(), b"TLSv1.2 TLSv1.3".to_vec());
        assert_eq!(failure.actions, [Action::Set(vec![good])]);
        assert!(failure.steps.concat().contains("\"TLSv1.2 TLSv1.3\""));
    }
}

#[test]
fn weak_ciphers_fail_and_are_named() {
    let facts = with_tls(&[
        ("tls-ciphers", "HIGH:RC4-SHA:ECDHE-RSA-DES-CBC3-SHA"),
        ("tls-ciphersuites", "TLS_AES_128_GCM_SHA256"),
    ]);
    let failure = fails(&Protocols, &facts);
    assert_eq!(
        failure.actual.first().map(String::as_str),
        Some("tls-ciphers allows RC4-SHA (RC4), ECDHE-RSA-DES-CBC3-SHA (3DES)")
    );
    let good = ("tls-ciphers".to_owned(), Vec::new());
    assert_eq!(failure.actions, [Action::Set(vec![good])]);
    passes(&Protocols, &with_tls(&[("tls-ciphers", "DEFAULT:!MEDIUM")]));
}

#[test]
fn what_is_wrong_together_is_mended_in_one_call() {
    let facts = with_tls(&[("tls-protocols", "TLSv1"), ("tls-ciphers", "NULL")]);
    let failure = fails(&Protocols, &facts);
    let call = "CONFIG SET tls-protocols \"TLSv1.2 TLSv1.3\" tls-ciphers \"\"";
    assert!(failure.steps.concat().contains(call), "{failure:?}");
}

#[test]
fn tls_that_only_a_link_uses_counts_for_versions_but_has_no_clients() {
    let mut facts = sample::hardened();
    assert!(not_applicable(&Protocols, &facts).contains("nothing uses TLS"));
    sample::set(&mut facts, "tls-replication", "yes");
    sample::set(&mut facts, "tls-protocols", "TLSv1");
    fails(&Protocols, &facts);
    assert_eq!(not_applicable(&ClientAuth, &facts), "there is no tls-port");
}

#[test]
fn clients_without_a_certificate_are_let_in_by_no_alone() {
    passes(&ClientAuth, &with_tls(&[("tls-auth-clients", "yes")]));
    let optional = with_tls(&[("tls-auth-clients", "optional")]);
    assert!(
        passes(&ClientAuth, &optional)
            .concat()
            .contains("may show none")
    );
    let facts = with_tls(&[
        ("tls-auth-clients", "no"),
        ("tls-ca-cert-file", "/etc/redis/tls/ca.crt"),
    ]);
    let failure = fails(&ClientAuth, &facts);
    let yes = ("tls-auth-clients".to_owned(), b"yes".to_vec());
    assert_eq!(failure.actions, [Action::Set(vec![yes])]);
}

#[test]
fn without_an_authority_the_operator_has_to_bring_one() {
    let failure = fails(&ClientAuth, &with_tls(&[("tls-auth-clients", "no")]));
    assert_eq!(failure.actions, []);
    assert!(failure.steps.concat().contains("tls-ca-cert-file"));
}

#[test]
fn a_certificate_that_everybody_can_get_is_none() {
    let mut facts = with_tls(&[
        ("tls-auth-clients", "yes"),
        ("tls-ca-cert-dir", "/etc/ssl/certs"),
    ]);
    passes(&ClientAuth, &facts);
    facts.authorities = vec![sample::public_authorities()];
    let failure = fails(&ClientAuth, &facts);
    assert_eq!(
        failure.actual,
        [
            "tls-auth-clients yes",
            "tls-ca-cert-dir /etc/ssl/certs: the system's folder of public authorities, so a certificate of any of them \
             gets in"
        ]
    );
    let steps = failure.steps.concat();
    assert!(steps.contains("tls-ca-cert-dir ''"), "{steps}");
}
