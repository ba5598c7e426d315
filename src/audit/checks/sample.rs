//! Servers to test with: one hardened, one wide open, one of which nothing could be read.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "only tests use it, and a test may panic"
)]

use std::collections::{BTreeMap, BTreeSet};

mod changes;
mod network;

pub use changes::*;
pub use network::*;

use crate::audit::check::{Check, Failure, Outcome};
use crate::audit::command_names;
use crate::audit::facts::*;

mod logins;

/// The password of the hardened server.
pub const PASSWORD: &str = "V1XbkU9vOzrB7wQq4n2T8mC5sYdE6hGj0LpRaKfZ";

/// When all of them were looked at.
pub const TIME: &str = "2026-11-24T16:47:50.223Z";
/// The same in seconds since 1970.
pub const NOW: i64 = 1_795_538_870;

/// A server with nothing to complain of.
pub fn hardened() -> Facts {
    let config = [
        ("bind", "127.0.0.1"),
        ("port", "6379"),
        ("tls-port", "0"),
        ("tls-replication", "no"),
        ("tls-cluster", "no"),
        ("tls-auth-clients", "yes"),
        ("tls-protocols", ""),
        ("tls-ciphers", ""),
        ("tls-ciphersuites", ""),
        ("tls-cert-file", ""),
        ("tls-client-cert-file", ""),
        ("tls-ca-cert-file", ""),
        ("tls-ca-cert-dir", ""),
        ("unixsocket", ""),
        ("protected-mode", "yes"),
        ("cluster-enabled", "no"),
        ("maxmemory", "268435456"),
        ("maxmemory-clients", "0"),
        ("maxclients", "1000"),
        ("timeout", "3600"),
        ("tcp-keepalive", "300"),
        (
            "client-output-buffer-limit",
            "normal 67108864 16777216 60 slave 268435456 67108864 60",
        ),
        ("loglevel", "notice"),
        ("logfile", "/var/log/redis/redis.log"),
        ("syslog-enabled", "no"),
        ("acllog-max-len", "128"),
        ("enable-debug-command", "no"),
        ("enable-module-command", "no"),
        ("enable-protected-configs", "no"),
        ("aclfile", ""),
        ("masteruser", ""),
    ];
    let config = config.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let command = |name| CommandAccess {
        name,
        standing: Fact::Known(Standing::Own),
        access: Fact::Known(vec![UserAccess {
            user: b"default".to_vec(),
            acl: false,
            whole: true,
            gate: GateVerdict::Pass,
            through: Through::NoRule,
        }]),
    };
    Facts {
        time: humantime::parse_rfc3339(TIME).unwrap(),
        tls_built: Fact::Known(true),
        certificates: Fact::Known(Certificates {
            files: Vec::new(),
            started: None,
            loaded_until: None,
        }),
        authorities: Vec::new(),
        follows: Fact::Known(None),
        links: Links {
            master: None,
            replicas: Fact::Known(Vec::new()),
            nodes: None,
        },
        server: Server {
            host: "db-1".to_owned(),
            name: "redis".to_owned(),
            version: "8.2.9".to_owned(),
            mode: "standalone".to_owned(),
            role: "master".to_owned(),
            port: 6379,
            executable: "/usr/bin/redis-server".to_owned(),
            config_file: Some(b"/etc/redis/redis.conf".to_vec()),
        },
        config: Fact::Known(BTreeMap::from(config)),
        requirepass: password(PASSWORD),
        masterauth: Fact::Known(None),
        sockets: Fact::Known(vec![tcp("127.0.0.1:6379")]),
        socket_parents: Vec::new(),
        packet_filter: Fact::Unavailable("needs CAP_NET_ADMIN".to_owned()),
        users: Fact::Known(vec![User {
            name: b"default".to_vec(),
            enabled: true,
            nopass: false,
            password_hashes: vec![sha256(PASSWORD)],
            unlimited: false,
            rights: Vec::new(),
        }]),
        administrators: BTreeSet::new(),
        writers: Fact::Known(Vec::new()),
        package: Fact::Known(None),
        lua: Fact::Known(Lua::Confined),
        configured: Some(configured()),
        started: None,
        kept_users: Fact::Known(kept_users()),
        commands: command_names::all()
            .chain([command_names::SETUSER])
            .map(command)
            .collect(),
        logins: logins::hardened(),
        files: files(),
        process: Process {
            pid: 4242,
            uid: 109,
            gid: 112,
            user: "redis".to_owned(),
            group: "redis".to_owned(),
            group_sharers: Fact::Known(Vec::new()),
            groups: Fact::Known(Vec::new()),
        },
        machine: machine(),
        clients: Fact::Known(Clients {
            connected: 3,
            idle: Fact::Known(0),
            connections: Fact::Known(Vec::new()),
        }),
        sentinels: Fact::Known(Vec::new()),
        gate: Gate {
            mode: "enforce",
            statements: 1,
            ids: vec!["r1".to_owned()],
            policy_file: Some(b"/etc/redis/secaudit.policy".to_vec()),
            log_file: None,
            names: Vec::new(),
            on_trial: Vec::new(),
            sealed: false,
            capabilities: vec![("caller-identity", false)],
            accepted: Accepted::default(),
        },
    }
}

