//! A thread that runs beside the server: it gets none of the server's signals, and nothing on it touches the server
//! but by errands.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Signals that a thread brings on itself. Were they blocked, a crash would be one without the server's crash report.
const FAULTS: [libc::c_int; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGABRT,
    libc::SIGTRAP,
    libc::SIGSYS,
];

/// The names of our threads begin so; the kernel keeps 15 bytes.
const PREFIX: &str = "secaudit-";
/// How much a thread can put on its stack; what it does not use costs nothing.
#[derive(Debug, Clone, Copy)]
pub enum Stack {
    /// Enough to make JSON of an event and to write it.
    Small,
    /// As much as a program's own threads have.
    Ordinary,
}

/// Starts a thread. It must not be running when the module is unloaded.
pub fn spawn_beside_the_server(
    name: &str,
    stack: Stack,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let size = match stack {
        Stack::Small => 256 << 10,
        Stack::Ordinary => 2 << 20,
    };
    let before = block_signals()?;
    // A new thread inherits the mask of the one that starts it, so there is no moment without one.
    let spawned = Builder::new()
        .name(format!("{PREFIX}{name}"))
        .stack_size(size)
        .spawn(body);
    // SAFETY: a mask that the system gave us, put back on the same thread.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut()) };
    spawned
}

/// Whether this is such a thread.
pub fn is_beside_the_server() -> bool {
    std::thread::current()
        .name()
        .is_some_and(|name| name.starts_with(PREFIX))
}

/// How long this thread has had the processor: what others have it for in between does not count.
pub fn time_on_the_processor() -> Duration {
    // SAFETY: a plain C struct for which zero is a value, and which the call fills in.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time);
        time
    };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Blocks all signals but faults on this thread; answers the mask that was in force.
fn block_signals() -> io::Result<libc::sigset_t> {
    let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    // SAFETY: sets on our own stack: sigfillset initialises the first, and a successful pthread_sigmask the second, which
    // is read only then.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        for fault in FAULTS {
            libc::sigdelset(all.as_mut_ptr(), fault);
        }
        match libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) {
            0 => Ok(before.assume_init()),
            number => Err(io::Error::from_raw_os_error(number)),
        }
    }
}
