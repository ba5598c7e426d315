//! Asking the kernel for a list by netlink: the request, and the messages of the answer. One function talks, the rest is pure.

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto,
    socket_with,
};

/// Why the kernel did not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It tells only those with CAP_NET_ADMIN.
    NotPermitted,
    /// Something else.
    Other(String),
}

const DONE: u16 = 3;
const ERROR: u16 = 2;
const REQUEST_DUMP: u16 = 0x301;
const HEADER: usize = 16;
/// Of 32 KiB at most, as the kernel fills them.
const MAX_PARTS: usize = 256;

/// Asks for a list and shows each of its messages, by kind and body, in the kernel's order.
///
/// True when the list was shown to its end, false when it is longer than anyone reads.
pub fn list(
    protocol: Protocol,
    kind: u16,
    question: &[u8],
    mut each: impl FnMut(u16, &[u8]),
) -> Result<bool, Refusal> {
    let other = |error: rustix::io::Errno| match error {
        rustix::io::Errno::PERM | rustix::io::Errno::ACCESS => Refusal::NotPermitted,
        error => Refusal::Other(format!("netlink: {error}")),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        flags,
        Some(protocol),
    )
    .map_err(other)?;
    let kernel = SocketAddrNetlink::new(0, 0);
    let request = request(kind, question);
    sendto(&socket, &request, SendFlags::empty(), &kernel).map_err(other)?;
    let mut buffer = vec![0; 64 * 1024];
    // The kernel has answered by the time the request is sent; it fills the next part while this one is read.
    for _ in 0..MAX_PARTS {
        let (length, _) =
            recv(&socket, buffer.as_mut_slice(), RecvFlags::DONTWAIT).map_err(other)?;
        if read_part(buffer.get(..length).unwrap_or_default(), &mut each)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A number of two bytes in this machine's order.
pub fn host_u16(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

/// A number of four bytes in this machine's order.
pub fn host_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

/// Where the next thing starts after one of this length.
pub fn aligned(length: usize) -> usize {
    length.next_multiple_of(4).max(4)
}

/// Length, kind, flags, sequence number and sender, then the question.
fn request(kind: u16, question: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER.saturating_add(question.len())).unwrap_or(u32::MAX);
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend(REQUEST_DUMP.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(question);
    message
}

/// Reads one part of the answer; true when it was the last one.
fn read_part(part: &[u8], each: &mut impl FnMut(u16, &[u8])) -> Result<bool, Refusal> {
    let broken = || Refusal::Other("netlink: an answer that is not understood".to_owned());
    let mut rest = part;
    while !rest.is_empty() {
        let length = host_u32(rest, 0).ok_or_else(broken)?;
        let kind = host_u16(rest, 4).ok_or_else(broken)?;
        let length = usize::try_from(length).map_err(|_| broken())?;
        let body = rest.get(HEADER..length).ok_or_else(broken)?;
        match kind {
            // The end of a list that could not be made has an error, too.
            DONE => match host_u32(body, 0).map(u32::cast_signed) {
                Some(code) if code < 0 => return Err(refusal(code)),
                _ => return Ok(true),
            },
            ERROR => match host_u32(body, 0).map(u32::cast_signed) {
                Some(0) => return Ok(true),
                Some(code) => return Err(refusal(code)),
                None => return Err(broken()),
            },
            _ => each(kind, body),
        }
        rest = rest.get(aligned(length)..).unwrap_or_default();
    }
    Ok(false)
}

/// What the number of an error means.
fn refusal(code: i32) -> Refusal {
    match code {
        -1 | -13 => Refusal::NotPermitted,
        code => Refusal::Other(format!("netlink: error {}", code.unsigned_abs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OTHER: u16 = 77;

    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + HEADER).unwrap_or_default();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn end(part: &[u8]) -> Result<bool, Refusal> {
        read_part(part, &mut |_, _: &[u8]| {})
    }

    #[test]
    fn every_message_of_a_part_is_shown_in_order() {
        let part = [
            message(OTHER, b"odd"),
            message(OTHER + 1, b""),
            message(DONE, &[0; 4]),
        ]
        .concat();
        let mut seen = Vec::new();
        let end = read_part(&part, &mut |kind, body: &[u8]| {
            seen.push((kind, body.to_vec()));
        });
        assert_eq!(end, Ok(true));
        assert_eq!(seen, [(OTHER, b"odd".to_vec()), (OTHER + 1, Vec::new())]);
    }

    #[test]
    fn an_answer_goes_on_until_its_end_is_told() {
        assert_eq!(end(&message(OTHER, b"")), Ok(false));
    }

    #[test]
    fn a_refusal_is_told_from_other_errors() {
        let error = |code: i32| end(&message(ERROR, &code.to_ne_bytes()));
        assert_eq!(error(-1), Err(Refusal::NotPermitted));
        assert_eq!(
            error(-95),
            Err(Refusal::Other("netlink: error 95".to_owned()))
        );
        assert_eq!(error(0), Ok(true));
    }

    #[test]
    fn a_list_that_ends_with_an_error_is_no_empty_list() {
        let done = |code: i32| end(&message(DONE, &code.to_ne_bytes()));
        assert_eq!(done(-1), Err(Refusal::NotPermitted));
        assert_eq!(
            done(-105),
            Err(Refusal::Other("netlink: error 105".to_owned()))
        );
        assert_eq!((done(0), done(7)), (Ok(true), Ok(true)));
        assert_eq!(end(&message(DONE, b"")), Ok(true));
    }

    #[test]
    fn the_request_is_as_long_as_it_says() {
        let request = request(OTHER, b"what?!ab");
        assert_eq!(request.len(), 24);
        assert_eq!(host_u32(&request, 0), Some(24));
        assert_eq!(host_u16(&request, 4), Some(OTHER));
        assert_eq!(host_u16(&request, 6), Some(REQUEST_DUMP));
        assert!(request.ends_with(b"what?!ab"));
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic_or_run_on(part: Vec<u8>) {
            let _ = end(&part);
        }
    }
}
