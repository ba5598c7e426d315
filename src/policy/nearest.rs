//! "Did you mean": the candidate that a mistyped word most likely stood for.

/// The candidate nearest to a word, if one is near enough to be worth naming.
pub fn nearest<'c, C: AsRef<str> + 'c>(
    word: &[u8],
    candidates: impl IntoIterator<Item = &'c C>,
) -> Option<&'c str> {
    let word = String::from_utf8_lossy(word).to_lowercase();
    if word.len() < 3 || word.len() > 128 {
        return None;
    }
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(AsRef::as_ref)
        .map(|candidate| {
            let distance = strsim::osa_distance(&word, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, candidate)| (*distance, candidate.len()))
        .map(|(_, candidate)| candidate)
}

/// `: did you mean 'x'?`, or nothing.
pub fn did_you_mean<'c, C: AsRef<str> + 'c>(
    word: &[u8],
    candidates: impl IntoIterator<Item = &'c C>,
) -> String {
    match nearest(word, candidates) {
        Some(name) => format!(": did you mean '{name}'?"),
        None => String::new(),
    }
}

/// What a word from a short list should have been: the nearest one, or all of them.
pub fn instead(word: &[u8], candidates: &[&str]) -> String {
    let hint = did_you_mean(word, candidates);
    if hint.is_empty() {
        return format!(": use one of {}", candidates.join(", "));
    }
    hint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_a_stranger_is_not() {
        let names = ["flushall", "flushdb", "get"];
        assert_eq!(nearest(b"flushal", &names), Some("flushall"));
        assert_eq!(nearest(b"FLUHSDB", &names), Some("flushdb"));
        assert_eq!(nearest(b"gte", &names), Some("get"));
        assert_eq!(nearest(b"zadd", &names), None);
        assert_eq!(nearest(b"", &names), None);
        assert_eq!(nearest(b"ge", &names), None);
        assert_eq!(nearest(b"\xff\xfe", &names), None);
        assert_eq!(did_you_mean(b"gett", &names), ": did you mean 'get'?");
        assert_eq!(
            instead(b"zadd", &names),
            ": use one of flushall, flushdb, get"
        );
    }
}
