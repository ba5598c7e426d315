//! The check of settings that run with other values than redis.conf gives them. Passwords are compared and never shown.

mod users;

use super::keeping;
use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{
    Configured, Fact, Facts, Kind, Secret, WATCHED, WATCHED_SECRETS, default_of,
};
use crate::audit::reach;
use crate::render::escape::{printable, printable_up_to};
use users::Change;

/// `ioc.config-drift`: a restart changes nothing that matters for security.
pub struct ConfigDrift;

/// Settings that CONFIG SET can put back at once, and whose words are safe to paste.
const CAN_BE_SET: [&str; 7] = [
    "bind",
    "protected-mode",
    "appendonly",
    "maxmemory",
    "acllog-max-len",
    "tls-auth-clients",
    "tls-replication",
];

/// How many users a finding names before it counts them.
const NAMED: usize = 10;

impl Check for ConfigDrift {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "ioc.config-drift",
            title: "The server runs as its configuration file says",
            category: Category::Compromise,
            severity: Severity::Low,
            worst: Severity::Low,
            tutorial: false,
            why: "What was changed at run time only is gone after a restart: a hardening that nobody wrote down, or the trace of \
                  somebody who opened the server or led its files elsewhere.",
            expected: "bind, ports, passwords, files, TLS and the enable-... switches as redis.conf has them, and the users as it, \
                       or the aclfile, makes them",
            remedy: "Where the running value is the wanted one, CONFIG REWRITE keeps it. Else set it back and find out who \
                     changed it.",
            references: &[steps::SECURITY, steps::VALKEY],
            fix: Fix::Plan,
            exposed: Exposed::Host,
            cap: "a restart changes settings that matter for security",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let Some(file) = &facts.configured else {
            return Outcome::not_applicable("the server was started without a configuration file");
        };
        if let Some(gap) = &file.gap {
            return Outcome::unknown(format!("what redis.conf says is not known: unread: {gap}"));
        }
        if let Err(reason) = facts.config.known() {
            return Outcome::unknown(reason);
        }
        let plain: Vec<Drift<'_>> = WATCHED
            .iter()
            .filter_map(|(name, kind)| drift(facts, file, name, *kind))
            .collect();
        let secrets: Vec<&str> = WATCHED_SECRETS
            .iter()
            .copied()
            .filter(|name| secret_drifts(facts, file, name) && !is_secret_of_the_start(facts, name))
            .collect();
        let told = secrets.contains(&"requirepass");
        let users = match facts.kept_users.known() {
            Ok(users) => users::changes(facts, users, told),
            Err(reason) if plain.is_empty() && secrets.is_empty() => {
                return Outcome::unknown(format!("which users a restart changes: {reason}"));
            }
            Err(_) => Vec::new(),
        };
        if plain.is_empty() && secrets.is_empty() && users.is_empty() {
            let path = steps::conf(facts);
            return Outcome::pass(format!(
                "nothing that matters for security differs from {path}"
            ));
        }
        let only_users = plain.is_empty() && secrets.is_empty();
        let mut actual: Vec<String> = plain.iter().map(|drift| drift.shown(facts)).collect();
        let differs =
            |name: &&str| format!("{name}: another one runs than {} has", steps::conf(facts));
        actual.extend(secrets.iter().map(differs));
        actual.extend(users.iter().take(NAMED).map(|user| user.shown.clone()));
        let more = users.len().saturating_sub(NAMED);
        actual.extend((more > 0).then(|| format!("and {more} more users")));
        Failure::new(actual)
            .steps(mend(facts, &plain, &users, only_users))
            .into()
    }
}

/// The settings that differ, each with what is said of it: what CONFIG REWRITE would write over what the file says.
pub fn differences(facts: &Facts) -> Vec<(&'static str, String)> {
    let Some(file) = &facts.configured else {
        return Vec::new();
    };
    let plain = WATCHED
        .iter()
        .filter_map(|(name, kind)| drift(facts, file, name, *kind));
    let plain = plain.map(|drift| (drift.name, drift.shown(facts)));
    let secrets = WATCHED_SECRETS
        .iter()
        .filter(|name| secret_drifts(facts, file, name));
    let path = steps::conf(facts);
    let secrets = secrets.map(|name| (*name, format!("{name}: another one runs than {path} has")));
    plain.chain(secrets).collect()
}

