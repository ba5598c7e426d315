//! `net.tls-certificate`: the certificates that the settings name are valid, and will be for a while.

use std::time::{Duration, UNIX_EPOCH};

use super::steps;
use super::tls::{REDIS_TLS, VALKEY_TLS};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Certificate, CertificateFile, Certificates, Facts, Key};
use crate::audit::tls::{self, Tls};
use crate::render::escape::printable;

/// `net.tls-certificate`.
pub struct TlsCertificate;

const DAY: i64 = 24 * 60 * 60;
const SOON: i64 = 30 * DAY;
const RSA_BITS: u32 = 2048;
const EC_BITS: u32 = 256;
/// Of a file with more, only those that matter are shown.
const SHOWN: usize = 3;
/// A file that was written while the server started was read by it.
const AT_START: i64 = 5;

/// What is wrong, and how much it matters.
struct Fault {
    severity: Severity,
    line: String,
}

impl Check for TlsCertificate {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "net.tls-certificate",
            title: "TLS certificates are valid and their keys long enough",
            category: Category::Network,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "When a certificate ends, every client that checks it is locked out; the usual answer in the night is to \
                  switch the checking off. A short key can be broken, and then anybody is the server.",
            expected: "certificates that are valid for another 30 days, with RSA keys of 2048 bits or EC keys of 256",
            remedy: "Renew certificates in time, with keys of at least 2048 bits (RSA) or 256 bits (EC), and have the server read \
                     them.",
            references: &[
                REDIS_TLS,
                VALKEY_TLS,
                "https://cwe.mitre.org/data/definitions/298.html",
                "https://cwe.mitre.org/data/definitions/326.html",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Network,
            cap: "a TLS certificate is no proof of who the server is",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        match tls::state(facts).map(Tls::unused) {
            Ok(None) => {}
            Ok(Some(why)) => return Outcome::not_applicable(why),
            Err(reason) => return Outcome::unknown(reason),
        }
        let certificates = match facts.certificates.known() {
            Ok(certificates) => certificates,
            Err(reason) => return Outcome::unknown(reason),
        };
        let mut fine = Vec::new();
        let mut faults = Vec::new();
        let mut unknown = Vec::new();
        let mut faulty = Vec::new();
        for file in &certificates.files {
            let before = faults.len();
            judge(facts.now(), file, &mut fine, &mut faults, &mut unknown);
            if file.setting == "tls-cert-file" {
                faults.extend(loaded(facts.now(), certificates, file));
            }
            if faults.len() > before {
                faulty.push(file);
            }
            fine.extend(written_since(certificates, file));
        }
        if let Ok(folder @ [_, ..]) = facts.setting("tls-ca-cert-dir") {
            let folder = printable(folder);
            fine.push(format!(
                "tls-ca-cert-dir {folder}: the authorities in it are not judged"
            ));
        }
        if faults.is_empty() {
            return match unknown.into_iter().next() {
                Some(reason) => Outcome::unknown(reason),
                None if certificates.files.is_empty() => {
                    Outcome::unknown("TLS is in use, but no setting names a certificate")
                }
                None => Outcome::Pass(fine),
            };
        }
        let worst = faults.iter().map(|fault| fault.severity).max();
        let mut actual: Vec<String> = faults.into_iter().map(|fault| fault.line).collect();
        actual.extend(unknown.iter().map(|reason| format!("unknown: {reason}")));
        let failure = Failure::new(actual).steps(renew(facts, &faulty));
        match worst {
            Some(Severity::Medium) => failure
                .severity(
                    Severity::Medium,
                    "it is valid still, but for less than 30 days",
                )
                .into(),
            Some(Severity::Low) => failure
                .severity(Severity::Low, "other authorities in the file are valid")
                .into(),
            _ => failure.into(),
        }
    }
}

fn judge(
    now: i64,
    file: &CertificateFile,
    fine: &mut Vec<String>,
    faults: &mut Vec<Fault>,
    unknown: &mut Vec<String>,
) {
    let place = format!("{} {}", file.setting, printable(&file.path));
    let all = match file.certificates.known() {
        Ok(all) => all,
        Err(reason) => {
            unknown.push(format!("{}: {reason}", file.setting));
            return;
        }
    };
    let lasts = |one: &Certificate| one.not_before <= now && one.not_after > now + SOON;
    // Old authorities stay in a bundle after new ones have come.
    let spare =
        file.setting == "tls-ca-cert-file" && all.iter().any(|one| one.known().is_ok_and(lasts));
    let mut good = Vec::new();
    for certificate in all {
        match certificate.known() {
            Err(reason) => unknown.push(format!("{place}: {reason}")),
            Ok(certificate) => match fault(now, certificate, spare) {
                Ok(None) => good.push(format!("{place}: {}", shown(certificate))),
                Ok(Some((severity, what))) => faults.push(Fault {
                    severity,
                    line: format!("{place}: {}: {what}", shown(certificate)),
                }),
                Err(reason) => unknown.push(format!("{place}: {}: {reason}", shown(certificate))),
            },
        }
    }
    let more = good.len().saturating_sub(SHOWN);
    fine.extend(good.into_iter().take(SHOWN));
    if more > 0 {
        fine.push(format!("{place}: {more} more, all as good"));
    }
}

