//! What we answer a client: plain data that `ffi` puts into the server's protocol.

/// An answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A status line: redis-cli prints it as it is, on a terminal and in a pipe.
    Line(String),
    /// Bytes.
    Text(String),
    /// A number.
    Integer(i64),
    /// Several answers.
    List(Vec<Answer>),
    /// An error, its code first.
    Error(String),
    /// Nothing now: the client waits, and is answered when the work beside the server is done.
    Later,
}

/// What a client is told when code of ours has panicked.
pub const FAILED_INSIDE: &str = "ERR secaudit failed inside; see the server log";

impl Answer {
    /// `OK`
    pub fn ok() -> Self {
        Self::Line("OK".to_owned())
    }

    /// Lines for eyes, as HELP replies are.
    pub fn lines(lines: impl IntoIterator<Item = String>) -> Self {
        Self::List(lines.into_iter().map(Self::Line).collect())
    }

    /// What a client is told when code of ours has panicked.
    pub fn failed_inside() -> Self {
        Self::Error(FAILED_INSIDE.to_owned())
    }

    /// An error without a code of its own.
    pub fn error(text: impl AsRef<str>) -> Self {
        Self::Error(format!("ERR {}", text.as_ref()))
    }

    /// The server's own words for a call with too few or too many words.
    pub fn wrong_number_of_arguments(command: &str) -> Self {
        Self::error(format!("wrong number of arguments for '{command}' command"))
    }
}
