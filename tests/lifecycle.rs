//! The module's whole life: loading, settings, what the server is told of it, and that it does not leave.

use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::{cli, module, version};

#[test]
fn it_loads_with_one_binary_and_says_what_it_found() {
    needs_module!();
    let server = Server::start();
    server.wait_for_log("secaudit 0.1.0: mode enforce, 0 statements, command filter not needed");
    let told = server
        .log()
        .contains("this server does not tell modules which client calls");
    assert_eq!(told, !version::under_test().tells_filters_who_calls());
    let modules = format!("{:?}", server.call(["MODULE", "LIST"]));
    assert!(modules.contains("secaudit"), "{modules}");
}

#[test]
fn a_server_that_is_too_old_refuses_it_with_one_clear_line_and_does_not_crash() {
    require!(
        !version::under_test().loads_the_module(),
        "this server is new enough"
    );
    let failure = Server::builder().module().expect_refusal();
    let lines: Vec<&str> = failure
        .log
        .lines()
        .filter(|line| line.contains("secaudit is not loaded"))
        .collect();
    assert_eq!(lines.len(), 1, "{failure}");
    assert!(
        lines[0].contains("it needs Redis 7.0 or Valkey 7.2 at least, and this is Redis 6.2"),
        "{failure}"
    );
    assert!(
        failure.status.code().is_some(),
        "it ended by itself: {failure}"
    );
    assert!(
        !failure.log.contains("crashed") && !failure.log.contains("panicked"),
        "{failure}"
    );
}

#[test]
fn wrong_arguments_refuse_the_load_with_the_reason() {
    needs_module!();
    for (arguments, reason) in [
        (
            &["/no/such/file"][..],
            "/no/such/file cannot be read: No such file or directory",
        ),
        (&["/"], "/ cannot be read: it is no ordinary file"),
        (
            &["/dev/zero"],
            "/dev/zero cannot be read: it is no ordinary file",
        ),
        (&["a", "b"], "loadmodule takes one argument"),
    ] {
        let failure = Server::builder().module_args(arguments).expect_refusal();
        assert!(failure.log.contains(reason), "{failure}");
        assert!(
            failure.status.code().is_some(),
            "it ended by itself: {failure}"
        );
    }
}

#[test]
fn settings_are_read_shown_and_kept_by_config_rewrite() {
    needs_module!();
    let mut server = Server::builder().policy("deny flushall id=no\n").start();
    let shown =
        |server: &Server, name: &str| server.call(["CONFIG", "GET", name]).texts()[1].clone();
    assert!(shown(&server, "secaudit.policy-file").ends_with("secaudit.policy"));
    assert_eq!(shown(&server, "secaudit.deny-reply"), "explain");
    assert!(
        server
            .call(["CONFIG", "SET", "secaudit.deny-reply", "unknown"])
            .is_ok()
    );
    assert!(
        server
            .call(["CONFIG", "SET", "secaudit.deny-reply", "other"])
            .is_error()
    );
    let error = server
        .call(["CONFIG", "SET", "secaudit.policy-file", "/tmp/x"])
        .error_text();
    assert!(error.contains("immutable"), "{error}");
    assert!(server.call(["CONFIG", "REWRITE"]).is_ok());
    server.restart();
    assert_eq!(shown(&server, "secaudit.deny-reply"), "unknown");
    assert!(shown(&server, "secaudit.policy-file").ends_with("secaudit.policy"));
    assert!(server.call(["FLUSHALL"]).is_error());
    for _ in 0..1000 {
        shown(&server, "secaudit.*");
    }
}

#[test]
fn the_policy_file_can_be_named_by_a_setting_but_not_two_different_ones() {
    needs_module!();
    let builder = Server::builder()
        .file("by-setting.policy", "deny flushall id=no\n")
        .config("secaudit.policy-file", "by-setting.policy");
    let server = builder.clone().start();
    assert!(server.call(["FLUSHALL"]).is_error());
    let both = builder.clone().module_args(&["./by-setting.policy"]);
    assert!(both.start().call(["FLUSHALL"]).is_error());
    let failure = builder.module_args(&["other.policy"]).expect_refusal();
    assert!(failure.log.contains("keep one of the two"), "{failure}");
    let failure = Server::builder()
        .config("secaudit.deny-reply", "perhaps")
        .expect_refusal();
    assert!(failure.log.contains("secaudit.deny-reply"), "{failure}");
}

#[test]
fn config_set_dir_does_not_move_the_policy_file() {
    needs_module!();
    let server = Server::builder()
        .file("here.policy", "deny flushall id=no\n")
        .config("enable-protected-configs", "yes")
        .module_args(&["here.policy"])
        .start();
    let elsewhere = server.dir().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let elsewhere = elsewhere.to_str().unwrap();
    assert!(server.call(["CONFIG", "SET", "dir", elsewhere]).is_ok());
    server.call(["SECGATE", "DENY", "flushdb", "id=more"]);
    assert!(server.call(["SECGATE", "SAVE"]).is_ok());
    let saved = std::fs::read_to_string(server.dir().join("here.policy")).unwrap();
    assert!(saved.contains("id=more"), "{saved}");
    assert!(server.call(["SECGATE", "LOAD"]).is_ok());
}

