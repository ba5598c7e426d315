//! The conditions of a rule: who calls, from where, with which arguments, by which way. Read, and written back.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::glob::Glob;
use super::nearest::instead;
use super::words::quote;
use crate::render::escape::printable;

/// The longest value of a condition, in bytes.
const LONGEST: usize = 4096;
/// The longest single item of a list.
const LONGEST_ITEM: usize = 256;

/// One condition. All conditions of a rule must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// `user=`: the ACL user.
    User(List<Glob>),
    /// `from=`: the address of the client.
    From(List<Network>),
    /// `param=`: parameters of CONFIG GET and CONFIG SET.
    Param(List<Glob>),
    /// `arg1=` …: the argument with this number, counted from 1 behind what the statement names.
    Argument(usize, List<Glob>),
    /// `arg=`: any argument.
    AnyArgument(List<Glob>),
    /// `via=`: the way the call came.
    Via(List<Via>),
}

/// A comma-separated list as it was written. It holds when some plain item matches, or it has none, and no negated
/// one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T> {
    text: Vec<u8>,
    plain: Vec<T>,
    negated: Vec<T>,
}

/// An item of `from=`, as numbers: it is held against every call that its rule may match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// An IPv4 network: its first address, and a bit set for each of the prefix.
    V4(u32, u32),
    /// An IPv6 network, likewise.
    V6(u128, u128),
    /// `unix`: a Unix domain socket.
    Unix,
}

/// Where a client connects from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An IPv4 address, also where the server has it mapped into IPv6.
    V4(u32),
    /// An IPv6 address.
    V6(u128),
    /// A Unix domain socket.
    Unix,
}

/// The way a call comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A client sent it.
    Client,
    /// A script made it.
    Script,
    /// A module made it.
    Module,
}

impl Via {
    /// All of them, as they are written.
    pub const WORDS: [&'static str; 3] = ["client", "script", "module"];

    /// Reads a word, ignoring case.
    pub fn from_word(word: &[u8]) -> Option<Self> {
        match word.to_ascii_lowercase().as_slice() {
            b"client" => Some(Self::Client),
            b"script" => Some(Self::Script),
            b"module" => Some(Self::Module),
            _ => None,
        }
    }
}

impl Source {
    /// An address; one mapped from IPv4 is that IPv4 address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6(address.to_bits()),
        }
    }
}

impl Network {
    /// Whether it holds this source.
    #[inline]
    pub fn contains(&self, source: Source) -> bool {
        match (self, source) {
            (Self::V4(net, mask), Source::V4(address)) => address & mask == *net,
            (Self::V6(net, mask), Source::V6(address)) => address & mask == *net,
            (Self::Unix, Source::Unix) => true,
            _ => false,
        }
    }
}

impl<T> List<T> {
    /// Whether it holds, by what the items match. What makes a plain item match and what makes a negated one match can
    /// differ, where a match can be uncertain.
    #[inline]
    pub fn holds(&self, plain: impl FnMut(&T) -> bool, negated: impl FnMut(&T) -> bool) -> bool {
        (self.plain.is_empty() || self.plain.iter().any(plain)) && !self.negated.iter().any(negated)
    }

    /// The items that are not negated.
    pub fn plain(&self) -> &[T] {
        &self.plain
    }

