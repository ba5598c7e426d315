//! Tests of the check of what lies above the server's files.

use super::*;
use crate::audit::checks::sample::{self, fails, file, folder, passes, unknown};
use crate::audit::facts::{FileStatus, Parent};

fn parent(status: FileStatus) -> Parent {
    Parent {
        status,
        leads_to: None,
        above: b"/srv/redis/redis.conf".to_vec(),
    }
}

fn with(parents: Vec<Parent>) -> Facts {
    let mut facts = sample::hardened();
    facts.files.parents = facts::Parents {
        found: parents,
        unread: Vec::new(),
    };
    facts
}

fn of(uid: u32, gid: u32, mode: u32) -> Facts {
    with(vec![parent(FileStatus {
        uid,
        gid,
        owner: "o".to_owned(),
        group: "g".to_owned(),
        ..folder("/srv", mode)
    })])
}

#[test]
fn folders_of_root_and_the_server_that_nobody_else_may_write_pass() {
    for facts in [
        of(0, 0, 0o755),
        of(109, 112, 0o775),
        of(0, 0, 0o775),
        of(0, 50, 0o1777),
    ] {
        let lines = passes(&Parents, &facts);
        assert!(lines.concat().starts_with("1 folders, all of root"));
    }
}

#[test]
fn a_folder_that_anybody_may_write_fails_unless_it_is_sticky() {
    let failure = fails(&Parents, &of(0, 0, 0o777));
    assert_eq!(
        failure.actual,
        ["drwxrwxrwx o g /srv: anybody may write it (above /srv/redis/redis.conf)"]
    );
    assert_eq!(failure.steps, ["sudo chmod o-w /srv"]);
    assert_eq!(failure.severity, None);
}

#[test]
fn a_strangers_folder_fails_be_it_closed_and_sticky() {
    for mode in [0o755, 0o1777] {
        let failure = fails(&Parents, &of(1000, 50, mode));
        assert!(failure.actual.concat().contains("owner o is neither root"));
        assert_eq!(failure.steps, ["sudo chown root:root /srv"]);
    }
}

#[test]
fn a_group_that_may_write_counts_by_its_members() {
    let people = fails(&Parents, &of(0, 50, 0o775));
    assert!(
        people
            .actual
            .concat()
            .contains("group g (alice, backup) may write it")
    );
    assert_eq!(people.severity, None);
    assert_eq!(people.steps, ["sudo chmod g-w /srv"]);
    // As Ubuntu has /var/log: root syslog 775.
    let system = fails(&Parents, &of(0, 4, 0o775));
    assert!(matches!(system.severity, Some((Severity::Low, _))));
    let both = fails(&Parents, &of(0, 4, 0o777));
    assert_eq!(
        (both.severity, both.steps),
        (None, vec!["sudo chmod go-w /srv".to_owned()])
    );
    assert!(unknown(&Parents, &of(0, 77, 0o775)).contains("group 77"));
}

#[test]
fn a_link_fails_by_its_owner_and_is_shown_with_what_it_says() {
    let link = |uid| {
        with(vec![Parent {
            leads_to: Some(b"/mnt/a\n".to_vec()),
            ..parent(FileStatus {
                kind: 'l',
                uid,
                ..file("/srv/redis", 0o777)
            })
        }])
    };
    let shown = "lrwxrwxrwx redis redis /srv/redis -> /mnt/a\\n";
    assert_eq!(
        passes(&Parents, &link(109)).last().map(String::as_str),
        Some(shown)
    );
    passes(&Parents, &link(0));
    let failure = fails(&Parents, &link(1000));
    assert!(failure.actual.concat().starts_with(shown));
    assert!(
        failure
            .steps
            .concat()
            .contains("sudo chown -h root:root /srv/redis")
    );
}

#[test]
fn what_could_not_be_looked_at_is_unknown_beside_what_is_known_to_be_wrong() {
    let mut facts = of(0, 0, 0o755);
    facts
        .files
        .parents
        .unread
        .push("/x: too many links".to_owned());
    assert_eq!(unknown(&Parents, &facts), "/x: too many links");
    facts
        .files
        .parents
        .found
        .extend(of(0, 0, 0o777).files.parents.found);
    assert!(
        fails(&Parents, &facts)
            .actual
            .concat()
            .contains("unknown: /x: too many links")
    );
}
