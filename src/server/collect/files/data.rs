//! The dump and the append-only file: what there is of them, and who may do what with it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::super::bounded;
use super::super::settings::Settings;
use super::super::walk::Walk;
use crate::audit::facts::{DataFiles, Fact, FileStatus};

/// An append-only file has a base, some increments and a manifest: a thousand of them is a rewrite that fails for weeks.
const MAX_ENTRIES: usize = 4_000;

/// Looks at the data files in this folder.
pub fn read(
    settings: &Settings,
    folder: &Result<PathBuf, String>,
    walk: &mut Walk<'_>,
) -> Fact<DataFiles> {
    let folder = match (settings.config.known(), folder) {
        (Err(reason), _) => return Fact::Unavailable(format!("the names of the data: {reason}")),
        (_, Err(reason)) => return Fact::Unavailable(reason.clone()),
        (Ok(_), Ok(folder)) => folder,
    };
    let inside = |name: &[u8]| folder.join(OsStr::from_bytes(name));
    let names = ["dbfilename", "appendfilename"];
    let files = names.iter().filter_map(|name| settings.get(name));
    let files = files.filter_map(|name| walk.entry(&inside(name))).collect();
    let mut data = DataFiles {
        files,
        ..DataFiles::default()
    };
    let Some(path) = settings.get("appenddirname").map(inside) else {
        return Fact::Known(data);
    };
    data.aof_dir = walk.entry(&path);
    if let Some(Fact::Known(status)) = &data.aof_dir
        && status.kind == 'd'
    {
        match entries(&path, walk) {
            Ok((aof, cut)) => {
                data.aof = aof;
                data.cut = cut;
            }
            Err(reason) => data.aof.push(Fact::Unavailable(reason)),
        }
    }
    Fact::Known(data)
}

/// What lies in a folder, by name, and whether there is more.
fn entries(path: &Path, walk: &mut Walk<'_>) -> Result<(Vec<Fact<FileStatus>>, bool), String> {
    let told = |error| format!("{}: {}", bounded::shown(path), bounded::reason(&error));
    let mut names = Vec::new();
    let mut cut = false;
    for entry in std::fs::read_dir(path).map_err(told)? {
        if names.len() == MAX_ENTRIES {
            cut = true;
            break;
        }
        names.push(entry.map_err(told)?.file_name());
    }
    names.sort();
    // One that is gone by now was replaced by a rewrite.
    let found = names.iter().filter_map(|name| walk.entry(&path.join(name)));
    Ok((found.collect(), cut))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::super::accounts::Accounts;
    use super::super::tests::settings;
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn found(folder: &Path) -> DataFiles {
        let names: [(&str, &[u8]); 3] = [
            ("dbfilename", b"dump.rdb"),
            ("appendfilename", b"appendonly.aof"),
            ("appenddirname", b"appendonlydir"),
        ];
        let accounts = Accounts::read();
        let mut walk = Walk::new(&accounts);
        match read(&settings(&names), &Ok(folder.to_owned()), &mut walk) {
            Fact::Known(data) => data,
            Fact::Unavailable(reason) => unreachable!("{reason}"),
        }
    }

    #[test]
    fn what_is_not_there_is_no_data() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(found(folder.path()), DataFiles::default());
    }

    #[test]
    fn the_dump_both_kinds_of_append_only_file_and_nothing_else_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let aof = folder.path().join("appendonlydir");
        fs::create_dir(&aof).unwrap();
        for path in ["dump.rdb", "appendonly.aof", "redis.conf"] {
            fs::write(folder.path().join(path), "").unwrap();
        }
        fs::write(aof.join("b"), "").unwrap();
        symlink("/nonexistent", aof.join("a")).unwrap();
        let data = found(folder.path());
        assert_eq!(data.files.len(), 2);
        assert!(matches!(data.aof_dir, Some(Fact::Known(status)) if status.kind == 'd'));
        assert_eq!(
            data.aof.first(),
            Some(&Fact::Unavailable(format!(
                "{}/a: not there",
                aof.display()
            )))
        );
        assert_eq!(data.aof.len(), 2);
        assert!(!data.cut);
    }

    #[test]
    fn a_folder_with_more_entries_than_anybody_has_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let aof = folder.path().join("appendonlydir");
        fs::create_dir(&aof).unwrap();
        for index in 0..=MAX_ENTRIES {
            fs::write(aof.join(index.to_string()), "").unwrap();
        }
        let data = found(folder.path());
        assert_eq!((data.aof.len(), data.cut), (MAX_ENTRIES, true));
    }

    #[test]
    fn a_pipe_in_the_place_of_the_folder_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(folder.path().join("appendonlydir"))
            .status();
        assert!(made.unwrap().success());
        let data = found(folder.path());
        assert!(matches!(data.aof_dir, Some(Fact::Known(status)) if status.kind == 'p'));
        assert!(data.aof.is_empty());
    }
}
