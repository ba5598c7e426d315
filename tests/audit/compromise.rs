//! ioc.replicaof, ioc.modules, ioc.config-drift.

use super::{Report, set_mode, strong_password};
use crate::harness::module;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::other_modules::other;

#[test]
fn a_master_that_nobody_configured_fails_until_it_is_written_down() {
    needs_module!();
    let master = Server::start();
    Report::of(&master).shows("ioc.replicaof", "not-applicable", "follows no master");
    let port = master.port().to_string();
    let line = format!("replicaof 127.0.0.1 {port}");
    let configured = Server::builder().replica_of(&master).start();
    Report::of(&configured).shows("ioc.replicaof", "pass", &line);
    let server = Server::start();
    assert!(server.call(["REPLICAOF", "127.0.0.1", &port]).is_ok());
    let conf = server.conf();
    let told = format!("{line}: {} does not name it", conf.to_string_lossy());
    let report = Report::of(&server);
    report.shows("ioc.replicaof", "fail", &told);
    assert!(
        report
            .steps("ioc.replicaof")
            .concat()
            .contains("REPLICAOF NO ONE")
    );
    assert!(server.call(["CONFIG", "REWRITE"]).is_ok());
    Report::of(&server).shows("ioc.replicaof", "pass", &line);
    assert!(server.call(["REPLICAOF", "NO", "ONE"]).is_ok());
    Report::of(&server)
        .shows("ioc.replicaof", "not-applicable", "follows no master")
        .shows("ioc.config-drift", "fail", &format!("127.0.0.1 {port}"));
}

#[test]
fn a_master_on_a_public_address_fails_though_the_file_names_it() {
    needs_module!();
    // Kept for documentation: nobody answers there.
    let server = Server::builder().config("replicaof", "203.0.113.9 6379");
    Report::of(&server.start()).shows(
        "ioc.replicaof",
        "fail",
        "replicaof 203.0.113.9 6379: a public address",
    );
}

#[test]
fn a_module_loaded_by_a_client_fails_and_a_configured_one_passes() {
    needs_module!();
    let switched = Server::builder().config("enable-module-command", "yes");
    let server = switched.start();
    let own = Report::of(&server);
    assert!(!own.actual("ioc.modules").contains("no loadmodule line"));
    assert!(server.call(["MODULE", "LOAD", other()]).is_ok());
    let told = format!("other {}: no loadmodule line of ", other());
    let report = Report::of(&server);
    report.shows("ioc.modules", "fail", &told);
    assert_eq!(report.severity("ioc.modules"), "medium");
    let steps = report.steps("ioc.modules").concat();
    assert!(steps.contains("MODULE UNLOAD other"), "{steps}");
    let configured = Server::builder()
        .config("enable-module-command", "yes")
        .config("loadmodule", other())
        .start();
    let report = Report::of(&configured);
    let known = report.actual("ioc.modules").to_owned();
    assert!(!known.contains("no loadmodule line"), "{known}");
}

#[test]
fn a_module_of_the_command_line_is_no_strangers() {
    needs_module!();
    let server = Server::builder().args(&["--loadmodule", other()]).start();
    let report = Report::of(&server);
    assert!(!report.actual("ioc.modules").contains("no loadmodule line"));
}

#[test]
fn a_module_in_a_folder_open_to_everybody_or_among_the_data_fails() {
    needs_module!();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("libsecaudit.so");
    std::fs::copy(module::path(), &path).unwrap();
    let start = || Server::builder().module_file(path.clone());
    let server = start().start();
    Report::of(&server).shows("ioc.modules", "pass", &path.to_string_lossy());
    set_mode(folder.path(), 0o777);
    Report::of(&server).shows("ioc.modules", "fail", "anybody may write the folder");
    set_mode(folder.path(), 0o755);
    let inside = start().config("dir", &folder.path().to_string_lossy());
    Report::of(&inside.start()).shows("ioc.modules", "fail", "it lies among the data");
}