    /// Reads a list; `what` says what is in it.
    fn read(
        text: &[u8],
        what: &str,
        item: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<Self, String> {
        if text.is_empty() {
            return Err(format!("nothing stands behind the '=': write {what}"));
        }
        if text.len() > LONGEST {
            return Err(format!("the list is longer than {LONGEST} bytes"));
        }
        let (mut plain, mut negated) = (Vec::new(), Vec::new());
        for word in split(text) {
            let (list, word) = match word.split_first() {
                Some((b'!', rest)) => (&mut negated, rest),
                _ => (&mut plain, word),
            };
            if word.is_empty() {
                return Err(format!("an item of the list is empty: write {what}"));
            }
            if word.len() > LONGEST_ITEM {
                return Err(format!("an item is longer than {LONGEST_ITEM} bytes"));
            }
            list.push(item(word)?);
        }
        Ok(Self {
            text: text.to_vec(),
            plain,
            negated,
        })
    }
}

impl Condition {
    /// What can stand before the `=`, for "did you mean".
    pub const KEYS: [&'static str; 6] = ["user=", "from=", "param=", "arg=", "arg1=", "via="];

    /// Reads a condition; `None` if the (lower-case) key is none. The error says what would be right.
    pub fn read(key: &[u8], value: &[u8]) -> Option<Result<Self, String>> {
        let globs = |what| List::read(value, what, |item| Ok(Glob::new(item)));
        Some(match key {
            b"user" => globs("user names or patterns, as user=app,!ops*").map(Self::User),
            b"from" => List::read(value, FROM, network).map(Self::From),
            b"param" => params(value).map(Self::Param),
            b"arg" => globs("patterns, as arg=secret*").map(Self::AnyArgument),
            b"via" => List::read(value, "client, script or module", via).map(Self::Via),
            _ => {
                let number = std::str::from_utf8(key.strip_prefix(b"arg")?).ok()?;
                if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                match number.parse() {
                    Ok(number @ 1..=MOST_ARGUMENTS) => {
                        globs("patterns, as arg1=secret*").map(|list| Self::Argument(number, list))
                    }
                    _ => Err(format!(
                        "arguments are counted from 1 to {MOST_ARGUMENTS}: there is no arg{number}"
                    )),
                }
            }
        })
    }

    /// What stands before the `=`.
    pub fn key(&self) -> String {
        match self {
            Self::User(_) => "user".to_owned(),
            Self::From(_) => "from".to_owned(),
            Self::Param(_) => "param".to_owned(),
            Self::Argument(number, _) => format!("arg{number}"),
            Self::AnyArgument(_) => "arg".to_owned(),
            Self::Via(_) => "via".to_owned(),
        }
    }

    /// Whether only a server that tells filters who is calling can decide it.
    pub fn needs_identity(&self) -> bool {
        match self {
            Self::User(_) | Self::From(_) => true,
            Self::Via(list) => {
                let module = |via: &Via| *via == Via::Module;
                list.plain.iter().any(module) || list.negated.iter().any(module)
            }
            Self::Param(_) | Self::Argument(..) | Self::AnyArgument(_) => false,
        }
    }
}

/// What `from=` takes.
const FROM: &str = "addresses, networks or unix, as from=10.0.0.0/8,!::1";
/// More arguments than any rule has use for.
const MOST_ARGUMENTS: usize = 10_000;

/// Parameter names know no case.
fn params(value: &[u8]) -> Result<List<Glob>, String> {
    let lower = |item: &[u8]| Ok(Glob::new(&item.to_ascii_lowercase()));
    List::read(value, "names or patterns, as param=dir,dbfilename", lower)
}

fn network(item: &[u8]) -> Result<Network, String> {
    if item.eq_ignore_ascii_case(b"unix") {
        return Ok(Network::Unix);
    }
    let text = std::str::from_utf8(item).unwrap_or_default();
    // The address is read by the standard library alone: others take `010.0.0.0/8`, which some tools mean as octal.
    let net = match text.split_once('/') {
        None => text
            .parse()
            .ok()
            .map(|address: IpAddr| IpNet::from(address)),
        Some((address, prefix)) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => {
            let (address, prefix) = (address.parse().ok(), prefix.parse().ok());
            address
                .zip(prefix)
                .and_then(|(address, prefix)| IpNet::new(address, prefix).ok())
        }
        Some(_) => None,
    };
    match net {
        Some(net) => Ok(numbers(unmapped(net))),
        None => Err(format!(
            "'{}' is no address and no network: write {FROM}",
            printable(item)
        )),
    }
}

fn numbers(net: IpNet) -> Network {
    match net {
        IpNet::V4(net) => Network::V4(net.network().to_bits(), net.netmask().to_bits()),
        IpNet::V6(net) => Network::V6(net.network().to_bits(), net.netmask().to_bits()),
    }
}

/// A network of mapped IPv4 addresses is the network of those.
fn unmapped(net: IpNet) -> IpNet {
    match (net.addr().to_canonical(), net.prefix_len().checked_sub(96)) {
        (address @ IpAddr::V4(_), Some(prefix)) if net.addr().is_ipv6() => {
            IpNet::new(address, prefix).map_or(net, |net| net.trunc())
        }
        _ => net.trunc(),
    }
}

fn via(item: &[u8]) -> Result<Via, String> {
    Via::from_word(item).ok_or_else(|| {
        let hint = instead(item, &Via::WORDS);
        format!("unknown way '{}'{hint}", printable(item))
    })
}

/// The items between commas; a comma behind a `\` is part of its item.
fn split(text: &[u8]) -> Vec<&[u8]> {
    let (mut items, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b',' => {
                items.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(text.get(start..).unwrap_or_default());
    items
}

/// As in a policy file.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::User(list)
            | Self::Param(list)
            | Self::Argument(_, list)
            | Self::AnyArgument(list) => &list.text,
            Self::From(list) => &list.text,
            Self::Via(list) => &list.text,
        };
        let mut value = String::new();
        quote(text, &mut value);
        write!(f, "{}={value}", self.key())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]
mod tests {
    use super::*;

