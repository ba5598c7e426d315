//! The files the server lives from: who owns them, who may do what with them, and what lies above them.

use std::collections::BTreeMap;

use super::Fact;

/// A file or folder as `ls -lL` would show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStatus {
    /// Where it lies: the absolute path by which the server knows it.
    pub path: Vec<u8>,
    /// Where it really lies, when a symbolic link is on the way there.
    pub resolved: Option<Vec<u8>>,
    /// `d` for a folder, `-` for a file, `s` for a socket, `p` for a pipe, `l` for a link that was not followed.
    pub kind: char,
    /// Permission bits, 07777.
    pub mode: u32,
    /// How many names (hard links) it has.
    pub names: u64,
    /// The owner's id.
    pub uid: u32,
    /// The group's id.
    pub gid: u32,
    /// The owner's name, or its number when /etc/passwd has none.
    pub owner: String,
    /// The group's name, or its number when /etc/group has none.
    pub group: String,
}

/// The files the server lives from.
#[derive(Debug, Clone)]
pub struct Files {
    /// redis.conf and every file it includes; empty when the server runs without one.
    pub config: Vec<Fact<FileStatus>>,
    /// The data directory (`dir`).
    pub data_dir: Fact<FileStatus>,
    /// What holds the data: the dump and the append-only file.
    pub data: Fact<DataFiles>,
    /// The aclfile; `None` when none is set.
    pub acl: Option<Fact<FileStatus>>,
    /// The log files that are set: the server's, and this module's.
    pub logs: Vec<Fact<LogFile>>,
    /// The files that hold private TLS keys (`tls-key-file`, `tls-client-key-file`).
    pub tls_keys: Vec<Fact<FileStatus>>,
    /// The policy file of this module; `None` when none is set.
    pub policy: Option<Fact<FileStatus>>,
    /// The files whose code runs in this process, the server's own program excepted.
    pub code: Fact<Vec<Code>>,
    /// The folders and links above all these files.
    pub parents: Parents,
    /// Where each setting lets the server write.
    pub targets: Vec<Fact<Target>>,
    /// Where redis.conf would have the data, when that is not where they are.
    pub astray: Option<Astray>,
    /// The members of the groups that the files belong to, by the group's number; of a private group there is one.
    pub groups: BTreeMap<u32, Fact<Vec<Member>>>,
}

/// An account that is in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its number; `None` when /etc/passwd does not know it.
    pub uid: Option<u32>,
}

impl Member {
    /// An account of a service, by the numbers that distributions keep for them: nobody signs in as it.
    pub fn is_of_the_system(&self) -> bool {
        self.uid.is_some_and(|uid| uid < 1000)
    }
}

/// The dump and the append-only file, as far as they exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataFiles {
    /// Files in the data directory itself: the dump, and an append-only file as older servers kept it.
    pub files: Vec<Fact<FileStatus>>,
    /// The folder of the append-only file (`appenddirname`).
    pub aof_dir: Option<Fact<FileStatus>>,
    /// What lies in it.
    pub aof: Vec<Fact<FileStatus>>,
    /// That folder has more entries than were looked at.
    pub cut: bool,
}

/// A log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// The setting that names it: `logfile`.
    pub setting: &'static str,
    /// The file; `None` when there is none now, as after a rotation.
    pub file: Option<FileStatus>,
    /// The folder it lies in.
    pub folder: FileStatus,
}

/// A file whose code runs in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The name of the module, when it is one that MODULE LIST shows.
    pub module: Option<Vec<u8>>,
    /// The absolute path by which the server loaded it.
    pub path: Vec<u8>,
    /// The file.
    pub file: Fact<FileStatus>,
    /// The folder it lies in.
    pub folder: Fact<FileStatus>,
}

/// The folders and links above a set of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parents {
    /// Each folder and link once, by its path.
    pub found: Vec<Parent>,
    /// What could not be looked at, and why.
    pub unread: Vec<String>,
}

/// A folder or a link above a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// The folder, or the link itself.
    pub status: FileStatus,
    /// Where a link leads, in its own words.
    pub leads_to: Option<Vec<u8>>,
    /// One of the files below it.
    pub above: Vec<u8>,
}

/// Where a setting lets the server write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The setting: `dir`, `dbfilename`.
    pub setting: &'static str,
    /// The path as the setting has it, absolute, no link followed.
    pub written: Vec<u8>,
    /// Where that leads when every link is followed.
    pub resolved: Fact<Vec<u8>>,
    /// CONFIG could not be asked: this is what redis.conf says.
    pub by_file: bool,
}

/// Where redis.conf would have the data of a server that has them elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Astray {
    /// `dir` by redis.conf.
    pub dir: Vec<u8>,
    /// `dbfilename` by redis.conf.
    pub dbfilename: Vec<u8>,
    /// That folder.
    pub folder: Fact<FileStatus>,
    /// It has neither a dump nor an append-only file that the next save would replace.
    pub vacant: bool,
}
