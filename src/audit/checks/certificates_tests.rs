//! Tests of `net.tls-certificate`.

use super::*;
use crate::audit::checks::sample::{self, fails, passes, unknown};
use crate::audit::facts::Fact;

/// A server with TLS whose files are these.
fn with(files: Vec<CertificateFile>) -> Facts {
    let mut facts = sample::hardened();
    sample::set(&mut facts, "port", "0");
    sample::set(&mut facts, "tls-port", "6379");
    sample::set(&mut facts, "tls-key-file", "/etc/redis/tls/redis.key");
    facts.certificates = Fact::Known(Certificates {
        files,
        started: Some(facts.now() - DAY),
        loaded_until: None,
    });
    facts
}

/// A certificate that is valid from and until so many days from now.
fn days_from_now(from: i64, until: i64) -> Certificate {
    let now = sample::NOW;
    Certificate {
        not_before: now + from * DAY,
        not_after: now + until * DAY,
        ..sample::certificate()
    }
}

fn server_file(certificates: Vec<Certificate>) -> CertificateFile {
    file("tls-cert-file", certificates)
}

fn file(setting: &'static str, certificates: Vec<Certificate>) -> CertificateFile {
    let certificates = certificates.into_iter().map(Fact::Known).collect();
    sample::certificate_file(setting, Fact::Known(certificates))
}

fn severity(facts: &Facts) -> Severity {
    let failure = fails(&TlsCertificate, facts);
    let given = failure.severity.map(|(severity, _)| severity);
    given.unwrap_or(TlsCertificate.meta().severity)
}

#[test]
fn a_certificate_with_time_left_and_a_long_key_passes_and_is_shown() {
    let facts = with(vec![server_file(vec![days_from_now(-1, 90)])]);
    let actual = passes(&TlsCertificate, &facts).concat();
    assert_eq!(
        actual,
        "tls-cert-file /etc/redis/tls/redis.crt: CN=redis.example, EC 256 bits, ecdsa-with-SHA256, \
         valid 2026-11-23 to 2027-02-22"
    );
}

#[test]
fn an_expired_and_a_future_certificate_are_high_and_one_that_ends_soon_is_medium() {
    for (from, until, wanted, words) in [
        (-90, -1, Severity::High, "expired a day ago"),
        (1, 90, Severity::High, "not valid yet"),
        (-90, 29, Severity::Medium, "it ends in 29 days"),
        (-90, 30, Severity::Medium, "it ends in 30 days"),
        (-90, 0, Severity::Medium, "less than a day"),
    ] {
        let facts = with(vec![server_file(vec![days_from_now(from, until)])]);
        assert_eq!(severity(&facts), wanted, "{until}");
        let actual = fails(&TlsCertificate, &facts).actual.concat();
        assert!(actual.contains(words), "{actual}");
    }
    passes(
        &TlsCertificate,
        &with(vec![server_file(vec![days_from_now(-90, 31)])]),
    );
}

#[test]
fn the_last_second_is_the_last() {
    let mut facts = with(vec![server_file(vec![days_from_now(-9, 0)])]);
    assert_eq!(severity(&facts), Severity::Medium);
    facts.time += Duration::from_secs(1);
    assert_eq!(severity(&facts), Severity::High);
}

#[test]
fn short_keys_are_high_and_kinds_that_are_not_known_unknown() {
    let with_key = |key| {
        let certificate = Certificate {
            key,
            ..days_from_now(-1, 90)
        };
        with(vec![server_file(vec![certificate])])
    };
    for key in [Key::Rsa(1024), Key::Rsa(2047), Key::Ec(224)] {
        assert_eq!(severity(&with_key(key)), Severity::High);
    }
    for key in [
        Key::Rsa(2048),
        Key::Ec(256),
        Key::Ec(521),
        Key::Fixed("Ed25519"),
    ] {
        passes(&TlsCertificate, &with_key(key));
    }
    let odd = with_key(Key::Other("id-dsa".to_owned()));
    assert!(unknown(&TlsCertificate, &odd).contains("id-dsa"));
}

#[test]
fn every_certificate_of_a_chain_counts_and_the_worst_sets_the_severity() {
    let chain = vec![days_from_now(-1, 20), days_from_now(-90, -1)];
    let facts = with(vec![server_file(chain)]);
    assert_eq!(severity(&facts), Severity::High);
    assert_eq!(fails(&TlsCertificate, &facts).actual.len(), 2);
}

