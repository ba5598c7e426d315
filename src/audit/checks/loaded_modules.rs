//! The check of the modules that run: whether somebody configured them, and whether their files lie where intruders put theirs.

use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Code, Fact, Facts, FileStatus};
use crate::render::escape::printable_up_to;

/// `ioc.modules`: every module is configured, and lies where modules belong.
pub struct Modules;

/// How many modules a finding names.
const NAMED: usize = 10;

/// Where everybody may put a file, or nothing outlives a restart.
const TEMPORARY: [&str; 3] = ["/tmp/", "/var/tmp/", "/dev/shm/"];

impl Check for Modules {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "ioc.modules",
            title: "Every loaded module is configured and in a proper place",
            category: Category::Compromise,
            severity: Severity::Medium,
            worst: Severity::Medium,
            tutorial: false,
            why: "Intruders run code of theirs as a module: saved among the data by replication, or put into /tmp, and loaded at \
                  run time, so that no configuration names it.",
            expected: "a loadmodule line for every module, and its .so in a folder that only root can write",
            remedy: "Unload a module that is not yours and treat the server as broken into. Give your own a loadmodule line and \
                     a folder of root's, such as /usr/lib/redis/modules.",
            references: &[steps::SECURITY, steps::VALKEY],
            fix: Fix::Plan,
            exposed: Exposed::Host,
            cap: "code runs in the server that nobody may have configured",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let code = match facts.files.code.known() {
            Ok(code) => code,
            Err(reason) => return Outcome::unknown(reason),
        };
        let mut actual = Vec::new();
        let mut wrong = Vec::new();
        let mut fine = Vec::new();
        let mut unknown = Vec::new();
        if !code.iter().any(|one| one.module.is_some()) {
            // This module is always there, so it is the list that is missing.
            unknown.push(
                "MODULE LIST cannot be asked: which files are modules is not known".to_owned(),
            );
        }
        for one in code {
            let mut faults = misplaced(facts, one);
            match unconfigured(facts, one) {
                Ok(fault) => faults.extend(fault),
                Err(reason) => unknown.push(format!("{}: {reason}", shown(one))),
            }
            if !faults.is_empty() {
                actual.push(format!("{}: {}", shown(one), faults.join("; ")));
                wrong.push(one);
            } else if one.module.is_some() {
                fine.push(shown(one));
            }
        }
        if actual.is_empty() {
            return match unknown.into_iter().next() {
                Some(reason) => Outcome::unknown(reason),
                None => Outcome::Pass(fine),
            };
        }
        let more = actual.len().saturating_sub(NAMED);
        actual.truncate(NAMED);
        actual.extend((more > 0).then(|| format!("and {more} more")));
        actual.extend(
            unknown
                .iter()
                .take(NAMED)
                .map(|reason| format!("unknown: {reason}")),
        );
        Failure::new(actual).steps(mend(facts, &wrong)).into()
    }
}

/// What is wrong with where a module, or a library, lies.
fn misplaced(facts: &Facts, one: &Code) -> Vec<String> {
    let mut faults = Vec::new();
    let resolved = one.file.known().ok().map(place);
    let temporary = |path: &[u8]| {
        TEMPORARY
            .iter()
            .any(|tree| path.starts_with(tree.as_bytes()))
    };
    if temporary(&one.path) || resolved.is_some_and(temporary) {
        faults.push("it lies in a temporary folder".to_owned());
    }
    let Ok(folder) = one.folder.known() else {
        return faults;
    };
    let data = facts.files.data.known().ok();
    let aof = data.and_then(|data| data.aof_dir.as_ref());
    let folders = [Some(&facts.files.data_dir), aof];
    let of_data = |status: &&Fact<FileStatus>| {
        status
            .known()
            .is_ok_and(|status| place(status) == place(folder))
    };
    if folders.iter().flatten().any(of_data) {
        faults.push("it lies among the data, where clients can make the server write".to_owned());
    }
    if folder.mode & 0o002 != 0 {
        faults.push("anybody may write the folder it lies in".to_owned());
    }
    faults
}

/// What is wrong with a module that no configuration file names.
fn unconfigured(facts: &Facts, one: &Code) -> Result<Option<String>, String> {
    let named = |path: &Vec<u8>| *path == one.path;
    let file = facts.configured.as_ref();
    if one.module.is_none() || file.is_some_and(|file| file.modules.iter().any(named)) {
        return Ok(None);
    }
    // It cannot be switched on later: what no file names was on the command line.
    if facts.setting("enable-module-command") == Ok(b"no") {
        return Ok(None);
    }
    match file {
        None => Err(
            "the server was started without a configuration file: whether its command line loads it, or a client did, \
             is not known"
                .to_owned(),
        ),
        Some(file) => match &file.gap {
            Some(gap) => Err(format!("whether redis.conf loads it: unread: {gap}")),
            None => Ok(Some(format!(
                "no loadmodule line of {} names it",
                steps::conf(facts)
            ))),
        },
    }
}

fn place(status: &FileStatus) -> &[u8] {
    status.resolved.as_deref().unwrap_or(&status.path)
}

/// `secaudit /usr/lib/redis/modules/libsecaudit.so`.
fn shown(one: &Code) -> String {
    let path = printable_up_to(&one.path, 300);
    let gone = match one.file.known() {
        Ok(_) => "",
        Err(_) => " (cannot be looked at)",
    };
    match &one.module {
        Some(name) => format!("{} {path}{gone}", printable_up_to(name, 64)),
        None => format!("library {path}{gone}"),
    }
}

fn mend(facts: &Facts, wrong: &[&Code]) -> Vec<String> {
    let mut lines = Vec::new();
    for one in wrong.iter().take(5) {
        let path = steps::shell_path(&one.path);
        let name = one.path.rsplit(|byte| *byte == b'/').next();
        let new = [b"/usr/lib/redis/modules/", name.unwrap_or_default()].concat();
        // This one does not let itself be unloaded.
        let module = one.module.as_ref().filter(|name| *name != b"secaudit");
        if let Some(module) = module {
            lines.push(format!(
                "{} MODULE UNLOAD {}   # if it is not yours; keep {path} as evidence",
                steps::cli(facts),
                steps::shell_path(module)
            ));
        }
        if !misplaced(facts, one).is_empty() {
            lines.push(format!(
                "sudo install -D -o root -g root -m 755 {path} {}   # if it is yours",
                steps::shell_path(&new)
            ));
        }
    }
    lines.push(format!(
        "# your own: loadmodule lines in {} with such paths, then restart",
        steps::conf(facts)
    ));
    lines
}

#[cfg(test)]
#[path = "loaded_modules_tests.rs"]
mod tests;
