//! Whose script is running. A script's own calls do not tell; they belong to the last client that passed the filter with
//! EVAL, FCALL, EXEC or the like, unless that call was postponed (CLIENT PAUSE, a failover): it runs later, unseen. (ENGINE.md
//! §1.1 and §3)

use std::cell::{Cell, RefCell};

use super::collect::ask::Reply;
use super::ffi::{self, Ctx};

/// Who may be behind a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behind {
    /// Nobody can be told.
    Unknown,
    /// The client with this id.
    One(u64),
    /// One of these.
    OneOf(Vec<u64>),
}

/// The clients that make scripts run.
#[derive(Debug, Default)]
pub struct Scripts {
    /// The last one of this round of the event loop.
    last: Cell<Option<Begun>>,
    /// Those whose call was postponed, or may have been, and that have not surely run it since.
    postponed: RefCell<Vec<Postponed>>,
    /// More were postponed than are kept: nobody can be told until they have all run.
    overflown: Cell<bool>,
}

#[derive(Debug, Clone, Copy)]
struct Begun {
    client: u64,
    /// The server was pausing clients at the time, so the call may not run at once.
    may_wait: bool,
}

#[derive(Debug, Clone, Copy)]
struct Postponed {
    client: u64,
    /// Seen not to wait any more, when the server would not say whether its script has run.
    released: bool,
}

/// More postponed scripts than a paused server should ever hold.
const MOST_POSTPONED: usize = 1024;

impl Scripts {
    /// A client's call that runs scripts passes the filter. Never while a script runs.
    #[inline]
    pub fn begin(&self, client: u64) {
        let before = self.last.take();
        self.last.set(Some(Begun {
            client,
            may_wait: ffi::pauses_clients(),
        }));
        if let Some(before) = before.filter(|before| before.may_wait) {
            self.put_by(before.client, waits);
        }
        // Whoever calls anew has nothing postponed any more.
        let mut postponed = self.postponed.borrow_mut();
        if !postponed.is_empty() {
            postponed.retain(|one| one.client != client);
        }
    }

    /// A new round of the event loop: nothing runs.
    pub fn round(&self, ctx: Ctx<'_>) {
        let idle = self.last.get().is_none() && self.postponed.borrow().is_empty();
        if idle || ffi::server_state().script {
            return;
        }
        self.go_on(waits, |client| is_queued(ctx, client));
    }

    /// Who may be behind the script that is running.
    #[inline]
    pub fn behind(&self) -> Behind {
        match self.last.get() {
            Some(last) if !last.may_wait && self.postponed.borrow().is_empty() => {
                Behind::One(last.client)
            }
            _ => self.candidates(waits),
        }
    }

    /// Forgets those whose scripts have run. One that does not wait any more may still have to: a pause may end when the
    /// round's resumed calls are through, and then its script runs at the end of the next round. `queued` tells.
    fn go_on(&self, waits: impl Fn(u64) -> Option<bool>, queued: impl Fn(u64) -> Option<bool>) {
        if let Some(last) = self.last.take().filter(|last| last.may_wait) {
            self.put_by(last.client, &waits);
        }
        let mut postponed = self.postponed.take();
        postponed.retain_mut(|one| match waits(one.client) {
            Some(true) => {
                one.released = false;
                true
            }
            // Where it cannot be told, it stays for the round that it may take.
            Some(false) => {
                queued(one.client).unwrap_or_else(|| !std::mem::replace(&mut one.released, true))
            }
            None => false,
        });
        if postponed.is_empty() {
            self.overflown.set(false);
        }
        self.postponed.replace(postponed);
    }

    /// Remembers a client whose call may have been postponed.
    fn put_by(&self, client: u64, waits: impl Fn(u64) -> Option<bool>) {
        if waits(client).is_none() {
            return;
        }
        let mut postponed = self.postponed.borrow_mut();
        postponed.retain(|one| one.client != client);
        if postponed.len() < MOST_POSTPONED {
            postponed.push(Postponed {
                client,
                released: false,
            });
        } else {
            self.overflown.set(true);
        }
    }

