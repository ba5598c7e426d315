//! Strings between Rust and the server, and the server's log.

use std::ffi::{c_char, c_int};
use std::ptr;

use redis_module::raw;

/// How loud a log line is.
#[derive(Debug, Clone, Copy)]
pub enum Level {
    /// `notice`
    Notice,
    /// `warning`
    Warning,
}

/// Writes a line to the server's log. The text is never a format and never breaks the line.
pub fn log(level: Level, text: &str) {
    let level = match level {
        Level::Notice => c"notice",
        Level::Warning => c"warning",
    };
    if let Some(log) = api!(RedisModule_Log) {
        // SAFETY: a NULL context is allowed; "%s" takes the one C string that is passed.
        with_c_string(text, |text| unsafe {
            log(ptr::null_mut(), level.as_ptr(), c"%s".as_ptr(), text)
        });
    }
}

/// Passes text to C; control characters, which would break the protocol there, become spaces.
pub(super) fn with_c_string<T>(text: &str, call: impl FnOnce(*const c_char) -> T) -> T {
    let (mut short, mut long);
    // Nearly all texts are short, and what a refused client is told always is: no need to allocate.
    let (copy, end) = if text.len() < SHORT {
        short = [0; SHORT];
        short.split_at_mut(text.len())
    } else {
        long = vec![0; text.len() + 1];
        long.split_at_mut(text.len())
    };
    debug_assert!(!end.is_empty(), "there is room for the NUL");
    copy.copy_from_slice(text.as_bytes());
    for byte in copy.iter_mut() {
        *byte = (*byte).max(b' ');
    }
    call(copy.as_ptr().cast())
}

const SHORT: usize = 256;

/// The words of a call; empty ones where the server passes something that is no string.
pub(super) fn arguments<'a>(argv: *mut *mut raw::RedisModuleString, argc: c_int) -> Vec<&'a [u8]> {
    let count = usize::try_from(argc).unwrap_or(0);
    if argv.is_null() || count == 0 {
        return Vec::new();
    }
    // SAFETY: the server passes `argc` strings that live until the command returns; no caller keeps them longer.
    let objects = unsafe { std::slice::from_raw_parts(argv, count) };
    objects
        .iter()
        .map(|object| bytes(*object).unwrap_or_default())
        .collect()
}

/// The bytes of a string of the server's.
#[inline]
pub(super) fn bytes<'a>(object: *mut raw::RedisModuleString) -> Option<&'a [u8]> {
    let text = api!(RedisModule_StringPtrLen)?;
    if object.is_null() {
        return None;
    }
    let mut length = 0;
    // SAFETY: a live string of the server's; callers do not keep the bytes longer than the string (see there).
    unsafe {
        let start = text(object, &raw mut length);
        (!start.is_null()).then(|| std::slice::from_raw_parts(start.cast::<u8>(), length))
    }
}

pub(super) fn new_string(word: &[u8]) -> *mut raw::RedisModuleString {
    // SAFETY: a NULL context leaves the string's lifetime to us; the bytes are copied.
    api!(RedisModule_CreateString).map_or(ptr::null_mut(), |create| unsafe {
        create(ptr::null_mut(), word.as_ptr().cast(), word.len())
    })
}

pub(super) fn free_string(object: *mut raw::RedisModuleString) {
    if let (Some(free), false) = (api!(RedisModule_FreeString), object.is_null()) {
        // SAFETY: one reference that is ours.
        unsafe { free(ptr::null_mut(), object) };
    }
}

/// Strings of the server's for the time of one call.
pub(super) struct Strings(pub(super) Vec<*mut raw::RedisModuleString>);

impl Strings {
    pub(super) fn new(words: &[&[u8]]) -> Self {
        Self(words.iter().map(|word| new_string(word)).collect())
    }
    pub(super) fn count(&self) -> c_int {
        c_int::try_from(self.0.len()).unwrap_or(0)
    }
}

impl Drop for Strings {
    fn drop(&mut self) {
        self.0.iter().for_each(|object| free_string(*object));
    }
}
