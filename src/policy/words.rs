//! Text into words, by the quoting rules of redis.conf: `"…"` with escapes, `'…'`, and `#` comments.

use super::problem::{At, Problem};

/// A word and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word, unquoted.
    pub text: Vec<u8>,
    /// Where it began.
    pub at: At,
}

/// The words of one line. An unquoted `#` at the start of a word ends the line.
pub fn split_line(line: &[u8], number: usize) -> Result<Vec<Word>, Problem> {
    let mut reader = Reader {
        line,
        next: 0,
        number,
    };
    let mut words = Vec::new();
    while let Some(word) = reader.word()? {
        words.push(word);
    }
    Ok(words)
}

/// Words given to a command, one by one: their place is their number.
pub fn from_arguments(arguments: &[&[u8]]) -> Vec<Word> {
    let word = |(index, text): (usize, &&[u8])| Word {
        text: text.to_vec(),
        at: At {
            line: 0,
            column: index + 1,
        },
    };
    arguments.iter().enumerate().map(word).collect()
}

/// Writes a value so that `split_line` reads the same bytes back.
pub fn quote(value: &[u8], out: &mut String) {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\#".contains(byte);
    if !value.is_empty() && value.iter().all(plain) {
        out.extend(value.iter().map(|byte| char::from(*byte)));
        return;
    }
    out.push('"');
    for &byte in value {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
}

struct Reader<'l> {
    line: &'l [u8],
    next: usize,
    number: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.line.get(self.next).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.next += 1;
        Some(byte)
    }

    fn here(&self) -> At {
        At {
            line: self.number,
            column: self.next + 1,
        }
    }

    fn word(&mut self) -> Result<Option<Word>, Problem> {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.next += 1;
        }
        let at = self.here();
        let mut text = Vec::new();
        match self.peek() {
            None | Some(b'#') => return Ok(None),
            Some(_) => {}
        }
        while let Some(byte) = self.peek() {
            match byte {
                byte if byte.is_ascii_whitespace() => break,
                b'"' | b'\'' => self.quoted(byte, &mut text)?,
                byte => {
                    text.push(byte);
                    self.next += 1;
                }
            }
        }
        Ok(Some(Word { text, at }))
    }

    /// The quoted part that begins here; like redis.conf, it must end its word.
    fn quoted(&mut self, quote: u8, text: &mut Vec<u8>) -> Result<(), Problem> {
        let opened = self.here();
        self.next += 1;
        loop {
            match self.take() {
                None => {
                    let mark = char::from(quote);
                    return Err(Problem::new(
                        opened,
                        format!("this {mark} is never closed: end the value with {mark}"),
                    ));
                }
                Some(b'\\') if quote == b'"' => self.escape(text),
                Some(b'\\') if self.peek() == Some(b'\'') => {
                    self.next += 1;
                    text.push(b'\'');
                }
                Some(byte) if byte == quote => break,
                Some(byte) => text.push(byte),
            }
        }
        match self.peek() {
            Some(byte) if !byte.is_ascii_whitespace() => Err(Problem::new(
                self.here(),
                "a closing quote must be followed by a space or the end of the line",
            )),
            _ => Ok(()),
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>) {
        let hex = |byte: Option<&u8>| byte.and_then(|digit| char::from(*digit).to_digit(16));
        if self.peek() == Some(b'x') {
            let high = hex(self.line.get(self.next + 1));
            let low = hex(self.line.get(self.next + 2));
            if let (Some(high), Some(low)) = (high, low) {
                self.next += 3;
                text.push(u8::try_from(high * 16 + low).unwrap_or_default());
                return;
            }
        }
        match self.take() {
            Some(b'n') => text.push(b'\n'),
            Some(b'r') => text.push(b'\r'),
            Some(b't') => text.push(b'\t'),
            Some(b'b') => text.push(8),
            Some(b'a') => text.push(7),
            Some(other) => text.push(other),
            None => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(line: &[u8]) -> Vec<Vec<u8>> {
        let words = split_line(line, 1).unwrap();
        words.into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn quotes_escapes_and_comments_read_as_in_redis_conf() {
        assert_eq!(
            texts(b"deny a note=\"x y\" # tail"),
            [&b"deny"[..], b"a", b"note=x y"]
        );
        assert_eq!(texts(b"  # only a comment"), Vec::<Vec<u8>>::new());
        assert_eq!(
            texts(br#"'it\'s' "\x41\n\"" a#b"#),
            [&b"it's"[..], b"A\n\"", b"a#b"]
        );
        assert_eq!(texts(b"\"\""), [b""]);
    }

    #[test]
    fn an_open_quote_is_reported_where_it_opened() {
        let problem = split_line(b"deny note=\"x", 7).unwrap_err();
        assert_eq!(
            problem.at,
            At {
                line: 7,
                column: 11
            }
        );
        let problem = split_line(b"\"a\"b", 1).unwrap_err();
        assert_eq!(problem.at, At { line: 1, column: 4 });
    }

    proptest! {
        #[test]
        fn what_quote_writes_split_line_reads(value: Vec<u8>) {
            let mut line = String::new();
            quote(&value, &mut line);
            prop_assert_eq!(texts(line.as_bytes()), vec![value]);
        }

        #[test]
        fn no_line_makes_the_reader_panic(line: Vec<u8>) {
            let _ = split_line(&line, 1);
        }
    }
}
