//! Which server this is, as INFO tells it.

use super::ask::Ask;
use crate::audit::facts::Server;
use crate::render::escape::printable;

/// Asks INFO, which no rename can hide.
pub fn read(ask: &dyn Ask) -> Server {
    let field = |field: &str| ask.info("server", field).filter(|value| !value.is_empty());
    let known = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    let role = match ask.info("replication", "role").as_deref() {
        Some("slave" | "replica") => "replica".to_owned(),
        other => known(other.map(str::to_owned)),
    };
    // Valkey states the version of Redis it stands in for, too; its own one counts.
    let valkey = field("valkey_version");
    let host = rustix::system::uname();
    Server {
        host: printable(host.nodename().to_bytes()),
        name: match (&valkey, field("server_name")) {
            (_, Some(name)) => name,
            (Some(_), None) => "valkey".to_owned(),
            (None, None) => "redis".to_owned(),
        },
        version: known(valkey.or_else(|| field("redis_version"))),
        mode: known(field("server_mode").or_else(|| field("redis_mode"))),
        role,
        port: field("tcp_port")
            .and_then(|port| port.parse().ok())
            .unwrap_or(0),
        executable: known(field("executable")),
        config_file: field("config_file").map(String::into_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::super::twin::Twin;
    use super::*;

    #[test]
    fn a_valkey_goes_by_its_own_name_and_version() {
        let twin = Twin::redis_7()
            .tells("server", "valkey_version", "8.1.1")
            .tells("server", "server_name", "valkey")
            .tells("replication", "role", "slave");
        let server = read(&twin);
        assert_eq!(
            (server.name.as_str(), server.version.as_str()),
            ("valkey", "8.1.1")
        );
        assert_eq!(server.role, "replica");
    }

    #[test]
    fn an_empty_config_file_is_none() {
        let server = read(&Twin::redis_7().tells("server", "config_file", ""));
        assert_eq!(server.config_file, None);
        assert_eq!(read(&Twin::mute()).version, "unknown");
    }
}
