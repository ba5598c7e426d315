//! The settings that run, held against what the files say: CONFIG REWRITE writes over every line whose setting runs with
//! another value, be it that somebody changed the server or that somebody changed the file.

use std::collections::{BTreeMap, BTreeSet};

use super::Refused;
use crate::audit::checks::drift;
use crate::audit::facts::{Facts, Kind, WATCHED};
use crate::audit::fix::Action;
use crate::render::escape::printable_up_to;
use crate::server::collect::config_file::ConfigFile;
use crate::server::collect::settings::is_secret;

/// What servers do where no line speaks of it, of the settings that intruders change.
const DEFAULTS: [(&str, &[u8]); 6] = [
    ("replicaof", b""),
    ("dbfilename", b"dump.rdb"),
    ("appendonly", b"no"),
    ("acllog-max-len", b"128"),
    ("maxmemory", b"0"),
    ("aclfile", b""),
];

/// Words that mean the same as others, or that the server puts into an order of its own.
const MANY_WAYS: [&str; 3] = ["oom-score-adj", "notify-keyspace-events", "supervised"];

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
    for (name, line) in file.last_lines() {
        let name = String::from_utf8_lossy(name).into_owned();
        let Some(running) = config.get(&name).filter(|_| !is_secret(&name)) else {
            continue;
        };
        let said = line.value();
        if !watched(&name) && plainly_differ(&name, running, &said) {
            let (running, said) = (shown(running), shown(&said));
            let place = file.place(line);
            let text = format!("{name} {running}, by {place} {said}");
            differ.insert(name, text);
        }
    }
    for (name, default) in DEFAULTS {
        let unsaid = file.lines_of(name.as_bytes()).next().is_none();
        // A node's master is no setting: CONFIG REWRITE leaves it out.
        let of_cluster = name == "replicaof" && facts.setting("cluster-enabled") == Ok(b"yes");
        if let (true, false, Some(running)) = (unsaid, of_cluster, config.get(name))
            && running != default
        {
            let (running, default) = (shown(running), shown(default));
            let text = format!("{name} {running}, by default {default}");
            differ.entry(name.to_owned()).or_insert(text);
        }
    }
    let changed: BTreeSet<&str> = actions.iter().flat_map(changed).collect();
    differ.retain(|name, _| !changed.contains(name.as_str()));
    Ok(differ.into_values().collect())
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
    comparable && running != said && !MANY_WAYS.contains(&name)
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
