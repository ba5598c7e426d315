//! Tests of the checks of the data.

use super::*;
use crate::audit::checks::sample::{self, fails, file, folder, passes, unknown};
use crate::audit::fix::Action;

fn with_folder(status: FileStatus) -> Facts {
    let mut facts = sample::hardened();
    facts.files.data_dir = Fact::Known(status);
    facts
}

#[test]
fn the_data_directory_passes_with_700_and_with_750_and_a_group_of_its_own() {
    assert_eq!(
        passes(&DataDir, &with_folder(folder("/d", 0o700))),
        ["drwx------ redis redis /d"]
    );
    let mut facts = with_folder(folder("/d", 0o750));
    passes(&DataDir, &facts);
    facts.process.group_sharers = Fact::Known(vec!["www-data".to_owned()]);
    assert!(
        fails(&DataDir, &facts)
            .actual
            .concat()
            .contains("so may www-data")
    );
    facts.process.group_sharers = Fact::Unavailable("/etc/group: not found".to_owned());
    assert!(unknown(&DataDir, &facts).contains("/etc/group"));
}

#[test]
fn the_data_directory_fails_when_others_get_in() {
    for mode in [0o755, 0o701, 0o770, 0o777, 0o704] {
        fails(&DataDir, &with_folder(folder("/d", mode)));
    }
    let strange_group = FileStatus {
        gid: 50,
        group: "staff".to_owned(),
        ..folder("/d", 0o750)
    };
    fails(&DataDir, &with_folder(strange_group));
}

#[test]
fn the_data_directory_fails_in_other_hands_even_roots() {
    let status = FileStatus {
        uid: 0,
        owner: "root".to_owned(),
        ..folder("/d", 0o700)
    };
    let failure = fails(&DataDir, &with_folder(status));
    assert!(
        failure
            .actual
            .concat()
            .contains("owned by root, not by the server's user redis")
    );
    assert_eq!(
        failure.steps.first().map(String::as_str),
        Some("sudo chown redis:redis /d")
    );
}

#[test]
fn a_data_directory_that_cannot_be_seen_is_unknown() {
    let mut facts = sample::hardened();
    facts.files.data_dir = Fact::Unavailable("not there".to_owned());
    assert_eq!(unknown(&DataDir, &facts), "not there");
}

#[test]
fn the_data_directory_is_closed_by_an_action_where_it_is_the_servers_own() {
    let closed = |mode| {
        [Action::Permissions {
            path: b"/srv/redis".to_vec(),
            mode,
        }]
    };
    let fails_with = |facts: &Facts| fails(&DataDir, facts).actions;
    assert_eq!(
        fails_with(&with_folder(folder("/srv/redis", 0o2777))),
        closed(0o2750)
    );
    let mut facts = with_folder(folder("/srv/redis", 0o755));
    facts.process.group_sharers = Fact::Known(vec!["web".to_owned()]);
    assert_eq!(fails_with(&facts), closed(0o700));
    assert_eq!(fails_with(&with_folder(folder("/tmp", 0o1777))), []);
    let steps = fails(&DataDir, &with_folder(folder("/tmp", 0o1777)))
        .steps
        .concat();
    assert!(!steps.contains("chmod"), "{steps}");
}

fn with_data(mode: u32, data: DataFiles) -> Facts {
    let mut facts = with_folder(folder("/var/lib/redis", mode));
    facts.files.data = Fact::Known(data);
    facts
}

fn dump(mode: u32) -> Fact<FileStatus> {
    Fact::Known(file("/var/lib/redis/dump.rdb", mode))
}

fn aof(folder_mode: u32, modes: &[u32]) -> DataFiles {
    let files = modes.iter().enumerate();
    let files = files.map(|(index, mode)| file(&format!("/var/lib/redis/aof/{index}.aof"), *mode));
    DataFiles {
        files: vec![dump(0o600)],
        aof_dir: Some(Fact::Known(folder("/var/lib/redis/aof", folder_mode))),
        aof: files.map(Fact::Known).collect(),
        cut: false,
    }
}