#[test]
fn an_old_authority_beside_a_new_one_is_low_unless_its_key_is_short() {
    let authorities = |all| {
        let own = server_file(vec![days_from_now(-1, 90)]);
        with(vec![own, file("tls-ca-cert-file", all)])
    };
    let old = days_from_now(-900, -1);
    let new = days_from_now(-1, 900);
    assert_eq!(
        severity(&authorities(vec![old.clone(), new.clone()])),
        Severity::Low
    );
    assert_eq!(severity(&authorities(vec![old])), Severity::High);
    let short = Certificate {
        key: Key::Rsa(1024),
        ..new.clone()
    };
    assert_eq!(severity(&authorities(vec![short, new])), Severity::High);
}

#[test]
fn what_cannot_be_read_is_unknown_unless_something_else_is_wrong() {
    let broken = |setting| {
        sample::certificate_file(setting, Fact::Unavailable("/a.crt: not there".to_owned()))
    };
    let facts = with(vec![broken("tls-cert-file")]);
    assert_eq!(
        unknown(&TlsCertificate, &facts),
        "tls-cert-file: /a.crt: not there"
    );
    let half = Fact::Known(vec![
        Fact::Known(days_from_now(-1, 90)),
        Fact::Unavailable("certificate 2 cannot be read".to_owned()),
    ]);
    let facts = with(vec![sample::certificate_file("tls-cert-file", half)]);
    assert!(unknown(&TlsCertificate, &facts).contains("certificate 2"));
    let facts = with(vec![
        server_file(vec![days_from_now(-9, -1)]),
        broken("tls-ca-cert-file"),
    ]);
    let actual = fails(&TlsCertificate, &facts).actual;
    assert!(actual.concat().contains("unknown: tls-ca-cert-file"));
    unknown(&TlsCertificate, &with(Vec::new()));
}

#[test]
fn without_tls_there_is_nothing_to_judge() {
    let mut facts = with(vec![server_file(vec![days_from_now(-9, -1)])]);
    sample::set(&mut facts, "tls-port", "0");
    let outcome = TlsCertificate.evaluate(&facts);
    assert!(matches!(outcome, Outcome::NotApplicable(_)));
}

#[test]
fn the_server_may_still_have_the_old_one() {
    let mut facts = with(vec![server_file(vec![days_from_now(-1, 90)])]);
    let now = facts.now();
    let mut loaded = |until: i64| {
        if let Fact::Known(certificates) = &mut facts.certificates {
            certificates.loaded_until = Some(until);
        }
        facts.clone()
    };
    passes(&TlsCertificate, &loaded(now + 90 * DAY));
    assert_eq!(severity(&loaded(now + 9 * DAY)), Severity::Medium);
    let expired = loaded(now);
    assert_eq!(severity(&expired), Severity::High);
    let steps = fails(&TlsCertificate, &expired).steps.concat();
    let reload =
        "CONFIG SET tls-cert-file /etc/redis/tls/redis.crt tls-key-file /etc/redis/tls/redis.key";
    assert!(steps.contains(reload), "{steps}");
}

#[test]
fn a_file_that_is_newer_than_the_server_is_remarked_upon() {
    let mut newer = server_file(vec![days_from_now(-1, 90)]);
    newer.written = Some(sample::NOW);
    let actual = passes(&TlsCertificate, &with(vec![newer])).concat();
    assert!(
        actual.contains("written after the server started"),
        "{actual}"
    );
}

#[test]
fn a_large_bundle_is_summed_up_and_a_folder_is_told_of() {
    let many = vec![days_from_now(-1, 90); 140];
    let mut facts = with(vec![file("tls-ca-cert-file", many)]);
    sample::set(&mut facts, "tls-ca-cert-dir", "/etc/ssl/certs");
    let actual = passes(&TlsCertificate, &facts);
    assert_eq!(actual.len(), 5);
    assert!(actual.concat().contains("137 more, all as good"));
    assert!(actual.concat().contains("tls-ca-cert-dir /etc/ssl/certs"));
}

#[test]
fn dates_beyond_the_calendar_stand_at_its_edge() {
    assert_eq!(date(i64::MIN), "1970-01-01");
    assert_eq!(date(i64::MAX), "9999-12-31");
}
