//! The check of where the server writes: a database that saves into `.ssh` or a folder of cron jobs has been taken over.

use super::staging_places::{
    self, Danger, danger, is_home, is_in_etc, is_in_own_folder_of_etc, is_named_for_the_server,
};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::checks::steps;
use crate::audit::facts::{Astray, Facts, Target};
use crate::audit::fix::Action;
use crate::render::escape::printable;

/// `file.staging`: no setting points at an attacker's target.
pub struct Staging;

impl Check for Staging {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "file.staging",
            title: "The server writes to no place an attacker would choose",
            category: Category::Files,
            severity: Severity::Critical,
            worst: Severity::Critical,
            tutorial: false,
            why: "CONFIG SET dir and dbfilename, then SAVE: so a client makes the server write an SSH key, a cron job, a web \
                  shell or a module. Settings that point there are the trace of it, or its beginning.",
            expected: "dir, dbfilename, appenddirname, aclfile and logfile in folders of the server's own",
            remedy: "Find out who set it and whether something was written; then point the server at its own folder again.",
            references: &[
                steps::SECURITY,
                "https://attack.mitre.org/techniques/T1098/004/",
                "https://cwe.mitre.org/data/definitions/73.html",
            ],
            fix: Fix::Auto,
            exposed: Exposed::Clients,
            cap: "the server writes where a file becomes a login, a job or a program",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let mut unknown = Vec::new();
        let mut fine = Vec::new();
        let mut found: Vec<(&Target, Place)> = Vec::new();
        for target in &facts.files.targets {
            let target = match target.known() {
                Ok(target) => target,
                Err(reason) => {
                    unknown.push(reason.to_owned());
                    continue;
                }
            };
            match judged(facts, target) {
                Ok(None) => fine.push(in_short(target)),
                Ok(Some(place)) => found.push((target, place)),
                Err(reason) => unknown.push(reason),
            }
        }
        // What lies in the data directory lies where that lies: it is told once.
        let dir = found.iter().find(|(target, _)| target.setting == "dir");
        if let Some(danger) = dir.map(|(_, place)| place.danger) {
            found.retain(|(target, place)| {
                !is_in_the_data_directory(target) || place.danger != danger
            });
        }
        if found.is_empty() {
            return match unknown.into_iter().next() {
                Some(reason) => Outcome::unknown(reason),
                None => Outcome::Pass(fine),
            };
        }
        let told = |(target, place): &(&Target, Place)| {
            format!("{}: it is {}", line(target), place.danger)
        };
        let mut actual: Vec<String> = found.iter().map(told).collect();
        actual.extend(unknown.iter().map(|reason| format!("unknown: {reason}")));
        let failure = Failure::new(actual)
            .steps(steps(facts, &found))
            .actions(action(facts, &found));
        let softer = found.iter().map(|(_, place)| place.softer);
        match softer
            .collect::<Option<Vec<&str>>>()
            .and_then(|reasons| reasons.first().copied())
        {
            Some(reason) => failure.severity(Severity::High, reason).into(),
            None => failure.into(),
        }
    }
}

/// A place that no server should write to.
struct Place {
    danger: Danger,
    /// Why it may be carelessness rather than an attack.
    softer: Option<&'static str>,
}

fn is_in_the_data_directory(target: &Target) -> bool {
    ["dbfilename", "appenddirname"].contains(&target.setting)
}

/// Judges the path as it is written, and as it is when links are followed.
fn judged(facts: &Facts, target: &Target) -> Result<Option<Place>, String> {
    let written = judged_path(facts, target, &target.written);
    match (written, target.resolved.known()) {
        (Some(place), _) => Ok(Some(place)),
        (None, Err(reason)) => Err(format!("{}: {reason}", target.setting)),
        (None, Ok(path)) => match judged_path(facts, target, path) {
            // A name that was only read from the file may be another by now, and in a home it matters which.
            None if target.by_file && target.setting == "dbfilename" && is_home(folder(path)) => {
                Err(format!(
                    "{} is a home, and CONFIG cannot be asked for dbfilename",
                    printable(folder(path))
                ))
            }
            place => Ok(place),
        },
    }
}

fn judged_path(facts: &Facts, target: &Target, path: &[u8]) -> Option<Place> {
    let file = !["dir", "appenddirname"].contains(&target.setting);
    if let Some(danger) = danger(path, file) {
        return Some(Place {
            danger,
            softer: None,
        });
    }
    if is_in_etc(path) {
        let own = is_in_own_folder_of_etc(path, file);
        // That is where a file of users belongs.
        if own && target.setting == "aclfile" {
            return None;
        }
        return Some(Place {
            danger: "in /etc",
            softer: (own && is_named_for_the_server(path))
                .then_some("it is a folder of the server's own, though in /etc"),
        });
    }
    if target.setting == "dir" && is_folder_of_modules(facts, path) {
        let at_home = facts.files.astray.is_none();
        return Some(Place {
            danger: "the folder of a module that the server loads",
            softer: at_home
                .then_some("nobody led the server there: the module was put among the data"),
        });
    }
    None
}

