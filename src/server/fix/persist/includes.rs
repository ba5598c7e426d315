//! Settings that stand in several files. CONFIG REWRITE knows of the main file only: it writes what runs into the first line of
//! a setting there and empties the others, writes no line for some values, and puts what stood in an included file only at the
//! end. An included line that was overruled may count then, and one that counted may be overruled for good.

use std::collections::{BTreeMap, BTreeSet};

use super::settings::{normal, shown};
use super::{Refused, listed};
use crate::audit::facts::Facts;
use crate::audit::fix::Action;
use crate::render::escape::printable;
use crate::server::collect::config_file::ConfigFile;
use crate::server::collect::config_said::{Line, of_one_name};
use crate::server::collect::settings::is_secret;

/// What is written in another way, and looked at for itself, or not at all.
const NOT_SETTINGS: [&[u8]; 4] = [b"include", b"loadmodule", b"rename-command", b"user"];
/// Their lines say something of each class of clients, and are written class by class into the lines that there are.
const LIMITS: &[u8] = b"client-output-buffer-limit";
/// No line is written for this.
const DEFAULT_BIND: &[u8] = b"* -::*";
/// Whose empty values are written as `""`; a line of any other setting is left out when it is empty.
const WRITTEN_EMPTY: [&str; 7] = [
    "aclfile",
    "bind",
    "latency-tracking-info-percentiles",
    "logfile",
    "notify-keyspace-events",
    "save",
    "syslog-ident",
];

/// A line that says something of a setting.
struct Said<'f> {
    /// Its place among the lines of all files.
    index: usize,
    line: &'f Line,
    value: Vec<u8>,
}

impl Said<'_> {
    fn is_included(&self) -> bool {
        !self.line.is_in_the_main_file()
    }
}

/// All that is said of each setting, in the order in which the server reads it. A class of clients counts as a setting.
fn by_setting(file: &ConfigFile) -> BTreeMap<Vec<u8>, Vec<Said<'_>>> {
    let mut all: BTreeMap<Vec<u8>, Vec<Said<'_>>> = BTreeMap::new();
    for (index, line) in file.lines.iter().enumerate() {
        let name = of_one_name(&line.directive.name);
        let mut say = |setting: Vec<u8>, value: Vec<u8>| {
            let said = Said { index, line, value };
            all.entry(setting).or_default().push(said);
        };
        if name == LIMITS {
            for limit in line.directive.arguments.chunks(4) {
                if let Some((class, amounts)) = limit.split_first() {
                    let class = match class.to_ascii_lowercase().as_slice() {
                        b"slave" => b"replica".to_vec(),
                        class => class.to_vec(),
                    };
                    let amounts: Vec<Vec<u8>> = amounts.iter().map(|word| limit_of(word)).collect();
                    say([name, &class].join(&b' '), amounts.join(&b' '));
                }
            }
        } else if !NOT_SETTINGS.contains(&name) {
            say(name.to_vec(), line.value());
        }
    }
    all
}

fn limit_of(word: &[u8]) -> Vec<u8> {
    normal("client-output-buffer-limit", word)
}

/// Refuses where writing the main file would make an included line count that does not count now.
pub fn would_count(facts: &Facts, file: &ConfigFile, actions: &[Action]) -> Result<(), Refused> {
    let all = by_setting(file);
    let found = all.iter().filter_map(|(setting, said)| {
        let name = String::from_utf8_lossy(setting);
        let set = set_to(&name, actions);
        let running = facts.setting(&name).ok();
        behind(file, &name, said, set, running)
    });
    let found: Vec<String> = found.collect();
    match found.is_empty() {
        true => Ok(()),
        false => Err(Refused {
            why: format!(
                "included files have lines that do not count now, and would: {}",
                listed(found)
            ),
            way: Some("first keep each of these settings in one of the files only".to_owned()),
        }),
    }
}

