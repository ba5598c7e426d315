//! Errands: what a thread beside the server has done on the server's own thread, between two of its rounds.
//!
//! The other way would be to take the server's lock on our thread. It is a plain mutex: who asks for it again and again
//! starves the server, and a busy server starves who asks. The event loop treats an errand as one more client, and what
//! the server calls then runs on the thread that it was written for (CLIENT LIST on Redis 8 reads unprotected elsewhere).

use std::ffi::c_void;

use redis_module::raw;

use super::Ctx;
use super::context::DETACHED;
use super::entries::on_errand;
use super::{Lock, OK};

/// What is to be done there.
pub type Errand = Box<dyn FnOnce(Ctx<'_>) + Send>;

/// Whether this server takes errands (every one since Redis 7.0 has the function).
pub fn takes_errands(lock: Lock<'_>) -> bool {
    api!(RedisModule_EventLoopAddOneShot).is_some() && !DETACHED.get(lock).get().is_null()
}

/// Sends an errand on its way; any thread may. The server does it as soon as it gets round to it, and never if it ends
/// before. Its context has no client. `false` if the server does not take it.
pub fn send(errand: Errand) -> bool {
    let Some(add) = api!(RedisModule_EventLoopAddOneShot) else {
        return false;
    };
    let data = Box::into_raw(Box::new(errand)).cast::<c_void>();
    // SAFETY: a function of the right type; `data` is the box that it takes back. The list behind it has its own lock.
    if unsafe { add(Some(on_errand), data) } == OK {
        return true;
    }
    // SAFETY: the server did not take it, so it is still ours.
    drop(unsafe { Box::from_raw(data.cast::<Errand>()) });
    false
}

/// Does an errand.
pub(super) fn run(data: *mut c_void) {
    if data.is_null() {
        return;
    }
    // SAFETY: the box that `send` gave away; the server calls once.
    let errand = unsafe { Box::from_raw(data.cast::<Errand>()) };
    errand(Ctx::new(DETACHED.get(Lock::held()).get()));
}
