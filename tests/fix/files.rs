//! SECAUDIT FIX on files: what the server may close is closed, through no link, and nothing else is touched; and a server
//! that was led astray goes back where redis.conf has it.

use super::{apply, fix_json, setting};
use crate::audit::{Report, set_mode};
use crate::harness::account::{NO_OWN_ACCOUNT, can_have_own, is_root};
use crate::harness::builder::POLICY_NAME;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

#[track_caller]
fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A server with a file of each kind, every one open to everybody.
fn open() -> Server {
    let builder = match can_have_own() {
        true => Server::builder().own_account(),
        false => Server::builder(),
    };
    let server = builder
        .policy("mode enforce\n")
        .file("users.acl", "user default on nopass ~* &* +@all\n")
        .config("aclfile", "users.acl")
        .appendonly()
        .start();
    for name in ["redis.conf", "users.acl", POLICY_NAME, "redis.log"] {
        set_mode(&server.dir().join(name), 0o666);
    }
    let aof = server.dir().join("appendonlydir");
    for entry in fs::read_dir(&aof).unwrap() {
        set_mode(&entry.unwrap().path(), 0o644);
    }
    set_mode(&aof, 0o755);
    set_mode(server.dir(), 0o777);
    server
}

#[test]
fn every_file_of_the_servers_own_is_closed_and_the_checks_pass() {
    needs_module!();
    let server = open();
    let ids = [
        "file.config",
        "file.data-dir",
        "file.data",
        "file.acl",
        "file.log",
        "file.policy",
    ];
    let before = Report::of(&server);
    for id in ids {
        assert_eq!(before.outcome(id), "fail", "{id}");
    }
    apply(&server, &ids.join(" "));
    let after = Report::of(&server);
    for id in ids {
        assert_eq!(after.outcome(id), "pass", "{:#}", after.finding(id));
    }
    for (name, wanted) in [
        ("", 0o750),
        ("redis.conf", 0o640),
        ("users.acl", 0o640),
        ("redis.log", 0o640),
        (POLICY_NAME, 0o644),
        ("appendonlydir", 0o750),
        ("appendonlydir/appendonly.aof.1.incr.aof", 0o640),
    ] {
        // A group that others share is shut out, too.
        let found = mode(&server.dir().join(name));
        assert!(
            found == wanted || (name.is_empty() && found == 0o700),
            "{name}: {found:o}"
        );
    }
    // The server itself still gets at everything.
    for call in [
        &["SET", "k", "v"][..],
        &["ACL", "SAVE"],
        &["BGREWRITEAOF"],
        &["SECGATE", "SAVE"],
    ] {
        let reply = server.call(call.iter().copied());
        assert!(!reply.is_error(), "{call:?}: {reply}");
    }
}

#[test]
fn a_link_and_a_strangers_file_are_left_to_the_operator() {
    needs_module!();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("users.acl");
    fs::write(&target, "user default on nopass ~* &* +@all\n").unwrap();
    set_mode(&target, 0o644);
    let link = elsewhere.path().join("link.acl");
    symlink(&target, &link).unwrap();
    let server = Server::builder()
        .config("aclfile", &link.to_string_lossy())
        .start();
    let left = |id: &str| {
        let done = fix_json(&mut server.client(), &format!("APPLY {id}"));
        let check = &done["checks"][0];
        assert_eq!(check["steps"], serde_json::json!([]), "{check:#}");
        assert!(!check["by_hand"].as_array().unwrap().is_empty());
    };
    left("file.acl");
    assert_eq!(mode(&target), 0o644);
    // A second name may be somebody else's.
    fs::hard_link(server.conf(), elsewhere.path().join("second")).unwrap();
    set_mode(&server.conf(), 0o644);
    left("file.config");
    fs::remove_file(elsewhere.path().join("second")).unwrap();
    if is_root() {
        chown(server.conf(), Some(12345), None).unwrap();
        left("file.config");
    }
    assert_eq!(mode(&server.conf()), 0o644);
}

#[test]
fn the_folder_of_everybody_is_not_closed_for_a_server_that_stands_in_it() {
    needs_module!();
    require!(is_root(), "only root owns such a folder");
    let server = Server::builder()
        .config("enable-protected-configs", "yes")
        .start();
    let shared = server.dir().join("shared");
    fs::create_dir(&shared).unwrap();
    set_mode(&shared, 0o1777);
    assert!(
        server
            .call(["CONFIG", "SET", "dir", &shared.to_string_lossy()])
            .is_ok()
    );
    Report::of(&server).shows("file.data-dir", "fail", "drwxrwxrwt");
    let done = fix_json(&mut server.client(), "APPLY file.data-dir");
    assert_eq!(done["checks"][0]["steps"], serde_json::json!([]));
    assert_eq!(mode(&shared), 0o1777);
}

/// A server that keeps its data in `home` and was led to `.ssh`.
fn led_astray() -> (Server, String) {
    let server = Server::builder()
        .config("enable-protected-configs", "yes")
        .start();
    let home = server.dir().join("home");
    let keys = server.dir().join(".ssh");
    for folder in [&home, &keys] {
        fs::create_dir(folder).unwrap();
        set_mode(folder, 0o700);
    }
    let home = home.to_string_lossy().into_owned();
    let conf = fs::read_to_string(server.conf()).unwrap();
    fs::write(server.conf(), format!("{conf}dir {home}\n")).unwrap();
    for pair in [
        ["dir", &keys.to_string_lossy()],
        ["dbfilename", "authorized_keys"],
    ] {
        assert!(server.call(["CONFIG", "SET", pair[0], pair[1]]).is_ok());
    }
    Report::of(&server).shows("file.staging", "fail", "in a folder of SSH keys");
    (server, home)
}

#[test]
fn a_server_that_was_led_astray_goes_back_unless_something_lies_there() {
    needs_module!();
    let (server, home) = led_astray();
    apply(&server, "file.staging");
    assert_eq!(setting(&server, "dir"), home);
    assert_eq!(setting(&server, "dbfilename"), "dump.rdb");
    Report::of(&server).shows("file.staging", "pass", &home);

    let (server, home) = led_astray();
    let kept = Path::new(&home).join("dump.rdb");
    fs::write(&kept, "the last good dump").unwrap();
    let done = fix_json(&mut server.client(), "APPLY file.staging");
    let check = &done["checks"][0];
    assert_eq!(check["steps"], serde_json::json!([]), "{check:#}");
    assert!(check["by_hand"].to_string().contains("keep what lies in"));
    assert_eq!(setting(&server, "dbfilename"), "authorized_keys");
    assert_eq!(fs::read(&kept).unwrap(), b"the last good dump");
}

#[test]
fn a_server_of_its_own_account_closes_nothing_that_is_roots() {
    needs_module!();
    require!(can_have_own(), NO_OWN_ACCOUNT);
    let server = open();
    for name in ["redis.conf", "users.acl"] {
        chown(server.dir().join(name), Some(0), None).unwrap();
    }
    let done = fix_json(&mut server.client(), "APPLY file.config file.acl");
    for check in done["checks"].as_array().unwrap() {
        assert_eq!(check["steps"], serde_json::json!([]), "{check:#}");
    }
    assert_eq!(mode(&server.conf()), 0o666);
}
