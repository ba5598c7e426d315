//! What the machine and the kernel allow this process, from /proc and the control groups.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

use super::bounded;
use crate::audit::facts::{CoreDumps, Fact, Machine, Memory, Privileges};

const MAX_FILE: u64 = 64 * 1024;

/// Looks at /proc/self and at the limits.
pub fn read() -> Machine {
    let stdout = std::fs::read_link("/proc/self/fd/1");
    Machine {
        memory: fact(memory(Path::new("/"))),
        open_files: Fact::Known(getrlimit(Resource::Nofile).current),
        core: core(),
        privileges: fact(privileges(Path::new("/proc/self/status"))),
        umask: fact(umask(Path::new("/proc/self/status"))),
        stdout: match stdout {
            Ok(target) => Fact::Known(target.as_os_str().as_bytes().to_vec()),
            Err(error) => {
                Fact::Unavailable(format!("/proc/self/fd/1: {}", bounded::reason(&error)))
            }
        },
    }
}

fn fact<T>(result: Result<T, String>) -> Fact<T> {
    match result {
        Ok(value) => Fact::Known(value),
        Err(reason) => Fact::Unavailable(reason),
    }
}

fn core() -> Fact<CoreDumps> {
    let undumpable = match dumpable_behavior() {
        Ok(behavior) => behavior == DumpableBehavior::NotDumpable,
        Err(error) => return Fact::Unavailable(format!("prctl(PR_GET_DUMPABLE): {error}")),
    };
    let pattern = bounded::prefix(Path::new("/proc/sys/kernel/core_pattern"), 4096);
    Fact::Known(CoreDumps {
        limit: getrlimit(Resource::Core).current,
        undumpable,
        pattern: pattern.ok().map(|text| text.trim_ascii().to_vec()),
    })
}

fn privileges(status: &Path) -> Result<Privileges, String> {
    let text = bounded::prefix(status, MAX_FILE)?;
    let text = String::from_utf8_lossy(&text);
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.map(str::trim).filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("{}: no {name}", bounded::shown(status)))
    };
    let mask = |name: &str| {
        u64::from_str_radix(field(name)?, 16).map_err(|_| format!("{name} is no mask"))
    };
    Ok(Privileges {
        effective: mask("CapEff:")?,
        permitted: mask("CapPrm:")?,
        no_new_privs: field("NoNewPrivs:")? != "0",
        seccomp: field("Seccomp:")? != "0",
    })
}

fn umask(status: &Path) -> Result<u32, String> {
    let text = bounded::prefix(status, MAX_FILE)?;
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|value| u32::from_str_radix(value.trim(), 8).ok())
        .ok_or_else(|| format!("{}: no Umask", bounded::shown(status)))
}

fn memory(root: &Path) -> Result<Memory, String> {
    let path = root.join("proc/meminfo");
    let text = bounded::prefix(&path, MAX_FILE)?;
    let text = String::from_utf8_lossy(&text);
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = total.and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok());
    let physical = kilobytes.ok_or_else(|| format!("{}: no MemTotal", bounded::shown(&path)))?;
    Ok(Memory {
        physical: physical.saturating_mul(1024),
        group: group_limit(root)?,
    })
}

/// The least that any control group above this process allows, of the second version and of the first.
fn group_limit(root: &Path) -> Result<Option<(u64, String)>, String> {
    let path = root.join("proc/self/cgroup");
    if !path.exists() {
        return Ok(None);
    }
    let text = bounded::prefix(&path, MAX_FILE)?;
    let text = String::from_utf8_lossy(&text);
    let mut least: Option<(u64, String)> = None;
    for line in text.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(group)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (top, file) = match controllers {
            "" => (root.join("sys/fs/cgroup"), "memory.max"),
            named if named.split(',').any(|name| name == "memory") => {
                (root.join("sys/fs/cgroup/memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        for folder in folders(&top, group) {
            let file = folder.join(file);
            let Ok(text) = bounded::prefix(&file, 64) else {
                continue;
            };
            // "max", and the first version's largest number, are no limit.
            let limit = String::from_utf8_lossy(&text).trim().parse::<u64>();
            let Some(limit) = limit.ok().filter(|limit| *limit < 1 << 60) else {
                continue;
            };
            if least.as_ref().is_none_or(|(known, _)| limit < *known) {
                least = Some((limit, bounded::shown(&file)));
            }
        }
    }
    Ok(least)
}

/// A control group's folder and those above it. In a container the path may not be there, but its top is the container's.
fn folders(top: &Path, group: &str) -> Vec<PathBuf> {
    let own = top.join(group.trim_start_matches('/'));
    let inside = own.ancestors().take_while(|folder| folder.starts_with(top));
    inside.take(64).map(Path::to_owned).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::fs;

    fn root(cgroup: &str, limits: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("proc/self")).unwrap();
        fs::write(
            root.path().join("proc/meminfo"),
            "MemTotal:  2048 kB\nMemFree: 1 kB\n",
        )
        .unwrap();
        fs::write(root.path().join("proc/self/cgroup"), cgroup).unwrap();
        for (path, limit) in limits {
            let path = root.path().join("sys/fs/cgroup").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, limit).unwrap();
        }
        root
    }

    fn limit(cgroup: &str, limits: &[(&str, &str)]) -> Option<u64> {
        let root = root(cgroup, limits);
        let memory = memory(root.path()).unwrap();
        assert_eq!(memory.physical, 2 << 20);
        memory.group.map(|(limit, _)| limit)
    }

    #[test]
    fn the_least_limit_of_all_groups_above_counts() {
        let limits = [
            ("a/b/memory.max", "max\n"),
            ("a/memory.max", "1000\n"),
            ("memory.max", "2000\n"),
        ];
        assert_eq!(limit("0::/a/b\n", &limits), Some(1000));
        assert_eq!(limit("0::/\n", &limits), Some(2000));
        assert_eq!(limit("0::/../../elsewhere\n", &limits), Some(2000));
    }

    #[test]
    fn the_first_version_of_control_groups_is_read_too() {
        let limits = [
            ("memory/x/memory.limit_in_bytes", "4096\n"),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ];
        assert_eq!(limit("4:cpu:/\n5:memory:/x\n0::/\n", &limits), Some(4096));
        assert_eq!(limit("5:cpu,memory:/\n", &limits), None);
        // In a container the host's path is not there, and its own group lies at the top.
        let limits = [("memory/memory.limit_in_bytes", "77\n")];
        assert_eq!(limit("5:memory:/docker/abc\n", &limits), Some(77));
    }

    #[test]
    fn privileges_are_read_and_a_file_without_them_is_a_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("status");
        let text = "Name:\tx\nCapPrm:\t0000000000000400\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nUmask:\t0027\n";
        fs::write(&path, text).unwrap();
        assert_eq!(umask(&path), Ok(0o027));
        let expected = Privileges {
            effective: 0,
            permitted: 0x400,
            no_new_privs: true,
            seccomp: true,
        };
        assert_eq!(privileges(&path), Ok(expected));
        fs::write(&path, "Name:\tx\n").unwrap();
        assert!(privileges(&path).is_err());
        assert!(umask(&path).is_err());
    }

    #[test]
    fn this_machine_tells() {
        let machine = read();
        assert!(
            machine
                .memory
                .known()
                .is_ok_and(|memory| memory.physical > 0)
        );
        assert!(machine.privileges.known().is_ok());
        assert!(machine.stdout.known().is_ok());
        assert!(machine.umask.known().is_ok_and(|umask| *umask <= 0o777));
    }
}
