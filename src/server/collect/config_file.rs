//! redis.conf and what it includes: which files there are, and what they say of names and users.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::bounded;
use super::config_lines::{Directive, directives};
use super::config_said::{Line, of_one_name};
use super::in_clear;
use super::walk::absolute;
use crate::audit::facts::{Configured, InClear, RenameLine, Secret, WATCHED, WATCHED_SECRETS};

/// What the configuration files say, as far as the audit asks.
#[derive(Debug, Default)]
pub struct ConfigFile {
    /// Every file that was found, the main one first.
    pub files: Vec<Vec<u8>>,
    /// What could not be read, and why: a file, or an include that leads nowhere.
    pub unread: Vec<String>,
    /// Lines that could not be read, as `path: line 7`.
    pub bad_lines: Vec<String>,
    /// The SHA-256 digest of their paths and contents, as they were read.
    pub digest: [u8; 32],
    /// `rename-command`: the old name in lower case, and what it became; empty when it was removed.
    pub renames: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The same line by line, as checks want it.
    pub rename_lines: Vec<RenameLine>,
    /// The names on `user` lines.
    pub users: BTreeSet<Vec<u8>>,
    /// The files of `loadmodule` lines, as they stand there.
    pub modules: Vec<Vec<u8>>,
    /// What is said of the settings that matter for security; of several lines the last one counts.
    pub watched: BTreeMap<&'static str, Vec<u8>>,
    /// The passwords.
    pub secrets: BTreeMap<&'static str, Secret>,
    /// The settings that say where the server writes; of several lines the last one counts.
    pub places: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The secrets they hold in clear.
    pub in_clear: Vec<InClear>,
    /// Every line that says something, in the order in which the server reads them.
    pub lines: Vec<Line>,
}

/// The settings that are kept as `places`.
const PLACES: [&[u8]; 5] = [
    b"dir",
    b"dbfilename",
    b"appenddirname",
    b"aclfile",
    b"logfile",
];

const MAX_FILE: u64 = 10 << 20;
const MAX_TOTAL: usize = 20 << 20;
const MAX_FILES: usize = 2000;
/// So many of them are told that could not be read.
const MAX_GAPS: usize = 500;
const MAX_DEPTH: usize = 16;
/// Files that include each other many times over would be read for ever, though each is small.
const MAX_INCLUDES: usize = 4000;

impl ConfigFile {
    /// Reads the main file, by its absolute path, and every file it includes.
    pub fn read(path: &[u8]) -> Self {
        let path = PathBuf::from(OsStr::from_bytes(path));
        let mut reading = Reading {
            folders: vec![
                std::env::var_os("PWD").map(PathBuf::from),
                path.parent().map(Path::to_owned),
                std::env::current_dir().ok(),
            ],
            open: Vec::new(),
            read: 0,
            includes: 0,
            total: 0,
            contents: Sha256::new(),
            matched: BTreeMap::new(),
            found: Self::default(),
        };
        reading.file(path);
        reading.found.digest = reading.contents.finalize().into();
        reading.found
    }

    /// What a command of this name (lower case) became; `None` when no line speaks of it.
    pub fn renamed(&self, name: &[u8]) -> Option<&[u8]> {
        let mut new = self.renames.get(name)?;
        // A new name can be renamed again, further down.
        for _ in 0..8 {
            match self.renames.get(&new.to_ascii_lowercase()) {
                Some(newer) if newer != new => new = newer,
                _ => break,
            }
        }
        Some(new)
    }

    /// Keeps a line that is compared with the running server.
    fn watch(&mut self, line: &Directive) {
        let name = of_one_name(&line.name);
        if let (b"loadmodule", Some(path)) = (name, line.arguments.first()) {
            self.modules.push(path.clone());
        }
        let value = line.arguments.join(&b' ');
        if let Some((name, _)) = WATCHED.iter().find(|(own, _)| own.as_bytes() == name) {
            self.watched.insert(name, value);
        } else if let Some(name) = WATCHED_SECRETS.iter().find(|own| own.as_bytes() == name) {
            self.secrets.insert(name, Secret::new(value));
        }
    }

    /// What the files say of a setting that names a place to write to.
    pub fn value(&self, setting: &str) -> Option<&[u8]> {
        self.places.get(setting.as_bytes()).map(Vec::as_slice)
    }

