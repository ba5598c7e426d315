//! Where the caller sits: by which connection he came, and so by which he could come back.

use std::net::IpAddr;

use crate::audit::fix::lockout::Seat;
use crate::server::asked_by::AskedBy;
use crate::server::beside::Host;
use crate::server::collect::ask::Reply;
use crate::server::command_table::ServerCommands;

/// The seat of who asked.
pub fn of(host: &Host<'_>, by: &AskedBy) -> Seat {
    let client = by.client.to_string();
    let listed = host.visit(move |ctx| {
        let wire = ServerCommands::read(ctx).wire(b"client");
        ctx.call(&[&wire, b"LIST", b"ID", client.as_bytes()])
    });
    Seat {
        source: by.source,
        local: match listed {
            Ok(Reply::Text(line)) => local_address(&line),
            _ => None,
        },
        tls: by.tls,
    }
}

/// The address in `laddr=127.0.0.1:6379` or `laddr=[::1]:6379`.
fn local_address(line: &[u8]) -> Option<IpAddr> {
    let text = String::from_utf8_lossy(line);
    let field = text
        .split_whitespace()
        .find_map(|field| field.strip_prefix("laddr="))?;
    let (address, _port) = field.rsplit_once(':')?;
    let address = address.trim_start_matches('[').trim_end_matches(']');
    address.split('%').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_address_is_found_in_the_clients_line() {
        for (line, address) in [
            (
                "id=3 addr=10.0.0.9:4242 laddr=10.0.0.5:6379 fd=8",
                Some("10.0.0.5"),
            ),
            ("id=3 addr=[::1]:4242 laddr=[::1]:6379 fd=8", Some("::1")),
            ("id=3 addr=/tmp/s:0 laddr=/tmp/s:0 fd=8", None),
            ("id=3 fd=8", None),
            ("", None),
        ] {
            let wanted = address.and_then(|address| address.parse().ok());
            assert_eq!(local_address(line.as_bytes()), wanted, "{line}");
        }
    }
}
