//! Where the settings let the server write, as they have it and as it is when links are followed; and where redis.conf
//! would have the data, when that is elsewhere.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::super::walk::{End, Walk, absolute};
use super::Known;
use crate::audit::facts::{Astray, Fact, Target, default_of};

/// Follows each setting that names a place to write to.
pub fn read(
    known: &Known<'_>,
    here: &Result<PathBuf, String>,
    walk: &mut Walk<'_>,
) -> Vec<Fact<Target>> {
    let here = match here {
        Ok(here) => here,
        Err(reason) => return vec![Fact::Unavailable(reason.clone())],
    };
    let mut targets = vec![Fact::Known(target("dir", here.clone(), false, walk))];
    for setting in ["dbfilename", "appenddirname", "aclfile", "logfile"] {
        targets.push(match value(known, setting) {
            Ok(None) => continue,
            Ok(Some((value, by_file))) => {
                let path = here.join(OsStr::from_bytes(&value));
                Fact::Known(target(setting, path, by_file, walk))
            }
            Err(reason) => Fact::Unavailable(format!("{setting}: {reason}")),
        });
    }
    let own = known.gate.log_file.as_deref();
    let own = own.map(|path| target("secaudit.log-file", absolute(path), false, walk));
    targets.extend(own.map(Fact::Known));
    targets
}

/// Where redis.conf would have the data; `None` where they are there, or where that cannot be told.
pub fn astray(
    known: &Known<'_>,
    here: &Result<PathBuf, String>,
    walk: &mut Walk<'_>,
) -> Option<Astray> {
    let here = here.as_ref().ok()?;
    let name = known.settings.get("dbfilename")?;
    if !known.file.unread.is_empty() || known.file.files.is_empty() {
        return None;
    }
    let by_file = |setting: &str| known.file.value(setting).map(<[u8]>::to_vec);
    let dir = by_file("dir").unwrap_or_else(|| here.as_os_str().as_bytes().to_vec());
    // What a relative `dir` started from is not known any more.
    let path = Path::new(OsStr::from_bytes(&dir));
    let dbfilename =
        by_file("dbfilename").or_else(|| default_of("dbfilename").map(<[u8]>::to_vec))?;
    let resolved = match (path.is_absolute(), walk.follow(path)) {
        (true, End::There { at, .. }) => at,
        _ => return None,
    };
    if resolved == *here && dbfilename == name {
        return None;
    }
    let mut would_be = vec![dbfilename.clone()];
    for setting in ["appenddirname", "appendfilename"] {
        would_be.extend(known.settings.get(setting).map(<[u8]>::to_vec));
    }
    let vacant = would_be.iter().all(|name| {
        walk.entry(&resolved.join(OsStr::from_bytes(name)))
            .is_none()
    });
    Some(Astray {
        folder: walk.status(&dir),
        dir,
        dbfilename,
        vacant,
    })
}

fn target(setting: &'static str, path: PathBuf, by_file: bool, walk: &mut Walk<'_>) -> Target {
    let resolved = match walk.follow(&path) {
        End::There { at, .. } | End::Missing(at) => Fact::Known(at.as_os_str().as_bytes().to_vec()),
        End::Unknown(reason) => Fact::Unavailable(reason),
    };
    Target {
        setting,
        written: path.as_os_str().as_bytes().to_vec(),
        resolved,
        by_file,
    }
}

