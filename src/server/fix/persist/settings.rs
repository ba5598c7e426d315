//! The settings that run, held against what the files say: CONFIG REWRITE writes over every line whose setting runs with
//! another value, be it that somebody changed the server or that somebody changed the file.

use std::collections::{BTreeMap, BTreeSet};

use super::Refused;
use crate::audit::checks::drift;
use crate::audit::facts::{Facts, Kind, WATCHED, default_of};
use crate::audit::fix::Action;
use crate::render::escape::printable_up_to;
use crate::server::collect::config_file::ConfigFile;
use crate::server::collect::config_said::{Line, of_one_name};
use crate::server::collect::settings::is_secret;

/// What intruders change of what no line speaks of.
const UNSAID: [&str; 6] = [
    "replicaof",
    "dbfilename",
    "appendonly",
    "acllog-max-len",
    "maxmemory",
    "aclfile",
];

/// Words that mean the same as others, or that the server puts into an order of its own.
const MANY_WAYS: [&str; 2] = ["oom-score-adj", "notify-keyspace-events"];

/// What a service manager says on the command line over the file's line, as the units of Debian and Red Hat do
/// (`--supervised systemd --daemonize no`). CONFIG REWRITE writes that down, which changes nothing: the manager says it again.
const OF_SERVICE_MANAGERS: [&str; 2] = ["daemonize", "supervised"];

/// Settings by their names.
type Config = BTreeMap<String, Vec<u8>>;

/// Where settings run with other values than the files give them, but for those that are to be changed.
pub fn differences(
    facts: &Facts,
    file: &ConfigFile,
    actions: &[Action],
) -> Result<Vec<String>, Refused> {
    let config = facts.config.known();
    let config = config
        .map_err(|why| Refused::because(format!("which settings run is not known: {why}")))?;
    let mut differ: BTreeMap<String, String> = drift::differences(facts)
        .into_iter()
        .map(|(name, shown)| (name.to_owned(), shown))
        .collect();
    match facts.knows_the_start() {
        true => differ.extend(since_the_start(facts, config)),
        false => {
            differ.extend(from_the_lines(config, file));
            let unsaid = from_the_defaults(facts, config, file);
            unsaid.for_each(|(name, text)| _ = differ.entry(name).or_insert(text));
        }
    }
    let changed: BTreeSet<&str> = actions.iter().flat_map(changed).collect();
    differ.retain(|name, _| !changed.contains(name.as_str()));
    Ok(differ.into_values().collect())
}

/// What was changed since the server read its files, which are as they were: the server's own account of it.
fn since_the_start<'a>(
    facts: &'a Facts,
    config: &'a Config,
) -> impl Iterator<Item = (String, String)> + 'a {
    config.iter().filter_map(|(name, running)| {
        let then = facts.at_the_start(name)?;
        let one = String::from_utf8_lossy(of_one_name(name.as_bytes()));
        // A module's settings are read after it was loaded.
        let judged = watched(&one) || is_secret(name) || name.contains('.');
        let same = judged || normal(name, running) == normal(name, then);
        let (running, then) = (shown(running), shown(then));
        (!same).then(|| {
            (
                name.clone(),
                format!("{name} {running}, at the start {then}"),
            )
        })
    })
}

/// What surely differs from the lines of the files, where some may have been changed since the server read them.
fn from_the_lines<'a>(
    config: &'a Config,
    file: &'a ConfigFile,
) -> impl Iterator<Item = (String, String)> + 'a {
    file.last_lines().into_iter().filter_map(|(name, line)| {
        let name = String::from_utf8_lossy(name).into_owned();
        let running = config.get(&name).filter(|_| !is_secret(&name))?;
        let said = line.value();
        let differs = !watched(&name) && plainly_differ(&name, running, &said);
        let (running, said, place) = (shown(running), shown(&said), file.place(line));
        differs.then(|| (name.clone(), format!("{name} {running}, by {place} {said}")))
    })
}

