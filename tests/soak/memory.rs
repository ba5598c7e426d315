//! Memory over many refusals, changes of the policy and reports: it stays what it was.

use super::rounds;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;

/// Resident memory of the process, in bytes: what the allocator of the server and that of the system hold together.
fn resident(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kib: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1024
}

/// What the server's allocator, which is ours too, has given out.
fn given_out(server: &Server) -> usize {
    server.info("memory")["used_memory"].parse().unwrap()
}

/// Does a thing `warm` times, then `count` times, and requires that the second left memory as it was. Resident memory swings
/// by what the allocator keeps for the next time; what it has given out does not.
fn stays_flat(server: &Server, what: &str, warm: usize, count: usize, mut once: impl FnMut(usize)) {
    (0..warm).for_each(&mut once);
    let before = (given_out(server), resident(server));
    (warm..warm + count).for_each(&mut once);
    let after = (given_out(server), resident(server));
    println!(
        "{what}: {} bytes resident after {warm}, {} after {count} more; given out {} and {}",
        before.1, after.1, before.0, after.0
    );
    assert!(
        after.0 < before.0 + 1024 * 1024,
        "{what}: {} bytes given out, then {}",
        before.0,
        after.0
    );
    assert!(
        after.1 < before.1 + 32 * 1024 * 1024,
        "{what}: {} bytes resident, then {}",
        before.1,
        after.1
    );
}

#[test]
fn millions_of_refusals_leave_memory_as_it_was() {
    needs_module!();
    let server = Server::builder()
        .policy("deny flushall id=no\ndeny * arg=*secret* id=args\n")
        .start();
    let mut client = server.client();
    let batch = |number: usize| {
        (0..1000).map(move |index| match index % 3 {
            0 => vec!["FLUSHALL".to_owned()],
            1 => vec![format!("nosuch{number}"), "a secret".to_owned()],
            _ => vec!["GET".to_owned(), format!("secret-{number}-{index}")],
        })
    };
    stays_flat(
        &server,
        "thousands of refusals",
        rounds(20, 500),
        rounds(60, 10_000),
        |number| {
            assert!(
                client
                    .pipeline(batch(number))
                    .iter()
                    .all(crate::harness::resp::Reply::is_error)
            );
        },
    );
}

#[test]
fn many_changes_of_the_policy_leave_memory_as_it_was() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    stays_flat(
        &server,
        "tens of changes",
        rounds(50, 500),
        rounds(200, 84_000),
        |number| {
            let mut batch: Vec<Vec<String>> = Vec::new();
            for index in 0..10 {
                let words = [
                    "SECGATE",
                    "DENY",
                    "get",
                    "config|set",
                    "@dangerous",
                    &format!("arg1=x{number}*"),
                    &format!("id=n{index}"),
                ];
                batch.push(words.map(str::to_owned).to_vec());
            }
            batch.push(
                ["SECGATE", "ALIAS", "wipe", "flushall"]
                    .map(str::to_owned)
                    .to_vec(),
            );
            batch.push(["SECGATE", "RESET"].map(str::to_owned).to_vec());
            let replies = client.pipeline(batch);
            assert!(
                !replies.iter().any(crate::harness::resp::Reply::is_error),
                "{replies:?}"
            );
        },
    );
}

#[test]
fn many_reports_leave_memory_as_it_was() {
    needs_module!();
    let server = Server::builder().policy("deny flushall id=no\n").start();
    let mut client = server.client();
    let forms = ["TEXT", "JSON", "CHECKS"];
    stays_flat(
        &server,
        "reports",
        rounds(20, 500),
        rounds(40, 100_000),
        |number| {
            assert!(
                !client
                    .call(["SECAUDIT", forms[number % forms.len()]])
                    .is_error()
            );
        },
    );
}