/// A setting that runs with another value than a restart gives it.
struct Drift<'f> {
    name: &'static str,
    running: &'f [u8],
    /// The value that a restart gives it.
    next: &'f [u8],
    by: By,
}

/// What gives a setting its value at a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    File,
    CommandLine,
    Default,
    /// It was so at the start; of which of these is not known.
    Start,
    /// The module was not there at the start to see whether the command line says otherwise.
    DefaultPerhaps,
}

impl Drift<'_> {
    fn shown(&self, facts: &Facts) -> String {
        let (running, next) = (self.running(), word(self.next));
        match self.by {
            By::File => format!("{running}, by {} {next}", steps::conf(facts)),
            By::CommandLine => format!("{running}, by the command line {next}"),
            By::Default => format!("{running}, by default {next}"),
            By::Start => format!("{running}, at the start {next}"),
            By::DefaultPerhaps => {
                format!("{running}, by default {next} unless the command line says so")
            }
        }
    }

    fn running(&self) -> String {
        format!("{} {}", self.name, word(self.running))
    }
}

fn word(value: &[u8]) -> String {
    match value {
        b"" => "\"\"".to_owned(),
        value => printable_up_to(value, 200),
    }
}

fn drift<'f>(
    facts: &'f Facts,
    file: &'f Configured,
    name: &'static str,
    kind: Kind,
) -> Option<Drift<'f>> {
    let running = facts.setting(name).ok()?;
    // A node of a cluster knows its master from nodes.conf.
    if name == "replicaof" && reach::is_yes(facts, "cluster-enabled") {
        return None;
    }
    let same = |one: &[u8], other: &[u8]| match kind {
        Kind::Folder => same_folder(facts, one, other),
        kind => normal(kind, one) == normal(kind, other),
    };
    let line = file.settings.get(name).map(Vec::as_slice);
    // It cannot be changed while a server runs: where no line speaks of it the command line does, now and after a restart.
    let default = default_of(name).filter(|_| name != "aclfile");
    let (next, by) = match (facts.at_the_start(name), line, default) {
        (Some(then), Some(line), _) if same(then, line) => (line, By::File),
        (Some(then), None, Some(default)) if same(then, default) => (default, By::Default),
        (Some(then), None, None) => (then, By::Start),
        (Some(then), _, _) => (then, By::CommandLine),
        (None, Some(line), _) => (line, By::File),
        (None, None, default) => (default?, By::DefaultPerhaps),
    };
    let is_same = match by {
        By::Start => running == next,
        _ => same(running, next),
    };
    (!is_same).then_some(Drift {
        name,
        running,
        next,
        by,
    })
}

/// One way to write a value of this kind.
pub fn normal(kind: Kind, value: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(value).trim().to_lowercase();
    let number = match kind {
        Kind::Number => text.parse::<u64>().ok(),
        Kind::Octal => u64::from_str_radix(&text, 8).ok(),
        Kind::Size => size(&text),
        Kind::Text | Kind::Folder => return value.to_vec(),
        Kind::Words if text == "no one" => return Vec::new(),
        Kind::Words => None,
    };
    match number {
        Some(number) => number.to_string().into_bytes(),
        None => {
            let words: Vec<&str> = text.split_ascii_whitespace().collect();
            words.join(" ").into_bytes()
        }
    }
}

