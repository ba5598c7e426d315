//! Reading files without waiting and without end: no pipe blocks, no file is read beyond its limit.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::render::escape::printable;
use std::os::unix::ffi::OsStrExt;

const WINDOW: u64 = 1 << 20;

/// A whole regular file; an error when it is larger than `limit`.
pub fn whole(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let bytes = prefix(path, limit.saturating_add(1))?;
    match u64::try_from(bytes.len()) {
        Ok(length) if length <= limit => Ok(bytes),
        _ => Err(format!("{}: larger than {limit} bytes", shown(path))),
    }
}

/// With less room the first reads are small, and for each the kernel goes through a table of /proc from its start.
const ROOM: u64 = 64 << 10;

/// The first `limit` bytes of a regular file, of /proc too.
pub fn prefix(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let file = open(path).map_err(|error| format!("{}: {}", shown(path), reason(&error)))?;
    let room = limit.min(ROOM);
    let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or(0));
    match file.take(limit).read_to_end(&mut bytes) {
        Ok(_) => {
            bytes.shrink_to_fit();
            Ok(bytes)
        }
        Err(error) => Err(format!("{}: {}", shown(path), reason(&error))),
    }
}

/// Whether these bytes stand somewhere in the first `limit` bytes of a regular file. It is never in memory as a whole.
pub fn holds(path: &Path, bytes: &[u8], limit: u64) -> Result<bool, String> {
    let failed = |error: std::io::Error| format!("{}: {}", shown(path), reason(&error));
    let mut file = open(path).map_err(failed)?.take(limit);
    let mut window = Vec::new();
    loop {
        let read = file
            .by_ref()
            .take(WINDOW)
            .read_to_end(&mut window)
            .map_err(failed)?;
        if memchr::memmem::find(&window, bytes).is_some() {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        // They may stand across two windows.
        let kept = bytes.len().saturating_sub(1);
        window.drain(..window.len().saturating_sub(kept));
    }
}

/// A path for the operator's eyes.
pub fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_bytes())
}

/// An error in few words.
pub fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "not there".to_owned(),
        ErrorKind::PermissionDenied => "this process may not read it".to_owned(),
        _ => error.to_string(),
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    // A named pipe would wait for its writer.
    options
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC);
    let file = options.open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(std::io::Error::other("no regular file")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_up_to_its_limit_and_refused_beyond() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(whole(&path, 5).unwrap(), b"12345");
        assert!(whole(&path, 4).unwrap_err().contains("larger than 4"));
        assert_eq!(prefix(&path, 2).unwrap(), b"12");
    }

    #[test]
    fn bytes_are_found_wherever_windows_meet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let window = usize::try_from(WINDOW).unwrap();
        for at in [0, 5, window - 3, window, 3 * window - 1] {
            let mut content = vec![b'a'; 4 * window];
            content.splice(at..at + 6, *b"needle");
            std::fs::write(&path, content).unwrap();
            assert_eq!(holds(&path, b"needle", u64::MAX), Ok(true), "{at}");
            assert_eq!(holds(&path, b"needle", 5), Ok(false), "{at}");
        }
        assert_eq!(holds(&path, b"noodle", u64::MAX), Ok(false));
        assert!(holds(folder.path(), b"needle", u64::MAX).is_err());
    }

    #[test]
    fn a_folder_a_pipe_and_nothing_at_all_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        assert!(whole(folder.path(), 9).is_err());
        let pipe = folder.path().join("pipe");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        assert!(whole(&pipe, 9).unwrap_err().contains("no regular file"));
        assert!(
            whole(&folder.path().join("b"), 9)
                .unwrap_err()
                .contains("not there")
        );
    }
}
