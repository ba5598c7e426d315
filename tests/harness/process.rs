//! Child processes that cannot be left behind. Each is stopped when its owner is dropped, and is killed by the kernel
//! when the test runner itself is killed. All unsafe code of the tests is in this file.

use super::wait::{attempt, scaled};
use std::io::{self, Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long a process may take to stop politely before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// A running child in a process group of its own.
pub struct Process {
    child: Mutex<Child>,
    pid: u32,
}

impl Process {
    /// Starts the command. Its standard streams are the caller's to set.
    pub fn spawn(mut command: Command) -> io::Result<Self> {
        die_with_this_process(&mut command);
        command.process_group(0);
        let child = spawn_on_lasting_thread(command)?;
        Ok(Self {
            pid: child.id(),
            child: Mutex::new(child),
        })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child()
            .try_wait()
            .expect("a child of ours can be waited for")
    }

    /// Sends a signal to the process, unless it has ended.
    pub fn signal(&self, signal: libc::c_int) {
        let mut child = self.child();
        if matches!(child.try_wait(), Ok(None)) {
            send_signal(pid_of(&child), signal);
        }
    }

    /// Kills the process and what it forked, and waits for its end.
    pub fn kill(&self) -> ExitStatus {
        let mut child = self.child();
        if matches!(child.try_wait(), Ok(None)) {
            // Not yet waited for, so the number still names this group and no other.
            send_signal(-pid_of(&child), libc::SIGKILL);
        }
        child.wait().expect("a killed child can be waited for")
    }

    /// Asks the process to stop and waits; hands back the complaint when it does not. A server that is writing its first
    /// AOF refuses ("Writing initial AOF, can't exit"), so it is asked again each second.
    pub fn stop(&self, limit: Duration) -> Result<ExitStatus, String> {
        let mut asked: Option<Instant> = None;
        attempt("a process to end after SIGTERM", limit, || {
            if asked.is_none_or(|last| last.elapsed() >= Duration::from_secs(1)) {
                self.signal(libc::SIGTERM);
                asked = Some(Instant::now());
            }
            self.ended()
        })
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.stop(GRACE).is_err() {
            self.kill();
        }
    }
}

/// What a command that ran to its end left behind.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// All it wrote to standard output.
    pub stdout: Vec<u8>,
    /// All it wrote to standard error.
    pub stderr: Vec<u8>,
}

impl Outcome {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn complaint(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// Runs a command to its end with `input` on its standard input; kills it and panics when the deadline passes.
#[track_caller]
pub fn run(mut command: Command, input: &[u8], limit: Duration) -> Outcome {
    let [mut stdin, mut stdout, mut stderr] =
        std::array::from_fn(|_| tempfile::tempfile().expect("a temporary file"));
    stdin
        .write_all(input)
        .and_then(|()| stdin.rewind())
        .expect("the input is written");
    let shared = |file: &std::fs::File| Stdio::from(file.try_clone().expect("a file handle"));
    command
        .stdin(shared(&stdin))
        .stdout(shared(&stdout))
        .stderr(shared(&stderr));
    let line = format!("{command:?}");
    let process = Process::spawn(command).unwrap_or_else(|e| panic!("{line} did not start: {e}"));
    let ended = attempt(&format!("the end of {line}"), limit, || process.ended());
    if ended.is_err() {
        process.kill();
    }
    let everything = |file: &mut std::fs::File| {
        let mut bytes = Vec::new();
        file.rewind()
            .and_then(|()| file.read_to_end(&mut bytes))
            .expect("the output is read");
        bytes
    };
    let (stdout, stderr) = (everything(&mut stdout), everything(&mut stderr));
    match ended {
        Ok(status) => Outcome {
            status,
            stdout,
            stderr,
        },
        Err(complaint) => panic!(
            "{complaint}\n{}{}",
            stdout.escape_ascii(),
            String::from_utf8_lossy(&stderr)
        ),
    }
}

/// How long [`Process`] waits for a polite end, scaled.
pub fn grace() -> Duration {
    scaled(GRACE)
}

/// The kernel's "kill me when my parent dies" means the parent *thread*, and a test's thread ends with the test. So all
/// children are started by one thread that lasts as long as the test runner.
fn spawn_on_lasting_thread(command: Command) -> io::Result<Child> {
    type Job = (Command, Sender<io::Result<Child>>);
    static SPAWNER: OnceLock<Sender<Job>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, jobs) = channel::<Job>();
        std::thread::spawn(move || {
            for (mut command, answer) in jobs {
                // The one who asked may be gone: then there is nobody to own the child.
                if let Err(unclaimed) = answer.send(command.spawn()) {
                    let _ = unclaimed
                        .0
                        .map(|mut child| child.kill().and_then(|()| child.wait()));
                }
            }
        });
        sender
    });
    let (answer, child) = channel();
    spawner
        .send((command, answer))
        .expect("the spawning thread lasts");
    child.recv().expect("the spawning thread answers")
}

#[allow(
    unsafe_code,
    reason = "the standard library has no safe way to run code between fork and exec"
)]
fn die_with_this_process(command: &mut Command) {
    let us = std::process::id();
    // SAFETY: the closure runs in the forked child before exec, where only async-signal-safe calls are sound. It makes
    // two plain system calls, allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            // The runner may have died before the prctl: then nobody would send the signal any more.
            if libc::getppid().unsigned_abs() != us {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
}

#[allow(
    unsafe_code,
    reason = "the standard library sends no signal but SIGKILL"
)]
fn send_signal(pid: libc::pid_t, signal: libc::c_int) {
    // SAFETY: kill takes two integers and touches no memory of ours; a wrong pid is an error code, not undefined.
    unsafe {
        libc::kill(pid, signal);
    }
}

fn pid_of(child: &Child) -> libc::pid_t {
    libc::pid_t::try_from(child.id()).expect("a pid fits pid_t")
}