#[test]
fn private_data_pass_and_without_data_there_is_nothing_to_judge() {
    assert!(matches!(
        Data.evaluate(&with_data(0o755, DataFiles::default())),
        Outcome::NotApplicable(_)
    ));
    let lines = passes(&Data, &with_data(0o755, aof(0o750, &[0o600; 9])));
    assert_eq!(lines.len(), 6);
    assert_eq!(lines.last().map(String::as_str), Some("and 6 more"));
}

#[test]
fn data_that_others_may_read_fail_and_are_closed() {
    let data = DataFiles {
        files: vec![dump(0o644)],
        ..DataFiles::default()
    };
    let failure = fails(&Data, &with_data(0o755, data));
    assert_eq!(
        failure.actual,
        ["-rw-r--r-- redis redis /var/lib/redis/dump.rdb: anybody may read it"]
    );
    assert_eq!(failure.severity, None);
    assert_eq!(
        failure.actions,
        [Action::Permissions {
            path: b"/var/lib/redis/dump.rdb".to_vec(),
            mode: 0o640
        }]
    );
    let failure = fails(&Data, &with_data(0o755, aof(0o755, &[0o644; 1000])));
    assert_eq!((failure.actual.len(), failure.actions.len()), (6, CHANGED));
    assert_eq!(
        failure.actual.last().map(String::as_str),
        Some("and 996 more")
    );
    assert_eq!(
        failure.steps.first().map(String::as_str),
        Some("sudo chmod -R o-rwx /var/lib/redis/aof")
    );
    assert_eq!(failure.steps.len(), 2);
}

#[test]
fn a_folder_that_keeps_others_out_lowers_what_open_files_in_it_mean() {
    let low = |facts: &Facts| fails(&Data, facts).severity.map(|(severity, _)| severity);
    let open = || DataFiles {
        files: vec![dump(0o644)],
        ..DataFiles::default()
    };
    assert_eq!(low(&with_data(0o750, open())), Some(Severity::Low));
    assert_eq!(low(&with_data(0o711, open())), None);
    assert_eq!(
        low(&with_data(0o755, aof(0o700, &[0o644]))),
        Some(Severity::Low)
    );
    assert_eq!(low(&with_data(0o755, aof(0o711, &[0o644]))), None);
    let mut linked = open();
    if let Some(Fact::Known(status)) = linked.files.first_mut() {
        status.resolved = Some(b"/srv/dump.rdb".to_vec());
    }
    assert_eq!(low(&with_data(0o700, linked)), None);
}

#[test]
fn a_list_that_was_cut_is_told_unless_a_folder_keeps_others_out() {
    let cut = |mode, data: DataFiles| with_data(mode, DataFiles { cut: true, ..data });
    passes(&Data, &cut(0o755, aof(0o750, &[0o600])));
    passes(&Data, &cut(0o700, aof(0o750, &[0o600])));
    let failure = fails(&Data, &cut(0o755, aof(0o711, &[0o644])));
    assert!(
        failure
            .actual
            .concat()
            .contains("unknown: the folder of the AOF")
    );
}

#[test]
fn a_file_that_cannot_be_seen_is_unknown_and_a_pipe_holds_nothing() {
    let mut data = aof(0o750, &[]);
    data.aof.push(Fact::Unavailable(
        "a: this process may not read it".to_owned(),
    ));
    assert!(unknown(&Data, &with_data(0o755, data)).contains("may not read it"));
    let pipe = FileStatus {
        kind: 'p',
        ..file("/var/lib/redis/dump.rdb", 0o666)
    };
    let data = DataFiles {
        files: vec![Fact::Known(pipe)],
        ..DataFiles::default()
    };
    passes(&Data, &with_data(0o755, data));
    let mut facts = sample::hardened();
    facts.files.data = Fact::Unavailable("CONFIG is renamed".to_owned());
    assert_eq!(unknown(&Data, &facts), "CONFIG is renamed");
}
