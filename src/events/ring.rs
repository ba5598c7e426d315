//! The ring of recent events: bounded, so that no flood of refusals can make the server grow.

use std::collections::VecDeque;

use super::Event;

/// Recent events, newest last.
#[derive(Debug)]
pub struct Ring {
    events: VecDeque<Event>,
    longest: usize,
    last: u64,
    forgotten: u64,
}

/// As many as Redis keeps in its ACL LOG unless told otherwise.
const LONGEST: usize = 128;

impl Default for Ring {
    fn default() -> Self {
        Self {
            events: VecDeque::new(),
            longest: LONGEST,
            last: 0,
            forgotten: 0,
        }
    }
}

impl Ring {
    /// Keeps an event, under the next number; the oldest goes when the ring is full.
    pub fn push(&mut self, mut event: Event) {
        self.last += 1;
        event.seq = self.last;
        if self.events.len() >= self.longest {
            self.events.pop_front();
            self.forgotten += 1;
        }
        self.events.push_back(event);
    }

    /// The newest events, newest first.
    pub fn newest(&self, count: usize) -> impl Iterator<Item = &Event> {
        self.events.iter().rev().take(count)
    }

    /// Forgets all events; numbers go on.
    pub fn clear(&mut self) {
        self.events.clear();
    }

    /// How many events had to go to make room.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::{Happened, Via};
    use super::*;

    #[test]
    fn a_full_ring_forgets_the_oldest_and_counts_it() {
        let event = Event {
            seq: 0,
            time: SystemTime::UNIX_EPOCH,
            happened: Happened::Denied,
            rule: "r1".to_owned(),
            command: "get".to_owned(),
            user: None,
            address: None,
            client: None,
            via: Via::Client,
            count: 1,
        };
        let mut ring = Ring::default();
        for _ in 0..LONGEST + 3 {
            ring.push(event.clone());
        }
        let seqs: Vec<u64> = ring.newest(2).map(|event| event.seq).collect();
        assert_eq!(seqs, [131, 130]);
        assert_eq!((ring.newest(1000).count(), ring.forgotten()), (LONGEST, 3));
        ring.clear();
        ring.push(event);
        assert_eq!(
            ring.newest(9).map(|event| event.seq).collect::<Vec<_>>(),
            [132]
        );
    }
}
