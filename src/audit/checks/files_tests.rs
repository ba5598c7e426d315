//! Tests of the file checks.

use super::*;
use crate::audit::checks::sample::{self, fails, file, folder, passes, unknown};

fn with_config(mode: u32, owner: (u32, &str)) -> Facts {
    let mut facts = sample::hardened();
    facts.files.config = vec![Fact::Known(FileStatus {
        uid: owner.0,
        owner: owner.1.to_owned(),
        ..file("/etc/redis/redis.conf", mode)
    })];
    facts
}

#[test]
fn a_file_is_shown_as_ls_shows_it() {
    let status = |mode| FileStatus {
        mode,
        ..file("/a", 0)
    };
    assert_eq!(shown(&status(0o644)), "-rw-r--r-- redis redis /a");
    assert_eq!(shown(&status(0o6755)), "-rwsr-sr-x redis redis /a");
    assert_eq!(shown(&status(0o1777)), "-rwxrwxrwt redis redis /a");
    assert_eq!(shown(&status(0o1600)), "-rw------T redis redis /a");
    assert_eq!(
        shown(&folder("/d\u{7}", 0o700)),
        "drwx------ redis redis /d\\a"
    );
}

#[test]
fn redis_conf_passes_with_600_or_640_in_the_hands_of_root_or_the_server() {
    for mode in [0o600, 0o640, 0o400] {
        for owner in [(0, "root"), (109, "redis")] {
            passes(&Config, &with_config(mode, owner));
        }
    }
}

#[test]
fn redis_conf_fails_when_others_read_it_or_a_group_writes_it() {
    let failure = fails(&Config, &with_config(0o644, (0, "root")));
    assert_eq!(
        failure.actual,
        ["-rw-r--r-- root redis /etc/redis/redis.conf: anybody may read it"]
    );
    assert_eq!(
        failure.steps,
        [
            "sudo chown redis:root /etc/redis/redis.conf",
            "sudo chmod 600 /etc/redis/redis.conf",
        ]
    );
    fails(&Config, &with_config(0o660, (0, "root")));
    fails(&Config, &with_config(0o602, (0, "root")));
}

#[test]
fn redis_conf_fails_in_a_strangers_hands() {
    let failure = fails(&Config, &with_config(0o600, (1000, "alice")));
    assert!(
        failure
            .actual
            .concat()
            .contains("owner alice is neither root nor the server's user redis")
    );
}

#[test]
fn an_included_file_counts_as_much_and_an_unreadable_one_is_unknown() {
    let mut facts = with_config(0o600, (0, "root"));
    facts
        .files
        .config
        .push(Fact::Known(file("/etc/redis/more.conf", 0o666)));
    assert_eq!(fails(&Config, &facts).actual.len(), 1);
    facts.files.config.pop();
    facts.files.config.push(Fact::Unavailable(
        "/etc/redis/more.conf: permission denied".to_owned(),
    ));
    assert!(unknown(&Config, &facts).contains("more.conf"));
}

#[test]
fn without_a_configuration_file_there_is_nothing_to_judge() {
    let mut facts = sample::hardened();
    facts.files.config.clear();
    assert!(matches!(Config.evaluate(&facts), Outcome::NotApplicable(_)));
}

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
fn the_acl_file_is_judged_only_where_there_is_one() {
    let mut facts = sample::hardened();
    facts.files.acl = None;
    assert!(matches!(Acl.evaluate(&facts), Outcome::NotApplicable(_)));
    facts.files.acl = Some(Fact::Known(file("/etc/redis/users.acl", 0o600)));
    passes(&Acl, &facts);
    for mode in [0o644, 0o660, 0o602] {
        facts.files.acl = Some(Fact::Known(file("/etc/redis/users.acl", mode)));
        fails(&Acl, &facts);
    }
    facts.files.acl = Some(Fact::Unavailable("not there".to_owned()));
    assert_eq!(unknown(&Acl, &facts), "not there");
}
