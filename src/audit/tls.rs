//! What this server does with TLS, by its settings.

use super::facts::Facts;

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