/// What is wrong with a certificate; the error is why that cannot be told.
fn fault(
    now: i64,
    certificate: &Certificate,
    spare: bool,
) -> Result<Option<(Severity, String)>, String> {
    let by_date = |severity| if spare { Severity::Low } else { severity };
    let ended = now.saturating_sub(certificate.not_after);
    if ended > 0 {
        let what = format!("expired {} ago", days(ended));
        return Ok(Some((by_date(Severity::High), what)));
    }
    if let Some(what) = short_key(&certificate.key)? {
        return Ok(Some((Severity::High, what)));
    }
    if certificate.not_before > now {
        return Ok(Some((
            by_date(Severity::High),
            "it is not valid yet".to_owned(),
        )));
    }
    let left = certificate.not_after.saturating_sub(now);
    let soon = || {
        let what = format!("it ends in {}", days(left));
        (by_date(Severity::Medium), what)
    };
    Ok((left <= SOON).then(soon))
}

fn short_key(key: &Key) -> Result<Option<String>, String> {
    match key {
        Key::Rsa(bits) if *bits < RSA_BITS => Ok(Some(format!(
            "an RSA key of {bits} bits is too short, {RSA_BITS} are the least"
        ))),
        Key::Ec(bits) if *bits < EC_BITS => Ok(Some(format!(
            "an EC key of {bits} bits is too short, {EC_BITS} are the least"
        ))),
        Key::Rsa(_) | Key::Ec(_) | Key::Fixed(_) => Ok(None),
        Key::Other(kind) => Err(format!("keys of the kind {kind} are not judged")),
    }
}

/// The server may still serve what it read before the file was renewed.
fn loaded(now: i64, certificates: &Certificates, file: &CertificateFile) -> Option<Fault> {
    let until = certificates.loaded_until?;
    let own = file.certificates.known().ok()?.first()?.known().ok()?;
    if until >= own.not_after.saturating_sub(DAY) || until > now.saturating_add(SOON) {
        return None;
    }
    let path = printable(&file.path);
    let (severity, what) = match until <= now {
        true => (Severity::High, "has expired".to_owned()),
        false => (Severity::Medium, format!("ends in {}", days(until - now))),
    };
    Some(Fault {
        severity,
        line: format!("the certificate that the server has loaded {what}; {path} is newer"),
    })
}

fn written_since(certificates: &Certificates, file: &CertificateFile) -> Option<String> {
    let (started, written) = (certificates.started?, file.written?);
    (certificates.loaded_until.is_none() && written > started.saturating_add(AT_START)).then(|| {
        format!(
            "{} was written after the server started; it has been read again only if somebody set {}",
            printable(&file.path),
            file.setting
        )
    })
}

fn renew(facts: &Facts, faulty: &[&CertificateFile]) -> Vec<String> {
    let mut steps = Vec::new();
    for file in faulty {
        let path = steps::shell_path(&file.path);
        let key = match file.setting {
            "tls-cert-file" => Some("tls-key-file"),
            "tls-client-cert-file" => Some("tls-client-key-file"),
            _ => None,
        };
        let key = key.and_then(|name| Some((name, facts.setting(name).ok()?)));
        let key = key.filter(|(_, path)| !path.is_empty());
        let key = key.map(|(name, path)| format!(" {name} {}", steps::shell_path(path)));
        steps.push(format!(
            "openssl storeutl -noout -text -certs {path}   # what is in it"
        ));
        steps.push(format!(
            "# put the new certificate into {path}, and have the server read it:"
        ));
        steps.push(format!(
            "{} CONFIG SET {} {path}{}",
            steps::cli(facts),
            file.setting,
            key.unwrap_or_default()
        ));
    }
    steps
}

/// In one line, with the dates as a calendar has them.
fn shown(certificate: &Certificate) -> String {
    let key = match &certificate.key {
        Key::Rsa(bits) => format!("RSA {bits} bits"),
        Key::Ec(bits) => format!("EC {bits} bits"),
        Key::Fixed(name) => (*name).to_owned(),
        Key::Other(kind) => kind.clone(),
    };
    format!(
        "{}, {key}, {}, valid {} to {}",
        certificate.subject,
        certificate.signature,
        date(certificate.not_before),
        date(certificate.not_after)
    )
}

fn days(seconds: i64) -> String {
    match seconds / DAY {
        0 => "less than a day".to_owned(),
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    }
}

/// `2027-01-31`; what lies outside of the calendar stands at its edge.
fn date(seconds: i64) -> String {
    const LAST: u64 = 253_402_300_799;
    let seconds = u64::try_from(seconds).unwrap_or(0).min(LAST);
    let time = UNIX_EPOCH + Duration::from_secs(seconds);
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
#[path = "certificates_tests.rs"]
mod tests;
