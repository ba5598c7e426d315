//! Waiting: every wait has a deadline, polls, and when it gives up says what it last observed.

use std::fmt::Display;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long anything may take before it counts as hung. Scaled by [`scaled`] where it is used.
pub const DEADLINE: Duration = Duration::from_secs(20);

const POLL: Duration = Duration::from_millis(10);

/// `limit` times the factor in `SECAUDIT_TEST_SLOW` (valgrind needs about 30).
pub fn scaled(limit: Duration) -> Duration {
    static FACTOR: OnceLock<f64> = OnceLock::new();
    limit.mul_f64(
        *FACTOR.get_or_init(|| match std::env::var("SECAUDIT_TEST_SLOW") {
            Ok(text) => text.parse().expect("SECAUDIT_TEST_SLOW is a number"),
            Err(_) => 1.0,
        }),
    )
}

/// What one look at a condition can yield: it holds, or here is what was seen instead.
pub trait Look {
    /// What is known once the condition holds.
    type Seen;

    /// Splits the look into what was wanted or what was observed.
    fn outcome(self) -> Result<Self::Seen, String>;
}

impl Look for bool {
    type Seen = ();

    fn outcome(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("false".into()) }
    }
}

impl<T> Look for Option<T> {
    type Seen = T;

    fn outcome(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing".into())
    }
}

impl<T, E: Display> Look for Result<T, E> {
    type Seen = T;

    fn outcome(self) -> Result<T, String> {
        self.map_err(|e| e.to_string())
    }
}

/// Looks until the condition holds; panics after the scaled `limit`, naming what was awaited and last observed.
#[track_caller]
pub fn until<L: Look>(what: &str, limit: Duration, look: impl FnMut() -> L) -> L::Seen {
    attempt(what, limit, look).unwrap_or_else(|complaint| panic!("{complaint}"))
}

/// Like [`until`], but hands the complaint back.
pub fn attempt<L: Look>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> L,
) -> Result<L::Seen, String> {
    let limit = scaled(limit);
    let begun = Instant::now();
    loop {
        let observed = match look().outcome() {
            Ok(seen) => return Ok(seen),
            Err(observed) => observed,
        };
        if begun.elapsed() >= limit {
            return Err(format!(
                "gave up after {limit:?} waiting for {what}; last observed: {observed}"
            ));
        }
        std::thread::sleep(POLL);
    }
}