/// What intruders change, and no line speaks of.
fn from_the_defaults<'a>(
    facts: &'a Facts,
    config: &'a Config,
    file: &'a ConfigFile,
) -> impl Iterator<Item = (String, String)> + 'a {
    // A node's master is no setting: CONFIG REWRITE leaves it out.
    let cluster = facts.setting("cluster-enabled") == Ok(b"yes");
    UNSAID.into_iter().filter_map(move |name| {
        let default = unsaid(name)?;
        let unsaid = file.lines_of(name.as_bytes()).next().is_none();
        let of_cluster = name == "replicaof" && cluster;
        let running = config.get(name).filter(|running| *running != default)?;
        let (running, default) = (shown(running), shown(default));
        (unsaid && !of_cluster).then(|| {
            let text = format!("{name} {running}, by default {default}");
            (name.to_owned(), text)
        })
    })
}

/// Whether it is known to be what the server does where no line speaks of it.
pub fn is_default(name: &str, value: &[u8]) -> bool {
    unsaid(name).is_some_and(|default| normal(name, default) == normal(name, value))
}

fn unsaid(name: &str) -> Option<&'static [u8]> {
    default_of(name).filter(|_| UNSAID.contains(&name))
}

/// The value that the command line gives a setting, where it is known that it gives one: the server started with another one
/// than the files say. A folder can be written in too many ways to tell.
pub fn of_the_command_line<'f>(
    facts: &'f Facts,
    file: &ConfigFile,
    name: &str,
) -> Option<&'f [u8]> {
    let started = facts.at_the_start(name).filter(|_| name != "dir")?;
    let line = file.lines_of(name.as_bytes()).last().map(Line::value);
    let said = line.or_else(|| unsaid(name).map(<[u8]>::to_vec))?;
    (normal(name, &said) != normal(name, started)).then_some(started)
}

/// A value in one of the ways to write it, for comparing.
pub fn normal(name: &str, value: &[u8]) -> Vec<u8> {
    let kind = WATCHED.iter().find(|(own, _)| *own == name);
    // What is no number of bytes is taken for words.
    drift::normal(kind.map_or(Kind::Size, |(_, kind)| *kind), value)
}

/// A value for eyes.
pub fn shown(value: &[u8]) -> String {
    match value {
        b"" => "\"\"".to_owned(),
        value => printable_up_to(value, 200),
    }
}

fn changed(action: &Action) -> Vec<&str> {
    match action {
        Action::Set(pairs) => pairs.iter().map(|(name, _)| name.as_str()).collect(),
        _ => Vec::new(),
    }
}

fn watched(name: &str) -> bool {
    WATCHED.iter().any(|(own, _)| *own == name)
}

/// Whether two values surely differ: there are settings that servers write in another way than they were told.
fn plainly_differ(name: &str, running: &[u8], said: &[u8]) -> bool {
    let (running, said) = (normal(name, running), normal(name, said));
    let number = |value: &[u8]| {
        let digits = value.strip_prefix(b"-").unwrap_or(value);
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    };
    let word = |value: &[u8]| {
        let letter = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'-';
        !value.is_empty() && value.iter().all(letter)
    };
    let comparable = (number(&running) && number(&said)) || (word(&running) && word(&said));
    let excused = MANY_WAYS.contains(&name) || OF_SERVICE_MANAGERS.contains(&name);
    comparable && running != said && !excused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_surely_differs_is_a_difference() {
        for (name, running, said) in [
            ("maxclients", "4064", "10000"),
            ("client-query-buffer-limit", "1073741824", "2gb"),
            ("appendfsync", "no", "everysec"),
            ("maxmemory-policy", "noeviction", "allkeys-lru"),
            ("slowlog-log-slower-than", "-1", "10"),
        ] {
            assert!(
                plainly_differ(name, running.as_bytes(), said.as_bytes()),
                "{name}"
            );
        }
        for (name, running, said) in [
            ("maxclients", "10000", "10000"),
            ("client-query-buffer-limit", "1073741824", "1gb"),
            ("appendfsync", "everysec", "EverySec"),
            ("oom-score-adj", "relative", "yes"),
            ("notify-keyspace-events", "xE", "Ex"),
            ("pidfile", "/run/a.pid", "/run/b.pid"),
            ("daemonize", "no", "yes"),
            ("supervised", "systemd", "auto"),
            ("maxmemory-clients", "5%", "5 %"),
            ("save", "", "\"\""),
        ] {
            assert!(
                !plainly_differ(name, running.as_bytes(), said.as_bytes()),
                "{name}"
            );
        }
    }
}
