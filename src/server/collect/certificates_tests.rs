//! Tests of reading certificates: good ones, broken ones, and files that are none.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

use super::super::twin::Twin;
use super::*;
use proptest::prelude::*;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use std::collections::BTreeMap;

fn settings(pairs: &[(&str, &[u8])]) -> Settings {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.to_vec()));
    Settings {
        config: Fact::Known(BTreeMap::from_iter(pairs)),
        requirepass: Fact::Known(None),
        masterauth: Fact::Known(None),
    }
}

/// The certificates of a file with this content.
fn of(content: &[u8]) -> Fact<Vec<Fact<Certificate>>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.crt");
    std::fs::write(&path, content).unwrap();
    file("tls-cert-file", path.to_str().unwrap().as_bytes()).certificates
}

fn only(content: &[u8]) -> Certificate {
    let read = of(content);
    let all = read.known().unwrap();
    assert_eq!(all.len(), 1);
    all[0].known().unwrap().clone()
}

fn made(name: &str, key: &KeyPair) -> String {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(2026, 1, 2);
    params.not_after = rcgen::date_time_ymd(2027, 1, 2);
    params.self_signed(key).unwrap().pem()
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + std::time::Duration::from_secs(seconds)
}

fn reason(fact: &Fact<Vec<Fact<Certificate>>>) -> &str {
    fact.known().unwrap_err()
}

/// RSA of 1024 bits, made by openssl for a hundred years.
const SHORT_RSA: &str = include_str!("../../../tests/audit/short-rsa.crt");

#[test]
fn a_certificate_tells_whose_it_is_how_long_and_by_which_key() {
    let key = KeyPair::generate().unwrap();
    let certificate = only(made("redis.example", &key).as_bytes());
    assert!(
        certificate.subject.contains("CN=redis.example"),
        "{certificate:?}"
    );
    assert_eq!(certificate.not_before, 1_767_312_000);
    assert_eq!(certificate.not_after, 1_798_848_000);
    assert_eq!(certificate.key, Key::Ec(256));
    assert_eq!(certificate.signature, "ecdsa-with-SHA256");
}

#[test]
fn keys_of_every_kind_have_their_size() {
    let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    assert_eq!(only(made("a", &p384).as_bytes()).key, Key::Ec(384));
    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    assert_eq!(
        only(made("a", &ed25519).as_bytes()).key,
        Key::Fixed("Ed25519")
    );
    let short = only(SHORT_RSA.as_bytes());
    assert_eq!(short.key, Key::Rsa(1024));
    assert_eq!(short.signature, "sha256WithRSAEncryption");
}

#[test]
fn bits_are_counted_from_the_first_one() {
    assert_eq!(bits(&[0, 0x80, 0]), 16);
    assert_eq!(bits(&[0x7f, 0]), 15);
    assert_eq!(bits(&[0, 0]), 0);
    assert_eq!(bits(&[]), 0);
}

#[test]
fn a_chain_is_read_in_order_and_private_keys_and_remarks_are_passed_over() {
    let key = KeyPair::generate().unwrap();
    let encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let content = format!(
        "{}{encrypted}{}a remark \u{e9}\n{}",
        key.serialize_pem(),
        made("first", &key),
        made("second", &key)
    );
    let read = of(content.as_bytes());
    let names: Vec<&str> = read
        .known()
        .unwrap()
        .iter()
        .map(|one| one.known().unwrap().subject.as_str())
        .collect();
    assert!(names[0].contains("first") && names[1].contains("second"));
    assert!(!format!("{read:?}").contains("PRIVATE"));
}

#[test]
fn a_subject_of_odd_or_many_bytes_is_escaped_and_cut() {
    let key = KeyPair::generate().unwrap();
    let subject = only(made("a\u{1b}[2J\n", &key).as_bytes()).subject;
    assert!(subject.contains("a\\x1b[2J\\n"), "{subject}");
    let long = only(made(&"n".repeat(9000), &key).as_bytes()).subject;
    assert!(long.len() < 200, "{}", long.len());
}

