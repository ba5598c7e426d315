//! The TCP sockets of this process: asked for by netlink (sock_diag, as `ss` does), which takes the kernel a small part
//! of the time that writing /proc/net/tcp takes; read from there where the server may open no such socket.

use std::collections::BTreeSet;
use std::io::BufReader;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use procfs::net::{TcpNetEntries, TcpState};
use procfs::{FromBufReadSI, current_system_info};
use rustix::net::netlink::SOCK_DIAG;

use super::bounded;
use super::netlink::{Refusal, host_u32, list};
use crate::render::escape::printable;

/// The kernel lists listeners before connections, so a table that is cut here has lost connections only.
const MAX_TABLE: u64 = 4 << 20;

/// What the kernel's tables of TCP sockets hold of ours.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    /// Where one listens.
    pub listening: BTreeSet<SocketAddr>,
    /// Near and far end of each connection.
    pub established: Vec<(SocketAddr, SocketAddr)>,
    /// A table was longer than what is read of it.
    pub cut: bool,
}

/// The sockets whose inodes are among these.
pub fn read(own: &BTreeSet<u64>) -> Result<Tcp, String> {
    // Refused by systemd's RestrictAddressFamilies= (Debian's unit of redis-server has it), or a kernel without sock_diag.
    by_netlink(own).or_else(|_| from_proc(own))
}

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
const ESTABLISHED: u8 = 1;
const LISTEN: u8 = 10;
/// SOCK_DIAG_BY_FAMILY: of the question and of each answer.
const BY_FAMILY: u16 = 20;

fn by_netlink(own: &BTreeSet<u64>) -> Result<Tcp, Refusal> {
    let mut tcp = Tcp::default();
    for family in [AF_INET, AF_INET6] {
        let ended = list(SOCK_DIAG, BY_FAMILY, &question(family), |kind, body| {
            if kind == BY_FAMILY
                && let Some(socket) = socket(body)
            {
                tcp.take(own, socket);
            }
        })?;
        tcp.cut |= !ended;
    }
    Ok(tcp)
}

/// `struct inet_diag_req_v2`: family, protocol, extensions, padding, states, and a socket that is left open.
fn question(family: u8) -> Vec<u8> {
    let mut question = vec![family, IPPROTO_TCP, 0, 0];
    let states = 1_u32 << LISTEN | 1 << ESTABLISHED;
    question.extend(states.to_ne_bytes());
    question.resize(56, 0);
    question
}

struct Entry {
    inode: u64,
    listens: bool,
    near: SocketAddr,
    far: SocketAddr,
}

/// `struct inet_diag_msg`: family, state, two bytes, both ports, both addresses of 16 bytes, …, at 68 the inode.
fn socket(body: &[u8]) -> Option<Entry> {
    let [family, state, ..] = *body else {
        return None;
    };
    let address = |port: usize, address: usize| {
        let port = u16::from_be_bytes(*body.get(port..)?.first_chunk()?);
        let bytes = body.get(address..)?;
        let address = match family {
            AF_INET => IpAddr::V4(Ipv4Addr::from(*bytes.first_chunk::<4>()?)),
            AF_INET6 => IpAddr::V6(Ipv6Addr::from(*bytes.first_chunk::<16>()?)),
            _ => return None,
        };
        Some(SocketAddr::new(address, port))
    };
    Some(Entry {
        inode: host_u32(body, 68)?.into(),
        listens: match state {
            LISTEN => true,
            ESTABLISHED => false,
            _ => return None,
        },
        near: address(4, 8)?,
        far: address(6, 24)?,
    })
}

fn from_proc(own: &BTreeSet<u64>) -> Result<Tcp, String> {
    let mut tcp = Tcp::default();
    for (table, required) in [("tcp", true), ("tcp6", false)] {
        match proc_table(table, own, &mut tcp) {
            Ok(()) => {}
            // A kernel without IPv6 has no such table.
            Err(_) if !required && !Path::new("/proc/self/net").join(table).exists() => {}
            Err(reason) => return Err(reason),
        }
    }
    Ok(tcp)
}

fn proc_table(table: &str, own: &BTreeSet<u64>, tcp: &mut Tcp) -> Result<(), String> {
    let path = Path::new("/proc/self/net").join(table);
    let content = bounded::prefix(&path, MAX_TABLE)?;
    tcp.cut |= u64::try_from(content.len()).unwrap_or(MAX_TABLE) >= MAX_TABLE;
    let whole_lines = content
        .iter()
        .rposition(|byte| *byte == b'\n')
        .and_then(|end| content.get(..=end));
    let entries = TcpNetEntries::from_buf_read(
        BufReader::new(whole_lines.unwrap_or_default()),
        current_system_info(),
    )
    .map_err(|error| printable(format!("/proc/self/net/{table}: {error}").as_bytes()))?;
    for entry in entries.0 {
        let listens = match entry.state {
            TcpState::Listen => true,
            TcpState::Established => false,
            _ => continue,
        };
        let socket = Entry {
            inode: entry.inode,
            listens,
            near: entry.local_address,
            far: entry.remote_address,
        };
        tcp.take(own, socket);
    }
    Ok(())
}

impl Tcp {
    fn take(&mut self, own: &BTreeSet<u64>, socket: Entry) {
        if !own.contains(&socket.inode) {
            return;
        }
        match socket.listens {
            true => {
                self.listening.insert(socket.near);
            }
            false => self.established.push((socket.near, socket.far)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    fn inode(socket: &impl AsFd) -> u64 {
        rustix::fs::fstat(socket).unwrap().st_ino
    }

    /// A listener, the two ends of a connection to it, and the table that both ways of reading yield for these three.
    fn seen(address: &str, read: impl Fn(&BTreeSet<u64>) -> Tcp) -> Option<(SocketAddr, Tcp, Tcp)> {
        // Where there is no IPv6, there is nothing to see.
        let listener = TcpListener::bind(address).ok()?;
        let near = listener.local_addr().unwrap();
        let client = TcpStream::connect(near).unwrap();
        let (accepted, far) = listener.accept().unwrap();
        let own = [inode(&listener), inode(&accepted)].into();
        let wanted = Tcp {
            listening: [near].into(),
            established: vec![(near, far)],
            cut: false,
        };
        let tcp = read(&own);
        drop(client);
        Some((near, tcp, wanted))
    }

    #[test]
    fn proc_tells_listeners_and_connections_of_the_process_alone() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            if let Some((_, tcp, wanted)) = seen(address, |own| from_proc(own).unwrap()) {
                assert_eq!(tcp, wanted);
            }
        }
    }

    #[test]
    fn netlink_tells_the_same_where_the_kernel_has_it() {
        if by_netlink(&BTreeSet::new()).is_err() {
            return;
        }
        for address in ["127.0.0.1:0", "[::1]:0"] {
            if let Some((_, tcp, wanted)) = seen(address, |own| by_netlink(own).unwrap()) {
                assert_eq!(tcp, wanted);
            }
        }
    }

    #[test]
    fn other_states_and_families_are_not_taken() {
        let entry = |family: u8, state: u8| {
            let mut body = vec![0; 72];
            body.splice(..2, [family, state]);
            socket(&body).is_some()
        };
        assert!(entry(AF_INET, LISTEN) && entry(AF_INET6, ESTABLISHED));
        assert!(!entry(AF_INET, 6) && !entry(1, LISTEN));
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic(body: Vec<u8>) {
            let _ = socket(&body);
        }
    }
}
