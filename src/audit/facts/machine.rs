//! What the machine and the kernel allow this process: memory, descriptors, privileges, core dumps, where its output goes.

use super::Fact;

/// What bounds and surrounds this process.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The memory there is, and what a control group leaves of it.
    pub memory: Fact<Memory>,
    /// How many descriptors the process may have open (the soft limit); `None` when there is no limit.
    pub open_files: Fact<Option<u64>>,
    /// Core dumps.
    pub core: Fact<CoreDumps>,
    /// Capabilities and the walls around the process.
    pub privileges: Fact<Privileges>,
    /// What standard output leads to, as /proc/self/fd/1 shows it: `pipe:[12]`, `/dev/null`.
    pub stdout: Fact<Vec<u8>>,
    /// The mode bits that files made by the process do not get.
    pub umask: Fact<u32>,
}

/// The memory a process can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// The machine's, in bytes.
    pub physical: u64,
    /// The least that a control group above this process allows, and the file that says so.
    pub group: Option<(u64, String)>,
}

/// Whether the kernel writes the process's memory to disk when it crashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreDumps {
    /// The soft limit of a core file's size; `None` when there is no limit.
    pub limit: Option<u64>,
    /// The kernel refuses to dump this process at all.
    pub undumpable: bool,
    /// /proc/sys/kernel/core_pattern; `None` when it could not be read.
    pub pattern: Option<Vec<u8>>,
}

/// What /proc/self/status tells of privileges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privileges {
    /// Capabilities in effect.
    pub effective: u64,
    /// Capabilities the process may take up again.
    pub permitted: u64,
    /// It can never gain any.
    pub no_new_privs: bool,
    /// A seccomp filter, or strict mode, stands between it and the kernel.
    pub seccomp: bool,
}