#[test]
fn it_does_not_let_itself_be_unloaded() {
    needs_module!();
    let server = Server::builder()
        .config("enable-module-command", "yes")
        .start();
    server.call(["SECGATE", "DENY", "flushall"]);
    server.wait_until("the module to have settled", || {
        let error = server.call(["MODULE", "UNLOAD", "secaudit"]).error_text();
        if error.contains("secaudit") || error.contains("Error unloading") {
            Ok(())
        } else {
            Err(error)
        }
    });
    assert!(
        server.call(["FLUSHALL"]).is_error(),
        "the gate is still there"
    );
    server.wait_for_log("secaudit stays loaded");
}

#[test]
fn a_load_that_fails_on_a_running_server_leaves_it_as_it_was() {
    needs_module!();
    let server = Server::builder()
        .no_module()
        .config("enable-module-command", "yes")
        .start();
    let path = module::path();
    let path = path.to_str().unwrap();
    for _ in 0..3 {
        assert!(
            server
                .call(["MODULE", "LOAD", path, "/no/such/file"])
                .is_error()
        );
        assert!(
            server
                .call(["SECGATE", "LIST"])
                .error_text()
                .contains("unknown command")
        );
        assert!(server.call(["CONFIG", "GET", "*"]).items().len() > 100);
    }
    assert!(server.call(["MODULE", "LOAD", path]).is_ok());
    server.call(["SECGATE", "DENY", "flushall"]);
    assert!(server.call(["FLUSHALL"]).is_error());
}

/// The subcommands of SECGATE, their arity, and whether they change the gate.
const SUBCOMMANDS: [(&str, i64, bool); 18] = [
    ("deny", -3, true),
    ("allow", -3, true),
    ("rename", -4, true),
    ("alias", -4, true),
    ("profile", -2, true),
    ("suppress", -4, true),
    ("administrators", -3, true),
    ("list", -2, false),
    ("del", -3, true),
    ("reset", 2, true),
    ("mode", -2, true),
    ("test", -3, false),
    ("load", 2, true),
    ("save", 2, true),
    ("log", -2, false),
    ("stats", 2, false),
    ("seal", 2, true),
    ("help", 2, false),
];

#[test]
fn the_server_is_told_what_each_command_is() {
    needs_module!();
    let server = Server::start();
    let container = server.call(["COMMAND", "INFO", "secgate"]);
    let subcommands = container.items()[0].items()[9].items().len();
    assert_eq!(subcommands, SUBCOMMANDS.len(), "each is in the table here");
    let everywhere = ["request_policy:all_nodes", "response_policy:all_succeeded"];
    let each = ["request_policy:all_nodes", "response_policy:special"];
    let secgate = SUBCOMMANDS.map(|(name, arity, changes)| {
        let tips = match name {
            "help" => &[][..],
            _ if changes => &everywhere,
            _ => &each,
        };
        (format!("secgate|{name}"), arity, tips)
    });
    for (name, arity, tips) in secgate
        .into_iter()
        .chain([("secaudit".to_owned(), -1, &each[..])])
    {
        let info = server.call(["COMMAND", "INFO", name.as_str()]);
        let info = info.items()[0].items();
        assert_eq!((info[0].text(), info[1].int()), (name.clone(), arity));
        let flags = info[2].texts();
        for flag in ["admin", "noscript", "loading", "stale"] {
            assert!(flags.iter().any(|known| known == flag), "{name} {flags:?}");
        }
        assert_eq!((info[3].int(), info[5].int()), (0, 0), "{name} has no keys");
        if version::under_test().has_acl_categories_for_modules() {
            assert_eq!(info[6].texts(), ["@admin", "@dangerous"], "{name}");
        }
        let told = info[7].texts();
        let policies = |tip: &&String| tip.contains("_policy:");
        let told: Vec<&String> = told.iter().filter(policies).collect();
        assert_eq!(told, tips, "{name}");
        let docs = server.call(["COMMAND", "DOCS", name.as_str()]);
        let docs = &docs.items()[1];
        assert!(docs.get("summary").text().len() > 10, "{name}: {docs:?}");
        assert_eq!(docs.get("group").text(), "module");
    }
}

#[test]
fn the_commands_answer_slips_of_the_finger_and_have_help() {
    needs_module!();
    let server = Server::start();
    assert!(
        server
            .call(["SECGATE", "NOSUCH"])
            .error_text()
            .contains("NOSUCH")
    );
    assert!(
        server
            .call(["SECGATE"])
            .error_text()
            .contains("wrong number of arguments")
    );
    assert!(
        server
            .call(["SECGATE", "DENY"])
            .error_text()
            .contains("wrong number of arguments")
    );
    assert!(
        server
            .call(["EVAL", "return redis.call('SECGATE', 'LIST')", "0"])
            .is_error()
    );
    let help = cli::run(&server, ["SECGATE", "HELP"]);
    assert!(
        help.text().contains("DENY <command>|@<category>|*"),
        "{}",
        help.text()
    );
}

