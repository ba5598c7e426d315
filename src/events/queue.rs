//! The queue between the server and the thread that writes the log file. It is bounded, and the server never waits for it:
//! no lock, no system call, and what finds no room is counted and let go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::Event;

/// How many events can be on their way into the file, those that a failing disk holds up included.
pub const LONGEST: usize = 4096;

/// Counted since the module was loaded, over all files.
#[derive(Debug, Default)]
pub struct Totals {
    written: AtomicU64,
    dropped: AtomicU64,
}

impl Totals {
    /// Events that stand in a file.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Events that will never stand in one.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// What both ends see.
#[derive(Debug)]
struct Shared {
    totals: Arc<Totals>,
    /// Events between the two ends, or in the writer's hands.
    pending: AtomicUsize,
    /// The number of the newest event that was offered; stored after it was sent or dropped.
    offered: AtomicU64,
    /// The number up to which the file tells of every event, be it as lost.
    told: AtomicU64,
    hurried: AtomicBool,
    closed: AtomicBool,
    trouble: AtomicI32,
}

/// A queue for events with higher numbers than `last`: the server's end and the writer's.
pub fn queue(totals: &Arc<Totals>, last: u64) -> (Intake, Outlet) {
    let shared = Arc::new(Shared {
        totals: Arc::clone(totals),
        pending: AtomicUsize::new(0),
        offered: AtomicU64::new(last),
        told: AtomicU64::new(last),
        hurried: AtomicBool::new(false),
        closed: AtomicBool::new(false),
        trouble: AtomicI32::new(0),
    });
    // Bounded by `pending`: a channel with a bound of its own would take the memory for all its places at once.
    let (sender, receiver) = channel();
    let intake = Intake {
        sender,
        shared: Arc::clone(&shared),
    };
    (intake, Outlet { receiver, shared })
}

/// The server's end. There is one, used under the server's lock. Dropping it asks the writer to finish.
#[derive(Debug)]
pub struct Intake {
    sender: Sender<Event>,
    shared: Arc<Shared>,
}

impl Intake {
    /// Sends the event with this number, or counts it as dropped when there is no room. Answers whether so much waits now
    /// that the writer had better be woken from a nap: once, not for every event of a flood.
    pub fn offer(&self, seq: u64, event: impl FnOnce() -> Event) -> bool {
        // Nobody else adds, so the bound is exact. Where the queue is full, the event is not even made.
        let before = self.shared.pending.load(Ordering::Relaxed);
        let sent = before < LONGEST && self.send(event());
        if !sent {
            self.shared.totals.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.shared.offered.store(seq, Ordering::Release);
        before == LONGEST / 4
    }

    fn send(&self, event: Event) -> bool {
        self.shared.pending.fetch_add(1, Ordering::Relaxed);
        let sent = self.sender.send(event).is_ok();
        if !sent {
            self.shared.pending.fetch_sub(1, Ordering::Relaxed);
        }
        sent
    }

    /// The file tells of every event that was offered.
    pub fn is_flushed(&self) -> bool {
        self.shared.told.load(Ordering::Acquire) >= self.shared.offered.load(Ordering::Acquire)
    }

    /// Whether the writer should write as fast as it can.
    pub fn hurry(&self, hurry: bool) {
        self.shared.hurried.store(hurry, Ordering::Release);
    }

    /// The number of the error that keeps the writer from writing; 0 for none.
    pub fn trouble(&self) -> i32 {
        self.shared.trouble.load(Ordering::Relaxed)
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
    }
}

/// The writer's end. What is left in it when it is dropped is counted as dropped, too.
#[derive(Debug)]
pub struct Outlet {
    receiver: Receiver<Event>,
    shared: Arc<Shared>,
}

impl Outlet {
    /// The oldest event.
    pub fn take(&self) -> Option<Event> {
        self.receiver.try_recv().ok()
    }

    /// The number of the newest event that was offered: once the queue is found empty after this, every event up to that
    /// number was taken, or was lost.
    pub fn offered(&self) -> u64 {
        self.shared.offered.load(Ordering::Acquire)
    }

    /// So many more events stand in the file, which now tells of all events up to this number.
    pub fn wrote(&self, events: usize, told: u64) {
        let count = u64::try_from(events).unwrap_or(0);
        self.shared
            .totals
            .written
            .fetch_add(count, Ordering::Relaxed);
        self.shared.pending.fetch_sub(events, Ordering::Relaxed);
        self.shared.told.store(told, Ordering::Release);
    }

    /// The server will send nothing more.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    /// The server waits for the queue to become empty.
    pub fn is_hurried(&self) -> bool {
        self.is_closed() || self.shared.hurried.load(Ordering::Acquire)
    }

    /// Tells the server what keeps the writer from writing; 0 for nothing.
    pub fn set_trouble(&self, number: i32) {
        self.shared.trouble.store(number, Ordering::Relaxed);
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let left = self.shared.pending.swap(0, Ordering::Relaxed);
        let left = u64::try_from(left).unwrap_or(0);
        self.shared
            .totals
            .dropped
            .fetch_add(left, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::event::SAMPLE;
    use super::*;

    fn offer(intake: &Intake, seq: u64) -> bool {
        intake.offer(seq, || SAMPLE.recorded(seq, None))
    }

    #[test]
    fn a_full_queue_takes_no_more_and_counts_what_it_did_not_take() {
        let totals = Arc::new(Totals::default());
        let (intake, outlet) = queue(&totals, 0);
        let most = u64::try_from(LONGEST).unwrap();
        let wakes = (1..=most + 3).filter(|seq| offer(&intake, *seq));
        assert_eq!(wakes.count(), 1);
        assert!(!intake.is_flushed());
        assert_eq!((totals.dropped(), outlet.offered()), (3, most + 3));
        let taken: Vec<u64> = std::iter::from_fn(|| outlet.take())
            .map(|event| event.seq)
            .collect();
        assert_eq!((taken.len(), taken.first()), (LONGEST, Some(&1)));
        offer(&intake, most + 4);
        assert_eq!(totals.dropped(), 4, "what is taken is not yet written");
        outlet.wrote(LONGEST, most);
        offer(&intake, most + 5);
        assert_eq!(outlet.take().map(|event| event.seq), Some(most + 5));
        outlet.wrote(1, most + 5);
        assert!(intake.is_flushed());
        assert_eq!((totals.written(), totals.dropped()), (most + 1, 4));
    }

    #[test]
    fn whoever_ends_first_nothing_is_left_uncounted() {
        let totals = Arc::new(Totals::default());
        let (intake, outlet) = queue(&totals, 0);
        offer(&intake, 1);
        assert!(!outlet.is_closed());
        drop(intake);
        assert!(outlet.is_closed() && outlet.is_hurried());
        drop(outlet);
        assert_eq!((totals.written(), totals.dropped()), (0, 1));
        let (intake, outlet) = queue(&totals, 1);
        drop(outlet);
        offer(&intake, 2);
        assert_eq!((totals.written(), totals.dropped()), (0, 2));
    }
}