    fn from(text: &str) -> List<Network> {
        match Condition::read(b"from", text.as_bytes()).unwrap() {
            Ok(Condition::From(list)) => list,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn admits(text: &str, source: &str) -> bool {
        let source = match source {
            "unix" => Source::Unix,
            address => Source::of(address.parse().unwrap()),
        };
        let within = |net: &Network| net.contains(source);
        from(text).holds(within, within)
    }

    #[test]
    fn networks_of_both_kinds_mapped_addresses_and_sockets_are_told_apart() {
        for (text, source, expected) in [
            ("10.0.0.0/8", "10.200.3.4", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.9.8.7/8", "10.200.3.4", true),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("::ffff:10.0.0.0/104", "10.1.1.1", true),
            ("::ffff:10.1.1.1", "10.1.1.1", true),
            ("::1", "::1", true),
            ("::1", "127.0.0.1", false),
            ("fe80::/10", "fe80::1", true),
            ("::/0", "10.0.0.1", false),
            ("0.0.0.0/0", "::1", false),
            ("unix", "unix", true),
            ("unix", "127.0.0.1", false),
            ("127.0.0.0/8", "unix", false),
            ("!127.0.0.0/8,!unix", "10.0.0.1", true),
            ("!127.0.0.0/8,!unix", "unix", false),
            ("!127.0.0.0/8,!unix", "127.9.9.9", false),
            ("10.0.0.0/8,!10.1.0.0/16", "10.1.2.3", false),
            ("10.0.0.0/8,!10.1.0.0/16", "10.2.2.3", true),
        ] {
            assert_eq!(admits(text, source), expected, "{text} {source}");
        }
    }

    #[test]
    fn wrong_values_say_what_would_be_right() {
        for (key, value, part) in [
            ("user", "", "write user names"),
            ("user", "a,,b", "is empty"),
            ("user", "!", "is empty"),
            ("from", "10.0.0.0/33", "is no address"),
            ("from", "localhost", "is no address"),
            ("from", "010.0.0.0/8", "is no address"),
            ("from", "10.0.05.0/8", "is no address"),
            ("from", "10.0.0.0/+8", "is no address"),
            ("from", "10.0.0.0/", "is no address"),
            ("from", "10.0.0", "is no address"),
            ("from", "!", "is empty"),
            ("via", "scrpt", "did you mean 'script'?"),
            ("arg0", "x", "counted from 1"),
            ("arg99999", "x", "counted from 1"),
            ("arg99999999999999999999999", "x", "counted from 1"),
            ("param", "", "write names"),
        ] {
            let error = Condition::read(key.as_bytes(), value.as_bytes())
                .unwrap()
                .unwrap_err();
            assert!(error.contains(part), "{key}={value}: {error}");
        }
        assert!(Condition::read(b"argx", b"x").is_none());
        assert!(Condition::read(b"usr", b"x").is_none());
        let long = vec![b'x'; LONGEST_ITEM + 1];
        assert!(Condition::read(b"user", &long).unwrap().is_err());
    }

    #[test]
    fn what_is_written_back_reads_the_same() {
        for (key, value) in [
            ("user", &b"app,!ops*"[..]),
            ("from", b"!127.0.0.0/8,unix"),
            ("arg12", b"a\\,b \"c\"\x00\xff"),
            ("via", b"Script"),
            ("param", b"DIR"),
        ] {
            let condition = Condition::read(key.as_bytes(), value).unwrap().unwrap();
            let line = condition.to_string();
            let words = super::super::words::split_line(line.as_bytes(), 1).unwrap();
            let [word] = words.as_slice() else {
                panic!("{line}")
            };
            let (again, text) = word.text.split_at(key.len() + 1);
            assert_eq!(again, [key.as_bytes(), b"="].concat());
            assert_eq!(text, value);
        }
    }
}
