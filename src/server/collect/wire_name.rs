//! The name a command answers to, whatever `rename-command` did to it.

use super::ask::{Ask, Reply};
use super::config_file::ConfigFile;

/// What to call a command by; without one, the reason.
pub fn wire_name(ask: &dyn Ask, file: &ConfigFile, name: &str) -> Result<Vec<u8>, String> {
    if ask.has_command(&[name.as_bytes()]) {
        return Ok(name.as_bytes().to_vec());
    }
    let shown = name.to_uppercase();
    match file.renamed(name.as_bytes()) {
        Some([]) => Err(format!(
            "redis.conf removes {shown} (rename-command), so it cannot be asked"
        )),
        Some(new) if ask.has_command(&[new]) => Ok(new.to_vec()),
        _ => Err(format!(
            "{shown} is renamed or removed, and no rename-command line that this process can read tells its name{}",
            file.gaps()
        )),
    }
}

/// Calls a command by the name it answers to.
pub fn call(ask: &dyn Ask, file: &ConfigFile, words: &[&[u8]]) -> Result<Reply, String> {
    let (first, rest) = words.split_first().ok_or("no command")?;
    let name = wire_name(ask, file, &String::from_utf8_lossy(first))?;
    let mut call: Vec<&[u8]> = vec![&name];
    call.extend(rest);
    ask.call(&call)
}

#[cfg(test)]
mod tests {
    use super::super::twin::Twin;
    use super::*;

    fn file(renames: &[(&str, &str)]) -> ConfigFile {
        let pair = |(old, new): &(&str, &str)| (old.as_bytes().to_vec(), new.as_bytes().to_vec());
        ConfigFile {
            renames: renames.iter().map(pair).collect(),
            ..ConfigFile::default()
        }
    }

    #[test]
    fn a_command_is_called_by_its_own_name_where_it_has_it() {
        let twin = Twin::redis_7();
        assert_eq!(
            wire_name(&twin, &file(&[("config", "stale")]), "config"),
            Ok(b"config".to_vec())
        );
    }

    #[test]
    fn a_renamed_command_is_called_by_the_name_the_file_tells() {
        let twin = Twin::redis_7().rename("config", "cfgx");
        assert_eq!(
            wire_name(&twin, &file(&[("config", "cfgx")]), "config"),
            Ok(b"cfgx".to_vec())
        );
        let words: [&[u8]; 3] = [b"config", b"get", b"*"];
        assert!(call(&twin, &file(&[("config", "cfgx")]), &words).is_ok());
    }

    #[test]
    fn a_removed_or_hidden_command_gives_the_reason() {
        let twin = Twin::redis_7().rename("config", "cfgx");
        let removed = wire_name(&twin, &file(&[("config", "")]), "config");
        assert!(removed.is_err_and(|reason| reason.contains("removes CONFIG")));
        let hidden = wire_name(&twin, &file(&[("config", "wrong")]), "config");
        assert!(hidden.is_err_and(|reason| reason.contains("no rename-command line")));
    }
}
