//! No fix locks out who asks for it: changes after which the caller could not come back are not made.

use std::net::IpAddr;

use super::Action;
use crate::audit::facts::{Facts, Socket};
use crate::audit::reach::bind_words;
use crate::policy::condition::Source;

/// How the caller is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Where the caller's connection comes from; `None` where the server does not tell.
    pub source: Option<Source>,
    /// The address of this server that it came to; `None` for a Unix socket, and where the server does not tell.
    pub local: Option<IpAddr>,
    /// It is encrypted.
    pub tls: bool,
}

/// Why an action is not done for a caller who sits there. `has_password` says whether user default needs a password by now.
pub fn refused(action: &Action, seat: &Seat, facts: &Facts, has_password: bool) -> Option<String> {
    let by_socket = seat.source == Some(Source::Unix);
    let pairs = match action {
        Action::Permissions { path, .. } if by_socket => return socket_closed(path, facts),
        Action::Set(pairs) if !by_socket => pairs,
        _ => return None,
    };
    let mut faults = pairs
        .iter()
        .filter_map(|(name, value)| fault(name, value, seat, facts, has_password));
    faults.next()
}

fn fault(
    name: &str,
    value: &[u8],
    seat: &Seat,
    facts: &Facts,
    has_password: bool,
) -> Option<String> {
    let text = String::from_utf8_lossy(value);
    match name {
        "bind" => not_bound(value, seat),
        "protected-mode" if text == "yes" && !has_password && !is_loopback(seat) => Some(
            "you are connected from another host, and until user default has a password nobody could be again: \
             apply auth.password first, or connect from this host"
                .to_owned(),
        ),
        "tls-auth-clients" if text == "yes" && seat.tls => Some(
            "whether you could connect again cannot be told, because you came by TLS and the server does not say with \
             which certificate: connect without TLS, or by the unix socket"
                .to_owned(),
        ),
        "port" if !seat.tls => Some(moved("port")),
        "tls-port" if seat.tls => Some(moved("tls-port")),
        "maxclients" => {
            let limit: u64 = text.trim().parse().ok()?;
            let connected = facts.clients.known().ok()?.connected;
            (connected >= limit).then(|| {
                format!(
                    "{connected} clients are connected, so with maxclients {limit} nobody could connect any more"
                )
            })
        }
        _ => None,
    }
}

/// Why the caller could not come back by a unix socket with other permissions.
fn socket_closed(path: &[u8], facts: &Facts) -> Option<String> {
    let sockets = facts.sockets.known().map_or(&[][..], Vec::as_slice);
    let is_it = |socket: &Socket| match socket {
        Socket::Unix { path: bound, file } => {
            bound == path || file.known().is_ok_and(|file| file.path == path)
        }
        Socket::Tcp(_) => false,
    };
    let another_way = sockets
        .iter()
        .any(|socket| matches!(socket, Socket::Tcp(_)));
    (sockets.iter().any(is_it) && !another_way).then(|| {
        "you came by this socket, no other way leads to the server, and as whom you opened it cannot be told: \
         change its mode by hand"
            .to_owned()
    })
}

fn moved(port: &str) -> String {
    format!("you are connected through {port}: connect by the unix socket to change it")
}

/// Why the caller could not come back with this `bind`.
fn not_bound(value: &[u8], seat: &Seat) -> Option<String> {
    let Some(local) = seat.local.map(|local| local.to_canonical()) else {
        // A caller on this host comes back by the loopback address, if that stays.
        let loopback = |address: IpAddr| address.is_loopback() || address.is_unspecified();
        let stays = bind_words(value)
            .iter()
            .filter_map(|word| word.address)
            .any(|address| loopback(address.to_canonical()));
        return (!is_loopback(seat) || !stays).then(|| {
            "to which address you are connected cannot be told: connect by the unix socket"
                .to_owned()
        });
    };
    let serves = |address: IpAddr| {
        let address = address.to_canonical();
        address == local || (address.is_unspecified() && address.is_ipv4() == local.is_ipv4())
    };
    let words = bind_words(value);
    let stays = words.iter().filter_map(|word| word.address).any(serves);
    (!stays).then(|| {
        format!(
            "you are connected to {local}, to which nobody could connect any more: come by another address, or by the \
             unix socket"
        )
    })
}

