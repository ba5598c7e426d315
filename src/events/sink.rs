//! The log file: events as JSON lines, appended by a thread of its own that outlives full disks and rotated files.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::lines::Lines;
use super::queue::Outlet;
use crate::render;

/// Stands for "not an ordinary file" where else the number of a system's error stands.
pub const NO_ERRNO: i32 = -1;

/// How many lines are written with one call of the system.
const BATCH: usize = 256;
/// How many lines a second reach the disk at the most: a flood of refusals must not fill it at the speed of the flood.
const MOST_A_SECOND: usize = 10_000;
/// How long the thread sleeps when there is nothing to write: as long as the server's own clock ticks.
const NAP: Duration = Duration::from_millis(100);
/// How long it waits after an error, and how often it looks for a rotated file while there is nothing to write.
const PAUSE: Duration = Duration::from_secs(1);
/// The same while the server waits.
const SHORT_PAUSE: Duration = Duration::from_millis(20);

/// The file, followed when it is renamed, removed or replaced.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    /// Device and inode.
    identity: (u64, u64),
    /// The file's length after a line was written in part: the rest goes behind it if that is still so.
    torn_at: Option<u64>,
    inside_a_line: bool,
}

impl LogFile {
    /// Opens the file for appending; makes it with mode 600 if there is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Not even opened: that alone can wait for ever, or set a device in motion. It can still be swapped in between,
        // hence no waiting, and a second look.
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(not_ordinary());
        }
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path)?;
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(not_ordinary());
        }
        Ok(Self {
            path: path.to_owned(),
            inside_a_line: ends_inside_a_line(&file, found.len()),
            identity: identity(&found),
            torn_at: None,
            file,
        })
    }

    /// Makes sure that the file is the one that the path names, and that the first line goes where a line begins.
    fn prepare(&mut self, lines: &mut Lines) -> io::Result<()> {
        match fs::metadata(&self.path) {
            Ok(there) if identity(&there) == self.identity => {
                if let Some(length) = self.torn_at.take()
                    && length != there.len()
                {
                    lines.begin_anew(ends_inside_a_line(&self.file, there.len()));
                }
            }
            _ => {
                *self = Self::open(&self.path)?;
                lines.begin_anew(self.inside_a_line);
            }
        }
        Ok(())
    }

    /// A line was left unfinished: remembers where.
    fn note_torn_line(&mut self) {
        self.torn_at = self.file.metadata().ok().map(|found| found.len());
    }
}

/// A line that a killed writer left unfinished must not get another one behind it.
fn ends_inside_a_line(file: &File, length: u64) -> bool {
    let mut last = [b'\n'];
    let read = length
        .checked_sub(1)
        .map(|at| file.read_exact_at(&mut last, at));
    matches!(read, Some(Ok(()))) && last != [b'\n']
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

fn not_ordinary() -> io::Error {
    io::Error::other("it is not an ordinary file")
}

/// The writer: takes events from the queue and appends them to the file.
#[derive(Debug)]
pub struct Sink {
    outlet: Outlet,
    file: LogFile,
    lines: Lines,
    /// The number of the last event that `lines` tell of.
    seen: u64,
    looked: Instant,
    pace: Pace,
}

/// What the writer does next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// There is more to write.
    GoOn,
    /// There is nothing to write, or not in this second.
    Nap,
    /// The file could not be written.
    Pause,
    /// The queue is closed and all that can be done is done.
    End,
}

/// How far the queue was emptied.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    All,
    Some,
    AsMuchAsASecondMay,
}

impl Sink {
    /// A writer for this queue and file, which begins behind event number `last`.
    pub fn new(outlet: Outlet, file: LogFile, last: u64) -> Self {
        let mut lines = Lines::default();
        lines.begin_anew(file.inside_a_line);
        Self {
            outlet,
            file,
            lines,
            seen: last,
            looked: Instant::now(),
            pace: Pace::default(),
        }
    }

    /// Writes until the queue is closed and empty. Only on a thread of its own: it waits.
    pub fn run(mut self) {
        loop {
            match self.step(Instant::now()) {
                Next::GoOn => {}
                Next::Nap => thread::park_timeout(NAP),
                Next::Pause => self.pause(),
                Next::End => return,
            }
        }
    }

    /// Who fills the queue wakes us; that mends no disk. So the wait goes on, unless the server waits.
    fn pause(&self) {
        let end = Instant::now() + PAUSE;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            if self.outlet.is_hurried() {
                thread::sleep(SHORT_PAUSE);
                return;
            }
            thread::park_timeout(left);
        }
    }

    fn step(&mut self, now: Instant) -> Next {
        // Asked first: what is taken afterwards is then all there is.
        let closed = self.outlet.is_closed();
        let taken = self.take(now);
        let outcome = self.write(now);
        self.outlet.set_trouble(match &outcome {
            Ok(()) => 0,
            Err(error) => error.raw_os_error().unwrap_or(NO_ERRNO),
        });
        match (outcome, taken, closed) {
            (Err(_), _, true) | (Ok(()), Taken::All, true) => Next::End,
            (Err(_), _, false) => Next::Pause,
            (Ok(()), Taken::Some, _) => Next::GoOn,
            (Ok(()), Taken::All | Taken::AsMuchAsASecondMay, _) => Next::Nap,
        }
    }

    fn take(&mut self, now: Instant) -> Taken {
        let offered = self.outlet.offered();
        let hurried = self.outlet.is_hurried();
        while self.lines.count() < BATCH {
            if !self.pace.allows(now) && !hurried {
                return Taken::AsMuchAsASecondMay;
            }
            let Some(event) = self.outlet.take() else {
                self.tell_gap(offered);
                return Taken::All;
            };
            self.tell_gap(event.seq.saturating_sub(1));
            self.seen = event.seq;
            let line = render::log::object(&event).to_string();
            self.lines.push(&line, event.seq, true);
            self.pace.count += 1;
        }
        Taken::Some
    }

    /// Events up to this number should have come. The numbers tell how many did not.
    fn tell_gap(&mut self, seq: u64) {
        if let Some(dropped) = seq.checked_sub(self.seen).filter(|dropped| *dropped > 0) {
            let line = render::log::gap(dropped, SystemTime::now()).to_string();
            self.lines.push(&line, seq, false);
            self.seen = seq;
        }
    }

    fn write(&mut self, now: Instant) -> io::Result<()> {
        if self.lines.is_empty() && now.saturating_duration_since(self.looked) < PAUSE {
            return Ok(());
        }
        self.looked = now;
        self.file.prepare(&mut self.lines)?;
        let (written, outcome) = self.lines.write_to(&mut self.file.file);
        if let Some(told) = written.told {
            self.outlet.wrote(written.events, told);
        }
        if self.lines.is_torn() {
            self.file.note_torn_line();
        }
        outcome
    }
}

/// How many lines were taken in the running second.
#[derive(Debug, Default)]
struct Pace {
    begun: Option<Instant>,
    count: usize,
}

impl Pace {
    fn allows(&mut self, now: Instant) -> bool {
        let running = self
            .begun
            .is_some_and(|begun| now.saturating_duration_since(begun) < Duration::from_secs(1));
        if !running {
            self.begun = Some(now);
            self.count = 0;
        }
        self.count < MOST_A_SECOND
    }
}

#[cfg(test)]
#[path = "sink_tests.rs"]
mod tests;
