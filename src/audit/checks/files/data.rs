//! Checks of the data: the folder, the dump and the append-only file.

use super::{OTHERS, OTHERS_ENTER, PERMISSIONS, shown, staging_places, take_away};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::checks::steps;
use crate::audit::facts::{DataFiles, Fact, Facts, FileStatus};

/// `file.data-dir`: the folder of the data.
pub struct DataDir;

/// `file.data`: the files in it.
pub struct Data;

/// How many files a finding names before it counts them.
const NAMED: usize = 5;
/// How many files the server is asked to change one by one.
const CHANGED: usize = 200;

impl Check for DataDir {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "file.data-dir",
            title: "The data directory is the server's alone",
            category: Category::Files,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: true,
            why: "dump.rdb and the AOF are the whole data set: whoever can read the folder has it all, and whoever can \
                  write it chooses what the server loads.",
            expected: "mode 700 (750 accepted with a group of its own), owned by the server's user",
            remedy: "Give the folder to the server's user, and to nobody else.",
            references: &[steps::TUTORIAL, PERMISSIONS],
            fix: Fix::Auto,
            exposed: Exposed::Host,
            cap: "the data directory is open to other accounts of the host",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let folder = match facts.files.data_dir.known() {
            Ok(folder) => folder,
            Err(reason) => return Outcome::unknown(reason),
        };
        let mut faults = Vec::new();
        let mut bits = 0o020 | OTHERS;
        if folder.uid != facts.process.uid {
            faults.push(format!(
                "owned by {}, not by the server's user {}",
                folder.owner, facts.process.user
            ));
        }
        if folder.mode & 0o002 != 0 {
            faults.push("anybody may write it".to_owned());
        } else if folder.mode & OTHERS != 0 {
            faults.push("anybody may look into it".to_owned());
        }
        if folder.mode & 0o020 != 0 {
            faults.push(format!("group {} may write it", folder.group));
        } else if folder.mode & 0o050 != 0 {
            match shared_by(facts, folder) {
                Ok(None) => {}
                Ok(Some(fault)) => {
                    bits |= 0o070;
                    faults.push(fault);
                }
                Err(reason) if faults.is_empty() => return Outcome::unknown(reason),
                Err(_) => {}
            }
        }
        if faults.is_empty() {
            return Outcome::pass(shown(folder));
        }
        let actions = match folder.uid == facts.process.uid {
            true => take_away(facts, folder, bits),
            false => None,
        };
        Failure::new(vec![format!("{}: {}", shown(folder), faults.join("; "))])
            .steps(folder_steps(facts, folder))
            .actions(actions)
            .into()
    }
}

impl Check for Data {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "file.data",
            title: "The dump and the AOF are private",
            category: Category::Files,
            severity: Severity::Medium,
            worst: Severity::Medium,
            tutorial: false,
            why: "The dump and the append-only file hold every key and value. A file that everybody may read keeps that mode \
                  wherever it is copied.",
            expected: "nothing that others may read: mode 600 or 640 for files, 700 or 750 for the folder of the AOF",
            remedy: "Take the files from others, and start the server with a umask that makes new ones private.",
            references: &[steps::SECURITY, PERMISSIONS],
            fix: Fix::Auto,
            exposed: Exposed::Host,
            cap: "the data can be read by other accounts of the host",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let data = match facts.files.data.known() {
            Ok(data) => data,
            Err(reason) => return Outcome::unknown(reason),
        };
        let all = || data.files.iter().chain(&data.aof_dir).chain(&data.aof);
        if all().next().is_none() {
            return Outcome::not_applicable("there is neither a dump nor an append-only file yet");
        }
        let known: Vec<&FileStatus> = all().filter_map(|file| file.known().ok()).collect();
        let open: Vec<&FileStatus> = known
            .iter()
            .copied()
            .filter(|file| file.mode & OTHERS != 0 && matches!(file.kind, '-' | 'd'))
            .collect();
        let unread = unread(facts, data);
        if open.is_empty() {
            return match unread.into_iter().next() {
                Some(reason) => Outcome::unknown(reason),
                None => Outcome::Pass(named(&known, shown)),
            };
        }
        let mut actual = named(&open, |file| format!("{}: {}", shown(file), fault(file)));
        actual.extend(unread.iter().map(|reason| format!("unknown: {reason}")));
        let failure = Failure::new(actual).steps(file_steps(&open)).actions(
            open.iter()
                .take(CHANGED)
                .filter_map(|file| take_away(facts, file, OTHERS)),
        );
        match kept_out(facts, data, &open) {
            Some(folder) => failure
                .severity(
                    Severity::Low,
                    format!("the folder keeps others out: {folder}"),
                )
                .into(),
            None => failure.into(),
        }
    }
}

