//! The users that run, held against the lines that make them, in redis.conf or in the ACL file: CONFIG REWRITE and ACL SAVE
//! write every user there is.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::Refused;
use crate::audit::facts::{Facts, acl_digest};
use crate::policy::words::quote;
use crate::render::escape::printable;
use crate::server::asking;
use crate::server::beside::Host;
use crate::server::collect::bounded;
use crate::server::collect::config_file::ConfigFile;
use crate::server::collect::config_said::Line;
use crate::server::ffi::{self, Ctx, Lock};

/// What a server makes of user default where no line speaks of it.
const DEFAULT: &str = "on nopass ~* &* +@all";
const MAX_ACL_FILE: u64 = 10 << 20;
/// So many are compared however late it is.
const WHATEVER_THE_TIME: usize = 500;

/// A user as a line would make it. The rules have no password in clear.
#[derive(Clone)]
pub struct Written {
    name: Vec<u8>,
    rules: String,
    /// Where the line stands; `None` for user default without one.
    place: Option<String>,
}

/// Refuses where a user would have two lines: with them a server does not start (seen on Redis 7.0 and 8.2, Valkey 8.1).
pub fn in_an_included_file(file: &ConfigFile) -> Result<(), Refused> {
    let Some(line) = file
        .lines_of(b"user")
        .find(|line| !line.is_in_the_main_file())
    else {
        return Ok(());
    };
    let main = file.main_file();
    let name = line
        .directive
        .arguments
        .first()
        .map_or(&b""[..], Vec::as_slice);
    Err(Refused {
        why: format!(
            "{} makes user {}, CONFIG REWRITE would write a line of that user into {main}, too, and with both the server \
             would not start",
            file.place(line),
            printable(name)
        ),
        way: Some(format!("move the user lines into {main}")),
    })
}

/// Refuses where the server would write what it cannot read: it writes the names and rules of users without quotes. A
/// quote in them ends the next start (seen on Redis 7.0), and a byte 255 is read as nothing (seen on Valkey 8.1).
pub fn cannot_be_written(file: &ConfigFile) -> Result<(), Refused> {
    let odd = |byte: &u8| b"\"'\xff".contains(byte) || byte.is_ascii_control();
    let is_odd = |word: &Vec<u8>| !is_password(word) && word.iter().any(odd);
    let has_one = |line: &&Line| line.directive.arguments.iter().any(is_odd);
    match file.lines_of(b"user").find(has_one) {
        None => Ok(()),
        Some(line) => Err(Refused::because(format!(
            "the user of {} has a quote in its name or rules, or a byte that is no text, and CONFIG REWRITE would write it as \
             it stands, which the next start would read as something else, or not at all",
            file.place(line)
        ))),
    }
}

/// Passwords are written as their hashes.
fn is_password(rule: &[u8]) -> bool {
    rule.starts_with(b">") || rule.starts_with(b"<")
}

/// The users as the lines of the configuration files make them.
pub fn of_config(file: &ConfigFile) -> Vec<Written> {
    let mut written: Vec<Written> = file
        .lines_of(b"user")
        .filter_map(|line| {
            let (name, rules) = line.directive.arguments.split_first()?;
            Some(Written {
                name: name.clone(),
                rules: in_one(rules.iter().map(Vec::as_slice)),
                place: Some(file.place(line)),
            })
        })
        .collect();
    let password = file
        .last_lines()
        .get(&b"requirepass"[..])
        .map(|line| line.value());
    let rules = match password.filter(|password| !password.is_empty()) {
        Some(password) => format!("on #{} ~* &* +@all", acl_digest(&password)),
        None => DEFAULT.to_owned(),
    };
    add_default(&mut written, rules);
    written
}

/// The users as the ACL file makes them: words with single spaces between, no quotes.
pub fn of_aclfile(path: &[u8]) -> Result<Vec<Written>, String> {
    let content = bounded::whole(Path::new(OsStr::from_bytes(path)), MAX_ACL_FILE)
        .map_err(|why| format!("what ACL SAVE would write over is not known: {why}"))?;
    let mut written = Vec::new();
    for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let mut words = line
            .trim_ascii()
            .split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty());
        if let (Some(b"user"), Some(name)) = (words.next(), words.next()) {
            written.push(Written {
                name: name.to_vec(),
                rules: in_one(words),
                place: Some(format!("line {} of {}", index + 1, printable(path))),
            });
        }
    }
    add_default(&mut written, DEFAULT.to_owned());
    Ok(written)
}

fn add_default(written: &mut Vec<Written>, rules: String) {
    if !written.iter().any(|user| user.name == b"default") {
        written.push(Written {
            name: b"default".to_vec(),
            rules,
            place: None,
        });
    }
}

/// Where the users that run are others than those that are written.
pub fn differences(
    host: &Host<'_>,
    facts: &Facts,
    written: Vec<Written>,
) -> Result<Vec<String>, Refused> {
    let users = facts.users.known();
    let users = users
        .map_err(|why| Refused::because(format!("which users there are is not known: {why}")))?;
    let mut differ = Vec::new();
    let named: BTreeSet<&[u8]> = written.iter().map(|user| user.name.as_slice()).collect();
    for user in users
        .iter()
        .filter(|user| !named.contains(user.name.as_slice()))
    {
        differ.push(format!("user {} has no line", printable(&user.name)));
    }
    let (mut left, mut compared) = (written.into_iter(), 0);
    while left.len() > 0 {
        // In a transaction the facts may have taken all the time there is.
        if let (true, Some(reason)) = (compared >= WHATEVER_THE_TIME, host.out_of_time()) {
            let why = format!("whether all users run as they are written is not known: {reason}");
            return Err(Refused::because(why));
        }
        let compare = |ctx: Ctx<'_>, user: Written| difference(&user, runs_so(&user, ctx.lock()));
        let (more, differences) = asking::some(host, left, compare);
        left = more;
        compared += differences.len();
        differ.extend(differences.into_iter().flatten());
    }
    Ok(differ)
}

/// Whether a user runs with the rules that are written; `None` where there is no such user.
fn runs_so(user: &Written, lock: Lock<'_>) -> Option<bool> {
    let running = ffi::acl_rules(&user.name, lock)?;
    // A server may take user default for made already and reset it first, which leaves a flag (seen on Redis 7.0).
    let mut ways = ["", "reset "]
        .into_iter()
        .map(|first| format!("{first}{}", user.rules));
    let same = running == user.rules.as_bytes()
        || ways.any(|rules| ffi::acl_rules_from(rules.as_bytes(), lock).as_ref() == Some(&running));
    Some(same)
}

fn difference(user: &Written, same: Option<bool>) -> Option<String> {
    let name = printable(&user.name);
    let place = user.place.as_deref().unwrap_or("the default");
    match same {
        Some(true) => None,
        Some(false) => Some(format!(
            "user {name} has other rules, or passwords, than {place} gives it"
        )),
        None => Some(format!("user {name} of {place} does not run")),
    }
}

/// Rules as one text, as the server takes it apart again, passwords as their hashes.
fn in_one<'r>(rules: impl Iterator<Item = &'r [u8]>) -> String {
    let mut text = String::new();
    for rule in rules {
        if !text.is_empty() {
            text.push(' ');
        }
        match rule {
            [b'>', password @ ..] => text.push_str(&format!("#{}", acl_digest(password))),
            [b'<', password @ ..] => text.push_str(&format!("!{}", acl_digest(password))),
            rule if rule
                .iter()
                .all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(byte)) =>
            {
                text.push_str(&String::from_utf8_lossy(rule));
            }
            rule => quote(rule, &mut text),
        }
    }
    text
}
