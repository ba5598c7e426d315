//! `secaudit.password-list`: the setting, and the lists of known passwords as they are kept between reports.
//!
//! The lists are indexed by the first report that asks for them, beside the server, and again when the operator's file has
//! changed. Only digests stay in memory, no word.

use std::cell::RefCell;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::collect::bounded;
use super::configs;
use super::ffi::{self, Kept, Level, Lock, log};
use super::module::Module;
use super::setting_path::{absolute, odd_kind, reason};
use crate::audit::facts::Fact;
use crate::audit::passwords::{self, Index, Lists};
use crate::render::escape::printable;

/// The operator's list may be so large, in bytes.
const MAX_BYTES: u64 = 16 << 20;
/// And have so many lines: each takes 80 bytes of memory.
const MAX_LINES: usize = 1_000_000;

/// The operator's list of passwords, if there is one.
#[derive(Default)]
pub struct PasswordList {
    /// The setting: an absolute path, or empty.
    path: RefCell<Vec<u8>>,
    /// What CONFIG GET is shown: the server borrows it.
    shown: RefCell<Option<Kept>>,
    shelf: Arc<Shelf>,
}

/// CONFIG SET, or redis.conf, named the list. The error says what is wrong with it; then everything is as before. A server
/// that starts is not kept from it by a list that is gone: SECAUDIT says so.
pub fn set(lock: Lock<'_>, path: &[u8]) -> Result<(), String> {
    let module = Module::get(lock);
    let path = absolute(path)?;
    let bytes = path
        .as_ref()
        .map_or(&b""[..], |path| path.as_os_str().as_bytes());
    let list = &module.password_list;
    if list.path.borrow().as_slice() == bytes {
        return Ok(());
    }
    configs::not_sealed(lock)?;
    if let Some(complaint) = path.as_deref().and_then(complaint) {
        if module.settled.get() {
            return Err(complaint);
        }
        log(
            Level::Warning,
            &format!("secaudit: secaudit.password-list cannot be used: {complaint}"),
        );
    }
    list.path.replace(bytes.to_vec());
    list.shown.replace(None);
    Ok(())
}

/// What CONFIG GET shows of it. Made once for each value: the server borrows it and does not free it.
pub fn shown<T>(lock: Lock<'_>, show: impl FnOnce(&Kept) -> T) -> T {
    let list = &Module::get(lock).password_list;
    let path = list.path.borrow();
    let mut shown = list.shown.borrow_mut();
    show(shown.get_or_insert_with(|| Kept::new(lock, &path)))
}

impl PasswordList {
    /// The setting as it stands, and where the lists are kept: both may leave the server's thread.
    pub fn ticket(&self, may_have_threads: bool) -> Ticket {
        let path = self.path.borrow();
        Ticket {
            may_have_threads,
            path: (!path.is_empty())
                .then(|| Path::new(std::ffi::OsStr::from_bytes(&path)).to_owned()),
            shelf: Arc::clone(&self.shelf),
        }
    }

    /// The module is not loaded after all.
    pub fn forget(&self) {
        self.path.take();
        self.shown.take();
    }
}

/// What is needed to come by the lists without the server.
#[derive(Clone)]
pub struct Ticket {
    may_have_threads: bool,
    path: Option<PathBuf>,
    shelf: Arc<Shelf>,
}

impl Ticket {
    /// The lists. What is not indexed yet, or has changed, is indexed now: not on the server's thread.
    pub fn lists(&self) -> Lists {
        let mut kept = self.shelf.lock();
        let operators = match &self.path {
            None => {
                *kept = None;
                Ok(None)
            }
            Some(path) => up_to_date(&mut kept, path).map(Some),
        };
        Lists {
            built_in: passwords::built_in(),
            operators,
        }
    }

    /// The lists, if they are indexed and nothing has changed; else that is done beside the server, for the next report.
    pub fn lists_if_ready(&self) -> Fact<Lists> {
        let operators = match &self.path {
            None => Some(Ok(None)),
            Some(path) => match complaint(path) {
                Some(complaint) => Some(Err(of_the_setting(&complaint))),
                None => self.shelf.try_lock().and_then(|kept| {
                    let list = kept.as_ref().filter(|list| list.is_of(path))?;
                    Some(Ok(Some(Arc::clone(&list.index))))
                }),
            },
        };
        if let (Some(built_in), Some(operators)) = (passwords::built_in_if_ready(), operators) {
            return Fact::Known(Lists {
                built_in,
                operators,
            });
        }
        Fact::Unavailable(match self.index_beside_the_server() {
            true => {
                "the lists of known passwords are being indexed: ask again in a moment".to_owned()
            }
            false => {
                "the lists of known passwords are not indexed yet, and no thread can do it now"
                    .to_owned()
            }
        })
    }

    /// Whether a thread is at it.
    fn index_beside_the_server(&self) -> bool {
        if !self.may_have_threads {
            return false;
        }
        if self.shelf.indexing.swap(true, Ordering::AcqRel) {
            return true;
        }
        let ticket = self.clone();
        let thread = ffi::spawn_beside_the_server("words", ffi::Stack::Ordinary, move || {
            ffi::fence((), || drop(ticket.lists()));
            ticket.shelf.indexing.store(false, Ordering::Release);
        });
        if thread.is_err() {
            self.shelf.indexing.store(false, Ordering::Release);
        }
        thread.is_ok()
    }
}

/// The operator's list between reports, indexed.
#[derive(Default)]
struct Shelf {
    list: Mutex<Option<OperatorsList>>,
    /// A thread is indexing.
    indexing: AtomicBool,
}

