//! The permission bits of a file of this server's, changed without following a link that somebody put there meanwhile.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};

use crate::render::escape::printable;

/// Bits that give something to others than the owner.
const OF_OTHERS: u32 = 0o7077;

/// What was there before its bits were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// Its bits.
    pub mode: u32,
    /// It is a Unix socket: the server makes it anew at each start.
    pub is_socket: bool,
}

/// Sets the bits of a file, folder or socket that belongs to this process's user. They never give others more than they
/// had.
pub fn set(path: &[u8], mode: u32) -> Result<Before, String> {
    let file = open(path).map_err(|error| told(&error))?;
    let found = file.metadata().map_err(|error| told(&error))?;
    let kind = found.file_type();
    if kind.is_symlink() {
        return Err("it is a link: change what it leads to".to_owned());
    }
    if !(kind.is_file() || kind.is_dir() || kind.is_socket()) {
        return Err("it is neither a file nor a folder nor a socket".to_owned());
    }
    let before = found.mode() & 0o7777;
    if mode & !before & OF_OTHERS != 0 {
        return Err(format!(
            "it has {before:o} now, and {mode:o} would give others more"
        ));
    }
    // What was looked at is what is changed, even if its name leads elsewhere by now.
    let itself = format!("/proc/self/fd/{}", file.as_raw_fd());
    fs::set_permissions(itself, Permissions::from_mode(mode)).map_err(|error| told(&error))?;
    Ok(Before {
        mode: before,
        is_socket: kind.is_socket(),
    })
}

/// Has the server write a file anew, and gives it back the bits it had: servers write redis.conf and ACL files with 644,
/// whatever they had before. Answers what there is to say of the file.
pub fn keeping(path: &[u8], write: impl FnOnce() -> Result<(), String>) -> Result<String, String> {
    let bits = || fs::metadata(OsStr::from_bytes(path)).map(|found| found.mode() & 0o7777);
    let before = bits();
    let written = write();
    let shown = printable(path);
    // Also of a writing that failed: its new file may be in place, only not flushed to disk.
    let left_open = match (before, bits()) {
        (Ok(before), Ok(after)) if after & !before & OF_OTHERS != 0 => {
            let closed = set(path, before & after).err();
            closed.map(|why| {
                format!("{shown}, whose mode was {before:o} and is {after:o} now: {why}")
            })
        }
        _ => None,
    };
    match (written, left_open) {
        (Ok(()), left_open) => Ok(left_open.unwrap_or(shown)),
        (Err(why), None) => Err(why),
        (Err(why), Some(left_open)) => Err(format!("{why}; {left_open}")),
    }
}

fn open(path: &[u8]) -> io::Result<File> {
    // Only to be looked at: nothing is read, no pipe waits for its writer, and a link is not followed.
    let flags = libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(flags)
        .open(OsStr::from_bytes(path))
}

fn told(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM) => "it belongs to another user than the server's".to_owned(),
        _ => {
            let text = error.to_string();
            let end = text.find(" (os error").unwrap_or(text.len());
            text.get(..end).unwrap_or(&text).to_owned()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn try_to_set(path: &Path, mode: u32) -> Result<u32, String> {
        set(path.as_os_str().as_bytes(), mode).map(|before| before.mode)
    }

    #[test]
    fn bits_of_files_and_folders_are_taken_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        fs::write(&file, "x").unwrap();
        let socket = folder.path().join("s");
        let _listener = UnixListener::bind(&socket).unwrap();
        for (path, before, wanted) in [
            (file.as_path(), 0o644, 0o600),
            (file.as_path(), 0o044, 0o000),
            (socket.as_path(), 0o777, 0o770),
            (folder.path(), 0o755, 0o700),
        ] {
            fs::set_permissions(path, Permissions::from_mode(before)).unwrap();
            assert_eq!(try_to_set(path, wanted), Ok(before));
            assert_eq!(mode(path), wanted);
        }
    }

    #[test]
    fn a_file_that_is_written_anew_keeps_what_it_hid() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c");
        let write = |mode: u32| {
            let path = path.clone();
            move || {
                let _ = fs::remove_file(&path);
                fs::write(&path, "new").unwrap();
                fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
                Ok(())
            }
        };
        write(0o640)().unwrap();
        let bytes = path.as_os_str().as_bytes();
        for (written, left) in [(0o644, 0o640), (0o600, 0o600), (0o666, 0o600)] {
            assert_eq!(keeping(bytes, write(written)), Ok(printable(bytes)));
            assert_eq!(mode(&path), left);
        }
        let failing = || {
            write(0o644)().unwrap();
            Err("no".to_owned())
        };
        write(0o640)().unwrap();
        assert_eq!(keeping(bytes, failing), Err("no".to_owned()));
        assert_eq!(mode(&path), 0o640);
    }

    #[test]
    fn nothing_is_given_to_others_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("f"), folder.path().join("l"));
        fs::write(&file, "x").unwrap();
        symlink(&file, &link).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        assert!(
            try_to_set(&file, 0o640)
                .unwrap_err()
                .contains("would give others more")
        );
        assert!(
            try_to_set(&link, 0o600)
                .unwrap_err()
                .contains("it is a link")
        );
        let gone = folder.path().join("no/such");
        assert!(
            try_to_set(&gone, 0o600)
                .unwrap_err()
                .contains("No such file")
        );
        assert_eq!(mode(&file), 0o600);
    }
}
