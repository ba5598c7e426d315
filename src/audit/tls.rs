//! What this server does with TLS, by its settings.

use super::facts::Facts;
use super::reach;

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

/// What the settings say; the error is why they are not known.
pub fn state(facts: &Facts) -> Result<Tls, String> {
    let config = facts.config.known()?;
    if !config.contains_key("tls-port") {
        return Ok(Tls::NotBuilt);
    }
    let links = ["tls-replication", "tls-cluster"];
    let used =
        reach::tls_port(facts).is_some() || links.iter().any(|link| reach::is_yes(facts, link));
    Ok(if used { Tls::On } else { Tls::Off })
}

/// Whether somebody has set TLS up, be it used or not. `get` gives settings that are not empty.
pub fn is_configured<'s>(get: impl Fn(&str) -> Option<&'s [u8]>) -> bool {
    let port = get("tls-port").is_some_and(|port| port != b"0");
    let links = ["tls-replication", "tls-cluster"];
    port || get("tls-cert-file").is_some() || links.iter().any(|link| get(link) == Some(b"yes"))
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
