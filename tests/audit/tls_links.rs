//! net.tls-replication: replicas, masters and nodes on other hosts, which here are other networks.

use super::Report;
use crate::harness::builder::Builder;
use crate::harness::network::{self, NO_OWN_NETWORK, can_be_made, own_network};
use crate::harness::replication::wait_for_link;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::tls::{self, AUTHORITY, CERTIFICATE, Certificate, KEY, NO_TLS};

const MASTER: &str = "10.9.0.1";
const REPLICA: &str = "10.9.0.2";

/// A server with TLS in a network of its own.
fn apart(certificate: &Certificate) -> (Builder, u16) {
    let network = own_network(&[]);
    let words: Vec<&str> = network.iter().map(String::as_str).collect();
    let builder = Server::builder()
        .under(&words)
        .config("bind", "0.0.0.0")
        .config("protected-mode", "no");
    tls::with(builder, certificate)
}

fn report(server: &Server) -> Report {
    Report::by(&mut server.unix_client())
}

#[track_caller]
fn call(server: &Server, words: &[&str]) {
    let reply = server.unix_client().call(words);
    assert!(reply.is_ok(), "{words:?}: {reply}");
}

#[test]
fn without_tls_or_without_links_nothing_is_said() {
    needs_module!();
    let server = Server::start();
    let why = match tls::is_built_in() {
        true => "TLS is not configured",
        false => "built without TLS",
    };
    Report::of(&server).shows("net.tls-replication", "not-applicable", why);
    require!(tls::is_built_in(), NO_TLS);
    let server = tls::with(Server::builder(), &tls::certificate(-1, 90))
        .0
        .start();
    Report::of(&server).shows("net.tls-replication", "not-applicable", "no master");
}

#[test]
fn a_link_that_leaves_the_host_fails_at_both_ends_until_it_is_encrypted() {
    needs_module!();
    require!(tls::is_built_in(), NO_TLS);
    require!(can_be_made(), NO_OWN_NETWORK);
    let certificate = tls::certificate(-1, 90);
    let (master, master_tls) = apart(&certificate);
    let (replica, _) = apart(&certificate);
    let (master, replica) = (master.start(), replica.start());
    network::connect((&master, "10.9.0.1/24"), (&replica, "10.9.0.2/24"));
    call(&replica, &["REPLICAOF", MASTER, &master.port().to_string()]);
    wait_for_link_by_socket(&replica);

    let far = format!("master {MASTER}:{} in plaintext", master.port());
    report(&replica).shows("net.tls-replication", "fail", &far);
    let port = format!("in plaintext, by port {}", master.port());
    report(&master)
        .shows(
            "net.tls-replication",
            "fail",
            &format!("replica {REPLICA}:"),
        )
        .shows("net.tls-replication", "fail", &port);

    call(&replica, &["CONFIG", "SET", "tls-replication", "yes"]);
    call(&replica, &["REPLICAOF", MASTER, &master_tls.to_string()]);
    wait_for_link_by_socket(&replica);
    report(&replica).shows("net.tls-replication", "pass", "tls-replication yes");
    report(&master).shows("net.tls-replication", "pass", ": TLS");
}

#[test]
fn a_replica_on_the_same_host_passes() {
    needs_module!();
    require!(tls::is_built_in(), NO_TLS);
    let certificate = tls::certificate(-1, 90);
    let master = tls::with(Server::builder(), &certificate).0.start();
    let replica = tls::with(Server::builder(), &certificate).0;
    let replica = replica.replica_of(&master).start();
    wait_for_link(&replica);
    Report::of(&replica).shows("net.tls-replication", "pass", "on this host");
    Report::of(&master).shows("net.tls-replication", "pass", "on this host");
}

#[test]
fn nodes_of_a_cluster_on_other_hosts_want_tls_on_the_bus() {
    needs_module!();
    require!(tls::is_built_in(), NO_TLS);
    require!(can_be_made(), NO_OWN_NETWORK);
    let me = "07c37dfeb235213a872192d90877d0cd55635b91";
    let other = "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1";
    let node = |address: &str| {
        // A node that has met another before: the file that the server keeps of that.
        let nodes = format!(
            "{me} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected\n\
             {other} {address}:7000@17000 master - 0 0 2 connected\n\
             vars currentEpoch 2 lastVoteEpoch 0\n"
        );
        let network = own_network(&[]);
        let words: Vec<&str> = network.iter().map(String::as_str).collect();
        let builder = Server::builder()
            .under(&words)
            .config("cluster-enabled", "yes")
            .file("nodes.conf", nodes);
        tls::files(builder, &tls::certificate(-1, 90))
            .config("tls-cert-file", CERTIFICATE)
            .config("tls-key-file", KEY)
            .config("tls-ca-cert-file", AUTHORITY)
    };
    let server = node("192.0.2.9").start();
    report(&server).shows(
        "net.tls-replication",
        "fail",
        "cluster bus to 192.0.2.9:17000 in plaintext (tls-cluster no)",
    );
    call(&server, &["CONFIG", "SET", "tls-cluster", "yes"]);
    report(&server).shows("net.tls-replication", "pass", "tls-cluster yes");
    let server = node("127.0.0.1").start();
    report(&server).shows("net.tls-replication", "pass", "every node is on this host");
}

/// The replica's own port is out of this test's reach.
#[track_caller]
fn wait_for_link_by_socket(replica: &Server) {
    replica.wait_until("master_link_status:up", || {
        let info = replica.unix_client().call(["INFO", "replication"]).text();
        match info.contains("master_link_status:up") {
            true => Ok(()),
            false => Err(info),
        }
    });
}
