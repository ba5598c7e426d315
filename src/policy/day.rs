//! A day of the calendar, in UTC: how long a suppression holds.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

const SECONDS: u64 = 24 * 60 * 60;

/// A day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Day(u64);

impl Day {
    /// Reads `2027-01-31`; `None` for anything else, also for days that no calendar has.
    pub fn read(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let shape = |(place, byte): (usize, u8)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        };
        if text.len() != 10 || !text.bytes().enumerate().all(shape) {
            return None;
        }
        let midnight = humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).ok()?;
        // What the reader rounds (a 31st of February) is not what was written.
        Some(Self::of(midnight)).filter(|day| day.to_string() == text)
    }

    /// The day of a moment.
    pub fn of(moment: SystemTime) -> Self {
        let since = moment.duration_since(SystemTime::UNIX_EPOCH);
        Self(since.map_or(0, |since| since.as_secs() / SECONDS))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let midnight = SystemTime::UNIX_EPOCH + Duration::from_secs(self.0 * SECONDS);
        let text = humantime::format_rfc3339_seconds(midnight).to_string();
        f.write_str(text.get(..10).unwrap_or(&text))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_and_written_back() {
        for text in ["1970-01-01", "2024-02-29", "2027-12-31", "9999-12-31"] {
            assert_eq!(Day::read(text.as_bytes()).unwrap().to_string(), text);
        }
        assert!(Day::read(b"2026-12-31") < Day::read(b"2027-01-01"));
    }

    #[test]
    fn what_no_calendar_has_is_no_day() {
        for text in [
            "2027-02-29",
            "2027-13-01",
            "2027-00-10",
            "2027-04-31",
            "2027-1-1",
            "27-01-01",
            "2027/01/01",
            "2027-01-01T00",
            "tomorrow",
            "",
            "1969-12-31",
        ] {
            assert_eq!(Day::read(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Day::read(b"\xff027-01-01"), None);
    }

    #[test]
    fn a_moment_belongs_to_its_day() {
        let moment = humantime::parse_rfc3339("2027-01-01T23:59:59Z").unwrap();
        assert_eq!(Day::of(moment).to_string(), "2027-01-01");
    }
}
