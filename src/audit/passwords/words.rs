//! The words that this module brings: examples that are printed in places many copy from, and the most used passwords.
//!
//! `examples.txt` is our own collection: a line that begins with `== ` names a place, the lines below it are what stands
//! there. `most_used.txt` is the list that Django ships, the most used first; `most_used.LICENSE` says more.

use super::Source;

const EXAMPLES: &str = include_str!("examples.txt");
const MOST_USED: &str = include_str!("most_used.txt");

/// How many of the most used passwords are told apart: the first hundred, the first thousand and so on.
const BANDS: [usize; 4] = [100, 1_000, 10_000, 20_000];

/// Every built-in word and where it stands.
pub fn built_in() -> impl Iterator<Item = (&'static str, Source)> {
    let empty = std::iter::once(("", Source::Empty));
    empty.chain(examples()).chain(most_used())
}

/// The place of an example, by its number.
pub fn place(number: u8) -> &'static str {
    places().nth(usize::from(number)).unwrap_or("somewhere")
}

fn places() -> impl Iterator<Item = &'static str> {
    EXAMPLES.lines().filter_map(|line| line.strip_prefix("== "))
}

fn examples() -> impl Iterator<Item = (&'static str, Source)> {
    let mut number = None;
    EXAMPLES.lines().filter_map(move |line| {
        if line.starts_with("== ") {
            number = Some(number.map_or(0, |number: u8| number.saturating_add(1)));
            return None;
        }
        Some((line, Source::Example(number?)))
    })
}

fn most_used() -> impl Iterator<Item = (&'static str, Source)> {
    MOST_USED.lines().enumerate().map(|(index, word)| {
        let band = BANDS.iter().find(|band| index < **band);
        let hundreds = band.map_or(usize::from(u8::MAX), |band| band / 100);
        (
            word,
            Source::MostUsed(u8::try_from(hundreds).unwrap_or(u8::MAX)),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_a_place_and_no_place_is_empty() {
        assert!(examples().count() > 250);
        for (number, place) in places().enumerate() {
            assert!(!place.is_empty());
            let here = examples()
                .filter(|(_, source)| *source == Source::Example(number as u8))
                .count();
            assert!(here > 1, "{place}");
        }
        for (word, _) in examples().chain(most_used()) {
            assert!(!word.is_empty() && !word.ends_with('\r'));
        }
        assert!(most_used().count() <= 20_000, "the last band holds all");
    }
}
