//! Paths followed component by component, with lstat and readlink alone: where a path leads, and every folder and link on
//! the way. Nothing is opened, so no pipe and no device can hold the server up.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use super::accounts::Accounts;
use super::bounded;
use crate::audit::facts::{Fact, FileStatus, Parent, Parents};

/// As many as Linux follows.
const MAX_LINKS: usize = 40;
/// As long as Linux takes.
const MAX_PATH: usize = 4096;
/// How often one report looks at a path it has not seen yet.
const MAX_LOOKS: usize = 20_000;
const MAX_UNREAD: usize = 50;

/// Everything that was followed for one report. What is above several files is looked at once.
pub struct Walk<'a> {
    accounts: &'a Accounts,
    seen: BTreeMap<PathBuf, Seen>,
    parents: BTreeMap<PathBuf, Parent>,
    unread: BTreeSet<String>,
    groups: BTreeSet<u32>,
}

/// Where a path leads.
#[derive(Debug)]
pub enum End {
    /// To something that is there.
    There {
        /// Where it lies when every link is followed.
        at: PathBuf,
        /// A link was on the way.
        linked: bool,
        /// What it is.
        metadata: Metadata,
    },
    /// To nothing; this is where it would be.
    Missing(PathBuf),
    /// It cannot be told, and why.
    Unknown(String),
}

#[derive(Clone)]
enum Seen {
    There(Metadata),
    Missing,
    Unknown(String),
}

impl<'a> Walk<'a> {
    /// Nothing followed yet.
    pub fn new(accounts: &'a Accounts) -> Self {
        Self {
            accounts,
            seen: BTreeMap::new(),
            parents: BTreeMap::new(),
            unread: BTreeSet::new(),
            groups: BTreeSet::new(),
        }
    }

    /// Where a path leads. A relative one starts from where the server stands.
    pub fn follow(&mut self, path: &Path) -> End {
        self.steps(path, None)
    }

    /// The same, and every folder and link above it is kept for `parents`.
    pub fn follow_and_keep(&mut self, path: &Path) -> End {
        let end = self.steps(path, Some(path));
        if let End::Unknown(reason) = &end
            && self.unread.len() < MAX_UNREAD
        {
            self.unread.insert(reason.clone());
        }
        end
    }

    /// A file or folder, whatever links lead there; an absent one is a reason.
    pub fn status(&mut self, path: &[u8]) -> Fact<FileStatus> {
        let path = absolute(path);
        match self.follow(&path) {
            End::There {
                at,
                linked,
                metadata,
            } => {
                let resolved = linked.then_some(at.as_path());
                Fact::Known(self.described(&path, resolved, &metadata))
            }
            End::Missing(_) => Fact::Unavailable(format!("{}: not there", bounded::shown(&path))),
            End::Unknown(reason) => Fact::Unavailable(reason),
        }
    }

    /// What is at this very path, be it a link; `None` where there is nothing.
    pub fn entry(&mut self, path: &Path) -> Option<Fact<FileStatus>> {
        match self.look(path) {
            Seen::There(metadata) if metadata.is_symlink() => {
                Some(self.status(path.as_os_str().as_bytes()))
            }
            Seen::There(metadata) => Some(Fact::Known(self.described(path, None, &metadata))),
            Seen::Missing => None,
            Seen::Unknown(reason) => Some(Fact::Unavailable(reason)),
        }
    }

    /// All that is above the paths that were kept.
    pub fn parents(&self) -> Parents {
        Parents {
            found: self.parents.values().cloned().collect(),
            unread: self.unread.iter().cloned().collect(),
        }
    }

    /// The groups of everything that was described.
    pub fn groups(&self) -> &BTreeSet<u32> {
        &self.groups
    }

    /// A file's status in words of `ls`.
    pub fn described(
        &mut self,
        path: &Path,
        resolved: Option<&Path>,
        metadata: &Metadata,
    ) -> FileStatus {
        let kind = metadata.file_type();
        self.groups.insert(metadata.gid());
        FileStatus {
            path: path.as_os_str().as_bytes().to_vec(),
            resolved: resolved.map(|path| path.as_os_str().as_bytes().to_vec()),
            kind: match () {
                () if kind.is_dir() => 'd',
                () if kind.is_symlink() => 'l',
                () if kind.is_socket() => 's',
                () if kind.is_fifo() => 'p',
                () if kind.is_char_device() => 'c',
                () if kind.is_block_device() => 'b',
                () => '-',
            },
            mode: metadata.mode() & 0o7777,
            names: metadata.nlink(),
            uid: metadata.uid(),
            gid: metadata.gid(),
            owner: self.accounts.user(metadata.uid()),
            group: self.accounts.group(metadata.gid()),
        }
    }

