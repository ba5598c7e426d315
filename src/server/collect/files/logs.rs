//! The log files: the server's own, and the one this module writes its decisions to.

use std::path::{Path, PathBuf};

use super::super::bounded;
use super::super::walk::{End, Walk, absolute};
use super::{Known, path_of};
use crate::audit::facts::{Fact, LogFile};

/// Looks at each log file that is set, and at its folder.
pub fn read(known: &Known<'_>, walk: &mut Walk<'_>) -> Vec<Fact<LogFile>> {
    let own = known.gate.log_file.as_deref().map(absolute).map(Ok);
    let set = [
        ("logfile", path_of(known.settings, "logfile")),
        ("secaudit.log-file", own),
    ];
    let look = |(setting, path): (&'static str, Option<Result<PathBuf, String>>)| {
        let log = path?.and_then(|path| log(setting, &path, walk));
        Some(log.map_or_else(Fact::Unavailable, Fact::Known))
    };
    set.into_iter().filter_map(look).collect()
}

fn log(setting: &'static str, path: &Path, walk: &mut Walk<'_>) -> Result<LogFile, String> {
    let (at, file) = match walk.follow_and_keep(path) {
        End::There {
            at,
            linked,
            metadata,
        } => {
            let resolved = linked.then_some(at.as_path());
            let file = walk.described(path, resolved, &metadata);
            (at, Some(file))
        }
        End::Missing(at) => (at, None),
        End::Unknown(reason) => return Err(reason),
    };
    let folder = at.parent().unwrap_or(Path::new("/"));
    match walk.follow(folder) {
        End::There { metadata, .. } => Ok(LogFile {
            setting,
            file,
            folder: walk.described(folder, None, &metadata),
        }),
        End::Missing(_) => Err(format!("{}: not there", bounded::shown(folder))),
        End::Unknown(reason) => Err(reason),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::super::accounts::Accounts;
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_log_is_told_with_its_folder_be_it_there_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("log"), folder.path().join("link"));
        let accounts = Accounts::read();
        let missing = log("logfile", &path, &mut Walk::new(&accounts)).unwrap();
        assert_eq!(missing.file, None);
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        let target = folder.path().join("deep/log");
        std::fs::write(&target, "").unwrap();
        symlink(&target, &link).unwrap();
        let found = log("logfile", &link, &mut Walk::new(&accounts)).unwrap();
        assert_eq!(
            found.folder.path,
            target.parent().unwrap().as_os_str().as_bytes()
        );
        let file = found.file.unwrap();
        assert_eq!(file.path, link.as_os_str().as_bytes());
        assert_eq!(
            file.resolved.as_deref(),
            Some(target.as_os_str().as_bytes())
        );
        let nowhere = log(
            "logfile",
            Path::new("/nonexistent/log"),
            &mut Walk::new(&accounts),
        );
        assert_eq!(nowhere, Err("/nonexistent: not there".to_owned()));
    }

    #[test]
    fn a_standard_stream_is_what_it_leads_to() {
        let accounts = Accounts::read();
        let null = log("logfile", Path::new("/dev/null"), &mut Walk::new(&accounts)).unwrap();
        assert_eq!(null.file.map(|file| file.kind), Some('c'));
        let mut walk = Walk::new(&accounts);
        assert!(log("logfile", Path::new("/dev/stdout"), &mut walk).is_ok());
    }
}
