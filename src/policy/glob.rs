//! Patterns as the server's KEYS, PSUBSCRIBE and ACL selectors read them: `*`, `?`, `[a-c]`, `[^x]` and `\` before a byte
//! that is meant as it is. (Redis util.c stringmatchlen, the same in 7.0 to 8.6 and in Valkey.)

/// A pattern, taken apart once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    parts: Vec<Part>,
    /// No part but plain bytes and `*`: what such a pattern says of a text that has its own `*` and `?` is certain.
    simple: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// `*`
    Any,
    /// `?`
    One,
    /// A byte as it is.
    Byte(u8),
    /// `[...]`: ranges, both ends included; negated or not.
    Class(bool, Vec<(u8, u8)>),
}

/// The longest pattern of a client that is held against one of ours: a longer one might mean anything.
const LONGEST_OTHER: usize = 1024;

impl Glob {
    /// Takes a pattern apart. Every text is one; a class that is never closed ends with the text, as in the server.
    pub fn new(text: &[u8]) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        let mut simple = true;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            let part = match byte {
                b'*' if parts.last() == Some(&Part::Any) => continue,
                b'*' => Part::Any,
                b'?' => Part::One,
                b'[' => class(&mut rest),
                b'\\' => match rest.split_first() {
                    Some((&meant, after)) => {
                        rest = after;
                        Part::Byte(meant)
                    }
                    None => Part::Byte(b'\\'),
                },
                byte => Part::Byte(byte),
            };
            simple &= match part {
                Part::Any => true,
                Part::Byte(byte) => !b"*?[\\".contains(&byte),
                Part::One | Part::Class(..) => false,
            };
            parts.push(part);
        }
        Self { parts, simple }
    }

    /// A pattern that a client gives CONFIG GET. There servers compare without regard to case, and by that a class means
    /// other bytes than it says: an escape in it is compared with case, the ends of a range are put in order before they
    /// are lowered, and bytes have a sign (stringmatchlen with `nocase`, Redis 7.0 to 8.6, Valkey 8.0 to 9.1). So a class
    /// stands for any byte.
    pub fn of_config_get(text: &[u8]) -> Self {
        let mut glob = Self::new(text);
        for part in &mut glob.parts {
            if matches!(part, Part::Class(..)) {
                *part = Part::One;
            }
        }
        glob
    }

    /// Whether it matches these bytes, all of them. Time grows with pattern times text at the worst.
    pub fn matches(&self, text: &[u8]) -> bool {
        let (mut part, mut at) = (0, 0);
        // Where to go on when what follows the last `*` fails: one byte later.
        let mut again: Option<(usize, usize)> = None;
        loop {
            match (self.parts.get(part), text.get(at)) {
                (None, None) => return true,
                (Some(Part::Any), _) => {
                    again = Some((part + 1, at));
                    part += 1;
                }
                (Some(one), Some(byte)) if one.takes(*byte) => {
                    part += 1;
                    at += 1;
                }
                _ => match &mut again {
                    Some((after, from)) if *from < text.len() => {
                        *from += 1;
                        (part, at) = (*after, *from);
                    }
                    _ => return false,
                },
            }
        }
    }

    /// Whether some text matches both this pattern and another one. Where that is hard to say, it says yes.
    pub fn may_meet(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.parts, &other.parts);
        if theirs.len() > LONGEST_OTHER {
            return true;
        }
        let width = theirs.len() + 1;
        let mut seen = vec![false; (ours.len() + 1) * width];
        let mut open = vec![(0, 0)];
        while let Some((i, j)) = open.pop() {
            match seen.get_mut(i * width + j) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            match (ours.get(i), theirs.get(j)) {
                (None, None) => return true,
                (Some(Part::Any), theirs) => {
                    open.push((i + 1, j));
                    if theirs.is_some() {
                        open.push((i, j + 1));
                    }
                }
                (ours, Some(Part::Any)) => {
                    open.push((i, j + 1));
                    if ours.is_some() {
                        open.push((i + 1, j));
                    }
                }
                (Some(ours), Some(theirs)) if ours.may_be(theirs) => open.push((i + 1, j + 1)),
                _ => {}
            }
        }
        false
    }

    /// Whether every text that this other pattern matches is certain to match this one. Where that is hard to say, it
    /// says no.
    pub fn covers(&self, other: &[u8]) -> bool {
        self.simple && !other.iter().any(|byte| b"[\\".contains(byte)) && self.matches(other)
    }
}

impl Part {
    fn takes(&self, byte: u8) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Byte(own) => *own == byte,
            Self::Class(negated, ranges) => {
                let within = |(low, high): &(u8, u8)| (*low..=*high).contains(&byte);
                ranges.iter().any(within) != *negated
            }
        }
    }

    /// Whether some byte fits both.
    fn may_be(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Byte(byte), part) | (part, Self::Byte(byte)) => part.takes(*byte),
            _ => true,
        }
    }
}

