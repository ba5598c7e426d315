//! The text of a server's redis.conf: the harness's defaults or a given file, what keeps servers apart, and the test's
//! own lines. Everything is in the file and nothing on the command line, as on a real machine.

use super::module::FILE_NAME;
use std::path::Path;

/// What a server without a given redis.conf is started with.
const DEFAULTS: [(&str, &str); 6] = [
    ("bind", "127.0.0.1"),
    ("protected-mode", "yes"),
    ("loglevel", "notice"),
    ("save", ""),
    ("appendonly", "no"),
    // Replicas attach at once, rather than after the five seconds that a master waits for more of them.
    ("repl-diskless-sync-delay", "0"),
];

/// The ingredients of a redis.conf.
pub struct Conf<'a> {
    /// The folder the server runs in.
    pub dir: &'a Path,
    /// The text of a given file, in place of the defaults.
    pub given: Option<&'a str>,
    /// The path of the module, unless none is loaded.
    pub module: Option<&'a Path>,
    /// The module's arguments. When empty, those in the given file stand.
    pub module_args: &'a [String],
    /// The test's own lines: they win over all others.
    pub own: &'a [(String, String)],
}

impl Conf<'_> {
    /// The whole text but for the port, which may have to be chosen more than once.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut put = |name: &str, value: &str| text.push_str(&line(name, value));
        if self.given.is_none() {
            DEFAULTS
                .iter()
                .filter(|(name, _)| !self.sets(name))
                .for_each(|(name, value)| put(name, value));
        }
        for (name, value) in self.isolation() {
            if !self.sets(name) {
                put(name, &value);
            }
        }
        if let Some(module) = self.module.filter(|_| !self.given_loads_the_module()) {
            put("loadmodule", &self.module_line(module, ""));
        }
        self.own.iter().for_each(|(name, value)| put(name, value));
        // The given file comes first: of two lines that set the same thing, the last one counts.
        self.adapted() + &text
    }

    fn sets(&self, name: &str) -> bool {
        self.own
            .iter()
            .any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// What no test may share with another, nor with a server of the machine's own.
    fn isolation(&self) -> Vec<(&'static str, String)> {
        let inside = |name: &str| quoted(&self.dir.join(name).to_string_lossy());
        let mut lines = vec![
            ("daemonize", "no".to_owned()),
            ("dir", quoted(&self.dir.to_string_lossy())),
            ("logfile", inside("redis.log")),
            ("unixsocket", inside("redis.sock")),
        ];
        if self.given.is_some() {
            lines.push(("supervised", "no".to_owned()));
            lines.push(("pidfile", inside("redis.pid")));
        }
        lines
    }

    /// The given file, less what would tie servers together, and loading our module where it loads one of that name.
    /// Lines are taken out rather than overruled: a folder that does not exist is an error when it is read.
    fn adapted(&self) -> String {
        let isolated = self.isolation();
        let shared =
            |name: &str| name == "port" || isolated.iter().any(|(isolated, _)| *isolated == name);
        let adapt = |given: &str| {
            let name = given
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            match (loads_the_module(given), self.module) {
                (Some(args), Some(module)) => line("loadmodule", &self.module_line(module, args)),
                (None, _) if !shared(&name) => format!("{given}\n"),
                _ => format!("# not in this test: {given}\n"),
            }
        };
        self.given.unwrap_or_default().lines().map(adapt).collect()
    }

    fn given_loads_the_module(&self) -> bool {
        self.given
            .unwrap_or_default()
            .lines()
            .any(|line| loads_the_module(line).is_some())
    }

    fn module_line(&self, module: &Path, args_given: &str) -> String {
        let args: Vec<String> = self.module_args.iter().map(|arg| quoted(arg)).collect();
        let args = if args.is_empty() {
            args_given.to_owned()
        } else {
            args.join(" ")
        };
        format!("{} {args}", quoted(&module.to_string_lossy()))
    }
}

/// One line. The value is written as it stands, so that it can be several words; an empty one is written as `""`.
pub fn line(name: &str, value: &str) -> String {
    let value = if value.is_empty() { "\"\"" } else { value };
    format!("{name} {value}\n")
}

/// A word as redis.conf wants it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let escaped = word
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
        .replace('\r', "\\r");
    format!("\"{escaped}\"")
}

/// The arguments after the module's path, if the line loads our module.
fn loads_the_module(line: &str) -> Option<&str> {
    let (directive, rest) = line.trim().split_once(char::is_whitespace)?;
    let rest = rest.trim();
    let (path, args) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let ours = Path::new(path.trim_matches('"'))
        .file_name()
        .is_some_and(|name| name == FILE_NAME);
    (directive.eq_ignore_ascii_case("loadmodule") && ours).then_some(args.trim())
}
