//! A Sentinel that watches a master, as a process of its own.

use std::fs;
use std::process::{Command, Stdio};

use super::port;
use super::process::Process;
use super::resp::{Client, Reply};
use super::server::Server;
use super::version::server_binary;
use super::wait::{DEADLINE, until};

/// A Sentinel with a quorum of one.
pub struct Sentinel {
    port: u16,
    _process: Process,
    _dir: tempfile::TempDir,
}

impl Sentinel {
    /// Watches a master under the name `m`; `lines` are more lines of its configuration.
    #[track_caller]
    pub fn watch(master: &Server, lines: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (port, watched) = (port::free(), master.port());
        let conf = dir.path().join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nlogfile sentinel.log\n\
             sentinel monitor m 127.0.0.1 {watched} 1\n\
             sentinel down-after-milliseconds m 2000\nsentinel failover-timeout m 20000\n{lines}",
            dir.path().display()
        );
        fs::write(&conf, text).expect("a file in our folder");
        let mut command = Command::new(server_binary());
        command.arg(&conf).arg("--sentinel").current_dir(dir.path());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::spawn(command).expect("the server's binary runs");
        let sentinel = Self {
            port,
            _process: process,
            _dir: dir,
        };
        until("the Sentinel to know the replica", DEADLINE, || {
            let mut client = Client::tcp(sentinel.port).map_err(|error| error.to_string())?;
            let replicas = client.call(["SENTINEL", "REPLICAS", "m"]);
            let shown = format!("{replicas:?}");
            let known = shown.contains("slave-priority") && shown.contains("\"ok\"");
            if known { Ok(()) } else { Err(shown) }
        });
        sentinel
    }

    /// Asks it something.
    #[track_caller]
    pub fn call(&self, args: &[&str]) -> Reply {
        let client = Client::tcp(self.port);
        client.expect("the Sentinel answers").call(args)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The port of the master it tells clients of.
    pub fn master_port(&self) -> u16 {
        let address = self.call(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "m"]);
        address.texts()[1].parse().expect("a port")
    }
}