/// Who but the server may use a folder's group bits, in words.
fn shared_by(facts: &Facts, folder: &FileStatus) -> Result<Option<String>, String> {
    let group = &folder.group;
    if folder.gid != facts.process.gid {
        return Ok(Some(format!("group {group} may look into it")));
    }
    match facts.process.group_sharers.known() {
        Ok(sharers) if sharers.is_empty() => Ok(None),
        Ok(sharers) => Ok(Some(format!(
            "group {group} may look into it, and so may {}",
            steps::first_few(sharers, NAMED)
        ))),
        Err(reason) => Err(format!(
            "{}: whether group {group} is the server's alone is not known: {reason}",
            shown(folder)
        )),
    }
}

fn folder_steps(facts: &Facts, folder: &FileStatus) -> Vec<String> {
    let path = steps::shell_path(&folder.path);
    let (user, group) = (&facts.process.user, &facts.process.group);
    if staging_places::is_everybodys(&folder.path) || folder.mode & super::STICKY != 0 {
        // Others need that folder as it is.
        return vec![
            format!("sudo install -d -o {user} -g {group} -m 700 /var/lib/redis"),
            "# stop the server, move dump.rdb and appendonlydir there, write into redis.conf: dir /var/lib/redis"
                .to_owned(),
        ];
    }
    vec![
        format!("sudo chown {user}:{group} {path}"),
        format!("sudo chmod 700 {path}"),
    ]
}

fn fault(file: &FileStatus) -> &'static str {
    match (file.mode & 0o002 != 0, file.kind) {
        (true, _) => "anybody may write it",
        (false, 'd') => "anybody may look into it",
        (false, _) => "anybody may read it",
    }
}

/// The folder that keeps others from every one of these files, whatever the files' modes are.
fn kept_out(facts: &Facts, data: &DataFiles, open: &[&FileStatus]) -> Option<String> {
    let closed = |folder: &&FileStatus| is_closed(folder);
    // A link may lead out of the folder.
    if open.iter().any(|file| file.resolved.is_some()) {
        return None;
    }
    if let Some(folder) = facts.files.data_dir.known().ok().filter(closed) {
        return Some(shown(folder));
    }
    let aof_dir = data.aof_dir.as_ref()?.known().ok().filter(closed)?;
    let inside = open.iter().all(|file| is_inside(aof_dir, file));
    inside.then(|| shown(aof_dir))
}

/// What could not be looked at, and would matter.
fn unread(facts: &Facts, data: &DataFiles) -> Vec<String> {
    let all = data.files.iter().chain(&data.aof_dir).chain(&data.aof);
    let reasons = all.filter_map(|file: &Fact<FileStatus>| file.known().err());
    let mut unread: Vec<String> = reasons.take(NAMED).map(str::to_owned).collect();
    let folders = [Some(&facts.files.data_dir), data.aof_dir.as_ref()];
    let known = folders
        .into_iter()
        .flatten()
        .filter_map(|folder| folder.known().ok());
    if data.cut && !known.into_iter().any(is_closed) {
        unread.push(format!(
            "the folder of the AOF has more than the {} files that were looked at",
            data.aof.len()
        ));
    }
    unread
}

fn is_closed(folder: &FileStatus) -> bool {
    folder.mode & OTHERS_ENTER == 0
}

fn is_inside(folder: &FileStatus, file: &FileStatus) -> bool {
    let rest = file.path.strip_prefix(folder.path.as_slice());
    rest.is_some_and(|rest| rest.starts_with(b"/"))
}

/// A line for each of the first files, and how many more there are.
fn named(files: &[&FileStatus], line: impl Fn(&FileStatus) -> String) -> Vec<String> {
    let mut lines: Vec<String> = files.iter().take(NAMED).map(|file| line(file)).collect();
    match files.len().saturating_sub(NAMED) {
        0 => {}
        more => lines.push(format!("and {more} more")),
    }
    lines
}

fn file_steps(open: &[&FileStatus]) -> Vec<String> {
    let folder = open.iter().find(|file| file.kind == 'd');
    let apart = |file: &&&FileStatus| folder.is_none_or(|folder| !is_inside(folder, file));
    let chmod = |file: &&FileStatus| {
        let recursive = if file.kind == 'd' { "-R " } else { "" };
        format!(
            "sudo chmod {recursive}o-rwx {}",
            steps::shell_path(&file.path)
        )
    };
    let mut lines: Vec<String> = open.iter().filter(apart).take(NAMED).map(chmod).collect();
    lines.push(
        "# so that new files are private too: UMask=0077 in the systemd unit, or umask 077 where the server is started"
            .to_owned(),
    );
    lines
}

#[cfg(test)]
#[path = "data_tests.rs"]
mod tests;
