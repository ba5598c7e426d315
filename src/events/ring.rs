//! The ring of recent events: bounded, and repeats are merged, so that no flood of refusals can make the server grow or
//! push out what others did. Recording costs the same however long the ring is.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Event, Seen};

/// As many events as Redis keeps in its ACL LOG, unless told otherwise.
pub const DEFAULT_LENGTH: usize = 128;
/// The longest ring that can be asked for.
pub const MAX_LENGTH: usize = 100_000;

/// How far back a repeat is looked for, in events of its kind and in time.
const MERGED_WITHIN: (usize, Duration) = (16, Duration::from_secs(60));

/// Recent events of two kinds, each apart, so that making room for one never has to look for it among the other.
#[derive(Debug)]
pub struct Ring {
    /// Those that anyone could have caused.
    anonymous: Events,
    /// Those of users who have authenticated.
    named: Events,
    longest: usize,
    last: u64,
    /// How many decisions were recorded, repeats included: the order of all events.
    decisions: u64,
    forgotten: u64,
}

/// Events of one kind, the one that happened last at the end, each with the number of the decision that put it there.
type Events = VecDeque<(u64, Event)>;

impl Default for Ring {
    fn default() -> Self {
        Self {
            anonymous: Events::new(),
            named: Events::new(),
            longest: DEFAULT_LENGTH,
            last: 0,
            decisions: 0,
            forgotten: 0,
        }
    }
}

impl Ring {
    /// Records a decision: as one more of a recent event that it repeats, else as a new one under the next number.
    /// Whether it is a new one. `name` looks up a client's name. When the ring is full, the oldest goes.
    pub fn record(&mut self, seen: &Seen<'_>, name: impl FnOnce(u64) -> Option<Vec<u8>>) -> bool {
        self.decisions += 1;
        let events = match seen.is_anonymous() {
            true => &mut self.anonymous,
            false => &mut self.named,
        };
        if let Some(index) = repeated(events, seen) {
            // It stands among the last few: taking it out moves no more than those.
            if index + 1 < events.len()
                && let Some(event) = events.remove(index)
            {
                events.push_back(event);
            }
            if let Some((number, event)) = events.back_mut() {
                *number = self.decisions;
                event.repeat(seen, name);
            }
            return false;
        }
        self.last += 1;
        let event = seen.recorded(self.last, seen.client.and_then(name));
        events.push_back((self.decisions, event));
        self.shrink();
        true
    }

    /// The newest events, newest first.
    pub fn newest(&self, count: usize) -> impl Iterator<Item = &Event> {
        let mut anonymous = self.anonymous.iter().rev().peekable();
        let mut named = self.named.iter().rev().peekable();
        let newest = std::iter::from_fn(move || {
            let last = |events: Option<&&(u64, Event)>| events.map(|(number, _)| *number);
            let (_, event) = match last(anonymous.peek()) > last(named.peek()) {
                true => anonymous.next()?,
                false => named.next()?,
            };
            Some(event)
        });
        newest.take(count.min(self.longest))
    }

    /// Forgets all events; numbers go on.
    pub fn clear(&mut self) {
        self.forgotten = self.forgotten();
        self.anonymous.clear();
        self.named.clear();
    }

    /// How many events are kept at the most.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Changes how many events are kept at the most; 0 shows none.
    pub fn set_longest(&mut self, longest: usize) {
        if self.longest == 0 {
            // What was never shown does not turn up now.
            self.clear();
        }
        self.longest = longest.min(MAX_LENGTH);
        self.shrink();
        self.anonymous.shrink_to(0);
        self.named.shrink_to(0);
    }

    /// How many events had to go to make room.
    pub fn forgotten(&self) -> u64 {
        let hidden = self.len().saturating_sub(self.longest);
        self.forgotten + u64::try_from(hidden).unwrap_or(u64::MAX)
    }

    fn len(&self) -> usize {
        self.anonymous.len() + self.named.len()
    }

    /// Makes room. Whoever fills the ring makes room from his own: clients that run as `default` are all who have not
    /// authenticated, so while others have events here, theirs are pushed out only when `default` has less than half.
    fn shrink(&mut self) {
        // Where none are shown, a few are still there to be repeated: a repeat is told nowhere else either.
        let room = match self.longest {
            0 => MERGED_WITHIN.0,
            longest => longest,
        };
        while self.len() > room {
            let (from, else_from) = match self.anonymous.len() > room / 2 {
                true => (&mut self.anonymous, &mut self.named),
                false => (&mut self.named, &mut self.anonymous),
            };
            let _ = from.pop_front().or_else(|| else_from.pop_front());
            self.forgotten += 1;
        }
    }
}

