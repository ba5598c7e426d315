//! Tests of looking at the server's files.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use super::super::twin::Twin;
use super::super::{server, settings as read_settings};
use super::*;
use crate::audit::facts::{Accepted, Gate};
use std::collections::BTreeMap;

/// Settings as CONFIG would tell them.
pub fn settings(pairs: &[(&str, &[u8])]) -> Settings {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.to_vec()));
    Settings {
        config: Fact::Known(BTreeMap::from_iter(pairs)),
        requirepass: Fact::Known(None),
        masterauth: Fact::Known(None),
    }
}

/// Settings that could not be read.
pub fn no_settings() -> Settings {
    Settings {
        config: Fact::Unavailable("CONFIG is renamed".to_owned()),
        ..settings(&[])
    }
}

/// What is known of a server with this redis.conf and these settings, given to the work at hand.
pub fn with_known<T>(
    file: &ConfigFile,
    settings: &Settings,
    gate: &Gate,
    work: impl FnOnce(&Known<'_>) -> T,
) -> T {
    let server = server::read(&Twin::redis_7());
    work(&Known {
        server: &server,
        file,
        settings,
        accounts: &Accounts::read(),
        gate,
    })
}

/// This module without a policy and without a log.
pub fn gate() -> Gate {
    Gate {
        mode: "off",
        statements: 0,
        ids: Vec::new(),
        policy_file: None,
        log_file: None,
        names: Vec::new(),
        on_trial: Vec::new(),
        sealed: false,
        capabilities: Vec::new(),
        accepted: Accepted::default(),
    }
}

fn files(settings: &Settings, gate: &Gate) -> Files {
    let twin = Twin::redis_7();
    with_known(&ConfigFile::default(), settings, gate, |known| {
        read(&twin, known)
    })
}

#[test]
fn the_data_directory_is_the_working_directory_where_config_is_not_known() {
    let found = files(&no_settings(), &gate());
    let path = std::env::current_dir().unwrap();
    assert!(matches!(
        found.data_dir,
        Fact::Known(status) if status.path == path.as_os_str().as_bytes()
    ));
    for unknown in [found.acl, found.tls_keys.first().cloned()] {
        assert!(matches!(unknown, Some(Fact::Unavailable(_))), "{unknown:?}");
    }
    assert!(matches!(found.logs.first(), Some(Fact::Unavailable(_))));
    assert!(found.data.known().is_err());
}

#[test]
fn what_is_not_set_is_not_looked_for() {
    let found = files(
        &settings(&[("aclfile", b""), ("tls-key-file", b"")]),
        &gate(),
    );
    assert_eq!((found.acl, found.policy), (None, None));
    assert!(found.tls_keys.is_empty() && found.logs.is_empty());
}

#[test]
fn every_file_that_is_named_is_looked_at_and_what_is_above_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["acl", "key", "policy", "log", "own.log"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("file"), "").unwrap();
    }
    let path = |name: &str| folder.path().join(name).join("file").into_os_string();
    let paths = ["acl", "key", "log"].map(path);
    let [acl, key, log] = &paths;
    let settings = settings(&[
        ("aclfile", acl.as_bytes()),
        ("tls-client-key-file", key.as_bytes()),
        ("logfile", log.as_bytes()),
    ]);
    let gate = Gate {
        policy_file: Some(path("policy").as_bytes().to_vec()),
        log_file: Some(path("own.log").as_bytes().to_vec()),
        ..gate()
    };
    let found = files(&settings, &gate);
    assert!(matches!(found.acl, Some(Fact::Known(_))));
    assert!(matches!(found.policy, Some(Fact::Known(_))));
    assert!(matches!(found.tls_keys.as_slice(), [Fact::Known(_)]));
    assert!(matches!(
        found.logs.as_slice(),
        [Fact::Known(_), Fact::Known(_)]
    ));
    let above = |name: &str| {
        let path = folder.path().join(name);
        let same = |parent: &&crate::audit::facts::Parent| {
            parent.status.path == path.as_os_str().as_bytes()
        };
        found.parents.found.iter().filter(same).count()
    };
    for name in ["acl", "key", "policy", "log", "own.log"] {
        assert_eq!(above(name), 1, "{name}");
    }
    let group = rustix::process::getegid().as_raw();
    assert!(found.groups.contains_key(&group));
    assert!(found.code.known().is_ok_and(|code| !code.is_empty()));
}

#[test]
fn a_relative_path_starts_from_the_working_directory() {
    let found = files(
        &settings(&[("dir", b"."), ("aclfile", b"Cargo.toml")]),
        &gate(),
    );
    assert!(matches!(found.acl, Some(Fact::Known(status)) if status.path.starts_with(b"/")));
    assert!(found.data_dir.known().is_ok());
    let twin = Twin::redis_7();
    let settings = read_settings::read(&twin, &ConfigFile::default());
    assert!(files(&settings, &gate()).config.is_empty());
}
