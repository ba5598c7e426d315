//! The real redis-cli: in a pipe, as scripts use it, and on a terminal, as people do. Its output differs between them.

use super::process::{Outcome, run as run_process};
use super::server::Server;
use super::version::cli_binary;
use super::wait::DEADLINE;
use std::ffi::{OsStr, OsString};
use std::process::Command;

/// Runs redis-cli in a pipe: `run(&server, ["-3", "SECAUDIT"])`.
#[track_caller]
pub fn run(server: &Server, args: impl IntoIterator<Item: AsRef<OsStr>>) -> Outcome {
    run_with_input(server, args, b"")
}

/// Like [`run`], with something on its standard input: commands, one a line.
#[track_caller]
pub fn run_with_input(
    server: &Server,
    args: impl IntoIterator<Item: AsRef<OsStr>>,
    input: &[u8],
) -> Outcome {
    let mut command = Command::new(cli_binary());
    command.args(connection(server)).args(args);
    prepare(&mut command, server);
    run_process(command, input, DEADLINE)
}

/// Runs redis-cli under a pseudo-terminal and returns what the terminal shows, its line ends made plain.
#[track_caller]
pub fn on_a_terminal(server: &Server, args: impl IntoIterator<Item: AsRef<OsStr>>) -> String {
    let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
    let words = [cli_binary().as_os_str().to_owned()]
        .into_iter()
        .chain(connection(server))
        .chain(args);
    let line: Vec<String> = words.map(|word| shell_quoted(&word)).collect();
    let mut command = Command::new("script");
    command
        .args([
            "--quiet",
            "--return",
            "--command",
            &line.join(" "),
            "/dev/null",
        ])
        .env("TERM", "xterm");
    prepare(&mut command, server);
    let outcome = run_process(command, b"", DEADLINE);
    assert!(
        outcome.status.success(),
        "{:?} on a terminal: {}\n{}",
        line,
        outcome.status,
        outcome.text()
    );
    outcome.text().replace("\r\n", "\n")
}

fn connection(server: &Server) -> Vec<OsString> {
    let mut args: Vec<OsString> = match server.port() {
        0 => vec!["-s".into(), server.socket().into()],
        port => vec![
            "-h".into(),
            "127.0.0.1".into(),
            "-p".into(),
            port.to_string().into(),
        ],
    };
    if let Some(login) = server.login() {
        args.extend(["--user".into(), login.user.clone().into()]);
    }
    args
}

/// Nothing of the user's own settings or history, and the password where it is not shown.
fn prepare(command: &mut Command, server: &Server) {
    command
        .current_dir(server.dir())
        .env("HOME", server.dir())
        .env_remove("REDISCLI_AUTH");
    if let Some(login) = server.login() {
        command.env("REDISCLI_AUTH", &login.password);
    }
}

fn shell_quoted(word: &OsStr) -> String {
    let word = word.to_str().expect("words for a terminal are UTF-8");
    format!("'{}'", word.replace('\'', "'\\''"))
}
