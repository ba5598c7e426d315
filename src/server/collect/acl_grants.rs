//! The rules of one ACL user, as the server or a person writes them, into what they come to. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::facts::{Grants, KeyAccess, Login, acl_digest};

/// What the default user is where no file speaks of it and there is no `requirepass`.
pub fn of_default() -> Grants {
    let rules: [&[u8]; 5] = [b"on", b"nopass", b"~*", b"&*", b"+@all"];
    read(rules)
}

/// Goes through rules in their order, beginning with a user who may do nothing.
pub fn read<'r>(rules: impl IntoIterator<Item = &'r [u8]>) -> Grants {
    let mut grants = nothing();
    // A selector is one rule in brackets, and has been taken apart at its spaces.
    let mut selector: Option<Vec<u8>> = None;
    for rule in rules.into_iter().filter(|rule| !rule.is_empty()) {
        let mut open = match selector.take() {
            Some(open) => open,
            None if rule.starts_with(b"(") => Vec::new(),
            None => {
                take(&mut grants, rule);
                continue;
            }
        };
        open.extend([b" ", rule].concat());
        match open.strip_suffix(b")") {
            Some(whole) => grants.selectors.push(read_selector(whole)),
            None => selector = Some(open),
        }
    }
    grants
}

/// The rules of a selector, behind its bracket.
fn read_selector(text: &[u8]) -> Grants {
    let text = text.trim_ascii_start();
    let rules = text.strip_prefix(b"(").unwrap_or(text);
    let mut selector = nothing();
    for rule in rules.split(|byte| *byte == b' ') {
        take(&mut selector, rule);
    }
    selector
}

fn nothing() -> Grants {
    Grants {
        enabled: false,
        login: Some(Login::Passwords(BTreeSet::new())),
        keys: BTreeMap::new(),
        channels: None,
        all_commands: false,
        commands: Vec::new(),
        databases: None,
        skips_sanitizing: false,
        selectors: Vec::new(),
    }
}

fn take(grants: &mut Grants, rule: &[u8]) {
    let word = rule.to_ascii_lowercase();
    match word.as_slice() {
        b"on" => grants.enabled = true,
        b"off" => grants.enabled = false,
        b"reset" => *grants = nothing(),
        b"nopass" => grants.login = Some(Login::Anything),
        b"resetpass" => grants.login = Some(Login::Passwords(BTreeSet::new())),
        b"~*" | b"allkeys" => grants.keys = [(b"*".to_vec(), KeyAccess::ALL)].into(),
        b"resetkeys" => grants.keys.clear(),
        b"&*" | b"allchannels" => grants.channels = Some([b"*".to_vec()].into()),
        b"resetchannels" => grants.channels = Some(BTreeSet::new()),
        b"+@all" | b"allcommands" => all_commands(grants, true),
        b"-@all" | b"nocommands" => all_commands(grants, false),
        b"clearselectors" => grants.selectors.clear(),
        b"skip-sanitize-payload" => grants.skips_sanitizing = true,
        b"sanitize-payload" => grants.skips_sanitizing = false,
        b"alldbs" => grants.databases = None,
        b"resetdbs" => grants.databases = Some(BTreeSet::new()),
        [b'+' | b'-', ..] => command(grants, word),
        _ => take_value(grants, rule),
    }
}

/// The rules whose letters count as they are.
fn take_value(grants: &mut Grants, rule: &[u8]) {
    match rule {
        [b'>', password @ ..] => add(grants, acl_digest(password)),
        [b'#', hash @ ..] => add(grants, String::from_utf8_lossy(hash).to_lowercase()),
        [b'<', password @ ..] => remove(grants, &acl_digest(password)),
        [b'!', hash @ ..] => remove(grants, &String::from_utf8_lossy(hash).to_lowercase()),
        [b'~', pattern @ ..] => key(grants, KeyAccess::ALL, pattern),
        [b'%', rule @ ..] => {
            let mut parts = rule.splitn(2, |byte| *byte == b'~');
            let flags = parts.next().unwrap_or_default().to_ascii_lowercase();
            let access = KeyAccess {
                read: flags.contains(&b'r'),
                write: flags.contains(&b'w'),
            };
            key(grants, access, parts.next().unwrap_or_default());
        }
        [b'&', pattern @ ..] => {
            if let Some(channels) = &mut grants.channels {
                channels.insert(pattern.to_vec());
            }
        }
        [b'd', b'b', b'=', numbers @ ..] => {
            let numbers = numbers.split(|byte| *byte == b',');
            grants.databases = Some(numbers.map(<[u8]>::to_vec).collect());
        }
        _ => {}
    }
}

