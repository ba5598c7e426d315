//! PERSIST does no harm: it is refused where CONFIG REWRITE or ACL SAVE would write more than the fix, or make a file that the
//! server does not start with; and what an included file overrules is not said to be kept.

use super::{apply, fix, fix_json, setting};
use crate::audit::set_mode;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

/// PERSIST of a fix that could be made is refused, which changes neither the server nor its file, and the server starts
/// again. The reason.
#[track_caller]
pub fn refused(server: &mut Server) -> String {
    let before = fs::read(server.conf()).unwrap();
    let error = fix(&mut server.client(), "APPLY log.acl-log PERSIST").error_text();
    assert!(
        error.contains("PERSIST is refused: ") && error.ends_with("; nothing was changed"),
        "{error}"
    );
    assert!(error.contains("by hand: acllog-max-len 128;"), "{error}");
    assert_eq!(setting(server, "acllog-max-len"), "0");
    assert!(fs::read(server.conf()).unwrap() == before);
    server.restart();
    error
}

#[track_caller]
pub fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part}\nin {text}");
    }
}

#[test]
fn a_user_is_never_written_into_a_second_file() {
    needs_module!();
    for user in [
        "user app on >pw-of-app ~* +get\n",
        "user default on nopass ~* &* +@all\n",
    ] {
        let mut server = Server::builder()
            .file("users.conf", user)
            .config("include", "users.conf")
            .config("acllog-max-len", "0")
            .start();
        let error = refused(&mut server);
        let place = format!("line 1 of {}/users.conf", server.dir().display());
        contains(&error, &[&place, "would not start"]);
        assert!(!error.contains("pw-of-app"), "{error}");
        let error = fix(&mut server.client(), "APPLY auth.password PERSIST").error_text();
        contains(&error, &[&place, "the line of user default"]);
    }
}

#[test]
fn what_the_server_would_write_without_its_quotes_is_not_written() {
    needs_module!();
    for user in ["app on >pw \"~a'b:*\" -@all +get", "\"a\\xff\" off"] {
        let mut server = Server::builder()
            .config("user", user)
            .config("acllog-max-len", "0")
            .start();
        contains(&refused(&mut server), &["the user of line ", "a quote"]);
    }
    let mut server = Server::builder()
        .file("a b.policy", "mode enforce\n")
        .module_args(&["a b.policy"])
        .config("acllog-max-len", "0")
        .start();
    contains(&refused(&mut server), &["module secaudit", "a space"]);
}

#[test]
fn what_the_command_line_says_beside_the_file_is_in_nobodys_way() {
    needs_module!();
    // As the units of Debian and Red Hat start it, and with settings of an operator's own.
    let mut server = Server::builder()
        .config("acllog-max-len", "0")
        .config("daemonize", "yes")
        .config("supervised", "auto")
        .config("maxclients", "50")
        .args(&["--supervised", "systemd", "--daemonize", "no"])
        .args(&["--maxclients", "60", "--maxmemory", "100mb"])
        .start();
    let applied = fix(&mut server.client(), "APPLY log.acl-log PERSIST");
    assert!(!applied.is_error(), "{applied}");
    server.restart();
    assert_eq!(setting(&server, "acllog-max-len"), "128");
    assert_eq!(setting(&server, "maxmemory"), "104857600");
}

#[test]
fn a_changed_setting_of_the_command_line_is_not_written_down() {
    needs_module!();
    let mut server = Server::builder()
        .config("acllog-max-len", "0")
        .args(&["--appendfsync", "always", "--maxmemory", "100mb"])
        .start();
    for (name, value) in [("appendfsync", "no"), ("maxmemory", "0")] {
        assert!(server.call(["CONFIG", "SET", name, value]).is_ok());
    }
    let error = refused(&mut server);
    let maxmemory = "maxmemory 0, by the command line 104857600";
    contains(&error, &[maxmemory, "appendfsync no, at the start always"]);
}

#[test]
fn the_plan_says_that_persist_is_refused() {
    needs_module!();
    let server = Server::builder()
        .file("users.conf", "user app on >pw ~* +get\n")
        .config("include", "users.conf")
        .config("acllog-max-len", "0")
        .start();
    let plan = fix(&mut server.client(), "log.acl-log").texts().join(" ");
    contains(&plan, &["PERSIST is refused: line 1 of "]);
    let plan = fix_json(&mut server.client(), "log.acl-log");
    contains(
        plan["persist_refused"].as_str().unwrap(),
        &["would not start"],
    );
    let server = Server::builder().config("acllog-max-len", "0").start();
    let plan = fix_json(&mut server.client(), "log.acl-log");
    assert!(plan["persist_refused"].is_null(), "{plan:#}");
}

