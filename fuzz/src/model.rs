//! The decision and the patterns once more, slow and plain: written from the README, not from the code. Whatever the two
//! disagree on is a finding.

use crate::commands::TABLE;
use crate::gate::{Described, Verdict};
use crate::policy::Policy;
use crate::policy::condition::{Source, Via};
use crate::policy::name::Name;
use crate::policy::resolve::NEEDS_FORCE;
use crate::policy::statement::{Action, Body, Mode, Target};

/// What the model says of a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// It runs.
    Pass,
    /// It runs and is recorded, by this statement.
    Observe(usize),
    /// It is refused, by this statement.
    Deny(usize),
}

impl From<&Verdict<'_>> for Said {
    fn from(verdict: &Verdict<'_>) -> Self {
        match verdict {
            Verdict::Pass(_) => Self::Pass,
            Verdict::Observe(by) => Self::Observe(by.statement),
            Verdict::Deny(by) => Self::Deny(by.statement),
        }
    }
}

/// A name as the server reads it: up to its first NUL, in lower case.
pub fn name(word: &[u8]) -> Vec<u8> {
    word.iter().take_while(|byte| **byte != 0).map(u8::to_ascii_lowercase).collect()
}

/// Patterns as the server's stringmatchlen has them, by trying everything. `None` after too many steps.
pub fn matches(pattern: &[u8], text: &[u8], steps: &mut u32) -> Option<bool> {
    *steps = steps.checked_sub(1)?;
    let Some((&first, rest)) = pattern.split_first() else {
        return Some(text.is_empty());
    };
    match first {
        b'*' => {
            for skipped in 0..=text.len() {
                if matches(rest, &text[skipped..], steps)? {
                    return Some(true);
                }
            }
            Some(false)
        }
        b'?' => match text.split_first() {
            Some((_, text)) => matches(rest, text, steps),
            None => Some(false),
        },
        b'[' => {
            let (accepts, rest) = class(rest);
            match text.split_first() {
                Some((byte, text)) if accepts(*byte) => matches(rest, text, steps),
                _ => Some(false),
            }
        }
        _ => {
            let (meant, rest) = match (first, rest.split_first()) {
                (b'\\', Some((&meant, rest))) => (meant, rest),
                _ => (first, rest),
            };
            match text.split_first() {
                Some((byte, text)) if *byte == meant => matches(rest, text, steps),
                _ => Some(false),
            }
        }
    }
}

/// A class behind its `[`: what it accepts, and what follows its `]`. One that is never closed ends with the pattern.
fn class(pattern: &[u8]) -> (impl Fn(u8) -> bool, &[u8]) {
    let (negated, mut rest) = match pattern {
        [b'^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut ranges: Vec<(u8, u8)> = Vec::new();
    loop {
        match rest {
            [] => break,
            [b'\\', meant, after @ ..] => {
                ranges.push((*meant, *meant));
                rest = after;
            }
            [b']', after @ ..] => {
                rest = after;
                break;
            }
            [from, b'-', to, after @ ..] => {
                ranges.push((*from.min(to), *from.max(to)));
                rest = after;
            }
            [byte, after @ ..] => {
                ranges.push((*byte, *byte));
                rest = after;
            }
        }
    }
    let accepts = move |byte| ranges.iter().any(|(from, to)| (*from..=*to).contains(&byte)) != negated;
    (accepts, rest)
}

/// The conditions of a rule as they were written, taken apart by the model itself.
struct Written {
    key: String,
    items: Vec<(bool, Vec<u8>)>,
}

fn written(condition: &[u8]) -> Option<Written> {
    let at = condition.iter().position(|byte| *byte == b'=')?;
    let mut items = vec![Vec::new()];
    let mut bytes = condition[at + 1..].iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b',' => items.push(Vec::new()),
            // A backslash stays with the byte it stands before, except before a comma, which it makes an ordinary one.
            b'\\' => match bytes.next() {
                Some(b',') => items.last_mut()?.push(b','),
                Some(next) => items.last_mut()?.extend([b'\\', *next]),
                None => items.last_mut()?.push(b'\\'),
            },
            byte => items.last_mut()?.push(*byte),
        }
    }
    let items = items.into_iter().map(|item| match item.split_first() {
        Some((b'!', rest)) => (true, rest.to_vec()),
        _ => (false, item),
    });
    Some(Written {
        key: String::from_utf8(condition[..at].to_vec()).ok()?,
        items: items.collect(),
    })
}

impl Written {
    fn holds(&self, mut matches: impl FnMut(&[u8]) -> Option<bool>) -> Option<bool> {
        let (mut plain, mut some_plain) = (false, false);
        for (negated, item) in &self.items {
            let hit = matches(item)?;
            match negated {
                true if hit => return Some(false),
                true => {}
                false => {
                    some_plain = true;
                    plain |= hit;
                }
            }
        }
        Some(plain || !some_plain)
    }
}

