//! The modules that run, held against the `loadmodule` lines: CONFIG REWRITE has a line in the main file for every one of
//! them, and a server that is told twice to load one does not start (seen on Redis 7.4 and 8.2, Valkey 9.1).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Refused;
use crate::render::escape::printable;
use crate::server::collect::ask::{Ask, Reply};
use crate::server::collect::config_file::ConfigFile;
use crate::server::collect::config_said::Line;
use crate::server::collect::walk::absolute;
use crate::server::collect::wire_name::call;

/// Refuses where a module would be loaded twice. Else: what CONFIG REWRITE would change of the `loadmodule` lines.
pub fn compared(ask: &dyn Ask, file: &ConfigFile) -> Result<Vec<String>, Refused> {
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
        // This module runs, so something has loaded it.
        Err(_) if !lines.is_empty() => return Ok(Vec::new()),
        Err(_) => return Err(not_by_the_file("this module", &main)),
    };
    for module in &running {
        if !lines.iter().any(|line| module.is_loaded_by(line)) {
            let name = format!(
                "module {} ({})",
                printable(&module.name),
                printable(&module.path)
            );
            return Err(not_by_the_file(&name, &main));
        }
    }
    if let Some(module) = running.iter().find(|module| module.cannot_be_written()) {
        return Err(Refused::because(format!(
            "the path or an argument of module {} has a space or a quote, and CONFIG REWRITE would write it without quotes, \
             so that the next start would read something else",
            printable(&module.name)
        )));
    }
    let differs = |line: &&Line| match running.iter().find(|module| module.is_loaded_by(line)) {
        None => Some(format!("the module of {} does not run", file.place(line))),
        Some(module) if Some(module.arguments.as_slice()) != line.directive.arguments.get(1..) => {
            let name = printable(&module.name);
            Some(format!(
                "module {name} runs with other arguments than {} has",
                file.place(line)
            ))
        }
        Some(_) => None,
    };
    Ok(lines.iter().filter_map(differs).collect())
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
    name: Vec<u8>,
    path: Vec<u8>,
    arguments: Vec<Vec<u8>>,
}

impl Running {
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
