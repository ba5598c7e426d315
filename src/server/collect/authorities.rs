//! The places of the authorities that vouch for other nodes and for clients: where the settings really lead.

use std::path::Path;

use super::accounts::Accounts;
use super::files::status;
use super::settings::Settings;
use super::{bounded, walk};
use crate::audit::facts::{Authority, Fact};
use std::os::unix::ffi::OsStrExt;

/// No folder of authorities has as many entries.
const MAX_ENTRIES: usize = 10_000;

/// Looks at what each setting names.
pub fn read(settings: &Settings, accounts: &Accounts) -> Vec<Authority> {
    let named = ["tls-ca-cert-file", "tls-ca-cert-dir"]
        .into_iter()
        .filter_map(|setting| Some((setting, settings.get(setting)?)));
    named
        .map(|(setting, path)| {
            let path = walk::absolute(path);
            let found = status(path.as_os_str().as_bytes(), accounts);
            Authority {
                setting,
                resolved: found.known().ok().and_then(|found| found.resolved.clone()),
                hashed: (setting == "tls-ca-cert-dir").then(|| hashed(&path)),
                path: path.as_os_str().as_bytes().to_vec(),
            }
        })
        .collect()
}

/// How many entries of a folder have a name by which OpenSSL finds certificates there: `5ed36f99.0`.
fn hashed(folder: &Path) -> Fact<usize> {
    let told = |error| {
        Fact::Unavailable(format!(
            "{}: {}",
            bounded::shown(folder),
            bounded::reason(&error)
        ))
    };
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            let names = entries.take(MAX_ENTRIES).flatten();
            let hashes = names.filter(|entry| is_hash(entry.file_name().as_bytes()));
            Fact::Known(hashes.count())
        }
        Err(error) => told(error),
    }
}

fn is_hash(name: &[u8]) -> bool {
    name.split_at_checked(8).is_some_and(|(hash, rest)| {
        let number = rest.strip_prefix(b".").unwrap_or_default();
        let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        hash.iter().all(u8::is_ascii_hexdigit) && digits(number)
    })
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
mod tests {
    use super::super::ask::Reply;
    use super::super::config_file::ConfigFile;
    use super::super::settings;
    use super::super::twin::{Twin, text};
    use super::*;

    #[test]
    fn links_are_followed_and_certificates_of_a_folder_counted() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("certs")).unwrap();
        for name in [
            "5ed36f99.0",
            "5ed36f99.1",
            "own.pem",
            "5ed36f99.r0",
            "5ed36f9.0",
        ] {
            std::fs::write(at("certs").join(name), b"").unwrap();
        }
        std::os::unix::fs::symlink("certs", at("link")).unwrap();
        let link = at("link").to_str().unwrap().to_owned();
        let reply = Reply::Array(vec![
            text("tls-ca-cert-dir"),
            text(&link),
            text("tls-ca-cert-file"),
            text("/not/there"),
        ]);
        let twin = Twin::redis_7().answers(&["config", "get", "*"], reply);
        let settings = settings::read(&twin, &ConfigFile::default());
        let found = read(&settings, &Accounts::read());
        assert_eq!(found[0].resolved, None);
        assert_eq!(found[0].hashed, None);
        assert!(found[1].resolved.as_ref().unwrap().ends_with(b"/certs"));
        assert_eq!(found[1].hashed, Some(Fact::Known(2)));
    }
}
