//! Whether this server can speak TLS at all. From Redis 7.2 and Valkey on, builds that cannot have its settings all the same,
//! and die of `CONFIG SET tls-port` (seen on Redis 8.2.3): so it is looked up in the program, and never tried.

use std::path::Path;
use std::sync::OnceLock;

use super::bounded;
use super::settings::Settings;
use crate::audit::facts::Fact;
use crate::audit::tls;

/// What the server's own code for TLS says when it has no certificate: in every build with TLS, and in no other.
const IN_THE_PROGRAM: &[u8] = b"No tls-cert-file configured";
/// TLS as a module of the server's own: redis-tls.so, valkey-tls.so.
const AS_A_MODULE: &[u8] = b"-tls.so";
const MAX_PROGRAM: u64 = 512 << 20;
const MAX_MAPS: u64 = 4 << 20;

/// Looks for the code once; the running program does not change.
pub fn read(settings: &Settings) -> Fact<bool> {
    static LOOKED_UP: OnceLock<Result<bool, String>> = OnceLock::new();
    known_by(settings).unwrap_or_else(|| {
        let own = Path::new("/proc/self");
        let looked_up = LOOKED_UP.get_or_init(|| look(&own.join("exe"), &own.join("maps")));
        match looked_up {
            Ok(found) => Fact::Known(*found),
            Err(reason) => Fact::Unavailable(reason.clone()),
        }
    })
}

/// The settings tell of a server that has none, or that uses it.
fn known_by(settings: &Settings) -> Option<Fact<bool>> {
    match settings.config.known() {
        Err(reason) => Some(Fact::Unavailable(reason.to_owned())),
        Ok(config) if !config.contains_key("tls-port") => Some(Fact::Known(false)),
        Ok(_) => tls::is_used(|name| settings.get(name)).then_some(Fact::Known(true)),
    }
}

fn look(program: &Path, maps: &Path) -> Result<bool, String> {
    Ok(bounded::holds(program, IN_THE_PROGRAM, MAX_PROGRAM)?
        || bounded::holds(maps, AS_A_MODULE, MAX_MAPS)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Settings {
            config: Fact::Known(pairs.collect()),
            requirepass: Fact::Known(None),
            masterauth: Fact::Known(None),
        }
    }

    #[test]
    fn a_server_that_uses_tls_has_it_and_one_without_its_settings_has_not() {
        assert_eq!(
            known_by(&settings(&[("port", "6379")])),
            Some(Fact::Known(false))
        );
        let used = settings(&[("tls-port", "6380")]);
        assert_eq!(known_by(&used), Some(Fact::Known(true)));
        let used = settings(&[("tls-port", "0"), ("tls-cluster", "yes")]);
        assert_eq!(known_by(&used), Some(Fact::Known(true)));
        assert_eq!(known_by(&settings(&[("tls-port", "0")])), None);
        let mut unknown = settings(&[]);
        unknown.config = Fact::Unavailable("CONFIG is renamed".to_owned());
        assert!(matches!(known_by(&unknown), Some(Fact::Unavailable(_))));
    }

    #[test]
    fn its_code_is_found_in_the_program_or_in_a_module() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let with = file("with", b"\x7fELF\0No tls-cert-file configured!\0");
        let without = file("without", b"\x7fELF\0tls-cert-file\0");
        let maps = file("maps", b"7f00-7f01 r-xp 0 08:01 7 /usr/lib/libc.so.6\n");
        let module = file(
            "module",
            b"7f00-7f01 r-xp 0 08:01 7 /usr/lib/redis/redis-tls.so\n",
        );
        assert_eq!(look(&with, &maps), Ok(true));
        assert_eq!(look(&without, &maps), Ok(false));
        assert_eq!(look(&without, &module), Ok(true));
        assert!(look(Path::new("/nonexistent"), &maps).is_err());
    }
}
