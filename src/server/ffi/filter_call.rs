//! A command call as the filter sees it, and the words put into it.

use std::cell::Cell;
use std::ffi::c_int;
use std::ptr;

use redis_module::raw;

use super::strings::{bytes, free_string, new_string};
use super::{Lock, OK};

/// A call on its way into the server, as the filter sees it.
pub struct FilterCall<'a> {
    ctx: *mut raw::RedisModuleCommandFilterCtx,
    /// The command's name was one that the policy knows: from here on, a failure refuses the call.
    pub matched: Cell<bool>,
    /// The first word, as long as nothing was put in its place.
    name: Option<&'a [u8]>,
    lock: Lock<'a>,
}

impl<'a> FilterCall<'a> {
    /// Only for the filter's entry: the server holds its lock there.
    #[inline]
    pub(super) fn new(ctx: *mut raw::RedisModuleCommandFilterCtx) -> Self {
        Self {
            ctx,
            matched: Cell::new(false),
            name: bytes(word_object(ctx, 0)),
            lock: Lock::held(),
        }
    }

    /// The lock under which filters run.
    pub fn lock(&self) -> Lock<'a> {
        self.lock
    }

    /// The command's name, as the client sent it: the first word, unless something was put in its place.
    #[inline]
    pub fn name(&self) -> Option<&[u8]> {
        self.name
    }

    /// How many words the call has, its name included.
    pub fn count(&self) -> c_int {
        // SAFETY: the context is the one the server passed to the running filter.
        api!(RedisModule_CommandFilterArgsCount).map_or(0, |count| unsafe { count(self.ctx) })
    }

    /// A word of the call. It must not be kept across `replace` or `delete`: they need `&mut self`.
    #[inline]
    pub fn word(&self, index: c_int) -> Option<&[u8]> {
        bytes(word_object(self.ctx, index))
    }

    /// Whether this word is the very object that was put there by `replace_with`.
    pub fn is(&self, index: c_int, kept: &Kept) -> bool {
        ptr::eq(word_object(self.ctx, index), kept.0)
    }

    /// Puts another word in place of one.
    pub fn replace(&mut self, index: c_int, word: &[u8]) {
        self.put(index, new_string(word));
    }

    /// The same with a word that stays recognisable (`is`) when the server shows the call again.
    pub fn replace_with(&mut self, index: c_int, kept: &Kept) {
        if let Some(retain) = api!(RedisModule_RetainString) {
            // SAFETY: `kept` holds a live string; a NULL context leaves its lifetime to us. The call takes one reference.
            unsafe { retain(ptr::null_mut(), kept.0) };
            self.put(index, kept.0);
        }
    }

    fn put(&mut self, index: c_int, object: *mut raw::RedisModuleString) {
        // The server may free the old word.
        self.name = None;
        if let (Some(replace), false) =
            (api!(RedisModule_CommandFilterArgReplace), object.is_null())
        {
            // SAFETY: the running filter's context and a live string, whose reference the server takes over. When the
            // index is out of range it does not, and the string is freed here.
            if unsafe { replace(self.ctx, index, object) } != OK {
                free_string(object);
            }
        }
    }

    /// Takes all words but the first away. What the server does not see it cannot echo into an error.
    pub fn drop_arguments(&mut self) {
        let Some(delete) = api!(RedisModule_CommandFilterArgDelete) else {
            return;
        };
        for index in (1..self.count()).rev() {
            // SAFETY: the running filter's context; the index is in range.
            unsafe { delete(self.ctx, index) };
        }
    }

    /// Takes what they say from all arguments, and leaves as many: a script's call must keep its count.
    pub fn empty_arguments(&mut self) {
        for index in 1..self.count() {
            self.replace(index, b"");
        }
    }

    /// The id of the client, where the server tells filters (Redis 7.2, Valkey 7.2).
    pub fn client(&self) -> Option<u64> {
        // SAFETY: the running filter's context.
        api!(RedisModule_CommandFilterGetClientId).map(|id| unsafe { id(self.ctx) })
    }
}

#[inline]
fn word_object(
    ctx: *mut raw::RedisModuleCommandFilterCtx,
    index: c_int,
) -> *mut raw::RedisModuleString {
    // SAFETY: the context the server passed to the running filter; it answers NULL for an index that is out of range.
    api!(RedisModule_CommandFilterArgGet).map_or(ptr::null_mut(), |get| unsafe { get(ctx, index) })
}

/// A string of the server's that we hold on to.
#[derive(Debug)]
pub struct Kept(pub(super) *mut raw::RedisModuleString);

impl Kept {
    /// Makes one. Only under the lock, as its count of references is the server's to change.
    pub fn new(_: Lock<'_>, word: &[u8]) -> Self {
        Self(new_string(word))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        free_string(self.0);
    }
}
