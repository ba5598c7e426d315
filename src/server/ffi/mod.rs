//! The border to C: all `unsafe` code of the project, and every entry from the server, each behind a fence against panics.
//!
//! The server runs all of this while holding its global lock. `Lock` is the proof of that: only the entries make one, and
//! state of ours (`Locked`) can only be reached with it. Functions newer than Redis 7.0 are looked up at run time: where
//! one is missing, the wrapper says so in its result.
#![allow(
    unsafe_code,
    reason = "this folder is the fence; nowhere else may unsafe code stand"
)]

use std::ffi::c_int;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// A function of the module API, `None` where this server does not have it.
macro_rules! api {
    ($name:ident) => {{
        #[allow(unused_unsafe, reason = "also used inside unsafe blocks")]
        // SAFETY: these statics are written once, by Export_RedisModule_Init, before anything else of ours runs.
        let function = unsafe { raw::$name };
        function
    }};
}

mod blocked;
mod client;
mod clock;
mod context;
mod entries;
mod errand;
mod filter_call;
mod registration;
mod strings;
mod thread;

pub use blocked::WaitingClient;
pub use client::{
    acl_log, acl_rules, acl_rules_from, caller, client_name, connection, is_connected,
    pauses_clients, server_state,
};
pub use clock::about_now;
pub use context::{Ctx, filter_is_registered};
pub use errand::{send as send_errand, takes_errands};
pub use filter_call::{FilterCall, Kept};
pub use registration::{
    CommandSpec, has_what_it_needs, sorts_commands_into_acl_categories, stated_version,
    tells_filters_who_calls,
};
pub use strings::{Level, log};
pub use thread::{Stack, spawn_beside_the_server, time_on_the_processor};

/// Rust memory comes from the server's allocator, so that it is counted in used_memory. Unit tests have no server.
#[cfg(not(test))]
#[global_allocator]
static ALLOCATOR: redis_module::alloc::RedisAlloc = redis_module::alloc::RedisAlloc;

const OK: c_int = 0;
const ERR: c_int = 1;

/// Panics that the fences have caught since the module was loaded.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// How many panics the fences have caught.
pub fn panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Proof that the server's lock is held for `'a`.
#[derive(Clone, Copy)]
pub struct Lock<'a>(PhantomData<(&'a (), *mut ())>);

/// State that is only touched under the server's lock.
pub struct Locked<T>(T);

// SAFETY: `get` demands a `Lock`, which exists only while the server's global lock is held and cannot change threads.
unsafe impl<T> Sync for Locked<T> {}

impl Lock<'_> {
    /// Only for entries from C: the server holds its lock while they run.
    fn held() -> Self {
        Self(PhantomData)
    }
}

impl<T> Locked<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
    /// The value, for as long as the lock is held.
    pub fn get<'a>(&'a self, _: Lock<'a>) -> &'a T {
        &self.0
    }
}

/// What a panic carries that a fence has caught and counted already, and that goes on to who waits for the outcome.
struct Counted;

/// Lets a panic that was caught on another thread go on here.
pub fn fail_too() -> ! {
    std::panic::resume_unwind(Box::new(Counted))
}

/// Runs code of ours on behalf of C, or on a thread of ours; a panic ends here and is counted.
pub fn fence<T>(otherwise: T, code: impl FnOnce() -> T) -> T {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(value) => value,
        Err(payload) => {
            if !payload.is::<Counted>() {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            // The payload is not shown (it may quote data) and not dropped (a drop may panic again).
            std::mem::forget(payload);
            otherwise
        }
    }
}
