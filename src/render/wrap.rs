//! Text into lines that fit a terminal.

use super::escape;

/// No line is wider.
pub const WIDTH: usize = 100;

/// `lead`, then the words of `text`, broken so that no line is wider than `WIDTH`; further lines begin below the first word.
/// Every line is safe for a status reply.
pub fn wrapped(lead: &str, text: &str) -> Vec<String> {
    let lead = escape::line(lead);
    let text = escape::line(text);
    let indent = " ".repeat(lead.len());
    let room = WIDTH.saturating_sub(lead.len()).max(20);
    let mut lines = vec![lead];
    let mut used = 0;
    for word in text.split(' ') {
        let mut word = word;
        if used > 0 && used + 1 + word.len() > room {
            lines.push(indent.clone());
            used = 0;
        } else if used > 0 {
            push(&mut lines, " ");
            used += 1;
        }
        // A word that no line can hold is cut.
        while let Some((head, tail)) = word
            .split_at_checked(room - used)
            .filter(|_| word.len() > room - used)
        {
            push(&mut lines, head);
            lines.push(indent.clone());
            used = 0;
            word = tail;
        }
        push(&mut lines, word);
        used += word.len();
    }
    lines
        .iter_mut()
        .for_each(|line| line.truncate(line.trim_end().len()));
    lines
}

/// A line of shell, broken where a shell allows it: `\\` at the end of a line outside quotes, its remark above it, on lines of its own.
pub fn wrapped_shell(lead: &str, step: &str) -> Vec<String> {
    let lead = escape::line(lead);
    let indent = " ".repeat(lead.len());
    let step = escape::line(step);
    let (command, remark) = match (step.strip_prefix("# "), step.split_once("   # ")) {
        (Some(remark), _) => ("", Some(remark)),
        (None, Some((command, remark))) => (command, Some(remark)),
        (None, None) => (step.as_str(), None),
    };
    let mut lines = remark.map_or_else(Vec::new, |remark| remark_lines(&indent, remark));
    let mut line = String::new();
    for part in unquoted_parts(command) {
        // Two columns are kept for the mark that the command goes on.
        if !line.is_empty() && lead.len() + line.len() + 1 + part.len() + 2 > WIDTH {
            lines.push(format!("{indent}{line} \\"));
            line = "  ".to_owned();
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(part);
    }
    if !line.is_empty() {
        lines.push(format!("{indent}{line}"));
    }
    // What no shell could break is cut after all: a terminal must not be.
    let mut lines: Vec<String> = lines.iter().flat_map(|line| cut(line)).collect();
    if let Some(first) = lines.first_mut() {
        *first = format!("{lead}{}", first.trim_start());
    }
    lines
}

/// A remark on lines of its own.
fn remark_lines(indent: &str, remark: &str) -> Vec<String> {
    let begin = format!("{indent}# ");
    let lines = wrapped(&begin, remark).into_iter().enumerate();
    let line = |(index, text): (usize, String)| match index {
        0 => text,
        _ => format!("{begin}{}", text.trim_start()),
    };
    lines.map(line).collect()
}

/// The words of a command; what stands in quotes, or in brackets, is no place to break.
fn unquoted_parts(command: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut quote = None;
    for (at, byte) in command.bytes().enumerate() {
        match (quote, byte) {
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            (None, b' ') => {
                parts.extend(command.get(start..at).filter(|part| !part.is_empty()));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(command.get(start..).filter(|part| !part.is_empty()));
    parts
}

fn cut(line: &str) -> Vec<String> {
    let mut rest = line;
    let mut lines = Vec::new();
    while let Some((head, tail)) = rest
        .split_at_checked(WIDTH)
        .filter(|(_, tail)| !tail.is_empty())
    {
        lines.push(head.trim_end().to_owned());
        rest = tail;
    }
    lines.push(rest.to_owned());
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(last) = lines.last_mut() {
        last.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_text_stays_on_its_line() {
        assert_eq!(wrapped("  why: ", "because"), ["  why: because"]);
        assert_eq!(wrapped("  why: ", ""), ["  why:"]);
    }

    #[test]
    fn long_text_is_broken_between_words_and_indented() {
        let lines = wrapped("lead ", &"word ".repeat(40));
        assert!(lines.iter().all(|line| line.len() <= WIDTH));
        assert!(
            lines
                .iter()
                .skip(1)
                .all(|line| line.starts_with("     word"))
        );
    }

    #[test]
    fn a_word_too_long_for_any_line_is_cut_and_not_lost() {
        let long = "x".repeat(250);
        let lines = wrapped("lead ", &format!("a {long} b"));
        assert!(lines.iter().all(|line| line.len() <= WIDTH));
        let all: String = lines.concat();
        assert_eq!(all.matches('x').count(), 250);
    }

    #[test]
    fn a_long_command_is_broken_as_a_shell_allows_it() {
        let command = format!("redis-cli SECGATE DENY {}'a b' \"c d\"", "word ".repeat(30));
        let lines = wrapped_shell("    do ", &command);
        assert!(lines.iter().all(|line| line.len() <= WIDTH));
        let (last, others) = lines.split_last().unwrap_or((&command, &[]));
        assert!(!others.is_empty() && others.iter().all(|line| line.ends_with(" \\")));
        assert!(last.ends_with("'a b' \"c d\""));
        let joined = lines.join("\n").replace("\\\n", "");
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&joined.replacen("do ", "", 1)), words(&command));
    }

    #[test]
    fn a_remark_gets_lines_of_its_own() {
        let lines = wrapped_shell("  do ", "redis-cli PING   # to see whether it answers");
        assert_eq!(
            lines,
            ["  do # to see whether it answers", "     redis-cli PING"]
        );
        let lines = wrapped_shell("  do ", &format!("# {}", "word ".repeat(30)));
        assert!(
            lines.len() == 2
                && lines.iter().all(|line| line
                    .trim_start_matches("  do")
                    .trim_start()
                    .starts_with("# word"))
        );
    }

    #[test]
    fn a_quoted_word_too_long_for_any_line_is_cut_and_not_lost() {
        let lines = wrapped_shell("  do ", &format!("chmod 600 '{}'", "x ".repeat(200)));
        assert!(lines.iter().all(|line| line.len() <= WIDTH));
        assert_eq!(lines.concat().matches('x').count(), 200);
    }

    #[test]
    fn what_no_status_reply_may_hold_is_escaped() {
        assert_eq!(wrapped("a ", "b\r\nc"), ["a b\\r\\nc"]);
    }
}
