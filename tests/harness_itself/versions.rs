//! Which server this is, what it can do, and how a test that needs more is skipped.

use crate::harness::process::run;
use crate::harness::version::*;
use crate::harness::wait::DEADLINE;
use crate::harness::{require, skip};
use std::process::Command;

fn version(banner: &str) -> Version {
    Version::from_banner(banner).unwrap()
}

#[test]
fn the_binary_and_the_server_agree_on_the_version() {
    let server = super::bare();
    assert_eq!(
        Version::from_info(&server.info("server")),
        Some(server.version())
    );
    assert_eq!(server.version(), under_test());
}

#[test]
fn banners_are_read() {
    let redis = version(
        "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c971a948f0",
    );
    assert_eq!(
        redis,
        Version {
            family: Family::Redis,
            major: 7,
            minor: 0,
            patch: 15
        }
    );
    assert_eq!(redis.to_string(), "Redis 7.0.15");
    assert_eq!(
        version("Valkey server v=9.1.2 sha=00000000:0").to_string(),
        "Valkey 9.1.2"
    );
    assert_eq!(Version::from_banner("Memcached 1.6"), None);
    assert_eq!(Version::from_banner("Redis server v=unstable"), None);
}

#[test]
fn versions_compare_within_their_family_only() {
    let redis = [REDIS_7_0, REDIS_7_2, REDIS_7_4, REDIS_8_0, REDIS_8_6];
    let valkey = [VALKEY_7_2, VALKEY_8_0, VALKEY_8_1, VALKEY_9_1];
    for family in [&redis[..], &valkey[..]] {
        assert!(
            family.is_sorted_by(|older, newer| newer.at_least(*older) && !older.at_least(*newer))
        );
    }
    assert!(redis.iter().all(|redis| {
        valkey
            .iter()
            .all(|valkey| !redis.at_least(*valkey) && !valkey.at_least(*redis))
    }));
    assert!(version("Redis server v=7.0.15").at_least(REDIS_7_0));
    assert!(!version("Redis server v=6.2.5").at_least(REDIS_7_0));
}

#[test]
fn capabilities_are_those_of_the_real_servers() {
    let of = |banner| {
        let v = version(banner);
        (
            v.loads_the_module(),
            v.tells_filters_who_calls(),
            v.has_acl_categories_for_modules(),
            v.has_cluster_port(),
        )
    };
    assert_eq!(of("Redis server v=6.2.5"), (false, false, false, false));
    assert_eq!(of("Redis server v=7.0.15"), (true, false, false, true));
    assert_eq!(of("Redis server v=7.4.1"), (true, true, true, true));
    assert_eq!(of("Valkey server v=8.0.1"), (true, true, true, true));
}

#[test]
fn redis_cli_is_found() {
    let mut command = Command::new(cli_binary());
    command.arg("--version");
    assert!(run(command, b"", DEADLINE).text().contains("-cli "));
}

#[test]
#[ignore = "a fixture: it is skipped on purpose, in a process of its own"]
fn fixture_that_is_skipped() {
    require!(true, "not this one");
    require!(
        std::env::var_os("SECAUDIT_TEST_SKIPS").is_none(),
        "the moon is not full"
    );
}

#[test]
#[ignore = "a fixture: it is skipped on purpose, in a process of its own"]
fn fixture_that_is_skipped_without_condition() {
    let skipping = || skip!("never");
    skipping();
}

#[test]
fn a_skipped_test_passes_and_is_recorded_by_name_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let skips = folder.path().join("skips");
    for threads in ["1", "2"] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let path = module_path!().split_once("::").unwrap().1;
        command.args(["--ignored", "--nocapture", "--test-threads", threads]);
        command
            .arg(format!("{path}::fixture_that_is_skipped"))
            .env("SECAUDIT_TEST_SKIPS", &skips);
        let outcome = run(command, b"", DEADLINE);
        assert!(outcome.status.success(), "{}", outcome.text());
        assert!(outcome.text().contains(&format!(
            "SKIP {path}::fixture_that_is_skipped: the moon is not full"
        )));
        let mut recorded: Vec<String> = std::fs::read_to_string(&skips)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        recorded.sort();
        let wanted = [
            format!("{path}::fixture_that_is_skipped\tthe moon is not full"),
            format!("{path}::fixture_that_is_skipped_without_condition\tnever"),
        ];
        assert_eq!(recorded, wanted, "with {threads} threads");
        std::fs::remove_file(&skips).unwrap();
    }
}
