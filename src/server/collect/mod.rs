//! Collecting: asks the server and the machine once, and yields the plain facts that the checks judge.
//!
//! Whatever cannot be read becomes a `Fact::Unavailable` with its reason. It runs beside the server, but for each question
//! the server stops, and in a transaction for all of it: so questions are few and short, and every read is bounded.
#![forbid(unsafe_code)]

mod accounts;
mod acl_grants;
mod acl_rules;
pub mod ask;
mod authorities;
pub mod bounded;
mod certificates;
mod client_list;
mod clients;
mod command_access;
pub mod command_calls;
pub mod config_file;
pub mod config_lines;
pub mod config_said;
mod files;
mod in_clear;
mod kept_users;
mod links;
mod logins;
mod lua;
mod machine;
mod netlink;
mod nftables;
mod package;
mod packet_filter;
mod process;
mod server;
pub mod settings;
mod sockets;
mod standing;
mod tcp_table;
mod tls_support;
pub mod users;
pub mod walk;
pub mod wire_name;

#[cfg(test)]
mod twin;

use std::time::SystemTime;

use ask::Ask;
use config_file::ConfigFile;

use crate::audit::command_names;
use crate::audit::facts::{Facts, Gate};

/// Asks once for everything the checks look at.
pub fn collect(ask: &dyn Ask, gate: Gate) -> Facts {
    let server = server::read(ask);
    let file = server.config_file.as_deref().map(ConfigFile::read);
    let configured = file.as_ref().map(ConfigFile::configured);
    let file = file.unwrap_or_default();
    let accounts = accounts::Accounts::read();
    let settings = settings::read(ask, &file);
    let (users, running) = users::with_grants(ask, &file, &settings);
    let kept_users = kept_users::read(&file, &settings, running);
    let names = command_names::of_server(&server.name, &server.version);
    let commands = command_access::read(ask, &names, &file, &settings, &users);
    let files = files::read(
        ask,
        &files::Known {
            server: &server,
            file: &file,
            settings: &settings,
            accounts: &accounts,
            gate: &gate,
        },
    );
    let sockets = sockets::read(&accounts);
    let list = clients::list(ask, &file);
    // A clock before 1970 is wrong, and no form of the report could show it.
    let time = SystemTime::now().max(SystemTime::UNIX_EPOCH);
    Facts {
        time,
        tls_built: tls_support::read(&settings),
        authorities: authorities::read(&settings, &accounts),
        certificates: certificates::read(ask, &settings, time),
        packet_filter: packet_filter::read(),
        sockets: sockets.listening,
        socket_parents: sockets.parents,
        files,
        process: process::read(&accounts),
        machine: machine::read(),
        clients: clients::read(ask, &settings, &list, &sockets.connections),
        sentinels: clients::sentinels(&list),
        follows: links::followed(ask, &file, &server, &list),
        links: links::read(ask, &file, &settings, &server, &list),
        logins: logins::read(ask, &file, &settings, &users),
        package: package::read(&server.version),
        server,
        config: settings.config,
        requirepass: settings.requirepass,
        masterauth: settings.masterauth,
        administrators: gate
            .accepted
            .administrators_among(users.known().map_or(&[], Vec::as_slice)),
        users,
        writers: commands.writers,
        lua: lua::read(ask, &file),
        configured,
        kept_users,
        started: ask.started(),
        commands: commands.access,
        gate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::facts::{Accepted, Fact};
    use twin::Twin;

    fn gate() -> Gate {
        Gate {
            mode: "off",
            statements: 0,
            ids: Vec::new(),
            policy_file: Some(b"/etc/redis/secaudit.policy".to_vec()),
            log_file: None,
            names: Vec::new(),
            on_trial: Vec::new(),
            sealed: false,
            capabilities: Vec::new(),
            accepted: Accepted::default(),
        }
    }

    #[test]
    fn a_server_that_answers_everything_yields_known_facts() {
        let facts = collect(&Twin::redis_7(), gate());
        assert_eq!(facts.server.version, "7.0.15");
        assert!(matches!(&facts.users, Fact::Known(users) if users.len() == 2));
        assert!(
            facts
                .commands
                .iter()
                .all(|command| command.access.known().is_ok())
        );
        assert!(matches!(&facts.files.data_dir, Fact::Known(_)));
    }

    #[test]
    fn a_server_that_answers_nothing_yields_reasons_and_no_panic() {
        let facts = collect(&Twin::mute(), gate());
        assert!(facts.config.known().is_err());
        assert!(facts.users.known().is_err());
        assert!(facts.writers.known().is_err());
        for command in &facts.commands {
            assert!(command.standing.known().is_err(), "{}", command.name);
        }
    }

    #[test]
    fn no_secret_reaches_the_plain_settings_or_a_debug_print() {
        let facts = collect(&Twin::redis_7(), gate());
        assert!(!format!("{facts:?}").contains(twin::PASSWORD));
    }
}
