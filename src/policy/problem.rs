//! What is wrong with a policy, and where: every problem of a file is told at once.

use std::fmt;

/// A place in a policy file, both counted from 1. Words given to a command have line 0 and count words instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct At {
    /// Line of the file; 0 for the words of a command.
    pub line: usize,
    /// Column (in bytes) of the line, or number of the word.
    pub column: usize,
}

/// One thing that is wrong, with what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// Where.
    pub at: At,
    /// What is wrong and what would be right. Printable text.
    pub message: String,
}

impl Problem {
    /// A problem at a place.
    pub fn new(at: At, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at.line {
            0 => f.write_str(&self.message),
            line => write!(
                f,
                "line {line}, column {}: {}",
                self.at.column, self.message
            ),
        }
    }
}
