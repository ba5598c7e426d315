//! Checks of the files the server lives from: who may read and write them, and where they lie. What the checks share is here.

mod data;
mod log;
mod modules;
mod owned;
mod parents;
mod staging;
mod staging_places;

pub use data::{Data, DataDir};
pub use log::Log;
pub use modules::Module;
pub use owned::{Acl, Config, Policy, TlsKey};
pub use parents::Parents;
pub use staging::Staging;

use super::steps;
use crate::audit::facts::{Facts, FileStatus, Member, Parent};
use crate::audit::fix::Action;
use crate::render::escape::printable;

/// On permissions of files that matter.
const PERMISSIONS: &str = "https://cwe.mitre.org/data/definitions/732.html";

/// Everybody who is neither the owner nor in the group.
const OTHERS: u32 = 0o007;
/// What a folder needs to let others at what is in it.
const OTHERS_ENTER: u32 = 0o001;
const GROUP_ENTERS: u32 = 0o010;
const STICKY: u32 = 0o1000;

/// As `ls -l` shows it.
pub(super) fn shown(file: &FileStatus) -> String {
    let mut mode = String::from(file.kind);
    for (shift, special, mark) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = file.mode >> shift;
        mode.push(if bits & 4 != 0 { 'r' } else { '-' });
        mode.push(if bits & 2 != 0 { 'w' } else { '-' });
        mode.push(match (file.mode & special != 0, bits & 1 != 0) {
            (false, false) => '-',
            (false, true) => 'x',
            (true, true) => mark,
            (true, false) => mark.to_ascii_uppercase(),
        });
    }
    let leads = file.resolved.as_deref().map(printable);
    format!(
        "{mode} {} {} {}{}",
        file.owner,
        file.group,
        printable(&file.path),
        leads.map_or_else(String::new, |path| format!(" -> {path}"))
    )
}

/// Where it really lies.
fn place(file: &FileStatus) -> &[u8] {
    file.resolved.as_deref().unwrap_or(&file.path)
}

/// Whether it belongs to root or to the server's user.
fn in_safe_hands(facts: &Facts, file: &FileStatus) -> bool {
    file.uid == 0 || file.uid == facts.process.uid
}

/// The folder, of these that lie above files, that lets nobody at a file but root and the server's user, whatever the
/// file's own mode is.
pub(super) fn kept_out<'f>(
    facts: &Facts,
    folders: &'f [Parent],
    file: &FileStatus,
) -> Option<&'f FileStatus> {
    // A second name may lie elsewhere, and so does what a path leaves a folder for.
    let mut parts = place(file).split(|byte| *byte == b'/');
    if file.names != 1 || parts.any(|part| part == b"..") {
        return None;
    }
    let above = |folder: &FileStatus| {
        let rest = place(file).strip_prefix(folder.path.as_slice());
        folder.kind == 'd' && rest.is_some_and(|rest| rest.starts_with(b"/"))
    };
    let closed = |folder: &FileStatus| {
        let group = || members(facts, folder.gid, facts.process.uid);
        in_safe_hands(facts, folder)
            && folder.mode & OTHERS_ENTER == 0
            && (folder.mode & GROUP_ENTERS == 0 || group().is_ok_and(|group| group.is_empty()))
    };
    let mut folders = folders.iter().map(|parent| &parent.status);
    folders.find(|folder| above(folder) && closed(folder))
}

/// What to say of an owner who is neither.
fn stranger(facts: &Facts, file: &FileStatus) -> String {
    format!(
        "owner {} is neither root nor the server's user {}",
        file.owner, facts.process.user
    )
}

/// The accounts in a group, beside root and those of this user.
fn members(facts: &Facts, group: u32, but: u32) -> Result<Vec<&Member>, String> {
    let Some(members) = facts.files.groups.get(&group) else {
        return Err(format!("who is in group {group} was not looked up"));
    };
    let other = |member: &&Member| member.uid != Some(0) && member.uid != Some(but);
    Ok(members.known()?.iter().filter(other).collect())
}

/// The same as names, a few of them.
fn names(members: &[&Member]) -> String {
    let names: Vec<String> = members.iter().map(|member| member.name.clone()).collect();
    steps::first_few(&names, 5)
}

/// Takes permission bits from a file or folder, where this process may do so and nothing else feels it.
fn take_away(facts: &Facts, file: &FileStatus, bits: u32) -> Option<Action> {
    // A link may lead elsewhere by then, and a second name may be somebody else's.
    let alone = file.resolved.is_none()
        && match file.kind {
            '-' => file.names == 1,
            'd' => is_the_servers_own(facts, file),
            _ => false,
        };
    let may = facts.process.uid == file.uid || facts.process.uid == 0;
    let mode = file.mode & !bits;
    (alone && may && mode != file.mode).then(|| Action::Permissions {
        path: file.path.clone(),
        mode,
    })
}

