//! The text of redis.conf into directives, by the server's own rules (`sdssplitargs`). Pure.

/// One line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Where it stands in its file, from 1.
    pub line: usize,
    /// Its first word, lower case.
    pub name: Vec<u8>,
    /// The other words.
    pub arguments: Vec<Vec<u8>>,
}

/// The directives of a file, and the numbers of the lines that cannot be read.
pub fn directives(content: &[u8]) -> (Vec<Directive>, Vec<usize>) {
    let mut found = Vec::new();
    let mut unreadable = Vec::new();
    for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let line = trimmed(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        match words(line) {
            Some(words) => {
                let mut words = words.into_iter();
                if let Some(name) = words.next() {
                    found.push(Directive {
                        line: index + 1,
                        name: name.to_ascii_lowercase(),
                        arguments: words.collect(),
                    });
                }
            }
            None => unreadable.push(index + 1),
        }
    }
    (found, unreadable)
}

/// The words of a line; `None` when a quote is not closed, or something follows a closing one.
pub fn words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut rest = line;
    let mut words = Vec::new();
    loop {
        while let Some((first, tail)) = rest.split_first().filter(|(byte, _)| is_space(**byte)) {
            let _ = first;
            rest = tail;
        }
        // For the server, a line is a C string: it ends at the first NUL.
        match rest.first() {
            None | Some(0) => return Some(words),
            Some(_) => {}
        }
        let (word, tail) = word(rest)?;
        words.push(word);
        rest = tail;
    }
}

/// The word at the head of a line, and what follows it.
fn word(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut rest = line;
    loop {
        match rest {
            [] | [0, ..] => return Some((word, rest)),
            [byte, ..] if is_space(*byte) => return Some((word, rest)),
            [b'"', tail @ ..] => rest = after_quote(double_quoted(tail, &mut word)?)?,
            [b'\'', tail @ ..] => rest = after_quote(single_quoted(tail, &mut word)?)?,
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
        }
        // A quoted part ends its word.
        if rest
            .first()
            .is_none_or(|byte| is_space(*byte) || *byte == 0)
        {
            return Some((word, rest));
        }
    }
}

fn after_quote(rest: &[u8]) -> Option<&[u8]> {
    match rest.first() {
        Some(byte) if !is_space(*byte) && *byte != 0 => None,
        _ => Some(rest),
    }
}

fn double_quoted<'l>(mut rest: &'l [u8], word: &mut Vec<u8>) -> Option<&'l [u8]> {
    loop {
        rest = match rest {
            [] | [0, ..] => return None,
            [b'"', tail @ ..] => return Some(tail),
            [b'\\', b'x', high, low, tail @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                word.push(digit(*high) << 4 | digit(*low));
                tail
            }
            [b'\\', 0, ..] => return None,
            [b'\\', byte, tail @ ..] => {
                word.push(match byte {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                tail
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                tail
            }
        };
    }
}

fn single_quoted<'l>(mut rest: &'l [u8], word: &mut Vec<u8>) -> Option<&'l [u8]> {
    loop {
        rest = match rest {
            [] | [0, ..] => return None,
            [b'\'', tail @ ..] => return Some(tail),
            [b'\\', b'\'', tail @ ..] => {
                word.push(b'\'');
                tail
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                tail
            }
        };
    }
}

fn digit(byte: u8) -> u8 {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
        .unwrap_or_default()
}

/// What `isspace` of the C locale takes for a space.
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

fn trimmed(line: &[u8]) -> &[u8] {
    let skip = |byte: &u8| !b" \t\r\n".contains(byte);
    let start = line.iter().position(skip).unwrap_or(line.len());
    let end = line.iter().rposition(skip).map_or(start, |last| last + 1);
    line.get(start..end).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_split_and_unquoted_as_the_server_does_it() {
        assert_eq!(words(b"a  b\tc").unwrap(), [&b"a"[..], b"b", b"c"]);
        assert_eq!(
            words(br#"x "a b" 'c d' """#).unwrap(),
            [&b"x"[..], b"a b", b"c d", b""]
        );
        assert_eq!(
            words(br#""\x41\x00\n\q\"" 'it\'s \n'"#).unwrap(),
            [&b"A\0\nq\""[..], b"it's \\n"]
        );
        assert_eq!(words(br#"ab"c d""#).unwrap(), [b"abc d"]);
        assert_eq!(words(br#""\xZZ""#).unwrap(), [b"xZZ"]);
        assert_eq!(words(b"a # b").unwrap(), [&b"a"[..], b"#", b"b"]);
    }

    #[test]
    fn an_open_quote_and_text_after_a_quote_cannot_be_read() {
        assert_eq!(words(b"a \"b"), None);
        assert_eq!(words(b"a 'b"), None);
        assert_eq!(words(b"\"a\"b"), None);
        assert_eq!(words(b"\"a\\"), None);
    }

    #[test]
    fn a_line_ends_at_the_first_nul() {
        assert_eq!(words(b"a b\0c d").unwrap(), [&b"a"[..], b"b"]);
        assert_eq!(words(b"a \"b\0\""), None);
    }

    #[test]
    fn comments_and_empty_lines_say_nothing_and_bad_lines_are_counted() {
        let (found, unreadable) =
            directives(b"# c\n\n  BIND 127.0.0.1\r\nrename-command X \"\nport 1");
        let names: Vec<&[u8]> = found
            .iter()
            .map(|directive| directive.name.as_slice())
            .collect();
        assert_eq!(names, [&b"bind"[..], b"port"]);
        assert_eq!(unreadable, [4]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic_or_run_on(content: Vec<u8>) {
            let _ = directives(&content);
        }
    }
}
