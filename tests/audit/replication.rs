//! auth.replica and auth.failures.

use super::{Report, strong_password};
use crate::harness::replication::wait_for_link;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;

#[test]
fn replication_that_signs_in_as_default_fails_on_both_ends() {
    needs_module!();
    let id = "auth.replica";
    let password = strong_password("replication");
    let user = format!("replica on >{password} resetchannels -@all +psync +replconf +ping");
    let master = Server::builder()
        .config("user", &user)
        .password(&password)
        .start();
    Report::of(&master).shows(id, "not-applicable", "no master and no replica");
    let replica = Server::builder()
        .config("user", &user)
        .password(&password)
        .config("masterauth", &password)
        .config("replicaof", &format!("127.0.0.1 {}", master.port()))
        .start();
    wait_for_link(&replica);
    let at = format!("it signs in at 127.0.0.1:{} as user ", master.port());
    Report::of(&replica).shows(id, "fail", &format!("{at}default (masteruser is empty)"));
    let seen = Report::of(&master);
    seen.shows(
        id,
        "fail",
        "after a failover it could not follow its new master",
    )
    .shows(id, "fail", "is signed in as user default");
    assert_eq!(seen.severity(id), "medium");

    for (server, name, value) in [
        (&master, "masterauth", password.as_str()),
        (&master, "masteruser", "replica"),
        (&replica, "masteruser", "replica"),
    ] {
        assert!(server.call(["CONFIG", "SET", name, value]).is_ok());
    }
    Report::of(&replica).shows(id, "pass", &format!("{at}replica"));
    // The link is still the one that came as default, until it comes anew.
    let port = master.port().to_string();
    assert!(replica.call(["REPLICAOF", "NO", "ONE"]).is_ok());
    assert!(replica.call(["REPLICAOF", "127.0.0.1", &port]).is_ok());
    wait_for_link(&replica);
    master.wait_until("the replica as its own user", || {
        Report::of(&master).outcome(id) == "pass"
    });
    Report::of(&master)
        .shows(
            id,
            "pass",
            "after a failover it would sign in as user replica",
        )
        .shows(id, "pass", "is signed in as user replica");
}

#[test]
fn a_replica_without_a_password_fails() {
    needs_module!();
    let master = Server::start();
    let replica = Server::builder().replica_of(&master).start();
    wait_for_link(&replica);
    Report::of(&replica).shows(
        "auth.replica",
        "fail",
        "without a password (masterauth is empty)",
    );
}

#[test]
fn who_was_turned_away_is_counted() {
    needs_module!();
    let id = "auth.failures";
    let server = Server::start();
    let before = Report::of(&server);
    before.shows(id, "pass", "");
    assert!(
        server
            .stranger()
            .call(["AUTH", "nobody", "wrong"])
            .is_error()
    );
    let report = Report::of(&server);
    let counted = match server.info("stats").contains_key("acl_access_denied_auth") {
        true => "acl_access_denied_auth:1",
        false => "ACL LOG entries:1",
    };
    report.shows(id, "fail", counted);
    assert_eq!(report.severity(id), "info");
}