/// Beside a pattern for every key, no other says anything, and some servers forget them then.
fn key(grants: &mut Grants, access: KeyAccess, pattern: &[u8]) {
    let known = grants.keys.entry(pattern.to_vec()).or_default();
    known.read |= access.read;
    known.write |= access.write;
    if pattern == b"*" && *known == KeyAccess::ALL {
        grants.keys.clear();
    }
    if grants.keys.is_empty() || grants.keys.get(&b"*"[..]) == Some(&KeyAccess::ALL) {
        grants.keys = [(b"*".to_vec(), KeyAccess::ALL)].into();
    }
}

fn add(grants: &mut Grants, digest: String) {
    match &mut grants.login {
        Some(Login::Passwords(digests)) => {
            digests.insert(digest);
        }
        login => *login = Some(Login::Passwords([digest].into())),
    }
}

fn remove(grants: &mut Grants, digest: &str) {
    if let Some(Login::Passwords(digests)) = &mut grants.login {
        digests.remove(digest);
    }
}

fn all_commands(grants: &mut Grants, all: bool) {
    grants.all_commands = all;
    grants.commands.clear();
}

/// As the servers do that keep the rules' text (Redis 7.2 and newer, Valkey): a rule takes the place of those before it on
/// the same command or category, and on subcommands of it.
fn command(grants: &mut Grants, rule: Vec<u8>) {
    let name = rule.get(1..).unwrap_or_default();
    grants.commands.retain(|before| {
        let rest = before.get(1..).and_then(|before| before.strip_prefix(name));
        !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"|"))
    });
    grants.commands.push(rule);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rules: &str) -> Grants {
        read(rules.split(' ').map(str::as_bytes))
    }

    #[test]
    fn what_a_person_writes_comes_to_what_the_server_writes_of_it() {
        let a = "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90";
        let b = "81b637d8fcd2c6da6359e6963113a1170de795e4b725b84d1e0b4cfd9ec58ce9";
        assert_eq!([acl_digest(b"alice"), acl_digest(b"bob")], [a, b]);
        for (person, server) in [
            (
                "on >alice resetchannels allkeys +GET",
                format!("on sanitize-payload #{a} ~* resetchannels -@all +get"),
            ),
            (
                "off >alice >bob <alice &* ~x",
                format!("off #{b} ~x &* -@all"),
            ),
            (
                ">alice nopass on allcommands -Config|Set -config &* %R~a:*",
                "on nopass %R~a:* &* +@all -config".to_owned(),
            ),
            (
                "on +@all ~* &* reset on +@read -@read +get resetchannels",
                "on resetchannels -@all -@read +get".to_owned(),
            ),
            (
                "%R~* %W~* ~a resetchannels",
                "off ~a ~* resetchannels -@all".to_owned(),
            ),
            (
                "on resetchannels (~a +get) clearselectors ( resetchannels +get ~b )",
                "on resetchannels -@all (~b resetchannels -@all +get)".to_owned(),
            ),
        ] {
            assert_eq!(of(person), of(&server), "{person}");
        }
    }

    #[test]
    fn other_rights_in_a_selector_on_keys_or_on_databases_are_other_rights() {
        for (one, other) in [
            ("(~tmp:* +@write)", "(~* +@all -@admin)"),
            ("(~a +get) (~b +set)", "(~a +get)"),
            ("%R~app:*", "~app:*"),
            ("%R~app:*", "%W~app:*"),
            ("%R~*", "~*"),
            ("db=0", "alldbs"),
            ("db=0", "db=0,1"),
            ("", "resetdbs"),
            ("", "skip-sanitize-payload"),
            ("(db=1 +get)", "(+get)"),
        ] {
            assert_ne!(of(one), of(other), "{one}, {other}");
        }
        for (one, other) in [
            ("%R~a %W~a %RW~b", "~a ~b"),
            ("(%r~a +GET)", "( %R~a  +get )"),
            ("db=0,1", "db=2 db=1,0"),
            ("resetdbs alldbs", ""),
            ("skip-sanitize-payload reset", "sanitize-payload"),
        ] {
            assert_eq!(of(one), of(other), "{one}, {other}");
        }
    }

    #[test]
    fn channels_nobody_speaks_of_are_the_servers_default() {
        assert_eq!(of("on +get").channels, None);
        assert_eq!(of("on +get &a").channels, None);
        let channels = of("resetchannels &a").channels;
        assert_eq!(channels, Some([b"a".to_vec()].into()));
    }

    #[test]
    fn a_digest_is_not_in_a_debug_print() {
        assert!(!format!("{:?}", of(">alice")).contains("2bd806"));
    }
}