/// The included line that would count for a setting in place of the one that counts now, in words.
fn behind(
    file: &ConfigFile,
    name: &str,
    said: &[Said<'_>],
    set: Option<&[u8]>,
    running: Option<&[u8]>,
) -> Option<String> {
    let last = said.last().filter(|last| !last.is_included())?;
    let included = said.iter().rfind(|one| one.is_included())?;
    let first = said.iter().find(|one| !one.is_included())?;
    if !differ(name, &included.value, set.unwrap_or(&last.value)) {
        return None;
    }
    let running = set.or(running).unwrap_or(&last.value);
    // Which of the lines a class of clients gets depends on the other classes.
    let may_be_left_out = is_left_out(name, running) || name.as_bytes().starts_with(LIMITS);
    let does = match may_be_left_out {
        true => "may write no line for its value".to_owned(),
        false if first.index < included.index => {
            format!("would write it into {} instead", file.place(first.line))
        }
        false => return None,
    };
    let (counts, would) = (file.place(last.line), file.place(included.line));
    let name = printable(name.as_bytes());
    Some(format!(
        "{name}: {counts} counts, CONFIG REWRITE {does}, and {would} would count"
    ))
}

/// What the fix sets it to.
fn set_to<'a>(name: &str, actions: &'a [Action]) -> Option<&'a [u8]> {
    let pairs = actions.iter().filter_map(|action| match action {
        Action::Set(pairs) => Some(pairs),
        _ => None,
    });
    let mut pairs = pairs.flatten();
    let set = pairs.find(|(own, _)| of_one_name(own.as_bytes()) == name.as_bytes());
    set.map(|(_, value)| value.as_slice())
}

fn is_left_out(name: &str, value: &[u8]) -> bool {
    match name {
        "bind" => normal(name, value) == DEFAULT_BIND,
        "replicaof" => normal(name, value).is_empty(),
        name => value.is_empty() && !WRITTEN_EMPTY.contains(&name),
    }
}

fn differ(name: &str, one: &[u8], other: &[u8]) -> bool {
    normal(name, one) != normal(name, other)
}

/// Refuses where points of `save` would be lost. CONFIG REWRITE writes each into a line of its own, and behind an include
/// line, even one of a pattern that matches nothing, the server takes every such line for the whole setting (seen on Redis
/// 7.0 to 8.6 and Valkey 9.1).
pub fn points_would_be_lost(facts: &Facts, file: &ConfigFile) -> Result<(), Refused> {
    let words = facts.setting("save").unwrap_or_default();
    let words: Vec<&[u8]> = words.split(u8::is_ascii_whitespace).collect();
    // The same point twice is one.
    let points = words.chunks_exact(2).collect::<BTreeSet<_>>().len();
    let in_main = |line: &&Line| line.is_in_the_main_file();
    let Some(include) = file.lines_of(b"include").find(in_main) else {
        return Ok(());
    };
    let first = include.directive.line;
    let in_front = |line: &Line| line.directive.line < first;
    let lines: Vec<&Line> = file.lines_of(b"save").filter(in_main).collect();
    if points < 2 || lines.iter().filter(|line| in_front(line)).count() >= points {
        return Ok(());
    }
    Err(Refused {
        why: format!(
            "save runs with {points} points, CONFIG REWRITE writes each into a line of its own, and behind an include line as \
             {} the next start would forget all of them but the last",
            file.place(include)
        ),
        way: Some(format!(
            "write a save line for each of them into {} in front of that line, and restart",
            file.main_file()
        )),
    })
}

/// Refuses where a secret would be copied from the only file that has it: whoever changes it there would be obeyed no more.
pub fn secrets_would_be_copied(file: &ConfigFile) -> Result<(), Refused> {
    let only = only_included(file);
    let mut places: Vec<String> = Vec::new();
    for (setting, last) in &only {
        if is_secret(&String::from_utf8_lossy(setting)) && !last.value.is_empty() {
            places.push(format!(
                "{} ({})",
                printable(setting),
                file.place(last.line)
            ));
        }
    }
    if places.is_empty() {
        return Ok(());
    }
    let main = file.main_file();
    Err(Refused {
        why: format!(
            "CONFIG REWRITE would copy into {main}, where it counts from then on, what stands in an included file only, and to \
             change it there would have no effect any more: {}",
            listed(places)
        ),
        way: Some(format!("move these lines into {main}")),
    })
}

