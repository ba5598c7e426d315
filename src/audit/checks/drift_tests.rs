//! Tests of the check of settings that run with other values than redis.conf gives them.

use super::*;
use crate::audit::checks::sample::{self, fails, folder, passes, password, unknown};
use crate::audit::facts::{Astray, Login, acl_digest};

fn with(name: &'static str, running: &str, line: Option<&str>) -> Facts {
    let mut facts = sample::hardened();
    sample::set(&mut facts, name, running);
    let settings = &mut sample::conf(&mut facts).settings;
    settings.remove(name);
    settings.extend(line.map(|line| (name, line.as_bytes().to_vec())));
    facts
}

#[test]
fn the_same_value_written_in_another_way_is_no_drift() {
    for (name, running, line) in [
        ("maxmemory", "536870912", "512MB"),
        ("maxmemory", "512000000", "512m"),
        ("maxmemory", "1000", "1k"),
        ("maxmemory", "0", "0"),
        ("protected-mode", "yes", "YES"),
        ("bind", "127.0.0.1 -::1", "127.0.0.1 -::1"),
        ("bind", "", ""),
        ("port", "6379", "06379"),
        ("unixsocketperm", "700", "0700"),
        ("replicaof", "", "no one"),
        ("replicaof", "db 6379", "DB 6379"),
        ("tls-ciphers", "A:B", "A:B"),
    ] {
        passes(&ConfigDrift, &with(name, running, Some(line)));
    }
}

#[test]
fn another_value_is_shown_beside_the_files_own() {
    let facts = with("bind", "0.0.0.0", Some("127.0.0.1 -::1"));
    let failure = fails(&ConfigDrift, &facts);
    assert_eq!(
        failure.actual,
        ["bind 0.0.0.0, by /etc/redis/redis.conf 127.0.0.1 -::1"]
    );
    let steps = failure.steps.join("\n");
    assert!(steps.contains("CONFIG REWRITE"));
    assert!(
        steps.contains("CONFIG SET bind '127.0.0.1 -::1'"),
        "{steps}"
    );
    for (name, running, line) in [
        ("maxmemory", "536870912", "512m"),
        ("logfile", "/LOG", "/log"),
        ("aclfile", "/x", ""),
        ("enable-debug-command", "yes", "no"),
        ("replicaof", "", "db 6379"),
        ("tls-cert-file", "/a.crt", "/b.crt"),
    ] {
        fails(&ConfigDrift, &with(name, running, Some(line)));
    }
}

#[test]
fn what_the_file_does_not_name_is_held_against_the_servers_default() {
    for (name, running, default) in [
        ("maxmemory", "1073741824", "0"),
        ("appendonly", "yes", "no"),
        ("port", "7000", "6379"),
        ("tls-auth-clients", "no", "yes"),
        ("tls-cert-file", "/a.crt", "\"\""),
        ("dbfilename", "x", "dump.rdb"),
        ("replicaof", "db 6379", "\"\""),
    ] {
        let told =
            format!("{name} {running}, by default {default} unless the command line says so");
        let facts = with(name, running, None);
        assert_eq!(fails(&ConfigDrift, &facts).actual, [told]);
    }
    passes(&ConfigDrift, &with("bind", "* -::*", None));
    let mut node = with("replicaof", "db 6379", None);
    sample::set(&mut node, "cluster-enabled", "yes");
    passes(&ConfigDrift, &node);
    let facts = with("protected-mode", "no", None);
    assert_eq!(
        fails(&ConfigDrift, &facts).actual,
        ["protected-mode no, by default yes unless the command line says so"]
    );
}

#[test]
fn what_cannot_be_changed_at_run_time_came_from_the_command_line() {
    for (name, running) in [
        ("enable-debug-command", "yes"),
        ("unixsocket", "/a.sock"),
        ("dir", "/data"),
    ] {
        passes(&ConfigDrift, &with(name, running, None));
    }
}

