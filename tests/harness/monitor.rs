//! What MONITOR shows: which commands were really run, by what name.

use super::resp::{Client, Reply};
use super::server::Server;
use super::wait::{DEADLINE, scaled};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A connection in MONITOR mode.
pub struct Monitor {
    client: Client,
}

impl Monitor {
    /// Starts to monitor: everything that is called after this returns is seen.
    #[track_caller]
    pub fn start(server: &Server) -> Self {
        let mut client = server.client();
        let reply = client.call(["MONITOR"]);
        assert!(reply.is_ok(), "MONITOR answered {reply}");
        Self { client }
    }

    /// Collects lines up to and with the first that the condition accepts; panics at the deadline, showing them.
    #[track_caller]
    pub fn lines_until(&mut self, mut wanted: impl FnMut(&str) -> bool) -> Vec<String> {
        let end = Instant::now() + scaled(DEADLINE);
        let mut lines = Vec::new();
        while let Some(line) = self.line_before(end) {
            let last = wanted(&line);
            lines.push(line);
            if last {
                return lines;
            }
        }
        panic!("the line awaited did not come; last observed: {lines:#?}");
    }

    /// Collects the lines of all that was called so far, by calling something of its own and waiting for it to show up.
    #[track_caller]
    pub fn lines_so_far(&mut self, server: &Server) -> Vec<String> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mark = format!("end-of-monitor-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut client = server.client();
        client.call(["PING", &mark]);
        let mut lines = self.lines_until(|line| line.contains(&mark));
        lines.pop();
        lines
    }

    /// Collects all lines that come within `limit`, for what must not come at all. Takes that long.
    #[track_caller]
    pub fn lines_within(&mut self, limit: Duration) -> Vec<String> {
        let end = Instant::now() + limit;
        std::iter::from_fn(|| self.line_before(end)).collect()
    }

    #[track_caller]
    fn line_before(&mut self, end: Instant) -> Option<String> {
        let left = end.saturating_duration_since(Instant::now());
        match self.client.read_within(left) {
            Ok(Some(Reply::Simple(line))) => Some(String::from_utf8_lossy(&line).into_owned()),
            Ok(None) => None,
            other => panic!("not a line of MONITOR: {other:?}"),
        }
    }
}
