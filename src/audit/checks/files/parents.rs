//! The check of everything above the server's files: whoever can rename a folder puts another in its place.

use super::{PERMISSIONS, STICKY, in_safe_hands, members, names, shown, stranger};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::checks::steps;
use crate::audit::facts::{self, Facts};
use crate::render::escape::printable;

/// `file.parents`: the folders and links above all files of the server.
pub struct Parents;

/// How many folders a finding names before it counts them.
const NAMED: usize = 10;

impl Check for Parents {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "file.parents",
            title: "No folder above the server's files is open",
            category: Category::Files,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "A file is as safe as the folders above it. Whoever can write one of them renames what lies in it and puts his \
                  own redis.conf, data or module in its place; so does whoever owns a link on the way.",
            expected: "every folder and link above redis.conf, data, ACL, log, key, policy and module files owned by root or the \
                       server's user, and writable by nobody else (a sticky folder such as /tmp is accepted)",
            remedy: "Take the right to write those folders from everybody else.",
            references: &[
                PERMISSIONS,
                "https://cwe.mitre.org/data/definitions/59.html",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Host,
            cap: "other accounts of the host can put their own files in the place of the server's",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let parents = &facts.files.parents;
        let mut unknown = parents.unread.clone();
        let mut found = Vec::new();
        for parent in &parents.found {
            match faults(facts, parent) {
                Ok(faults) if faults.told.is_empty() => {}
                Ok(faults) => found.push((parent, faults)),
                Err(reason) => unknown.push(format!("{}: {reason}", line(parent))),
            }
        }
        if found.is_empty() {
            return match unknown.into_iter().next() {
                Some(reason) => Outcome::unknown(reason),
                None => evidence(&parents.found),
            };
        }
        let told = |(parent, faults): &(&facts::Parent, Faults)| {
            let above = printable(&parent.above);
            format!(
                "{}: {} (above {above})",
                line(parent),
                faults.told.join("; ")
            )
        };
        let mut actual: Vec<String> = found.iter().take(NAMED).map(told).collect();
        let more = found.len().saturating_sub(NAMED);
        actual.extend((more > 0).then(|| format!("and {more} more")));
        let unknown = unknown.iter().take(NAMED);
        actual.extend(unknown.map(|reason| format!("unknown: {reason}")));
        let steps = found
            .iter()
            .take(NAMED)
            .flat_map(|(parent, faults)| steps(parent, faults));
        let failure = Failure::new(actual).steps(steps);
        match found.iter().all(|(_, faults)| faults.system_only) {
            true => failure
                .severity(
                    Severity::Low,
                    "only accounts of the system, which nobody signs in as, can write there",
                )
                .into(),
            false => failure.into(),
        }
    }
}

/// What is wrong with a folder or a link.
#[derive(Default)]
struct Faults {
    told: Vec<String>,
    /// Whoever owns it is a stranger.
    owner: bool,
    /// The bits it should not have.
    bits: u32,
    /// Only accounts of the system can make use of it.
    system_only: bool,
}

fn faults(facts: &Facts, parent: &facts::Parent) -> Result<Faults, String> {
    let status = &parent.status;
    let mut faults = Faults {
        system_only: true,
        ..Faults::default()
    };
    if !in_safe_hands(facts, status) {
        faults.told.push(stranger(facts, status));
        faults.owner = true;
        faults.system_only = false;
    }
    // A link's bits mean nothing. In a sticky folder only an owner renames what is his.
    if parent.leads_to.is_some() || status.mode & STICKY != 0 {
        return Ok(faults);
    }
    if status.mode & 0o002 != 0 {
        faults.told.push("anybody may write it".to_owned());
        faults.bits |= 0o002;
        faults.system_only = false;
    }
    if status.mode & 0o020 != 0 {
        let others = match members(facts, status.gid, facts.process.uid) {
            Ok(others) => others,
            Err(_) if !faults.told.is_empty() => return Ok(faults),
            Err(reason) => return Err(reason),
        };
        if !others.is_empty() {
            let fault = format!("group {} ({}) may write it", status.group, names(&others));
            faults.told.push(fault);
            faults.bits |= 0o020;
            faults.system_only &= others.iter().all(|member| member.is_of_the_system());
        }
    }
    Ok(faults)
}

/// As `ls -l` shows it, a link with what it says.
fn line(parent: &facts::Parent) -> String {
    let target = parent.leads_to.as_deref().map(printable);
    format!(
        "{}{}",
        shown(&parent.status),
        target.map_or_else(String::new, |target| format!(" -> {target}"))
    )
}

fn evidence(found: &[facts::Parent]) -> Outcome {
    let links = || found.iter().filter(|parent| parent.leads_to.is_some());
    let folders = found.len() - links().count();
    let sum = format!("{folders} folders, all of root or the server's user, none open to others");
    let mut lines = vec![sum];
    lines.extend(links().take(NAMED).map(line));
    Outcome::Pass(lines)
}

fn steps(parent: &facts::Parent, faults: &Faults) -> Vec<String> {
    let path = steps::shell_path(&parent.status.path);
    if parent.leads_to.is_some() {
        return vec![
            format!("ls -ld {path}   # does it lead where it should?"),
            format!("sudo chown -h root:root {path}"),
        ];
    }
    let who = match (faults.bits & 0o020 != 0, faults.bits & 0o002 != 0) {
        (true, true) => Some("go-w"),
        (true, false) => Some("g-w"),
        (false, true) => Some("o-w"),
        (false, false) => None,
    };
    let owner = faults.owner.then(|| format!("sudo chown root:root {path}"));
    let mode = who.map(|who| format!("sudo chmod {who} {path}"));
    owner.into_iter().chain(mode).collect()
}

#[cfg(test)]
#[path = "parents_tests.rs"]
mod tests;
