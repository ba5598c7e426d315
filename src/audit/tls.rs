//! What this server does with TLS, by its settings.

use std::collections::BTreeSet;

use super::facts::{Authority, Certificate, Facts};
use crate::render::escape::printable;

/// Whether TLS is there, and where it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// The server was built without it.
    NotBuilt,
    /// Nothing uses it.
    Off,
    /// A port, the replication link or the cluster bus uses it.
    On,
}

/// The settings that name a certificate, and what each is for.
pub const CERTIFICATES: [&str; 3] = ["tls-cert-file", "tls-client-cert-file", "tls-ca-cert-file"];

/// Where systems keep the public authorities in one file: Debian, Alpine and Arch; SUSE; RHEL and Fedora; the BSDs.
const BUNDLES: [&str; 12] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/certs/ca-bundle.crt",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/tls/certs/ca-bundle.trust.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/openssl/ca-bundle.trust.crt",
    "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// The same as folders.
const FOLDERS: [&str; 7] = [
    "/etc/ssl/certs",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted/pem/directory-hash",
    "/etc/ca-certificates/extracted/cadir",
    "/var/lib/ca-certificates/pem",
    "/var/lib/ca-certificates/openssl",
    "/usr/share/ca-certificates/mozilla",
];

/// So many organisations vouch for each other's clients nowhere but in a bundle of public authorities, which has those of
/// more than 70 (Mozilla's, 2026). Somebody's own authorities, with the old ones and those of partners, are a dozen.
const MANY: usize = 30;

/// How it stands; the error is why that is not known.
pub fn state(facts: &Facts) -> Result<Tls, String> {
    let config = facts.config.known()?;
    if !config.contains_key("tls-port") {
        return Ok(Tls::NotBuilt);
    }
    if is_used(|name| config.get(name).map(Vec::as_slice)) {
        return Ok(Tls::On);
    }
    match facts.tls_built.known() {
        Ok(true) => Ok(Tls::Off),
        Ok(false) => Ok(Tls::NotBuilt),
        Err(reason) => Err(format!("whether the server was built with TLS: {reason}")),
    }
}

/// Whether a port, the replication link or the cluster bus uses TLS. `get` gives settings.
pub fn is_used<'s>(get: impl Fn(&str) -> Option<&'s [u8]>) -> bool {
    let port = get("tls-port").is_some_and(|port| !port.is_empty() && port != b"0");
    let links = ["tls-replication", "tls-cluster"];
    port || links.iter().any(|link| get(link) == Some(b"yes"))
}

/// Why a certificate of a public authority, which everybody gets, is good for this server; `None` where it is not.
pub fn public_authorities(facts: &Facts) -> Option<String> {
    facts.authorities.iter().find_map(|authority| {
        let real = authority.resolved.as_deref().unwrap_or(&authority.path);
        let real = real.strip_suffix(b"/").unwrap_or(real);
        let known = |places: &[&str]| places.iter().any(|place| place.as_bytes() == real);
        let why = match &authority.hashed {
            // Where the system keeps none, or only its owner's.
            Some(hashed) if known(&FOLDERS) => match hashed.known() {
                Ok(count) if *count < MANY => return None,
                _ => "the system's folder of public authorities".to_owned(),
            },
            Some(_) => return None,
            None => match organisations(facts, authority) {
                Some(count) if count < MANY => return None,
                Some(_) if known(&BUNDLES) => {
                    "the system's bundle of public authorities".to_owned()
                }
                Some(count) => format!("authorities of {count} organisations"),
                None if known(&BUNDLES) => "the system's bundle of public authorities".to_owned(),
                None => return None,
            },
        };
        let shown = printable(&authority.path);
        let leads = authority.resolved.as_deref().map(printable);
        let leads = leads.map_or_else(String::new, |path| format!(" -> {path}"));
        Some(format!("{} {shown}{leads}: {why}", authority.setting))
    })
}

