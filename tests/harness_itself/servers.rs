//! The life of a server: it is reported when it dies, gone when it is dropped, the same when it is started again.

use super::{bare, complaint_of, runs};
use crate::harness::process::grace;
use crate::harness::server::Server;
use crate::harness::version;
use crate::harness::wait::{DEADLINE, attempt, scaled, until};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

#[test]
fn a_server_that_dies_at_start_is_reported_with_its_log_at_once() {
    let begun = Instant::now();
    let failure = Server::builder()
        .no_module()
        .config("no-such-directive", "yes")
        .expect_refusal();
    assert!(
        begun.elapsed() < scaled(DEADLINE) / 2,
        "it took {:?}",
        begun.elapsed()
    );
    assert!(!failure.status.success(), "{failure}");
    assert!(failure.log.contains("no-such-directive"), "{failure}");
    assert!(failure.to_string().contains("redis.conf"), "{failure}");
}

#[test]
fn a_death_in_the_log_file_rather_than_on_the_console_is_reported_as_well() {
    let failure = Server::builder()
        .no_module()
        .config("loadmodule", "/no/such/module.so")
        .expect_refusal();
    assert!(failure.log.contains("/no/such/module.so"), "{failure}");
}

#[test]
fn a_start_that_fails_panics_with_the_log() {
    let said = complaint_of(|| {
        Server::builder()
            .no_module()
            .config("no-such-directive", "yes")
            .start()
    });
    assert!(said.contains("no-such-directive"), "{said}");
}

#[test]
fn a_refusal_that_does_not_come_is_a_failure() {
    let said = complaint_of(|| Server::builder().no_module().expect_refusal());
    assert!(said.contains("it serves"), "{said}");
}

#[test]
fn a_dropped_servers_process_and_folder_are_gone() {
    let server = bare();
    let (pid, folder) = (server.pid(), server.dir().to_owned());
    assert!(server.is_alive() && runs(pid, &folder) && folder.is_dir());
    drop(server);
    assert!(!runs(pid, &folder), "the process is left over");
    assert!(!folder.exists(), "the folder is left over");
}

#[test]
fn a_server_deaf_to_sigterm_is_killed_when_dropped() {
    let server = bare();
    let (pid, folder) = (server.pid(), server.dir().to_owned());
    server.signal(libc::SIGSTOP);
    let begun = Instant::now();
    drop(server);
    assert!(!runs(pid, &folder), "the process is left over");
    assert!(
        begun.elapsed() >= grace(),
        "it was given no time to stop by itself"
    );
}

#[test]
fn a_server_outlives_the_thread_that_started_it() {
    let server = std::thread::spawn(bare).join().unwrap();
    assert_eq!(server.call(["PING"]).text(), "PONG");
}

#[test]
fn servers_started_side_by_side_get_different_ports() {
    let starts: Vec<_> = (0..8).map(|_| std::thread::spawn(bare)).collect();
    let servers: Vec<Server> = starts
        .into_iter()
        .map(|start| start.join().unwrap())
        .collect();
    let ports: BTreeSet<u16> = servers.iter().map(Server::port).collect();
    assert_eq!(ports.len(), servers.len());
    for server in &servers {
        let told = server.call(["CONFIG", "GET", "port"]);
        assert_eq!(told.get("port").text(), server.port().to_string());
    }
}

#[test]
fn a_port_that_is_taken_is_exchanged_for_another() {
    // A server whose first start meets a port that someone else was quicker to.
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("late-server");
    let real = version::server_binary().display();
    let text = format!(
        "#!/bin/sh\ncase $1 in --version) exec '{real}' --version ;; esac\n\
         if [ ! -e tried ]; then cp redis.conf tried; echo 'bind: Address already in use'; exit 1; fi\nexec '{real}' \"$@\"\n"
    );
    write_program(&script, &text);
    let server = Server::builder().no_module().server_binary(&script).start();
    let first = fs::read_to_string(server.dir().join("tried")).unwrap();
    assert!(first.contains("port ") && !first.contains(&format!("port {}\n", server.port())));
    assert!(
        !server.log().contains("Address already in use"),
        "the log of the failed try stays"
    );
}

/// Written by another process: a file that was open for writing here while some other test forked cannot be executed.
fn write_program(path: &Path, text: &str) {
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(path);
    let outcome = crate::harness::process::run(command, text.as_bytes(), DEADLINE);
    assert!(outcome.status.success(), "{}", outcome.complaint());
}

#[test]
fn a_restarted_server_keeps_port_folder_data_and_log() {
    let mut server = Server::builder().no_module().appendonly().start();
    let (port, pid, folder) = (server.port(), server.pid(), server.dir().to_owned());
    assert!(server.call(["SET", "key", "value"]).is_ok());
    server.restart();
    assert_eq!((server.port(), server.dir()), (port, folder.as_path()));
    assert_ne!(server.pid(), pid);
    assert_eq!(server.call(["GET", "key"]).text(), "value");
    assert_eq!(
        server.log().matches("Running mode=").count(),
        2,
        "{}",
        server.log()
    );
}

#[test]
fn a_server_killed_as_by_a_crash_comes_back_with_its_data() {
    let mut server = Server::builder().no_module().appendonly().start();
    assert!(server.call(["SET", "key", "value"]).is_ok());
    server.kill9();
    assert!(!server.is_alive());
    server.restart();
    assert_eq!(server.call(["GET", "key"]).text(), "value");
}

#[test]
fn a_restart_that_the_server_refuses_says_why() {
    let mut server = bare();
    let broken = fs::read_to_string(server.conf()).unwrap() + "no-such-directive yes\n";
    fs::write(server.conf(), broken).unwrap();
    let failure = server.try_restart().unwrap_err();
    assert!(failure.log.contains("no-such-directive"), "{failure}");
    assert!(!server.is_alive());
}

#[test]
fn a_server_stops_when_asked() {
    let server = bare();
    assert!(server.stop().success());
    assert!(!server.is_alive());
}

#[test]
fn the_log_is_waited_for() {
    bare().wait_for_log("Ready to accept connections");
}

#[test]
fn the_log_is_waited_for_after_the_last_start_only() {
    let mut server = bare();
    server.restart();
    server.kill9();
    let said = complaint_of(|| server.wait_for_log("Received SIGTERM"));
    assert!(
        server.log().contains("Received SIGTERM"),
        "{}",
        server.log()
    );
    assert!(said.contains("dead"), "{said}");
}

#[test]
fn waiting_for_a_dead_server_fails_at_once() {
    let server = bare();
    server.kill9();
    let begun = Instant::now();
    let said = complaint_of(|| server.wait_until("a miracle", || Err::<(), _>("no miracle yet")));
    assert!(
        begun.elapsed() < scaled(DEADLINE) / 2,
        "it took {:?}",
        begun.elapsed()
    );
    assert!(
        said.contains("a miracle") && said.contains("dead") && said.contains("no miracle yet"),
        "{said}"
    );
    server.wait_until("the server's death", || !server.is_alive());
}

#[test]
fn a_wait_says_what_it_last_observed() {
    let mut looks = 0;
    let complaint = attempt("the moon", Duration::from_millis(30), || {
        looks += 1;
        Err::<(), _>(format!("look {looks}"))
    });
    let complaint = complaint.unwrap_err();
    assert!(
        complaint.contains("the moon") && complaint.contains(&format!("look {looks}")),
        "{complaint}"
    );
    assert!(looks > 1);
    assert_eq!(until("a value", Duration::ZERO, || Some(7)), 7);
}
