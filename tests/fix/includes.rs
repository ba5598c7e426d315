//! PERSIST where settings stand in several files: what counts before it counts after it, or it is refused; and what counts
//! elsewhere from then on is told.

use super::persist::{contains, refused};
use super::{apply, fix, fix_json, setting};
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use std::fs;

#[test]
fn a_setting_that_an_included_line_between_would_overrule_is_not_moved_in_front_of_it() {
    needs_module!();
    let mut server = Server::builder()
        .file("common.conf", "# c\nappendonly no\nmaxclients 70\n")
        .config("appendonly", "no")
        .config("maxclients", "60")
        .config("include", "common.conf")
        .config("maxclients", "70")
        .config("appendonly", "yes")
        .config("acllog-max-len", "0")
        .start();
    let error = refused(&mut server);
    let included = format!("line 2 of {}/common.conf", server.dir().display());
    contains(&error, &["appendonly", &included, "one of the files"]);
    assert!(!error.contains("maxclients"), "{error}");
    assert_eq!(setting(&server, "appendonly"), "yes");
}

#[test]
fn a_line_that_is_left_out_when_it_is_written_does_not_give_way_to_an_included_one() {
    needs_module!();
    for (name, included, own) in [
        ("bind", "127.0.0.1", "* -::*"),
        ("masterauth", "quietquiet", "\"\""),
    ] {
        let mut server = Server::builder()
            .file("base.conf", format!("{name} {included}\n"))
            .config("include", "base.conf")
            .config(name, own)
            .config("acllog-max-len", "0")
            .start();
        let before = setting(&server, name);
        let error = refused(&mut server);
        let place = format!("line 1 of {}/base.conf", server.dir().display());
        contains(&error, &[name, &place, "no line"]);
        assert!(!error.contains("quietquiet"), "{error}");
        assert_eq!(setting(&server, name), before);
    }
}

#[test]
fn a_file_included_at_the_end_or_for_the_base_is_in_nobodys_way() {
    needs_module!();
    let limits = "client-output-buffer-limit pubsub";
    let end = format!(
        "appendonly yes\nMAXMEMORY 2gb\nsave 900 1\nbind 127.0.0.1 -::1\nslave-read-only no\n{limits} 0 0 0\n"
    );
    let base = "appendonly yes\nmaxmemory 3gb\nlogfile base.log\nprotected-mode no\n";
    let mut server = Server::builder()
        .file("base.conf", base)
        .file("end.conf", end)
        .config("include", "base.conf")
        .config("bind", "127.0.0.1")
        .config("logfile", "redis.log")
        .config("maxmemory", "1gb")
        .config("replica-read-only", "yes")
        .config("client-output-buffer-limit", "pubsub 32mb 8mb 60")
        .config("tcp-keepalive", "0")
        .config("acllog-max-len", "0")
        .config("include", "end.conf")
        .start();
    let names = [
        "appendonly",
        "maxmemory",
        "bind",
        "replica-read-only",
        "client-output-buffer-limit",
    ];
    let all = |server: &Server| names.map(|name| setting(server, name));
    let before = all(&server);
    for words in ["log.acl-log PERSIST", "limit.clients PERSIST"] {
        apply(&server, words);
        server.restart();
        assert_eq!(all(&server), before);
    }
    assert_eq!(setting(&server, "acllog-max-len"), "128");
}

#[test]
fn what_stood_in_an_included_file_only_and_now_counts_in_redis_conf_is_told() {
    needs_module!();
    let mut server = Server::builder()
        .file(
            "more.conf",
            "maxmemory 100mb\ntimeout 0\n# c\nmaxclients 77\n",
        )
        .config("include", "more.conf")
        .config("acllog-max-len", "0")
        .start();
    let mut client = server.client();
    let (conf, more) = (server.conf(), server.dir().join("more.conf"));
    let plan = fix_json(&mut client, "log.acl-log");
    let mind = plan["persist_mind"][0].as_str().unwrap();
    let listed = "maxclients (line 4), maxmemory (line 1), timeout (line 2)";
    let of_more = format!("{}: {listed}", more.display());
    contains(mind, &[&of_more, "than the default"]);
    contains(mind, &[&conf.display().to_string()]);
    let text = fix(&mut client, "log.acl-log").texts().join(" ");
    contains(&text, &["maxmemory (line 1)"]);
    let lines = fix(&mut client, "APPLY log.acl-log PERSIST")
        .texts()
        .join("\n");
    contains(&lines, &["Kept     CONFIG REWRITE: ", "from now on"]);
    contains(
        &lines.split_whitespace().collect::<Vec<_>>().join(" "),
        &["maxmemory (line 1)", "no effect"],
    );
    assert!(!lines.contains("timeout"), "{lines}");
    // It is as it is told, and told once.
    fs::write(&more, "maxmemory 50mb\n").unwrap();
    server.restart();
    assert_eq!(setting(&server, "maxmemory"), "104857600");
    assert_eq!(setting(&server, "maxclients"), "77");
    fs::write(&more, "").unwrap();
    server.restart();
    server.call(["CONFIG", "SET", "acllog-max-len", "0"]);
    let done = apply(&server, "log.acl-log PERSIST");
    assert_eq!(
        done["persist"][0]["mind"],
        serde_json::json!([]),
        "{done:#}"
    );
}

#[test]
fn a_secret_of_an_included_file_only_stays_there() {
    needs_module!();
    let mut server = Server::builder()
        .file(
            "secret.conf",
            "requirepass hushhush\nmasterauth quietquiet\n",
        )
        .config("include", "secret.conf")
        .config("acllog-max-len", "0")
        .sign_in("default", "hushhush")
        .start();
    let error = refused(&mut server);
    let place = format!("line 2 of {}/secret.conf", server.dir().display());
    contains(&error, &["masterauth", "requirepass", &place, "no effect"]);
    for secret in ["hushhush", "quietquiet"] {
        assert!(!error.contains(secret), "{error}");
    }
    let conf = fs::read_to_string(server.conf()).unwrap();
    fs::write(
        server.conf(),
        conf.replace("include ", "requirepass hushhush\nmasterauth x\ninclude "),
    )
    .unwrap();
    server.restart();
    apply(&server, "log.acl-log PERSIST");
    server.restart();
    assert_eq!(setting(&server, "acllog-max-len"), "128");
}

#[test]
fn points_of_save_are_not_lost_behind_an_include() {
    needs_module!();
    let builder = |lines: &[&str]| {
        let builder = Server::builder().file("more.conf", "timeout 0\n");
        let builder = lines
            .iter()
            .fold(builder, |builder, line| builder.config("save", line));
        builder
            .config("include", "more.conf")
            .config("acllog-max-len", "0")
    };
    let mut server = builder(&["3600 1 300 100"]).start();
    contains(
        &refused(&mut server),
        &["save runs with 2 points", "in front of that line"],
    );
    assert_eq!(setting(&server, "save"), "3600 1 300 100");
    let mut server = builder(&["3600 1", "300 100"]).start();
    apply(&server, "log.acl-log PERSIST");
    server.restart();
    assert_eq!(setting(&server, "save"), "3600 1 300 100");
    assert_eq!(setting(&server, "acllog-max-len"), "128");
}