/// The index of a recent event that this decision repeats.
fn repeated(events: &Events, seen: &Seen<'_>) -> Option<usize> {
    let (within, time) = MERGED_WITHIN;
    let recent = |earlier: &Event| {
        let since = seen.time.duration_since(earlier.time);
        since.is_ok_and(|since| since <= time)
    };
    let mut newest = (0..events.len()).rev().take(within);
    newest.find(|index| {
        let earlier = events.get(*index);
        earlier.is_some_and(|(_, earlier)| recent(earlier) && earlier.is_repeated_by(seen))
    })
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use std::time::SystemTime;

    use super::super::event::SAMPLE;
    use super::super::{Happened, Via};
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn seen(rule: &str, seconds: u64) -> Seen<'_> {
        Seen {
            time: at(seconds),
            rule,
            command: "get",
            user: None,
            address: Some("10.0.0.1:1"),
            ..SAMPLE
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
            ring.record(&seen(&number.to_string(), 0), |_| None);
        }
        assert_eq!(
            ring.newest(2).map(|event| event.seq).collect::<Vec<_>>(),
            [131, 130]
        );
        assert_eq!((seqs(&ring).len(), ring.forgotten()), (DEFAULT_LENGTH, 3));
        ring.set_longest(2);
        assert_eq!((seqs(&ring).len(), ring.forgotten()), (2, 129));
        ring.clear();
        ring.record(&seen("x", 0), |_| None);
        assert_eq!(seqs(&ring), [(132, 1)]);
    }

    #[test]
    fn a_ring_that_shows_nothing_still_tells_a_repeat_from_a_new_event_and_does_not_grow() {
        let mut ring = Ring::default();
        ring.set_longest(0);
        assert!(ring.record(&seen("y", 0), |_| None));
        for _ in 0..3 {
            assert!(!ring.record(&seen("y", 0), |_| None));
        }
        assert_eq!((seqs(&ring), ring.forgotten()), (vec![], 1));
        for number in 0..1000 {
            ring.record(&seen(&number.to_string(), 0), |_| None);
        }
        assert_eq!((seqs(&ring), ring.forgotten()), (vec![], 1001));
        assert!(ring.len() <= 16, "{}", ring.len());
        ring.set_longest(2);
        assert_eq!((seqs(&ring), ring.forgotten()), (vec![], 1001));
        ring.record(&seen("y", 0), |_| None);
        assert_eq!((seqs(&ring), ring.forgotten()), (vec![(1002, 1)], 1001));
    }

    #[test]
    fn a_repeat_is_merged_comes_to_the_front_and_keeps_its_number_and_first_time() {
        let mut ring = Ring::default();
        ring.record(&seen("a", 1), |_| Some(b"first".to_vec()));
        ring.record(&seen("b", 2), |_| None);
        let other = Seen {
            client: Some(3),
            address: Some("10.0.0.1:3"),
            ..seen("a", 3)
        };
        ring.record(&other, |_| Some(b"other".to_vec()));
        assert_eq!(seqs(&ring), [(1, 2), (2, 1)]);
        let newest = ring.newest(1).next();
        assert_eq!(
            newest.map(|event| (event.first_time, event.time, event.client)),
            Some((at(1), at(3), Some(3)))
        );
        assert_eq!(
            newest.map(|event| (event.address.as_deref(), event.client_name.as_deref())),
            Some((Some("10.0.0.1:3"), Some(&b"other"[..])))
        );
        ring.record(&seen("a", 64), |_| None);
        assert_eq!(
            seqs(&ring),
            [(3, 1), (1, 2), (2, 1)],
            "too late to be a repeat"
        );
    }

    #[test]
    fn a_flood_from_one_host_does_not_push_out_what_others_did() {
        let mut ring = Ring::default();
        ring.record(&seen("rare", 1), |_| None);
        for port in 0..10_000 {
            let flood = Seen {
                address: Some(&format!("10.0.0.9:{port}")),
                ..seen("flood", 2)
            };
            ring.record(&flood, |_| None);
        }
        assert_eq!(seqs(&ring), [(2, 10_000), (1, 1)]);
    }

    #[test]
    fn only_the_same_decision_on_the_same_caller_is_a_repeat() {
        let base = seen("a", 1);
        let mut others = [base; 6];
        others[0].happened = Happened::Observed;
        others[1].command = "set";
        others[2].user = Some(b"u");
        others[3].address = Some("10.0.0.2:1");
        others[4].via = Via::Script;
        others[5].address = None;
        for other in others {
            let mut ring = Ring::default();
            ring.record(&base, |_| None);
            ring.record(&other, |_| None);
            assert_eq!(seqs(&ring).len(), 2);
        }
    }

    #[test]
    fn a_flood_of_many_kinds_by_the_unauthenticated_leaves_others_half_of_the_ring() {
        let mut ring = Ring::default();
        let mut by = |user: &str, number: usize| {
            let rule = number.to_string();
            let seen = Seen {
                user: Some(user.as_bytes()),
                ..seen(&rule, 2)
            };
            ring.record(&seen, |_| None);
        };
        for number in 0..40 {
            by("app", number);
        }
        for number in 0..10_000 {
            by("default", number);
        }
        let kept = |user: &str| {
            let of = |event: &&Event| event.user.as_deref() == Some(user.as_bytes());
            ring.newest(usize::MAX).filter(of).count()
        };
        assert_eq!((kept("app"), kept("default")), (40, DEFAULT_LENGTH - 40));
    }

    #[test]
    fn events_of_both_kinds_are_shown_in_the_order_in_which_they_happened_last() {
        let mut ring = Ring::default();
        for (user, rule) in [
            ("app", "a"),
            ("default", "b"),
            ("app", "c"),
            ("default", "d"),
            ("default", "b"),
            ("app", "a"),
        ] {
            let seen = Seen {
                user: Some(user.as_bytes()),
                ..seen(rule, 2)
            };
            ring.record(&seen, |_| None);
        }
        assert_eq!(seqs(&ring), [(1, 2), (2, 2), (4, 1), (3, 1)]);
        assert_eq!(ring.newest(2).map(|event| event.seq).sum::<u64>(), 3);
    }
}
