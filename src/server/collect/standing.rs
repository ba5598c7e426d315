//! Whether a command still has its own name: held against the server's command table first, then against what redis.conf,
//! COMMAND LIST (original names of what is left) and ACL CAT (original names of all there was) say.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use super::ask::{Ask, Reply};
use super::config_file::ConfigFile;
use super::settings::Settings;
use super::wire_name::call;
use crate::audit::facts::{Fact, Standing};

/// Finds out how commands stand; asks the server for its lists only when they are needed.
pub struct Standings<'s> {
    ask: &'s dyn Ask,
    file: &'s ConfigFile,
    settings: &'s Settings,
    left: OnceCell<Result<BTreeSet<Vec<u8>>, String>>,
    original: OnceCell<Result<BTreeSet<Vec<u8>>, String>>,
}

impl<'s> Standings<'s> {
    /// For one report.
    pub fn new(ask: &'s dyn Ask, file: &'s ConfigFile, settings: &'s Settings) -> Self {
        Self {
            ask,
            file,
            settings,
            left: OnceCell::new(),
            original: OnceCell::new(),
        }
    }

    /// How a command stands.
    pub fn of(&self, name: &str) -> Fact<Standing> {
        let words: Vec<&[u8]> = name.split('|').map(str::as_bytes).collect();
        if self.ask.has_command(&words) {
            return Fact::Known(match self.switched_off(name) {
                Some(setting) => Standing::SwitchedOff(setting),
                None => Standing::Own,
            });
        }
        let Some(container) = words.first() else {
            return Fact::Known(Standing::Absent);
        };
        // The container is there, but the subcommand is not.
        if words.len() > 1 && self.ask.has_command(&[container]) {
            return Fact::Known(Standing::Absent);
        }
        match self.file.renamed(container) {
            Some([]) => return Fact::Known(Standing::Removed),
            Some(new) if self.ask.has_command(&[new]) => return Fact::Known(Standing::Renamed),
            _ => {}
        }
        let left = self
            .left
            .get_or_init(|| self.list(&[&[b"command", b"list"]]));
        match left {
            Ok(left) if left.contains(*container) => return Fact::Known(Standing::Renamed),
            Ok(_) => {}
            Err(reason) => return Fact::Unavailable(reason.clone()),
        }
        let categories: [&[&[u8]]; 2] =
            [&[b"acl", b"cat", b"dangerous"], &[b"acl", b"cat", b"write"]];
        match self.original.get_or_init(|| self.list(&categories)) {
            Ok(original) if original.contains(*container) => Fact::Known(Standing::Removed),
            Ok(_) => Fact::Known(Standing::Absent),
            Err(reason) => Fact::Unavailable(reason.clone()),
        }
    }

    /// The setting that makes the server refuse a command it has.
    fn switched_off(&self, name: &str) -> Option<&'static str> {
        let (setting, text) = match name {
            "debug" => ("enable-debug-command", "enable-debug-command no"),
            "module" => ("enable-module-command", "enable-module-command no"),
            _ => return None,
        };
        (self.settings.get(setting) == Some(b"no")).then_some(text)
    }

    /// The names that several calls list, lower case, containers without their subcommands.
    fn list(&self, calls: &[&[&[u8]]]) -> Result<BTreeSet<Vec<u8>>, String> {
        let mut names = BTreeSet::new();
        for words in calls {
            let Reply::Array(items) = call(self.ask, self.file, words)? else {
                return Err("a list of commands came in a form that is not known".to_owned());
            };
            for item in items {
                if let Reply::Text(name) = item {
                    let container = name.split(|byte| *byte == b'|').next().unwrap_or_default();
                    names.insert(container.to_ascii_lowercase());
                }
            }
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings;
    use super::super::twin::{Twin, text};
    use super::*;

    fn standing(twin: &Twin, renames: &[(&str, &str)], name: &str) -> Fact<Standing> {
        let mut file = ConfigFile::default();
        for (old, new) in renames {
            file.renames
                .insert(old.as_bytes().to_vec(), new.as_bytes().to_vec());
        }
        let settings = settings::read(twin, &file);
        Standings::new(twin, &file, &settings).of(name)
    }

    #[test]
    fn a_command_with_its_own_name_stands() {
        let twin = Twin::redis_7();
        assert_eq!(standing(&twin, &[], "flushall"), Fact::Known(Standing::Own));
        assert_eq!(
            standing(&twin, &[("flushall", "")], "flushall"),
            Fact::Known(Standing::Own)
        );
        assert_eq!(
            standing(&twin, &[], "cluster|reset"),
            Fact::Known(Standing::Own)
        );
    }

    #[test]
    fn the_file_tells_renamed_from_removed() {
        let twin = Twin::redis_7().remove("flushall").rename("config", "cfgx");
        assert_eq!(
            standing(&twin, &[("flushall", "")], "flushall"),
            Fact::Known(Standing::Removed)
        );
        assert_eq!(
            standing(&twin, &[("config", "cfgx")], "config"),
            Fact::Known(Standing::Renamed)
        );
    }

    #[test]
    fn without_the_file_the_servers_lists_tell_it() {
        let twin = Twin::redis_7().remove("flushall").rename("config", "cfgx");
        assert_eq!(
            standing(&twin, &[], "flushall"),
            Fact::Known(Standing::Removed)
        );
        assert_eq!(
            standing(&twin, &[], "config"),
            Fact::Known(Standing::Renamed)
        );
        let without = twin.answers(
            &["acl", "cat", "dangerous"],
            Reply::Array(vec![text("keys")]),
        );
        assert_eq!(
            standing(&without, &[], "flushall"),
            Fact::Known(Standing::Absent)
        );
    }

    #[test]
    fn with_the_lists_out_of_reach_it_is_unknown() {
        let twin = Twin::redis_7().remove("flushall").rename("command", "cmdx");
        assert!(standing(&twin, &[], "flushall").known().is_err());
    }

    #[test]
    fn a_command_the_server_refuses_by_setting_is_switched_off() {
        let reply = Reply::Array(vec![
            text("enable-debug-command"),
            text("no"),
            text("enable-module-command"),
            text("local"),
        ]);
        let twin = Twin::redis_7().answers(&["config", "get", "*"], reply);
        assert_eq!(
            standing(&twin, &[], "debug"),
            Fact::Known(Standing::SwitchedOff("enable-debug-command no"))
        );
        assert_eq!(standing(&twin, &[], "module"), Fact::Known(Standing::Own));
    }
}