/// A server on which every check fails.
pub fn wide_open() -> Facts {
    let mut facts = hardened();
    facts.server.version = "7.0.15".to_owned();
    facts.lua = Fact::Known(Lua::Open("table".to_owned()));
    set(&mut facts, "bind", "* -::*");
    set(&mut facts, "protected-mode", "no");
    facts.masterauth = password("letmein");
    facts.requirepass = Fact::Known(None);
    facts.sockets = Fact::Known(vec![
        tcp("0.0.0.0:6379"),
        tcp("[::]:6379"),
        tcp("0.0.0.0:6380"),
        tcp("0.0.0.0:16379"),
        tcp("0.0.0.0:4444"),
        unix("/run/redis/redis.sock", 0o777, 112),
    ]);
    facts.packet_filter = Fact::Known(PacketFilter::None);
    user(&mut facts, "default").nopass = true;
    user(&mut facts, "default").password_hashes.clear();
    add_user(&mut facts, "guest", true);
    let names: Vec<&str> = facts.commands.iter().map(|command| command.name).collect();
    for name in names {
        open_command(&mut facts, name, "default");
        open_command(&mut facts, name, "guest");
    }
    facts.writers = Fact::Known(vec![b"default".to_vec(), b"guest".to_vec()]);
    logins::open_wide(&mut facts);
    facts.files.config = vec![Fact::Known(file("/etc/redis/redis.conf", 0o644))];
    facts.files.data_dir = Fact::Known(folder("/var/lib/redis", 0o755));
    facts.files.acl = Some(Fact::Known(file("/etc/redis/users.acl", 0o644)));
    open_files(&mut facts.files);
    for (name, value) in [
        ("tls-port", "6380"),
        ("tls-auth-clients", "no"),
        ("tls-protocols", "TLSv1 TLSv1.2"),
        ("tls-ca-cert-file", "/etc/redis/tls/ca.crt"),
        ("cluster-enabled", "yes"),
        ("unixsocket", "/run/redis/redis.sock"),
        ("maxmemory", "0"),
        ("tcp-keepalive", "0"),
        ("client-output-buffer-limit", "normal 0 0 0"),
        ("loglevel", "nothing"),
        ("acllog-max-len", "0"),
        ("enable-debug-command", "yes"),
        ("enable-module-command", "yes"),
        ("enable-protected-configs", "yes"),
    ] {
        set(&mut facts, name, value);
    }
    facts.follows = Fact::Known(Some(followed("203.0.113.66")));
    facts.configured = Some(Configured {
        renames: vec![RenameLine {
            command: b"object".to_vec(),
            new: Some(Secret::new(b"object_2".to_vec())),
            file: b"/etc/redis/redis.conf".to_vec(),
        }],
        modules: Vec::new(),
        ..configured()
    });
    facts.gate.mode = "observe";
    facts.machine.core = Fact::Known(CoreDumps {
        limit: None,
        undumpable: false,
        pattern: Some(b"core".to_vec()),
    });
    facts.machine.privileges = Fact::Known(Privileges {
        effective: u64::MAX,
        permitted: u64::MAX,
        no_new_privs: false,
        seccomp: false,
    });
    facts.process.uid = 0;
    facts.process.user = "root".to_owned();
    let expired = Certificate {
        not_after: NOW - 1,
        ..certificate()
    };
    facts.certificates = Fact::Known(Certificates {
        files: vec![certificate_file(
            "tls-cert-file",
            Fact::Known(vec![Fact::Known(expired)]),
        )],
        started: None,
        loaded_until: None,
    });
    facts.links.replicas = Fact::Known(vec![link("10.0.0.8:4711", Some(6379), true)]);
    clients(&mut facts).connections = Fact::Known(vec![connections("203.0.113.9", "10.0.0.5", 1)]);
    facts
}

