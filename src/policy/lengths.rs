//! Whether a name could be in the compiled table, from its first byte and its length alone: what every call of every
//! client is held against.

use std::cell::Cell;

/// Which names could be in a table, by first byte and length. In cells, so that the copy in force can be overwritten in
/// place and asked without a detour: asking it is what every call pays.
pub struct Lengths {
    /// The shortest name with this first byte; `NONE` if there is none.
    shortest: [Cell<u8>; 256],
    /// A bit for each length of such names, the last one for all longer ones.
    by_first: [Cell<u64>; 256],
    empty: Cell<bool>,
}

/// Longer than any name of a policy.
const NONE: u8 = u8::MAX;

impl Default for Lengths {
    fn default() -> Self {
        Self {
            shortest: [const { Cell::new(NONE) }; 256],
            by_first: [const { Cell::new(0) }; 256],
            empty: Cell::new(false),
        }
    }
}

impl std::fmt::Debug for Lengths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lengths")
    }
}

impl Lengths {
    /// Whether this name, as the client sent it, could be in the table. False positives are allowed, false negatives are
    /// a way round the gate.
    #[inline]
    pub fn might_match(&self, name: &[u8]) -> bool {
        let Some(&first) = name.first() else {
            return self.empty.get();
        };
        let first = usize::from(first);
        // Most names end here: nothing in the table begins like them and is as short, with a NUL or without.
        let shortest = self.shortest.get(first).map_or(0, Cell::get);
        if name.len() < usize::from(shortest) {
            return false;
        }
        let lengths = self.by_first.get(first).map_or(u64::MAX, Cell::get);
        let bit = Self::bit(name.len());
        // A NUL makes the name shorter than its length: it can then only mean a shorter name of the table.
        lengths & bit != 0 || (lengths & (bit - 1) != 0 && name.contains(&0))
    }

    /// Becomes a copy of another.
    pub fn take_over(&self, other: &Self) {
        for (mine, other) in self.by_first.iter().zip(&other.by_first) {
            mine.set(other.get());
        }
        for (mine, other) in self.shortest.iter().zip(&other.shortest) {
            mine.set(other.get());
        }
        self.empty.set(other.empty.get());
    }

    #[inline]
    fn bit(length: usize) -> u64 {
        1 << length.min(63)
    }

    /// Takes a (canonical) name in.
    pub fn add(&self, name: &[u8]) {
        let Some(first) = name.first() else {
            self.empty.set(true);
            return;
        };
        for byte in [first.to_ascii_lowercase(), first.to_ascii_uppercase()] {
            if let Some(lengths) = self.by_first.get(usize::from(byte)) {
                lengths.set(lengths.get() | Self::bit(name.len()));
            }
            if let Some(shortest) = self.shortest.get(usize::from(byte)) {
                let length = u8::try_from(name.len()).unwrap_or(0);
                shortest.set(shortest.get().min(length));
            }
        }
    }

    /// Takes every name in.
    pub fn take_all(&self) {
        for (lengths, shortest) in self.by_first.iter().zip(&self.shortest) {
            lengths.set(u64::MAX);
            shortest.set(0);
        }
        self.empty.set(true);
    }
}