/// Of how many organisations the certificates of a file are; `None` when they could not be read.
fn organisations(facts: &Facts, authority: &Authority) -> Option<usize> {
    let certificates = facts.certificates.known().ok()?;
    let file = certificates
        .files
        .iter()
        .find(|file| file.setting == authority.setting)?;
    let read = file.certificates.known().ok()?;
    let all: BTreeSet<&str> = read
        .iter()
        .filter_map(|certificate| Some(organisation(certificate.known().ok()?)))
        .collect();
    Some(all.len())
}

/// Whose it is; one that names no organisation is somebody's own.
fn organisation(certificate: &Certificate) -> &str {
    let subject = certificate.subject.as_str();
    let mut parts = subject.split(", ");
    parts.find(|part| part.starts_with("O=")).unwrap_or(subject)
}

/// Whether somebody has set TLS up, be it used or not. `get` gives settings that are not empty.
pub fn is_configured<'s>(get: impl Fn(&str) -> Option<&'s [u8]>) -> bool {
    is_used(&get) || get("tls-cert-file").is_some()
}

impl Tls {
    /// Why a question about TLS does not arise; `None` where it does.
    pub fn unused(self) -> Option<&'static str> {
        match self {
            Self::NotBuilt => Some("the server was built without TLS"),
            Self::Off => Some("nothing uses TLS: tls-port 0, tls-replication no, tls-cluster no"),
            Self::On => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample;
    use crate::audit::facts::Fact;

    fn file(path: &str, resolved: Option<&str>, organisations: Option<usize>) -> Facts {
        let mut facts = sample::hardened();
        facts.authorities = vec![Authority {
            setting: "tls-ca-cert-file",
            path: path.as_bytes().to_vec(),
            resolved: resolved.map(|path| path.as_bytes().to_vec()),
            hashed: None,
        }];
        let of = |number: usize| {
            [1, 2].map(|root| {
                Fact::Known(Certificate {
                    subject: format!("C=DE, O=Trust {number}, CN=Root {root}"),
                    ..sample::certificate()
                })
            })
        };
        let read = match organisations {
            Some(count) => Fact::Known((0..count).flat_map(of).collect()),
            None => Fact::Unavailable("not readable".to_owned()),
        };
        let file = sample::certificate_file("tls-ca-cert-file", read);
        if let Fact::Known(certificates) = &mut facts.certificates {
            certificates.files.push(file);
        }
        facts
    }

    fn folder(path: &str, hashed: Fact<usize>) -> Facts {
        let mut facts = sample::hardened();
        facts.authorities = vec![Authority {
            setting: "tls-ca-cert-dir",
            path: path.as_bytes().to_vec(),
            resolved: None,
            hashed: Some(hashed),
        }];
        facts
    }

    #[test]
    fn a_bundle_of_public_authorities_is_known_by_its_place_and_by_what_is_in_it() {
        let bundle = "/etc/ssl/certs/ca-certificates.crt";
        let told = |facts: &Facts| public_authorities(facts).unwrap_or_default();
        assert_eq!(
            told(&file(bundle, None, Some(72))),
            "tls-ca-cert-file /etc/ssl/certs/ca-certificates.crt: the system's bundle of public authorities"
        );
        assert!(told(&file("/etc/redis/ca.crt", Some(bundle), None)).contains(" -> /etc/ssl"));
        assert!(told(&file("/srv/ca.crt", None, Some(30))).ends_with("of 30 organisations"));
        assert!(told(&folder("/etc/ssl/certs/", Fact::Known(145))).contains("system's folder"));
        let unread = Fact::Unavailable("not readable".to_owned());
        assert!(told(&folder("/etc/pki/tls/certs", unread)).contains("system's folder"));
    }

    #[test]
    fn authorities_of_ones_own_are_none_wherever_they_lie() {
        for facts in [
            sample::hardened(),
            file("/etc/redis/ca.crt", None, Some(12)),
            file("/etc/redis/ca.crt", None, None),
            // An image that has nothing but its own in the system's place.
            file("/etc/ssl/certs/ca-certificates.crt", None, Some(1)),
            folder("/etc/ssl/certs", Fact::Known(2)),
            folder("/etc/redis/authorities", Fact::Known(3)),
        ] {
            assert_eq!(public_authorities(&facts), None);
        }
    }
}
