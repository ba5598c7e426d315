//! Command names as the server compares them: bytes up to the first NUL, ASCII case folded.
//!
//! The command table hashes a whole name but compares C strings (ENGINE.md §0.1), so `FLUSHALL\0x` can run FLUSHALL.
//! Every name that decides anything goes through `canonical`.

use std::fmt;

use super::problem::At;

/// The longest name a policy may hold. No server's command comes near it; what rename-command makes of one may be longer.
pub const MAX_NAME: usize = 64;

/// A name as the server compares it, without allocating: the part before the first NUL, lower-cased into `buffer`.
/// `None` when that part is longer than any name a policy may hold: only a name that redis.conf's rename-command gave can
/// be so long (`Compiled::found_long`).
pub fn canonical<'b>(name: &[u8], buffer: &'b mut [u8; MAX_NAME]) -> Option<&'b [u8]> {
    let end = name.iter().position(|byte| *byte == 0);
    let name = name.get(..end.unwrap_or(name.len()))?;
    let folded = buffer.get_mut(..name.len())?;
    folded.copy_from_slice(name);
    folded.make_ascii_lowercase();
    Some(folded)
}

/// The same for names of any length, for paths that may allocate.
pub fn canonical_vec(name: &[u8]) -> Vec<u8> {
    name.split(|byte| *byte == 0)
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase()
}

/// Whether an argument is this (lower-case) subcommand to the server's own comparison.
pub fn same(argument: &[u8], lower: &[u8]) -> bool {
    let end = argument
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(argument.len());
    argument
        .get(..end)
        .is_some_and(|name| name.eq_ignore_ascii_case(lower))
}

/// A command, or a command and its subcommand (or first argument), in canonical form.
#[derive(Debug, Clone)]
pub struct Name {
    /// The command: `config`.
    pub command: Vec<u8>,
    /// What stands behind `|`: `set`.
    pub sub: Option<Vec<u8>>,
    /// Where it was written.
    pub at: At,
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.command == other.command && self.sub == other.sub
    }
}
impl Eq for Name {}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.command))?;
        match &self.sub {
            Some(sub) => write!(f, "|{}", String::from_utf8_lossy(sub)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_at_its_first_nul_and_knows_no_case() {
        let mut buffer = [0; MAX_NAME];
        assert_eq!(
            canonical(b"FlushALL\0anything", &mut buffer).unwrap(),
            b"flushall"
        );
        assert_eq!(canonical(b"", &mut buffer).unwrap(), b"");
        assert_eq!(canonical(b"\0get", &mut buffer).unwrap(), b"");
        assert_eq!(canonical_vec(b"GeT\0\0x"), b"get");
        assert!(same(b"SET\0tail", b"set"));
        assert!(!same(b"SETT", b"set"));
    }

    #[test]
    fn only_names_longer_than_any_rule_are_given_up() {
        let mut buffer = [0; MAX_NAME];
        assert!(canonical(&[b'a'; MAX_NAME], &mut buffer).is_some());
        assert!(canonical(&[b'a'; MAX_NAME + 1], &mut buffer).is_none());
        let mut suffixed = vec![b'a'; MAX_NAME];
        suffixed.push(0);
        suffixed.extend([b'x'; 500]);
        assert!(canonical(&suffixed, &mut buffer).is_some());
    }

    #[test]
    fn bytes_beyond_ascii_are_kept_as_they_are() {
        let mut buffer = [0; MAX_NAME];
        assert_eq!(canonical(b"\xff\xc4A", &mut buffer).unwrap(), b"\xff\xc4a");
    }
}
