//! The sockets this process listens on: its open descriptors against the kernel's tables.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use procfs::process::{FDTarget, Process};

use super::accounts::Accounts;
use super::bounded;
use super::files;
use super::tcp_table;
use super::walk::Walk;
use crate::audit::facts::{Fact, Parent, Socket};
use crate::render::escape::printable;

const MAX_UNIX_TABLE: u64 = 4 << 20;
/// Far above the descriptors of a server with the usual ten thousand clients.
const MAX_DESCRIPTORS: usize = 200_000;

/// The sockets of this process.
#[derive(Debug)]
pub struct Sockets {
    /// Those that listen.
    pub listening: Fact<Vec<Socket>>,
    /// The connections to ports that listen, each with its near and its far end.
    pub connections: Fact<Vec<(SocketAddr, SocketAddr)>>,
    /// What is above the unix sockets among them.
    pub parents: Vec<Parent>,
}

/// Looks at the sockets of this process.
pub fn read(accounts: &Accounts) -> Sockets {
    match look(accounts) {
        Ok(sockets) => sockets,
        Err(reason) => Sockets {
            listening: Fact::Unavailable(reason.clone()),
            connections: Fact::Unavailable(reason),
            parents: Vec::new(),
        },
    }
}

fn look(accounts: &Accounts) -> Result<Sockets, String> {
    let own = own_inodes()?;
    let mut tcp = tcp_table::read(&own)?;
    let unix = unix_listeners(&own, accounts)?;
    let ports: BTreeSet<u16> = tcp.listening.iter().map(SocketAddr::port).collect();
    tcp.established
        .retain(|(near, _)| ports.contains(&near.port()));
    let mut walk = Walk::new(accounts);
    for socket in &unix {
        if let Socket::Unix { path, file } = socket
            && file.known().is_ok()
        {
            walk.follow_and_keep(Path::new(OsStr::from_bytes(path)));
        }
    }
    let listening = tcp.listening.into_iter().map(Socket::Tcp);
    Ok(Sockets {
        parents: walk.parents().found,
        listening: Fact::Known(listening.chain(unix).collect()),
        connections: match tcp.cut {
            false => Fact::Known(tcp.established),
            true => Fact::Unavailable(
                "the kernel lists more connections than are looked through".to_owned(),
            ),
        },
    })
}

/// The inodes of the sockets this process holds.
fn own_inodes() -> Result<BTreeSet<u64>, String> {
    let shown = |error: procfs::ProcError| printable(format!("/proc/self/fd: {error}").as_bytes());
    let descriptors = Process::myself().and_then(|own| own.fd()).map_err(shown)?;
    let mut inodes = BTreeSet::new();
    for (count, descriptor) in descriptors.enumerate() {
        if count > MAX_DESCRIPTORS {
            return Err(format!(
                "/proc/self/fd: more than {MAX_DESCRIPTORS} open descriptors"
            ));
        }
        // One that was closed meanwhile is no listener.
        if let Ok(descriptor) = descriptor
            && let FDTarget::Socket(inode) = descriptor.target
        {
            inodes.insert(inode);
        }
    }
    Ok(inodes)
}

/// By hand, because a path may hold any bytes: `Num RefCount Protocol Flags Type St Inode Path`.
fn unix_listeners(own: &BTreeSet<u64>, accounts: &Accounts) -> Result<Vec<Socket>, String> {
    let content = bounded::prefix(Path::new("/proc/self/net/unix"), MAX_UNIX_TABLE)?;
    let lines = content.split(|byte| *byte == b'\n').skip(1);
    let paths = lines
        .filter_map(unix_listener)
        .filter(|(inode, _)| own.contains(inode));
    let socket = |(_, path): (u64, Vec<u8>)| Socket::Unix {
        file: match path.first() {
            Some(b'@') | None => Fact::Unavailable("it has no file".to_owned()),
            Some(_) => files::status(&path, accounts),
        },
        path,
    };
    Ok(paths.map(socket).collect())
}

/// The inode and the path of a line that tells of a listener.
fn unix_listener(line: &[u8]) -> Option<(u64, Vec<u8>)> {
    const ACCEPTS_CONNECTIONS: u32 = 0x10000;
    let mut rest = line;
    let mut fields = Vec::new();
    while fields.len() < 7 {
        let start = rest.iter().position(|byte| *byte != b' ')?;
        rest = rest.get(start..)?;
        let end = rest
            .iter()
            .position(|byte| *byte == b' ')
            .unwrap_or(rest.len());
        let (field, tail) = rest.split_at_checked(end)?;
        fields.push(std::str::from_utf8(field).ok()?);
        rest = tail;
    }
    let [_, _, _, flags, _, _, inode] = fields.as_slice() else {
        return None;
    };
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let path = rest.strip_prefix(b" ").unwrap_or(rest);
    (flags & ACCEPTS_CONNECTIONS != 0).then_some((inode.parse().ok()?, path.to_vec()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixListener;

    fn sockets() -> Vec<Socket> {
        match read(&Accounts::read()).listening {
            Fact::Known(sockets) => sockets,
            Fact::Unavailable(reason) => panic!("{reason}"),
        }
    }

    #[test]
    fn listeners_of_this_process_are_found_and_connections_are_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stream = TcpStream::connect(address).unwrap();
        let found = sockets();
        assert!(found.contains(&Socket::Tcp(address)));
        assert!(!found.contains(&Socket::Tcp(stream.local_addr().unwrap())));
        drop(listener);
        assert!(!sockets().contains(&Socket::Tcp(address)));
    }

    #[test]
    fn connections_to_a_listener_are_found_and_those_that_leave_are_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, far) = listener.accept().unwrap();
        let near = accepted.local_addr().unwrap();
        let connections = read(&Accounts::read()).connections;
        let connections = connections.known().unwrap();
        assert!(connections.contains(&(near, far)));
        assert!(!connections.contains(&(stream.local_addr().unwrap(), near)));
    }

    #[test]
    fn an_ipv6_listener_is_found() {
        // Where there is no IPv6, there is nothing to find.
        if let Ok(listener) = TcpListener::bind("[::1]:0") {
            let address = listener.local_addr().unwrap();
            assert!(sockets().contains(&Socket::Tcp(address)));
        }
    }

    #[test]
    fn a_unix_socket_is_found_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        let found = sockets().into_iter().any(|socket| match socket {
            Socket::Unix {
                path: bytes,
                file: Fact::Known(file),
            } => bytes == path.to_str().unwrap().as_bytes() && file.kind == 's',
            _ => false,
        });
        assert!(found);
    }

    #[test]
    fn a_line_of_the_unix_table_is_read_whatever_bytes_its_path_has() {
        let line = b"0000000000000000: 00000002 00000000 00010000 0001 01 12345 /tmp/a b\xff";
        assert_eq!(unix_listener(line), Some((12345, b"/tmp/a b\xff".to_vec())));
        let connected = b"0000000000000000: 00000003 00000000 00000000 0001 03 12345 /tmp/a";
        assert_eq!(unix_listener(connected), None);
        assert_eq!(unix_listener(b""), None);
        assert_eq!(unix_listener(b"a b c d e f g h"), None);
    }
}
