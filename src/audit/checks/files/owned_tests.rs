//! Tests of the checks of single files.

use super::*;
use crate::audit::checks::sample::{self, fails, file, folder, passes, unknown};
use crate::audit::facts::{Member, Parent};
use crate::audit::fix::Action;

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
fn a_closed_folder_above_makes_it_low_and_is_told() {
    let closed = |facts: &mut Facts| {
        facts.files.parents.found = vec![Parent {
            status: folder("/etc/redis", 0o700),
            leads_to: None,
            above: b"/etc/redis/redis.conf".to_vec(),
        }];
    };
    let mut facts = with_config(0o644, (0, "root"));
    closed(&mut facts);
    let failure = fails(&Config, &facts);
    assert_eq!(
        failure.actual,
        [
            "-rw-r--r-- root redis /etc/redis/redis.conf: anybody may read it, were it not for the folder drwx------ redis \
             redis /etc/redis"
        ]
    );
    assert_eq!(
        failure.severity.map(|(severity, _)| severity),
        Some(Severity::Low)
    );
    let unseen = Fact::Unavailable("/srv/more.conf: permission denied".to_owned());
    let included = Fact::Known(file("/srv/more.conf", 0o644));
    for more in [unseen, included] {
        facts.files.config.push(more);
        assert_eq!(fails(&Config, &facts).severity, None);
        facts.files.config.pop();
    }
    let mut facts = with_config(0o644, (1000, "alice"));
    closed(&mut facts);
    assert_eq!(fails(&Config, &facts).severity, None);
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
fn of_a_thousand_files_the_first_are_named_and_the_rest_counted() {
    let mut facts = sample::hardened();
    let files = |mode| {
        let file = |index| Fact::Known(file(&format!("/etc/redis/{index}.conf"), mode));
        (0..1000).map(file).collect::<Vec<_>>()
    };
    facts.files.config = files(0o600);
    let lines = passes(&Config, &facts);
    assert_eq!(lines.len(), NAMED + 1);
    assert_eq!(lines.last().map(String::as_str), Some("and 980 more"));
    facts.files.config = files(0o644);
    let failure = fails(&Config, &facts);
    assert_eq!(failure.actual.len(), NAMED + 1);
    assert_eq!(failure.steps.len(), 2 * NAMED + 1);
    assert_eq!(failure.actions.len(), CHANGED);
}

#[test]
fn without_a_configuration_file_there_is_nothing_to_judge() {
    let mut facts = sample::hardened();
    facts.files.config.clear();
    assert!(matches!(Config.evaluate(&facts), Outcome::NotApplicable(_)));
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

fn permissions(path: &str, mode: u32) -> Action {
    Action::Permissions {
        path: path.as_bytes().to_vec(),
        mode,
    }
}

#[test]
fn a_file_that_the_server_may_change_is_closed_by_an_action_and_any_other_by_steps_only() {
    let failure = fails(&Config, &with_config(0o666, (109, "redis")));
    assert_eq!(
        failure.actions,
        [permissions("/etc/redis/redis.conf", 0o640)]
    );
    for owner in [(0, "root"), (1000, "alice")] {
        let failure = fails(&Config, &with_config(0o666, owner));
        assert_eq!((failure.actions.len(), failure.steps.len()), (0, 2));
    }
    // Root may close a stranger's file, but it stays the stranger's.
    let mut facts = with_config(0o666, (1000, "alice"));
    facts.process.uid = 0;
    assert_eq!(fails(&Config, &facts).actions, []);
    let mut facts = with_config(0o666, (109, "redis"));
    if let Some(Fact::Known(status)) = facts.files.config.first_mut() {
        status.resolved = Some(b"/srv/other.conf".to_vec());
    }
    assert_eq!(fails(&Config, &facts).actions, []);
}

#[test]
fn a_private_key_fails_when_others_or_a_shared_group_may_read_it() {
    let with = |mode, gid, uid| {
        let mut facts = sample::hardened();
        let key = FileStatus {
            gid,
            uid,
            ..file("/etc/redis/tls.key", mode)
        };
        facts.files.tls_keys = vec![Fact::Known(key)];
        facts
    };
    let mut none = sample::hardened();
    none.files.tls_keys.clear();
    assert!(matches!(TlsKey.evaluate(&none), Outcome::NotApplicable(_)));
    for (mode, gid) in [(0o600, 50), (0o640, 112), (0o440, 0), (0o400, 0)] {
        passes(&TlsKey, &with(mode, gid, 109));
    }
    let failure = fails(&TlsKey, &with(0o644, 112, 109));
    assert!(failure.actual.concat().ends_with("anybody may read it"));
    assert_eq!(failure.actions, [permissions("/etc/redis/tls.key", 0o640)]);
    let shared = fails(&TlsKey, &with(0o640, 50, 109));
    let line = "group redis may read it, and so may alice, backup";
    assert!(shared.actual.concat().ends_with(line), "{shared:?}");
    assert_eq!(shared.actions, [permissions("/etc/redis/tls.key", 0o600)]);
    fails(&TlsKey, &with(0o600, 112, 1000));
    assert_eq!(
        unknown(&TlsKey, &with(0o640, 77, 0)),
        "-rw-r----- redis redis /etc/redis/tls.key: who is in group 77 was not looked up"
    );
    let mut facts = with(0o640, 112, 0);
    facts.files.groups.insert(
        112,
        Fact::Known(vec![Member {
            name: "ldap".to_owned(),
            uid: None,
        }]),
    );
    fails(&TlsKey, &facts);
}

#[test]
fn the_policy_fails_only_when_others_may_write_it() {
    let with = |mode, uid| {
        let mut facts = sample::hardened();
        facts.files.policy = Some(Fact::Known(FileStatus {
            uid,
            ..file("/etc/redis/secaudit.policy", mode)
        }));
        facts
    };
    for (mode, uid) in [(0o600, 109), (0o644, 0), (0o640, 109)] {
        passes(&Policy, &with(mode, uid));
    }
    let failure = fails(&Policy, &with(0o666, 109));
    assert_eq!(
        failure.actions,
        [permissions("/etc/redis/secaudit.policy", 0o644)]
    );
    assert!(
        failure
            .steps
            .concat()
            .contains("sudo chmod 644 /etc/redis/secaudit.policy")
    );
    fails(&Policy, &with(0o620, 0));
    fails(&Policy, &with(0o600, 1000));
    let mut facts = sample::hardened();
    facts.files.policy = None;
    assert!(matches!(Policy.evaluate(&facts), Outcome::NotApplicable(_)));
    facts.files.policy = Some(Fact::Unavailable("not there".to_owned()));
    assert_eq!(unknown(&Policy, &facts), "not there");
}