    /// What they say, for checks to hold against the running server.
    pub fn configured(&self) -> Configured {
        Configured {
            gap: self.unread.first().or(self.bad_lines.first()).cloned(),
            digest: self.digest,
            renames: self.rename_lines.clone(),
            modules: self.modules.iter().map(|path| path_bytes(path)).collect(),
            settings: self.watched.clone(),
            secrets: self.secrets.clone(),
        }
    }

    /// Why these files may not tell everything, as an addition to a reason.
    pub fn gaps(&self) -> String {
        match self.unread.first().or(self.bad_lines.first()) {
            Some(gap) => format!(" (unread: {gap})"),
            None => String::new(),
        }
    }
}

fn path_bytes(path: &[u8]) -> Vec<u8> {
    absolute(path).into_os_string().into_vec()
}

/// What `rename-command` made of commands, by the main file's absolute path: the old name and the name clients send, both in
/// lower case; empty when it was removed.
pub fn renames(path: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    if path.is_empty() {
        return Vec::new();
    }
    let file = ConfigFile::read(path);
    let renamed = |old: &Vec<u8>| {
        let new = file.renamed(old).unwrap_or_default();
        (old.clone(), new.to_ascii_lowercase())
    };
    file.renames.keys().map(renamed).collect()
}

struct Reading {
    /// Where a relative include may start from: the folder the server was started in comes first.
    folders: Vec<Option<PathBuf>>,
    /// The files being read, from the main one down to the current one.
    open: Vec<PathBuf>,
    /// How many files were read; one that is included twice counts twice, as the server reads it twice.
    read: usize,
    /// How many include lines were followed.
    includes: usize,
    /// How many bytes were read.
    total: usize,
    /// What patterns matched.
    matched: BTreeMap<PathBuf, Vec<PathBuf>>,
    /// Paths and contents, each behind its length.
    contents: Sha256,
    found: ConfigFile,
}

impl Reading {
    fn file(&mut self, path: PathBuf) {
        let shown = bounded::shown(&path);
        if self.open.contains(&path) {
            return self.gap(format!("{shown}: it includes itself"));
        }
        if self.open.len() >= MAX_DEPTH || self.read >= MAX_FILES || self.total >= MAX_TOTAL {
            return self.gap(format!(
                "{shown}: too many files, or too deep, or too large"
            ));
        }
        self.read += 1;
        let bytes = path.as_os_str().as_bytes();
        let known = self.found.files.iter().position(|file| file == bytes);
        let file = known.unwrap_or(self.found.files.len());
        if known.is_none() {
            self.found.files.push(bytes.to_vec());
        }
        let content = match bounded::whole(&path, MAX_FILE) {
            Ok(content) => content,
            Err(reason) => return self.gap(reason),
        };
        for part in [bytes, &content] {
            self.contents.update(part.len().to_le_bytes());
            self.contents.update(part);
        }
        self.total += content.len();
        let (lines, unreadable) = directives(&content);
        let bad = unreadable
            .first()
            .map(|line| format!("{shown}: line {line}"));
        self.found.bad_lines.extend(bad);
        for line in &lines {
            in_clear::note(&mut self.found.in_clear, &path, line);
        }
        self.open.push(path);
        for directive in lines {
            self.line(&directive);
            self.found.lines.push(Line { file, directive });
        }
        self.open.pop();
    }

    fn line(&mut self, line: &Directive) {
        if let [value] = line.arguments.as_slice()
            && PLACES.contains(&line.name.as_slice())
        {
            self.found.places.insert(line.name.clone(), value.clone());
        }
        self.found.watch(line);
        match (line.name.as_slice(), line.arguments.as_slice()) {
            (b"rename-command", [old, new]) => {
                let old = old.to_ascii_lowercase();
                let file = self.open.last().map(|path| path.as_os_str().as_bytes());
                self.found.rename_lines.push(RenameLine {
                    command: old.clone(),
                    new: (!new.is_empty()).then(|| Secret::new(new.clone())),
                    file: file.unwrap_or_default().to_vec(),
                });
                self.found.renames.insert(old, new.clone());
            }
            (b"user", [name, ..]) => {
                self.found.users.insert(name.clone());
            }
            (b"include", [pattern]) => self.include(pattern),
            (b"dir", [folder]) => {
                // From here on the server itself stands in that folder.
                let folder = PathBuf::from(OsStr::from_bytes(folder));
                if folder.is_absolute() {
                    self.folders.insert(0, Some(folder));
                }
            }
            _ => {}
        }
    }

