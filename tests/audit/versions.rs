//! ver.supported, ver.advisories, ver.lua-sandbox: upstream builds are judged, a distribution's are not, Lua is asked.

use super::Report;
use crate::harness::builder::Builder;
use crate::harness::c_module;
use crate::harness::cluster::Cluster;
use crate::harness::replication::Replication;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::version::{
    Family, REDIS_7_0, VALKEY_9_1, of_binary, server_binary, under_test,
};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Debian's own server, where this machine has it.
fn packaged() -> Option<PathBuf> {
    let path = PathBuf::from("/usr/bin/redis-server");
    let program = fs::read_link(&path).map_or(path.clone(), |link| path.with_file_name(link));
    let asked = Command::new("dpkg").arg("-S").arg(program).output();
    asked
        .is_ok_and(|output| output.status.success())
        .then_some(path)
}

/// The same program in a folder of its own, where it is no package's; under a name that does not say "check".
fn copied(program: &Path) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("redis-server");
    fs::copy(program, &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    (folder, copy)
}

/// Whether the data of this module call a release the last of a branch in support.
fn is_up_to_date() -> bool {
    let version = under_test();
    version.family == Family::Valkey && version.at_least(VALKEY_9_1) && version.patch >= 1
}

#[test]
fn the_server_under_test_is_judged_by_its_version_unless_it_is_a_package() {
    needs_module!();
    let server = Server::start();
    let report = Report::of(&server);
    let ids = ["ver.supported", "ver.advisories"];
    if packaged().is_some_and(|path| path == server_binary()) {
        for id in ids {
            report.shows(id, "unknown", "dpkg package redis-");
        }
    } else if is_up_to_date() {
        report
            .shows(
                "ver.supported",
                "pass",
                "the last known security release of its branch is 9.1.1",
            )
            .shows("ver.advisories", "pass", "none is known (as of ");
    } else {
        for id in ids {
            report.shows(id, "fail", "");
            assert_eq!(report.severity(id), "high");
            assert!(!report.steps(id).is_empty());
        }
    }
}

#[test]
fn debians_package_is_unknown_with_its_version_and_its_copy_is_judged_as_upstreams() {
    needs_module!();
    let Some(program) = packaged() else {
        require!(false, "there is no packaged redis-server here");
        return;
    };
    let stated = Command::new("dpkg-query")
        .args(["-W", "-f=${Version}", "redis-tools"])
        .output()
        .unwrap();
    let stated = String::from_utf8(stated.stdout).unwrap();
    let report = Report::of(&Server::builder().server_binary(&program).start());
    for id in ["ver.supported", "ver.advisories"] {
        report.shows(
            id,
            "unknown",
            &format!("dpkg package redis-tools {stated}: "),
        );
        assert!(
            report
                .steps(id)
                .iter()
                .any(|step| step.contains("apt-cache policy redis-tools"))
        );
    }
    require!(
        of_binary(&program).family == Family::Redis
            && of_binary(&program).at_least(REDIS_7_0)
            && of_binary(&program).minor == 0,
        "the packaged server is not Redis 7.0"
    );
    let (_folder, copy) = copied(&program);
    let report = Report::of(&Server::builder().server_binary(&copy).start());
    report
        .shows(
            "ver.supported",
            "fail",
            "its branch has had no support since 2024-07-29",
        )
        .shows("ver.advisories", "fail", "CVE-2025-49844: ")
        .shows(
            "ver.advisories",
            "fail",
            "not fixed in this branch (inferred); closed by: deny eval ...",
        );
}

/// An upstream build of Redis 7.0, which Lua's holes of later years are in.
fn old_server() -> Option<(TempDir, Builder)> {
    let (folder, copy) = copied(&packaged()?);
    let version = of_binary(&copy);
    let fits = version.family == Family::Redis && (version.major, version.minor) == (7, 0);
    fits.then(|| (folder, Server::builder().server_binary(copy)))
}

#[test]
fn what_the_gate_closes_counts_as_mitigated_and_what_it_closes_in_part_does_not() {
    needs_module!();
    let Some((_folder, builder)) = old_server() else {
        require!(false, "there is no packaged Redis 7.0 here");
        return;
    };
    let server = builder.start();
    let report = Report::of(&server);
    report.shows("ver.advisories", "fail", "\nCVE-2025-49844: ");
    let step = report
        .steps("ver.advisories")
        .into_iter()
        .find(|step| step.contains(" DENY eval "))
        .unwrap();
    assert!(
        step.contains(
            "SECGATE DENY eval evalsha eval_ro evalsha_ro fcall fcall_ro script function optional"
        ),
        "{step}"
    );
    let part = "SECGATE DENY eval evalsha eval_ro evalsha_ro fcall fcall_ro id=part";
    assert!(!server.call(part.split(' ')).is_error());
    Report::of(&server).shows("ver.advisories", "fail", "\nCVE-2025-49844: ");
    let rest = "SECGATE DENY script function id=rest";
    assert!(!server.call(rest.split(' ')).is_error());
    Report::of(&server).shows(
        "ver.advisories",
        "fail",
        "\nmitigated, denied by the gate (rule part), denied by the gate (rule rest): CVE-2025-49844: ",
    );
    assert!(server.call(["SECGATE", "MODE", "observe"]).is_ok());
    Report::of(&server).shows("ver.advisories", "fail", "\nCVE-2025-49844: ");
}

