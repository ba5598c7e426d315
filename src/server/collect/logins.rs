//! How users, replicas and strangers get in, as far as the server and its files tell.

use super::ask::{Ask, Reply};
use super::config_file::ConfigFile;
use super::in_clear;
use super::settings::Settings;
use super::wire_name::call;
use crate::audit::facts::{Denials, Fact, Logins, Replica, Replication, User};

/// Asks for all of it.
pub fn read(
    ask: &dyn Ask,
    file: &ConfigFile,
    settings: &Settings,
    users: &Fact<Vec<User>>,
) -> Logins {
    let has_password = |user: &User| user.enabled && !user.password_hashes.is_empty();
    let known_passwords = match users {
        Fact::Known(users) if users.iter().any(has_password) => ask.known_passwords(),
        Fact::Known(_) => Fact::Unavailable("not asked, for no user has a password".to_owned()),
        Fact::Unavailable(reason) => Fact::Unavailable(reason.clone()),
    };
    Logins {
        known_passwords,
        in_clear: in_clear::read(file, settings),
        users_in_config: users_in_config(file),
        replication: replication(ask, file),
        denials: denials(ask, file),
    }
}

fn users_in_config(file: &ConfigFile) -> Fact<Vec<Vec<u8>>> {
    let named = file.users.iter().filter(|name| *name != b"default");
    let named: Vec<Vec<u8>> = named.cloned().collect();
    match file.gaps() {
        gaps if named.is_empty() && !gaps.is_empty() => {
            Fact::Unavailable(format!("the files may name users that are not seen{gaps}"))
        }
        _ => Fact::Known(named),
    }
}

fn replication(ask: &dyn Ask, file: &ConfigFile) -> Fact<Replication> {
    let told = |field: &str| ask.info("replication", field);
    let (Some(role), Some(replicas)) = (told("role"), told("connected_slaves")) else {
        return Fact::Unavailable("INFO does not tell of replication".to_owned());
    };
    let master = match role.as_str() {
        "slave" | "replica" => {
            let host = told("master_host").unwrap_or_default();
            let port = told("master_port").unwrap_or_default();
            Some(format!("{host}:{port}"))
        }
        _ => None,
    };
    let replicas = match replicas.as_str() {
        "0" => Vec::new(),
        _ => match call(ask, file, &[b"client", b"list", b"type", b"replica"]) {
            Ok(Reply::Text(list)) => list
                .split(|byte| *byte == b'\n')
                .filter_map(replica)
                .collect(),
            Ok(_) => {
                return Fact::Unavailable(
                    "CLIENT LIST answered in a form that is not known".to_owned(),
                );
            }
            Err(reason) => return Fact::Unavailable(reason),
        },
    };
    Fact::Known(Replication { master, replicas })
}

/// A line of CLIENT LIST: `id=3 addr=10.0.0.2:41234 … user=default …`.
fn replica(line: &[u8]) -> Option<Replica> {
    let field = |name: &[u8]| {
        let mut fields = line.split(|byte| *byte == b' ');
        fields.find_map(|field| field.strip_prefix(name))
    };
    Some(Replica {
        address: String::from_utf8_lossy(field(b"addr=")?).into_owned(),
        user: field(b"user=")?.to_vec(),
    })
}

