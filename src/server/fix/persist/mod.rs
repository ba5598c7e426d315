//! PERSIST: what stands in its way, known before anything is done, and whether it did what it was to do.
//!
//! CONFIG REWRITE writes all that runs into the main file, not only what a fix has changed, and ACL SAVE writes all users.
//! So it can make a file that the server does not start with, overwrite what the operator has written and not yet
//! restarted for, make permanent what an intruder changed, copy secrets to where others read them, and let lines of included
//! files count that did not. SECGATE SAVE writes the whole policy. Nothing can be told to write less; so where one of these
//! would happen, PERSIST is refused.

mod accounts;
mod after;
mod includes;
mod modules;
mod policy;
mod secrets;
mod settings;

pub use after::overruled;
pub use includes::copied;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::audit::facts::Facts;
use crate::audit::fix::{Action, Keep, setting};
use crate::render::escape::printable;
use crate::server::asking::Asking;
use crate::server::beside::Host;
use crate::server::collect::config_file::ConfigFile;
use crate::server::collect::settings::is_secret;
use crate::server::collect::wire_name::wire_name;

/// What is to be made to outlive a restart, and where.
pub struct Persist<'a> {
    /// The server.
    pub host: &'a Host<'a>,
    /// What is known of it.
    pub facts: &'a Facts,
    /// Its configuration files; `None` where it was started without one.
    pub file: Option<&'a ConfigFile>,
    /// What is to be done.
    pub actions: &'a [Action],
}

/// So many differences are named.
const NAMED: usize = 10;