    fn include(&mut self, pattern: &[u8]) {
        self.includes += 1;
        if self.includes > MAX_INCLUDES {
            if self.includes == MAX_INCLUDES + 1 {
                self.gap(format!("more than {MAX_INCLUDES} include lines"));
            }
            return;
        }
        let wild = pattern.iter().any(|byte| b"*?[".contains(byte));
        let bases = match pattern.starts_with(b"/") {
            true => vec![PathBuf::new()],
            false => self.folders.iter().flatten().cloned().collect(),
        };
        for base in bases {
            let path = base.join(OsStr::from_bytes(pattern));
            let found = match wild {
                true => self.matching(path),
                false if path.exists() => vec![path],
                false => Vec::new(),
            };
            if !found.is_empty() {
                for path in found {
                    self.file(path);
                }
                return;
            }
        }
        // A pattern may match nothing; a plain name may not.
        if !wild {
            let path = PathBuf::from(std::ffi::OsString::from_vec(pattern.to_vec()));
            self.gap(format!(
                "{}: an included file that is not found from here",
                bounded::shown(&path)
            ));
        }
    }

    /// The files that a pattern matches; a folder is looked through once for each pattern.
    fn matching(&mut self, pattern: PathBuf) -> Vec<PathBuf> {
        let found = self.matched.entry(pattern);
        found
            .or_insert_with_key(|pattern| matching(pattern))
            .clone()
    }

    fn gap(&mut self, gap: String) {
        if self.found.unread.len() < MAX_GAPS {
            self.found.unread.push(gap);
        }
    }
}

