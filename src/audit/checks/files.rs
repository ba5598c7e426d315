//! Checks of the files the server lives from: who may read and write them.

use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Fact, Facts, FileStatus};
use crate::render::escape::printable;

/// `file.config`: redis.conf and what it includes.
pub struct Config;

/// `file.data-dir`: the folder of the data.
pub struct DataDir;

/// `file.acl`: the users and their password digests.
pub struct Acl;

impl Check for Config {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "file.config",
            title: "redis.conf is private and in safe hands",
            category: Category::Files,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: true,
            why: "redis.conf holds the password in clear, and whoever can write it decides what the server does at its next \
                  start.",
            expected: "mode 600 (640 accepted), owned by root or the server's user",
            remedy: "Take the file from everybody but the server's user and root.",
            references: &[
                steps::TUTORIAL,
                "https://cwe.mitre.org/data/definitions/732.html",
            ],
            fix: Fix::Auto,
            exposed: Exposed::Host,
            cap: "redis.conf, with its password, is open to other accounts of the host",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        if facts.files.config.is_empty() {
            return Outcome::not_applicable("the server was started without a configuration file");
        }
        let files: Vec<&Fact<FileStatus>> = facts.files.config.iter().collect();
        judged(facts, &files, 0o027, mend_file)
    }
}

impl Check for Acl {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "file.acl",
            title: "The ACL file is private and in safe hands",
            category: Category::Files,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "The ACL file holds every user's password digest, and whoever can write it makes himself administrator.",
            expected: "mode 600 (640 accepted), owned by root or the server's user",
            remedy: "Take the file from everybody but the server's user and root.",
            references: &[
                steps::ACL,
                "https://cwe.mitre.org/data/definitions/732.html",
            ],
            fix: Fix::Auto,
            exposed: Exposed::Host,
            cap: "the ACL file is open to other accounts of the host",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        match &facts.files.acl {
            None => Outcome::not_applicable("no aclfile is set"),
            Some(file) => judged(facts, &[file], 0o027, mend_file),
        }
    }
}

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
            references: &[
                steps::TUTORIAL,
                "https://cwe.mitre.org/data/definitions/732.html",
            ],
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
        if folder.uid != facts.process.uid {
            faults.push(format!(
                "owned by {}, not by the server's user {}",
                folder.owner, facts.process.user
            ));
        }
        if folder.mode & 0o002 != 0 {
            faults.push("anybody may write it".to_owned());
        } else if folder.mode & 0o007 != 0 {
            faults.push("anybody may look into it".to_owned());
        }
        if folder.mode & 0o020 != 0 {
            faults.push(format!("group {} may write it", folder.group));
        } else if folder.mode & 0o050 != 0 {
            if folder.gid != facts.process.gid {
                faults.push(format!("group {} may look into it", folder.group));
            } else {
                match facts.process.group_sharers.known() {
                    Ok(sharers) if sharers.is_empty() => {}
                    Ok(sharers) => faults.push(format!(
                        "group {} may look into it, and so may {}",
                        folder.group,
                        steps::first_few(sharers, 5)
                    )),
                    Err(reason) if faults.is_empty() => {
                        return Outcome::unknown(format!(
                            "{}: whether group {} is the server's alone is not known: {reason}",
                            shown(folder),
                            folder.group
                        ));
                    }
                    Err(_) => {}
                }
            }
        }
        if faults.is_empty() {
            return Outcome::pass(shown(folder));
        }
        let path = steps::shell_path(&folder.path);
        let (user, group) = (&facts.process.user, &facts.process.group);
        Failure::new(vec![format!("{}: {}", shown(folder), faults.join("; "))])
            .steps([
                format!("sudo chown {user}:{group} {path}"),
                format!("sudo chmod 700 {path}"),
            ])
            .into()
    }
}

/// Judges files by the mode bits they must not have and by their owner.
fn judged(
    facts: &Facts,
    files: &[&Fact<FileStatus>],
    forbidden: u32,
    mend: impl Fn(&Facts, &FileStatus) -> Vec<String>,
) -> Outcome {
    let mut fine = Vec::new();
    let mut wrong = Vec::new();
    let mut steps = Vec::new();
    let mut unknown = Vec::new();
    for file in files {
        match file.known() {
            Err(reason) => unknown.push(reason.to_owned()),
            Ok(file) => {
                let faults = faults(facts, file, forbidden);
                if faults.is_empty() {
                    fine.push(shown(file));
                } else {
                    wrong.push(format!("{}: {}", shown(file), faults.join("; ")));
                    steps.extend(mend(facts, file));
                }
            }
        }
    }
    if !wrong.is_empty() {
        wrong.extend(
            unknown
                .into_iter()
                .map(|reason| format!("unknown: {reason}")),
        );
        return Failure::new(wrong).steps(steps).into();
    }
    match unknown.into_iter().next() {
        Some(reason) => Outcome::unknown(reason),
        None => Outcome::Pass(fine),
    }
}

fn faults(facts: &Facts, file: &FileStatus, forbidden: u32) -> Vec<String> {
    let mut faults = Vec::new();
    let bits = file.mode & forbidden;
    if bits & 0o002 != 0 {
        faults.push("anybody may write it".to_owned());
    }
    if bits & 0o004 != 0 {
        faults.push("anybody may read it".to_owned());
    }
    if bits & 0o020 != 0 {
        faults.push(format!("group {} may write it", file.group));
    }
    if file.uid != 0 && file.uid != facts.process.uid {
        faults.push(format!(
            "owner {} is neither root nor the server's user {}",
            file.owner, facts.process.user
        ));
    }
    faults
}

/// As the tutorial does it: the server's user owns the file, and root's group.
fn mend_file(facts: &Facts, file: &FileStatus) -> Vec<String> {
    let path = steps::shell_path(&file.path);
    vec![
        format!("sudo chown {}:root {path}", facts.process.user),
        format!("sudo chmod 600 {path}"),
    ]
}

/// As `ls -l` shows it.
fn shown(file: &FileStatus) -> String {
    let mut mode = String::from(file.kind);
    for (shift, special, mark) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = file.mode >> shift;
        mode.push(if bits & 4 != 0 { 'r' } else { '-' });
        mode.push(if bits & 2 != 0 { 'w' } else { '-' });
        mode.push(match (file.mode & special != 0, bits & 1 != 0) {
            (false, false) => '-',
            (false, true) => 'x',
            (true, true) => mark,
            (true, false) => mark.to_ascii_uppercase(),
        });
    }
    format!(
        "{mode} {} {} {}",
        file.owner,
        file.group,
        printable(&file.path)
    )
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
