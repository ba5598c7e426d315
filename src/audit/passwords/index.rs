//! Digests of many words, found without a scan: the first eight bytes of each, sorted, with where it comes from.
//!
//! Ten bytes a digest, and no word among them. That only eight bytes are held against a password's digest makes one false
//! alarm in 2^64 looks, divided by the number of digests: less than one in a thousand million for a million words and ten
//! thousand users.

use std::fmt;

use super::forms::{Form, digests};
use super::{Digest, Known, Source};

/// Digests of words.
pub struct Index {
    entries: Vec<Entry>,
}

const PREFIX: usize = 8;

/// The head of a digest, and where it comes from, so that entries sort by digest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry([u8; PREFIX], [u8; 2]);

impl Index {
    /// The index of these words in every form. Words of the operator's are taken as they stand, without capitals.
    pub fn new<W: AsRef<[u8]>>(words: impl IntoIterator<Item = (W, Source)>) -> Self {
        let mut entries = Vec::new();
        for (word, source) in words {
            let forms = digests(word.as_ref(), source != Source::Operator);
            entries.extend(
                forms.map(|(form, digest)| Entry(head(&digest), code(Known { source, form }))),
            );
        }
        entries.sort_unstable();
        // Of several places the first to be told stays.
        entries.dedup_by_key(|entry| entry.0);
        entries.shrink_to_fit();
        Self { entries }
    }

    /// Where the password of this digest comes from, if it is here.
    pub fn find(&self, digest: &Digest) -> Option<Known> {
        let head = head(digest);
        let at = self.entries.partition_point(|entry| entry.0 < head);
        let entry = self.entries.get(at).filter(|entry| entry.0 == head)?;
        known(entry.1)
    }

    /// How many digests it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How much memory it takes.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({} digests)", self.len())
    }
}

fn head(digest: &Digest) -> [u8; PREFIX] {
    digest.first_chunk().copied().unwrap_or_default()
}

/// A form and a place in two bytes. The lesser are rather told: a word as it stands in a list, and an example.
fn code(known: Known) -> [u8; 2] {
    let (kind, number) = match known.source {
        Source::Empty => (0, 0),
        Source::Example(place) => (1, place),
        Source::MostUsed(hundreds) => (2, hundreds),
        Source::Operator => (3, 0),
    };
    [(known.form as u8) << 4 | kind, number]
}

fn known([head, number]: [u8; 2]) -> Option<Known> {
    let source = match head & 15 {
        0 => Source::Empty,
        1 => Source::Example(number),
        2 => Source::MostUsed(number),
        _ => Source::Operator,
    };
    let form = *Form::ALL.get(usize::from(head >> 4))?;
    Some(Known { source, form })
}

/// A number with commas: `10,000`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn every_place_and_form_survives_its_two_bytes() {
        for source in [
            Source::Empty,
            Source::Example(0),
            Source::Example(255),
            Source::MostUsed(1),
            Source::MostUsed(200),
            Source::Operator,
        ] {
            for form in Form::ALL {
                let there = Known { source, form };
                assert_eq!(known(code(there)), Some(there));
            }
        }
    }

    #[test]
    fn of_two_places_of_one_word_the_better_known_is_told() {
        let index = Index::new([
            ("same", Source::Operator),
            ("same", Source::MostUsed(100)),
            ("same", Source::Example(3)),
            ("SAME", Source::MostUsed(1)),
        ]);
        let found = |word: &[u8], form: Form| {
            let mut digests = digests(word, true);
            let (_, digest) = digests.find(|(found, _)| *found == form).unwrap();
            index.find(&digest).unwrap()
        };
        let plain = found(b"same", Form::Plain);
        assert_eq!(plain.source, Source::Example(3));
        // As it stands in a list, rather than made of another word.
        assert_eq!(found(b"SAME", Form::Plain).form, Form::Plain);
    }

    #[test]
    fn numbers_are_read_with_commas() {
        assert_eq!(thousands(100), "100");
        assert_eq!(thousands(1_000), "1,000");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