/// What no line of the main file speaks of: the last line of each setting.
fn only_included(file: &ConfigFile) -> Vec<(Vec<u8>, Said<'_>)> {
    let all = by_setting(file).into_iter();
    let only = all.filter(|(_, said)| said.iter().all(Said::is_included));
    only.filter_map(|(setting, mut said)| Some((setting, said.pop()?)))
        .collect()
}

/// What PERSIST will tell as `copied`, as far as that is known before: of some settings it is not known what is the default,
/// for which no line is written.
pub fn will_be_copied(facts: &Facts, file: &ConfigFile) -> Vec<String> {
    let mut only = only_included(file);
    only.retain(|(setting, last)| {
        let name = String::from_utf8_lossy(setting);
        let value = facts.setting(&name).unwrap_or(&last.value);
        !is_left_out(&name, value) && !super::settings::is_default(&name, value)
    });
    let settings = told(file, &only);
    let tell = |settings: String| {
        format!(
            "into {} CONFIG REWRITE puts also those of these settings that run with another value than the default; they count \
             there from then on, and to change them elsewhere has no effect any more: {settings}",
            file.main_file()
        )
    };
    settings.into_iter().map(tell).collect()
}

/// What stood in an included file only, and counts in the main file now that it is written.
pub fn copied(before: &ConfigFile, after: &ConfigFile) -> Vec<String> {
    let now = by_setting(after);
    let mut only = only_included(before);
    only.retain(|(setting, _)| {
        let last = now.get(setting).and_then(|said| said.last());
        last.is_some_and(|last| !last.is_included())
    });
    let settings = told(before, &only);
    let tell = |settings: String| {
        format!(
            "from now on these count in {}, and to change them elsewhere has no effect: {settings}",
            after.main_file()
        )
    };
    settings.into_iter().map(tell).collect()
}

/// File by file, each setting with its line: `/etc/redis/more.conf: maxclients (line 4), maxmemory (line 1)`.
fn told(file: &ConfigFile, settings: &[(Vec<u8>, Said<'_>)]) -> Vec<String> {
    let mut by_file: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (setting, said) in settings {
        let text = format!("{} (line {})", printable(setting), said.line.directive.line);
        by_file.entry(said.line.file).or_default().push(text);
    }
    let tell = |(index, settings): (usize, Vec<String>)| {
        let path = file.files.get(index).map_or(&b""[..], Vec::as_slice);
        format!("{}: {}", printable(path), settings.join(", "))
    };
    by_file.into_iter().map(tell).collect()
}

/// What counts in an included file now, with another value, where before a line of the main file counted. What the fix has
/// set is not told.
pub fn now_counts(before: &ConfigFile, after: &ConfigFile, actions: &[Action]) -> Vec<String> {
    let now = by_setting(after);
    let mut found = Vec::new();
    for (setting, said) in by_setting(before) {
        let name = String::from_utf8_lossy(&setting).into_owned();
        let one = name.split(' ').next().unwrap_or_default();
        let last = now.get(&setting).and_then(|said| said.last());
        let (Some(was), Some(is)) = (said.last(), last) else {
            continue;
        };
        let same = was.is_included() || !is.is_included() || !differ(&name, &was.value, &is.value);
        if same || set_to(one, actions).is_some() {
            continue;
        }
        let (name, place) = (printable(&setting), after.place(is.line));
        found.push(match is_secret(&name) {
            true => format!("{name}: {place} has another one and counts"),
            false => format!("{name}: {place} says {} and counts", shown(&is.value)),
        });
    }
    found
}

#[cfg(test)]
#[path = "includes_tests.rs"]
mod tests;
