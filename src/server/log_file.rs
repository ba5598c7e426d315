//! `secaudit.log-file`: the setting, the life of the thread that writes the file, and what INFO tells of it.

use std::cell::{Cell, RefCell};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::configs;
use super::ffi::{self, Kept, Level, Lock, log};
use super::module::Module;
use super::setting_path::{absolute, odd_kind, reason};
use crate::events::{self, Intake, NO_ERRNO, Seen, Sink, Totals};
use crate::render::escape::printable;

/// How long the server waits at its end, and CONFIG SET before it answers, for events to reach the file.
const FLUSH: Duration = Duration::from_millis(200);

/// The log file, if there is one.
#[derive(Default)]
pub struct LogFile {
    /// The setting: an absolute path, or empty.
    path: RefCell<Vec<u8>>,
    /// What CONFIG GET is shown: the server borrows it.
    shown: RefCell<Option<Kept>>,
    writer: RefCell<Option<Writer>>,
    /// The number of the last decision that was handed over.
    last: Cell<u64>,
    totals: Arc<Totals>,
}

/// The server's hold on what writes one file.
struct Writer {
    intake: Intake,
    stage: Stage,
}

enum Stage {
    /// The module can still be unloaded, and so may have no thread. Events wait.
    Waiting(Box<Sink>),
    Running(JoinHandle<()>),
    /// The thread could not be started.
    Failed,
}

/// CONFIG SET, or redis.conf, named the log file. The error says what is wrong with it; then everything is as before.
pub fn set(lock: Lock<'_>, path: &[u8]) -> Result<(), String> {
    let module = Module::get(lock);
    let log_file = &module.log_file;
    let path = absolute(path)?;
    let bytes = path
        .as_ref()
        .map_or(&b""[..], |path| path.as_os_str().as_bytes());
    if log_file.path.borrow().as_slice() == bytes && log_file.is_alive() {
        return Ok(());
    }
    configs::not_sealed(lock)?;
    let mut next = match &path {
        None => None,
        Some(path) => Some(log_file.writer_of(path)?),
    };
    if let Some(writer) = &mut next
        && module.settled.get()
    {
        writer.start().map_err(|error| {
            format!(
                "the thread that writes it cannot be started: {}",
                reason(&error)
            )
        })?;
    }
    log_file.path.replace(bytes.to_vec());
    log_file.shown.replace(None);
    if let Some(writer) = log_file.writer.replace(next) {
        writer.finish();
    }
    Ok(())
}

/// What CONFIG GET shows of it. Made once for each value: the server borrows it and does not free it.
pub fn shown<T>(lock: Lock<'_>, show: impl FnOnce(&Kept) -> T) -> T {
    let log_file = &Module::get(lock).log_file;
    let path = log_file.path.borrow();
    let mut shown = log_file.shown.borrow_mut();
    show(shown.get_or_insert_with(|| Kept::new(lock, &path)))
}

impl LogFile {
    /// The file that is named, by its absolute path.
    pub fn path(&self) -> Option<Vec<u8>> {
        let path = self.path.borrow();
        (!path.is_empty()).then(|| path.clone())
    }

    /// A decision was made: sends it on its way into the file, with its client's name looked up. Never waits.
    pub fn hand_over(&self, seen: &Seen<'_>, name: impl FnOnce(u64) -> Option<Vec<u8>>) {
        let writer = self.writer.borrow();
        let Some(writer) = &*writer else {
            return;
        };
        let seq = self.last.get() + 1;
        self.last.set(seq);
        let event = || seen.recorded(seq, seen.client.and_then(name));
        if writer.intake.offer(seq, event) {
            writer.wake();
        }
    }

    /// The module stays loaded from now on: starts the thread, if a file is named.
    pub fn start(&self) {
        if let Some(writer) = &mut *self.writer.borrow_mut()
            && let Err(error) = writer.start()
        {
            let path = printable(&self.path.borrow());
            let reason = reason(&error);
            log(
                Level::Warning,
                &format!("secaudit: {path} is not written: its thread cannot be started: {reason}"),
            );
        }
    }

