//! The check of the files whose code runs in the server: modules and libraries.

use super::{PERMISSIONS, members, names, shown};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::checks::steps;
use crate::audit::facts::{Code, Fact, Facts, FileStatus};

/// `file.module`: nobody but root can change what the server loads.
pub struct Module;

/// How many files a finding names before it counts them.
const NAMED: usize = 5;

impl Check for Module {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "file.module",
            title: "Only root can change the modules the server loads",
            category: Category::Files,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "A module is code that runs in the server. Where the server itself can write it, a client who makes it save \
                  a dump there runs code of his own at the next start.",
            expected: "every loaded .so and its folder owned by root, and writable by nobody else",
            remedy: "Keep modules in a folder of root's, such as /usr/lib/redis/modules, and load them from there.",
            references: &[steps::SECURITY, PERMISSIONS],
            fix: Fix::Plan,
            exposed: Exposed::Host,
            cap: "code that the server loads can be changed by others than root",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let code = match facts.files.code.known() {
            Ok(code) => code,
            Err(reason) => return Outcome::unknown(reason),
        };
        let found = Found::among(code, facts);
        if found.wrong.is_empty() {
            return match found.unknown.into_iter().next() {
                Some(reason) => Outcome::unknown(reason),
                None => Outcome::Pass(evidence(code)),
            };
        }
        let steps = found.steps();
        let mut actual = found.wrong;
        let more = actual.len().saturating_sub(2 * NAMED);
        actual.truncate(2 * NAMED);
        actual.extend((more > 0).then(|| format!("and {more} more")));
        let unknown = found.unknown.iter().take(NAMED);
        actual.extend(unknown.map(|reason| format!("unknown: {reason}")));
        Failure::new(actual).steps(steps).into()
    }
}

/// What is wrong with the code that runs.
#[derive(Default)]
struct Found<'f> {
    /// The evidence.
    wrong: Vec<String>,
    unknown: Vec<String>,
    modules: Vec<&'f FileStatus>,
    libraries: Vec<&'f FileStatus>,
}

impl<'f> Found<'f> {
    fn among(code: &'f [Code], facts: &Facts) -> Self {
        let mut found = Self::default();
        // Libraries lie together: their folder is told once.
        let mut told: Vec<&[u8]> = Vec::new();
        for one in code {
            let (file, folder) = match (one.file.known(), one.folder.known()) {
                (Ok(file), Ok(folder)) => (file, folder),
                (Err(reason), _) | (_, Err(reason)) => {
                    found.unknown.push(reason.to_owned());
                    continue;
                }
            };
            let mut bad = false;
            for status in [file, folder] {
                match faults(facts, status) {
                    Ok(faults) if faults.is_empty() => {}
                    Ok(faults) => {
                        bad = true;
                        if !told.contains(&status.path.as_slice()) {
                            told.push(&status.path);
                            let line = format!("{}: {}", shown(status), faults.join("; "));
                            found.wrong.push(line);
                        }
                    }
                    Err(reason) => found.unknown.push(reason),
                }
            }
            match (bad, &one.module) {
                (false, _) => {}
                (true, Some(_)) => found.modules.push(file),
                (true, None) => found.libraries.push(file),
            }
        }
        found
    }

    fn steps(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .modules
            .iter()
            .take(NAMED)
            .flat_map(|file| module_steps(file))
            .collect();
        if let Some(file) = self.libraries.first() {
            let path = steps::shell_path(&file.path);
            let others = match self.libraries.len().saturating_sub(1) {
                0 => String::new(),
                more => format!(", and so for {more} others"),
            };
            lines.push(format!(
                "sudo chown root:root {path} && sudo chmod go-w {path}   # and its folder{others}"
            ));
        }
        lines.push("# then restart the server: what is loaded stays loaded until then".to_owned());
        lines
    }
}

/// Who but root can write a file or folder: whoever owns it can give himself the right.
fn faults(facts: &Facts, status: &FileStatus) -> Result<Vec<String>, String> {
    let process = &facts.process;
    let mut faults = Vec::new();
    if status.uid == process.uid && status.uid != 0 {
        faults.push(format!("the server's own user {} owns it", status.owner));
    } else if status.uid != 0 {
        faults.push(format!("{} owns it", status.owner));
    }
    if status.mode & 0o002 != 0 {
        faults.push("anybody may write it".to_owned());
    }
    if status.mode & 0o020 != 0 {
        let told = |reason| format!("{}: {reason}", shown(status));
        // A service can be in a group that /etc/group does not tell of.
        let groups = process
            .groups
            .known()
            .map_err(|reason| told(reason.to_owned()))?;
        let is_in = process.gid == status.gid || groups.contains(&status.gid);
        let members = members(facts, status.gid, 0).map_err(told)?;
        if is_in && process.uid != 0 {
            faults.push(format!(
                "the server may write it, by its group {}",
                status.group
            ));
        } else if !members.is_empty() {
            faults.push(format!(
                "group {} ({}) may write it",
                status.group,
                names(&members)
            ));
        }
    }
    Ok(faults)
}

/// The modules, and how many libraries there are beside them.
fn evidence(code: &[Code]) -> Vec<String> {
    let known = |file: &Fact<FileStatus>| file.known().ok().map(shown);
    let modules: Vec<&Code> = code.iter().filter(|code| code.module.is_some()).collect();
    let mut lines: Vec<String> = modules
        .iter()
        .take(NAMED)
        .filter_map(|code| known(&code.file))
        .collect();
    match modules.len().saturating_sub(NAMED) {
        0 => {}
        more => lines.push(format!("and {more} more modules")),
    }
    match code.len() - modules.len() {
        0 => {}
        libraries => lines.push(format!("{libraries} libraries, all root's")),
    }
    lines
}

fn module_steps(file: &FileStatus) -> [String; 2] {
    let path = steps::shell_path(&file.path);
    let name = file.path.rsplit(|byte| *byte == b'/').next();
    let target = [b"/usr/lib/redis/modules/", name.unwrap_or_default()].concat();
    let target = steps::shell_path(&target);
    [
        format!(
            "sudo install -D -o root -g root -m 755 {path} {target}   # from a copy that you trust"
        ),
        format!("# in redis.conf: loadmodule {target}"),
    ]
}

#[cfg(test)]
#[path = "modules_tests.rs"]
mod tests;
