//! The ring of recent events: bounded, and repeats are merged, so that no flood of refusals can make the server grow or
//! push out what others did.

use std::collections::VecDeque;
use std::time::Duration;

use super::Event;

/// As many events as Redis keeps in its ACL LOG, unless told otherwise.
pub const DEFAULT_LENGTH: usize = 128;
/// The longest ring that can be asked for.
pub const MAX_LENGTH: usize = 100_000;

/// How far back a repeat is looked for, in events and in time.
const MERGED_WITHIN: (usize, Duration) = (16, Duration::from_secs(60));

/// Recent events, the one that happened last at the end.
#[derive(Debug)]
pub struct Ring {
    events: VecDeque<Event>,
    longest: usize,
    last: u64,
    forgotten: u64,
}

impl Default for Ring {
    fn default() -> Self {
        Self {
            events: VecDeque::new(),
            longest: DEFAULT_LENGTH,
            last: 0,
            forgotten: 0,
        }
    }
}

impl Ring {
    /// Keeps an event: merged with a recent one that it repeats, else under the next number. The oldest goes when the
    /// ring is full.
    pub fn push(&mut self, mut event: Event) {
        if let Some(index) = self.repeated(&event)
            && let Some(earlier) = self.events.remove(index)
        {
            event.seq = earlier.seq;
            event.first_time = earlier.first_time;
            event.count += earlier.count;
            self.events.push_back(event);
            return;
        }
        self.last += 1;
        event.seq = self.last;
        self.events.push_back(event);
        self.shrink();
    }

    /// The newest events, newest first.
    pub fn newest(&self, count: usize) -> impl Iterator<Item = &Event> {
        self.events.iter().rev().take(count)
    }

    /// Forgets all events; numbers go on.
    pub fn clear(&mut self) {
        self.events.clear();
    }

    /// How many events are kept at the most.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Changes how many events are kept at the most; 0 keeps none.
    pub fn set_longest(&mut self, longest: usize) {
        self.longest = longest.min(MAX_LENGTH);
        self.shrink();
        self.events.shrink_to(self.longest);
    }

    /// How many events had to go to make room.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn shrink(&mut self) {
        while self.events.len() > self.longest {
            self.events.pop_front();
            self.forgotten += 1;
        }
    }

    /// The index of a recent event that this one repeats.
    fn repeated(&self, event: &Event) -> Option<usize> {
        let (events, time) = MERGED_WITHIN;
        let recent = |earlier: &Event| {
            let since = event.time.duration_since(earlier.time);
            since.is_ok_and(|since| since <= time)
        };
        let from_end = self
            .events
            .iter()
            .rev()
            .take(events)
            .position(|earlier| recent(earlier) && earlier.is_repeated_by(event))?;
        self.events.len().checked_sub(from_end + 1)
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use std::time::SystemTime;

    use super::super::{Happened, Via};
    use super::*;

    fn event(rule: &str, seconds: u64) -> Event {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        Event {
            seq: 0,
            time,
            first_time: time,
            happened: Happened::Denied,
            rule: rule.to_owned(),
            command: "get".to_owned(),
            user: None,
            address: Some(format!("10.0.0.1:{seconds}")),
            client: Some(seconds),
            via: Via::Client,
            count: 1,
        }
    }

    fn seqs(ring: &Ring) -> Vec<(u64, u64)> {
        ring.newest(usize::MAX)
            .map(|event| (event.seq, event.count))
            .collect()
    }

    #[test]
    fn a_full_ring_forgets_the_oldest_and_counts_it() {
        let mut ring = Ring::default();
        for number in 0..DEFAULT_LENGTH + 3 {
            ring.push(event(&number.to_string(), 0));
        }
        assert_eq!(
            ring.newest(2).map(|event| event.seq).collect::<Vec<_>>(),
            [131, 130]
        );
        assert_eq!((seqs(&ring).len(), ring.forgotten()), (DEFAULT_LENGTH, 3));
        ring.set_longest(2);
        assert_eq!((seqs(&ring).len(), ring.forgotten()), (2, 129));
        ring.clear();
        ring.push(event("x", 0));
        assert_eq!(seqs(&ring), [(132, 1)]);
        ring.set_longest(0);
        ring.push(event("y", 0));
        assert_eq!(seqs(&ring), []);
    }

    #[test]
    fn a_repeat_is_merged_comes_to_the_front_and_keeps_its_number_and_first_time() {
        let mut ring = Ring::default();
        ring.push(event("a", 1));
        ring.push(event("b", 2));
        ring.push(event("a", 3));
        assert_eq!(seqs(&ring), [(1, 2), (2, 1)]);
        let newest = ring.newest(1).next();
        assert_eq!(
            newest.map(|event| event.first_time),
            Some(event("a", 1).time)
        );
        assert_eq!(newest.map(|event| event.time), Some(event("a", 3).time));
        assert_eq!(newest.and_then(|event| event.client), Some(3));
        ring.push(event("a", 64));
        assert_eq!(
            seqs(&ring),
            [(3, 1), (1, 2), (2, 1)],
            "too late to be a repeat"
        );
    }

    #[test]
    fn a_flood_from_one_host_does_not_push_out_what_others_did() {
        let mut ring = Ring::default();
        ring.push(event("rare", 1));
        for port in 0..10_000 {
            let mut flood = event("flood", 2);
            flood.address = Some(format!("10.0.0.9:{port}"));
            ring.push(flood);
        }
        assert_eq!(seqs(&ring), [(2, 10_000), (1, 1)]);
    }

    #[test]
    fn only_the_same_decision_on_the_same_caller_is_a_repeat() {
        let base = event("a", 1);
        let mut others = vec![base.clone(); 5];
        others[0].happened = Happened::Observed;
        others[1].command = "set".to_owned();
        others[2].user = Some(b"u".to_vec());
        others[3].address = Some("10.0.0.2:1".to_owned());
        others[4].via = Via::Script;
        for other in others {
            let mut ring = Ring::default();
            ring.push(base.clone());
            ring.push(other);
            assert_eq!(seqs(&ring).len(), 2);
        }
    }
}
