//! Who may have what done by SECAUDIT FIX: who may do it himself. The ACL must let the caller make the very calls that a
//! fix makes for him, and the gate too, unless he may change the gate: he could lift its rules anyway.

use crate::audit::fix::{Action, Keep};
use crate::gate::{Described, Verdict, decide};
use crate::render::escape::printable;
use crate::server::asked_by::AskedBy;
use crate::server::command_table::ServerCommands;
use crate::server::ffi::{self, Ctx};
use crate::server::module::Module;
use crate::server::secgate::permission;

/// Whether the caller may do all of this; else what he is told.
pub fn all(ctx: Ctx<'_>, by: &AskedBy, actions: &[Action], keeps: &[Keep]) -> Result<(), String> {
    // Another module, or the server itself: no ACL binds them.
    let Some(user) = &by.user else {
        return Ok(());
    };
    if ffi::acl_rules(user, ctx.lock()).is_none() {
        return Err(refusal(user, "do this: the user is gone"));
    }
    let judge = Judge { ctx, by, user };
    for action in actions {
        judge.action(action)?;
    }
    for keep in keeps {
        let words: Vec<&[u8]> = keep.command().split(' ').map(str::as_bytes).collect();
        judge.call(&words)?;
    }
    Ok(())
}

struct Judge<'c> {
    ctx: Ctx<'c>,
    by: &'c AskedBy,
    user: &'c [u8],
}

impl Judge<'_> {
    fn action(&self, action: &Action) -> Result<(), String> {
        match action {
            Action::Set(pairs) => {
                let mut words: Vec<&[u8]> = vec![b"CONFIG", b"SET"];
                words.extend(
                    pairs
                        .iter()
                        .flat_map(|(name, value)| [name.as_bytes(), value.as_slice()]),
                );
                self.call(&words)
            }
            Action::NewPassword => match self.has(b"acl") {
                true => self.call(&[b"ACL", b"SETUSER", b"default", b"resetpass"]),
                false => self.call(&[b"CONFIG", b"SET", b"requirepass", b"x"]),
            },
            Action::Statement(statement) => {
                let words: Vec<&[u8]> = statement.line.split(' ').map(str::as_bytes).collect();
                self.call(&[&[&b"SECGATE"[..]], words.as_slice()].concat())
            }
            Action::GateMode(mode) => self.call(&[b"SECGATE", b"MODE", mode.as_bytes()]),
            // No command changes a file's mode: it takes an administrator.
            Action::Permissions { .. } => match permission::may_administer(self.ctx, self.user) {
                true => Ok(()),
                false => Err(refusal(
                    self.user,
                    "change the modes of files: that takes the right to run ACL SETUSER",
                )),
            },
        }
    }

    fn has(&self, command: &[u8]) -> bool {
        let wire = ServerCommands::read(self.ctx).wire(command);
        self.ctx.has_command(&[&wire])
    }

    /// One call, by the name the command has here. One that this server does not have is nobody's right; the step that
    /// makes it will say so.
    fn call(&self, words: &[&[u8]]) -> Result<(), String> {
        let wire = self.wire(words);
        let wire: Vec<&[u8]> = wire.iter().map(Vec::as_slice).collect();
        let shown: Vec<String> = words.iter().take(2).map(|word| printable(word)).collect();
        let shown = shown.join(" ").to_uppercase();
        if self.ctx.acl_allows(self.user, &wire) == Some(false) {
            let what = format!("run {shown}, which this fix does for you");
            return Err(refusal(self.user, &what));
        }
        match self.denied(&wire) {
            Some(rule) if !self.may_change_the_gate() => {
                let what = format!(
                    "run {shown}, which this fix does for you: secaudit rule {rule} denies it"
                );
                Err(refusal(self.user, &what))
            }
            _ => Ok(()),
        }
    }

    fn wire(&self, words: &[&[u8]]) -> Vec<Vec<u8>> {
        let lower = |word: &&[u8]| word.to_ascii_lowercase();
        let mut wire: Vec<Vec<u8>> = words.iter().take(2).map(lower).collect();
        wire.extend(words.iter().skip(2).map(|word| word.to_vec()));
        if let Some(command) = wire.first_mut() {
            *command = ServerCommands::read(self.ctx).wire(command);
        }
        wire
    }

    /// The rule that denies a call to the caller.
    fn denied(&self, words: &[&[u8]]) -> Option<String> {
        let compiled = Module::get(self.ctx.lock()).compiled.borrow();
        let call = Described {
            words,
            user: Some(self.user),
            source: self.by.source,
            ..Described::default()
        };
        match decide(&compiled, &call).verdict {
            Verdict::Deny(decided) => Some(compiled.id(decided.statement).to_owned()),
            Verdict::Pass(_) | Verdict::Observe(_) => None,
        }
    }

    fn may_change_the_gate(&self) -> bool {
        let calls: [[&[u8]; 3]; 2] = [[b"secgate", b"deny", b"x"], [b"secgate", b"del", b"x"]];
        calls.iter().all(|call| {
            self.ctx.acl_allows(self.user, call) == Some(true) && self.denied(call).is_none()
        })
    }
}

fn refusal(user: &[u8], what: &str) -> String {
    format!("NOPERM user '{}' may not {what}", printable(user))
}