#[test]
fn every_setting_that_may_change_is_kept_by_config_rewrite_and_the_others_say_why_not() {
    needs_module!();
    let mut server = Server::builder()
        .policy("deny flushall id=no\n")
        .config("enable-protected-configs", "yes")
        .start();
    let log = server.dir().join("events.log").display().to_string();
    for (name, value) in [
        ("secaudit.deny-reply", "unknown"),
        ("secaudit.log-max-len", "7"),
        ("secaudit.log-file", &log),
    ] {
        assert!(
            server.call(["CONFIG", "SET", name, value]).is_ok(),
            "{name}"
        );
    }
    // All in one call, or none of them.
    let mixed = ["secaudit.log-max-len", "9", "secaudit.policy-file", "/x"];
    let mixed = ["CONFIG", "SET"].into_iter().chain(mixed);
    assert!(server.call(mixed).error_text().contains("immutable"));
    assert!(server.call(["CONFIG", "REWRITE"]).is_ok());
    server.restart();
    for (name, value) in [
        ("secaudit.deny-reply", "unknown"),
        ("secaudit.log-max-len", "7"),
        ("secaudit.log-file", &log),
    ] {
        let shown = server.call(["CONFIG", "GET", name]).texts();
        assert_eq!(shown, [name, value]);
    }
    let error = server.call(["FLUSHALL"]).error_text();
    assert!(
        error.starts_with("ERR unknown command 'FLUSHALL'"),
        "{error}"
    );
}

#[test]
fn info_tells_of_the_gate_in_a_section_of_its_own() {
    needs_module!();
    let server = Server::start();
    server.call(["SECGATE", "DENY", "flushall"]);
    server.call(["FLUSHALL"]);
    let info = server.info("secaudit");
    for (name, value) in [
        ("secaudit_mode", "enforce"),
        ("secaudit_statements", "1"),
        ("secaudit_filter_registered", "1"),
        ("secaudit_calls_denied", "1"),
        ("secaudit_panics_fenced", "0"),
    ] {
        assert_eq!(info[name], value, "{name}");
    }
    assert_eq!(info["secaudit_policy_sha256"].len(), 64);
    assert_eq!(info["secaudit_log_file_state"], "off");
    assert_eq!(info["secaudit_events_forgotten"], "0");
    assert_eq!(info["secaudit_hits_r1"], "1");
    server.call([
        "SECGATE",
        "DENY",
        "flushdb",
        "id=no.flush-db",
        "mode=observe",
    ]);
    server.call(["FLUSHDB"]);
    assert!(!server.call(["SECAUDIT"]).is_error());
    let info = server.info("secaudit");
    assert_eq!(info["secaudit_calls_observed"], "1");
    assert_eq!(info["secaudit_hits_no_flush_db"], "1");
    assert!(["A", "B", "C", "D", "F", "?"].contains(&info["secaudit_audit_grade"].as_str()));
    for (name, value) in &info {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(name.chars().all(plain), "no exporter takes {name}");
        assert!(!value.is_empty(), "{name}");
    }
}

#[test]
fn info_has_no_field_twice_whatever_the_ids() {
    needs_module!();
    let policy = "deny get id=a.b\ndeny set id=a_b__2\ndeny del id=a_b\ndeny keys id=a-b\n";
    let server = Server::builder().policy(policy).start();
    let info = server.call(["INFO", "secaudit"]).text();
    let hits = info
        .lines()
        .filter(|line| line.starts_with("secaudit_hits_"));
    let names: Vec<&str> = hits.filter_map(|line| line.split(':').next()).collect();
    let each: std::collections::BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!((names.len(), each.len()), (4, 4), "{info}");
    assert!(info.contains("secaudit_policy_unsaved:0"), "{info}");
    server.call(["SECGATE", "DEL", "a.b"]);
    let unsaved = || server.info("secaudit")["secaudit_policy_unsaved"].clone();
    assert_eq!(unsaved(), "1");
    assert!(server.call(["SECGATE", "SAVE"]).is_ok());
    assert_eq!(unsaved(), "0");
    server.call(["SECGATE", "RESET"]);
    assert_eq!(unsaved(), "1");
    assert!(server.call(["SECGATE", "LOAD"]).is_ok());
    assert_eq!(unsaved(), "0");
}

#[test]
fn a_policy_path_that_config_rewrite_would_spoil_is_warned_of() {
    needs_module!();
    let server = Server::builder()
        .file("my policy", "deny flushall\n")
        .module_args(&["my policy"])
        .start();
    server.wait_for_log("CONFIG REWRITE writes arguments of loadmodule without quotes");
    assert!(server.call(["FLUSHALL"]).is_error());
    let log = Server::builder().policy("deny flushall\n").start().log();
    assert!(!log.contains("without quotes"), "{log}");
}