#[test]
fn what_waits_in_the_file_is_not_written_over_and_what_an_intruder_did_is_not_written_down() {
    needs_module!();
    let mut server = Server::builder()
        .config("acllog-max-len", "0")
        .config("appendfsync", "everysec")
        .config("enable-protected-configs", "yes")
        .config("user", "app on >one ~app:* -@all +get")
        .config("user", "gone on >one ~app:* -@all +get")
        .start();
    for call in [
        &[
            "ACL", "SETUSER", "backdoor", "on", ">x", "~*", "&*", "+@all",
        ][..],
        &["ACL", "SETUSER", "app", ">two"],
        &["ACL", "DELUSER", "gone"],
        &["CONFIG", "SET", "appendfsync", "no"],
        &["CONFIG", "SET", "dbfilename", "other.rdb"],
    ] {
        assert!(!server.call(call).is_error());
    }
    let conf = fs::read_to_string(server.conf()).unwrap();
    let waiting = "requirepass pending-secret\nmaxmemory 2gb\nreplicaof 127.0.0.1 1\n";
    fs::write(server.conf(), format!("{conf}{waiting}")).unwrap();
    let error = fix(&mut server.client(), "APPLY log.acl-log PERSIST").error_text();
    contains(
        &error,
        &[
            "requirepass: another one runs",
            "maxmemory 0",
            "2gb",
            "127.0.0.1 1",
            "appendfsync no, by line ",
            "dbfilename other.rdb, by default dump.rdb",
            "user backdoor has no line",
            "user app has other rules, or passwords, than line ",
            "user gone of line ",
            "; nothing was changed",
        ],
    );
    assert!(!error.contains("pending-secret"), "{error}");
    assert_eq!(setting(&server, "acllog-max-len"), "0");
    assert_eq!(
        fs::read_to_string(server.conf()).unwrap(),
        format!("{conf}{waiting}")
    );
    contains(
        &error,
        &["call CONFIG REWRITE yourself if all that runs is wanted"],
    );
    // Without PERSIST it goes, and when the file and the server agree it goes with it.
    apply(&server, "log.acl-log");
    fs::write(server.conf(), conf).unwrap();
    server.restart();
    apply(&server, "log.acl-log PERSIST");
    server.restart();
    assert_eq!(setting(&server, "acllog-max-len"), "128");
}

#[test]
fn the_many_ways_to_write_a_setting_or_a_user_are_no_difference() {
    needs_module!();
    let mut server = Server::builder()
        .file("more.conf", "SAVE 900 1\nmaxclients 100\nTIMEOUT 0\n")
        .config("include", "more.conf")
        .config("acllog-max-len", "0")
        .config("tcp-keepalive", "0")
        .config("maxmemory", "1gb")
        .config("maxmemory-policy", "AllKeys-LRU")
        .config("client-query-buffer-limit", "512mb")
        .config("client-output-buffer-limit", "normal 0 0 0")
        .config("client-output-buffer-limit", "replica 256mb 64mb 60")
        .config("notify-keyspace-events", "xE")
        .config("oom-score-adj", "no")
        .config("hash-max-ziplist-entries", "64")
        .config("slave-read-only", "yes")
        .config("list-max-listpack-size", "-2")
        .config("unixsocketperm", "0700")
        .config("user", "a on >pw >other allkeys allchannels +@all -@dangerous")
        .config("user", "b on #aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ~b:* resetchannels &b:* -@all +@read -get +config|get")
        .config("user", "c on nopass allcommands nocommands +@all -@admin +secaudit +client|list ~x ~y resetkeys ~z")
        .config("user", "d off \">p w\" \"<p w\" \"~\\xc3\\xbc%q\" -@all +get (+set ~w:*) (~r:* +@hash -hset)")
        .start();
    apply(&server, "log.acl-log PERSIST");
    server.restart();
    apply(&server, "limit.clients PERSIST");
    server.restart();
    assert_eq!(setting(&server, "acllog-max-len"), "128");
}

#[test]
fn the_password_of_the_file_is_no_difference_of_user_default() {
    needs_module!();
    let mut server = Server::builder()
        .password("a long 'one'")
        .config("acllog-max-len", "0")
        .start();
    apply(&server, "log.acl-log PERSIST");
    server.restart();
    assert_eq!(setting(&server, "acllog-max-len"), "128");
}