/// What the model says of a call under a policy whose rules have only the conditions it knows: `user`, `from` over whole
/// addresses, `arg`, `argN`, `via`. `None` where it does not want to say.
pub fn decide(policy: &Policy, call: &Described<'_>) -> Option<Said> {
    if policy.mode() == Mode::Off {
        return Some(Said::Pass);
    }
    let typed = name(call.words.first().copied().unwrap_or_default());
    let mut command = typed.clone();
    let mut sub = call.words.get(1).map(|word| name(word));
    let refused = |statement| match policy.mode() {
        Mode::Enforce => Said::Deny(statement),
        _ => Said::Observe(statement),
    };
    let new_names = || {
        policy.statements().iter().enumerate().filter_map(|(index, statement)| match &statement.body {
            Body::Rename { old, new } => Some((index, new, old, true)),
            Body::Alias { new, target } => Some((index, new, target, false)),
            _ => None,
        })
    };
    let whole = |name: &Name| name.sub.is_none();
    if let Some((_, _, real, _)) = new_names().find(|(_, new, _, _)| whole(new) && new.command == typed) {
        command = real.command.clone();
    } else if let Some((index, ..)) = new_names().find(|(_, _, real, gone)| *gone && whole(real) && real.command == typed) {
        return Some(refused(index));
    }
    if let Some(first) = &sub {
        let of_this = |one: &Name, sub: &[u8]| one.command == command && one.sub.as_deref() == Some(sub);
        let hit = new_names().find(|(_, new, _, _)| of_this(new, first));
        if let Some((_, _, real, _)) = hit {
            sub = real.sub.clone();
        } else if let Some((index, ..)) = new_names().find(|(_, _, real, gone)| *gone && of_this(real, first)) {
            return Some(refused(index));
        }
    }
    for (index, statement) in policy.statements().iter().enumerate() {
        for rule in statement.rules() {
            let means = rule.targets.iter().any(|target| target_means(target, &command, sub.as_deref()));
            if !means {
                continue;
            }
            let mut all = true;
            for condition in &rule.conditions {
                let text = condition.to_string();
                // As it is written back, quoting undone: the model reads only what needs none.
                if text.contains('"') {
                    return None;
                }
                let by_sub = rule.targets.iter().any(|target| matches!(target, Target::Command(name) if name.sub.is_some()));
                all &= holds(&written(text.as_bytes())?, call, rule.action, sub.as_deref(), by_sub)?;
            }
            if !all {
                continue;
            }
            return Some(match rule.action {
                Action::Allow => Said::Pass,
                Action::Deny if rule.observe => Said::Observe(index),
                Action::Deny => refused(index),
            });
        }
    }
    Some(Said::Pass)
}

fn target_means(target: &Target, command: &[u8], sub: Option<&[u8]>) -> bool {
    let http: [&[u8]; 2] = [b"post", b"host:"];
    if http.contains(&command) {
        return false;
    }
    let spared = NEEDS_FORCE.iter().any(|name| name.as_bytes() == command);
    match target {
        Target::Every => !spared,
        Target::Category(category) => {
            let within = |(name, _, own): &(&str, &[&str], &str)| name.as_bytes() == command && own.as_bytes() == category.name;
            !spared && TABLE.iter().any(within)
        }
        Target::Command(name) => {
            name.command == command && name.sub.as_deref().is_none_or(|wanted| sub == Some(wanted))
        }
    }
}

fn holds(written: &Written, call: &Described<'_>, action: Action, sub: Option<&[u8]>, by_sub: bool) -> Option<bool> {
    let mut steps = 20_000;
    // Arguments are counted behind what the rule names; the first is known by its real name.
    let behind = 1 + usize::from(by_sub);
    let argument = |number: usize| -> Option<&[u8]> {
        match number {
            1 if !by_sub && sub.is_some_and(|sub| call.words.get(1).is_some_and(|word| name(word) != sub)) => sub,
            number => call.words.get(number - 1 + behind).copied(),
        }
    };
    match written.key.as_str() {
        "user" => match call.user {
            Some(user) => written.holds(|item| matches(item, user, &mut steps)),
            None => Some(action == Action::Deny),
        },
        "via" => {
            let via = match call.via.unwrap_or(Via::Client) {
                Via::Client => "client",
                Via::Script => "script",
                Via::Module => "module",
            };
            written.holds(|item| Some(item.eq_ignore_ascii_case(via.as_bytes())))
        }
        "from" => match call.source {
            Some(source) => written.holds(|item| Some(network_holds(item, source))),
            None => Some(action == Action::Deny),
        },
        "arg" => {
            let (mut any, mut all, mut some) = (false, true, false);
            for number in 1.. {
                let Some(text) = argument(number) else { break };
                some = true;
                let hit = written.holds(|item| matches(item, text, &mut steps))?;
                any |= hit;
                all &= hit;
            }
            Some(if action == Action::Deny { any } else { all && some })
        }
        key => {
            let number: usize = key.strip_prefix("arg")?.parse().ok()?;
            let text = argument(number);
            written.holds(|item| match text {
                Some(text) => matches(item, text, &mut steps),
                None => Some(false),
            })
        }
    }
}

/// An item of `from=` bit by bit.
pub fn network_holds(item: &[u8], source: Source) -> bool {
    let text = String::from_utf8_lossy(item).to_lowercase();
    if text == "unix" {
        return source == Source::Unix;
    }
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, prefix.parse::<u32>().ok()),
        None => (text.as_str(), None),
    };
    let Ok(address) = address.parse::<std::net::IpAddr>() else {
        return false;
    };
    let (bits, width, v4) = match address {
        std::net::IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32, true),
        std::net::IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            // A network of nothing but mapped addresses is the IPv4 network inside.
            Some(v4) if prefix.is_none_or(|prefix| prefix >= 96) => (u128::from(v4.to_bits()), 32, true),
            _ => (v6.to_bits(), 128, false),
        },
    };
    let mapped = v4 && matches!(address, std::net::IpAddr::V6(_));
    let prefix = match prefix {
        Some(prefix) if mapped => prefix - 96,
        Some(prefix) => prefix,
        None => width,
    };
    let theirs = match source {
        Source::V4(bits) if v4 => u128::from(bits),
        Source::V6(bits) if !v4 => bits,
        _ => return false,
    };
    (0..prefix.min(width)).all(|bit| (bits >> (width - 1 - bit)) & 1 == (theirs >> (width - 1 - bit)) & 1)
}