    /// Waits a little for all events to reach the file.
    pub fn flush(&self) {
        if let Some(writer) = &*self.writer.borrow() {
            writer.intake.hurry(true);
            writer.wake();
            wait(|| writer.intake.is_flushed() || !writer.is_running());
            writer.intake.hurry(false);
        }
    }

    /// The module is not loaded after all, and has no thread yet: closes the file.
    pub fn forget(&self) {
        self.writer.take();
        self.path.take();
        self.shown.take();
    }

    /// What INFO and SECGATE STATS tell, by name.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, String)> + use<> {
        let (state, error) = match &*self.writer.borrow() {
            None => ("off", None),
            Some(writer) => match writer.failure() {
                None => ("ok", None),
                Some(failure) => ("failing", Some(failure)),
            },
        };
        [
            ("log_file_state", state.to_owned()),
            ("log_file_written", self.totals.written().to_string()),
            ("log_file_dropped", self.totals.dropped().to_string()),
        ]
        .into_iter()
        .chain(error.map(|error| ("log_file_error", error)))
    }

    fn writer_of(&self, path: &Path) -> Result<Writer, String> {
        let file = events::LogFile::open(path).map_err(|error| complaint(path, &error))?;
        let (intake, outlet) = events::queue(&self.totals, self.last.get());
        let sink = Sink::new(outlet, file, self.last.get());
        Ok(Writer {
            intake,
            stage: Stage::Waiting(Box::new(sink)),
        })
    }

    /// There is nothing to write, or something that writes it.
    fn is_alive(&self) -> bool {
        let writer = self.writer.borrow();
        writer.as_ref().is_none_or(|writer| match &writer.stage {
            Stage::Waiting(_) => true,
            Stage::Running(thread) => !thread.is_finished(),
            Stage::Failed => false,
        })
    }
}

impl Writer {
    fn start(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Waiting(sink) => {
                let thread =
                    ffi::spawn_beside_the_server("log", ffi::Stack::Small, move || sink.run())?;
                self.stage = Stage::Running(thread);
            }
            stage => self.stage = stage,
        }
        Ok(())
    }

    fn is_running(&self) -> bool {
        matches!(&self.stage, Stage::Running(thread) if !thread.is_finished())
    }

    fn wake(&self) {
        if let Stage::Running(thread) = &self.stage {
            thread.thread().unpark();
        }
    }

    /// Why the file is not written.
    fn failure(&self) -> Option<String> {
        match (&self.stage, self.intake.trouble()) {
            (Stage::Failed, _) => Some("its thread cannot be started".to_owned()),
            (Stage::Running(thread), _) if thread.is_finished() => {
                Some("its thread has failed".to_owned())
            }
            (_, 0) => None,
            (_, NO_ERRNO) => Some("it is not an ordinary file".to_owned()),
            (_, number) => Some(reason(&io::Error::from_raw_os_error(number))),
        }
    }

    /// Has the thread write what is queued and end. It is waited for a little; on a disk that hangs it ends when it can.
    fn finish(self) {
        drop(self.intake);
        if let Stage::Running(thread) = self.stage {
            thread.thread().unpark();
            wait(|| thread.is_finished());
        }
    }
}

fn wait(mut done: impl FnMut() -> bool) {
    let end = Instant::now() + FLUSH;
    while !done() && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
}

/// What is wrong with a file that cannot be opened. The reason comes first: Redis cuts the text after 255 bytes.
fn complaint(path: &Path, error: &io::Error) -> String {
    let shown = printable(path.as_os_str().as_bytes());
    if let Some(kind) = odd_kind(path) {
        return format!("this is {kind}, and should be an ordinary file or a new one: {shown}");
    }
    if let Some(folder) = path.parent()
        && matches!(fs::metadata(folder), Err(error) if error.kind() == io::ErrorKind::NotFound)
    {
        let folder = printable(folder.as_os_str().as_bytes());
        return format!("this folder does not exist, make it first: {folder}");
    }
    format!("cannot be opened for writing ({}): {shown}", reason(error))
}
