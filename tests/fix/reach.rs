//! Fixes of what can be reached: addresses, protected mode, modes of files and sockets. Nobody locks himself out by them.

use super::{apply, fix, fix_json, setting};
use crate::audit::set_mode;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use std::fs;
use std::net::{Ipv6Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn open_to_all() -> Server {
    Server::builder()
        .config("bind", "0.0.0.0")
        .config("protected-mode", "no")
        .start()
}

/// SECAUDIT FIX by a caller who came to 127.0.0.2, which stands for an address of the network here.
#[track_caller]
fn from_elsewhere(server: &Server, words: &str) -> String {
    let client = redis::Client::open(("127.0.0.2", server.port())).unwrap();
    let mut connection = client.get_connection().unwrap();
    let mut call = redis::cmd("SECAUDIT");
    call.arg("FIX");
    words.split_whitespace().for_each(|word| {
        call.arg(word);
    });
    let answer: redis::RedisResult<Vec<String>> = call.query(&mut connection);
    match answer {
        Ok(lines) => lines.join("\n"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_server_is_bound_to_this_host_and_who_is_connected_stays() {
    needs_module!();
    let server = open_to_all();
    let mut client = server.client();
    let done = fix_json(&mut client, "APPLY net.bind net.protected-mode");
    assert_eq!(done["complete"], true, "{done:#}");
    for check in done["checks"].as_array().unwrap() {
        assert_eq!(check["outcome"], "pass", "{check:#}");
    }
    assert!(!setting(&server, "bind").contains("0.0.0.0"));
    assert_eq!(setting(&server, "protected-mode"), "yes");
    assert!(client.call(["SET", "k", "v"]).is_ok());
    let elsewhere = redis::Client::open(("127.0.0.2", server.port())).unwrap();
    assert!(elsewhere.get_connection().is_err());
}

#[test]
fn a_caller_who_came_to_another_address_is_not_locked_out() {
    needs_module!();
    let server = open_to_all();
    let told = from_elsewhere(&server, "APPLY net.protected-mode net.bind");
    assert!(
        told.contains("you are connected to 127.0.0.2") && told.contains("nothing was changed"),
        "{told}"
    );
    assert_eq!(setting(&server, "bind"), "0.0.0.0");
    assert_eq!(setting(&server, "protected-mode"), "no");
    let plan = from_elsewhere(&server, "net.bind");
    assert!(
        plan.contains("  not now    you are connected to 127.0.0.2"),
        "{plan}"
    );
    assert!(plan.contains("Nothing of this can be done"), "{plan}");
}

#[test]
fn a_step_that_fails_in_the_middle_stops_there_and_says_what_was_done_and_what_not() {
    needs_module!();
    let six = TcpListener::bind((Ipv6Addr::LOCALHOST, 0));
    require!(six.is_ok(), "this machine has no IPv6");
    let server = Server::builder()
        .config("bind", "::")
        .config("acllog-max-len", "0")
        .config("tcp-keepalive", "0")
        .start();
    // Somebody else sits where the server is to go.
    let _other = TcpListener::bind(("127.0.0.1", server.port())).unwrap();
    let mut client = server.unix_client();
    let words = "APPLY log.acl-log net.bind limit.clients PERSIST";
    let lines = fix(&mut client, words).texts();
    let text = lines.join("\n");
    for part in [
        ": 1 done, 1 failed, 1 not done",
        "log.acl-log: fixed\n  done       CONFIG SET acllog-max-len 128",
        "net.bind: still fails\n  failed     CONFIG SET bind ",
        "  because    ERR ",
        "limit.clients: still fails\n  not done   CONFIG SET tcp-keepalive 300",
        "NOT KEPT CONFIG REWRITE was not tried: a step failed",
    ] {
        assert!(text.contains(part), "{part}\nin {text}");
    }
    let setting = |client: &mut crate::harness::resp::Client, name: &str| {
        client.call(["CONFIG", "GET", name]).texts()[1].clone()
    };
    assert_eq!(setting(&mut client, "acllog-max-len"), "128");
    assert_eq!(setting(&mut client, "bind"), "::");
    assert_eq!(setting(&mut client, "tcp-keepalive"), "0");
    let conf = fs::read_to_string(server.conf()).unwrap();
    assert!(conf.contains("acllog-max-len 0"), "{conf}");
    server.wait_for_log("net.bind: a step failed: ERR ");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn files_and_sockets_are_closed_to_others() {
    needs_module!();
    let server = Server::builder().config("unixsocketperm", "777").start();
    assert!(server.call(["SAVE"]).is_ok());
    let dump = server.dir().join("dump.rdb");
    set_mode(&dump, 0o644);
    set_mode(server.dir(), 0o755);
    let done = apply(&server, "file.data net.unixsocket");
    for check in done["checks"].as_array().unwrap() {
        assert_eq!(check["outcome"], "pass", "{check:#}");
    }
    assert_eq!(mode(&dump) & 0o007, 0);
    assert_eq!(mode(server.socket()) & 0o002, 0);
    let step = &done["checks"][0]["steps"][0];
    assert!(
        step["before"].as_str().unwrap().starts_with("0644 "),
        "{step:#}"
    );
    assert!(
        step["undo"].as_str().unwrap().starts_with("chmod 644 "),
        "{step:#}"
    );
}