#[test]
fn files_without_a_certificate_are_reasons() {
    assert!(reason(&of(b"")).contains("no certificate in it"));
    assert!(reason(&of(b"\xff\xfe\x00rubbish")).contains("no certificate in it"));
    let huge = vec![b'a'; usize::try_from(MAX_FILE).unwrap() + 1];
    assert!(reason(&of(&huge)).contains("larger than"));
    let vanished = file("tls-cert-file", b"/nonexistent/a.crt").certificates;
    assert!(reason(&vanished).contains("/nonexistent/a.crt: not there"));
    let folder = file("tls-cert-file", b"/").certificates;
    assert!(reason(&folder).contains("no regular file"));
    let key = KeyPair::generate().unwrap();
    let many = made("a", &key).repeat(MAX_CERTIFICATES + 1);
    assert!(reason(&of(many.as_bytes())).contains("more than 1000"));
}

#[test]
fn a_broken_certificate_leaves_the_others_readable() {
    let key = KeyPair::generate().unwrap();
    let good = made("good", &key);
    let torn = good.replacen('M', "!", 2);
    let content = format!("{torn}{good}-----BEGIN CERTIFICATE-----\nMIIB");
    let read = of(content.as_bytes());
    let all = read.known().unwrap();
    assert_eq!(all.len(), 3);
    let first = all[0].known().unwrap_err();
    assert!(first.starts_with("certificate 1 cannot be read"), "{first}");
    assert!(all[1].known().is_ok());
    assert!(all[2].known().is_err());
}

#[test]
fn only_the_settings_that_name_a_file_are_read() {
    let twin = Twin::redis_7().tells("server", "uptime_in_seconds", "100");
    let none = read(&twin, &settings(&[("tls-cert-file", b"")]), at(1000));
    assert_eq!(none.known().unwrap().files, []);
    let named = settings(&[
        ("tls-cert-file", b"/nonexistent/a\xff"),
        ("tls-ca-cert-file", b"Cargo.toml"),
    ]);
    let named = read(&twin, &named, at(1000));
    let named = named.known().unwrap();
    assert_eq!(named.started, Some(900));
    assert_eq!(named.loaded_until, None);
    let told: Vec<&str> = named.files.iter().map(|file| file.setting).collect();
    assert_eq!(told, ["tls-cert-file", "tls-ca-cert-file"]);
    assert!(reason(&named.files[0].certificates).contains("/nonexistent/a\\xff"));
    let mut unknown = settings(&[]);
    unknown.config = Fact::Unavailable("CONFIG is renamed".to_owned());
    assert!(read(&twin, &unknown, at(1000)).known().is_err());
}

#[test]
fn a_server_that_tells_when_its_certificate_ends_is_heard() {
    let twin = |serial: &str| {
        Twin::redis_7()
            .tells("tls", "tls_server_cert_serial", serial)
            .tells("tls", "tls_server_cert_expires_in_seconds", "60")
    };
    let named = settings(&[("tls-cert-file", b"/nonexistent")]);
    let until = |serial| {
        read(&twin(serial), &named, at(1000))
            .known()
            .unwrap()
            .loaded_until
    };
    assert_eq!(until("5A"), Some(1060));
    assert_eq!(until("none"), None);
}

proptest! {
    #[test]
    fn no_bytes_between_the_lines_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut torn = SHORT_RSA.as_bytes().to_vec();
        let at = bytes.len() % torn.len();
        torn.splice(at..at, bytes.iter().copied());
        let _ = certificates(&torn);
        let _ = certificates(&bytes);
    }

    #[test]
    fn no_flipped_byte_of_the_contents_makes_it_panic(at in 0_usize..300, with in 1_u8..=255) {
        let (_, block) = parse_x509_pem(SHORT_RSA.as_bytes()).unwrap();
        let mut der = block.contents;
        let at = at % der.len();
        der[at] ^= with;
        if let Ok((_, certificate)) = X509Certificate::from_der(&der) {
            let _ = told(&certificate);
        }
    }
}