    fn candidates(&self, waits: impl Fn(u64) -> Option<bool>) -> Behind {
        if self.overflown.get() {
            return Behind::Unknown;
        }
        let runs = |client: &u64| waits(*client) == Some(false);
        let last = self.last.get();
        let last = last.filter(|last| !last.may_wait || runs(&last.client));
        let mut all: Vec<u64> = last.map(|last| last.client).into_iter().collect();
        for one in self.postponed.borrow().iter() {
            if !all.contains(&one.client) && runs(&one.client) {
                all.push(one.client);
            }
        }
        match all.as_slice() {
            [] => Behind::Unknown,
            [one] => Behind::One(*one),
            _ => Behind::OneOf(all),
        }
    }
}

/// Whether a client waits; `None` if it is gone.
fn waits(client: u64) -> Option<bool> {
    ffi::connection(client).map(|connection| connection.blocked())
}

/// Whether a client's call is to be taken up again: CLIENT LIST shows its flag `u`. `None` where CLIENT has another name.
fn is_queued(ctx: Ctx<'_>, client: u64) -> Option<bool> {
    let id = client.to_string();
    let Ok(Reply::Text(line)) = ctx.call(&[b"client", b"list", b"id", id.as_bytes()]) else {
        return None;
    };
    let mut fields = line.split(|byte| *byte == b' ');
    let flags = fields.find_map(|field| field.strip_prefix(b"flags="))?;
    Some(flags.contains(&b'u'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: u64 = 1;
    const B: u64 = 2;
    const NOBODY: fn(u64) -> Option<bool> = |_| Some(false);
    const B_DOES: fn(u64) -> Option<bool> = |client| Some(client == B);
    const UNTOLD: fn(u64) -> Option<bool> = |_| None;

    fn begun(scripts: &Scripts, client: u64, may_wait: bool) {
        scripts.last.set(Some(Begun { client, may_wait }));
    }

    /// B's call is postponed, and its pause ends when the round's resumed calls are through.
    fn released() -> Scripts {
        let scripts = Scripts::default();
        begun(&scripts, B, true);
        scripts.go_on(B_DOES, NOBODY);
        assert_eq!(scripts.candidates(B_DOES), Behind::Unknown);
        scripts
    }

    #[test]
    fn who_began_last_is_behind_the_script_and_a_new_round_forgets_it() {
        let scripts = Scripts::default();
        assert_eq!(scripts.candidates(NOBODY), Behind::Unknown);
        begun(&scripts, A, false);
        assert_eq!(scripts.candidates(NOBODY), Behind::One(A));
        scripts.go_on(NOBODY, NOBODY);
        assert_eq!(scripts.candidates(NOBODY), Behind::Unknown);
    }

    #[test]
    fn one_whose_pause_ended_is_behind_the_script_until_it_has_run() {
        let scripts = released();
        scripts.go_on(NOBODY, B_DOES);
        assert_eq!(scripts.candidates(NOBODY), Behind::One(B));
        begun(&scripts, A, false);
        assert_eq!(scripts.candidates(NOBODY), Behind::OneOf(vec![A, B]));
        scripts.go_on(NOBODY, NOBODY);
        begun(&scripts, A, false);
        assert_eq!(scripts.candidates(NOBODY), Behind::One(A));
    }

    #[test]
    fn where_the_server_does_not_say_whether_it_has_run_it_is_kept_for_a_round() {
        let scripts = released();
        scripts.go_on(NOBODY, UNTOLD);
        assert_eq!(scripts.candidates(NOBODY), Behind::One(B));
        scripts.go_on(NOBODY, UNTOLD);
        assert_eq!(scripts.candidates(NOBODY), Behind::Unknown);
    }

    #[test]
    fn one_that_waits_again_is_kept_and_one_that_is_gone_is_not() {
        let scripts = released();
        scripts.go_on(NOBODY, UNTOLD);
        scripts.go_on(B_DOES, UNTOLD);
        scripts.go_on(NOBODY, UNTOLD);
        assert_eq!(scripts.candidates(NOBODY), Behind::One(B));
        scripts.go_on(UNTOLD, B_DOES);
        assert_eq!(scripts.candidates(NOBODY), Behind::Unknown);
    }

    #[test]
    fn where_too_many_are_postponed_nobody_is_told_until_they_have_run() {
        let scripts = Scripts::default();
        for client in 1..=u64::try_from(MOST_POSTPONED).unwrap_or(0) + 1 {
            scripts.put_by(client, |_| Some(true));
        }
        assert_eq!(scripts.candidates(NOBODY), Behind::Unknown);
        scripts.go_on(NOBODY, NOBODY);
        begun(&scripts, A, false);
        assert_eq!(scripts.candidates(NOBODY), Behind::One(A));
    }
}
