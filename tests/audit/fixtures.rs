//! What redis-test-conf promises of its two servers: nothing above low on the hardened one, and on the wide-open one every
//! check fails that redis.conf, policy and file modes can make fail.

use super::{MACHINES_OWN, Report, set_mode};
use crate::audit_forms::IDS;
use crate::harness::account::{NO_ORDINARY_USER, can_be_ordinary, can_have_own, is_root};
use crate::harness::builder::{Builder, POLICY_NAME};
use crate::harness::module;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use std::path::Path;
use std::process::Command;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/redis-test-conf");

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(FIXTURES).join(name)).unwrap()
}

/// The production server of redis-test-conf/hardened.conf, with its policy and its users. Where the tests may, it has an
/// account of its own and a module that only root can change.
pub fn hardened() -> Builder {
    let builder = Server::builder()
        .conf_file(Path::new(FIXTURES).join("hardened.conf"))
        .file("hardened.policy", fixture("hardened.policy"))
        .file("users.acl", fixture("users.acl"))
        .sign_in("admin", "example-nR4bXw8Yc2Kq6Vd0Zt5Jm9Hs");
    match can_have_own() {
        true => builder.own_account(),
        false => builder.ordinary_user(),
    }
}

/// The modes that hardened.conf asks for.
pub fn make_private(server: &Server) {
    set_mode(server.dir(), 0o700);
    for name in ["redis.conf", "hardened.policy", "users.acl", POLICY_NAME] {
        let path = server.dir().join(name);
        if path.exists() {
            set_mode(&path, 0o600);
        }
    }
}

#[test]
fn a_hardened_server_gets_an_a() {
    needs_module!();
    require!(can_be_ordinary(), NO_ORDINARY_USER);
    let server = hardened().start();
    make_private(&server);
    // A dump beside the append-only file, as the save points make it.
    assert!(server.call(["SET", "app:a", "b"]).is_ok());
    let report = Report::of(&server);
    let machines_own =
        |id: &str| MACHINES_OWN.contains(&id) && !(can_have_own() && id.starts_with("file."));
    for (id, outcome) in report.outcomes() {
        let severity = report.severity(id);
        let minor = outcome == "fail" && ["low", "info"].contains(&severity);
        let fine = matches!(outcome, "pass" | "not-applicable") || minor;
        assert!(fine || machines_own(id), "{:#}", report.finding(id));
    }
    if can_have_own() {
        for id in ["file.data", "file.module", "file.parents", "file.staging"] {
            report.shows(id, "pass", "");
        }
    }
    // Somebody has to administer the server, and the policy says who.
    report.shows("cmd.data-loss", "pass", "open to app: ");
    assert_eq!(report.notes(), []);
    report.gets_an_a();
}

/// The checks that wide-open.conf does not make fail, and why it cannot.
const OUT_OF_REACH: [(&str, &str); 11] = [
    ("net.listening", "it takes a socket that no setting names"),
    (
        "net.firewall",
        "it is the machine's, and an empty network has no other host",
    ),
    ("net.tls-protocols", "it takes a certificate"),
    ("net.tls-client-auth", "it takes a certificate"),
    ("net.tls-certificate", "it takes a certificate"),
    ("net.tls-replication", "it takes a certificate"),
    ("net.public-clients", "it takes a client from there"),
    ("proc.root", "it is whoever starts it"),
    ("proc.capabilities", "it is whoever starts it"),
    ("proc.no-new-privs", "it is whoever starts it"),
    ("proc.core-dumps", "it is whoever starts it"),
];

#[test]
fn the_wide_open_server_fails_every_check_that_a_configuration_can_fail() {
    needs_module!();
    let alone: &[&str] = match is_root() {
        true => &["unshare", "--net"],
        false => &["unshare", "--net", "--map-root-user"],
    };
    let possible = Command::new(alone[0])
        .args(&alone[1..])
        .arg("true")
        .output();
    require!(
        possible.is_ok_and(|output| output.status.success()),
        "no network of its own can be made here, and this server must not be reached"
    );
    let modules = tempfile::tempdir().unwrap();
    let module = modules.path().join("libsecaudit.so");
    std::fs::copy(module::path(), &module).unwrap();
    set_mode(modules.path(), 0o777);
    let openly = ["sh", "-c", "umask 0 && exec \"$0\" \"$@\""];
    let mut builder = Server::builder()
        .under(&[alone, &openly].concat())
        .conf_file(Path::new(FIXTURES).join("wide-open.conf"))
        .module_file(module)
        // The harness would choose a port that is free, and keep a log.
        .config("port", "6379")
        .config("logfile", "/dev/null");
    for name in ["wide-open.policy", "wide-open.acl", "wide-open.key"] {
        builder = builder.file(name, fixture(name));
    }
    let server = builder.start();
    set_mode(server.dir(), 0o777);
    for name in [
        "redis.conf",
        "wide-open.policy",
        "wide-open.acl",
        "wide-open.key",
    ] {
        set_mode(&server.dir().join(name), 0o666);
    }
    let report = Report::by(&mut server.unix_client());
    let excused = |id: &&str| OUT_OF_REACH.iter().any(|(excused, _)| excused == id);
    let not_failed: Vec<String> = IDS
        .iter()
        .filter(|id| !excused(id) && report.outcome(id) != "fail")
        .map(|id| format!("{:#}", report.finding(id)))
        .collect();
    assert!(not_failed.is_empty(), "{}", not_failed.join("\n"));
    report.shows("cmd.dangerous", "fail", " debug ");
    assert!(report.grade().starts_with("F ("), "{}", report.grade());
}
