//! The system's clock, read cheaply.

use std::mem::MaybeUninit;
use std::time::{Duration, SystemTime};

/// The time to within a tick of the system's clock, a few milliseconds. To read it more exactly would be a tenth of what it
/// takes to refuse a call.
pub fn about_now() -> SystemTime {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: a place for one struct, which a successful call fills in and which is read only then.
    let time = unsafe {
        match libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, time.as_mut_ptr()) {
            0 => time.assume_init(),
            _ => return SystemTime::now(),
        }
    };
    match (time.tv_sec.try_into(), time.tv_nsec.try_into()) {
        (Ok(seconds), Ok(nanos)) => SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos),
        _ => SystemTime::now(),
    }
}