#[test]
fn lua_is_confined_on_every_server_whatever_stands_in_the_way_of_asking() {
    needs_module!();
    let confined = |server: &Server| {
        Report::of(server).shows("ver.lua-sandbox", "pass", "there is no 'package' in Lua");
    };
    let server = Server::builder()
        .policy("deny eval eval_ro script\n")
        .start();
    confined(&server);
    assert!(server.call(["CONFIG", "SET", "maxmemory", "1"]).is_ok());
    confined(&server);
    let renamed = Server::builder()
        .config("rename-command", "EVAL e1-77c0")
        .config("rename-command", "EVAL_RO e2-77c0")
        .start();
    confined(&renamed);
    let no_eval_ro = Server::builder()
        .config("rename-command", "EVAL_RO \"\"")
        .start();
    confined(&no_eval_ro);
    let none = Server::builder()
        .config("rename-command", "EVAL \"\"")
        .config("rename-command", "EVAL_RO \"\"")
        .start();
    Report::of(&none).shows(
        "ver.lua-sandbox",
        "not-applicable",
        "redis.conf removes EVAL and EVAL_RO",
    );
    let node = Server::builder().config("cluster-enabled", "yes").start();
    confined(&node);
}

#[test]
fn asking_lua_leaves_one_cached_script_behind_and_nothing_else() {
    needs_module!();
    // No ping of the master's moves the offset meanwhile.
    let quiet = Server::builder()
        .allow_debug()
        .config("repl-ping-replica-period", "3600");
    let group = Replication::start_with(quiet.clone(), vec![quiet]);
    group.wait_in_sync();
    let server = &group.master;
    let seen = |server: &Server| {
        let stats: BTreeMap<String, String> = server.info("commandstats");
        let replicated = server.info("replication")["master_repl_offset"].clone();
        let scripts = server.info("memory")["number_of_cached_scripts"].clone();
        let evals = stats
            .keys()
            .filter(|name| name.starts_with("cmdstat_eval"))
            .count();
        let errors = server.info("stats")["total_error_replies"].clone();
        (replicated, scripts, evals, errors)
    };
    let before = seen(server);
    Report::of(server).shows("ver.lua-sandbox", "pass", "");
    let once = seen(server);
    Report::of(server).shows("ver.lua-sandbox", "pass", "");
    let twice = seen(server);
    assert_eq!(
        once.1.parse::<u32>().unwrap(),
        before.1.parse::<u32>().unwrap() + 1
    );
    assert_eq!(twice.1, once.1);
    for later in [once, twice] {
        assert_eq!((&later.0, &later.3), (&before.0, &before.3));
        // The server counts it, as it counts every question of a report.
        assert_eq!(later.2, before.2 + 1);
    }
    Report::of(&group.replicas[0]).shows("ver.lua-sandbox", "pass", "there is no 'package' in Lua");
    group.assert_same_data();
    // What a replica is asked stays there, too.
    assert_eq!(
        group.replicas[0].info("memory")["number_of_cached_scripts"],
        "1"
    );
}

#[test]
fn lua_with_a_package_library_is_critical_and_high_once_nobody_runs_scripts() {
    needs_module!();
    let server = Server::builder()
        .config("enable-module-command", "yes")
        .start();
    let loaded = server.call(["MODULE", "LOAD", &c_module::path("open_lua")]);
    require!(
        loaded.is_ok(),
        "this server does not let a module reach its Lua"
    );
    let found = server.call(["EVAL", "return type(package)", "0"]).text();
    assert_eq!(found, "table");
    let report = Report::of(&server);
    report.shows("ver.lua-sandbox", "fail", "'package' is a table in Lua");
    assert_eq!(report.severity("ver.lua-sandbox"), "critical");
    let step = report.steps("ver.lua-sandbox")[0].to_owned();
    let words = step.split("   #").next().unwrap();
    let words: Vec<&str> = words
        .split(' ')
        .skip_while(|word| *word != "SECGATE")
        .collect();
    assert!(!server.call(words).is_error(), "{step}");
    assert!(server.call(["EVAL", "return 1", "0"]).is_error());
    let report = Report::of(&server);
    report.shows("ver.lua-sandbox", "fail", "denied by the gate");
    assert_eq!(report.severity("ver.lua-sandbox"), "high");
}

#[test]
fn a_node_of_a_cluster_is_asked_too() {
    needs_module!();
    let cluster = Cluster::start(&Server::builder());
    Report::of(&cluster.nodes[0]).shows("ver.lua-sandbox", "pass", "there is no 'package' in Lua");
}