/// A server of which nothing could be read.
pub fn nothing_read() -> Facts {
    fn none<T>() -> Fact<T> {
        Fact::Unavailable("not readable".to_owned())
    }
    let mut facts = hardened();
    facts.config = none();
    facts.requirepass = none();
    facts.masterauth = none();
    facts.sockets = none();
    facts.packet_filter = none();
    facts.users = none();
    facts.writers = none();
    facts.server.version = "7.0.15".to_owned();
    facts.package = none();
    facts.lua = none();
    facts.configured = Some(Configured {
        gap: Some("/etc/redis/redis.conf: not readable".to_owned()),
        ..Configured::default()
    });
    facts.kept_users = none();
    facts.logins = logins::nothing_read();
    facts.clients = none();
    facts.sentinels = none();
    facts.tls_built = none();
    facts.certificates = none();
    facts.follows = none();
    facts.links = Links {
        master: Some(none()),
        replicas: none(),
        nodes: Some(none()),
    };
    facts.machine = Machine {
        memory: none(),
        open_files: none(),
        core: none(),
        privileges: none(),
        stdout: none(),
        umask: none(),
    };
    for command in &mut facts.commands {
        command.standing = none();
        command.access = none();
    }
    facts.files = Files {
        config: vec![none()],
        data_dir: none(),
        data: none(),
        acl: Some(none()),
        logs: vec![none()],
        tls_keys: vec![none()],
        policy: Some(none()),
        code: none(),
        parents: Parents {
            found: Vec::new(),
            unread: vec!["not readable".to_owned()],
        },
        targets: vec![none()],
        astray: None,
        groups: BTreeMap::new(),
    };
    facts
}

/// Files in the hands of root and the server's user, and closed to others.
fn files() -> Files {
    let known = |name: &str, uid| Member {
        name: name.to_owned(),
        uid,
    };
    let groups = [
        (0, vec![known("root", Some(0))]),
        (4, vec![known("syslog", Some(104))]),
        (
            50,
            vec![known("alice", Some(1000)), known("backup", Some(34))],
        ),
        (112, vec![known("redis", Some(109))]),
    ];
    let root = |status: FileStatus| FileStatus {
        uid: 0,
        gid: 0,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        ..status
    };
    let target = |setting, path: &str| {
        Fact::Known(Target {
            setting,
            written: path.as_bytes().to_vec(),
            resolved: Fact::Known(path.as_bytes().to_vec()),
            by_file: false,
        })
    };
    Files {
        config: vec![Fact::Known(file("/etc/redis/redis.conf", 0o640))],
        data_dir: Fact::Known(folder("/var/lib/redis", 0o700)),
        data: Fact::Known(DataFiles {
            files: vec![Fact::Known(file("/var/lib/redis/dump.rdb", 0o600))],
            ..DataFiles::default()
        }),
        acl: None,
        logs: vec![Fact::Known(LogFile {
            setting: "logfile",
            file: Some(file("/var/log/redis/redis.log", 0o640)),
            folder: folder("/var/log/redis", 0o750),
        })],
        tls_keys: Vec::new(),
        policy: Some(Fact::Known(file("/etc/redis/secaudit.policy", 0o600))),
        code: Fact::Known(vec![Code {
            module: Some(b"secaudit".to_vec()),
            path: b"/usr/lib/redis/modules/libsecaudit.so".to_vec(),
            file: Fact::Known(root(file("/usr/lib/redis/modules/libsecaudit.so", 0o755))),
            folder: Fact::Known(root(folder("/usr/lib/redis/modules", 0o755))),
        }]),
        parents: Parents {
            found: vec![Parent {
                status: root(folder("/etc", 0o755)),
                leads_to: None,
                above: b"/etc/redis/redis.conf".to_vec(),
            }],
            unread: Vec::new(),
        },
        targets: vec![
            target("dir", "/var/lib/redis"),
            target("logfile", "/var/log/redis/redis.log"),
        ],
        astray: None,
        groups: BTreeMap::from(groups.map(|(gid, members)| (gid, Fact::Known(members)))),
    }
}

