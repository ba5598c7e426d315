//! net.tls, net.tls-protocols, net.tls-client-auth, net.tls-certificate.

use super::{Report, strong_password};
use crate::harness::builder::Builder;
use crate::harness::network::{NO_OWN_NETWORK, can_be_made, own_network};
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::tls::{self, AUTHORITY, CERTIFICATE, KEY, NO_TLS};
use std::fs;

/// RSA of 1024 bits. As an authority OpenSSL takes it; as a server's own certificate many builds do not.
const SHORT_RSA: &str = include_str!("short-rsa.crt");

/// In a network of its own, on all its addresses.
fn open(builder: Builder) -> Builder {
    let network = own_network(&["10.9.0.1/24"]);
    let words: Vec<&str> = network.iter().map(String::as_str).collect();
    builder.under(&words).config("bind", "0.0.0.0")
}

#[track_caller]
fn set(server: &Server, pairs: &[&str]) {
    let mut words = vec!["CONFIG", "SET"];
    words.extend(pairs);
    let reply = server.unix_client().call(words);
    assert!(reply.is_ok(), "{pairs:?}: {reply}");
}

fn report(server: &Server) -> Report {
    Report::by(&mut server.unix_client())
}

/// A server with this certificate as its own and as the authority of others.
fn serving(from: i64, until: i64) -> Server {
    tls::with(Server::builder(), &tls::certificate(from, until))
        .0
        .start()
}

#[test]
fn plaintext_passes_on_loopback_and_fails_beyond_it_with_or_without_tls_in_the_build() {
    needs_module!();
    let server = Server::start();
    let near = format!("tcp 127.0.0.1:{} LISTEN", server.port());
    Report::of(&server).shows("net.tls", "pass", &near);
    require!(can_be_made(), NO_OWN_NETWORK);
    let server = open(Server::builder()).start();
    let why = match tls::is_built_in() {
        true => "tls-port 0",
        false => "built without TLS",
    };
    let report = report(&server);
    report
        .shows("net.tls", "fail", &format!("tcp 0.0.0.0:{}", server.port()))
        .shows("net.tls", "fail", why);
    assert_eq!(report.severity("net.tls"), "medium");
}

#[test]
fn passwords_that_cross_a_plaintext_port_make_it_high() {
    needs_module!();
    require!(can_be_made(), NO_OWN_NETWORK);
    let server = open(Server::builder())
        .password(&strong_password("plaintext"))
        .start();
    let report = report(&server);
    assert_eq!(report.outcome("net.tls"), "fail");
    assert_eq!(report.severity("net.tls"), "high");
    let reason = report.finding("net.tls")["severity_reason"].to_string();
    assert!(reason.contains("in clear: default"), "{reason}");
}

#[test]
fn the_steps_to_tls_lead_to_a_server_that_passes() {
    needs_module!();
    require!(tls::is_built_in(), NO_TLS);
    require!(can_be_made(), NO_OWN_NETWORK);
    let server = tls::files(open(Server::builder()), &tls::certificate(-1, 90)).start();
    let told = report(&server).steps("net.tls").join("\n");
    let inside = |name: &str| server.dir().join(name).display().to_string();
    let step = told.lines().find(|step| step.contains("tls-cert-file"));
    let step = step.unwrap().split_once("CONFIG SET ").unwrap().1;
    let words: Vec<String> = step
        .split(' ')
        .map(|word| match word.strip_prefix("/etc/redis/tls/") {
            Some(name) => inside(name),
            None => word.to_owned(),
        })
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    set(&server, &words);
    report(&server).shows("net.tls", "fail", "tls-port 6380, beside it");
    set(&server, &["port", "0"]);
    report(&server)
        .shows("net.tls", "pass", "tcp 0.0.0.0:6380 LISTEN")
        .shows("net.tls", "pass", ": TLS")
        .shows("net.tls-certificate", "pass", "redis.crt")
        .shows("net.listening", "pass", "tcp 0.0.0.0:6380");
}

/// The system's bundle of public authorities, on Debian and many others.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

