//! Secrets that CONFIG REWRITE would copy to where more accounts can read them: it writes into the main file what runs,
//! also what a private file of its own holds.

use super::Refused;
use crate::audit::facts::{Fact, Facts, FileStatus};
use crate::audit::fix::Action;
use crate::render::escape::printable;
use crate::server::collect::config_file::ConfigFile;
use crate::server::collect::settings::is_secret;

/// Refuses where a secret would be exposed. Where ACL can be called, the server is given no more of a new password than its
/// hash.
pub fn would_be_exposed(
    facts: &Facts,
    file: &ConfigFile,
    actions: &[Action],
    acl: bool,
) -> Result<(), Refused> {
    let main = main_file(facts, file, actions)?;
    let others = main.mode & 0o004 != 0;
    if others && !acl && actions.contains(&Action::NewPassword) {
        let what =
            "write the new password there in clear, for without ACL it is set by requirepass";
        return Err(exposed(&main, what));
    }
    let last = file.last_lines();
    for (name, line) in &last {
        // What the main file says in the same words is no news in it.
        let told = file
            .lines_of(name)
            .any(|other| other.is_in_the_main_file() && other.value() == line.value());
        if told || line.value().is_empty() || !is_secret(&String::from_utf8_lossy(name)) {
            continue;
        }
        let here = file
            .files
            .get(line.file)
            .and_then(|path| status(facts, path));
        if here.is_none_or(|here| is_read_by_more(facts, &main, here)) {
            let (name, place) = (printable(name), file.place(line));
            let what = format!("copy {name} there from {place}, which fewer accounts can read");
            return Err(exposed(&main, &what));
        }
    }
    for (name, running) in [
        ("requirepass", &facts.requirepass),
        ("masterauth", &facts.masterauth),
    ] {
        let runs = matches!(running, Fact::Known(Some(_)));
        if runs && !last.contains_key(name.as_bytes()) && others {
            let what = format!("write {name} there, which stands in no file");
            return Err(exposed(&main, &what));
        }
    }
    Ok(())
}

fn exposed(main: &FileStatus, what: &str) -> Refused {
    let path = printable(&main.path);
    Refused {
        why: format!(
            "others can read {path} (mode {:o}), and CONFIG REWRITE would {what}",
            main.mode
        ),
        way: Some(format!("close {path} first (file.config, chmod 640)")),
    }
}

/// The main file as it will be when it is written: the server makes it anew, and PERSIST gives it the bits it has by then.
fn main_file(facts: &Facts, file: &ConfigFile, actions: &[Action]) -> Result<FileStatus, Refused> {
    let path = file.files.first().map_or(&b""[..], Vec::as_slice);
    let Some(main) = status(facts, path) else {
        let path = printable(path);
        return Err(Refused::because(format!(
            "who can read {path} is not known, so secrets might be exposed there"
        )));
    };
    let mut main = main.clone();
    for action in actions {
        if let Action::Permissions { path: closed, mode } = action
            && closed == path
        {
            main.mode &= mode;
        }
    }
    main.gid = facts.process.gid;
    Ok(main)
}

fn status<'f>(facts: &'f Facts, path: &[u8]) -> Option<&'f FileStatus> {
    let known = facts
        .files
        .config
        .iter()
        .filter_map(|file| file.known().ok());
    known.into_iter().find(|file| file.path == path)
}

/// Whether accounts can read `main` that cannot read `other`; root can read both.
fn is_read_by_more(facts: &Facts, main: &FileStatus, other: &FileStatus) -> bool {
    let (others, group) = (0o004, 0o040);
    if other.mode & others != 0 {
        return false;
    }
    // A group of nobody but the other file's owner is no more than he.
    let members = facts.files.groups.get(&main.gid);
    let private = matches!(members, Some(Fact::Known(members))
        if members.iter().all(|member| member.uid == Some(other.uid)));
    let same_group = other.mode & group != 0 && other.gid == main.gid;
    main.mode & others != 0 || (main.mode & group != 0 && !same_group && !private)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::audit::checks::sample;

    #[test]
    fn a_new_password_is_in_clear_only_without_acl_and_exposed_only_where_others_read() {
        let mut facts = sample::hardened();
        let main = facts.files.config.first().unwrap().known().unwrap().clone();
        let file = ConfigFile {
            files: vec![main.path.clone()],
            ..ConfigFile::default()
        };
        (facts.requirepass, facts.masterauth) = (Fact::Known(None), Fact::Known(None));
        let mut refused = |mode: u32, acl: bool, action: &Action| {
            let status = FileStatus {
                mode,
                ..main.clone()
            };
            facts.files.config = vec![Fact::Known(status)];
            let refused = would_be_exposed(&facts, &file, std::slice::from_ref(action), acl);
            refused.err().map(|refused| refused.why)
        };
        let why = refused(0o644, false, &Action::NewPassword).unwrap();
        assert!(
            why.contains("(mode 644)") && why.contains("the new password"),
            "{why}"
        );
        assert_eq!(refused(0o644, true, &Action::NewPassword), None);
        assert_eq!(refused(0o640, false, &Action::NewPassword), None);
        assert_eq!(refused(0o644, false, &Action::set("timeout", "1")), None);
    }
}
