//! What must hold however long it goes on: faults at random moments, changes under load, torture of replication, memory.
//! Each test makes a short run of it; with `SECAUDIT_SOAK=1` (scripts/soak.sh) the long one whose figures the README has.

/// Random and mutated calls against the decision.
mod calls;
/// Policies changed while clients call.
mod changes;
/// A full disk, a read-only folder, no memory left.
mod faults;
/// Servers killed while they write.
mod kills;
/// Memory over many refusals, changes and reports.
mod memory;
/// Master, replicas and a Sentinel, failing over again and again.
mod torture;

use std::time::{SystemTime, UNIX_EPOCH};

/// How many rounds to make: the first number, or the second one in a long run.
fn rounds(short: usize, long: usize) -> usize {
    match std::env::var_os("SECAUDIT_SOAK") {
        Some(_) => long,
        None => short,
    }
}

/// Random numbers (splitmix64), each run's seed printed so that it can be run again with `SECAUDIT_SEED`.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let given = std::env::var("SECAUDIT_SEED").ok();
        let given = given.and_then(|seed| seed.parse().ok());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let seed = given.unwrap_or_else(|| u64::from(now.subsec_nanos()));
        println!("SECAUDIT_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
