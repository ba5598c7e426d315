//! A network of a server's own: nothing beyond it can reach the server, whatever it listens on, and it has the addresses
//! that a test wants. Only the unix socket leads there, and programs that a test sends into it.

use super::account::is_root;
use super::process::{Process, run};
use super::server::Server;
use super::wait::DEADLINE;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Why a test that needs such a network is skipped.
pub const NO_OWN_NETWORK: &str =
    "only root may make a network namespace, and only with the command ip";

/// Whether a network can be made.
pub fn can_be_made() -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        let words = own_network(&["203.0.113.1/32"]);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("true");
        is_root() && run(command, b"", DEADLINE).status.success()
    })
}

/// The command that starts a server in a network of its own, for [`super::builder::Builder::under`]: loopback, and these
/// addresses on it.
pub fn own_network(addresses: &[&str]) -> Vec<String> {
    let mut script = "ip link set lo up && ".to_owned();
    for address in addresses {
        script.push_str(&format!("ip addr add {address} dev lo && "));
    }
    script.push_str(r#"exec "$0" "$@""#);
    let words = ["unshare", "--net", "sh", "-c", &script];
    words.map(str::to_owned).into()
}

/// Joins the networks of two servers by a cable; each gets its address, such as `10.9.0.1/24`.
#[track_caller]
pub fn connect(one: (&Server, &str), other: (&Server, &str)) {
    let far = other.0.pid().to_string();
    let cable = [
        "ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", &far,
    ];
    inside(one.0, &cable);
    for ((server, address), name) in [(one, "near"), (other, "far")] {
        inside(server, &["ip", "addr", "add", address, "dev", name]);
        inside(server, &["ip", "link", "set", name, "up"]);
    }
}

/// Runs a command in a server's network.
#[track_caller]
pub fn inside(server: &Server, words: &[&str]) {
    let outcome = run(entering(server, words), b"", DEADLINE);
    assert!(
        outcome.status.success(),
        "{words:?}: {}",
        outcome.complaint()
    );
}

/// A client in a server's network, connected from one of its addresses to another until it is dropped.
#[track_caller]
pub fn client(server: &Server, from: &str, to: &str) -> Process {
    let script = r#"my $s = IO::Socket::INET->new(LocalAddr => $ARGV[0], PeerAddr => $ARGV[1], PeerPort => $ARGV[2])
        or die "$@"; print $s "PING\r\n"; <$s>; sleep 600"#;
    let port = server.port().to_string();
    let words = ["perl", "-MIO::Socket::INET", "-e", script, from, to, &port];
    let mut command = entering(server, &words);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let process = Process::spawn(command).expect("nsenter starts");
    let begun = format!(" addr={from}:");
    server.wait_until("the client to be connected", || {
        let list = server.unix_client().call(["CLIENT", "LIST"]).text();
        match (list.contains(&begun), process.ended()) {
            (true, _) => Ok(()),
            (false, ended) => Err(format!("{ended:?}: {list}")),
        }
    });
    process
}

fn entering(server: &Server, words: &[&str]) -> Command {
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--target={}", server.pid()))
        .arg("--net")
        .args(words);
    command
}