#[test]
fn secrets_of_a_private_file_are_not_copied_into_one_that_others_read() {
    needs_module!();
    let mut server = Server::builder()
        .file("secret.conf", "masterauth quietquiet\n")
        .config("masterauth", "an-older-one")
        .config("include", "secret.conf")
        .config("acllog-max-len", "0")
        .start();
    set_mode(&server.dir().join("secret.conf"), 0o600);
    set_mode(&server.conf(), 0o644);
    let error = refused(&mut server);
    let place = format!("from line 1 of {}/secret.conf", server.dir().display());
    contains(&error, &["copy masterauth there", &place, "mode 644"]);
    assert!(!error.contains("quietquiet"), "{error}");
    // The same fix may close the file first.
    apply(&server, "file.config log.acl-log PERSIST");
    let mode = fs::metadata(server.conf()).unwrap().permissions().mode();
    assert_eq!(mode & 0o007, 0, "{mode:o}");
    server.restart();
    assert_eq!(setting(&server, "acllog-max-len"), "128");
}

#[test]
fn a_secret_that_stands_in_no_file_is_not_written_into_one_that_others_read() {
    needs_module!();
    let mut server = Server::builder().config("acllog-max-len", "0").start();
    let set = ["CONFIG", "SET", "masterauth", "quietquiet"];
    assert!(server.call(set).is_ok());
    set_mode(&server.conf(), 0o644);
    let error = refused(&mut server);
    contains(&error, &["write masterauth there, which stands in no file"]);
    assert!(server.call(set).is_ok());
    set_mode(&server.conf(), 0o640);
    apply(&server, "log.acl-log PERSIST");
}

#[test]
fn what_an_included_file_overrules_is_not_said_to_be_kept() {
    needs_module!();
    let mut server = Server::builder()
        .file("more.conf", "\nacllog-max-len 0\n")
        .config("include", "more.conf")
        .config("tcp-keepalive", "0")
        .start();
    let done = fix_json(
        &mut server.client(),
        "APPLY log.acl-log limit.clients PERSIST",
    );
    assert_eq!(done["complete"], false, "{done:#}");
    assert_eq!(done["persist"][0]["result"], "failed");
    let why = done["persist"][0]["error"].as_str().unwrap();
    let place = format!("line 2 of {}/more.conf says 0", server.dir().display());
    contains(why, &["is written, but a restart undoes", &place]);
    assert!(!why.contains("tcp-keepalive"), "{why}");
    server.restart();
    assert_eq!(setting(&server, "acllog-max-len"), "0");
    assert_eq!(setting(&server, "tcp-keepalive"), "300");
}

#[test]
fn no_link_is_replaced_by_a_file_and_no_user_but_the_fixed_one_is_saved() {
    needs_module!();
    let users = "user default on nopass ~* &* +@all\n";
    let server = Server::builder()
        .file("users.acl", users)
        .config("aclfile", "users.acl")
        .start();
    let persist = |part: &str| {
        let error = fix(&mut server.client(), "APPLY auth.password PERSIST").error_text();
        contains(
            &error,
            &["PERSIST is refused: ", part, "; nothing was changed"],
        );
        assert!(server.stranger().call(["GET", "k"]).is_nil());
    };
    let (file, real) = (
        server.dir().join("users.acl"),
        server.dir().join("real.acl"),
    );
    fs::rename(&file, &real).unwrap();
    symlink(&real, &file).unwrap();
    persist("users.acl is a link");
    assert!(file.is_symlink());
    fs::rename(&real, &file).unwrap();
    fs::write(&file, format!("{users}user app on >pw ~app:* +get\n")).unwrap();
    persist("user app of line 2 of ");
    fs::write(&file, users).unwrap();
    server.call(["ACL", "SETUSER", "backdoor", "on", ">x", "~*", "+@all"]);
    persist("user backdoor has no line");
    assert_eq!(fs::read_to_string(&file).unwrap(), users);
}

#[test]
fn a_link_to_redis_conf_stays_a_link() {
    needs_module!();
    let mut server = Server::builder().config("acllog-max-len", "0").start();
    let (conf, real) = (server.conf(), server.dir().join("real.conf"));
    fs::rename(&conf, &real).unwrap();
    symlink(&real, &conf).unwrap();
    contains(&refused(&mut server), &["redis.conf is a link"]);
    assert!(conf.is_symlink());
}