/// Whether a folder is there for this server, as far as its owner and its place tell: `chmod 700 /tmp` would end the machine.
fn is_the_servers_own(facts: &Facts, folder: &FileStatus) -> bool {
    folder.uid == facts.process.uid
        && folder.mode & STICKY == 0
        && !staging_places::is_everybodys(place(folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, file, folder};

    #[test]
    fn a_file_is_shown_as_ls_shows_it() {
        let status = |mode| FileStatus {
            mode,
            ..file("/a", 0)
        };
        assert_eq!(shown(&status(0o644)), "-rw-r--r-- redis redis /a");
        assert_eq!(shown(&status(0o6755)), "-rwsr-sr-x redis redis /a");
        assert_eq!(shown(&status(0o1777)), "-rwxrwxrwt redis redis /a");
        assert_eq!(shown(&status(0o1600)), "-rw------T redis redis /a");
        assert_eq!(
            shown(&folder("/d\u{7}", 0o700)),
            "drwx------ redis redis /d\\a"
        );
        let linked = FileStatus {
            resolved: Some(b"/b\n".to_vec()),
            ..status(0o600)
        };
        assert_eq!(shown(&linked), "-rw------- redis redis /a -> /b\\n");
    }

    #[test]
    fn a_closed_folder_keeps_everybody_out_but_root_and_the_server() {
        let facts = sample::hardened();
        let keeps = |folder: FileStatus, file: &FileStatus| {
            let parent = Parent {
                status: folder,
                leads_to: None,
                above: Vec::new(),
            };
            kept_out(&facts, &[parent], file).is_some()
        };
        let conf = file("/srv/redis/redis.conf", 0o644);
        for mode in [0o700, 0o750, 0o1770] {
            assert!(keeps(folder("/srv/redis", mode), &conf), "{mode:o}");
            assert!(keeps(folder("/srv", mode), &conf));
        }
        for mode in [0o755, 0o701] {
            assert!(!keeps(folder("/srv/redis", mode), &conf), "{mode:o}");
        }
        let of = |uid, gid| FileStatus {
            uid,
            gid,
            ..folder("/srv/redis", 0o750)
        };
        // A stranger's folder, one that alice's group enters, and one whose group nobody looked up.
        for folder in [of(1000, 112), of(109, 50), of(109, 7)] {
            assert!(!keeps(folder, &conf));
        }
        assert!(keeps(of(0, 112), &conf));
        assert!(!keeps(folder("/srv/red", 0o700), &conf));
        let linked = FileStatus {
            resolved: Some(b"/home/redis.conf".to_vec()),
            ..conf.clone()
        };
        assert!(!keeps(folder("/srv/redis", 0o700), &linked));
        let out = file("/srv/redis/../redis.conf", 0o644);
        assert!(!keeps(folder("/srv/redis", 0o700), &out));
        let twice = FileStatus { names: 2, ..conf };
        assert!(!keeps(folder("/srv/redis", 0o700), &twice));
    }

    #[test]
    fn bits_are_taken_only_from_what_is_the_servers_own_and_only_there() {
        let facts = sample::hardened();
        let mut root = facts.clone();
        root.process.uid = 0;
        let status = file("/srv/a", 0o644);
        let action = Action::Permissions {
            path: b"/srv/a".to_vec(),
            mode: 0o640,
        };
        assert_eq!(take_away(&facts, &status, OTHERS), Some(action.clone()));
        assert_eq!(take_away(&root, &status, OTHERS), Some(action));
        assert_eq!(take_away(&facts, &file("/srv/a", 0o640), OTHERS), None);
        let elsewhere = FileStatus {
            resolved: Some(b"/etc/passwd".to_vec()),
            ..status.clone()
        };
        let named_twice = FileStatus {
            names: 2,
            ..status.clone()
        };
        let roots = FileStatus {
            uid: 0,
            ..status.clone()
        };
        let pipe = FileStatus {
            kind: 'p',
            ..status
        };
        for status in [elsewhere, named_twice, roots, pipe] {
            assert_eq!(take_away(&facts, &status, OTHERS), None, "{status:?}");
        }
    }

    #[test]
    fn no_folder_that_others_live_in_is_closed() {
        let mut root = sample::hardened();
        root.process.uid = 0;
        let of_root = |path: &str, mode| FileStatus {
            uid: 0,
            ..folder(path, mode)
        };
        for path in [
            "/",
            "/tmp",
            "/etc",
            "/var/lib",
            "/home/web",
            "/usr/local",
            "/var/www/html",
        ] {
            assert_eq!(
                take_away(&root, &of_root(path, 0o755), OTHERS),
                None,
                "{path}"
            );
        }
        assert_eq!(
            take_away(&root, &of_root("/srv/shared", 0o1777), OTHERS),
            None
        );
        for path in ["/var/lib/redis", "/data", "/srv/redis", "/tmp/a"] {
            assert!(
                take_away(&root, &of_root(path, 0o755), OTHERS).is_some(),
                "{path}"
            );
        }
        // Root may, but it is somebody's.
        assert_eq!(take_away(&root, &folder("/srv/redis", 0o755), OTHERS), None);
    }
}
