//! Tests of the check of the log files.

use super::*;
use crate::audit::checks::sample::{self, fails, file, folder, passes, unknown};
use crate::audit::facts::Fact;
use crate::audit::fix::Action;

fn with(folder: FileStatus, file: Option<FileStatus>) -> Facts {
    let mut facts = sample::hardened();
    facts.files.logs = vec![Fact::Known(LogFile {
        setting: "logfile",
        file,
        folder,
    })];
    facts
}

fn own(folder_mode: u32, mode: u32) -> Facts {
    with(
        folder("/var/log/redis", folder_mode),
        Some(file("/var/log/redis/redis.log", mode)),
    )
}

fn severity(facts: &Facts) -> Severity {
    let severity = fails(&Log, facts).severity;
    severity.map_or(Severity::Low, |(severity, _)| severity)
}

#[test]
fn a_private_log_in_a_private_folder_passes() {
    assert_eq!(
        passes(&Log, &own(0o750, 0o640)),
        [
            "-rw-r----- redis redis /var/log/redis/redis.log in drwxr-x--- redis redis /var/log/redis"
        ]
    );
    let lines = passes(&Log, &with(folder("/var/log/redis", 0o700), None));
    assert!(
        lines
            .concat()
            .starts_with("logfile: no file yet in drwx------")
    );
    let mut facts = sample::hardened();
    facts.files.logs.clear();
    assert!(matches!(Log.evaluate(&facts), Outcome::NotApplicable(_)));
}

#[test]
fn a_log_is_as_open_as_its_folder_lets_it_be() {
    assert_eq!(severity(&own(0o755, 0o644)), Severity::Low);
    assert_eq!(severity(&own(0o755, 0o640)), Severity::Low);
    assert_eq!(severity(&own(0o750, 0o644)), Severity::Info);
    assert_eq!(severity(&own(0o750, 0o666)), Severity::Info);
    assert_eq!(severity(&own(0o755, 0o666)), Severity::Medium);
    assert_eq!(severity(&own(0o777, 0o600)), Severity::Medium);
    assert_eq!(severity(&own(0o1777, 0o600)), Severity::Low);
}

#[test]
fn a_group_of_people_that_may_write_is_told_and_one_of_log_daemons_is_not() {
    let group = |gid, mode| FileStatus {
        gid,
        group: "logs".to_owned(),
        uid: 0,
        ..folder("/var/log", mode)
    };
    let log = || Some(file("/var/log/redis.log", 0o640));
    let people = with(group(50, 0o2770), log());
    assert_eq!(severity(&people), Severity::Medium);
    let told = fails(&Log, &people).actual.concat();
    assert!(
        told.contains("group logs (alice) may write the folder"),
        "{told}"
    );
    passes(&Log, &with(group(4, 0o770), log()));
    assert!(unknown(&Log, &with(group(77, 0o770), log())).contains("group 77"));
}

#[test]
fn a_strangers_log_fails_and_is_not_closed_for_him() {
    let stranger = FileStatus {
        uid: 1000,
        owner: "alice".to_owned(),
        ..file("/var/log/redis/redis.log", 0o644)
    };
    let facts = with(folder("/var/log/redis", 0o750), Some(stranger));
    let failure = fails(&Log, &facts);
    assert!(failure.actual.concat().contains("owner alice is neither"));
    assert_eq!(failure.actions, []);
    assert_eq!(failure.steps.len(), 2);
}

#[test]
fn what_the_server_owns_is_closed_and_the_folder_of_all_logs_is_left_alone() {
    let closed = |path: &str, mode| Action::Permissions {
        path: path.as_bytes().to_vec(),
        mode,
    };
    assert_eq!(
        fails(&Log, &own(0o755, 0o644)).actions,
        [
            closed("/var/log/redis/redis.log", 0o640),
            closed("/var/log/redis", 0o750)
        ]
    );
    let common = folder("/var/log", 0o755);
    let failure = fails(&Log, &with(common, Some(file("/var/log/redis.log", 0o644))));
    assert_eq!(failure.actions, [closed("/var/log/redis.log", 0o640)]);
    let steps = failure.steps.concat();
    assert!(!steps.contains("chmod g-w,o-rwx /var/log#"), "{steps}");
    assert!(
        steps.contains("logfile /var/log/redis/redis.log"),
        "{steps}"
    );
}

#[test]
fn a_stream_is_not_judged_and_what_cannot_be_seen_is_unknown() {
    let null = FileStatus {
        kind: 'c',
        ..file("/dev/null", 0o666)
    };
    passes(&Log, &with(folder("/dev", 0o755), Some(null)));
    let mut facts = own(0o755, 0o644);
    facts
        .files
        .logs
        .push(Fact::Unavailable("not there".to_owned()));
    assert!(
        fails(&Log, &facts)
            .actual
            .concat()
            .contains("unknown: not there")
    );
    facts.files.logs.remove(0);
    assert_eq!(unknown(&Log, &facts), "not there");
}