    fn steps(&mut self, path: &Path, keep_for: Option<&Path>) -> End {
        let path = absolute(path.as_os_str().as_bytes());
        let shown = bounded::shown(&path);
        if path.as_os_str().len() > MAX_PATH {
            return End::Unknown("a path longer than any file system takes".to_owned());
        }
        let mut at = PathBuf::from("/");
        let mut ahead = components(&path);
        let mut links = 0;
        while let Some(name) = ahead.pop() {
            if let (Some(above), Seen::There(folder)) = (keep_for, self.look(&at))
                && folder.is_dir()
            {
                self.keep(&at, &folder, None, above);
            }
            if name == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&name);
            match self.look(&next) {
                Seen::There(found) if found.is_symlink() => {
                    links += 1;
                    if links > MAX_LINKS {
                        return End::Unknown(format!("{shown}: too many links"));
                    }
                    let target = match std::fs::read_link(&next) {
                        Ok(target) => target,
                        Err(error) => return End::Unknown(reason(&next, &error)),
                    };
                    if let Some(above) = keep_for {
                        self.keep(&next, &found, Some(&target), above);
                    }
                    // What /proc shows of an open pipe or socket is no path.
                    if next.starts_with("/proc") && !target.is_absolute() && ahead.is_empty() {
                        return opened(next);
                    }
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    ahead.extend(components(&target));
                    if ahead.len() > MAX_PATH {
                        return End::Unknown(format!("{shown}: too many links"));
                    }
                }
                Seen::There(_) => at = next,
                Seen::Missing => {
                    at = next;
                    at.extend(ahead.iter().rev());
                    return End::Missing(at);
                }
                Seen::Unknown(reason) => return End::Unknown(reason),
            }
        }
        match self.look(&at) {
            Seen::There(metadata) => End::There {
                at,
                linked: links > 0,
                metadata,
            },
            Seen::Missing => End::Missing(at),
            Seen::Unknown(reason) => End::Unknown(reason),
        }
    }

    fn keep(&mut self, path: &Path, metadata: &Metadata, target: Option<&Path>, above: &Path) {
        if self.parents.contains_key(path) {
            return;
        }
        let parent = Parent {
            status: self.described(path, None, metadata),
            leads_to: target.map(|target| target.as_os_str().as_bytes().to_vec()),
            above: above.as_os_str().as_bytes().to_vec(),
        };
        self.parents.insert(path.to_owned(), parent);
    }

    fn look(&mut self, path: &Path) -> Seen {
        if let Some(seen) = self.seen.get(path) {
            return seen.clone();
        }
        if self.seen.len() >= MAX_LOOKS {
            return Seen::Unknown(format!(
                "{}: not looked at after {MAX_LOOKS} others",
                bounded::shown(path)
            ));
        }
        let seen = match std::fs::symlink_metadata(path) {
            Ok(metadata) => Seen::There(metadata),
            Err(error) if error.kind() == ErrorKind::NotFound => Seen::Missing,
            Err(error) => Seen::Unknown(reason(path, &error)),
        };
        self.seen.insert(path.to_owned(), seen.clone());
        seen
    }
}

/// A path from the root on. A relative one starts from where the server stands.
pub fn absolute(path: &[u8]) -> PathBuf {
    let path = Path::new(OsStr::from_bytes(path));
    match (path.is_absolute(), std::env::current_dir()) {
        (false, Ok(folder)) => folder.join(path),
        _ => path.to_owned(),
    }
}

/// The components of a path, the first one last.
fn components(path: &Path) -> Vec<OsString> {
    let named = |component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    let mut names: Vec<OsString> = path.components().filter_map(named).collect();
    names.reverse();
    names
}

/// What an open descriptor leads to, by the kernel's own word.
fn opened(at: PathBuf) -> End {
    match std::fs::metadata(&at) {
        Ok(metadata) => End::There {
            at,
            linked: true,
            metadata,
        },
        Err(error) => End::Unknown(reason(&at, &error)),
    }
}

fn reason(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {}", bounded::shown(path), bounded::reason(error))
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
