//! net.public-clients, and a new `bind` that heeds who is connected.

use super::Report;
use crate::harness::builder::Builder;
use crate::harness::network::{self, NO_OWN_NETWORK, can_be_made, own_network};
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};

/// On all addresses of a network of its own: 10.9.0.1 and 10.9.0.2 are private, the others are not.
fn in_its_own_network() -> Builder {
    let network = own_network(&[
        "10.9.0.1/32",
        "10.9.0.2/32",
        "203.0.113.9/32",
        "198.51.100.7/32",
    ]);
    let words: Vec<&str> = network.iter().map(String::as_str).collect();
    Server::builder()
        .under(&words)
        .config("bind", "0.0.0.0")
        .config("protected-mode", "no")
}

#[test]
fn clients_of_this_host_pass() {
    needs_module!();
    let server = Server::start();
    let _client = server.client();
    let report = Report::of(&server);
    report.shows("net.public-clients", "pass", "nobody is connected from");
}

#[test]
fn a_client_from_a_public_address_fails_while_it_is_connected() {
    needs_module!();
    require!(can_be_made(), NO_OWN_NETWORK);
    let server = in_its_own_network().start();
    let private = network::client(&server, "10.9.0.2", "10.9.0.1");
    let mut own = server.unix_client();
    Report::by(&mut own).shows("net.public-clients", "pass", "nobody is connected from");
    let public = network::client(&server, "203.0.113.9", "10.9.0.1");
    let report = Report::by(&mut own);
    report
        .shows("net.public-clients", "fail", "addr=203.0.113.9:")
        .shows("net.public-clients", "fail", "laddr=10.9.0.1:")
        .shows("net.public-clients", "fail", "user=default");
    assert!(!report.actual("net.public-clients").contains("10.9.0.2"));
    drop((private, public));
    server.wait_until("the client to be gone", || {
        !own.call(["CLIENT", "LIST"]).text().contains("203.0.113.9")
    });
    Report::by(&mut own).shows("net.public-clients", "pass", "nobody is connected from");
}

#[test]
fn without_the_client_command_the_kernel_tells_who_is_connected() {
    needs_module!();
    require!(can_be_made(), NO_OWN_NETWORK);
    let hidden = in_its_own_network().config("rename-command", "CLIENT \"\"");
    let server = hidden.start();
    let port = server.port();
    let script = "IO::Socket::INET->new(LocalAddr => '203.0.113.9', PeerAddr => '10.9.0.1', PeerPort => $ARGV[0]) \
                  or die; exit if fork; sleep 30";
    // Two are left behind, to be ended with their network; the first is waited for.
    let script = format!("$keep = {script}");
    network::inside(
        &server,
        &[
            "perl",
            "-MIO::Socket::INET",
            "-e",
            &script,
            &port.to_string(),
        ],
    );
    let line = format!("tcp 10.9.0.1:{port} 203.0.113.9:");
    Report::by(&mut server.unix_client()).shows("net.public-clients", "fail", &line);
}

#[test]
fn the_bind_that_is_advised_keeps_the_private_address_that_clients_use() {
    needs_module!();
    require!(can_be_made(), NO_OWN_NETWORK);
    let server = in_its_own_network().start();
    let mut own = server.unix_client();
    let advised = |report: &Report| {
        let steps = report.steps("net.bind");
        let step = steps.iter().find(|step| step.contains("CONFIG SET bind"));
        let step = step.unwrap().split('"').nth(1);
        step.unwrap().to_owned()
    };
    assert_eq!(advised(&Report::by(&mut own)), "127.0.0.1 -::1");
    let client = network::client(&server, "10.9.0.2", "10.9.0.1");
    let report = Report::by(&mut own);
    let bind = advised(&report);
    assert_eq!(bind, "127.0.0.1 -::1 10.9.0.1");
    assert!(own.call(["CONFIG", "SET", "bind", &bind]).is_ok());
    Report::by(&mut own).shows("net.bind", "pass", "tcp 10.9.0.1:");
    drop(client);
    // The same way in is still open.
    let _again = network::client(&server, "10.9.0.2", "10.9.0.1");
}
