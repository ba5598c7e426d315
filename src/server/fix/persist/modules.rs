//! The modules that run, held against the `loadmodule` lines: CONFIG REWRITE has a line in the main file for every one of
//! them, and a server that is told twice to load one does not start (seen on Redis 7.4 and 8.2, Valkey 9.1).

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Refused;
use crate::audit::facts::{Code, Fact};
use crate::render::escape::printable;
use crate::server::collect::ask::{Ask, Reply};
use crate::server::collect::bounded;
use crate::server::collect::config_file::ConfigFile;
use crate::server::collect::config_said::Line;
use crate::server::collect::walk::absolute;
use crate::server::collect::wire_name::call;

/// Refuses where a module would be loaded twice. Else: what CONFIG REWRITE would change of the `loadmodule` lines.
pub fn compared(
    ask: &dyn Ask,
    file: &ConfigFile,
    code: &Fact<Vec<Code>>,
) -> Result<Vec<String>, Refused> {
    let main = file.main_file();
    if let Some(line) = file
        .lines_of(b"loadmodule")
        .find(|line| !line.is_in_the_main_file())
    {
        return Err(Refused {
            why: format!(
                "{} loads a module, CONFIG REWRITE would write the same line into {main}, too, and with both the server \
                 would not start",
                file.place(line)
            ),
            way: Some(format!("move that line into {main}")),
        });
    }
    let lines: Vec<&Line> = file.lines_of(b"loadmodule").collect();
    let running = match call(ask, file, &[b"module", b"list"]).and_then(listed) {
        Ok(running) => running,
        Err(why) => mapped(code, &lines)
            .map_err(|more| Refused::because(format!("{UNKNOWN}: {why}; {more}")))?,
    };
    let by_no_line = |module: &&Running| !lines.iter().any(|line| module.is_loaded_by(line));
    if let Some(module) = running.iter().find(by_no_line) {
        return Err(not_by_the_file(&module.shown(), &main));
    }
    if let Some(module) = running.iter().find(|module| module.cannot_be_written()) {
        return Err(Refused::because(format!(
            "the path or an argument of {} has a space or a quote, and CONFIG REWRITE would write it without quotes, so that \
             the next start would read something else",
            module.shown()
        )));
    }
    let differs = |line: &&Line| match running.iter().find(|module| module.is_loaded_by(line)) {
        None => Some(format!("the module of {} does not run", file.place(line))),
        Some(module) if Some(module.arguments.as_slice()) != line.directive.arguments.get(1..) => {
            Some(format!(
                "{} runs with other arguments than {} has",
                module.shown(),
                file.place(line)
            ))
        }
        Some(_) => None,
    };
    Ok(lines.iter().filter_map(differs).collect())
}

const UNKNOWN: &str =
    "which modules run is not known, and one that no line loads would be loaded twice";
/// What the file of every module has in it, for the server looks it up: `RedisModule_OnLoad`, `ValkeyModule_OnLoad`.
const ENTRY: &[u8] = b"Module_OnLoad";
const MAX_MODULE: u64 = 512 << 20;

/// The modules by the files that are mapped to run, where the server does not list them. Their arguments are not seen, and
/// are taken to be those of the lines.
fn mapped(code: &Fact<Vec<Code>>, lines: &[&Line]) -> Result<Vec<Running>, String> {
    let mut found = Vec::new();
    for file in code.known()? {
        let mut running = Running {
            name: Vec::new(),
            path: file.path.clone(),
            arguments: Vec::new(),
        };
        let path = Path::new(OsStr::from_bytes(&file.path));
        if let Some(line) = lines.iter().find(|line| running.is_loaded_by(line)) {
            let arguments = line.directive.arguments.get(1..);
            running.arguments = arguments.unwrap_or_default().to_vec();
        } else if !bounded::holds(path, ENTRY, MAX_MODULE)? {
            continue;
        }
        found.push(running);
    }
    Ok(found)
}

fn not_by_the_file(name: &str, main: &str) -> Refused {
    Refused {
        why: format!(
            "{name} runs, and no line of {main} loads it, but the server's command line, or a client did: CONFIG REWRITE \
             would write the line, and started by the same command line again the server would not start"
        ),
        way: Some(format!("load it by a line of {main} only")),
    }
}

