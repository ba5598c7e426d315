//! Bytes into replies: all of RESP2 and RESP3 but the streamed forms, which no server sends.

use super::reply::Reply;
use std::io::{self, BufRead, Read};

/// Reads one whole reply.
pub fn reply(from: &mut impl BufRead) -> io::Result<Reply> {
    let line = line(from)?;
    let Some((kind, rest)) = line.split_first() else {
        return Err(wrong("an empty line", &line));
    };
    match kind {
        b'+' => Ok(Reply::Simple(rest.to_vec())),
        b'-' => Ok(Reply::Error(rest.to_vec())),
        b':' => number(rest).map(Reply::Int),
        b'(' => Ok(Reply::BigNumber(rest.to_vec())),
        b',' => double(rest),
        b'#' => boolean(rest),
        b'_' => Ok(Reply::Nil),
        b'$' => Ok(blob(from, rest)?.map_or(Reply::Nil, Reply::Bulk)),
        b'!' => Ok(blob(from, rest)?.map_or(Reply::Nil, Reply::Error)),
        b'=' => verbatim(&blob(from, rest)?.unwrap_or_default()),
        b'*' => Ok(list(from, rest)?.map_or(Reply::Nil, Reply::Array)),
        b'~' => Ok(list(from, rest)?.map_or(Reply::Nil, Reply::Set)),
        b'>' => Ok(list(from, rest)?.map_or(Reply::Nil, Reply::Push)),
        b'%' => Ok(Reply::Map(pairs(from, rest)?)),
        b'|' => Ok(Reply::Attribute(pairs(from, rest)?, Box::new(reply(from)?))),
        _ => Err(wrong("a type that RESP does not have", &line)),
    }
}

fn line(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server closed the connection",
        ));
    }
    match line.strip_suffix(b"\r\n") {
        Some(content) => Ok(content.to_vec()),
        None => Err(wrong("a line without its end", &line)),
    }
}

fn number(text: &[u8]) -> io::Result<i64> {
    let number = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    number.ok_or_else(|| wrong("not a number", text))
}

/// Rust reads `inf`, `-inf` and `nan` as RESP3 writes them.
fn double(text: &[u8]) -> io::Result<Reply> {
    let number = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    number
        .map(Reply::Double)
        .ok_or_else(|| wrong("not a double", text))
}

fn boolean(text: &[u8]) -> io::Result<Reply> {
    match text {
        b"t" => Ok(Reply::Bool(true)),
        b"f" => Ok(Reply::Bool(false)),
        _ => Err(wrong("neither true nor false", text)),
    }
}

/// A length that is not -1.
fn length(text: &[u8]) -> io::Result<Option<u64>> {
    match number(text)? {
        -1 => Ok(None),
        length => u64::try_from(length)
            .map(Some)
            .map_err(|_| wrong("not a length", text)),
    }
}

fn blob(from: &mut impl BufRead, head: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let Some(length) = length(head)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    from.by_ref().take(length).read_to_end(&mut bytes)?;
    let mut end = [0; 2];
    from.read_exact(&mut end)?;
    if &end == b"\r\n" {
        Ok(Some(bytes))
    } else {
        Err(wrong("a blob longer than its length", &bytes))
    }
}

fn verbatim(blob: &[u8]) -> io::Result<Reply> {
    match blob.split_at_checked(4) {
        Some(([format @ .., b':'], text)) => Ok(Reply::Verbatim(
            String::from_utf8_lossy(format).into_owned(),
            text.to_vec(),
        )),
        _ => Err(wrong("a verbatim string without a format", blob)),
    }
}

fn list(from: &mut impl BufRead, head: &[u8]) -> io::Result<Option<Vec<Reply>>> {
    match length(head)? {
        Some(length) => (0..length)
            .map(|_| reply(from))
            .collect::<io::Result<_>>()
            .map(Some),
        None => Ok(None),
    }
}

fn pairs(from: &mut impl BufRead, head: &[u8]) -> io::Result<Vec<(Reply, Reply)>> {
    let length = length(head)?.unwrap_or_default();
    (0..length)
        .map(|_| Ok((reply(from)?, reply(from)?)))
        .collect()
}

fn wrong(what: &str, bytes: &[u8]) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{what}: \"{}\"", bytes.escape_ascii()),
    )
}
