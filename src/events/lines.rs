//! Lines on their way into a file that may take only part of them: none is lost, and none begins in the middle of another.

use std::collections::VecDeque;
use std::io::{self, Write};

/// Lines not yet written. The first may be written in part.
#[derive(Debug, Default)]
pub struct Lines {
    /// The lines, each with its line break; before them perhaps one that ends what a file ended with.
    text: Vec<u8>,
    /// Whether the text begins with such a line break.
    lead: bool,
    /// How much of the text the file has.
    written: usize,
    lines: VecDeque<Line>,
}

#[derive(Debug)]
struct Line {
    end: usize,
    seq: u64,
    is_event: bool,
}

/// What came into the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// How many lines that are events.
    pub events: usize,
    /// The number that the last line brings the file up to; `None` if no line was completed.
    pub told: Option<u64>,
}

impl Lines {
    /// Adds a line that brings the file up to event number `seq`.
    pub fn push(&mut self, line: &str, seq: u64, is_event: bool) {
        self.text.extend_from_slice(line.as_bytes());
        self.text.push(b'\n');
        let end = self.text.len();
        self.lines.push_back(Line { end, seq, is_event });
    }

    /// How many lines wait.
    pub fn count(&self) -> usize {
        self.lines.len()
    }

    /// Nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The file has the beginning of a line and not its end.
    pub fn is_torn(&self) -> bool {
        self.written > usize::from(self.lead)
    }

    /// Begins the first line anew: for another file, or one that was changed by others. `inside_a_line`: that file does
    /// not end with a line break.
    pub fn begin_anew(&mut self, inside_a_line: bool) {
        self.written = 0;
        if self.lead != inside_a_line {
            if inside_a_line {
                self.text.insert(0, b'\n');
                self.lines.iter_mut().for_each(|line| line.end += 1);
            } else {
                self.text.remove(0);
                self.lines.iter_mut().for_each(|line| line.end -= 1);
            }
            self.lead = inside_a_line;
        }
    }

    /// Writes as much as goes, and says what came into the file even when it ends with an error.
    pub fn write_to(&mut self, file: &mut impl Write) -> (Written, io::Result<()>) {
        let mut outcome = Ok(());
        while let Some(rest) = self
            .text
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
        {
            match file.write(rest) {
                Ok(0) => outcome = Err(io::Error::from_raw_os_error(libc::EIO)),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => outcome = Err(error),
            }
            if outcome.is_err() {
                break;
            }
        }
        (self.forget_what_is_written(), outcome)
    }

    fn forget_what_is_written(&mut self) -> Written {
        let mut done = Written::default();
        let mut gone = 0;
        while let Some(line) = self.lines.front().filter(|line| line.end <= self.written) {
            done.events += usize::from(line.is_event);
            done.told = Some(line.seq);
            gone = line.end;
            self.lines.pop_front();
        }
        if self.lines.is_empty() && self.written == self.text.len() {
            // A line break alone may have stood here.
            gone = self.written;
        }
        if gone > 0 {
            self.text.drain(..gone);
            self.written -= gone;
            self.lines.iter_mut().for_each(|line| line.end -= gone);
            self.lead = false;
        }
        done
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    /// A disk with room for so many bytes, which takes at most three at a time.
    struct Disk {
        room: usize,
        has: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(3).min(self.room);
            if count == 0 {
                return Err(io::Error::from_raw_os_error(libc::ENOSPC));
            }
            self.has.extend(bytes.iter().take(count));
            self.room -= count;
            Ok(count)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn disk(room: usize) -> Disk {
        Disk {
            room,
            has: Vec::new(),
        }
    }

    fn three() -> Lines {
        let mut lines = Lines::default();
        lines.push("first", 1, true);
        lines.push("gap", 4, false);
        lines.push("last", 5, true);
        lines
    }

    #[test]
    fn wherever_the_disk_becomes_full_the_file_has_every_line_once_when_there_is_room_again() {
        for room in 0..=15 {
            let (mut lines, mut disk) = (three(), disk(room));
            let (first, outcome) = lines.write_to(&mut disk);
            assert_eq!(outcome.is_ok(), room == 15);
            let complete = usize::from(room >= 6) + usize::from(room == 15);
            assert_eq!(first.events, complete, "{room}");
            assert_eq!(lines.is_torn(), ![0, 6, 10, 15].contains(&room), "{room}");
            disk.room = 100;
            let (second, outcome) = lines.write_to(&mut disk);
            outcome.unwrap();
            assert_eq!(first.events + second.events, 2);
            assert_eq!(second.told.or(first.told), Some(5));
            assert_eq!(disk.has, b"first\ngap\nlast\n", "{room}");
            assert!(lines.is_empty() && lines.count() == 0);
        }
    }

    #[test]
    fn in_another_file_a_torn_line_is_begun_anew_on_a_line_of_its_own() {
        for room in 0..15 {
            for inside_a_line in [false, true] {
                let (mut lines, mut full) = (three(), disk(room));
                lines.write_to(&mut full).1.unwrap_err();
                // Opened twice: what the first file needed is forgotten.
                lines.begin_anew(!inside_a_line);
                lines.begin_anew(inside_a_line);
                let mut other = disk(100);
                lines.write_to(&mut other).1.unwrap();
                let text = String::from_utf8(other.has).unwrap();
                let rest = text.strip_prefix('\n').unwrap_or(&text);
                assert_eq!(text.len() - rest.len(), usize::from(inside_a_line));
                let expected = match room {
                    0..6 => "first\ngap\nlast\n",
                    6..10 => "gap\nlast\n",
                    _ => "last\n",
                };
                assert_eq!(rest, expected);
            }
        }
    }

    #[test]
    fn a_line_break_alone_is_written_once() {
        let (mut lines, mut file) = (Lines::default(), disk(100));
        lines.begin_anew(true);
        assert!(!lines.is_empty());
        assert_eq!(lines.write_to(&mut file).0, Written::default());
        assert!(lines.is_empty() && !lines.is_torn());
        lines.push("x", 1, true);
        lines.write_to(&mut file).1.unwrap();
        assert_eq!(file.has, b"\nx\n");
    }
}
