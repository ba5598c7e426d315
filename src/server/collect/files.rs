//! Owners and modes of the files the server lives from, as `ls -lL` would show them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::accounts::Accounts;
use super::bounded;
use super::config_file::ConfigFile;
use super::settings::Settings;
use crate::audit::facts::{Fact, FileStatus, Files, Server};

/// Looks at the configuration files, the data directory and the aclfile.
pub fn read(server: &Server, file: &ConfigFile, settings: &Settings, accounts: &Accounts) -> Files {
    let mut config: Vec<Fact<FileStatus>> = file
        .files
        .iter()
        .map(|path| status(path, accounts))
        .collect();
    // What a file includes is known only when it could be read.
    config.extend(file.unread.iter().cloned().map(Fact::Unavailable));
    if config.is_empty()
        && let Some(path) = &server.config_file
    {
        config.push(status(path, accounts));
    }
    Files {
        config,
        data_dir: data_dir(settings, accounts),
        acl: acl(settings, accounts),
    }
}

/// A file or folder; a link stands for what it leads to. A relative path starts from where the server stands.
pub fn status(path: &[u8], accounts: &Accounts) -> Fact<FileStatus> {
    let absolute = absolute(path);
    let metadata = match std::fs::metadata(&absolute) {
        Ok(metadata) => metadata,
        Err(error) => {
            let reason = bounded::reason(&error);
            return Fact::Unavailable(format!("{}: {reason}", bounded::shown(&absolute)));
        }
    };
    let kind = metadata.file_type();
    Fact::Known(FileStatus {
        path: absolute.as_os_str().as_bytes().to_vec(),
        kind: match () {
            () if kind.is_dir() => 'd',
            () if kind.is_socket() => 's',
            () if kind.is_fifo() => 'p',
            () if kind.is_char_device() => 'c',
            () if kind.is_block_device() => 'b',
            () => '-',
        },
        mode: metadata.mode() & 0o7777,
        uid: metadata.uid(),
        gid: metadata.gid(),
        owner: accounts.user(metadata.uid()),
        group: accounts.group(metadata.gid()),
    })
}

/// `dir` is the folder the server stands in, so it is known without CONFIG, too.
fn data_dir(settings: &Settings, accounts: &Accounts) -> Fact<FileStatus> {
    if let Some(path) = settings.get("dir") {
        return status(path, accounts);
    }
    match std::env::current_dir() {
        Ok(path) => status(path.as_os_str().as_bytes(), accounts),
        Err(error) => Fact::Unavailable(format!(
            "the working directory: {}",
            bounded::reason(&error)
        )),
    }
}

fn acl(settings: &Settings, accounts: &Accounts) -> Option<Fact<FileStatus>> {
    if let Err(reason) = settings.config.known() {
        return Some(Fact::Unavailable(format!(
            "whether there is an aclfile: {reason}"
        )));
    }
    let path = settings.get("aclfile")?;
    Some(status(path, accounts))
}

fn absolute(path: &[u8]) -> PathBuf {
    let path = Path::new(OsStr::from_bytes(path));
    match (path.is_absolute(), std::env::current_dir()) {
        (false, Ok(folder)) => folder.join(path),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;

    fn settings(pairs: &[(&str, &[u8])]) -> Settings {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_vec()));
        Settings {
            config: Fact::Known(BTreeMap::from_iter(pairs)),
            requirepass: Fact::Known(None),
            masterauth: Fact::Known(None),
        }
    }

    #[test]
    fn mode_kind_and_owner_are_those_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a\u{1b}");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        let Fact::Known(status) = status(path.as_os_str().as_bytes(), &Accounts::read()) else {
            unreachable!("the file is there");
        };
        assert_eq!((status.kind, status.mode), ('-', 0o640));
        assert_eq!(status.uid, rustix::process::geteuid().as_raw());
    }

    #[test]
    fn a_link_stands_for_its_target_and_a_missing_file_is_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        let accounts = Accounts::read();
        assert!(
            matches!(status(link.as_os_str().as_bytes(), &accounts), Fact::Known(status) if status.kind == 'd')
        );
        assert_eq!(
            status(b"/nonexistent/\xff", &accounts),
            Fact::Unavailable("/nonexistent/\\xff: not there".to_owned())
        );
    }

    #[test]
    fn the_data_directory_is_the_working_directory_where_config_is_not_known() {
        let mut unknown = settings(&[]);
        unknown.config = Fact::Unavailable("CONFIG is renamed".to_owned());
        let accounts = Accounts::read();
        let here = std::env::current_dir().unwrap();
        assert!(matches!(
            data_dir(&unknown, &accounts),
            Fact::Known(status) if status.path == here.as_os_str().as_bytes()
        ));
        assert!(matches!(
            acl(&unknown, &accounts),
            Some(Fact::Unavailable(_))
        ));
    }

    #[test]
    fn a_relative_path_starts_from_the_working_directory() {
        let accounts = Accounts::read();
        let settings = settings(&[("dir", b"."), ("aclfile", b"Cargo.toml")]);
        assert!(
            matches!(acl(&settings, &accounts), Some(Fact::Known(status)) if status.path.starts_with(b"/"))
        );
        assert!(data_dir(&settings, &accounts).known().is_ok());
    }
}
