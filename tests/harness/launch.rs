//! One way to start a server: its folder, file, port and arguments. Started more than once, it is the same server.

use super::account::Installed;
use super::builder::StartFailure;
use super::process::Process;
use super::resp::{Client, Reply};
use super::wait::{DEADLINE, attempt};
use super::{conf, port};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const CONF_NAME: &str = "redis.conf";
const CONSOLE_NAME: &str = "console.log";
/// How often another program may be faster to a port.
const PORT_TRIES: usize = 5;
const PORT_TAKEN: &str = "Address already in use";

/// How clients of the harness sign in.
#[derive(Clone)]
pub struct Login {
    /// The user, `default` unless said otherwise.
    pub user: String,
    /// The user's password.
    pub password: String,
}

/// All that a server is started with.
pub struct Launch {
    /// The test that this server is for, for reports.
    pub name: String,
    /// The server's program.
    pub binary: PathBuf,
    /// A command that starts the program, in front of it.
    pub under: Vec<String>,
    /// Arguments after the redis.conf.
    pub args: Vec<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// The folder the server runs in, removed at the end.
    pub dir: TempDir,
    /// The redis.conf but for a port of our choice.
    pub conf_text: String,
    /// The port, if the test chose it.
    pub own_port: Option<u16>,
    /// The port; 0 when the server has none.
    pub port: u16,
    /// The unix socket, unless the test turned it off.
    pub socket: Option<PathBuf>,
    /// The log file, unless the test turned it off.
    pub logfile: Option<PathBuf>,
    /// How clients sign in, if they must.
    pub login: Option<Login>,
    /// What root has installed for a server with an account of its own.
    pub installed: Option<Installed>,
}

impl Launch {
    /// Starts for the first time: writes the redis.conf, and chooses another port when the first turns out to be taken.
    pub fn first_start(&mut self) -> Result<Process, StartFailure> {
        for _ in 1..PORT_TRIES {
            self.write_conf();
            match self.start() {
                Err(failure) if self.own_port.is_none() && failure.log.contains(PORT_TAKEN) => {
                    self.clear_log()
                }
                outcome => return outcome,
            }
        }
        self.write_conf();
        self.start()
    }

    /// Starts on the same folder, file and port as before. The port may for a moment be someone else's.
    pub fn start_again(&self) -> Result<Process, StartFailure> {
        for _ in 1..PORT_TRIES {
            match self.start() {
                Err(failure) if failure.log.contains(PORT_TAKEN) => self.clear_log(),
                outcome => return outcome,
            }
        }
        self.start()
    }

    /// The path of the redis.conf.
    pub fn conf(&self) -> PathBuf {
        self.dir.path().join(CONF_NAME)
    }

    /// What the server wrote since it was last started: first to its standard streams, then to its log.
    pub fn log(&self) -> String {
        let read = |path: PathBuf| fs::read(path).unwrap_or_default();
        let console = read(self.dir.path().join(CONSOLE_NAME));
        let log = self.logfile.clone().map(read).unwrap_or_default();
        String::from_utf8_lossy(&console).into_owned() + &String::from_utf8_lossy(&log)
    }

    /// Empties the log before another start.
    pub fn clear_log(&self) {
        for path in [
            Some(self.dir.path().join(CONSOLE_NAME)),
            self.logfile.clone(),
        ]
        .into_iter()
        .flatten()
        {
            let _ = fs::remove_file(path);
        }
    }

    /// The command that starts the server, as one could type it.
    pub fn command_line(&self) -> String {
        format!("{:?}", self.command())
    }

    /// A connection of the quickest kind that the server offers, not signed in.
    pub fn connect(&self) -> io::Result<Client> {
        match &self.socket {
            Some(socket) => Client::unix(socket),
            None => Client::tcp(self.port),
        }
    }

    fn command(&self) -> Command {
        let mut words = self
            .under
            .iter()
            .map(OsStr::new)
            .chain([self.binary.as_os_str()]);
        let mut command = Command::new(words.next().expect("a program"));
        command
            .args(words)
            .arg(self.conf())
            .args(&self.args)
            .envs(self.env.iter().cloned())
            .current_dir(self.dir.path());
        command
    }

    fn write_conf(&mut self) {
        let mut text = self.conf_text.clone();
        match self.own_port {
            Some(port) => self.port = port,
            None => {
                self.port = port::free();
                text.push_str(&conf::line("port", &self.port.to_string()));
            }
        }
        fs::write(self.conf(), text).expect("the redis.conf is written");
        if let Some(installed) = &self.installed {
            installed.give(&self.conf());
        }
    }

    /// One start, watched until the server answers or is dead.
    fn start(&self) -> Result<Process, StartFailure> {
        let console = File::options()
            .create(true)
            .append(true)
            .open(self.dir.path().join(CONSOLE_NAME));
        let console = console.expect("the file for the server's output opens");
        let mut command = self.command();
        command.stdin(Stdio::null());
        command
            .stdout(console.try_clone().expect("a file handle"))
            .stderr(console);
        let process = Process::spawn(command)
            .unwrap_or_else(|e| panic!("{} did not start: {e}", self.command_line()));
        let look = || match process.ended() {
            Some(status) => Ok(Some(status)),
            None => self.answers().map(|()| None),
        };
        match attempt("the server to answer", DEADLINE, look) {
            Ok(None) => Ok(process),
            Ok(Some(status)) => Err(self.failure(status)),
            Err(complaint) => panic!("{}: {complaint}\n{}", self.command_line(), self.log()),
        }
    }

    /// Whether the server serves. Any answer will do (a test may have closed PING or set a password), except that it is
    /// still loading.
    fn answers(&self) -> Result<(), String> {
        let mut client = self
            .connect()
            .map_err(|e| e.to_string())?
            .patience(Duration::from_secs(2));
        match client.try_call(["PING"]) {
            Ok(Reply::Error(text)) if text.starts_with(b"LOADING") => Err("it is loading".into()),
            Ok(_) => Ok(()),
            Err(e) => Err(e.to_string()),
        }
    }

    fn failure(&self, status: ExitStatus) -> StartFailure {
        StartFailure {
            status,
            log: self.log(),
            command: self.command_line(),
        }
    }
}
