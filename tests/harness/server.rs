//! A running server. When its owner is dropped it is stopped, and when that happens in a panic its log is shown.

use super::builder::{Builder, StartFailure};
use super::launch::{Launch, Login};
use super::process::Process;
use super::resp::{Client, Reply};
use super::version::{self, Version};
use super::wait::{DEADLINE, Look, attempt};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

const LINES_SHOWN: usize = 200;

/// A server process with a folder of its own, both of which end with this value.
pub struct Server {
    // Before `launch`, so that the process is gone when its folder is removed.
    process: Process,
    launch: Launch,
    /// The log of the starts before the last one.
    past: String,
}

impl Server {
    /// A server to be: see [`Builder`].
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// A server with our module and nothing else out of the ordinary.
    #[track_caller]
    pub fn start() -> Self {
        Self::builder().start()
    }

    pub(super) fn running(launch: Launch, process: Process) -> Self {
        Self {
            process,
            launch,
            past: String::new(),
        }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.launch.port
    }

    /// The unix socket.
    #[track_caller]
    pub fn socket(&self) -> &Path {
        self.launch
            .socket
            .as_deref()
            .expect("this server was built without a unix socket")
    }

    /// The server's folder and working directory.
    pub fn dir(&self) -> &Path {
        self.launch.dir.path()
    }

    /// The redis.conf it was started with.
    pub fn conf(&self) -> PathBuf {
        self.launch.conf()
    }

    /// The process id of the last start.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Which server this is.
    pub fn version(&self) -> Version {
        version::of_binary(&self.launch.binary)
    }

    /// How the harness's clients sign in, if they must.
    pub fn login(&self) -> Option<&Login> {
        self.launch.login.as_ref()
    }

    /// A new connection over TCP (over the unix socket if the server has no port), signed in where that is needed.
    #[track_caller]
    pub fn client(&self) -> Client {
        self.signed_in(self.stranger())
    }

    /// A new connection over the unix socket, signed in where that is needed.
    #[track_caller]
    pub fn unix_client(&self) -> Client {
        let client = Client::unix(self.socket());
        self.signed_in(client.unwrap_or_else(|e| panic!("no connection over the unix socket: {e}")))
    }

    /// A new connection that never signs in.
    #[track_caller]
    pub fn stranger(&self) -> Client {
        let client = if self.port() == 0 {
            self.launch.connect()
        } else {
            Client::tcp(self.port())
        };
        client.unwrap_or_else(|e| {
            panic!(
                "no connection to port {}: {e}; {}",
                self.port(),
                self.state()
            )
        })
    }

    /// Calls one command on a connection of its own.
    #[track_caller]
    pub fn call(&self, args: impl IntoIterator<Item: AsRef<[u8]>>) -> Reply {
        self.client().call(args)
    }

    /// A connection of the `redis` crate: an ordinary client.
    #[track_caller]
    pub fn redis_client(&self) -> redis::Connection {
        let client = redis::Client::open(("127.0.0.1", self.port())).expect("an address");
        let mut connection = client
            .get_connection_with_timeout(super::wait::scaled(DEADLINE))
            .expect("the redis crate connects");
        if let Some(login) = self.login() {
            let auth = redis::cmd("AUTH")
                .arg(&login.user)
                .arg(&login.password)
                .exec(&mut connection);
            auth.expect("the redis crate signs in");
        }
        connection
    }

    /// INFO, or one section of it (an empty name is the default set), as a map.
    #[track_caller]
    pub fn info(&self, section: &str) -> BTreeMap<String, String> {
        let text = self
            .call(["INFO", section].iter().filter(|arg| !arg.is_empty()))
            .text();
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        fields
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// All that the server wrote, over all its starts.
    pub fn log(&self) -> String {
        self.past.clone() + &self.launch.log()
    }

    /// Waits for a text in what the server wrote since its last start.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) {
        self.wait_until(&format!("{text:?} in the log"), || {
            self.launch.log().contains(text)
        });
    }

    /// Looks until the condition holds; panics at the deadline, or as soon as the server is dead.
    #[track_caller]
    pub fn wait_until<L: Look>(&self, what: &str, mut look: impl FnMut() -> L) -> L::Seen {
        let outcome = attempt(what, DEADLINE, || {
            // Asked first: a condition about the server's end must still be seen to hold.
            let ended = self.process.ended();
            match (look().outcome(), ended) {
                (Err(observed), Some(status)) => {
                    Ok(Err(format!("the server is dead ({status}); {observed}")))
                }
                (Err(observed), None) => Err(observed),
                (Ok(seen), _) => Ok(Ok(seen)),
            }
        });
        match outcome {
            Ok(Ok(seen)) => seen,
            Ok(Err(death)) => panic!("waiting for {what}: {death}"),
            Err(complaint) => panic!("{complaint}"),
        }
    }

    /// Whether the process runs.
    pub fn is_alive(&self) -> bool {
        self.process.ended().is_none()
    }

    /// Sends a signal, such as `libc::SIGSTOP`.
    pub fn signal(&self, signal: libc::c_int) {
        self.process.signal(signal);
    }

    /// Kills the server as a crash would.
    pub fn kill9(&self) {
        self.process.kill();
    }

    /// Stops the server as a service manager would; panics if it does not.
    #[track_caller]
    pub fn stop(&self) -> ExitStatus {
        self.process
            .stop(DEADLINE)
            .unwrap_or_else(|complaint| panic!("{complaint}"))
    }

    /// Stops the server and starts it on the same folder, file and port.
    #[track_caller]
    pub fn restart(&mut self) {
        self.try_restart()
            .unwrap_or_else(|failure| panic!("{failure}"));
    }

    /// Like [`Server::restart`], for a server that may refuse; it is then dead.
    #[track_caller]
    pub fn try_restart(&mut self) -> Result<(), StartFailure> {
        self.stop();
        self.past.push_str(&self.launch.log());
        self.launch.clear_log();
        self.process = self.launch.start_again()?;
        Ok(())
    }

    #[track_caller]
    fn signed_in(&self, mut client: Client) -> Client {
        if let Some(Login { user, password }) = self.login() {
            let reply = client.auth(user, password);
            assert!(
                reply.is_ok(),
                "the harness cannot sign in as {user}: {reply}"
            );
        }
        client
    }

    fn state(&self) -> String {
        match self.process.ended() {
            Some(status) => format!("the server is dead ({status})"),
            None => "the server is alive".into(),
        }
    }

    /// What one wants to know of a server whose test failed.
    fn report(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let hidden = lines.len().saturating_sub(LINES_SHOWN);
        format!(
            "--- server of {}: {}, pid {}, {}\n--- {}\n--- its log ({hidden} earlier lines not shown):\n{}\n---",
            self.launch.name,
            self.version(),
            self.pid(),
            self.state(),
            self.launch.command_line(),
            lines[hidden..].join("\n"),
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.report());
        }
    }
}
