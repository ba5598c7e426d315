//! Who is behind a call, where the server does not say it at once: the caller of a running script, and where clients
//! connect from. (ENGINE.md §1.4 and §3)

use std::cell::{Cell, RefCell};

use once_cell::unsync::OnceCell;

use super::ffi::{self, Lock};
use crate::policy::condition::Source;

/// A client that makes a script run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its id.
    pub client: u64,
    /// Its ACL user.
    pub user: Vec<u8>,
}

/// Whose script is running. A script's own calls do not tell; they belong to the last client that passed the filter with
/// EVAL, FCALL, EXEC or the like, unless that call was postponed (CLIENT PAUSE, a failover): it runs later, unseen.
#[derive(Debug, Default)]
pub struct Scripts {
    /// The last one of this round of the event loop.
    owner: RefCell<Option<Owner>>,
    /// Those whose call was postponed.
    postponed: RefCell<Vec<Owner>>,
    /// More were postponed than are kept: nobody can be told until they have all run.
    overflown: Cell<bool>,
}

/// More postponed scripts than a paused server should ever hold.
const MOST_POSTPONED: usize = 1024;

impl Scripts {
    /// A client's call that runs scripts passes the filter; `None` if it comes from no client. Never while a script runs.
    pub fn begin(&self, owner: Option<Owner>) {
        self.put_by();
        self.owner.replace(owner);
    }

    /// A new round of the event loop: nothing runs.
    pub fn round(&self) {
        let idle = self.owner.borrow().is_none() && self.postponed.borrow().is_empty();
        if idle || ffi::server_state().script {
            return;
        }
        self.put_by();
        let mut postponed = self.postponed.borrow_mut();
        postponed.retain(|owner| waits(owner) == Some(true));
        if postponed.is_empty() {
            self.overflown.set(false);
        }
    }

    /// Whose script is running, if that is certain.
    pub fn caller(&self) -> Option<Owner> {
        if self.overflown.get() {
            return None;
        }
        let begun = self.owner.borrow().clone();
        let begun = begun.filter(|owner| waits(owner) == Some(false));
        let postponed = self.postponed.borrow();
        let mut resumed = postponed.iter().filter(|owner| waits(owner) == Some(false));
        match (begun, resumed.next(), resumed.next()) {
            (Some(owner), None, _) => Some(owner),
            (None, Some(owner), None) => Some(owner.clone()),
            _ => None,
        }
    }

    /// If the last one's call was postponed, it is remembered until it runs.
    fn put_by(&self) {
        let Some(owner) = self.owner.take() else {
            return;
        };
        if waits(&owner) == Some(true) {
            let mut postponed = self.postponed.borrow_mut();
            if postponed.len() < MOST_POSTPONED {
                postponed.push(owner);
            } else {
                self.overflown.set(true);
            }
        }
    }
}

/// Whether a client waits; `None` if it is gone.
fn waits(owner: &Owner) -> Option<bool> {
    ffi::connection(owner.client).map(|connection| connection.blocked)
}

/// Where clients connect from, by their id. The server looks an address up anew each time, with a system call; ids are
/// never used again, so what is kept here never goes stale. Bounded: a client can push out another's place.
#[derive(Debug, Default)]
pub struct Sources {
    places: OnceCell<Box<[Place]>>,
}

/// A client's id and where it connects from.
type Place = Cell<(u64, Source)>;

/// Clients are numbered in order, so as many as this are kept without pushing each other out. A power of two.
const PLACES: usize = 16_384;

impl Sources {
    /// Where a client connects from, if that is kept.
    #[inline]
    pub fn kept(&self, client: u64) -> Option<Source> {
        let (id, source) = self.places.get()?.get(Self::place(client))?.get();
        (id == client).then_some(source)
    }

    /// Where a client connects from, asked and kept.
    pub fn of(&self, client: u64) -> Option<Source> {
        if let Some(source) = self.kept(client) {
            return Some(source);
        }
        let source = ffi::connection(client)?.source?;
        let empty = || vec![Cell::new((u64::MAX, Source::Unix)); PLACES].into();
        if let Some(place) = self.places.get_or_init(empty).get(Self::place(client)) {
            place.set((client, source));
        }
        Some(source)
    }

    #[inline]
    fn place(client: u64) -> usize {
        usize::try_from(client % PLACES as u64).unwrap_or(0)
    }
}

/// Who a client is, by its id, for calls that are no filter's.
pub fn of_client(client: u64, lock: Lock<'_>) -> (Option<Vec<u8>>, Option<Source>) {
    let user = match ffi::caller(client, lock) {
        crate::gate::Caller::User(user) => Some(user),
        _ => None,
    };
    let source = ffi::connection(client).and_then(|connection| connection.source);
    (user, source)
}
