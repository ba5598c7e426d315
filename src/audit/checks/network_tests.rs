//! Tests of the network checks.
#![allow(clippy::panic, reason = "a test may panic")]

use super::*;
use crate::audit::checks::sample::{self, fails, passes, tcp, unknown};
use crate::audit::facts::Fact;

fn listening_on(address: &str) -> Facts {
    let mut facts = sample::hardened();
    facts.sockets = Fact::Known(vec![tcp(address)]);
    facts
}

#[test]
fn loopback_private_and_link_local_addresses_pass() {
    for address in [
        "127.0.0.1:6379",
        "[::1]:6379",
        "10.0.0.5:6379",
        "[fd00::1]:6379",
        "[fe80::1]:6379",
    ] {
        let actual = passes(&Bind, &listening_on(address));
        assert!(
            actual
                .iter()
                .any(|line| line.contains("LISTEN 4242/redis-server")),
            "{actual:?}"
        );
    }
}

#[test]
fn wildcard_and_public_addresses_fail_and_the_socket_is_quoted() {
    let failure = fails(&Bind, &listening_on("0.0.0.0:6379"));
    assert_eq!(
        failure.actual.first().map(String::as_str),
        Some("tcp 0.0.0.0:6379 LISTEN 4242/redis-server")
    );
    assert_eq!(failure.severity, None);
    let failure = fails(&Bind, &listening_on("[::]:6379"));
    assert!(
        failure
            .actual
            .iter()
            .any(|line| line.contains("tcp6 :::6379"))
    );
    fails(&Bind, &listening_on("203.0.113.9:6379"));
    fails(&Bind, &listening_on("[2001:db8::1]:6379"));
}

#[test]
fn one_wide_address_beside_loopback_fails() {
    let mut facts = sample::hardened();
    facts.sockets = Fact::Known(vec![tcp("127.0.0.1:6379"), tcp("0.0.0.0:6379")]);
    let failure = fails(&Bind, &facts);
    assert!(
        !failure
            .actual
            .iter()
            .any(|line| line.contains("127.0.0.1:6379"))
    );
}

#[test]
fn the_default_bind_fails_where_only_the_setting_is_known() {
    let mut facts = sample::hardened();
    facts.sockets = Fact::Unavailable("no /proc".to_owned());
    for bind in ["* -::*", "127.0.0.1 0.0.0.0", "127.0.0.1 -::*"] {
        sample::set(&mut facts, "bind", bind);
        fails(&Bind, &facts);
    }
    for bind in ["127.0.0.1 -::1", "-::1", ""] {
        sample::set(&mut facts, "bind", bind);
        passes(&Bind, &facts);
    }
}

#[test]
fn a_host_name_is_unknown_unless_the_sockets_tell() {
    let mut facts = sample::hardened();
    sample::set(&mut facts, "bind", "localhost");
    passes(&Bind, &facts);
    facts.sockets = Fact::Unavailable("no /proc".to_owned());
    assert!(unknown(&Bind, &facts).contains("bind localhost"));
}

#[test]
fn an_open_listener_is_critical_when_strangers_get_in_with_power() {
    let failure = fails(&Bind, &sample::wide_open());
    let (severity, reason) = failure.severity.unwrap_or((Severity::Info, String::new()));
    assert_eq!(severity, Severity::Critical);
    assert!(
        reason.contains("user default without a password, who may run flushdb"),
        "{reason}"
    );
}

#[test]
fn protected_mode_or_a_password_keeps_it_at_high() {
    let mut facts = sample::wide_open();
    sample::set(&mut facts, "protected-mode", "yes");
    assert_eq!(fails(&Bind, &facts).severity, None);
    let mut facts = sample::wide_open();
    sample::user(&mut facts, "default").nopass = false;
    sample::user(&mut facts, "guest").nopass = false;
    assert_eq!(fails(&Bind, &facts).severity, None);
}

#[test]
fn another_user_without_a_password_makes_it_critical_too() {
    let mut facts = sample::wide_open();
    sample::user(&mut facts, "default").nopass = false;
    sample::add_user(&mut facts, "guest", true);
    sample::open_command(&mut facts, "flushall", "guest");
    assert_eq!(
        fails(&Bind, &facts).severity.map(|(severity, _)| severity),
        Some(Severity::Critical)
    );
}

#[test]
fn a_guest_without_power_does_not_make_it_critical() {
    let mut facts = listening_on("0.0.0.0:6379");
    sample::set(&mut facts, "protected-mode", "no");
    sample::add_user(&mut facts, "guest", true);
    assert_eq!(fails(&Bind, &facts).severity, None);
}

#[test]
fn shared_address_space_is_medium_and_says_why() {
    let failure = fails(&Bind, &listening_on("100.64.0.7:6379"));
    assert_eq!(
        failure.severity.map(|(severity, _)| severity),
        Some(Severity::Medium)
    );
}

#[test]
fn a_loopback_server_needs_no_firewall() {
    let mut facts = sample::hardened();
    facts.packet_filter = Fact::Known(PacketFilter::None);
    assert!(
        passes(&Firewall, &facts)
            .join(" ")
            .contains("loopback only")
    );
}

