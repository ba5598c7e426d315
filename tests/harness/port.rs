//! Ports that no one else is using: from the kernel, and never the same one twice in this process.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};

/// A free port on 127.0.0.1.
///
/// The listener is closed after one connection that it ended first, which leaves the port in TIME_WAIT: for the next
/// minute the kernel gives it to nobody as the near end of a connection, but a server, which binds with SO_REUSEADDR,
/// can have it. What remains is another program that picks the same port: the launch then tries another one.
pub fn free() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let port = leave_in_time_wait();
        if GIVEN
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(port)
        {
            return port;
        }
    }
}

fn leave_in_time_wait() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the kernel has a free port");
    let address = listener
        .local_addr()
        .expect("a bound listener has an address");
    let mut near = TcpStream::connect(address).expect("our own listener answers");
    drop(listener.accept().expect("our own connection arrives"));
    let _ = near.read(&mut [0]).expect("the far end has closed");
    address.port()
}
