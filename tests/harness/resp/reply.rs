//! A reply as the server sent it, with accessors that panic, showing it, when it is not what the test takes it for.

use std::fmt;

/// Every type of RESP2 and RESP3.
#[derive(Clone, PartialEq)]
pub enum Reply {
    /// `+OK`
    Simple(Vec<u8>),
    /// `-ERR …`, or RESP3's `!` form.
    Error(Vec<u8>),
    /// `:1`
    Int(i64),
    /// `$3`
    Bulk(Vec<u8>),
    /// `_`, `$-1` or `*-1`
    Nil,
    /// `*2`
    Array(Vec<Reply>),
    /// `%1`
    Map(Vec<(Reply, Reply)>),
    /// `~2`
    Set(Vec<Reply>),
    /// `#t`
    Bool(bool),
    /// `,1.5`
    Double(f64),
    /// `(34928903284`
    BigNumber(Vec<u8>),
    /// `=7` + `txt:abc`: the format and the text.
    Verbatim(String, Vec<u8>),
    /// `>2`: not an answer to anything.
    Push(Vec<Reply>),
    /// `|1`: remarks, and the reply that they are about.
    Attribute(Vec<(Reply, Reply)>, Box<Reply>),
}

impl Reply {
    /// Whether this is `+OK`.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Simple(text) if text == b"OK")
    }

    /// Whether this is an error.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_))
    }

    /// Whether this is a nil of any protocol.
    pub fn is_nil(&self) -> bool {
        *self == Self::Nil
    }

    /// The text of an error.
    #[track_caller]
    pub fn error_text(&self) -> String {
        match self {
            Self::Error(text) => lossy(text),
            other => panic!("not an error: {other:?}"),
        }
    }

    /// The bytes of a string of any kind. An error is not a string.
    #[track_caller]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Simple(bytes)
            | Self::Bulk(bytes)
            | Self::Verbatim(_, bytes)
            | Self::BigNumber(bytes) => bytes,
            other => panic!("not a string: {other:?}"),
        }
    }

    /// A string of any kind as text; bytes that are not UTF-8 become U+FFFD.
    #[track_caller]
    pub fn text(&self) -> String {
        lossy(self.bytes())
    }

    /// An integer.
    #[track_caller]
    pub fn int(&self) -> i64 {
        match self {
            Self::Int(number) => *number,
            other => panic!("not an integer: {other:?}"),
        }
    }

    /// The items of an array, a set or a push.
    #[track_caller]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) | Self::Set(items) | Self::Push(items) => items,
            other => panic!("not a list: {other:?}"),
        }
    }

    /// The items of a list, each a string.
    #[track_caller]
    pub fn texts(&self) -> Vec<String> {
        self.items().iter().map(Self::text).collect()
    }

    /// The value at a key: of a map, or of the flat array that RESP2 has in its place.
    #[track_caller]
    pub fn get(&self, key: &str) -> &Self {
        let found = match self {
            Self::Map(pairs) => pairs
                .iter()
                .find(|(name, _)| name.is_named(key))
                .map(|(_, value)| value),
            Self::Array(items) => items
                .chunks_exact(2)
                .find(|pair| pair[0].is_named(key))
                .map(|pair| &pair[1]),
            other => panic!("not a map: {other:?}"),
        };
        found.unwrap_or_else(|| panic!("no {key:?} in {self:?}"))
    }

    fn is_named(&self, key: &str) -> bool {
        matches!(self, Self::Simple(name) | Self::Bulk(name) if name == key.as_bytes())
    }
}

/// As redis-cli shows it, more or less, with every odd byte escaped.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simple(text) | Self::BigNumber(text) => write!(f, "{}", text.escape_ascii()),
            Self::Error(text) => write!(f, "(error) {}", text.escape_ascii()),
            Self::Int(number) => write!(f, "(integer) {number}"),
            Self::Bulk(text) | Self::Verbatim(_, text) => write!(f, "\"{}\"", text.escape_ascii()),
            Self::Nil => write!(f, "(nil)"),
            Self::Bool(yes) => write!(f, "({yes})"),
            Self::Double(number) => write!(f, "(double) {number}"),
            Self::Array(items) => list(f, "[", items, "]"),
            Self::Set(items) => list(f, "~[", items, "]"),
            Self::Push(items) => list(f, ">[", items, "]"),
            Self::Map(pairs) => map(f, pairs),
            Self::Attribute(pairs, about) => map(f, pairs).and_then(|()| write!(f, " {about}")),
        }
    }
}

/// As the variant is written in a test, with every odd byte escaped.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simple(text) => write!(f, "Simple(\"{}\")", text.escape_ascii()),
            Self::Error(text) => write!(f, "Error(\"{}\")", text.escape_ascii()),
            Self::Int(number) => write!(f, "Int({number})"),
            Self::Bulk(text) => write!(f, "Bulk(\"{}\")", text.escape_ascii()),
            Self::Nil => write!(f, "Nil"),
            Self::Bool(yes) => write!(f, "Bool({yes})"),
            Self::Double(number) => write!(f, "Double({number:?})"),
            Self::BigNumber(text) => write!(f, "BigNumber(\"{}\")", text.escape_ascii()),
            Self::Verbatim(format, text) => {
                write!(f, "Verbatim({format:?}, \"{}\")", text.escape_ascii())
            }
            Self::Array(items) => f.debug_tuple("Array").field(items).finish(),
            Self::Map(pairs) => f.debug_tuple("Map").field(pairs).finish(),
            Self::Set(items) => f.debug_tuple("Set").field(items).finish(),
            Self::Push(items) => f.debug_tuple("Push").field(items).finish(),
            Self::Attribute(pairs, about) => f
                .debug_tuple("Attribute")
                .field(pairs)
                .field(about)
                .finish(),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, open: &str, items: &[Reply], close: &str) -> fmt::Result {
    let items: Vec<String> = items.iter().map(Reply::to_string).collect();
    write!(f, "{open}{}{close}", items.join(", "))
}

fn map(f: &mut fmt::Formatter<'_>, pairs: &[(Reply, Reply)]) -> fmt::Result {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{key} => {value}"))
        .collect();
    write!(f, "{{{}}}", pairs.join(", "))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