#[test]
fn settings_changed_on_the_running_server_fail_until_they_are_written_down() {
    needs_module!();
    let password = strong_password("drift");
    let server = Server::builder().config("maxmemory", "512mb").start();
    Report::of(&server).shows("ioc.config-drift", "pass", "nothing that matters");
    for (name, value) in [
        ("protected-mode", "no"),
        ("maxmemory", "1gb"),
        ("masterauth", ""),
        ("bind", "127.0.0.1 -::1"),
    ] {
        assert!(server.call(["CONFIG", "SET", name, value]).is_ok());
    }
    let conf = server.conf().to_string_lossy().into_owned();
    Report::of(&server)
        .shows(
            "ioc.config-drift",
            "fail",
            &format!("protected-mode no, by {conf} yes"),
        )
        .shows(
            "ioc.config-drift",
            "fail",
            &format!("maxmemory 1073741824, by {conf} 512mb"),
        )
        .shows("ioc.config-drift", "fail", "bind 127.0.0.1 -::1, by ");
    let mut client = server.client();
    assert!(
        client
            .call(["CONFIG", "SET", "requirepass", &password])
            .is_ok()
    );
    let report = Report::by(&mut client);
    report.shows("ioc.config-drift", "fail", "requirepass: another one runs");
    assert!(!format!("{report:?}").contains(&password));
    assert!(client.call(["CONFIG", "REWRITE"]).is_ok());
    Report::by(&mut client).shows("ioc.config-drift", "pass", "nothing that matters");
}

#[test]
fn what_no_line_speaks_of_is_held_against_the_servers_default() {
    needs_module!();
    let server = Server::builder().start();
    Report::of(&server).shows("ioc.config-drift", "pass", "nothing that matters");
    for (name, value) in [("maxmemory", "1gb"), ("acllog-max-len", "5")] {
        assert!(server.call(["CONFIG", "SET", name, value]).is_ok());
    }
    Report::of(&server)
        .shows(
            "ioc.config-drift",
            "fail",
            "maxmemory 1073741824, by default 0",
        )
        .shows(
            "ioc.config-drift",
            "fail",
            "acllog-max-len 5, by default 128",
        );
    assert!(server.call(["CONFIG", "REWRITE"]).is_ok());
    Report::of(&server).shows("ioc.config-drift", "pass", "nothing that matters");
}

#[test]
fn what_the_command_line_says_beside_the_file_is_no_drift_until_it_is_changed() {
    needs_module!();
    let id = "ioc.config-drift";
    let password = strong_password("command line");
    let args = ["--maxmemory", "100mb", "--requirepass", &password];
    let server = Server::builder()
        .config("maxmemory", "50mb")
        .config("include", "more/*.conf")
        .sign_in("default", &password)
        .args(&args)
        .start();
    Report::of(&server).shows(id, "pass", "nothing that matters");
    assert!(server.call(["CONFIG", "SET", "maxmemory", "50mb"]).is_ok());
    let back = "maxmemory 52428800, by the command line 104857600";
    Report::of(&server).shows(id, "fail", back);
    assert!(server.call(["CONFIG", "SET", "maxmemory", "100mb"]).is_ok());
    Report::of(&server).shows(id, "pass", "nothing that matters");
    let conf = server.conf();
    set_mode(&conf, 0o600);
    Report::of(&server).shows(id, "pass", "nothing that matters");
    let text = std::fs::read_to_string(&conf).unwrap();
    std::fs::write(&conf, text + "# one more line\n").unwrap();
    // Now it is not what the server has read.
    Report::of(&server)
        .shows(id, "fail", "maxmemory 104857600, by ")
        .shows(id, "fail", "requirepass: another one runs than ");
}

#[test]
fn a_module_that_comes_later_does_not_take_what_was_changed_before_for_the_command_lines() {
    needs_module!();
    let server = Server::builder()
        .no_module()
        .config("enable-module-command", "yes")
        .start();
    for call in [
        &["CONFIG", "SET", "maxmemory", "1gb"][..],
        &["CONFIG", "RESETSTAT"],
        &["MODULE", "LOAD", &module::path().to_string_lossy()],
    ] {
        assert!(server.call(call).is_ok());
    }
    let told = "maxmemory 1073741824, by default 0 unless the command line says so";
    Report::of(&server).shows("ioc.config-drift", "fail", told);
}

