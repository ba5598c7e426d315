//! Effective settings, by one CONFIG GET *; the secrets among them are kept apart.

use std::collections::BTreeMap;

use super::ask::{Ask, Reply};
use super::config_file::ConfigFile;
use super::wire_name::call;
use crate::audit::facts::{Fact, Secret};

/// What CONFIG tells.
#[derive(Debug)]
pub struct Settings {
    /// Every setting that is no secret, by lower-case name.
    pub config: Fact<BTreeMap<String, Vec<u8>>>,
    /// `requirepass`.
    pub requirepass: Fact<Option<Secret>>,
    /// `masterauth` (Valkey: `primaryauth`).
    pub masterauth: Fact<Option<Secret>>,
}

impl Settings {
    /// A setting that is known and not empty.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let value = self.config.known().ok()?.get(name)?;
        (!value.is_empty()).then_some(value)
    }
}

/// Asks for all settings at once.
pub fn read(ask: &dyn Ask, file: &ConfigFile) -> Settings {
    told(call(ask, file, &[b"config", b"get", b"*"]))
}

/// The settings that the server tells when it is asked for all of them.
pub fn told(reply: Result<Reply, String>) -> Settings {
    let pairs = match reply.and_then(pairs) {
        Ok(pairs) => pairs,
        Err(reason) => {
            return Settings {
                config: Fact::Unavailable(reason.clone()),
                requirepass: Fact::Unavailable(reason.clone()),
                masterauth: Fact::Unavailable(reason),
            };
        }
    };
    let mut config = BTreeMap::new();
    let mut requirepass = None;
    let mut masterauth = None;
    for (name, value) in pairs {
        match name.as_str() {
            "requirepass" => requirepass = Some(value),
            "masterauth" | "primaryauth" => masterauth = Some(value),
            name if is_secret(name) => {}
            _ => {
                config.insert(name, value);
            }
        }
    }
    Settings {
        config: Fact::Known(config),
        requirepass: secret("requirepass", requirepass),
        masterauth: secret("masterauth", masterauth),
    }
}

/// Whether a setting may hold a secret, be it the server's or a module's.
pub fn is_secret(name: &str) -> bool {
    let inside = ["pass", "secret", "token", "credential"];
    inside.iter().any(|word| name.contains(word)) || name.ends_with("auth")
}

fn secret(name: &str, value: Option<Vec<u8>>) -> Fact<Option<Secret>> {
    match value {
        None => Fact::Unavailable(format!("CONFIG GET does not tell '{name}' on this server")),
        Some(value) => Fact::Known((!value.is_empty()).then(|| Secret::new(value))),
    }
}

/// The pairs of an array that stands for a map.
fn pairs(reply: Reply) -> Result<Vec<(String, Vec<u8>)>, String> {
    let Reply::Array(items) = reply else {
        return Err("CONFIG GET answered in a form that is not known".to_owned());
    };
    let mut items = items.into_iter();
    let replies = std::iter::from_fn(|| Some((items.next()?, items.next()?)));
    let pair = |(name, value)| match (name, value) {
        (Reply::Text(name), Reply::Text(value)) => {
            Some((String::from_utf8_lossy(&name).to_lowercase(), value))
        }
        _ => None,
    };
    Ok(replies.filter_map(pair).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::twin::{PASSWORD, Twin, text};
    use super::*;

    fn settings(reply: Reply) -> Settings {
        let twin = Twin::redis_7().answers(&["config", "get", "*"], reply);
        read(&twin, &ConfigFile::default())
    }

    #[test]
    fn settings_are_read_pair_by_pair() {
        let settings = settings(Reply::Array(vec![
            text("BIND"),
            text("127.0.0.1 -::1"),
            text("requirepass"),
            text(""),
        ]));
        assert_eq!(settings.get("bind"), Some(&b"127.0.0.1 -::1"[..]));
        assert_eq!(settings.requirepass, Fact::Known(None));
        assert!(settings.masterauth.known().is_err());
    }

    #[test]
    fn secrets_are_kept_out_of_the_plain_settings() {
        let names = [
            "requirepass",
            "masterauth",
            "primaryauth",
            "tls-key-file-pass",
            "tls-client-key-file-pass",
            "some.module-password",
        ];
        let reply = names.iter().flat_map(|name| [text(name), text(PASSWORD)]);
        let settings = settings(Reply::Array(
            reply
                .chain([text("tls-auth-clients"), text("no")])
                .collect(),
        ));
        assert!(!format!("{:?}", settings.config).contains(PASSWORD));
        assert_eq!(settings.config.known().unwrap().len(), 1);
        assert_eq!(
            settings
                .requirepass
                .known()
                .unwrap()
                .as_ref()
                .map(Secret::reveal),
            Some(PASSWORD.as_bytes())
        );
    }

    #[test]
    fn an_odd_answer_is_a_reason() {
        assert!(settings(Reply::Nil).config.known().is_err());
        assert!(
            settings(Reply::Array(vec![text("bind")]))
                .config
                .known()
                .unwrap()
                .is_empty()
        );
    }
}