fn is_loopback(seat: &Seat) -> bool {
    match seat.source {
        Some(Source::V4(address)) => address >> 24 == 127,
        Some(Source::V6(address)) => address == 1,
        Some(Source::Unix) => true,
        None => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::audit::checks::sample;
    use crate::audit::facts::Fact;

    fn seat(source: &str, local: &str) -> Seat {
        Seat {
            source: source.parse().ok().map(Source::of),
            local: local.parse().ok(),
            tls: false,
        }
    }

    fn set(name: &str, value: &str) -> Action {
        Action::Set(vec![(name.to_owned(), value.as_bytes().to_vec())])
    }

    fn is_refused(action: &Action, seat: &Seat) -> bool {
        refused(action, seat, &sample::wide_open(), false).is_some()
    }

    #[test]
    fn the_address_the_caller_came_to_stays_bound() {
        let remote = seat("10.0.0.9", "10.0.0.5");
        let near = seat("127.0.0.1", "127.0.0.1");
        let six = seat("::1", "::1");
        for (value, refused) in [
            ("127.0.0.1", [true, false, true]),
            ("127.0.0.1 -::1", [true, false, false]),
            ("127.0.0.1 10.0.0.5", [false, false, true]),
            ("10.0.0.5", [false, true, true]),
            ("0.0.0.0", [false, false, true]),
            ("* -::*", [false, false, false]),
            ("", [true, true, true]),
        ] {
            let found = [&remote, &near, &six].map(|seat| is_refused(&set("bind", value), seat));
            assert_eq!(found, refused, "{value}");
        }
        let mapped = seat("127.0.0.1", "::ffff:127.0.0.1");
        assert!(!is_refused(&set("bind", "127.0.0.1"), &mapped));
    }

    #[test]
    fn where_the_server_does_not_tell_only_the_loopback_is_trusted() {
        assert!(!is_refused(
            &set("bind", "127.0.0.1"),
            &seat("127.0.0.1", "")
        ));
        assert!(is_refused(&set("bind", "10.0.0.5"), &seat("127.0.0.1", "")));
        assert!(is_refused(&set("bind", "127.0.0.1"), &seat("", "")));
        assert!(is_refused(&set("bind", "0.0.0.0"), &seat("10.0.0.9", "")));
    }

    #[test]
    fn a_unix_socket_always_leads_back() {
        let mut unix = seat("", "");
        unix.source = Some(Source::Unix);
        for (name, value) in [
            ("bind", "10.0.0.5"),
            ("port", "0"),
            ("protected-mode", "yes"),
        ] {
            assert!(!is_refused(&set(name, value), &unix), "{name}");
        }
    }

    #[test]
    fn the_only_way_in_is_not_closed_to_a_caller_whose_account_is_not_known() {
        let mut unix = seat("", "");
        unix.source = Some(Source::Unix);
        let path = b"/run/redis.sock".to_vec();
        let socket = Socket::Unix {
            path: path.clone(),
            file: Fact::Unavailable("gone".to_owned()),
        };
        let action = Action::Permissions { path, mode: 0o700 };
        let mut facts = sample::hardened();
        facts.sockets = Fact::Known(vec![socket.clone()]);
        assert!(refused(&action, &unix, &facts, true).is_some());
        let other = Action::Permissions {
            path: b"/var/lib/redis".to_vec(),
            mode: 0o700,
        };
        assert_eq!(refused(&other, &unix, &facts, true), None);
        facts.sockets = Fact::Known(vec![socket, sample::tcp("127.0.0.1:6379")]);
        assert_eq!(refused(&action, &unix, &facts, true), None);
    }

    #[test]
    fn protected_mode_needs_a_password_first_where_the_caller_is_elsewhere() {
        let action = set("protected-mode", "yes");
        let remote = seat("10.0.0.9", "10.0.0.5");
        assert!(is_refused(&action, &remote));
        assert_eq!(refused(&action, &remote, &sample::wide_open(), true), None);
        assert!(!is_refused(&action, &seat("127.0.0.1", "127.0.0.1")));
        assert!(!is_refused(&set("protected-mode", "no"), &remote));
    }

    #[test]
    fn the_way_the_caller_came_is_not_closed() {
        let mut by_tls = seat("127.0.0.1", "127.0.0.1");
        assert!(is_refused(&set("port", "0"), &by_tls));
        assert!(!is_refused(&set("tls-auth-clients", "yes"), &by_tls));
        by_tls.tls = true;
        assert!(is_refused(&set("tls-port", "0"), &by_tls));
        assert!(is_refused(&set("tls-auth-clients", "yes"), &by_tls));
        assert!(!is_refused(&set("port", "0"), &by_tls));
        assert!(!is_refused(&set("tls-protocols", "TLSv1.2"), &by_tls));
    }

    #[test]
    fn fewer_clients_than_are_connected_are_not_allowed() {
        let mut facts = sample::hardened();
        if let Fact::Known(clients) = &mut facts.clients {
            clients.connected = 100;
        }
        let near = seat("127.0.0.1", "127.0.0.1");
        let refusal = |limit: &str| refused(&set("maxclients", limit), &near, &facts, true);
        assert!(refusal("100").is_some());
        assert_eq!(refusal("101"), None);
    }
}
