//! What a test changes on a server of the samples: a setting, a user, a command, the policy's words on the audit.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::audit::facts::*;
use crate::policy::day::Day;

/// Changes a setting.
pub fn set(facts: &mut Facts, name: &str, value: &str) {
    let Fact::Known(config) = &mut facts.config else {
        panic!("no settings");
    };
    config.insert(name.to_owned(), value.as_bytes().to_vec());
}

/// What the redis.conf of the hardened server says.
pub fn configured() -> Configured {
    let secret = Secret::new(super::PASSWORD.as_bytes().to_vec());
    Configured {
        modules: vec![b"/usr/lib/redis/modules/libsecaudit.so".to_vec()],
        settings: [
            ("bind", b"127.0.0.1".to_vec()),
            ("maxmemory", b"256mb".to_vec()),
        ]
        .into(),
        secrets: [("requirepass", secret)].into(),
        ..Configured::default()
    }
}

/// A default user as redis.conf makes it.
pub fn kept_users() -> KeptUsers {
    let default = Grants {
        enabled: true,
        login: Some(Login::Passwords([super::sha256(super::PASSWORD)].into())),
        keys: [(b"*".to_vec(), KeyAccess::ALL)].into(),
        channels: Some([b"*".to_vec()].into()),
        all_commands: true,
        commands: Vec::new(),
        databases: None,
        skips_sanitizing: false,
        selectors: Vec::new(),
    };
    let users = BTreeMap::from([(b"default".to_vec(), default)]);
    KeptUsers {
        file: b"/etc/redis/redis.conf".to_vec(),
        kept: users.clone(),
        default_by_requirepass: true,
        running: users,
    }
}

/// A user that runs, to change as the running server may be changed.
pub fn running<'f>(facts: &'f mut Facts, name: &str) -> &'f mut Grants {
    let Fact::Known(users) = &mut facts.kept_users else {
        panic!("no users");
    };
    let model = users.kept.get(&b"default"[..]).unwrap().clone();
    let name = name.as_bytes().to_vec();
    users.running.entry(name).or_insert(model)
}

/// redis.conf, to change.
pub fn conf(facts: &mut Facts) -> &mut Configured {
    facts.configured.as_mut().unwrap()
}

/// The server started with these settings and this password, from the files as they are.
pub fn started(facts: &mut Facts, pairs: &[(&str, &str)], requirepass: Option<&str>) {
    let files = conf(facts).digest;
    let settings = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    let password = requirepass.map(|password| Secret::new(password.as_bytes().to_vec()));
    let passwords = password.iter().map(|password| ("requirepass", password));
    facts.started = Some(Arc::new(Started::new(files, settings.collect(), passwords)));
}

/// A user, to change.
pub fn user<'f>(facts: &'f mut Facts, name: &str) -> &'f mut User {
    let Fact::Known(users) = &mut facts.users else {
        panic!("no users");
    };
    users
        .iter_mut()
        .find(|user| user.name == name.as_bytes())
        .unwrap()
}

/// Adds an enabled user who can run nothing.
pub fn add_user(facts: &mut Facts, name: &str, nopass: bool) {
    let Fact::Known(users) = &mut facts.users else {
        panic!("no users");
    };
    users.push(User {
        name: name.as_bytes().to_vec(),
        enabled: true,
        nopass,
        password_hashes: Vec::new(),
        unlimited: false,
        rights: Vec::new(),
    });
    for command in &mut facts.commands {
        let Fact::Known(access) = &mut command.access else {
            continue;
        };
        access.push(UserAccess {
            user: name.as_bytes().to_vec(),
            acl: false,
            whole: true,
            gate: GateVerdict::Pass,
            through: Through::NoRule,
        });
    }
}

/// Has the policy accept what a check finds, by the statement `r9`.
pub fn suppress(facts: &mut Facts, check: &str, until: Option<&str>) {
    facts.gate.accepted.suppressions.push(Suppression {
        check: check.to_owned(),
        id: "r9".to_owned(),
        note: "known and watched".to_owned(),
        until: until.map(|day| Day::read(day.as_bytes()).unwrap()),
    });
}

/// A command, to change.
pub fn command<'f>(facts: &'f mut Facts, name: &str) -> &'f mut CommandAccess {
    facts
        .commands
        .iter_mut()
        .find(|command| command.name == name)
        .unwrap()
}

/// Lets a user run a command.
pub fn open_command(facts: &mut Facts, name: &str, user: &str) {
    let Fact::Known(access) = &mut command(facts, name).access else {
        panic!("access is not known");
    };
    match access
        .iter_mut()
        .find(|access| access.user == user.as_bytes())
    {
        Some(access) => access.acl = true,
        None => access.push(UserAccess {
            user: user.as_bytes().to_vec(),
            acl: true,
            whole: true,
            gate: GateVerdict::Pass,
            through: Through::NoRule,
        }),
    }
}

/// What the gate says to a command, whoever calls.
pub fn verdict(facts: &mut Facts, name: &str, verdict: GateVerdict) {
    let Fact::Known(access) = &mut command(facts, name).access else {
        panic!("access is not known");
    };
    for access in access {
        access.gate = verdict.clone();
    }
}

/// Why the gate lets a command through, whoever calls.
pub fn through(facts: &mut Facts, name: &str, through: Through) {
    let Fact::Known(access) = &mut command(facts, name).access else {
        panic!("access is not known");
    };
    for access in access {
        access.through = through;
    }
}