/// A module that runs, and has a file.
struct Running {
    /// Empty where the server does not tell.
    name: Vec<u8>,
    path: Vec<u8>,
    arguments: Vec<Vec<u8>>,
}

impl Running {
    fn shown(&self) -> String {
        let path = printable(&self.path);
        match self.name.as_slice() {
            [] => format!("the module {path}"),
            name => format!("module {} ({path})", printable(name)),
        }
    }

    fn cannot_be_written(&self) -> bool {
        let odd = |byte: &u8| byte.is_ascii_whitespace() || b"\"'\0".contains(byte);
        let mut words = self.arguments.iter().chain([&self.path]);
        words.any(|word| word.is_empty() || word.iter().any(odd))
    }

    fn is_loaded_by(&self, line: &Line) -> bool {
        let Some(path) = line.directive.arguments.first() else {
            return false;
        };
        let (line, own) = (absolute(path), absolute(&self.path));
        line == own || same_file(&line, &own)
    }
}

/// By two names, as through a link.
fn same_file(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// The modules of MODULE LIST. What is built into the server has no path, and no line.
fn listed(reply: Reply) -> Result<Vec<Running>, String> {
    let odd = || "MODULE LIST answered in a form that is not known".to_owned();
    let Reply::Array(modules) = reply else {
        return Err(odd());
    };
    let mut found = Vec::new();
    for module in modules {
        let Reply::Array(fields) = module else {
            return Err(odd());
        };
        let mut running = Running {
            name: Vec::new(),
            path: Vec::new(),
            arguments: Vec::new(),
        };
        for pair in fields.chunks(2) {
            match pair {
                [Reply::Text(key), Reply::Text(value)] if key == b"name" => {
                    running.name.clone_from(value)
                }
                [Reply::Text(key), Reply::Text(value)] if key == b"path" => {
                    running.path.clone_from(value)
                }
                [Reply::Text(key), Reply::Array(words)] if key == b"args" => {
                    running.arguments = words.iter().filter_map(text).collect();
                }
                _ => {}
            }
        }
        if running.path.contains(&b'/') {
            found.push(running);
        }
    }
    Ok(found)
}

fn text(reply: &Reply) -> Option<Vec<u8>> {
    match reply {
        Reply::Text(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    /// A folder with a module, a library and a redis.conf of these lines, in which `%` is the folder.
    fn modules_by(text: &str, files: &[&str]) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| {
            folder
                .path()
                .join(name)
                .into_os_string()
                .into_encoded_bytes()
        };
        fs::write(
            folder.path().join("module.so"),
            b"\x7fELF RedisModule_OnLoad",
        )
        .unwrap();
        fs::write(folder.path().join("libc.so"), b"\x7fELF").unwrap();
        let here = folder.path().display().to_string();
        fs::write(folder.path().join("redis.conf"), text.replace('%', &here)).unwrap();
        let file = ConfigFile::read(&path("redis.conf"));
        let code = |name: &&str| Code {
            module: None,
            path: path(name),
            file: Fact::Unavailable("not looked at".to_owned()),
            folder: Fact::Unavailable("not looked at".to_owned()),
        };
        let code = Fact::Known(files.iter().map(code).collect());
        let lines: Vec<&Line> = file.lines_of(b"loadmodule").collect();
        let running = mapped(&code, &lines).map_err(|why| why.replace(&here, "%"))?;
        let shown = |module: &Running| module.shown().replace(&here, "%");
        Ok(running.iter().map(shown).collect())
    }

    #[test]
    fn mapped_files_are_told_as_modules_by_the_lines_or_by_their_entry() {
        let found = modules_by("", &["libc.so", "module.so"]);
        assert_eq!(found, Ok(vec!["the module %/module.so".to_owned()]));
        // One that was replaced, or taken away, since it was loaded.
        let found = modules_by("loadmodule %/gone.so x\n", &["gone.so", "libc.so"]);
        assert_eq!(found, Ok(vec!["the module %/gone.so".to_owned()]));
        let found = modules_by("", &["gone.so"]);
        assert_eq!(found, Err("%/gone.so: not there".to_owned()));
        let unknown = Fact::Unavailable("no maps".to_owned());
        assert!(mapped(&unknown, &[]).is_err_and(|why| why == "no maps"));
    }
}