/// What INFO counts from Redis 7.2 on; before that, what ACL LOG still holds.
fn denials(ask: &dyn Ask, file: &ConfigFile) -> Fact<Vec<Denials>> {
    let kinds = ["auth", "cmd", "key", "channel"];
    let counted = kinds.iter().filter_map(|kind| {
        let name = format!("acl_access_denied_{kind}");
        let count = ask.info("stats", &name)?.parse().ok()?;
        Some(Denials { name, count })
    });
    let counted: Vec<Denials> = counted.collect();
    if !counted.is_empty() {
        return Fact::Known(counted);
    }
    let name = "ACL LOG entries".to_owned();
    match call(ask, file, &[b"acl", b"log", b"100"]) {
        Ok(Reply::Array(entries)) => Fact::Known(vec![Denials {
            name,
            count: u64::try_from(entries.len()).unwrap_or(u64::MAX),
        }]),
        Ok(_) => Fact::Unavailable("ACL LOG answered in a form that is not known".to_owned()),
        Err(reason) => Fact::Unavailable(reason),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::twin::Twin;
    use super::super::{settings, users};
    use super::*;

    fn logins(twin: &Twin) -> Logins {
        let file = ConfigFile::default();
        let settings = settings::read(twin, &file);
        let users = users::read(twin, &file, &settings);
        read(twin, &file, &settings, &users)
    }

    #[test]
    fn a_replica_names_its_master_and_a_master_its_replicas() {
        let list = "id=3 addr=10.0.0.2:41234 laddr=10.0.0.1:6379 user=repl resp=2\nrubbish\n";
        let twin = Twin::redis_7()
            .tells("replication", "role", "slave")
            .tells("replication", "master_host", "10.0.0.9")
            .tells("replication", "master_port", "6380")
            .tells("replication", "connected_slaves", "1")
            .command("client")
            .answers(
                &["client", "list", "type", "replica"],
                Reply::Text(list.as_bytes().to_vec()),
            );
        let replication = logins(&twin).replication;
        let replication = replication.known().unwrap();
        assert_eq!(replication.master.as_deref(), Some("10.0.0.9:6380"));
        let replica = Replica {
            address: "10.0.0.2:41234".to_owned(),
            user: b"repl".to_vec(),
        };
        assert_eq!(replication.replicas, [replica]);
    }

    #[test]
    fn without_replicas_no_client_is_listed() {
        let twin = Twin::redis_7().tells("replication", "connected_slaves", "0");
        let replication = logins(&twin).replication;
        assert_eq!(replication, Fact::Known(Replication::default()));
        assert!(logins(&Twin::mute()).replication.known().is_err());
    }

    #[test]
    fn denials_are_counted_by_info_and_before_that_by_acl_log() {
        let twin = Twin::redis_7()
            .tells("stats", "acl_access_denied_auth", "3")
            .tells("stats", "acl_access_denied_cmd", "0");
        let counts = |twin: &Twin| -> Vec<(String, u64)> {
            let denials = logins(twin).denials;
            let denials = denials.known().unwrap().iter();
            denials
                .map(|denials| (denials.name.clone(), denials.count))
                .collect()
        };
        assert_eq!(
            counts(&twin),
            [
                ("acl_access_denied_auth".to_owned(), 3),
                ("acl_access_denied_cmd".to_owned(), 0)
            ]
        );
        let entry = Reply::Array(Vec::new());
        let log = Reply::Array(vec![entry.clone(), entry]);
        let twin = Twin::redis_7().answers(&["acl", "log", "100"], log);
        assert_eq!(counts(&twin), [("ACL LOG entries".to_owned(), 2)]);
        assert!(logins(&Twin::mute()).denials.known().is_err());
    }

    #[test]
    fn users_on_lines_of_the_files_are_named_unless_some_may_be_unseen() {
        let mut file = ConfigFile::default();
        assert_eq!(users_in_config(&file), Fact::Known(Vec::new()));
        file.unread.push("more.conf: not there".to_owned());
        assert!(users_in_config(&file).known().is_err());
        file.users = [b"default".to_vec(), b"app".to_vec()].into();
        assert_eq!(users_in_config(&file), Fact::Known(vec![b"app".to_vec()]));
    }

    #[test]
    fn the_lists_of_known_passwords_are_asked_for_only_where_there_are_passwords() {
        assert!(logins(&Twin::redis_7()).known_passwords.known().is_ok());
        let line = Reply::Text(b"user default on nopass ~* &* +@all".to_vec());
        let twin = Twin::redis_7().answers(&["acl", "list"], Reply::Array(vec![line]));
        let reason = logins(&twin).known_passwords;
        assert!(
            reason
                .known()
                .unwrap_err()
                .contains("no user has a password")
        );
    }
}
