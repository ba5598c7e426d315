//! Paths that our settings name: made absolute when they are set, and what is wrong with one in words.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::render::escape::printable;

/// Relative paths start from the server's directory of this moment: CONFIG SET dir must not move the file later. An empty
/// one is none.
pub fn absolute(path: &[u8]) -> Result<Option<PathBuf>, String> {
    if path.is_empty() {
        return Ok(None);
    }
    let found = std::path::absolute(OsStr::from_bytes(path)).map_err(|error| {
        let (path, reason) = (printable(path), reason(&error));
        format!("cannot be made an absolute path ({reason}): {path}")
    })?;
    // CONFIG REWRITE of Valkey 8.1.1 escapes neither quotes nor backslashes: the server would not start again.
    let unsafe_to_keep = |byte: &u8| matches!(byte, 0..b' ' | 0x7f | b'"' | b'\\');
    if found.as_os_str().as_bytes().iter().any(unsafe_to_keep) {
        let path = printable(path);
        return Err(format!(
            "no quotes, backslashes or control characters here, CONFIG REWRITE may not keep them: {path}"
        ));
    }
    Ok(Some(found))
}

/// What stands where an ordinary file should, as far as it is none.
pub fn odd_kind(path: &Path) -> Option<&'static str> {
    let kind = fs::metadata(path).as_ref().map(Metadata::file_type).ok()?;
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a folder")
    } else if kind.is_fifo() {
        Some("a pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}

/// The system's words, without the number behind them.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}