/// The value of a setting and whether it is only redis.conf that says so; `None` where it is not set.
fn value(known: &Known<'_>, setting: &str) -> Result<Option<(Vec<u8>, bool)>, String> {
    let Err(reason) = known.settings.config.known() else {
        let value = known.settings.get(setting);
        return Ok(value.map(|value| (value.to_vec(), false)));
    };
    // These cannot be changed while the server runs, or only as a protected config: the file is a witness, if all of it
    // could be read.
    if known.file.files.is_empty() || !known.file.unread.is_empty() {
        let gaps = known.file.gaps();
        return Err(match reason.contains(&gaps) {
            true => reason.to_owned(),
            false => format!("{reason}{gaps}"),
        });
    }
    let value = known.file.value(setting).map(<[u8]>::to_vec);
    let value = value.or_else(|| default_of(setting).map(<[u8]>::to_vec));
    Ok(value
        .filter(|value| !value.is_empty())
        .map(|value| (value, true)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]
mod tests {
    use super::super::super::accounts::Accounts;
    use super::super::super::config_file::ConfigFile;
    use super::super::super::settings::Settings;
    use super::super::tests::{gate, no_settings, settings, with_known};
    use super::*;
    use std::fs;

    /// A folder with a redis.conf of this text.
    fn with_file(text: &str) -> (tempfile::TempDir, ConfigFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("redis.conf");
        fs::write(&path, text).unwrap();
        let file = ConfigFile::read(path.as_os_str().as_bytes());
        (folder, file)
    }

    fn targets(file: &ConfigFile, settings: &Settings, here: &Path) -> Vec<Fact<Target>> {
        let accounts = Accounts::read();
        with_known(file, settings, &gate(), |known| {
            read(known, &Ok(here.to_owned()), &mut Walk::new(&accounts))
        })
    }

    #[test]
    fn each_setting_leads_somewhere_and_links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("users.acl");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        let settings = settings(&[
            ("dbfilename", b"dump.rdb"),
            ("aclfile", b"users.acl"),
            ("logfile", b""),
        ]);
        let found = targets(&ConfigFile::default(), &settings, folder.path());
        let found: Vec<&Target> = found.iter().map(|target| target.known().unwrap()).collect();
        let [dir, dump, acl] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert_eq!(dir.written, folder.path().as_os_str().as_bytes());
        assert_eq!(dump.resolved, Fact::Known(dump.written.clone()));
        assert_eq!(acl.written, link.as_os_str().as_bytes());
        assert_eq!(acl.resolved, Fact::Known(b"/etc/passwd".to_vec()));
    }

    #[test]
    fn without_config_the_file_is_the_witness_if_all_of_it_could_be_read() {
        let (folder, file) = with_file("logfile /var/log/x.log\naclfile \"\"\n");
        let found = targets(&file, &no_settings(), folder.path());
        let known = |target: &Fact<Target>| target.known().unwrap().clone();
        let found: Vec<Target> = found.iter().map(known).collect();
        let told: Vec<(&str, bool)> = found
            .iter()
            .map(|target| (target.setting, target.by_file))
            .collect();
        let by_file = [
            ("dbfilename", true),
            ("appenddirname", true),
            ("logfile", true),
        ];
        assert_eq!(told, [&[("dir", false)][..], &by_file].concat());
        let (folder, file) = with_file("include /nonexistent/x\n");
        let found = targets(&file, &no_settings(), folder.path());
        assert!(found.iter().skip(1).all(|target| target.known().is_err()));
    }

    fn led_astray(file: &ConfigFile, name: &[u8], here: &Path) -> Option<Astray> {
        let accounts = Accounts::read();
        let settings = settings(&[("dbfilename", name), ("appenddirname", b"aof")]);
        with_known(file, &settings, &gate(), |known| {
            astray(known, &Ok(here.to_owned()), &mut Walk::new(&accounts))
        })
    }

    #[test]
    fn data_are_astray_where_redis_conf_would_have_them_elsewhere() {
        let home = tempfile::tempdir().unwrap();
        let (folder, file) = with_file(&format!("dir {}\n", home.path().display()));
        assert_eq!(led_astray(&file, b"dump.rdb", home.path()), None);
        let found = led_astray(&file, b"dump.rdb", folder.path()).unwrap();
        assert_eq!(found.dir, home.path().as_os_str().as_bytes());
        assert!(found.vacant && found.folder.known().is_ok());
        let named = led_astray(&file, b"x", home.path()).unwrap();
        assert_eq!(named.dbfilename, b"dump.rdb");
        fs::create_dir(home.path().join("aof")).unwrap();
        assert!(!led_astray(&file, b"x", home.path()).unwrap().vacant);
    }

    #[test]
    fn a_relative_or_absent_folder_in_redis_conf_is_no_place_to_go_back_to() {
        for dir in ["dir ./", "dir /nonexistent/x"] {
            let (folder, file) = with_file(dir);
            assert_eq!(led_astray(&file, b"x", folder.path()), None);
        }
        assert_eq!(
            led_astray(&ConfigFile::default(), b"x", Path::new("/")),
            None
        );
    }
}
