//! Who is behind a call and where clients connect from, where the server does not say it at once. (ENGINE.md §1.4)

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use once_cell::unsync::OnceCell;

use super::ffi::{self, Lock};
use crate::gate::Caller;
use crate::policy::condition::Source;

/// Where clients connect from, by their id. The server looks an address up anew each time, with a system call; ids are
/// never used again, so what is kept here never goes stale. Bounded: a client can push out another's place.
#[derive(Debug, Default)]
pub struct Sources {
    places: OnceCell<Box<[Place]>>,
}

/// What is kept of one client.
#[derive(Debug, Clone)]
struct Place {
    /// Its id; `NOBODY` where nothing is kept.
    client: Cell<u64>,
    source: Cell<Source>,
    /// The number of the policy under which an address like this lets every call pass whose name is no matter; 0 for none.
    passes_under: Cell<u64>,
}

/// No connected client has this id; the one that reads an AOF does.
const NOBODY: u64 = u64::MAX;

/// Clients are numbered in order, so as many as this are kept without pushing each other out. A power of two.
const PLACES: usize = 16_384;

impl Sources {
    /// Where a client connects from, if that is kept.
    #[inline]
    pub fn kept(&self, client: u64) -> Option<Source> {
        Some(self.place(client)?.source.get())
    }

    /// Whether it was found out under this policy that calls of this client pass unless their names matter.
    #[inline]
    pub fn passes(&self, client: u64, policy: u64) -> bool {
        let place = self.place(client);
        place.is_some_and(|place| place.passes_under.get() == policy)
    }

    /// Notes that, if the client's address is kept: it is the reason.
    pub fn note_that_passes(&self, client: u64, policy: u64) {
        if let Some(place) = self.place(client) {
            place.passes_under.set(policy);
        }
    }

    /// Where a client connects from, asked and kept.
    pub fn of(&self, client: u64) -> Option<Source> {
        if let Some(source) = self.kept(client) {
            return Some(source);
        }
        let source = ffi::connection(client)?.source()?;
        let nobody = Place {
            client: Cell::new(NOBODY),
            source: Cell::new(Source::Unix),
            passes_under: Cell::new(0),
        };
        let places = self.places.get_or_init(|| vec![nobody; PLACES].into());
        if let Some(place) = places.get(Self::index(client)) {
            place.client.set(client);
            place.source.set(source);
            place.passes_under.set(0);
        }
        Some(source)
    }

    /// The client's place, if it is the one that is kept there.
    #[inline]
    fn place(&self, client: u64) -> Option<&Place> {
        let place = self.places.get()?.get(Self::index(client))?;
        (place.client.get() == client && client != NOBODY).then_some(place)
    }

    #[inline]
    fn index(client: u64) -> usize {
        usize::try_from(client % PLACES as u64).unwrap_or(0)
    }
}

/// The users of calls. A client's user can change with every call of its own, even one that is another module's. A refused
/// call changes nothing: who was refused is the same for its next call, if the filter sees no other in between.
#[derive(Debug)]
pub struct Users {
    /// The client that was refused last, and the number of its call.
    refused: Cell<(u64, u64)>,
    /// The user of the client that was asked about last.
    user: RefCell<Rc<[u8]>>,
}

impl Default for Users {
    fn default() -> Self {
        Self {
            refused: Cell::new((NOBODY, 0)),
            user: RefCell::default(),
        }
    }
}

impl Users {
    /// Who the client with this id is, whose call is the one with this number.
    pub fn caller(&self, client: u64, call: u64, lock: Lock<'_>) -> Caller {
        if self.refused.get() == (client, call.wrapping_sub(1)) {
            self.unsettle();
            return Caller::User(Rc::clone(&self.user.borrow()));
        }
        self.now(client, lock)
    }

    /// Who the client with this id is now, whose script is running.
    pub fn now(&self, client: u64, lock: Lock<'_>) -> Caller {
        self.unsettle();
        let mut user = self.user.borrow_mut();
        ffi::caller(client, lock, |name| {
            if **user != *name {
                *user = name.into();
            }
            Rc::clone(&user)
        })
    }

    /// The call with this number is refused, and its client's user was asked for.
    pub fn is_refused(&self, client: u64, call: u64) {
        self.refused.set((client, call));
    }

    /// Calls may have been made that the filter did not see.
    pub fn unsettle(&self) {
        self.refused.set((NOBODY, 0));
    }
}

/// What records and refusals tell of a connection.
#[derive(Debug)]
pub struct Standing {
    /// `127.0.0.1:6379`, `[::1]:6379`, or `unix`.
    pub address: String,
    /// A transaction is open: calls are queued.
    pub in_transaction: bool,
    /// It has subscriptions.
    pub subscribed: bool,
}

/// Connections whose calls were refused or recorded, as they stood then. To ask the server for one takes a system call and
/// longer than all the rest of a refusal. Only those without a transaction and subscriptions are kept: that holds until
/// some client's call passes that can open one.
#[derive(Debug, Default)]
pub struct Connections {
    /// Grows when such a call passes.
    moment: Cell<u64>,
    places: OnceCell<Box<[RefCell<Option<Plain>>]>>,
}

#[derive(Debug, Clone)]
struct Plain {
    client: u64,
    /// When it was looked at.
    moment: u64,
    standing: Rc<Standing>,
}

/// So many clients can be refused in turn without pushing each other out.
const CONNECTIONS: usize = 1024;

impl Connections {
    /// What was seen may not be so any more.
    pub fn unsettle(&self) {
        self.moment.set(self.moment.get() + 1);
    }

    /// The connection of a client as it stands now; `None` if there is none.
    pub fn of(&self, client: u64) -> Option<Rc<Standing>> {
        let places = self
            .places
            .get_or_init(|| vec![RefCell::new(None); CONNECTIONS].into());
        let index = usize::try_from(client % CONNECTIONS as u64).ok()?;
        let mut place = places.get(index)?.borrow_mut();
        let moment = self.moment.get();
        if let Some(plain) = &*place
            && plain.client == client
            && plain.moment == moment
        {
            return Some(Rc::clone(&plain.standing));
        }
        let connection = ffi::connection(client)?;
        let standing = Rc::new(Standing {
            address: connection.address(),
            in_transaction: connection.in_transaction(),
            subscribed: connection.subscribed(),
        });
        *place = (!standing.in_transaction && !standing.subscribed).then(|| Plain {
            client,
            moment,
            standing: Rc::clone(&standing),
        });
        Some(standing)
    }
}

/// Who the client with this id is, for calls that are no filter's.
pub fn caller(client: u64, lock: Lock<'_>) -> Caller {
    ffi::caller(client, lock, |user| user.into())
}

/// Who a client is, by its id, for calls that are no filter's.
pub fn of_client(client: u64, lock: Lock<'_>) -> (Option<Rc<[u8]>>, Option<Source>) {
    let user = match caller(client, lock) {
        Caller::User(user) => Some(user),
        _ => None,
    };
    let source = ffi::connection(client).and_then(|connection| connection.source());
    (user, source)
}