/// The files that a pattern matches, sorted, as glob(3) gives them.
fn matching(pattern: &Path) -> Vec<PathBuf> {
    let Some(pattern) = pattern.to_str() else {
        return Vec::new();
    };
    // In glob(3) two stars are one; in the crate they would walk the whole tree.
    let mut pattern = pattern.to_owned();
    while pattern.contains("**") {
        pattern = pattern.replace("**", "*");
    }
    let options = glob::MatchOptions {
        require_literal_separator: true,
        require_literal_leading_dot: true,
        ..glob::MatchOptions::default()
    };
    match glob::glob_with(&pattern, options) {
        Ok(paths) => paths.filter_map(Result::ok).take(MAX_FILES).collect(),
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::fs;

    fn read(folder: &Path, main: &str) -> ConfigFile {
        let path = folder.join("redis.conf");
        fs::write(&path, main).unwrap();
        ConfigFile::read(path.as_os_str().as_bytes())
    }

    #[test]
    fn renames_users_and_includes_are_found() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("conf.d")).unwrap();
        fs::write(
            folder.path().join("conf.d/b.conf"),
            "rename-command SHUTDOWN \"\"\n",
        )
        .unwrap();
        fs::write(
            folder.path().join("conf.d/a.conf"),
            "user app on >x ~* +@all\n",
        )
        .unwrap();
        fs::write(folder.path().join("conf.d/c.txt"), "user other\n").unwrap();
        let main =
            "include conf.d/*.conf\nRENAME-COMMAND Config \"\\x61sc12\"\nuser default on nopass\n";
        let found = read(folder.path(), main);
        assert_eq!(found.files.len(), 3);
        assert_eq!(found.renamed(b"config"), Some(&b"asc12"[..]));
        assert_eq!(found.renamed(b"shutdown"), Some(&b""[..]));
        assert_eq!(found.renamed(b"get"), None);
        assert_eq!(
            found.users,
            BTreeSet::from([b"app".to_vec(), b"default".to_vec()])
        );
        assert_eq!(found.unread, Vec::<String>::new());
    }

    #[test]
    fn of_several_lines_that_say_where_to_write_the_last_one_counts() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b.conf"), "DIR \"/b c\"\nlogfile x y\n").unwrap();
        let found = read(
            folder.path(),
            "dir /a\ninclude b.conf\nrequirepass /secret\n",
        );
        assert_eq!(found.value("dir"), Some(&b"/b c"[..]));
        assert_eq!(found.value("logfile"), None);
        assert_eq!(found.value("requirepass"), None);
    }

    #[test]
    fn modules_and_watched_settings_are_kept_and_no_password_is_printed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("b.conf"),
            "bind 10.0.0.5 ::1\nloadmodule b.so x\n",
        )
        .unwrap();
        let main = "bind *\nloadmodule /m/a.so\ninclude b.conf\nSLAVEOF db 6379\nmasterauth x-y-z\nsave 1 1\n";
        let found = read(folder.path(), main).configured();
        let here = std::env::current_dir().unwrap().join("b.so");
        let here = here.as_os_str().as_bytes().to_vec();
        assert_eq!(found.modules, [b"/m/a.so".to_vec(), here]);
        let settings: Vec<_> = found.settings.clone().into_iter().collect();
        let line = |name, value: &str| (name, value.as_bytes().to_vec());
        assert_eq!(
            settings,
            [line("bind", "10.0.0.5 ::1"), line("replicaof", "db 6379")]
        );
        let password = found.secrets.get("masterauth").unwrap();
        assert_eq!(password.reveal(), b"x-y-z");
        assert!(!format!("{found:?}").contains("x-y-z"));
    }

    #[test]
    fn a_loop_of_includes_ends_and_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other.conf");
        fs::write(
            &other,
            format!("include {}/redis.conf", folder.path().display()),
        )
        .unwrap();
        let found = read(folder.path(), &format!("include {}", other.display()));
        assert_eq!(found.files.len(), 2);
        assert!(found.unread.concat().contains("includes itself"));
    }

    #[test]
    fn files_that_include_each_other_over_and_over_are_not_read_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let every = format!("include {}/*.tree\n", folder.path().display());
        for index in 0..40 {
            fs::write(
                folder.path().join(format!("{index}.tree")),
                every.repeat(20),
            )
            .unwrap();
        }
        let found = read(folder.path(), &every);
        assert!(found.unread.len() <= MAX_GAPS);
        assert!(found.gaps().contains(".tree: "), "{}", found.gaps());
    }

    #[test]
    fn a_missing_include_and_a_huge_file_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let found = read(folder.path(), "include nowhere.conf\ninclude none/*.conf\n");
        assert_eq!(found.unread.len(), 1);
        assert!(found.gaps().contains("nowhere.conf"));
        let huge = fs::File::create(folder.path().join("huge.conf")).unwrap();
        huge.set_len(MAX_FILE + 1).unwrap();
        assert!(
            read(folder.path(), "include huge.conf")
                .gaps()
                .contains("larger than")
        );
    }

    #[test]
    fn binary_rubbish_is_told_and_nothing_panics() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("redis.conf");
        let rubbish: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        fs::write(&path, &rubbish).unwrap();
        let found = ConfigFile::read(path.as_os_str().as_bytes());
        assert!(!found.bad_lines.is_empty());
    }

    #[test]
    fn the_digest_is_another_one_where_a_file_was_changed_came_or_went_and_only_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let digest = || ConfigFile::read(path("redis.conf").as_os_str().as_bytes()).digest;
        fs::write(
            path("redis.conf"),
            format!("include {}/*.c\n", folder.path().display()),
        )
        .unwrap();
        fs::write(path("a.c"), "port 1\n").unwrap();
        let first = digest();
        fs::write(path("b.c"), "").unwrap();
        let second = digest();
        fs::write(path("b.c"), "# x\n").unwrap();
        let third = digest();
        fs::remove_file(path("a.c")).unwrap();
        let all = BTreeSet::from([first, second, third, digest()]);
        assert_eq!(all.len(), 4);
        fs::remove_file(path("b.c")).unwrap();
        fs::write(path("a.c"), "port 1\n").unwrap();
        assert_eq!(digest(), first);
    }

    #[test]
    fn a_name_renamed_twice_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let found = read(
            folder.path(),
            "rename-command CONFIG one\nrename-command ONE two\n",
        );
        assert_eq!(found.renamed(b"config"), Some(&b"two"[..]));
        let pairs = renames(folder.path().join("redis.conf").as_os_str().as_bytes());
        let pair = |old: &str| (old.as_bytes().to_vec(), b"two".to_vec());
        assert_eq!(pairs, [pair("config"), pair("one")]);
        assert_eq!(renames(b""), []);
        let found = read(folder.path(), "rename-command a b\nrename-command b a\n");
        assert!(found.renamed(b"a").is_some());
    }
}