/// Bytes as redis.conf writes them: `1k` is 1000, `1kb` 1024.
fn size(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    let unit = match unit {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// What a relative folder started from is not known any more; a link may stand on the way to an absolute one.
fn same_folder(facts: &Facts, running: &[u8], value: &[u8]) -> bool {
    let Some(astray) = &facts.files.astray else {
        return true;
    };
    let real = match &astray.folder {
        Fact::Known(folder) => folder.resolved.as_deref().unwrap_or(&folder.path),
        Fact::Unavailable(_) => value,
    };
    !value.starts_with(b"/") || [value, real].iter().any(|path| bare(path) == bare(running))
}

fn bare(mut path: &[u8]) -> &[u8] {
    while let Some(shorter) = path.strip_suffix(b"/") {
        path = shorter;
    }
    path
}

fn running_secret<'f>(facts: &'f Facts, name: &str) -> Result<Option<&'f Secret>, &'f str> {
    let fact = match name {
        "requirepass" => &facts.requirepass,
        _ => &facts.masterauth,
    };
    fact.known().map(Option::as_ref)
}

/// Whether a password that is not the file's is the command line's.
fn is_secret_of_the_start(facts: &Facts, name: &str) -> bool {
    running_secret(facts, name).is_ok_and(|running| facts.is_password_from_the_start(name, running))
}

fn secret_drifts(facts: &Facts, file: &Configured, name: &str) -> bool {
    let Ok(running) = running_secret(facts, name) else {
        return false;
    };
    let running = running.map_or(&b""[..], Secret::reveal);
    match file.secrets.get(name) {
        Some(line) => line.reveal() != running,
        None => name == "requirepass" && !running.is_empty(),
    }
}

/// First what takes back, then what keeps: whatever still runs when the files are written is there for good.
fn mend(facts: &Facts, plain: &[Drift<'_>], users: &[Change<'_>], only_users: bool) -> Vec<String> {
    let cli = steps::cli(facts);
    let aclfile = facts
        .setting("aclfile")
        .ok()
        .filter(|path| !path.is_empty());
    let aclfile = aclfile.filter(|_| !users.is_empty());
    let mut lines = take_back(facts, plain);
    lines.extend(match aclfile {
        Some(_) => vec![format!(
            "{cli} ACL LOAD   # if not: the users as the aclfile has them"
        )],
        None => take_back_users(facts, users),
    });
    if !only_users || aclfile.is_none() {
        let remark = format!(
            "if all that runs then is what you want: writes it into {}",
            steps::conf(facts)
        );
        lines.push(keeping::settings(facts, &remark));
    }
    lines.extend(
        aclfile.map(|_| format!("{cli} ACL SAVE   # if the users who run then are those you want")),
    );
    let perhaps = plain.iter().any(|drift| drift.by == By::DefaultPerhaps);
    lines.extend(perhaps.then(|| {
        "# what the server's command line sets stays after a restart: write it into the file, too"
            .to_owned()
    }));
    lines
}

fn take_back(facts: &Facts, plain: &[Drift<'_>]) -> Vec<String> {
    let cli = steps::cli(facts);
    let back = plain
        .iter()
        .filter(|drift| CAN_BE_SET.contains(&drift.name));
    let line = |drift: &Drift<'_>| {
        let value = steps::shell_path(drift.next);
        let name = drift.name;
        format!("{cli} CONFIG SET {name} {value}   # if not: back to what a restart makes it")
    };
    back.map(line).collect()
}

fn take_back_users(facts: &Facts, users: &[Change<'_>]) -> Vec<String> {
    let cli = steps::cli(facts);
    let (new, changed): (Vec<&Change<'_>>, Vec<_>) = users.iter().partition(|user| user.is_new);
    let delete = |user: &&Change<'_>| {
        let name = steps::shell_user(user.name);
        format!("{cli} ACL DELUSER {name}   # if nobody knows who made this user")
    };
    let mut lines: Vec<String> = new.iter().take(5).map(delete).collect();
    let more = new.len().saturating_sub(5);
    lines.extend((more > 0).then(|| format!("# and so on with {more} more users")));
    lines.extend((!changed.is_empty()).then(|| {
        let names: Vec<String> = changed.iter().map(|user| printable(user.name)).collect();
        format!(
            "# if not: give {} the rights that {} has, with {cli} ACL SETUSER NAME reset RULES",
            steps::first_few(&names, 6),
            steps::conf(facts)
        )
    }));
    lines
}

#[cfg(test)]
#[path = "drift_tests.rs"]
mod tests;
