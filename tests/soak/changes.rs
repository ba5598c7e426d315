//! The policy changes under full load: no call is decided by half a policy.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::rounds;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;

#[test]
fn no_call_is_decided_by_half_a_policy_while_it_changes_under_load() {
    needs_module!();
    let server = Server::builder().policy("deny get set id=a\n").start();
    let path = server.dir().join(crate::harness::builder::POLICY_NAME);
    // Each denies the same calls, by other statements at other places; between them there must be nothing.
    let policies = [
        "deny get set id=a\n".to_owned(),
        "alias fetch get\ndeny set id=s\ndeny get id=g\n".to_owned(),
        (0..200)
            .map(|number| format!("deny get arg1=never-{number}\n"))
            .collect::<String>()
            + "deny @read @write id=c\n",
        "allow ping\ndeny * id=all\n".to_owned(),
    ];
    let (stop, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let mut client = server.client();
                while !stop.load(Ordering::Relaxed) {
                    let batch = [
                        vec!["GET", "k"],
                        vec!["SET", "k", "v"],
                        vec!["get", "k"],
                        vec!["PING"],
                    ];
                    let replies = client.pipeline(batch);
                    for reply in &replies[..3] {
                        assert!(reply.is_error(), "a denied call ran: {reply:?}");
                        assert!(reply.error_text().contains("secaudit rule"), "{reply:?}");
                    }
                    assert_eq!(replies[3].text(), "PONG");
                    calls.fetch_add(replies.len(), Ordering::Relaxed);
                }
            });
        }
        let mut client = server.client();
        for round in 0..rounds(60, 20_000) {
            std::fs::write(&path, &policies[round % policies.len()]).unwrap();
            let reply = client.call(["SECGATE", "LOAD"]);
            assert!(reply.is_ok(), "{reply:?}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    println!(
        "{} calls under {} policies",
        calls.load(Ordering::Relaxed),
        rounds(60, 20_000)
    );
    assert!(server.call(["EXISTS", "k"]).is_error() || server.is_alive());
}