impl Persist<'_> {
    /// Why PERSIST is refused, if it is.
    pub fn obstacle(&self, keeps: &[Keep]) -> Result<(), String> {
        if keeps.contains(&Keep::Rewrite) {
            let file = self.file.ok_or(NO_FILE)?;
            self.rewrite(file).map_err(|refused| {
                let way = refused
                    .way
                    .map_or_else(String::new, |way| format!("{way}, or "));
                let by_hand = self.by_hand(file);
                format!("PERSIST is refused: {}; {way}{by_hand}", refused.why)
            })?;
        }
        if keeps.contains(&Keep::AclSave) {
            self.acl_save()
                .map_err(|why| format!("PERSIST is refused: {why}, or leave PERSIST out"))?;
        }
        if let (true, Some(path)) = (
            keeps.contains(&Keep::PolicySave),
            &self.facts.gate.policy_file,
        ) {
            self.policy_save(path)
                .map_err(|why| format!("PERSIST is refused: {why}, or leave PERSIST out"))?;
        }
        Ok(())
    }

    /// What PERSIST does besides, and the operator should have in mind.
    pub fn mind(&self, keeps: &[Keep]) -> Vec<String> {
        match self.file {
            Some(file) if keeps.contains(&Keep::Rewrite) => {
                includes::will_be_copied(self.facts, file)
            }
            _ => Vec::new(),
        }
    }

    fn rewrite(&self, file: &ConfigFile) -> Result<(), Refused> {
        if let Some(gap) = file.unread.first().or(file.bad_lines.first()) {
            return Err(Refused::because(format!(
                "what CONFIG REWRITE would write over is not known, for this cannot be read: {gap}"
            )));
        }
        let main = file.files.first().map_or(&b""[..], Vec::as_slice);
        if is_link(main) {
            let shown = printable(main);
            return Err(Refused::because(format!(
                "{shown} is a link, and CONFIG REWRITE would put a file in its place and leave the file it leads to as it is"
            )));
        }
        let asking = Asking::new(self.host);
        let modules = modules::compared(&asking, file, &self.facts.files.code)?;
        let own_users = self.facts.setting("aclfile").is_ok_and(<[u8]>::is_empty);
        if own_users {
            accounts::in_an_included_file(file)?;
            accounts::cannot_be_written(file)?;
        }
        includes::secrets_would_be_copied(file)?;
        let acl = wire_name(&asking, file, "acl").is_ok();
        secrets::would_be_exposed(self.facts, file, self.actions, acl)?;
        includes::would_count(self.facts, file, self.actions)?;
        includes::points_would_be_lost(self.facts, file)?;
        let mut differ = settings::differences(self.facts, file, self.actions)?;
        differ.extend(modules);
        if own_users {
            let lines = accounts::of_config(file);
            differ.extend(accounts::differences(self.host, self.facts, lines)?);
        }
        match differ.is_empty() {
            true => Ok(()),
            false => Err(Refused {
                why: format!(
                    "CONFIG REWRITE writes all that runs into {}, and besides this fix that differs: {}",
                    file.main_file(),
                    listed(differ)
                ),
                way: Some(
                    "first mend the file or the server, or call CONFIG REWRITE yourself if all that runs is wanted"
                        .to_owned(),
                ),
            }),
        }
    }

    fn acl_save(&self) -> Result<(), String> {
        let path = self.facts.setting("aclfile")?;
        let shown = printable(path);
        if is_link(path) {
            return Err(format!(
                "{shown} is a link, and ACL SAVE would put a file in its place and leave the file it leads to as it is: \
                 have aclfile name that file"
            ));
        }
        let lines = accounts::of_aclfile(path)?;
        let differ =
            accounts::differences(self.host, self.facts, lines).map_err(|refused| refused.why)?;
        match differ.is_empty() {
            true => Ok(()),
            false => Err(format!(
                "ACL SAVE writes all users into {shown}, and besides this fix that differs: {}; first mend the file \
                 or the server",
                listed(differ)
            )),
        }
    }

    fn policy_save(&self, path: &[u8]) -> Result<(), String> {
        let shown = printable(path);
        let differ = policy::differences(self.host, path).map_err(|why| {
            format!("SECGATE SAVE would write over what is not known: {why}; mend the file")
        })?;
        match differ.is_empty() {
            true => Ok(()),
            false => Err(format!(
                "SECGATE SAVE writes all that is in force into {shown}, and besides this fix that differs: {}; first call \
                 SECGATE SAVE yourself if all of it is wanted, or SECGATE LOAD if what the file says is",
                listed(differ)
            )),
        }
    }

    /// What the operator can do instead.
    fn by_hand(&self, file: &ConfigFile) -> String {
        let mut lines = Vec::new();
        for action in self.actions {
            match action {
                Action::Set(pairs) => lines.extend(pairs.iter().map(line_of)),
                Action::NewPassword => {
                    lines.push("the line of user default that ACL LIST shows then".to_owned());
                }
                Action::Statement(_) | Action::GateMode(_) | Action::Permissions { .. } => {}
            }
        }
        let main = file.main_file();
        format!(
            "leave PERSIST out and write into {main} by hand: {}",
            lines.join(", ")
        )
    }
}

/// Why PERSIST would do harm, and what could be done about it.
pub struct Refused {
    why: String,
    way: Option<String>,
}

impl Refused {
    fn because(why: String) -> Self {
        Self { why, way: None }
    }
}

const NO_FILE: &str = "PERSIST is refused: the server was started without a configuration file, so there is nothing to write to: \
                       leave it out";

fn listed(mut all: Vec<String>) -> String {
    let more = all.len().saturating_sub(NAMED);
    all.truncate(NAMED);
    all.extend((more > 0).then(|| format!("and {more} more")));
    all.join("; ")
}

/// A setting as a line of redis.conf, which takes the words of these one by one.
fn line_of((name, value): &(String, Vec<u8>)) -> String {
    match name.as_str() {
        name if is_secret(name) => format!("{} (not shown)", printable(name.as_bytes())),
        "bind" | "client-output-buffer-limit" => format!("{name} {}", printable(value)),
        name => setting(name, value),
    }
}

fn is_link(path: &[u8]) -> bool {
    fs::symlink_metadata(OsStr::from_bytes(path)).is_ok_and(|found| found.is_symlink())
}