/// User lines in every form that people write, and what of it the server makes.
const USERS: [&str; 7] = [
    "app on >app-password ~app:* resetchannels +@read +GET +config|get -@dangerous",
    "plain ON nopass allkeys +get +set",
    "many on >one >two <one %R~a %W~b ~c &x &y -@all +client|id +client -client|kill",
    "all on nopass allcommands allkeys allchannels -debug -@scripting",
    "parts on nopass (+get ~a) (+@all ~b &*) +ping",
    "off off resetpass",
    "late +@all reset on nopass +@write -set +select|0",
];

#[test]
fn users_as_the_files_make_them_are_no_drift_and_others_are() {
    needs_module!();
    let conf = USERS.iter().fold(Server::builder(), |builder, user| {
        builder.config("user", user)
    });
    let lines = USERS.map(|user| format!("user {user}\n")).concat();
    let aclfile = Server::builder()
        .config("aclfile", "users.acl")
        .file("users.acl", lines);
    for (builder, keep) in [
        (conf, ["CONFIG", "REWRITE"]),
        (aclfile, ["ACL", "SAVE"]),
        (Server::builder(), ["CONFIG", "REWRITE"]),
    ] {
        let server = builder.start();
        let id = "ioc.config-drift";
        Report::of(&server).shows(id, "pass", "nothing that matters");
        let acl = |words: &[&str]| {
            let reply = server.call([&["ACL", "SETUSER"], words].concat());
            assert!(reply.is_ok(), "{reply}");
        };
        acl(&["backdoor", "on", ">zzzz", "~*", "&*", "+@all"]);
        acl(&["default", "-debug"]);
        let report = Report::of(&server);
        report.shows(id, "fail", "user backdoor runs, and ").shows(
            id,
            "fail",
            "user default runs with other commands than ",
        );
        assert_eq!(report.actual(id).matches("user ").count(), 2, "{report:?}");
        assert!(server.call(keep).is_ok());
        Report::of(&server).shows(id, "pass", "nothing that matters");
        acl(&["backdoor", ">another"]);
        let other = "user backdoor runs with other passwords than ";
        Report::of(&server).shows(id, "fail", other);
    }
}

#[test]
fn rights_changed_inside_a_selector_or_on_keys_are_seen() {
    needs_module!();
    let id = "ioc.config-drift";
    let lines = "user in on nopass (~tmp:* +@write)\nuser keys on nopass %R~app:* +get\n";
    for how in ["conf", "aclfile"] {
        let builder = match how {
            "conf" => lines.lines().fold(Server::builder(), |builder, line| {
                builder.config("user", line.trim_start_matches("user "))
            }),
            _ => Server::builder()
                .config("aclfile", "users.acl")
                .file("users.acl", lines),
        };
        let server = builder.start();
        Report::of(&server).shows(id, "pass", "nothing that matters");
        for call in [
            &["in", "clearselectors", "(~* +@all -@admin -@dangerous)"][..],
            &["keys", "~app:*"],
        ] {
            assert!(server.call([&["ACL", "SETUSER"], call].concat()).is_ok());
        }
        Report::of(&server)
            .shows(id, "fail", "user in runs with other selectors than ")
            .shows(id, "fail", "user keys runs with other keys than ");
    }
}

#[test]
fn without_a_redis_conf_there_is_nothing_to_differ_from() {
    needs_module!();
    let conf_on_stdin = ["sh", "-c", r#"exec "$0" - < "$1""#];
    let server = Server::builder().under(&conf_on_stdin).start();
    let report = Report::of(&server);
    report.shows(
        "ioc.config-drift",
        "not-applicable",
        "without a configuration",
    );
    assert!(!report.actual("ioc.modules").contains("no loadmodule line"));
}