fn is_folder_of_modules(facts: &Facts, folder: &[u8]) -> bool {
    let code = facts.files.code.known().map(Vec::as_slice);
    code.unwrap_or_default()
        .iter()
        .filter_map(|code| code.folder.known().ok())
        .any(|known| known.path == folder)
}

fn folder(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    path.get(..end).unwrap_or_default()
}

/// The setting with its path, as written and as resolved.
fn line(target: &Target) -> String {
    let written = printable(&target.written);
    let source = source(target);
    match target.resolved.known() {
        Ok(path) if *path != target.written => {
            format!(
                "{} {written} -> {}{source}",
                target.setting,
                printable(path)
            )
        }
        _ => format!("{} {written}{source}", target.setting),
    }
}

/// The same, but for a name in the data directory, which is told anyway.
fn in_short(target: &Target) -> String {
    let same = target.resolved.known() == Ok(&target.written);
    let name = target.written.rsplit(|byte| *byte == b'/').next();
    match (same && is_in_the_data_directory(target), name) {
        (true, Some(name)) => format!("{} {}{}", target.setting, printable(name), source(target)),
        _ => line(target),
    }
}

fn source(target: &Target) -> &'static str {
    match target.by_file {
        true => " (by redis.conf)",
        false => "",
    }
}

fn steps(facts: &Facts, found: &[(&Target, Place)]) -> Vec<String> {
    let cli = steps::cli(facts);
    let mut lines = Vec::new();
    for (target, _) in found.iter().take(5) {
        let path = target.resolved.known().unwrap_or(&target.written);
        let path = steps::shell_path(path);
        lines.push(format!(
            "sudo ls -la --full-time {path}   # was something written?"
        ));
    }
    lines.push(format!(
        "{cli} SECGATE DENY 'config|set' param=dir,dbfilename at=first id=no-staging   # nobody leads it astray again"
    ));
    let (at_runtime, in_file): (Vec<&Target>, Vec<&Target>) = found
        .iter()
        .map(|(target, _)| *target)
        .partition(|target| ["dir", "dbfilename"].contains(&target.setting));
    for target in at_runtime {
        let (name, value) = match (target.setting, &facts.files.astray) {
            ("dir", Some(astray)) => ("dir", steps::shell_path(&astray.dir)),
            ("dir", None) => ("dir", "/var/lib/redis".to_owned()),
            (_, Some(astray)) => ("dbfilename", steps::shell_path(&astray.dbfilename)),
            (_, None) => ("dbfilename", "dump.rdb".to_owned()),
        };
        lines.push(format!(
            "# keep what lies in {value} first: the next save replaces a dump there"
        ));
        lines.push(format!(
            "{cli} CONFIG SET {name} {value}   # where enable-protected-configs allows it; else in redis.conf, and a restart"
        ));
    }
    for target in in_file {
        lines.push(format!(
            "# in redis.conf, before a restart: {} in a folder of the server's own",
            target.setting
        ));
    }
    lines
}

/// Back to where redis.conf has the data, and only there; only where nothing lies that the next save would replace, and
/// where the server lets such settings be changed, so that it can be undone.
fn action(facts: &Facts, found: &[(&Target, Place)]) -> Option<Action> {
    let is = |name: &str, value: &[u8]| facts.setting(name).is_ok_and(|set| set == value);
    let astray = facts.files.astray.as_ref()?;
    let only_these = found
        .iter()
        .all(|(target, _)| ["dir", "dbfilename"].contains(&target.setting));
    let allowed = is("enable-protected-configs", b"yes") && is("appendonly", b"no");
    if !only_these || !allowed || !is_safe(facts, astray) {
        return None;
    }
    let pairs = [("dir", &astray.dir), ("dbfilename", &astray.dbfilename)];
    let changed = pairs.into_iter().filter(|(name, value)| !is(name, value));
    let changed = changed.map(|(name, value)| (name.to_owned(), value.clone()));
    Some(Action::Set(changed.collect()))
}

/// Whether the folder that redis.conf names is one to go back to.
fn is_safe(facts: &Facts, astray: &Astray) -> bool {
    let own = astray.folder.known().is_ok_and(|folder| {
        folder.kind == 'd'
            && folder.uid == facts.process.uid
            && !staging_places::is_everybodys(super::place(folder))
            && !is_folder_of_modules(facts, super::place(folder))
    });
    let file = [&astray.dir, &b"/"[..], &astray.dbfilename].concat();
    own && astray.vacant && danger(&file, true).is_none()
}

#[cfg(test)]
#[path = "staging_tests.rs"]
mod tests;