#[test]
fn authorities_that_vouch_for_everybody_vouch_for_no_client() {
    needs_module!();
    require!(tls::is_built_in(), NO_TLS);
    require!(
        fs::exists(BUNDLE).unwrap(),
        "this system has its public authorities elsewhere"
    );
    let server = serving(-1, 90);
    let id = "net.tls-client-auth";
    report(&server).shows(id, "pass", "tls-auth-clients yes");
    let link = server.dir().join("everybody.crt");
    std::os::unix::fs::symlink(BUNDLE, &link).unwrap();
    set(&server, &["tls-ca-cert-file", link.to_str().unwrap()]);
    report(&server)
        .shows(
            id,
            "fail",
            " -> /etc/ssl/certs/ca-certificates.crt: the system's bundle",
        )
        .shows(id, "fail", "a certificate of any of them gets in");
}

#[test]
fn old_versions_and_weak_ciphers_fail_on_the_running_server() {
    needs_module!();
    require!(tls::is_built_in(), NO_TLS);
    let server = serving(-1, 90);
    report(&server).shows("net.tls-protocols", "pass", "TLSv1.2 and TLSv1.3");
    set(&server, &["tls-protocols", "TLSv1.1 TLSv1.2"]);
    let found = report(&server);
    found.shows("net.tls-protocols", "fail", "TLSv1.1 is broken");
    let steps = found.steps("net.tls-protocols").join("\n");
    assert!(
        steps.contains("tls-protocols \"TLSv1.2 TLSv1.3\""),
        "{steps}"
    );
    set(&server, &["tls-protocols", "TLSv1.2 TLSv1.3"]);
    report(&server).shows("net.tls-protocols", "pass", "tls-protocols TLSv1.2 TLSv1.3");
    set(
        &server,
        &["tls-ciphers", "HIGH:NULL-SHA256:AECDH-AES128-SHA"],
    );
    report(&server)
        .shows("net.tls-protocols", "fail", "NULL-SHA256 (no encryption)")
        .shows(
            "net.tls-protocols",
            "fail",
            "AECDH-AES128-SHA (no authentication)",
        );
    // What the steps advise is taken.
    set(
        &server,
        &["tls-protocols", "TLSv1.2 TLSv1.3", "tls-ciphers", ""],
    );
    report(&server).shows("net.tls-protocols", "pass", "those of the library");
}

#[test]
fn clients_that_need_no_certificate_fail() {
    needs_module!();
    require!(tls::is_built_in(), NO_TLS);
    let server = serving(-1, 90);
    report(&server).shows("net.tls-client-auth", "pass", "tls-auth-clients yes");
    set(&server, &["tls-auth-clients", "no"]);
    report(&server).shows("net.tls-client-auth", "fail", "tls-auth-clients no");
    set(&server, &["tls-auth-clients", "optional"]);
    report(&server).shows("net.tls-client-auth", "pass", "may show none");
}

#[test]
fn without_tls_in_use_nothing_is_said_of_it() {
    needs_module!();
    let server = Server::start();
    let why = match tls::is_built_in() {
        true => "nothing uses TLS",
        false => "built without TLS",
    };
    for id in [
        "net.tls-protocols",
        "net.tls-client-auth",
        "net.tls-certificate",
    ] {
        Report::of(&server).shows(id, "not-applicable", why);
    }
}

#[test]
fn a_good_certificate_passes_and_is_shown() {
    needs_module!();
    require!(tls::is_built_in(), NO_TLS);
    let server = serving(-1, 90);
    let own = server.dir().join(CERTIFICATE).display().to_string();
    let found = report(&server);
    found
        .shows("net.tls-certificate", "pass", &own)
        .shows("net.tls-certificate", "pass", "CN=redis.example")
        .shows(
            "net.tls-certificate",
            "pass",
            "EC 256 bits, ecdsa-with-SHA256",
        )
        .shows("net.tls-certificate", "pass", "tls-ca-cert-file ");
}

