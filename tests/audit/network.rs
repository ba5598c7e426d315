//! net.bind, net.listening, net.firewall, net.protected-mode.

use super::{Report, strong_password};
use crate::harness::account::{NO_ORDINARY_USER, can_be_ordinary, is_root};
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use std::process::Command;

#[test]
fn a_listener_on_every_address_fails_and_one_on_loopback_passes() {
    needs_module!();
    for bind in ["0.0.0.0", "*"] {
        let server = Server::builder().config("bind", bind).start();
        let wide = format!("tcp 0.0.0.0:{} LISTEN {}/", server.port(), server.pid());
        Report::of(&server).shows("net.bind", "fail", &wide);
    }
    for bind in ["127.0.0.1", "127.0.0.1 -::1", "localhost"] {
        let server = Server::builder().config("bind", bind).start();
        let near = format!("tcp 127.0.0.1:{} LISTEN", server.port());
        Report::of(&server).shows("net.bind", "pass", &near).shows(
            "net.bind",
            "pass",
            &format!("bind {bind}"),
        );
    }
}

#[test]
fn a_bind_changed_on_the_running_server_is_what_counts() {
    needs_module!();
    let server = Server::start();
    Report::of(&server).shows("net.bind", "pass", "bind 127.0.0.1");
    assert!(server.call(["CONFIG", "SET", "bind", "0.0.0.0"]).is_ok());
    Report::of(&server)
        .shows("net.bind", "fail", "tcp 0.0.0.0:")
        .shows("net.bind", "fail", "bind 0.0.0.0")
        .shows("net.listening", "pass", "tcp 0.0.0.0:");
    assert!(server.call(["CONFIG", "SET", "bind", "127.0.0.1"]).is_ok());
    Report::of(&server)
        .shows("net.bind", "pass", "bind 127.0.0.1")
        .shows("net.listening", "pass", "tcp 127.0.0.1:");
}

#[test]
fn a_wide_listener_that_lets_strangers_in_is_critical_and_a_guarded_one_high() {
    needs_module!();
    let server = Server::builder()
        .config("bind", "0.0.0.0")
        .config("protected-mode", "no")
        .start();
    let report = Report::of(&server);
    assert_eq!(report.severity("net.bind"), "critical");
    let reason = report.finding("net.bind")["severity_reason"].to_string();
    assert!(
        reason.contains("admits user default without a password"),
        "{reason}"
    );
    assert_eq!(report.severity("auth.password"), "critical");
    let guarded = ["CONFIG", "SET", "protected-mode", "yes"];
    assert!(server.call(guarded).is_ok());
    let report = Report::of(&server);
    assert_eq!(report.severity("net.bind"), "high");
    assert_eq!(report.severity("auth.password"), "high");
}

#[test]
fn the_sockets_of_the_settings_pass_and_are_quoted_as_netstat_shows_them() {
    needs_module!();
    let server = Server::start();
    let tcp = format!("tcp 127.0.0.1:{} LISTEN {}/", server.port(), server.pid());
    let unix = format!("unix {} LISTENING", server.socket().display());
    Report::of(&server)
        .shows("net.listening", "pass", &tcp)
        .shows("net.listening", "pass", &unix);
    let cluster = Server::builder().config("cluster-enabled", "yes").start();
    let report = Report::of(&cluster);
    report.shows("net.listening", "pass", "tcp 127.0.0.1:");
    assert_eq!(
        report.actual("net.listening").matches("tcp 127").count(),
        2,
        "port and cluster bus: {report:#?}"
    );
}

#[test]
fn a_socket_that_no_setting_speaks_of_fails() {
    needs_module!();
    let perl = Command::new("perl").args(["-MSocket", "-e", "1"]).output();
    require!(
        perl.is_ok_and(|output| output.status.success()),
        "no perl to start a server with a listening socket"
    );
    // The server inherits a listener, as one does from a careless parent, or from an intruder.
    let script = "$^F = 9; socket(S, PF_INET, SOCK_STREAM, 0) && bind(S, sockaddr_in(0, INADDR_LOOPBACK)) \
                  && listen(S, 1) && exec(@ARGV) or die $!";
    let server = Server::builder()
        .under(&["perl", "-MSocket", "-e", script])
        .start();
    let report = Report::of(&server);
    report
        .shows("net.listening", "fail", ": no setting speaks of it")
        .shows(
            "net.listening",
            "fail",
            &format!("tcp 127.0.0.1:{} LISTEN", server.port()),
        );
    let strange = report.actual("net.listening").lines().next().unwrap();
    assert!(
        strange.starts_with("tcp 127.0.0.1:") && !strange.contains(&server.port().to_string()),
        "{strange}"
    );
}

#[test]
fn nothing_within_reach_needs_no_firewall() {
    needs_module!();
    let server = Server::start();
    Report::of(&server).shows("net.firewall", "pass", "it listens on loopback only");
}

#[test]
fn a_firewall_that_the_process_may_not_look_at_is_unknown_with_the_commands_to_run() {
    needs_module!();
    require!(can_be_ordinary(), NO_ORDINARY_USER);
    let server = Server::builder()
        .ordinary_user()
        .config("bind", "0.0.0.0")
        .start();
    let report = Report::of(&server);
    report.shows("net.firewall", "unknown", "only root");
    assert!(
        report
            .steps("net.firewall")
            .contains(&"sudo nft list ruleset"),
        "{:?}",
        report.steps("net.firewall")
    );
}

#[test]
fn a_host_without_packet_filter_fails_when_others_can_reach_the_server() {
    needs_module!();
    let namespace = ["unshare", "--net"];
    let possible = Command::new("unshare").args(["--net", "true"]).output();
    require!(
        is_root() && possible.is_ok_and(|output| output.status.success()),
        "only root may make a network namespace and look at its packet filter"
    );
    // A network of its own: no chain of this host's is in it, and only the unix socket leads there.
    let server = Server::builder()
        .under(&namespace)
        .config("bind", "0.0.0.0")
        .start();
    let report = Report::by(&mut server.unix_client());
    report.shows("net.firewall", "fail", "tcp 0.0.0.0:").shows(
        "net.firewall",
        "fail",
        "no nftables or iptables chain",
    );
}

#[test]
fn protected_mode_may_be_off_only_where_a_password_is_needed() {
    needs_module!();
    let server = Server::builder().config("protected-mode", "no").start();
    Report::of(&server).shows("net.protected-mode", "fail", "protected-mode no");
    assert!(
        server
            .call(["CONFIG", "SET", "protected-mode", "yes"])
            .is_ok()
    );
    Report::of(&server).shows("net.protected-mode", "pass", "protected-mode yes");
    let server = Server::builder()
        .config("protected-mode", "no")
        .password(&strong_password("protected"))
        .start();
    Report::of(&server).shows(
        "net.protected-mode",
        "pass",
        "user default is off or needs a password",
    );
}
