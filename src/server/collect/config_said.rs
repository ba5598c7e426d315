//! The lines of the configuration files one by one: where each stands, and which is the last to speak of a setting.

use std::collections::BTreeMap;
use std::fmt;

use super::config_file::ConfigFile;
use super::config_lines::Directive;
use crate::render::escape::printable;

/// A line that says something. `Debug` shows no more of it than its first word: the others may be secrets.
pub struct Line {
    /// Its file, by the place in `ConfigFile::files`.
    pub file: usize,
    /// What it says.
    pub directive: Directive,
}

impl Line {
    /// Whether it stands in the main file, the one that CONFIG REWRITE writes.
    pub fn is_in_the_main_file(&self) -> bool {
        self.file == 0
    }

    /// Its words but the first, with a space between.
    pub fn value(&self) -> Vec<u8> {
        self.directive.arguments.join(&b' ')
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = printable(&self.directive.name);
        write!(f, "{}:{} {name}", self.file, self.directive.line)
    }
}

impl ConfigFile {
    /// The lines of one name, in the order in which the server reads them.
    pub fn lines_of<'f>(&'f self, name: &'f [u8]) -> impl Iterator<Item = &'f Line> {
        self.lines
            .iter()
            .filter(move |line| of_one_name(&line.directive.name) == name)
    }

    /// The last line of each name, which for most settings is the one that counts.
    pub fn last_lines(&self) -> BTreeMap<&[u8], &Line> {
        let lines = self.lines.iter();
        lines
            .map(|line| (of_one_name(&line.directive.name), line))
            .collect()
    }

    /// Where a line stands, for eyes: `line 7 of /etc/redis/more.conf`.
    pub fn place(&self, line: &Line) -> String {
        let file = self.files.get(line.file).map_or(&b""[..], Vec::as_slice);
        format!("line {} of {}", line.directive.line, printable(file))
    }

    /// The path of the main file, for eyes.
    pub fn main_file(&self) -> String {
        printable(self.files.first().map_or(&b""[..], Vec::as_slice))
    }
}

/// Older names, and newer ones, of the same settings.
pub fn of_one_name(name: &[u8]) -> &[u8] {
    let other = OTHER_NAMES
        .iter()
        .find(|(other, _)| other.as_bytes() == name);
    other.map_or(name, |(_, name)| name.as_bytes())
}

/// Each with the name that every server knows. CONFIG REWRITE writes one of the two, whichever the line has.
const OTHER_NAMES: [(&str, &str); 23] = [
    ("slaveof", "replicaof"),
    ("primaryauth", "masterauth"),
    ("primaryuser", "masteruser"),
    ("slave-serve-stale-data", "replica-serve-stale-data"),
    ("slave-read-only", "replica-read-only"),
    ("slave-ignore-maxmemory", "replica-ignore-maxmemory"),
    ("slave-lazy-flush", "replica-lazy-flush"),
    ("slave-announce-ip", "replica-announce-ip"),
    ("slave-announce-port", "replica-announce-port"),
    ("slave-priority", "replica-priority"),
    ("repl-ping-slave-period", "repl-ping-replica-period"),
    ("min-slaves-to-write", "min-replicas-to-write"),
    ("min-slaves-max-lag", "min-replicas-max-lag"),
    ("cluster-slave-no-failover", "cluster-replica-no-failover"),
    (
        "cluster-slave-validity-factor",
        "cluster-replica-validity-factor",
    ),
    ("lua-time-limit", "busy-reply-threshold"),
    ("hash-max-ziplist-entries", "hash-max-listpack-entries"),
    ("hash-max-ziplist-value", "hash-max-listpack-value"),
    ("list-max-ziplist-size", "list-max-listpack-size"),
    ("zset-max-ziplist-entries", "zset-max-listpack-entries"),
    ("zset-max-ziplist-value", "zset-max-listpack-value"),
    (
        "commandlog-execution-slower-than",
        "slowlog-log-slower-than",
    ),
    ("commandlog-slow-execution-max-len", "slowlog-max-len"),
];

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn the_last_line_counts_wherever_it_stands_and_no_secret_is_printed() {
        let folder = tempfile::tempdir().unwrap();
        let (main, more) = (
            folder.path().join("redis.conf"),
            folder.path().join("b.conf"),
        );
        fs::write(&more, "# c\nmaxmemory 2gb\nprimaryauth hush\n").unwrap();
        let text = "masterauth x\nmaxmemory 1gb\ninclude b.conf\nport 1\nPORT 2\n";
        fs::write(&main, text).unwrap();
        let file = ConfigFile::read(main.as_os_str().as_bytes());
        let last = file.last_lines();
        let place = |name: &str| file.place(last[name.as_bytes()]);
        assert_eq!(place("maxmemory"), format!("line 2 of {}", more.display()));
        assert_eq!(place("masterauth"), format!("line 3 of {}", more.display()));
        assert_eq!(place("port"), format!("line 5 of {}", main.display()));
        assert!(last[&b"port"[..]].is_in_the_main_file());
        assert_eq!(file.lines_of(b"masterauth").count(), 2);
        assert!(!format!("{file:?}").contains("hush"));
    }
}
