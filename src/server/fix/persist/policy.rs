//! The policy in force, held against its file: SECGATE SAVE writes all of it, also what was never saved, over all that waits
//! in the file.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use crate::policy::Policy;
use crate::policy::statement::Statement;
use crate::render::escape::printable;
use crate::server::beside::Host;
use crate::server::command_table::ServerCommands;
use crate::server::ffi::Ctx;
use crate::server::module::Module;
use crate::server::policy_file;

/// Where the policy in force is another than the one in its file.
pub fn differences(host: &Host<'_>, path: &[u8]) -> Result<Vec<String>, String> {
    let path = Path::new(OsStr::from_bytes(path));
    let missing = std::fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    let text = match missing {
        true => Vec::new(),
        false => policy_file::read(path)?,
    };
    host.visit(move |ctx| held_against(ctx, &text))
}

fn held_against(ctx: Ctx<'_>, text: &[u8]) -> Result<Vec<String>, String> {
    let running = Rc::clone(&Module::get(ctx.lock()).policy.borrow());
    if running.text().as_bytes() == text {
        return Ok(Vec::new());
    }
    let written = Policy::read(text, &ServerCommands::read(ctx)).map_err(|problems| {
        let first = problems.first().map(ToString::to_string);
        format!(
            "the policy file has problems: {}",
            first.unwrap_or_default()
        )
    })?;
    Ok(between(&running, &written))
}

fn between(running: &Policy, written: &Policy) -> Vec<String> {
    let mut differ = Vec::new();
    let (mode, said) = (running.mode().word(), written.mode().word());
    if mode != said {
        differ.push(format!("mode {mode} is in force, the file says {said}"));
    }
    let by_id = |policy: &Policy| -> BTreeMap<String, String> {
        let pair = |one: &Statement| (one.id.clone(), one.to_string());
        policy.statements().iter().map(pair).collect()
    };
    let (running_ones, written_ones) = (by_id(running), by_id(written));
    for (id, statement) in &running_ones {
        let other = written_ones.get(id);
        let id = printable(id.as_bytes());
        match other {
            None => differ.push(format!("statement {id} is in force and not in the file")),
            Some(other) if other != statement => {
                differ.push(format!("statement {id} is another one in the file"));
            }
            Some(_) => {}
        }
    }
    let waiting = written_ones
        .keys()
        .filter(|id| !running_ones.contains_key(*id));
    differ.extend(waiting.map(|id| {
        let id = printable(id.as_bytes());
        format!("statement {id} is in the file and not in force")
    }));
    if differ.is_empty() && running.text() != written.text() {
        differ.push("the statements stand in another order in the file".to_owned());
    }
    differ
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::policy::resolve::tests::FewCommands;

    fn differ(running: &str, written: &str) -> Vec<String> {
        let read = |text: &str| Policy::read(text.as_bytes(), &FewCommands).unwrap();
        between(&read(running), &read(written))
    }

    #[test]
    fn two_policies_differ_by_their_modes_statements_and_order() {
        assert_eq!(
            differ(
                "mode observe\ndeny get id=a\ndeny set id=b",
                "deny get set id=a\ndeny del id=c"
            ),
            [
                "mode observe is in force, the file says enforce",
                "statement a is another one in the file",
                "statement b is in force and not in the file",
                "statement c is in the file and not in force",
            ]
        );
        assert_eq!(
            differ(
                "deny get id=a\nallow set id=b",
                "allow set id=b\ndeny get id=a"
            ),
            ["the statements stand in another order in the file"]
        );
        assert_eq!(
            differ("deny get", ""),
            ["statement r1 is in force and not in the file"]
        );
    }

    #[test]
    fn the_same_policy_in_other_words_is_no_difference() {
        let own = "# mine\nmode  enforce\nDENY get\n\ndeny  set id=b # too\n";
        assert_eq!(differ("deny get id=r1\ndeny set id=b", own), [""; 0]);
    }
}