#[test]
fn a_reachable_server_fails_without_a_packet_filter_and_passes_with_one() {
    let mut facts = listening_on("10.0.0.5:6379");
    facts.packet_filter = Fact::Known(PacketFilter::None);
    fails(&Firewall, &facts);
    facts.packet_filter = Fact::Known(PacketFilter::Seen(vec![
        "nftables inet filter input".to_owned(),
    ]));
    assert!(
        passes(&Firewall, &facts)
            .join(" ")
            .contains("inet filter input")
    );
}

#[test]
fn a_filter_that_may_not_be_looked_at_is_unknown_with_the_commands_to_run() {
    let mut facts = listening_on("10.0.0.5:6379");
    facts.packet_filter = Fact::Unavailable("needs CAP_NET_ADMIN".to_owned());
    let Outcome::Unknown { reason, steps } = Firewall.evaluate(&facts) else {
        panic!("it is known");
    };
    assert!(reason.contains("needs CAP_NET_ADMIN"));
    assert!(steps.iter().any(|step| step == "sudo nft list ruleset"));
}

#[test]
fn protected_mode_off_fails_only_while_no_password_is_needed() {
    let mut facts = sample::wide_open();
    assert_eq!(
        fails(&ProtectedMode, &facts).actual,
        ["protected-mode no", "user default on nopass"]
    );
    sample::user(&mut facts, "default").enabled = false;
    passes(&ProtectedMode, &facts);
    sample::user(&mut facts, "default").enabled = true;
    sample::user(&mut facts, "default").nopass = false;
    passes(&ProtectedMode, &facts);
    facts.users = Fact::Unavailable("ACL is renamed".to_owned());
    assert_eq!(unknown(&ProtectedMode, &facts), "ACL is renamed");
    sample::set(&mut facts, "protected-mode", "yes");
    passes(&ProtectedMode, &facts);
    let mut facts = sample::wide_open();
    facts.config = Fact::Unavailable("CONFIG is renamed".to_owned());
    assert_eq!(unknown(&ProtectedMode, &facts), "CONFIG is renamed");
    sample::user(&mut facts, "default").nopass = false;
    passes(&ProtectedMode, &facts);
}

/// The `bind` that SECAUDIT FIX would set.
fn fixed(facts: &Facts) -> Option<String> {
    match fails(&Bind, facts).actions.as_slice() {
        [Action::Set(pairs)] => {
            let pair = pairs.iter().find(|(name, _)| name == "bind");
            pair.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        }
        _ => None,
    }
}

fn bound_to(bind: &str, locals: &[&str]) -> Facts {
    let mut facts = listening_on("0.0.0.0:6379");
    sample::set(&mut facts, "bind", bind);
    let connections = locals
        .iter()
        .map(|local| sample::connections("10.0.0.9", local, 1));
    sample::clients(&mut facts).connections = Fact::Known(connections.collect());
    facts
}

#[test]
fn the_fix_binds_loopback_and_what_was_near_already() {
    let fixed = |bind| fixed(&bound_to(bind, &[]));
    assert_eq!(fixed("* -::*").as_deref(), Some("127.0.0.1 -::1"));
    assert_eq!(
        fixed("0.0.0.0 10.0.0.5").as_deref(),
        Some("127.0.0.1 -::1 10.0.0.5")
    );
    assert_eq!(
        fixed("127.0.0.1 -10.0.0.5 0.0.0.0").as_deref(),
        Some("127.0.0.1 -10.0.0.5")
    );
}

#[test]
fn the_fix_keeps_the_private_addresses_that_clients_use() {
    let facts = bound_to("*", &["10.0.0.5", "10.0.0.5", "fd00::5", "127.0.0.1"]);
    assert_eq!(
        fixed(&facts).as_deref(),
        Some("127.0.0.1 -::1 10.0.0.5 fd00::5")
    );
    let steps = fails(&Bind, &facts).steps.concat();
    assert!(steps.contains("CONFIG SET bind \"127.0.0.1 -::1 10.0.0.5 fd00::5\""));
}

#[test]
fn there_is_no_fix_that_would_shut_somebody_out() {
    let public = bound_to("*", &["203.0.113.5"]);
    assert_eq!(fixed(&public), None);
    let steps = fails(&Bind, &public).steps.concat();
    assert!(
        steps.contains("clients are connected to 203.0.113.5"),
        "{steps}"
    );
    let mut node = bound_to("*", &[]);
    sample::set(&mut node, "cluster-enabled", "yes");
    assert_eq!(fixed(&node), None);
    let mut unseen = bound_to("*", &[]);
    unseen.clients = Fact::Unavailable("not known".to_owned());
    assert_eq!(fixed(&unseen), None);
    assert_eq!(fixed(&bound_to("127.0.0.1", &[])), None);
}

#[test]
fn protected_mode_is_switched_on_by_the_fix() {
    let failure = fails(&ProtectedMode, &sample::wide_open());
    let yes = ("protected-mode".to_owned(), b"yes".to_vec());
    assert_eq!(failure.actions, [Action::Set(vec![yes])]);
}
