//! Ten thousand users, a thousand includes, a thousand AOF files, as many clients as there are descriptors: each is judged.

use super::{assert_well, assert_whole};
use crate::audit::patient;
use crate::harness::resp::Client;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use rustix::process::{Resource, getrlimit};

/// As many of the harness's clients as its own descriptors allow, up to ten thousand.
fn many() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    limit.saturating_sub(2000).min(10_000)
}

#[test]
fn thousands_of_users_are_judged() {
    needs_module!();
    let mut users = String::from("user default on nopass ~* &* +@all\n");
    for index in 0..5_000 {
        users.push_str(&format!(
            "user u{index} on nopass ~app{index}:* -@all +@read +@write\n"
        ));
    }
    let server = Server::builder()
        .file("users.acl", users)
        .config("aclfile", "users.acl")
        .start();
    let report = assert_whole(&patient(&server).call(["SECAUDIT", "JSON"]));
    report
        .shows("auth.nopass-users", "fail", "and 4990 more")
        .shows("cmd.dangerous", "fail", "open to default");
    assert_well(&server);
}

#[test]
fn a_thousand_includes_are_read() {
    needs_module!();
    let mut builder = Server::builder();
    for index in 0..1000 {
        builder = builder.file(&format!("{index}.inc"), "# nothing\n");
    }
    let server = builder
        .file("last.inc", "rename-command FLUSHALL \"\"\n")
        .config("include", "*.inc")
        .start();
    let report = assert_whole(&server.call(["SECAUDIT", "JSON"]));
    assert!(
        report.actual("cmd.dangerous").contains("removed"),
        "{report:?}"
    );
    let files = report.actual("file.config");
    assert!(!files.contains("too many"), "{files}");
    assert_well(&server);
}

#[test]
fn a_thousand_aof_files_are_no_matter() {
    needs_module!();
    let server = Server::builder().appendonly().start();
    let folder = server.dir().join("appendonlydir");
    for index in 0..1000 {
        let name = format!("appendonly.aof.{index}.incr.aof");
        std::fs::write(folder.join(name), "").unwrap();
    }
    assert_whole(&server.call(["SECAUDIT", "JSON"]));
    assert_well(&server);
}

#[test]
fn many_clients_are_counted() {
    needs_module!();
    let count = many();
    require!(count >= 1000, "too few descriptors for many clients");
    let server = Server::builder()
        .config("maxclients", &(count + 100).to_string())
        .start();
    let crowd: Vec<Client> = (0..count).map(|_| server.stranger()).collect();
    let report = assert_whole(&server.call(["SECAUDIT", "JSON"]));
    let actual = report.actual("limit.clients");
    assert!(!actual.contains("too many to list"), "{actual}");
    drop(crowd);
    assert_well(&server);
}
