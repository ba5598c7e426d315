//! The check of the log files: the server's own, and the one this module writes its decisions to.

use super::{
    OTHERS, OTHERS_ENTER, PERMISSIONS, STICKY, in_safe_hands, is_the_servers_own, members, names,
    shown, stranger, take_away,
};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::checks::steps;
use crate::audit::facts::{Facts, FileStatus, LogFile, Member};

/// `file.log`: the log file and its folder.
pub struct Log;

impl Check for Log {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "file.log",
            title: "The log is not for everybody",
            category: Category::Files,
            severity: Severity::Low,
            worst: Severity::Medium,
            tutorial: false,
            why: "The log tells addresses, users, commands that failed and paths. Whoever can write it wipes his traces.",
            expected: "mode 640 or less for the file, 750 or less for a folder of its own",
            remedy: "Give the log a folder of its own, and take both from others.",
            references: &[
                PERMISSIONS,
                "https://cwe.mitre.org/data/definitions/532.html",
            ],
            fix: Fix::Auto,
            exposed: Exposed::Host,
            cap: "the log can be read or changed by other accounts of the host",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        if facts.files.logs.is_empty() {
            return Outcome::not_applicable(
                "no log file is set: neither logfile nor secaudit.log-file",
            );
        }
        let mut fine = Vec::new();
        let mut unknown = Vec::new();
        let mut found = Vec::new();
        for log in &facts.files.logs {
            match log.known() {
                Err(reason) => unknown.push(reason.to_owned()),
                Ok(log) if is_no_file(log) => fine.push(evidence(log)),
                Ok(log) => match judged(facts, log) {
                    Ok(None) => fine.push(evidence(log)),
                    Ok(Some(faults)) => found.push((log, faults)),
                    Err(reason) => unknown.push(reason),
                },
            }
        }
        if found.is_empty() {
            return match unknown.into_iter().next() {
                Some(reason) => Outcome::unknown(reason),
                None => Outcome::Pass(fine),
            };
        }
        let mut failure = Failure::new(Vec::new());
        for (log, faults) in &found {
            let told = format!("{}: {}", evidence(log), faults.told.join("; "));
            failure.actual.push(told);
            failure.steps.extend(steps(facts, log));
            failure.actions.extend(actions(facts, log));
        }
        let unknown = unknown.iter().map(|reason| format!("unknown: {reason}"));
        failure.actual.extend(unknown);
        let worst = found.iter().map(|(_, faults)| faults.weight).max();
        match worst.unwrap_or(Weight::Readable) {
            Weight::KeptOut => failure
                .severity(Severity::Info, "the folder keeps others out")
                .into(),
            Weight::Readable => failure.into(),
            Weight::Writable => failure
                .severity(Severity::Medium, "others may change what the log says")
                .into(),
        }
    }
}

/// What is wrong with a log, and how much it matters.
struct Faults {
    told: Vec<String>,
    weight: Weight,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    KeptOut,
    Readable,
    Writable,
}

/// A standard stream, `/dev/null`, a pipe: nothing is kept there, and whoever set it up has seen to it.
fn is_no_file(log: &LogFile) -> bool {
    log.file.as_ref().is_some_and(|file| file.kind != '-')
}

fn judged(facts: &Facts, log: &LogFile) -> Result<Option<Faults>, String> {
    let folder = &log.folder;
    let mut told = Vec::new();
    let mut weight = Weight::KeptOut;
    let closed = folder.mode & OTHERS_ENTER == 0;
    let mut add = |fault: String, raises: Weight| {
        told.push(fault);
        weight = weight.max(raises);
    };
    if folder.mode & 0o002 != 0 && folder.mode & STICKY == 0 {
        add("anybody may write the folder".to_owned(), Weight::Writable);
    } else if folder.mode & OTHERS != 0 {
        add(
            "anybody may look into the folder".to_owned(),
            Weight::Readable,
        );
    }
    if folder.mode & 0o020 != 0 && folder.mode & STICKY == 0 {
        let others = people(facts, folder)?;
        if !others.is_empty() {
            let fault = format!(
                "group {} ({}) may write the folder",
                folder.group,
                names(&others)
            );
            add(fault, Weight::Writable);
        }
    }
    if let Some(file) = &log.file {
        let raises = |weight| if closed { Weight::KeptOut } else { weight };
        if file.mode & 0o002 != 0 {
            add("anybody may write it".to_owned(), raises(Weight::Writable));
        } else if file.mode & 0o004 != 0 {
            add("anybody may read it".to_owned(), raises(Weight::Readable));
        }
        if file.mode & 0o020 != 0 {
            let others = people(facts, file)?;
            if !others.is_empty() {
                let fault = format!("group {} ({}) may write it", file.group, names(&others));
                add(fault, Weight::Writable);
            }
        }
        if !in_safe_hands(facts, file) {
            add(stranger(facts, file), Weight::Writable);
        }
    }
    Ok((!told.is_empty()).then_some(Faults { told, weight }))
}

/// The people in a group: accounts of the system, such as a log daemon's, are there to write logs.
fn people<'f>(facts: &'f Facts, file: &FileStatus) -> Result<Vec<&'f Member>, String> {
    let members = members(facts, file.gid, facts.process.uid);
    let members = members.map_err(|reason| format!("{}: {reason}", shown(file)))?;
    Ok(members
        .into_iter()
        .filter(|member| !member.is_of_the_system())
        .collect())
}

fn evidence(log: &LogFile) -> String {
    let file = match &log.file {
        Some(file) => shown(file),
        None => format!("{}: no file yet", log.setting),
    };
    format!("{file} in {}", shown(&log.folder))
}

fn actions(facts: &Facts, log: &LogFile) -> Vec<crate::audit::fix::Action> {
    let file = log.file.as_ref().filter(|file| in_safe_hands(facts, file));
    let file = file.and_then(|file| take_away(facts, file, 0o020 | OTHERS));
    file.into_iter()
        .chain(take_away(facts, &log.folder, 0o020 | OTHERS))
        .collect()
}

fn steps(facts: &Facts, log: &LogFile) -> Vec<String> {
    let user = &facts.process.user;
    let mut lines = Vec::new();
    if let Some(file) = &log.file {
        let path = steps::shell_path(&file.path);
        if !in_safe_hands(facts, file) {
            lines.push(format!("sudo chown {user} {path}"));
        }
        if file.mode & (0o020 | OTHERS) != 0 {
            lines.push(format!("sudo chmod g-w,o-rwx {path}"));
        }
    }
    if log.folder.mode & OTHERS == 0 && log.folder.mode & 0o020 == 0 {
        return lines;
    }
    if is_the_servers_own(facts, &log.folder) {
        let folder = steps::shell_path(&log.folder.path);
        lines.push(format!("sudo chmod g-w,o-rwx {folder}"));
    } else {
        lines.push(format!(
            "sudo install -d -o {user} -g adm -m 750 /var/log/redis"
        ));
        lines.push(format!(
            "# and in redis.conf, before a restart: {} /var/log/redis/{}.log",
            log.setting,
            if log.setting == "logfile" {
                "redis"
            } else {
                "secaudit"
            }
        ));
    }
    lines
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
