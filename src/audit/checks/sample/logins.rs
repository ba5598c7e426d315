//! How users get in on the sample servers.

use std::sync::{Arc, LazyLock};

use super::{add_user, open_command, sha256, user};
use crate::audit::facts::*;
use crate::audit::passwords::{Index, Lists, Source, operators};

/// A few words in place of the thousands.
static FEW_WORDS: LazyLock<Lists> = LazyLock::new(|| Lists {
    built_in: Arc::new(Index::new([
        ("foobared", Source::Example(0)),
        ("dragon", Source::MostUsed(1)),
    ])),
    operators: Ok(Some(Arc::new(operators(b"zebra-7\n")))),
});

/// Nothing to complain of.
pub fn hardened() -> Logins {
    Logins {
        known_passwords: Fact::Known(FEW_WORDS.clone()),
        in_clear: Fact::Known(Secrets {
            files: 1,
            ..Secrets::default()
        }),
        users_in_config: Fact::Known(Vec::new()),
        replication: Fact::Known(Replication::default()),
        denials: Fact::Known(vec![Denials {
            name: "acl_access_denied_auth".to_owned(),
            count: 0,
        }]),
    }
}

/// Everything is wrong: two users have one known password, which stands in redis.conf, and replication is default's.
pub fn open_wide(facts: &mut Facts) {
    user(facts, "default").unlimited = true;
    let commands: Vec<&str> = facts.commands.iter().map(|command| command.name).collect();
    for name in ["app", "web"] {
        add_user(facts, name, false);
        for command in &commands {
            open_command(facts, command, name);
        }
        let user = user(facts, name);
        user.password_hashes = vec![sha256("foobared")];
    }
    facts.logins.in_clear = Fact::Known(Secrets {
        files: 1,
        found: vec![InClear {
            path: b"/etc/redis/redis.conf".to_vec(),
            line: 12,
            owner: Owner::User(b"app".to_vec()),
        }],
        unread: Vec::new(),
    });
    facts.logins.users_in_config = Fact::Known(vec![b"app".to_vec(), b"web".to_vec()]);
    facts.logins.replication = Fact::Known(Replication {
        master: Some("10.0.0.1:6379".to_owned()),
        replicas: Vec::new(),
    });
    facts.logins.denials = Fact::Known(vec![Denials {
        name: "acl_access_denied_auth".to_owned(),
        count: 7,
    }]);
}

/// Nothing could be read.
pub fn nothing_read() -> Logins {
    fn none<T>() -> Fact<T> {
        Fact::Unavailable("not readable".to_owned())
    }
    Logins {
        known_passwords: none(),
        in_clear: none(),
        users_in_config: none(),
        replication: none(),
        denials: none(),
    }
}
