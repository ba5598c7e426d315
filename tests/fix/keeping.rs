//! PERSIST: what was done is written to the server's files, which keep their modes, and survives a restart.

use super::{apply, fix, fix_json, password, setting};
use crate::audit::set_mode;
use crate::harness::account::{NO_ORDINARY_USER, NO_OWN_ACCOUNT, can_be_ordinary, can_have_own};
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_is_persisted_survives_a_restart_and_redis_conf_stays_private() {
    needs_module!();
    let mut server = Server::builder()
        .config("tcp-keepalive", "0")
        .config("acllog-max-len", "0")
        .start();
    set_mode(&server.conf(), 0o600);
    let done = apply(&server, "log.acl-log auth.password PERSIST");
    let kept = &done["persist"][0];
    assert_eq!(
        (&kept["by"], &kept["result"]),
        (&"CONFIG REWRITE".into(), &"done".into())
    );
    assert_eq!(kept["file"], server.conf().to_string_lossy().as_ref());
    assert_eq!(mode(&server.conf()), 0o600);
    let password = done["checks"][1]["steps"][0]["password"].as_str().unwrap();
    assert!(
        !fs::read_to_string(server.conf())
            .unwrap()
            .contains(password)
    );
    server.restart();
    let mut client = server.stranger();
    assert!(client.call(["GET", "k"]).error_text().starts_with("NOAUTH"));
    assert!(client.call(["AUTH", password]).is_ok());
    assert_eq!(
        client.call(["CONFIG", "GET", "acllog-max-len"]).texts()[1],
        "128"
    );
    assert_eq!(
        client.call(["CONFIG", "GET", "tcp-keepalive"]).texts()[1],
        "0"
    );
}

#[test]
fn what_is_not_persisted_is_gone_after_a_restart() {
    needs_module!();
    let mut server = Server::builder().config("acllog-max-len", "0").start();
    apply(&server, "log.acl-log");
    server.restart();
    assert_eq!(setting(&server, "acllog-max-len"), "0");
}

#[test]
fn users_of_an_acl_file_are_saved_there_and_the_file_stays_private() {
    needs_module!();
    let mut server = Server::builder()
        .file("users.acl", "user app on #aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ~app:* -@all +get\n")
        .config("aclfile", "users.acl")
        .start();
    let file = server.dir().join("users.acl");
    set_mode(&file, 0o600);
    let done = apply(&server, "auth.password PERSIST");
    assert_eq!(done["persist"][0]["by"], "ACL SAVE");
    assert_eq!(mode(&file), 0o600);
    let password = password(&done);
    server.restart();
    assert!(
        server
            .stranger()
            .call(["GET", "k"])
            .error_text()
            .starts_with("NOAUTH")
    );
    assert!(server.stranger().call(["AUTH", &password]).is_ok());
}

#[test]
fn without_a_file_to_write_persist_is_refused_and_nothing_is_done() {
    needs_module!();
    // The configuration comes by standard input, so the server knows of no file.
    let server = Server::builder()
        .under(&["bash", "-c", r#"exec "$0" - < "$1""#])
        .config("acllog-max-len", "0")
        .start();
    let mut client = server.client();
    let error = fix(&mut client, "APPLY log.acl-log PERSIST").error_text();
    assert!(
        error.contains("started without a configuration file")
            && error.contains("nothing was changed"),
        "{error}"
    );
    assert_eq!(setting(&server, "acllog-max-len"), "0");
    assert_eq!(
        apply(&server, "log.acl-log")["checks"][0]["outcome"],
        "pass"
    );
}

#[test]
fn a_file_that_cannot_be_written_is_told_and_what_was_done_stays_done() {
    needs_module!();
    require!(can_have_own(), NO_OWN_ACCOUNT);
    let server = Server::builder()
        .own_account()
        .config("acllog-max-len", "0")
        .start();
    // The file is written beside itself first, and there the server may not write any more.
    chown(server.dir(), Some(0), None).unwrap();
    set_mode(server.dir(), 0o755);
    let mut client = server.client();
    let done = fix_json(&mut client, "APPLY log.acl-log PERSIST");
    assert_eq!(done["complete"], false);
    assert_eq!(done["checks"][0]["steps"][0]["result"], "done");
    assert_eq!(done["persist"][0]["result"], "failed");
    assert!(
        done["persist"][0]["error"]
            .as_str()
            .unwrap()
            .starts_with("ERR "),
        "{done:#}"
    );
    let again = fix(&mut client, "APPLY log.acl-log PERSIST")
        .texts()
        .join("\n");
    assert!(
        !again.contains("NOT KEPT"),
        "nothing is left to keep: {again}"
    );
    assert_eq!(setting(&server, "acllog-max-len"), "128");
}

#[test]
fn a_file_that_is_in_place_though_its_writing_failed_stays_private() {
    needs_module!();
    require!(can_be_ordinary(), NO_ORDINARY_USER);
    let server = Server::builder()
        .ordinary_user()
        .config("acllog-max-len", "0")
        .start();
    set_mode(&server.conf(), 0o600);
    // The new file can be put in place, but the folder cannot be opened for to be flushed to disk.
    set_mode(server.dir(), 0o300);
    let done = fix_json(&mut server.client(), "APPLY log.acl-log PERSIST");
    assert_eq!(done["persist"][0]["result"], "failed", "{done:#}");
    let conf = fs::read_to_string(server.conf()).unwrap();
    assert!(conf.contains("acllog-max-len 128"), "{conf}");
    assert_eq!(mode(&server.conf()), 0o600);
}
