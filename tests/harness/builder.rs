//! Building a server: every choice a test can make, and sane values for the rest.

use super::account::Installed;
use super::conf::{Conf, quoted};
use super::launch::{Launch, Login};
use super::server::Server;
use super::{account, module, port, version};
use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// The file that [`Builder::policy`] writes into the server's folder.
pub const POLICY_NAME: &str = "secaudit.policy";

/// A server to be. Unless told otherwise it loads our module, listens on 127.0.0.1 and saves nothing.
#[derive(Clone)]
pub struct Builder {
    binary: PathBuf,
    under: Vec<String>,
    module: Module,
    module_args: Vec<String>,
    policy: Option<String>,
    conf_file: Option<PathBuf>,
    config: Vec<(String, String)>,
    args: Vec<String>,
    env: Vec<(String, String)>,
    files: Vec<(String, Vec<u8>)>,
    login: Option<Login>,
    debug: bool,
    own_account: bool,
}

#[derive(Clone)]
enum Module {
    None,
    AsShipped,
    At(PathBuf),
}

/// A server that ended before it served.
#[derive(Debug)]
pub struct StartFailure {
    /// How it ended.
    pub status: ExitStatus,
    /// All it wrote.
    pub log: String,
    /// How it was started.
    pub command: String,
}

impl fmt::Display for StartFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ended before it served ({}); its log:\n{}",
            self.command, self.status, self.log
        )
    }
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            binary: version::server_binary().to_owned(),
            under: Vec::new(),
            module: Module::AsShipped,
            module_args: Vec::new(),
            policy: None,
            conf_file: None,
            config: Vec::new(),
            args: Vec::new(),
            env: Vec::new(),
            files: Vec::new(),
            login: None,
            debug: false,
            own_account: false,
        }
    }

    /// Loads the module as it is shipped: the default.
    pub fn module(mut self) -> Self {
        self.module = Module::AsShipped;
        self
    }

    /// Loads this module instead of the shipped one.
    pub fn module_file(mut self, path: PathBuf) -> Self {
        self.module = Module::At(path);
        self
    }

    /// Loads no module.
    pub fn no_module(mut self) -> Self {
        self.module = Module::None;
        self
    }

    /// Arguments of the `loadmodule` line. With [`Builder::policy`], they follow the policy file's path.
    pub fn module_args(mut self, args: &[&str]) -> Self {
        self.module_args
            .extend(args.iter().map(ToString::to_string));
        self
    }

    /// Writes this policy to a file (mode 600) and gives its path to the module as first argument.
    pub fn policy(mut self, text: &str) -> Self {
        self.policy = Some(text.to_owned());
        self
    }

    /// Adds a line to redis.conf. The value is written as it stands: `("save", "900 1")`; an empty one as `""`.
    pub fn config(mut self, name: &str, value: &str) -> Self {
        self.config.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts from a copy of this redis.conf instead of the defaults. Only what keeps servers apart is changed: port,
    /// folder, log, pid file, unix socket, daemonize. A line that loads a `libsecaudit.so` loads the one under test.
    pub fn conf_file(mut self, path: impl AsRef<Path>) -> Self {
        self.conf_file = Some(path.as_ref().to_owned());
        self
    }

    /// Writes a file into the server's folder, which is also its working directory.
    pub fn file(mut self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.files
            .push((name.to_owned(), content.as_ref().to_owned()));
        self
    }

    /// Adds command-line arguments after the redis.conf.
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(ToString::to_string));
        self
    }

    /// Sets an environment variable of the server.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts another program than the server under test.
    pub fn server_binary(mut self, path: impl AsRef<Path>) -> Self {
        self.binary = path.as_ref().to_owned();
        self
    }

    /// Starts the server by this command, which must `exec` the words that follow it.
    pub fn under(mut self, words: &[&str]) -> Self {
        self.under = words.iter().map(ToString::to_string).collect();
        self
    }

    /// Starts the server as an ordinary user, which owns its files, even where the tests run as root. Ask
    /// [`account::can_be_ordinary`] first.
    pub fn ordinary_user(self) -> Self {
        self.under(account::ordinary())
    }

    /// Starts the server under an account of its own, to which the server's folder is given; its module is root's, and new
    /// files are private. Ask [`account::can_have_own`] first.
    pub fn own_account(mut self) -> Self {
        self.own_account = true;
        self
    }

    /// Keeps an append-only file, written at every command.
    pub fn appendonly(self) -> Self {
        self.config("appendonly", "yes")
            .config("appendfsync", "always")
    }

    /// Opens the DEBUG command to clients, on the servers where it is closed.
    pub fn allow_debug(mut self) -> Self {
        self.debug = true;
        self
    }

    /// Sets `requirepass`; the harness's clients sign in with it.
    pub fn password(self, password: &str) -> Self {
        let line = quoted(password);
        self.config("requirepass", &line)
            .sign_in("default", password)
    }

    /// Has the harness's clients sign in so, where a user is set up by other means (`user` lines, an ACL file).
    pub fn sign_in(mut self, user: &str, password: &str) -> Self {
        self.login = Some(Login {
            user: user.to_owned(),
            password: password.to_owned(),
        });
        self
    }

    /// Makes it a replica of `master`, signing in there as the harness does.
    pub fn replica_of(mut self, master: &Server) -> Self {
        if let Some(login) = master.login() {
            self = self
                .config("masteruser", &quoted(&login.user))
                .config("masterauth", &quoted(&login.password));
        }
        self.config("replicaof", &format!("127.0.0.1 {}", master.port()))
    }

    /// Starts the server; panics with its log if it does not come up.
    #[track_caller]
    pub fn start(self) -> Server {
        self.try_start()
            .unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Starts a server that may refuse. One that neither serves nor ends is neither: that panics.
    #[track_caller]
    pub fn try_start(self) -> Result<Server, StartFailure> {
        let mut launch = self.prepared();
        let process = launch.first_start()?;
        Ok(Server::running(launch, process))
    }

    /// Starts a server that must refuse to start; panics if it serves.
    #[track_caller]
    pub fn expect_refusal(self) -> StartFailure {
        match self.try_start() {
            Ok(server) => panic!(
                "{} was to refuse to start, but it serves",
                server.conf().display()
            ),
            Err(failure) => failure,
        }
    }

    /// Lays out the server's folder.
    fn prepared(mut self) -> Launch {
        let dir = tempfile::Builder::new()
            .prefix("secaudit-test-")
            .tempdir()
            .expect("a temporary folder");
        let version = version::of_binary(&self.binary);
        if self.debug && version.guards_the_debug_command() {
            self = self.config("enable-debug-command", "yes");
        }
        let is_node = self.sets("cluster-enabled") || self.given_is_a_node();
        if is_node && !self.sets("cluster-port") && version.has_cluster_port() {
            // Else it would be the port + 10000, which is often no port at all.
            self = self.config("cluster-port", &port::free().to_string());
        }
        for (name, content) in &self.files {
            fs::write(dir.path().join(name), content).expect("a test's file is written");
        }
        if let Some(policy) = &self.policy {
            let path = dir.path().join(POLICY_NAME);
            fs::write(&path, policy).expect("the policy is written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
                .expect("the policy's mode is set");
            self.module_args
                .insert(0, path.to_string_lossy().into_owned());
        }
        let installed = self.own_account.then(Installed::new);
        if let Some(installed) = &installed {
            // A server is often a link to a program with many names, so its own name stays.
            let (folder, name) = (self.binary.parent(), self.binary.file_name());
            let folder = folder.map(|folder| fs::canonicalize(folder).expect("it is there"));
            self.binary = folder.expect("a folder").join(name.expect("a name"));
            self.under = installed.under(&self.binary);
            let files = self.files.iter().map(|(name, _)| name.as_str());
            for name in files.chain(self.policy.as_ref().map(|_| POLICY_NAME)) {
                installed.give(&dir.path().join(name));
            }
            installed.give(dir.path());
        }
        let conf_text = self.conf_text(dir.path(), installed.as_ref());
        let inside = |name: &str, default: &str| match self.last(name) {
            Some("" | "\"\"") => None,
            chosen => Some(dir.path().join(chosen.unwrap_or(default))),
        };
        Launch {
            name: std::thread::current().name().unwrap_or("a test").to_owned(),
            socket: inside("unixsocket", "redis.sock"),
            logfile: inside("logfile", "redis.log"),
            own_port: self
                .last("port")
                .map(|port| port.parse().expect("the port is a number")),
            port: 0,
            conf_text,
            dir,
            binary: self.binary,
            under: self.under,
            args: self.args,
            env: self.env,
            login: self.login,
            installed,
        }
    }

    fn conf_text(&self, dir: &Path, installed: Option<&Installed>) -> String {
        let module = match &self.module {
            Module::None => None,
            Module::AsShipped => Some(module::path()),
            Module::At(path) => Some(path.clone()),
        };
        let module = match (module, installed) {
            (Some(module), Some(installed)) => Some(installed.module(&module)),
            (module, _) => module,
        };
        let given = self.conf_file.as_ref().map(|path| {
            fs::read_to_string(path)
                .unwrap_or_else(|e| panic!("{} cannot be read: {e}", path.display()))
        });
        let conf = Conf {
            dir,
            given: given.as_deref(),
            module: module.as_deref(),
            module_args: &self.module_args,
            own: &self.config,
        };
        conf.text()
    }

    fn given_is_a_node(&self) -> bool {
        let given = self.conf_file.as_ref().map(fs::read_to_string);
        given.is_some_and(|text| {
            text.is_ok_and(|text| text.lines().any(|line| line == "cluster-enabled yes"))
        })
    }

    fn sets(&self, name: &str) -> bool {
        self.last(name).is_some()
    }

    fn last(&self, name: &str) -> Option<&str> {
        self.config
            .iter()
            .rev()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }
}