/// Lets everybody at every file, and the server write where it should not.
fn open_files(files: &mut Files) {
    let everybodys = |path: &str| Fact::Known(file(path, 0o666));
    files.data = Fact::Known(DataFiles {
        files: vec![everybodys("/var/lib/redis/dump.rdb")],
        ..DataFiles::default()
    });
    files.logs = vec![Fact::Known(LogFile {
        setting: "logfile",
        file: Some(file("/var/log/redis/redis.log", 0o666)),
        folder: folder("/var/log/redis", 0o755),
    })];
    files.tls_keys = vec![everybodys("/etc/redis/tls.key")];
    files.policy = Some(everybodys("/etc/redis/secaudit.policy"));
    files.code = Fact::Known(vec![Code {
        module: Some(b"secaudit".to_vec()),
        path: b"/srv/libsecaudit.so".to_vec(),
        file: everybodys("/srv/libsecaudit.so"),
        folder: Fact::Known(folder("/srv", 0o777)),
    }]);
    files.parents.found = vec![Parent {
        status: folder("/srv", 0o777),
        leads_to: None,
        above: b"/srv/libsecaudit.so".to_vec(),
    }];
    files.targets = vec![Fact::Known(Target {
        setting: "dir",
        written: b"/root/.ssh".to_vec(),
        resolved: Fact::Known(b"/root/.ssh".to_vec()),
        by_file: false,
    })];
}

fn machine() -> Machine {
    Machine {
        memory: Fact::Known(Memory {
            physical: 8 << 30,
            group: None,
        }),
        open_files: Fact::Known(Some(10_032)),
        core: Fact::Known(CoreDumps {
            limit: Some(0),
            undumpable: false,
            pattern: Some(b"core".to_vec()),
        }),
        privileges: Fact::Known(Privileges {
            effective: 0,
            permitted: 0,
            no_new_privs: true,
            seccomp: true,
        }),
        stdout: Fact::Known(b"/dev/null".to_vec()),
        umask: Fact::Known(0o022),
    }
}

/// A file of the server's user.
pub fn file(path: &str, mode: u32) -> FileStatus {
    FileStatus {
        path: path.as_bytes().to_vec(),
        resolved: None,
        kind: '-',
        mode,
        names: 1,
        uid: 109,
        gid: 112,
        owner: "redis".to_owned(),
        group: "redis".to_owned(),
    }
}

/// A folder of the server's user.
pub fn folder(path: &str, mode: u32) -> FileStatus {
    FileStatus {
        kind: 'd',
        ..file(path, mode)
    }
}

/// A readable password.
pub fn password(text: &str) -> Fact<Option<Secret>> {
    Fact::Known(Some(Secret::new(text.as_bytes().to_vec())))
}

/// A password as the ACL keeps it.
pub fn sha256(text: &str) -> String {
    acl_digest(text.as_bytes())
}

/// The failure of a check that fails.
pub fn fails(check: &dyn Check, facts: &Facts) -> Failure {
    match check.evaluate(facts) {
        Outcome::Fail(failure) => failure,
        other => panic!("{} did not fail: {other:?}", check.meta().id),
    }
}

/// The evidence of a check that passes.
pub fn passes(check: &dyn Check, facts: &Facts) -> Vec<String> {
    match check.evaluate(facts) {
        Outcome::Pass(actual) => actual,
        other => panic!("{} did not pass: {other:?}", check.meta().id),
    }
}

/// The reason of a check that cannot tell.
pub fn unknown(check: &dyn Check, facts: &Facts) -> String {
    match check.evaluate(facts) {
        Outcome::Unknown { reason, .. } => reason,
        other => panic!("{} is known: {other:?}", check.meta().id),
    }
}
