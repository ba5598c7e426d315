//! Servers with TLS, and certificates for them, made for each test.

use super::builder::Builder;
use super::port;
use super::server::Server;
use rcgen::{CertificateParams, DnType, IsCa, KeyPair};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

/// The names of the files in the server's folder.
pub const CERTIFICATE: &str = "redis.crt";
/// The private key.
pub const KEY: &str = "redis.key";
/// The authority that vouches for the other side: the certificate itself.
pub const AUTHORITY: &str = "ca.crt";

/// Why a test that needs TLS is skipped.
pub const NO_TLS: &str = "this server was built without TLS";

/// A certificate that vouches for itself, and its key, as PEM.
#[derive(Clone)]
pub struct Certificate {
    /// The certificate.
    pub pem: String,
    /// Its private key.
    pub key: String,
}

/// Whether the server under test was built with TLS: one without it has the settings all the same, and refuses to start.
pub fn is_built_in() -> bool {
    static BUILT_IN: OnceLock<bool> = OnceLock::new();
    *BUILT_IN.get_or_init(|| {
        let (builder, _) = with(Server::builder().no_module(), &certificate(-1, 90));
        match builder.try_start() {
            Ok(_) => true,
            Err(failure) => {
                let log = failure.log;
                let missing = ["Failed finding TLS support", "Bad directive"];
                assert!(missing.iter().any(|text| log.contains(text)), "{log}");
                false
            }
        }
    })
}

/// A certificate that is valid from and until so many days from now.
pub fn certificate(from: i64, until: i64) -> Certificate {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a certificate");
    params
        .distinguished_name
        .push(DnType::CommonName, "redis.example");
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.not_before = days_from_now(from).into();
    params.not_after = days_from_now(until).into();
    let certificate = params.self_signed(&key).expect("a certificate");
    Certificate {
        pem: certificate.pem(),
        key: key.serialize_pem(),
    }
}

/// Gives a server-to-be a TLS port, and answers its number.
pub fn with(builder: Builder, certificate: &Certificate) -> (Builder, u16) {
    let port = port::free();
    let builder = files(builder, certificate)
        .config("tls-port", &port.to_string())
        .config("tls-cert-file", CERTIFICATE)
        .config("tls-key-file", KEY)
        .config("tls-ca-cert-file", AUTHORITY);
    (builder, port)
}

/// Only lays the files into its folder.
pub fn files(builder: Builder, certificate: &Certificate) -> Builder {
    builder
        .file(CERTIFICATE, &certificate.pem)
        .file(AUTHORITY, &certificate.pem)
        .file(KEY, &certificate.key)
}

fn days_from_now(days: i64) -> SystemTime {
    let distance = Duration::from_secs(days.unsigned_abs() * 24 * 60 * 60);
    match days < 0 {
        true => SystemTime::now() - distance,
        // A minute more, so that a slow test does not make a day of it.
        false => SystemTime::now() + distance + Duration::from_secs(60),
    }
}
