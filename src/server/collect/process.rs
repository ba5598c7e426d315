//! The process the server runs in, as the kernel knows it.

use super::accounts::Accounts;
use crate::audit::facts::{Fact, Process};

/// Asks the kernel who this process is.
pub fn read(accounts: &Accounts) -> Process {
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    Process {
        pid: std::process::id(),
        uid,
        gid,
        user: accounts.user(uid),
        group: accounts.group(gid),
        group_sharers: accounts.sharers(gid, uid),
        groups: match rustix::process::getgroups() {
            Ok(groups) => Fact::Known(groups.iter().map(|group| group.as_raw()).collect()),
            Err(error) => Fact::Unavailable(format!("the groups of this process: {error}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_tells_who_this_is() {
        let process = read(&Accounts::read());
        assert_eq!(process.pid, std::process::id());
        let own =
            std::fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own));
        assert_eq!(own.ok(), Some(process.uid));
    }
}
