//! The certificates that the settings name, read from their files. Private keys that lie in the same file are passed over.

use std::os::unix::ffi::OsStrExt;
use std::time::{SystemTime, UNIX_EPOCH};

use x509_parser::der_parser::Oid;
use x509_parser::oid_registry;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::{PublicKey, RSAPublicKey};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::ask::Ask;
use super::settings::Settings;
use super::{bounded, walk};
use crate::audit::facts::{Certificate, CertificateFile, Certificates, Fact, Key};
use crate::audit::tls;
use crate::render::escape::{printable, printable_up_to};

/// A bundle of all authorities of the web has a quarter of it.
const MAX_FILE: u64 = 1 << 20;
const MAX_CERTIFICATES: usize = 1000;
const MAX_SUBJECT: usize = 128;
/// What OpenSSL takes for the beginning of a certificate, too.
const LABELS: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

/// Reads the file of each setting that names one.
pub fn read(ask: &dyn Ask, settings: &Settings, time: SystemTime) -> Fact<Certificates> {
    if let Err(reason) = settings.config.known() {
        return Fact::Unavailable(reason.to_owned());
    }
    let named = tls::CERTIFICATES
        .iter()
        .filter_map(|name| Some((*name, settings.get(name)?)));
    let files: Vec<CertificateFile> = named.map(|(name, path)| file(name, path)).collect();
    let none = files.is_empty();
    let now = seconds(time);
    Fact::Known(Certificates {
        files,
        started: if none { None } else { started(ask, now) },
        loaded_until: if none { None } else { loaded_until(ask, now) },
    })
}

/// Since 1970.
fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

fn started(ask: &dyn Ask, now: i64) -> Option<i64> {
    let uptime = ask.info("server", "uptime_in_seconds")?;
    Some(now.saturating_sub(uptime.parse().ok()?))
}

/// When the certificate ends that the server serves, which may be an older one than the file holds.
fn loaded_until(ask: &dyn Ask, now: i64) -> Option<i64> {
    let serial = ask.info("tls", "tls_server_cert_serial")?;
    if serial.is_empty() || serial == "none" {
        return None;
    }
    let left = ask.info("tls", "tls_server_cert_expires_in_seconds")?;
    Some(now.saturating_add(left.parse::<i64>().ok()?))
}

fn file(setting: &'static str, path: &[u8]) -> CertificateFile {
    let absolute = walk::absolute(path);
    let content = bounded::whole(&absolute, MAX_FILE);
    let shown = bounded::shown(&absolute);
    let written = std::fs::metadata(&absolute).and_then(|metadata| metadata.modified());
    let read = content
        .and_then(|content| certificates(&content).map_err(|reason| format!("{shown}: {reason}")));
    CertificateFile {
        setting,
        path: absolute.as_os_str().as_bytes().to_vec(),
        written: written.ok().map(seconds),
        certificates: match read {
            Ok(read) => Fact::Known(read),
            Err(reason) => Fact::Unavailable(reason),
        },
    }
}

/// The certificates of a PEM file.
fn certificates(content: &[u8]) -> Result<Vec<Fact<Certificate>>, String> {
    let blocks = blocks(content);
    if blocks.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    if blocks.len() > MAX_CERTIFICATES {
        return Err(format!("more than {MAX_CERTIFICATES} certificates"));
    }
    let read = |(block, number): (&[u8], usize)| {
        let (_, block) = parse_x509_pem(block).map_err(|error| (number, error.to_string()))?;
        match X509Certificate::from_der(&block.contents) {
            Ok((_, certificate)) => Ok(told(&certificate)),
            Err(error) => Err((number, error.to_string())),
        }
    };
    let numbered = blocks.into_iter().zip(1..);
    Ok(numbered
        .map(|block| match read(block) {
            Ok(certificate) => Fact::Known(certificate),
            Err((number, error)) => Fact::Unavailable(format!(
                "certificate {number} cannot be read: {}",
                printable_up_to(error.as_bytes(), MAX_SUBJECT)
            )),
        })
        .collect())
}

/// The parts of a PEM file that say they are certificates, each from its first line to its last. Nothing else in the file,
/// a private key for one, is decoded.
fn blocks(content: &[u8]) -> Vec<&[u8]> {
    let begins = |line: &[u8]| {
        let label = line
            .trim_ascii_end()
            .strip_prefix(b"-----BEGIN ")
            .and_then(|label| label.strip_suffix(b"-----"));
        label.is_some_and(|label| LABELS.iter().any(|known| known.as_bytes() == label))
    };
    let mut found = Vec::new();
    let mut begun = None;
    let mut end: usize = 0;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        let start = end;
        end = end.saturating_add(line.len());
        match begun {
            None if begins(line) => begun = Some(start),
            Some(first) if line.starts_with(b"-----END ") => {
                found.extend(content.get(first..end));
                begun = None;
            }
            _ => {}
        }
    }
    // One that does not end is there, and broken.
    found.extend(begun.and_then(|first| content.get(first..)));
    found
}

fn told(certificate: &X509Certificate<'_>) -> Certificate {
    let subject = certificate.subject().to_string();
    Certificate {
        subject: match subject.is_empty() {
            true => "no subject".to_owned(),
            false => printable_up_to(subject.as_bytes(), MAX_SUBJECT),
        },
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
        key: key(certificate.public_key()),
        signature: name(&certificate.signature_algorithm.algorithm),
    }
}

fn key(key: &SubjectPublicKeyInfo<'_>) -> Key {
    let kind = &key.algorithm.algorithm;
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => Key::Rsa(bits(rsa.modulus)),
        Ok(PublicKey::EC(point)) => {
            let size = u32::try_from(point.key_size()).unwrap_or(0);
            Key::Ec(curve_bits(key).unwrap_or(size))
        }
        _ if *kind == oid_registry::OID_PKCS1_RSASSAPSS => {
            match RSAPublicKey::from_der(&key.subject_public_key.data) {
                Ok((_, rsa)) => Key::Rsa(bits(rsa.modulus)),
                Err(_) => Key::Other(name(kind)),
            }
        }
        _ if *kind == oid_registry::OID_SIG_ED25519 => Key::Fixed("Ed25519"),
        _ if *kind == oid_registry::OID_SIG_ED448 => Key::Fixed("Ed448"),
        _ => Key::Other(name(kind)),
    }
}

/// The bits of a number, less the zeros in front.
fn bits(number: &[u8]) -> u32 {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeros..).unwrap_or_default();
    let length = u32::try_from(digits.len()).unwrap_or(u32::MAX / 8);
    let zeros = digits.first().map_or(0, |first| first.leading_zeros());
    length.saturating_mul(8).saturating_sub(zeros)
}

/// Of the curves with a name of their own: a point of 521 bits takes 66 bytes.
fn curve_bits(key: &SubjectPublicKeyInfo<'_>) -> Option<u32> {
    let curve = key.algorithm.parameters.as_ref()?.as_oid().ok()?;
    let known = [
        (oid_registry::OID_EC_P256, 256),
        (oid_registry::OID_NIST_EC_P384, 384),
        (oid_registry::OID_NIST_EC_P521, 521),
    ];
    let found = known.iter().find(|(oid, _)| *oid == curve);
    found.map(|(_, bits)| *bits)
}

fn name(oid: &Oid<'_>) -> String {
    let known = x509_parser::objects::oid2sn(oid, x509_parser::objects::oid_registry());
    let name = known.map_or_else(|_| oid.to_id_string(), str::to_owned);
    printable(name.as_bytes())
}

#[cfg(test)]
#[path = "certificates_tests.rs"]
mod tests;
