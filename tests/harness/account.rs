//! The account a server runs under. An ordinary user has ordinary servers anyway; root makes one in a user namespace, where
//! its own files belong to a user who is not root. That works for servers and modules that only root can reach, too. Where it
//! matters which files are root's and which the server's, root can also start one that really is somebody else.

use super::process::run;
use super::wait::DEADLINE;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

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

/// The user and the group of a server with an account of its own.
pub const OWN_ID: u32 = 54321;

/// New files are private, as a distribution's unit has it, and no set-uid program helps.
const OWN: [&str; 8] = [
    "setpriv",
    "--reuid=54321",
    "--regid=54321",
    "--clear-groups",
    "--no-new-privs",
    "sh",
    "-c",
    "umask 077 && exec \"$0\" \"$@\"",
];

/// Shows a folder ($1) that lies below a closed one ($3) where it is, to this process and its children only: the closed one
/// seems to be empty but for the way there. $2 is a place to hold it meanwhile.
const SHOW: &str = "mount --bind \"$1\" \"$2\" && mount -t tmpfs -o mode=755 tmpfs \"$3\" \
    && mkdir -p \"$1\" && mount --bind \"$2\" \"$1\" && shift 3 && exec \"$@\"";

/// Why a test that needs a server with an account of its own is skipped.
pub const NO_OWN_ACCOUNT: &str = "only root can start a server under another account";

/// Whether a server can run under an account of its own.
pub fn can_have_own() -> bool {
    static POSSIBLE: OnceLock<bool> = OnceLock::new();
    *POSSIBLE.get_or_init(|| {
        is_root() && {
            let words = ["unshare", "--mount"].iter().chain(&OWN).chain(&["true"]);
            succeeds(words.map(|word| word.to_string()).collect())
        }
    })
}

/// What root sets up for a server with an account of its own.
pub struct Installed {
    /// Removed with the server.
    folder: TempDir,
}

impl Installed {
    /// Nothing set up yet.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("secaudit-root-").tempdir();
        let folder = folder.expect("a temporary folder");
        open(folder.path(), 0o755);
        Self { folder }
    }

    /// The command that starts a server's program under that account, be the program in a folder that is closed to it.
    pub fn under(&self, program: &Path) -> Vec<String> {
        let own = OWN.map(str::to_owned).to_vec();
        let folder = program.parent().expect("the program lies in a folder");
        let closed = |folder: &&Path| {
            let mode = folder
                .metadata()
                .expect("the folder is there")
                .permissions()
                .mode();
            mode & 0o001 == 0
        };
        let above: Vec<&Path> = folder.ancestors().skip(1).collect();
        let Some(top) = above.into_iter().rev().find(closed) else {
            return own;
        };
        let keep = self.folder.path().join("server");
        fs::create_dir(&keep).expect("a folder for the program");
        let mut words = ["unshare", "--mount", "sh", "-c", SHOW, "sh"]
            .map(str::to_owned)
            .to_vec();
        words.extend([folder, &keep, top].map(|path| path.to_string_lossy().into_owned()));
        words.extend(own);
        words
    }

    /// Installs a module where that account reaches it and only root can change it.
    pub fn module(&self, module: &Path) -> PathBuf {
        let folder = self.folder.path().join("modules");
        fs::create_dir_all(&folder).expect("a folder for the module");
        open(&folder, 0o755);
        let path = folder.join(module.file_name().expect("a module has a name"));
        fs::copy(module, &path).expect("the module is copied");
        open(&path, 0o755);
        path
    }

    /// Gives a file or a folder to that account.
    pub fn give(&self, path: &Path) {
        chown(path, Some(OWN_ID), Some(OWN_ID)).expect("root gives files away");
    }
}

fn succeeds(words: Vec<String>) -> bool {
    let [program, args @ ..] = words.as_slice() else {
        return false;
    };
    let mut command = Command::new(program);
    command.args(args);
    run(command, b"", DEADLINE).status.success()
}

fn open(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("root sets modes");
}