#[test]
fn certificates_that_end_soon_have_ended_or_have_not_begun_fail() {
    needs_module!();
    require!(tls::is_built_in(), NO_TLS);
    for (from, until, severity, words) in [
        (-90, 20, "medium", "it ends in 20 days"),
        (-90, -2, "high", "expired 2 days ago"),
        (2, 90, "high", "it is not valid yet"),
    ] {
        let builder = tls::with(Server::builder(), &tls::certificate(from, until)).0;
        let Ok(server) = builder.try_start() else {
            // Valkey 9.1 refuses certificates outside of their time; the file can still end while it runs.
            let server = serving(-1, 90);
            let new = tls::certificate(from, until);
            fs::write(server.dir().join(CERTIFICATE), new.pem).unwrap();
            let found = report(&server);
            found.shows("net.tls-certificate", "fail", words);
            assert_eq!(found.severity("net.tls-certificate"), severity);
            continue;
        };
        let found = report(&server);
        found.shows("net.tls-certificate", "fail", words);
        assert_eq!(found.severity("net.tls-certificate"), severity, "{words}");
    }
}

#[test]
fn a_short_key_fails() {
    needs_module!();
    require!(tls::is_built_in(), NO_TLS);
    let server = serving(-1, 90);
    fs::write(server.dir().join("short.crt"), SHORT_RSA).unwrap();
    set(&server, &["tls-ca-cert-file", "short.crt"]);
    let found = report(&server);
    found.shows(
        "net.tls-certificate",
        "fail",
        "CN=short-rsa, RSA 1024 bits, sha256WithRSAEncryption",
    );
    assert_eq!(found.severity("net.tls-certificate"), "high");
}

#[test]
fn a_certificate_that_cannot_be_read_is_unknown_and_the_server_lives() {
    needs_module!();
    require!(tls::is_built_in(), NO_TLS);
    let server = serving(-1, 90);
    let path = server.dir().join(CERTIFICATE);
    let torn = tls::certificate(-1, 90).pem.replacen('M', "?", 3);
    let huge = vec![b'-'; 2 << 20];
    for (content, reason) in [
        (b"".as_slice(), "there is no certificate in it"),
        (b"\xff\x00\xfe", "there is no certificate in it"),
        (torn.as_bytes(), "certificate 1 cannot be read"),
        (&huge, "larger than"),
    ] {
        fs::write(&path, content).unwrap();
        report(&server).shows("net.tls-certificate", "unknown", reason);
    }
    fs::remove_file(&path).unwrap();
    report(&server).shows("net.tls-certificate", "unknown", "not there");
    fs::create_dir(&path).unwrap();
    report(&server).shows("net.tls-certificate", "unknown", "no regular file");
}

#[test]
fn a_renewed_certificate_counts_once_the_server_has_read_it() {
    needs_module!();
    require!(tls::is_built_in(), NO_TLS);
    let server = serving(-90, 20);
    report(&server).shows("net.tls-certificate", "fail", "it ends in 20 days");
    let new = tls::certificate(-1, 90);
    for (name, content) in [
        (CERTIFICATE, &new.pem),
        (AUTHORITY, &new.pem),
        (KEY, &new.key),
    ] {
        fs::write(server.dir().join(name), content).unwrap();
    }
    let info = server.unix_client().call(["INFO", "tls"]).text();
    if info.contains("tls_server_cert_expires_in_seconds") {
        let still = "the certificate that the server has loaded ends in 20 days";
        report(&server).shows("net.tls-certificate", "fail", still);
    }
    set(
        &server,
        &["tls-cert-file", CERTIFICATE, "tls-key-file", KEY],
    );
    report(&server).shows("net.tls-certificate", "pass", "CN=redis.example");
}

#[test]
fn nothing_of_the_private_key_reaches_the_report() {
    needs_module!();
    require!(tls::is_built_in(), NO_TLS);
    let own = tls::certificate(-1, 90);
    let (builder, _) = tls::with(Server::builder(), &own);
    // Both in one file, as many keep them.
    let both = format!("{}{}", own.key, own.pem);
    let server = builder.file(CERTIFICATE, both).start();
    let text = server.unix_client().call(["SECAUDIT", "JSON"]).text();
    for line in own.key.lines().filter(|line| !line.starts_with('-')) {
        assert!(!text.contains(line));
    }
    report(&server).shows("net.tls-certificate", "pass", "EC 256 bits");
}
