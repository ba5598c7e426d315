//! What redis-test-conf promises of its two servers: nothing above low on the hardened one, and on the wide-open one every
//! check fails that redis.conf, policy and file modes can make fail.

use super::{MACHINES_OWN, Report, set_mode, strong_password};
use crate::audit_forms::IDS;
use crate::harness::account::{NO_ORDINARY_USER, can_be_ordinary, can_have_own};
use crate::harness::builder::{Builder, POLICY_NAME};
use crate::harness::module;
use crate::harness::network::{self, NO_OWN_NETWORK, can_be_made, own_network};
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::tls;
use std::path::Path;
use tempfile::TempDir;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/redis-test-conf");

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(FIXTURES).join(name)).unwrap()
}

/// The passwords that users.acl has until they are replaced.
const PRINTED: [&str; 2] = [
    "example-nR4bXw8Yc2Kq6Vd0Zt5Jm9Hs",
    "example-kT3vLq7Wm1Gx9Rz5Pd8Yb4Nc",
];

fn sha256(password: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(password);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The production server of redis-test-conf/hardened.conf, with its policy and its users, who have new passwords. Where the
/// tests may, it has an account of its own and a module that only root can change.
pub fn hardened() -> Builder {
    let users = String::from_utf8(fixture("users.acl")).unwrap();
    let passwords = ["admin", "app"].map(strong_password);
    let [admin, _] = &passwords;
    let users = PRINTED
        .iter()
        .zip(&passwords)
        .fold(users, |users, (printed, password)| {
            assert!(users.contains(&sha256(printed)));
            users.replace(&sha256(printed), &sha256(password))
        });
    let builder = Server::builder()
        .conf_file(Path::new(FIXTURES).join("hardened.conf"))
        .file("hardened.policy", fixture("hardened.policy"))
        .file("users.acl", users)
        .sign_in("admin", admin);
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

#[test]
fn the_hardened_server_with_its_printed_passwords_is_told_so() {
    needs_module!();
    require!(can_be_ordinary(), NO_ORDINARY_USER);
    let [admin, _] = PRINTED;
    let server = hardened()
        .file("users.acl", fixture("users.acl"))
        .sign_in("admin", admin)
        .start();
    make_private(&server);
    let id = "auth.known-password";
    let report = Report::of(&server);
    for user in ["admin", "app"] {
        let told = format!("user {user}: an example from secaudit's redis-test-conf");
        report.shows(id, "fail", &told);
    }
    assert_eq!(report.severity(id), "high");
}

/// The checks that no redis.conf makes fail, and why.
const OUT_OF_REACH: [(&str, &str); 11] = [
    ("net.listening", "it takes a socket that no setting names"),
    ("net.firewall", "it is the machine's"),
    ("auth.failures", "it takes somebody who is turned away"),
    ("proc.root", "it is whoever starts it"),
    ("proc.capabilities", "it is whoever starts it"),
    ("proc.no-new-privs", "it is whoever starts it"),
    ("proc.core-dumps", "it is whoever starts it"),
    ("ver.supported", "it is the release's"),
    ("ver.advisories", "it is the release's"),
    ("ver.lua-sandbox", "it is the build's"),
    (
        "ioc.config-drift",
        "it takes a change on the running server",
    ),
];

/// A server of redis-test-conf in a network of its own, with every file of its open to everybody.
fn wide_open(conf: &str, modules: &TempDir) -> Server {
    let module = modules.path().join("libsecaudit.so");
    std::fs::copy(module::path(), &module).unwrap();
    set_mode(modules.path(), 0o777);
    let network = own_network(
        &[NEAR, FAR]
            .map(|address| format!("{address}/32"))
            .each_ref()
            .map(String::as_str),
    );
    let openly = ["sh", "-c", "umask 0 && exec \"$0\" \"$@\""].map(str::to_owned);
    let words = [network, openly.to_vec()].concat();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    // A server without TLS would not start with these lines.
    let text = String::from_utf8(fixture(conf)).unwrap();
    let lines = text
        .lines()
        .filter(|line| tls::is_built_in() || !line.starts_with("tls-"));
    let conf = modules.path().join(conf);
    std::fs::write(
        &conf,
        lines.map(|line| format!("{line}\n")).collect::<String>(),
    )
    .unwrap();
    let mut builder = Server::builder()
        .under(&words)
        .conf_file(conf)
        .module_file(module)
        // The harness would choose a port that is free, and keep a log.
        .config("port", "6379")
        .config("logfile", "/dev/null");
    let names = ["wide-open.policy", "wide-open.acl"];
    for name in names {
        builder = builder.file(name, fixture(name));
    }
    let certificate = tls::certificate(-1, 1);
    let server = builder
        .file("wide-open.crt", &certificate.pem)
        .file("wide-open.key", &certificate.key)
        .start();
    set_mode(server.dir(), 0o777);
    for name in names
        .iter()
        .chain(&["redis.conf", "wide-open.crt", "wide-open.key"])
    {
        set_mode(&server.dir().join(name), 0o666);
    }
    server
}

/// Public addresses, in a network that nobody else has.
const NEAR: &str = "8.8.4.4";
const FAR: &str = "8.8.8.8";

#[test]
fn the_wide_open_servers_fail_every_check_that_a_configuration_can_fail() {
    needs_module!();
    require!(can_be_made(), NO_OWN_NETWORK);
    let modules = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [server, node] = &modules;
    let server = wide_open("wide-open.conf", server);
    let node = wide_open("wide-open-node.conf", node);
    let _client = network::client(&server, FAR, NEAR);
    let reports = [&server, &node].map(|server| Report::by(&mut server.unix_client()));
    let needs_tls = |id: &str| id.starts_with("net.tls-") || id == "file.tls-key";
    let excused = |id: &&str| {
        OUT_OF_REACH.iter().any(|(excused, _)| excused == id)
            || (needs_tls(id) && !tls::is_built_in())
    };
    let fails = |id: &str| reports.iter().any(|report| report.outcome(id) == "fail");
    let not_failed: Vec<String> = IDS
        .iter()
        .filter(|id| !excused(id) && !fails(id))
        .map(|id| format!("{:#}", reports[0].finding(id)))
        .collect();
    assert!(not_failed.is_empty(), "{}", not_failed.join("\n"));
    reports[0].shows("cmd.dangerous", "fail", " debug ");
    for report in reports {
        assert!(report.grade().starts_with("F ("), "{}", report.grade());
    }
}
