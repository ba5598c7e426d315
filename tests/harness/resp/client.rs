//! One connection: arrays, inline lines and raw bytes out, whole replies in.

use super::super::wait::{DEADLINE, scaled};
use super::parse;
use super::reply::Reply;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// A connection to a server. Nothing on it waits longer than the deadline.
pub struct Client {
    stream: BufReader<Stream>,
    limit: Duration,
}

impl Client {
    /// Connects to a port of 127.0.0.1.
    pub fn tcp(port: u16) -> io::Result<Self> {
        Self::tcp_at(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// Connects to any address.
    pub fn tcp_at(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, scaled(DEADLINE))?;
        stream.set_nodelay(true)?;
        Self::over(Stream::Tcp(stream))
    }

    /// Connects to a unix socket.
    pub fn unix(path: &Path) -> io::Result<Self> {
        Self::over(Stream::Unix(UnixStream::connect(path)?))
    }

    /// The same connection with another limit for one answer; scaled as all limits are.
    pub fn patience(mut self, limit: Duration) -> Self {
        self.limit = scaled(limit);
        self.stream
            .get_ref()
            .set_limit(self.limit)
            .expect("a socket takes a time-out");
        self
    }

    /// Sends a command and returns its reply, skipping RESP3 pushes.
    #[track_caller]
    pub fn call(&mut self, args: impl IntoIterator<Item: AsRef<[u8]>>) -> Reply {
        let request = encode(args);
        self.exchange(&request)
            .unwrap_or_else(|e| panic!("no reply to \"{}\": {e}", request.escape_ascii()))
    }

    /// Sends a command made of byte strings, which may be of any length and content.
    #[track_caller]
    pub fn call_bytes(&mut self, args: &[&[u8]]) -> Reply {
        self.call(args)
    }

    /// Like [`Client::call`], for a connection that may be broken.
    pub fn try_call(&mut self, args: impl IntoIterator<Item: AsRef<[u8]>>) -> io::Result<Reply> {
        self.exchange(&encode(args))
    }

    /// Sends an inline command: a bare line, as one types into telnet.
    #[track_caller]
    pub fn inline(&mut self, line: &str) -> Reply {
        self.exchange(format!("{line}\r\n").as_bytes())
            .unwrap_or_else(|e| panic!("no reply to {line:?}: {e}"))
    }

    /// Sends all commands in one write and then reads all replies, skipping RESP3 pushes.
    #[track_caller]
    pub fn pipeline(
        &mut self,
        commands: impl IntoIterator<Item = impl IntoIterator<Item: AsRef<[u8]>>>,
    ) -> Vec<Reply> {
        let commands: Vec<Vec<u8>> = commands.into_iter().map(encode).collect();
        self.send_raw(&commands.concat());
        commands
            .iter()
            .map(|_| {
                self.answer()
                    .unwrap_or_else(|e| panic!("no reply in a pipeline: {e}"))
            })
            .collect()
    }

    /// Switches to RESP3 and returns what HELLO says.
    #[track_caller]
    pub fn hello3(&mut self) -> Reply {
        self.call(["HELLO", "3"])
    }

    /// Signs in and returns the server's answer.
    #[track_caller]
    pub fn auth(&mut self, user: &str, password: &str) -> Reply {
        self.call(["AUTH", user, password])
    }

    /// Sends a command without reading anything.
    #[track_caller]
    pub fn send(&mut self, args: impl IntoIterator<Item: AsRef<[u8]>>) {
        self.send_raw(&encode(args));
    }

    /// Sends bytes just as they are.
    #[track_caller]
    pub fn send_raw(&mut self, bytes: &[u8]) {
        let sent = self.stream.get_mut().write_all(bytes);
        sent.unwrap_or_else(|e| panic!("could not send \"{}\": {e}", bytes.escape_ascii()));
    }

    /// Reads the next reply, whatever it is: a push as well.
    #[track_caller]
    pub fn read(&mut self) -> Reply {
        self.try_read().unwrap_or_else(|e| panic!("no reply: {e}"))
    }

    /// Like [`Client::read`], for a connection that may be broken.
    pub fn try_read(&mut self) -> io::Result<Reply> {
        parse::reply(&mut self.stream).map_err(|e| self.explain(e))
    }

    /// Reads the next reply if one begins to arrive within `limit` (not scaled).
    pub fn read_within(&mut self, limit: Duration) -> io::Result<Option<Reply>> {
        self.stream
            .get_ref()
            .set_limit(limit.max(Duration::from_millis(1)))?;
        let begun = self.stream.fill_buf().map(|_| ());
        self.stream.get_ref().set_limit(self.limit)?;
        match begun {
            Ok(()) => self.try_read().map(Some),
            Err(e) if is_timeout(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Waits for the server to end the connection; panics if it sends something or keeps it open.
    #[track_caller]
    pub fn expect_closed(&mut self) {
        match self.try_read() {
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
                ) => {}
            other => panic!("the connection was to be closed, but: {other:?}"),
        }
    }

    fn over(stream: Stream) -> io::Result<Self> {
        let limit = scaled(DEADLINE);
        stream.set_limit(limit)?;
        Ok(Self {
            stream: BufReader::new(stream),
            limit,
        })
    }

    fn exchange(&mut self, request: &[u8]) -> io::Result<Reply> {
        self.stream.get_mut().write_all(request)?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<Reply> {
        loop {
            match self.try_read()? {
                Reply::Push(_) => {}
                reply => return Ok(reply),
            }
        }
    }

    fn explain(&self, error: io::Error) -> io::Error {
        if is_timeout(&error) {
            return io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the server was silent for {:?}", self.limit),
            );
        }
        error
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    fn set_limit(&self, limit: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream
                .set_read_timeout(Some(limit))
                .and_then(|()| stream.set_write_timeout(Some(limit))),
            Self::Unix(stream) => stream
                .set_read_timeout(Some(limit))
                .and_then(|()| stream.set_write_timeout(Some(limit))),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn encode(args: impl IntoIterator<Item: AsRef<[u8]>>) -> Vec<u8> {
    let args: Vec<_> = args.into_iter().collect();
    let mut request = format!("*{}\r\n", args.len()).into_bytes();
    for arg in &args {
        let arg = arg.as_ref();
        request.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        request.extend_from_slice(arg);
        request.extend_from_slice(b"\r\n");
    }
    request
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
