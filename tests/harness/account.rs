//! The account a server runs under. An ordinary user has ordinary servers anyway; root makes one in a user namespace, where
//! its own files belong to a user who is not root. That works for servers and modules that only root can reach, too.

use super::process::run;
use super::wait::DEADLINE;
use std::process::Command;
use std::sync::OnceLock;

/// A number that no account has, so that no group is shared; 65534 would stand for every account outside the namespace.
const ORDINARY: [&str; 4] = ["unshare", "--user", "--map-user=54321", "--map-group=54321"];

/// Why a test that needs an ordinary user is skipped.
pub const NO_ORDINARY_USER: &str =
    "root may not make a user namespace here, so no server can run as an ordinary user";

/// Whether the tests run as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether a server can run as an ordinary user.
pub fn can_be_ordinary() -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        let [program, args @ ..] = ORDINARY;
        let mut command = Command::new(program);
        command.args(args).arg("true");
        !is_root() || run(command, b"", DEADLINE).status.success()
    })
}

/// The command that makes a server run as an ordinary user; none is needed for one who is.
pub fn ordinary() -> &'static [&'static str] {
    if is_root() { &ORDINARY } else { &[] }
}

/// The names of the account and the group of such a server, as the server itself sees them.
pub fn ordinary_names() -> (String, String) {
    if is_root() {
        return ("54321".to_owned(), "54321".to_owned());
    }
    let word = |option| {
        let mut command = Command::new("id");
        command.arg(option);
        run(command, b"", DEADLINE).text().trim().to_owned()
    };
    (word("-un"), word("-gn"))
}
