//! The ways to talk to a server: our client, the redis crate, redis-cli in a pipe and on a terminal, MONITOR, replicas.

use super::{bare, complaint_of};
use crate::harness::monitor::Monitor;
use crate::harness::replication::{Replication, dataset_digest};
use crate::harness::resp::{Reply, words};
use crate::harness::server::Server;
use crate::harness::{cli, require, version};
use std::time::Duration;

#[test]
fn commands_go_out_as_arrays_lines_bytes_and_pipelines() {
    let server = bare();
    let mut client = server.client();
    assert!(client.call(["SET", "key", "value"]).is_ok());
    assert_eq!(client.call(&["GET", "key"]).text(), "value");
    assert_eq!(
        client.call(vec!["GET".to_owned(), "none".to_owned()]),
        Reply::Nil
    );
    assert_eq!(client.inline("STRLEN key").int(), 5);
    assert!(client.call_bytes(&[b"SET", b"\xff\0\r\n", b"odd"]).is_ok());
    assert_eq!(client.call_bytes(&[b"GET", b"\xff\0\r\n"]).bytes(), b"odd");
    let replies = client.pipeline(["INCR n", "INCR n", "NOSUCH", "GET n"].map(words));
    assert_eq!(replies[..2], [Reply::Int(1), Reply::Int(2)]);
    assert!(replies[2].is_error());
    assert_eq!(replies[3].text(), "2");
    client.send(["ECHO", "later"]);
    assert_eq!(client.read().text(), "later");
}

#[test]
fn both_kinds_of_socket_serve() {
    let server = bare();
    let is_tcp = |line: &str| {
        words(line)
            .into_iter()
            .any(|word| word.starts_with("addr=127.0.0.1:"))
    };
    assert!(is_tcp(&server.client().call(["CLIENT", "INFO"]).text()));
    assert!(!is_tcp(
        &server.unix_client().call(["CLIENT", "INFO"]).text()
    ));
}

#[test]
fn clients_sign_in_and_strangers_do_not() {
    let server = Server::builder()
        .no_module()
        .password("a \"strange\" password")
        .start();
    assert!(
        server
            .stranger()
            .call(["GET", "key"])
            .error_text()
            .starts_with("NOAUTH")
    );
    assert!(
        server
            .stranger()
            .auth("default", "wrong")
            .error_text()
            .starts_with("WRONGPASS")
    );
    assert_eq!(server.call(["PING"]).text(), "PONG");
    assert_eq!(server.unix_client().call(["PING"]).text(), "PONG");
    assert_eq!(cli::run(&server, ["PING"]).text(), "PONG\n");
    let answer: String = redis::cmd("PING")
        .query(&mut server.redis_client())
        .unwrap();
    assert_eq!(answer, "PONG");
}

#[test]
fn clients_sign_in_as_the_user_they_are_told() {
    let builder = Server::builder()
        .no_module()
        .config("user", "alice on >secret ~* &* +@all");
    let server = builder
        .config("user", "default off")
        .sign_in("alice", "secret")
        .start();
    assert_eq!(server.call(["ACL", "WHOAMI"]).text(), "alice");
    assert_eq!(cli::run(&server, ["ACL", "WHOAMI"]).text(), "alice\n");
    assert!(server.stranger().call(["PING"]).is_error());
}

#[test]
fn an_ordinary_client_works() {
    let server = bare();
    let mut connection = server.redis_client();
    let () = redis::cmd("SET")
        .arg("key")
        .arg(7)
        .query(&mut connection)
        .unwrap();
    let seven: i64 = redis::cmd("GET").arg("key").query(&mut connection).unwrap();
    assert_eq!(seven, 7);
}

#[test]
fn redis_cli_answers_in_a_pipe() {
    let server = bare();
    assert_eq!(
        cli::run(&server, ["SET", "key", "two words"]).text(),
        "OK\n"
    );
    assert_eq!(cli::run(&server, ["GET", "key"]).text(), "two words\n");
    assert_eq!(
        cli::run(&server, ["--no-raw", "GET", "key"]).text(),
        "\"two words\"\n"
    );
    let outcome = cli::run_with_input(&server, ["-3"], b"DEL key\nEXISTS key\n");
    assert_eq!(
        (outcome.status.success(), outcome.text().as_str()),
        (true, "1\n0\n"),
        "{}",
        outcome.complaint()
    );
}

#[test]
fn redis_cli_answers_on_a_terminal() {
    let server = bare();
    server.call(["SET", "it's", "two words"]);
    assert_eq!(
        cli::on_a_terminal(&server, ["GET", "it's"]),
        "\"two words\"\n"
    );
    assert_eq!(
        cli::on_a_terminal(&server, ["STRLEN", "it's"]),
        "(integer) 9\n"
    );
}

#[test]
fn monitor_shows_what_was_called_and_nothing_else() {
    let server = bare();
    let mut monitor = Monitor::start(&server);
    assert_eq!(
        monitor.lines_within(Duration::from_millis(50)),
        Vec::<String>::new()
    );
    server.call(["SET", "key", "\r\n"]);
    server.call(["GET", "key"]);
    let lines = monitor.lines_so_far(&server);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].ends_with(r#""SET" "key" "\r\n""#), "{lines:#?}");
    server.call(["DEL", "key"]);
    let lines = monitor.lines_until(|line| line.contains("\"DEL\""));
    assert_eq!(lines.len(), 1, "{lines:#?}");
}

#[test]
fn replicas_get_in_sync_with_their_master() {
    require!(
        version::under_test().loads_the_module(),
        "this server is below the module's floor"
    );
    let group = Replication::start(2);
    let empty = dataset_digest(&group.master);
    for number in 0..100 {
        group
            .master
            .call(["SET", &format!("key-{number}"), "value"]);
    }
    group.assert_same_data();
    assert_ne!(dataset_digest(&group.replicas[1]), empty);
    assert_eq!(group.replicas[0].call(["DBSIZE"]).int(), 100);
}

#[test]
fn a_replica_that_diverged_is_found() {
    let bare = Server::builder().no_module().allow_debug();
    let group = Replication::start_with(bare.clone(), vec![bare.config("replica-read-only", "no")]);
    group.replicas[0].call(["SET", "only", "here"]);
    let said = complaint_of(|| group.assert_same_data());
    assert!(said.contains("replica 0 diverged"), "{said}");
}

#[test]
fn a_replica_signs_in_at_a_master_with_a_password() {
    let bare = Server::builder()
        .no_module()
        .allow_debug()
        .password("master secret");
    let group = Replication::start_with(bare.clone(), vec![bare]);
    assert!(group.master.call(["SET", "key", "value"]).is_ok());
    group.assert_same_data();
}
