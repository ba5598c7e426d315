//! Bytes into something that can be shown: printable ASCII stays, the rest is written as redis-cli writes it.

/// Printable ASCII is kept; `\` is doubled, and every other byte is written `\n`, `\r`, `\t`, `\a`, `\b` or `\xNN`, so that
/// no byte of a server, a file or a client reaches a terminal raw and no two values look the same.
pub fn printable(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' => shown.push_str("\\\\"),
            b' '..=b'~' => shown.push(char::from(byte)),
            b'\n' => shown.push_str("\\n"),
            b'\r' => shown.push_str("\\r"),
            b'\t' => shown.push_str("\\t"),
            7 => shown.push_str("\\a"),
            8 => shown.push_str("\\b"),
            _ => {
                shown.push_str("\\x");
                shown.extend([byte >> 4, byte & 15].map(hex_digit));
            }
        }
    }
    shown
}

/// `printable`, but cut after `limit` bytes: a name is no place to hide a novel in a report.
pub fn printable_up_to(bytes: &[u8], limit: usize) -> String {
    match bytes.get(..limit) {
        Some(head) if bytes.len() > limit => {
            format!("{}... ({} bytes)", printable(head), bytes.len())
        }
        _ => printable(bytes),
    }
}

/// The last fence before a status reply: text that was built from printable parts passes unchanged, anything else is escaped.
pub fn line(text: &str) -> String {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.to_owned();
    }
    let keep_backslashes = |part: &str| printable(part.as_bytes());
    text.split('\\')
        .map(keep_backslashes)
        .collect::<Vec<_>>()
        .join("\\")
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printable_stays_and_the_rest_is_escaped_as_redis_cli_does() {
        assert_eq!(printable(b"plain ~text"), "plain ~text");
        assert_eq!(printable(b"a\nb\r\t\x07\x08"), "a\\nb\\r\\t\\a\\b");
        assert_eq!(
            printable(b"\x1b[31m\x00\xff\x7f"),
            "\\x1b[31m\\x00\\xff\\x7f"
        );
        assert_eq!(printable("é".as_bytes()), "\\xc3\\xa9");
    }

    #[test]
    fn two_different_values_never_look_the_same() {
        assert_ne!(printable(b"\\n"), printable(b"\n"));
        assert_ne!(printable(b"\\x00"), printable(b"\x00"));
    }

    #[test]
    fn a_long_value_is_cut_and_says_so() {
        assert_eq!(printable_up_to(b"abcdef", 3), "abc... (6 bytes)");
        assert_eq!(printable_up_to(b"abc", 3), "abc");
    }

    #[test]
    fn the_last_fence_lets_escaped_text_pass_and_stops_raw_bytes() {
        assert_eq!(line("a\\x1bb"), "a\\x1bb");
        assert_eq!(line("a\u{1b}\\x41"), "a\\x1b\\x41");
    }
}
