//! The policy file: read whole or not at all, written so that a killed server leaves the old one or the new one.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::policy::parse::MAX_FILE;
use crate::render::escape::printable;

/// Reads a policy file; the error names the file and the reason.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: &str| {
        format!(
            "the policy file {} cannot be read: {error}",
            printable(path.as_os_str().as_bytes())
        )
    };
    let of_io = |error: io::Error| told(&reason(&error));
    // A folder, a pipe or a device is not opened: reading one could wait for ever.
    if !fs::metadata(path).map_err(of_io)?.is_file() {
        return Err(told("it is no ordinary file"));
    }
    let limit = u64::try_from(MAX_FILE)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let mut text = Vec::new();
    File::open(path)
        .map_err(of_io)?
        .take(limit)
        .read_to_end(&mut text)
        .map_err(of_io)?;
    Ok(text)
}

/// Writes a policy file: a new file beside it, flushed to disk, mode 600, put in its place in one step.
pub fn write(path: &Path, text: &str) -> Result<(), String> {
    let shown = printable(path.as_os_str().as_bytes());
    let told =
        |why: &str| format!("the policy file {shown} cannot be written, and is as it was: {why}");
    // The server would not start with it.
    if text.len() > MAX_FILE {
        let size = text.len();
        return Err(told(&format!(
            "it would have {size} bytes, and a policy may have {MAX_FILE} at most"
        )));
    }
    let folder = replace(path, text).map_err(|error| told(&reason(&error)))?;
    let synced = folder.sync_all();
    synced.map_err(|error| {
        let why = reason(&error);
        format!("the policy file {shown} is written, but may be lost if the machine fails: {why}")
    })
}

/// Puts the new file in its place; on an error the old one is there as it was. The folder is still to be flushed to disk.
fn replace(path: &Path, text: &str) -> io::Result<File> {
    // Where the path is a link, the file it leads to is replaced, not the link.
    let target = followed(path)?;
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Before the file is replaced: nothing can fail then that could be told beforehand.
    let opened = File::open(folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".secaudit-policy-")
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file()
        .set_permissions(Permissions::from_mode(0o600))?;
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(opened)
}

/// The file at the end of a chain of links. (`canonicalize` is not for modules: see clippy.toml.)
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut target = PathBuf::from(path);
    for _ in 0..MOST_LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = target.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::other("too many links lead to each other"))
}

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

/// The system's words, without the number behind them.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_with_mode_600_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p");
        fs::write(&path, "old").unwrap();
        write(&path, "new\n").unwrap();
        assert_eq!(read(&path).unwrap(), b"new\n");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
            0o600
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_a_link_and_its_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("p"), folder.path().join("l"));
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
        let ring = folder.path().join("ring");
        std::os::unix::fs::symlink("ring", &ring).unwrap();
        assert!(write(&ring, "x").unwrap_err().contains("too many links"));
    }

    #[test]
    fn what_cannot_be_read_or_written_is_told_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("no/such");
        assert!(
            read(&absent)
                .unwrap_err()
                .contains("cannot be read: No such file")
        );
        assert!(
            read(folder.path())
                .unwrap_err()
                .contains("no ordinary file")
        );
        assert!(write(&absent, "x").unwrap_err().contains("is as it was"));
        let kept = folder.path().join("kept");
        write(&kept, "mode enforce\n").unwrap();
        let endless = "# nothing\n".repeat(MAX_FILE / 10 + 1);
        let error = write(&kept, &endless).unwrap_err();
        assert!(error.contains("8388608 at most"), "{error}");
        assert_eq!(read(&kept).unwrap(), b"mode enforce\n");
    }
}