struct OperatorsList {
    /// The file as it was when it was read.
    state: State,
    index: Arc<Index>,
}

/// Which file it was, and when it was changed last.
#[derive(PartialEq, Eq)]
struct State {
    path: PathBuf,
    file: (u64, u64, u64),
    changed: (i64, i64, i64, i64),
}

impl Shelf {
    /// A panic while it was held has left nothing half done: whatever is in it is whole.
    fn lock(&self) -> MutexGuard<'_, Option<OperatorsList>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, Option<OperatorsList>>> {
        match self.list.try_lock() {
            Ok(kept) => Some(kept),
            Err(TryLockError::Poisoned(kept)) => Some(kept.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// The index of the list as its file is now.
fn up_to_date(kept: &mut Option<OperatorsList>, path: &Path) -> Result<Arc<Index>, String> {
    if let Some(list) = kept.as_ref().filter(|list| list.is_of(path)) {
        return Ok(Arc::clone(&list.index));
    }
    // The old index goes before the new one comes: there is never room for two.
    *kept = None;
    let list = OperatorsList::read(path).map_err(|why| of_the_setting(&why))?;
    Ok(Arc::clone(&kept.insert(list).index))
}

fn of_the_setting(complaint: &str) -> String {
    format!("secaudit.password-list: {complaint}")
}

impl OperatorsList {
    fn read(path: &Path) -> Result<Self, String> {
        let state = State::of(path).map_err(|error| unreadable(path, &error))?;
        if let Some(complaint) = complaint(path) {
            return Err(complaint);
        }
        let content = bounded::whole(path, MAX_BYTES)?;
        let lines = content.iter().filter(|byte| **byte == b'\n').count();
        if lines > MAX_LINES {
            return Err(format!(
                "more than 1,000,000 lines: {}",
                bounded::shown(path)
            ));
        }
        Ok(Self {
            state,
            index: Arc::new(passwords::operators(&content)),
        })
    }

    fn is_of(&self, path: &Path) -> bool {
        State::of(path).is_ok_and(|state| state == self.state)
    }
}

impl State {
    fn of(path: &Path) -> std::io::Result<Self> {
        let found = std::fs::metadata(path)?;
        Ok(Self {
            path: path.to_owned(),
            file: (found.dev(), found.ino(), found.size()),
            changed: (
                found.mtime(),
                found.mtime_nsec(),
                found.ctime(),
                found.ctime_nsec(),
            ),
        })
    }
}

/// What is wrong with a list, seen from outside. The reason comes first: Redis cuts the text after 255 bytes.
fn complaint(path: &Path) -> Option<String> {
    let shown = bounded::shown(path);
    if let Some(kind) = odd_kind(path) {
        return Some(format!(
            "this is {kind}, and should be an ordinary file: {shown}"
        ));
    }
    match std::fs::File::open(path).and_then(|file| file.metadata()) {
        Ok(found) if found.len() > MAX_BYTES => Some(format!(
            "too large ({} bytes; 16 MiB, one password a line, is the most): {shown}",
            found.len()
        )),
        Ok(_) => None,
        Err(error) => Some(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    let shown = printable(path.as_os_str().as_bytes());
    format!("cannot be read ({}): {shown}", reason(error))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn ticket(path: &Path) -> Ticket {
        Ticket {
            may_have_threads: false,
            path: Some(path.to_owned()),
            shelf: Arc::default(),
        }
    }

    fn knows(lists: &Lists, word: &[u8]) -> bool {
        lists.find(&Sha256::digest(word).into()).is_some()
    }

    #[test]
    fn a_list_is_read_once_and_again_when_its_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words");
        std::fs::write(&path, "zebra-7\n").unwrap();
        let ticket = ticket(&path);
        assert!(ticket.lists_if_ready().known().is_err());
        let first = ticket.lists();
        assert!(knows(&first, b"zebra-7") && knows(&first, b"foobared"));
        let ready = ticket.lists_if_ready();
        let again = ready.known().unwrap();
        let index = |lists: &Lists| lists.operators.clone().unwrap().unwrap();
        assert!(Arc::ptr_eq(&index(&first), &index(again)));
        // Another file under the same name, of the same size.
        std::fs::write(folder.path().join("next"), "zebra-8\n").unwrap();
        std::fs::rename(folder.path().join("next"), &path).unwrap();
        assert!(ticket.lists_if_ready().known().is_err());
        let second = ticket.lists();
        assert!(knows(&second, b"zebra-8") && !knows(&second, b"zebra-7"));
        assert!(Arc::ptr_eq(&first.built_in, &second.built_in));
    }

    #[test]
    fn a_list_that_cannot_be_read_leaves_the_built_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let huge = folder.path().join("huge");
        std::fs::File::create(&huge)
            .unwrap()
            .set_len(MAX_BYTES + 1)
            .unwrap();
        let long = folder.path().join("long");
        std::fs::write(&long, vec![b'\n'; MAX_LINES + 1]).unwrap();
        for (path, why) in [
            (folder.path().join("none"), "cannot be read (No such file"),
            (folder.path().to_owned(), "this is a folder"),
            (huge, "too large (16777217 bytes"),
            (long, "more than 1,000,000 lines"),
        ] {
            let ticket = ticket(&path);
            let lists = ticket.lists();
            assert!(knows(&lists, b"foobared"));
            let reason = lists.operators.unwrap_err();
            assert!(reason.contains(why), "{reason}");
            // Nor does it ever seem ready.
            let again = ticket.lists_if_ready();
            assert!(again.known().map_or(true, |lists| lists.operators.is_err()));
        }
    }
}
