//! Tests of the check of where the server writes.

use super::*;
use crate::audit::checks::sample::{self, fails, folder, passes, unknown};
use crate::audit::facts::{Fact, FileStatus};

fn target(setting: &'static str, written: &str, resolved: &str) -> Fact<Target> {
    Fact::Known(Target {
        setting,
        written: written.as_bytes().to_vec(),
        resolved: Fact::Known(resolved.as_bytes().to_vec()),
        by_file: false,
    })
}

fn with(targets: &[(&'static str, &str)]) -> Facts {
    let mut facts = sample::hardened();
    facts.files.targets = targets
        .iter()
        .map(|(setting, path)| target(setting, path, path))
        .collect();
    facts
}

fn severity(facts: &Facts) -> Option<Severity> {
    fails(&Staging, facts)
        .severity
        .map(|(severity, _)| severity)
}

#[test]
fn ordinary_places_pass_and_are_shown() {
    let facts = with(&[
        ("dir", "/var/lib/redis"),
        ("dbfilename", "/var/lib/redis/dump.rdb"),
        ("appenddirname", "/var/lib/redis/appendonlydir"),
        ("aclfile", "/etc/redis/users.acl"),
        ("logfile", "/var/log/redis/redis.log"),
    ]);
    assert_eq!(passes(&Staging, &facts).len(), 5);
}

#[test]
fn each_target_is_critical_by_each_setting() {
    for (setting, path) in [
        ("dir", "/root/.ssh"),
        ("dir", "/etc"),
        ("dir", "/var/spool/cron"),
        ("dir", "/var/www/html"),
        ("dbfilename", "/root/.bashrc"),
        ("dbfilename", "/srv/x/shell.php"),
        ("appenddirname", "/etc/systemd"),
        ("aclfile", "/etc/passwd"),
        ("aclfile", "/etc/ssh/sshd_config"),
        ("logfile", "/etc/cron.d/redis"),
        ("secaudit.log-file", "/home/a/.ssh/authorized_keys"),
    ] {
        assert_eq!(
            severity(&with(&[(setting, path)])),
            None,
            "{setting} {path}"
        );
    }
    let failure = fails(&Staging, &with(&[("dir", "/root/.ssh")]));
    assert_eq!(
        failure.actual,
        ["dir /root/.ssh: it is in a folder of SSH keys"]
    );
    assert!(
        failure
            .steps
            .concat()
            .contains("SECGATE DENY 'config|set' param=dir,dbfilename")
    );
}

#[test]
fn a_link_that_leads_there_and_a_link_there_that_leads_elsewhere_both_fail() {
    let mut facts = sample::hardened();
    facts.files.targets = vec![target("dir", "/srv/data", "/etc/cron.d")];
    assert_eq!(
        fails(&Staging, &facts).actual,
        ["dir /srv/data -> /etc/cron.d: it is in a folder of cron jobs"]
    );
    facts.files.targets = vec![target("logfile", "/root/.ssh/x", "/srv/x")];
    fails(&Staging, &facts);
    facts.files.targets = vec![target("dir", "/srv/../etc", "/etc")];
    fails(&Staging, &facts);
}

#[test]
fn what_lies_in_a_bad_data_directory_is_told_once_and_a_bad_name_in_it_too() {
    let facts = with(&[
        ("dir", "/root/.ssh"),
        ("dbfilename", "/root/.ssh/dump.rdb"),
        ("appenddirname", "/root/.ssh/appendonlydir"),
    ]);
    assert_eq!(fails(&Staging, &facts).actual.len(), 1);
    let facts = with(&[("dir", "/var/www/x"), ("dbfilename", "/var/www/x/a.php")]);
    assert_eq!(fails(&Staging, &facts).actual.len(), 2);
}

#[test]
fn the_servers_own_folder_in_etc_and_a_module_among_the_data_are_high() {
    assert_eq!(
        severity(&with(&[("dir", "/etc/redis")])),
        Some(Severity::High)
    );
    assert_eq!(
        severity(&with(&[("dir", "/etc/redis"), ("logfile", "/etc/x")])),
        None
    );
    let mut facts = with(&[("dir", "/usr/local/redis")]);
    passes(&Staging, &facts);
    if let Fact::Known(code) = &mut facts.files.code
        && let Some(code) = code.first_mut()
    {
        code.folder = Fact::Known(folder("/usr/local/redis", 0o755));
    }
    assert_eq!(severity(&facts), Some(Severity::High));
    facts.files.astray = astray();
    assert_eq!(severity(&facts), None);
}

#[test]
fn what_cannot_be_followed_is_unknown_unless_its_words_are_enough() {
    let hidden = |written: &str| {
        let mut facts = sample::hardened();
        facts.files.targets = vec![Fact::Known(Target {
            setting: "dir",
            written: written.as_bytes().to_vec(),
            resolved: Fact::Unavailable("/a: this process may not read it".to_owned()),
            by_file: false,
        })];
        facts
    };
    assert_eq!(
        unknown(&Staging, &hidden("/a/b")),
        "dir: /a: this process may not read it"
    );
    fails(&Staging, &hidden("/a/.ssh"));
    let mut facts = with(&[("dir", "/etc")]);
    facts
        .files
        .targets
        .push(Fact::Unavailable("logfile: why".to_owned()));
    assert!(
        fails(&Staging, &facts)
            .actual
            .concat()
            .contains("unknown: logfile: why")
    );
}

#[test]
fn a_name_by_the_file_is_enough_but_in_a_home() {
    let by_file = |path: &str| {
        let mut facts = with(&[("dbfilename", path)]);
        if let Some(Fact::Known(target)) = facts.files.targets.first_mut() {
            target.by_file = true;
        }
        facts
    };
    let lines = passes(&Staging, &by_file("/var/lib/redis/dump.rdb"));
    assert_eq!(lines, ["dbfilename dump.rdb (by redis.conf)"]);
    assert!(unknown(&Staging, &by_file("/root/dump.rdb")).contains("/root is a home"));
    assert!(unknown(&Staging, &by_file("/dump.rdb")).contains("is a home"));
}

fn astray() -> Option<Astray> {
    Some(Astray {
        dir: b"/var/lib/redis".to_vec(),
        dbfilename: b"dump.rdb".to_vec(),
        folder: Fact::Known(folder("/var/lib/redis", 0o700)),
        vacant: true,
    })
}

/// A server that was led to `.ssh`, and that lets itself be led back.
fn led_astray() -> Facts {
    let mut facts = with(&[("dir", "/root/.ssh"), ("dbfilename", "/root/.ssh/x")]);
    for (name, value) in [
        ("enable-protected-configs", "yes"),
        ("appendonly", "no"),
        ("dir", "/root/.ssh"),
        ("dbfilename", "x"),
    ] {
        sample::set(&mut facts, name, value);
    }
    facts.files.astray = astray();
    facts
}

#[test]
fn it_goes_back_to_where_redis_conf_has_the_data() {
    let mut facts = led_astray();
    let set = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
    let both = vec![
        set("dir", b"/var/lib/redis"),
        set("dbfilename", b"dump.rdb"),
    ];
    assert_eq!(fails(&Staging, &facts).actions, [Action::Set(both)]);
    sample::set(&mut facts, "dbfilename", "dump.rdb");
    let one = vec![set("dir", b"/var/lib/redis")];
    assert_eq!(fails(&Staging, &facts).actions, [Action::Set(one)]);
}

#[test]
fn it_goes_nowhere_that_holds_data_is_not_its_own_or_is_no_better() {
    let change = |change: &dyn Fn(&mut Facts)| {
        let mut facts = led_astray();
        change(&mut facts);
        assert_eq!(fails(&Staging, &facts).actions, []);
        assert!(
            fails(&Staging, &facts)
                .steps
                .concat()
                .contains("CONFIG SET dir")
        );
    };
    let folder_is = |facts: &mut Facts, status: FileStatus| {
        if let Some(astray) = &mut facts.files.astray {
            astray.folder = Fact::Known(status);
        }
    };
    change(&|facts| facts.files.astray = None);
    change(&|facts| {
        if let Some(astray) = &mut facts.files.astray {
            astray.vacant = false;
        }
    });
    change(&|facts| {
        let roots = FileStatus {
            uid: 0,
            ..folder("/var/lib/redis", 0o700)
        };
        folder_is(facts, roots);
    });
    change(&|facts| folder_is(facts, folder("/home/alice", 0o700)));
    change(&|facts| sample::set(facts, "enable-protected-configs", "no"));
    change(&|facts| sample::set(facts, "enable-protected-configs", "local"));
    change(&|facts| sample::set(facts, "appendonly", "yes"));
    change(&|facts| {
        facts
            .files
            .targets
            .push(target("logfile", "/etc/x", "/etc/x"))
    });
}
