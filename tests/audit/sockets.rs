//! net.default-port, net.unixsocket, net.cluster-bus.

use super::{Report, set_mode};
use crate::harness::network::{NO_OWN_NETWORK, can_be_made, own_network};
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};

fn words(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[test]
fn the_default_port_fails_only_where_other_hosts_can_look() {
    needs_module!();
    let server = Server::start();
    let own = format!("tcp 127.0.0.1:{} LISTEN", server.port());
    Report::of(&server).shows("net.default-port", "pass", &own);
    require!(can_be_made(), NO_OWN_NETWORK);
    // A network of its own has a port 6379 of its own.
    let server = Server::builder()
        .under(&words(&own_network(&["10.9.0.1/24"])))
        .config("port", "6379")
        .config("bind", "127.0.0.1 10.9.0.1")
        .start();
    let mut client = server.unix_client();
    let report = Report::by(&mut client);
    report.shows("net.default-port", "fail", "tcp 10.9.0.1:6379 LISTEN");
    assert!(!report.actual("net.default-port").contains("127.0.0.1"));
    assert!(client.call(["CONFIG", "SET", "port", "26380"]).is_ok());
    Report::by(&mut client).shows("net.default-port", "pass", "tcp 10.9.0.1:26380 LISTEN");
}

#[test]
fn a_unix_socket_that_others_may_write_fails_until_its_mode_is_mended() {
    needs_module!();
    let server = Server::builder().config("unixsocketperm", "777").start();
    let socket = server.socket().display().to_string();
    let report = Report::of(&server);
    report.shows("net.unixsocket", "fail", "srwxrwxrwx ").shows(
        "net.unixsocket",
        "fail",
        &format!("{socket}: anybody on this host may connect"),
    );
    set_mode(server.dir(), 0o755);
    assert_eq!(Report::of(&server).severity("net.unixsocket"), "high");
    set_mode(server.dir(), 0o700);
    let closed = Report::of(&server);
    closed.shows("net.unixsocket", "fail", "were it not for the folder drwx");
    assert_eq!(closed.severity("net.unixsocket"), "low");
    let chmod = format!("chmod 770 {socket}");
    let steps = report.steps("net.unixsocket");
    assert!(steps.iter().any(|step| step.contains(&chmod)), "{steps:?}");
    set_mode(server.socket(), 0o770);
    Report::of(&server).shows("net.unixsocket", "pass", "srwxrwx--- ");
}

#[test]
fn a_socket_for_the_server_alone_passes_and_no_socket_is_no_question() {
    needs_module!();
    let server = Server::builder().config("unixsocketperm", "700").start();
    Report::of(&server).shows("net.unixsocket", "pass", "srwx------ ");
    let server = Server::builder().config("unixsocket", "").start();
    Report::of(&server).shows("net.unixsocket", "not-applicable", "no unix socket");
}

#[test]
fn a_unix_socket_whose_file_has_vanished_is_unknown() {
    needs_module!();
    let server = Server::start();
    std::fs::remove_file(server.socket()).unwrap();
    Report::of(&server).shows("net.unixsocket", "unknown", "not there");
}

#[test]
fn the_cluster_bus_fails_on_every_address_and_passes_on_a_private_one() {
    needs_module!();
    let alone = Server::start();
    Report::of(&alone).shows("net.cluster-bus", "not-applicable", "no cluster node");
    require!(can_be_made(), NO_OWN_NETWORK);
    for (bind, outcome) in [
        ("0.0.0.0", "fail"),
        ("10.9.0.1 203.0.113.9", "fail"),
        ("127.0.0.1 10.9.0.1", "pass"),
    ] {
        let server = Server::builder()
            .under(&words(&own_network(&["10.9.0.1/24", "203.0.113.9/32"])))
            .config("port", "7000")
            .config("bind", bind)
            .config("cluster-enabled", "yes")
            .start();
        let bus = server.unix_client().call(["CONFIG", "GET", "cluster-port"]);
        // Servers without that setting have the bus 10000 above the port.
        let bus = bus.texts().get(1).map_or("17000".to_owned(), String::clone);
        let report = Report::by(&mut server.unix_client());
        assert_eq!(report.outcome("net.cluster-bus"), outcome, "{bind}");
        let address = bind.split(' ').next_back().unwrap();
        report.shows(
            "net.cluster-bus",
            outcome,
            &format!("tcp {address}:{bus} LISTEN {}/", server.pid()),
        );
        assert!(!report.actual("net.cluster-bus").contains(":7000 "));
    }
}
