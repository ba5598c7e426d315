//! When files were last changed, by the clock that their owners cannot set: the change time of the inode.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The last change of several files and folders.
#[derive(Debug, Clone, Copy)]
pub struct LastChange(Option<SystemTime>);

impl Default for LastChange {
    fn default() -> Self {
        Self(Some(SystemTime::UNIX_EPOCH))
    }
}

impl LastChange {
    /// When it was; `None` where one of them could not be asked.
    pub fn time(self) -> Option<SystemTime> {
        self.0
    }

    /// Counts a file in, and the link by which it is reached.
    pub fn note(&mut self, path: &Path) {
        for found in [fs::symlink_metadata(path), fs::metadata(path)] {
            let changed = found.ok().and_then(|found| changed(&found));
            self.0 = self.0.zip(changed).map(|(one, other)| one.max(other));
        }
    }

    /// Counts in the folder in which a pattern looks for files: one that came, or went, has changed it. Folders that are
    /// themselves looked for are too many to ask.
    pub fn note_pattern(&mut self, pattern: &Path) {
        match pattern.parent() {
            Some(folder) if !is_wild(folder) && folder.exists() => self.note(folder),
            Some(folder) if !is_wild(folder) => {}
            _ => self.0 = None,
        }
    }
}

fn is_wild(path: &Path) -> bool {
    let mut bytes = path.as_os_str().as_bytes().iter();
    bytes.any(|byte| b"*?[".contains(byte))
}

fn changed(found: &fs::Metadata) -> Option<SystemTime> {
    let seconds = Duration::from_secs(u64::try_from(found.ctime()).ok()?);
    let rest = Duration::from_nanos(u64::try_from(found.ctime_nsec()).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(seconds.checked_add(rest)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn of(note: impl FnOnce(&mut LastChange)) -> Option<SystemTime> {
        let mut change = LastChange::default();
        note(&mut change);
        change.time()
    }

    #[test]
    fn a_change_is_seen_whatever_the_files_own_time_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("redis.conf");
        let file = fs::File::create(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(60);
        assert!(of(|change| change.note(&path)) > Some(long_ago));
        assert!(of(|change| change.note(&folder.path().join("none"))).is_none());
        let both = of(|change| {
            change.note(Path::new("/proc/self/none"));
            change.note(&path);
        });
        assert!(both.is_none());
    }

    #[test]
    fn a_pattern_stands_for_its_folder_and_one_of_folders_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let there = of(|change| change.note_pattern(&folder.path().join("*.conf")));
        assert!(there > Some(SystemTime::UNIX_EPOCH));
        let nowhere = of(|change| change.note_pattern(Path::new("/no/such/folder/*.conf")));
        assert_eq!(nowhere, Some(SystemTime::UNIX_EPOCH));
        assert!(of(|change| change.note_pattern(&folder.path().join("*/a.conf"))).is_none());
    }
}