#[test]
fn a_password_is_compared_and_never_shown() {
    let mut facts = sample::hardened();
    facts.requirepass = password("one-of-two");
    let failure = fails(&ConfigDrift, &facts);
    assert_eq!(
        failure.actual,
        ["requirepass: another one runs than /etc/redis/redis.conf has"]
    );
    let shown = format!("{failure:?}");
    assert!(!shown.contains("one-of-two") && !shown.contains(sample::PASSWORD));
    facts.requirepass = Fact::Known(None);
    fails(&ConfigDrift, &facts);
    sample::conf(&mut facts).secrets.clear();
    passes(&ConfigDrift, &facts);
    facts.requirepass = password("one-of-two");
    fails(&ConfigDrift, &facts);
    facts.requirepass = Fact::Known(None);
    // A master's password may come from anywhere where the file has none.
    facts.masterauth = password("one-of-two");
    passes(&ConfigDrift, &facts);
}

#[test]
fn what_the_command_line_said_is_no_drift_until_it_is_changed() {
    let start = [
        ("port", "7000"),
        ("maxmemory", "512"),
        ("appendonly", "no"),
        ("bind", "127.0.0.1"),
    ];
    let mut facts = with("port", "7000", None);
    sample::set(&mut facts, "maxmemory", "512");
    fails(&ConfigDrift, &facts);
    sample::started(&mut facts, &start, Some(sample::PASSWORD));
    passes(&ConfigDrift, &facts);
    sample::set(&mut facts, "maxmemory", "0");
    sample::set(&mut facts, "appendonly", "yes");
    sample::set(&mut facts, "bind", "0.0.0.0");
    let failure = fails(&ConfigDrift, &facts);
    assert_eq!(
        failure.actual,
        [
            "bind 0.0.0.0, by /etc/redis/redis.conf 127.0.0.1",
            "appendonly yes, by default no",
            "maxmemory 0, by the command line 512",
        ]
    );
    let mut moved = with("dir", "/root/.ssh", None);
    sample::started(&mut moved, &[("dir", "/data")], Some(sample::PASSWORD));
    assert_eq!(
        fails(&ConfigDrift, &moved).actual,
        ["dir /root/.ssh, at the start /data"]
    );
    let steps = failure.steps.join("\n");
    assert!(steps.contains("CONFIG SET maxmemory 512 "), "{steps}");
    assert!(!steps.contains("# what the server's command line"));
    sample::conf(&mut facts).digest = [9; 32];
    let told = fails(&ConfigDrift, &facts).actual.join("\n");
    assert!(told.contains("port 7000, by default 6379 unless the command line says so"));
}

#[test]
fn a_password_of_the_command_line_is_no_drift_until_it_is_changed() {
    let mut facts = sample::hardened();
    facts.requirepass = password("of-the-command-line");
    let digest = acl_digest(b"of-the-command-line");
    sample::running(&mut facts, "default").login = Some(Login::Passwords([digest].into()));
    fails(&ConfigDrift, &facts);
    sample::started(&mut facts, &[], Some("of-the-command-line"));
    passes(&ConfigDrift, &facts);
    let told = |facts: &Facts| fails(&ConfigDrift, facts).actual.join("\n");
    sample::running(&mut facts, "default").login = Some(Login::Anything);
    assert!(told(&facts).starts_with("user default runs with other passwords than "));
    facts.requirepass = password("another");
    assert_eq!(
        told(&facts),
        "requirepass: another one runs than /etc/redis/redis.conf has"
    );
}

#[test]
fn a_folder_is_elsewhere_only_where_that_is_known() {
    let mut facts = with("dir", "/root/.ssh", Some("/var/lib/redis/"));
    passes(&ConfigDrift, &facts);
    facts.files.astray = Some(Astray {
        dir: b"/var/lib/redis/".to_vec(),
        dbfilename: b"dump.rdb".to_vec(),
        folder: Fact::Known(folder("/var/lib/redis", 0o700)),
        vacant: true,
    });
    fails(&ConfigDrift, &facts);
    sample::set(&mut facts, "dir", "/var/lib/redis");
    passes(&ConfigDrift, &facts);
}

#[test]
fn without_a_file_there_is_nothing_to_compare_and_with_a_part_of_it_nothing_is_known() {
    let mut facts = with("bind", "0.0.0.0", Some("127.0.0.1"));
    sample::conf(&mut facts).gap = Some("x.conf: not there".to_owned());
    assert!(unknown(&ConfigDrift, &facts).contains("x.conf"));
    facts.configured = None;
    assert!(matches!(
        ConfigDrift.evaluate(&facts),
        Outcome::NotApplicable(_)
    ));
}