/// The class that begins behind its `[`.
fn class(rest: &mut &[u8]) -> Part {
    let negated = rest.first() == Some(&b'^');
    if negated {
        *rest = rest.get(1..).unwrap_or_default();
    }
    let mut ranges = Vec::new();
    loop {
        match *rest {
            [] => break,
            [b'\\', byte, after @ ..] => {
                ranges.push((*byte, *byte));
                *rest = after;
            }
            [b']', after @ ..] => {
                *rest = after;
                break;
            }
            [from, b'-', to, after @ ..] => {
                ranges.push((*from.min(to), *from.max(to)));
                *rest = after;
            }
            [byte, after @ ..] => {
                ranges.push((*byte, *byte));
                *rest = after;
            }
        }
    }
    Part::Class(negated, ranges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Glob::new(pattern.as_bytes()).matches(text.as_bytes())
    }

    #[test]
    fn patterns_read_as_in_the_server() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "anything", true),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-c]llo", "hbllo", true),
            ("h[c-a]llo", "hbllo", true),
            ("h\\*llo", "h*llo", true),
            ("h\\*llo", "hxllo", false),
            ("[]abc]", "abc]", false),
            ("[abc", "b", true),
            ("[a\\]c]", "]", true),
            ("a\\", "a\\", true),
            ("a,b", "a,b", true),
            ("a\\,b", "a,b", true),
            ("**a**", "xax", true),
            ("*a*b*c", "1a2b3c", true),
            ("*a*b*c", "1a2b3", false),
            ("A", "a", false),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn two_patterns_meet_unless_it_is_certain_that_they_do_not() {
        let meet = |one: &str, other: &str| {
            let (one, other) = (Glob::new(one.as_bytes()), Glob::new(other.as_bytes()));
            assert_eq!(one.may_meet(&other), other.may_meet(&one));
            one.may_meet(&other)
        };
        assert!(meet("requirepass", "*"));
        assert!(meet("requirepass", "req?irep*"));
        assert!(meet("*auth", "master*"));
        assert!(meet("dir", "[cd]i*"));
        assert!(!meet("dir", "max*"));
        assert!(!meet("dir", "di"));
        assert!(!meet("a*", "b*"));
        let endless = Glob::new("?".repeat(2000).as_bytes());
        assert!(Glob::new(b"dir").may_meet(&endless), "too long to tell");
    }

    #[test]
    fn a_class_that_a_client_gives_config_get_may_mean_any_byte() {
        for asked in [
            "[^r]equirepass",
            "[^z-a]equirepass",
            "[a-b]equirepass",
            "[^\\requirepass",
        ] {
            let asked = Glob::of_config_get(asked.as_bytes());
            let meets = Glob::new(b"requirepass").may_meet(&asked);
            assert_eq!(meets, asked.matches(b"requirepass"), "{asked:?}");
        }
        assert!(Glob::of_config_get(b"[^r]equirepass").matches(b"requirepass"));
        assert!(!Glob::of_config_get(b"[^r]equirepass").matches(b"masterauth"));
    }

    #[test]
    fn one_pattern_covers_another_only_if_that_is_certain() {
        let covers =
            |ours: &str, theirs: &str| Glob::new(ours.as_bytes()).covers(theirs.as_bytes());
        assert!(covers("max*", "maxmemory*"));
        assert!(covers("*", "*"));
        assert!(covers("dir", "dir"));
        assert!(!covers("m?x*", "m*x*"));
        assert!(!covers("*a*", "[ab]"));
        assert!(!covers("max", "max*"));
    }

    proptest! {
        #[test]
        fn a_pattern_without_signs_matches_just_itself(text in "[a-z]{0,12}", other in "[a-z]{0,12}") {
            prop_assert_eq!(matches(&text, &other), text == other);
        }

        #[test]
        fn patterns_that_match_one_text_meet(one in "[ab*?]{0,8}", other in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            if matches(&one, &text) && matches(&other, &text) {
                prop_assert!(Glob::new(one.as_bytes()).may_meet(&Glob::new(other.as_bytes())));
            }
        }

        #[test]
        fn what_a_covered_pattern_matches_the_cover_matches(ours in "[ab*?]{0,6}", theirs in "[ab*?]{0,6}", text in "[ab]{0,8}") {
            if Glob::new(ours.as_bytes()).covers(theirs.as_bytes()) && matches(&theirs, &text) {
                prop_assert!(matches(&ours, &text));
            }
        }

        #[test]
        fn no_pattern_and_no_text_makes_it_panic(pattern: Vec<u8>, text: Vec<u8>) {
            let glob = Glob::new(&pattern);
            let _ = (glob.matches(&text), glob.may_meet(&Glob::new(&text)), glob.covers(&text));
        }
    }
}
