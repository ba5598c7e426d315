//! Tests of following paths, on real folders and links.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    (folder, path)
}

fn leads_to(path: &Path) -> PathBuf {
    match Walk::new(&Accounts::read()).follow(path) {
        End::There { at, .. } => at,
        other => panic!("{other:?}"),
    }
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

#[test]
fn mode_kind_and_owner_are_those_of_the_file() {
    let (_guard, folder) = folder();
    let path = folder.join("a\u{1b}");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    fs::hard_link(&path, folder.join("b")).unwrap();
    let accounts = Accounts::read();
    let Fact::Known(status) = Walk::new(&accounts).status(bytes(&path)) else {
        unreachable!("the file is there");
    };
    assert_eq!((status.kind, status.mode, status.names), ('-', 0o640, 2));
    assert_eq!(status.uid, rustix::process::geteuid().as_raw());
    assert_eq!(status.resolved, None);
}

#[test]
fn links_are_followed_wherever_they_stand_and_whatever_they_say() {
    let (_guard, folder) = folder();
    fs::create_dir_all(folder.join("real/deep")).unwrap();
    fs::write(folder.join("real/deep/file"), "").unwrap();
    symlink(folder.join("real"), folder.join("absolute")).unwrap();
    symlink("real/../real/./deep", folder.join("relative")).unwrap();
    symlink("../../relative/file", folder.join("real/deep/up")).unwrap();
    let file = folder.join("real/deep/file");
    for path in [
        "absolute/deep/file",
        "relative/file",
        "absolute/deep/up",
        "relative/../deep//./file",
        "real/deep/file",
    ] {
        assert_eq!(leads_to(&folder.join(path)), file, "{path}");
    }
    assert_eq!(leads_to(Path::new("/../..")), Path::new("/"));
}

#[test]
fn a_status_says_where_links_lead() {
    let (_guard, folder) = folder();
    let link = folder.join("link");
    symlink(&folder, &link).unwrap();
    let accounts = Accounts::read();
    let Fact::Known(status) = Walk::new(&accounts).status(bytes(&link)) else {
        panic!("the folder is there");
    };
    assert_eq!(status.kind, 'd');
    assert_eq!(status.path, bytes(&link));
    assert_eq!(status.resolved.as_deref(), Some(bytes(&folder)));
}

#[test]
fn links_that_lead_to_each_other_come_to_an_end() {
    let (_guard, folder) = folder();
    symlink("b", folder.join("a")).unwrap();
    symlink("a", folder.join("b")).unwrap();
    symlink("d/d/d/d", folder.join("d")).unwrap();
    let accounts = Accounts::read();
    for name in ["a", "d"] {
        let mut walk = Walk::new(&accounts);
        let End::Unknown(reason) = walk.follow_and_keep(&folder.join(name)) else {
            panic!("{name} ends somewhere");
        };
        assert!(reason.contains("too many links"), "{reason}");
        assert_eq!(walk.parents().unread, [reason]);
    }
    let long = format!("/{}", "a/".repeat(MAX_PATH));
    assert!(matches!(
        Walk::new(&accounts).follow(Path::new(&long)),
        End::Unknown(_)
    ));
}

#[test]
fn what_is_not_there_is_told_with_the_place_where_it_would_be() {
    let (_guard, folder) = folder();
    symlink(folder.join("gone"), folder.join("dangling")).unwrap();
    let accounts = Accounts::read();
    let End::Missing(place) = Walk::new(&accounts).follow(&folder.join("dangling/x/y")) else {
        panic!("nothing is there");
    };
    assert_eq!(place, folder.join("gone/x/y"));
    assert_eq!(
        Walk::new(&accounts).status(b"/nonexistent/\xff"),
        Fact::Unavailable("/nonexistent/\\xff: not there".to_owned())
    );
    assert_eq!(Walk::new(&accounts).entry(&folder.join("gone")), None);
}

#[test]
fn a_file_is_no_folder_and_a_pipe_is_not_opened() {
    let (_guard, folder) = folder();
    fs::write(folder.join("file"), "").unwrap();
    let accounts = Accounts::read();
    let mut walk = Walk::new(&accounts);
    assert!(matches!(
        walk.follow(&folder.join("file/below")),
        End::Unknown(_)
    ));
    let pipe = folder.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let status = walk.status(bytes(&pipe));
    assert!(matches!(status, Fact::Known(status) if status.kind == 'p'));
}

#[test]
fn every_folder_and_link_above_is_kept_once() {
    let (_guard, folder) = folder();
    fs::create_dir_all(folder.join("real/deep")).unwrap();
    symlink("real", folder.join("link")).unwrap();
    for name in ["one", "two"] {
        fs::write(folder.join("real/deep").join(name), "").unwrap();
    }
    let accounts = Accounts::read();
    let mut walk = Walk::new(&accounts);
    walk.follow(&folder.join("real/deep/one"));
    assert_eq!(walk.parents().found.len(), 0);
    for name in ["one", "two"] {
        walk.follow_and_keep(&folder.join("link/deep").join(name));
    }
    let parents = walk.parents().found;
    let kept = |path: PathBuf| {
        let same = |parent: &&Parent| parent.status.path == bytes(&path);
        parents.iter().filter(same).collect::<Vec<_>>()
    };
    for path in ["real", "real/deep"] {
        let found = kept(folder.join(path));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].status.kind, 'd');
        assert_eq!(found[0].above, bytes(&folder.join("link/deep/one")));
    }
    let link = kept(folder.join("link"));
    assert_eq!(link[0].status.kind, 'l');
    assert_eq!(link[0].leads_to.as_deref(), Some(&b"real"[..]));
    assert_eq!(kept(PathBuf::from("/")).len(), 1);
    assert!(kept(folder.join("real/deep/one")).is_empty());
    assert!(walk.groups().contains(&rustix::process::getegid().as_raw()));
}

#[test]
fn an_open_descriptor_is_what_the_kernel_says_it_is() {
    let (reader, writer) = std::io::pipe().unwrap();
    let accounts = Accounts::read();
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
    let status = Walk::new(&accounts).status(path.as_bytes());
    assert!(matches!(status, Fact::Known(status) if status.kind == 'p'));
    drop(writer);
}

#[test]
fn a_relative_path_starts_from_the_working_directory() {
    let here = std::env::current_dir().unwrap();
    assert_eq!(leads_to(Path::new("Cargo.toml")), here.join("Cargo.toml"));
    assert_eq!(absolute(b"a"), here.join("a"));
}

#[test]
fn one_report_looks_at_so_many_paths_and_no_more() {
    let accounts = Accounts::read();
    let mut walk = Walk::new(&accounts);
    for index in 0..MAX_LOOKS {
        walk.entry(Path::new(&format!("/nonexistent-{index}")));
    }
    assert!(walk.seen.len() <= MAX_LOOKS);
    let entry = walk.entry(Path::new("/nonexistent"));
    assert!(matches!(entry, Some(Fact::Unavailable(reason)) if reason.contains("not looked at")));
}
