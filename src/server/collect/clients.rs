//! How many clients there are, and how many of them are idle.

use super::ask::{Ask, Reply};
use super::config_file::ConfigFile;
use super::wire_name::call;
use crate::audit::facts::{Clients, Fact};

/// With this few, it does not matter how many are idle.
const FEW: u64 = 100;
/// Listing a client takes the server about two microseconds.
const MAX_LISTED: u64 = 1000;
const LONG: u64 = 3600;

/// Counts clients; lists them only where there are many and no timeout drops the idle ones.
pub fn read(ask: &dyn Ask, file: &ConfigFile, timeout: Option<&[u8]>) -> Fact<Clients> {
    let connected = ask.info("clients", "connected_clients");
    let Some(connected) = connected.and_then(|count| count.parse().ok()) else {
        return Fact::Unavailable("INFO does not tell connected_clients".to_owned());
    };
    let idle = match connected {
        _ if timeout.is_some_and(|timeout| timeout != b"0") => {
            Fact::Unavailable("not asked, for a timeout drops idle clients".to_owned())
        }
        0..=FEW => Fact::Unavailable("not asked, for there are few clients".to_owned()),
        connected if connected > MAX_LISTED => Fact::Unavailable(format!(
            "{connected} clients are too many to list without holding up the server"
        )),
        _ => idle(ask, file),
    };
    Fact::Known(Clients { connected, idle })
}

fn idle(ask: &dyn Ask, file: &ConfigFile) -> Fact<u64> {
    let list = match call(ask, file, &[b"client", b"list"]) {
        Ok(Reply::Text(list)) => list,
        Ok(_) => {
            return Fact::Unavailable(
                "CLIENT LIST answered in a form that is not known".to_owned(),
            );
        }
        Err(reason) => return Fact::Unavailable(reason),
    };
    let is_idle = |line: &&[u8]| {
        let mut fields = line.split(|byte| *byte == b' ');
        let idle = fields.find_map(|field| field.strip_prefix(b"idle="));
        let seconds = idle.and_then(|text| std::str::from_utf8(text).ok()?.parse::<u64>().ok());
        seconds.is_some_and(|seconds| seconds > LONG)
    };
    let count = list.split(|byte| *byte == b'\n').filter(is_idle).count();
    Fact::Known(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::twin::Twin;
    use super::*;

    fn clients(connected: &str, timeout: &[u8]) -> Clients {
        let line =
            "id=3 addr=127.0.0.1:1 idle=3601 flags=N\n".repeat(120) + "id=9 idle=3600\nrubbish\n";
        let twin = Twin::redis_7()
            .tells("clients", "connected_clients", connected)
            .command("client")
            .answers(&["client", "list"], Reply::Text(line.into_bytes()));
        let read = read(&twin, &ConfigFile::default(), Some(timeout));
        read.known().unwrap().clone()
    }

    #[test]
    fn idle_clients_are_counted_where_there_are_many() {
        assert_eq!(clients("122", b"0").idle, Fact::Known(120));
    }

    #[test]
    fn nobody_is_listed_without_need_or_in_too_great_numbers() {
        assert!(clients("99", b"0").idle.known().is_err());
        assert!(clients("122", b"60").idle.known().is_err());
        assert!(
            clients("5000", b"0")
                .idle
                .known()
                .unwrap_err()
                .contains("too many")
        );
        assert!(
            read(&Twin::mute(), &ConfigFile::default(), None)
                .known()
                .is_err()
        );
    }
}
