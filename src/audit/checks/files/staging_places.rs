//! Places where a written file runs, lets somebody in, or is shown to the world: what attackers point a database at. And the
//! folders that belong to everybody.

/// What makes a path a target, in words that follow "it is".
pub type Danger = &'static str;

/// Folders with this name, wherever they lie: a container may have the host's tree below any folder.
const FOLDERS: [(&str, Danger); 22] = [
    (".ssh", "in a folder of SSH keys"),
    ("cron.d", "in a folder of cron jobs"),
    ("cron.hourly", "in a folder of cron jobs"),
    ("cron.daily", "in a folder of cron jobs"),
    ("cron.weekly", "in a folder of cron jobs"),
    ("cron.monthly", "in a folder of cron jobs"),
    ("crontabs", "in a folder of cron jobs"),
    ("init.d", "in a folder of start scripts"),
    ("rc.d", "in a folder of start scripts"),
    ("rc0.d", "in a folder of start scripts"),
    ("rc1.d", "in a folder of start scripts"),
    ("rc2.d", "in a folder of start scripts"),
    ("rc3.d", "in a folder of start scripts"),
    ("rc4.d", "in a folder of start scripts"),
    ("rc5.d", "in a folder of start scripts"),
    ("rc6.d", "in a folder of start scripts"),
    ("rcS.d", "in a folder of start scripts"),
    ("profile.d", "in a folder of login scripts"),
    ("sudoers.d", "in a folder of sudo's rules"),
    ("public_html", "in a web root"),
    ("htdocs", "in a web root"),
    ("wwwroot", "in a web root"),
];

/// Folders by their last names, wherever they lie.
const CHAINS: [(&[&str], Danger); 17] = [
    (&["spool", "cron"], "in a folder of cron jobs"),
    (&["spool", "at"], "in a folder of timed jobs"),
    (&["etc", "periodic"], "in a folder of cron jobs"),
    (&["etc", "init"], "in a folder of start scripts"),
    (&["etc", "sv"], "in a folder of services"),
    (&["etc", "systemd"], "in a folder of systemd"),
    (&["lib", "systemd"], "in a folder of systemd"),
    (&["run", "systemd"], "in a folder of systemd"),
    (&[".config", "systemd"], "in a folder of systemd"),
    (&["share", "systemd"], "in a folder of systemd"),
    (&["etc", "pam.d"], "in a folder of login rules"),
    (&[".config", "autostart"], "in a folder of login scripts"),
    (&["var", "www"], "in a web root"),
    (&["srv", "www"], "in a web root"),
    (&["srv", "http"], "in a web root"),
    (&["nginx", "html"], "in a web root"),
    (&["tomcat", "webapps"], "in a web root"),
];

/// Folders from the root of the file system.
const TREES: [(&[&str], Danger); 15] = [
    (&["bin"], "in a folder of programs"),
    (&["sbin"], "in a folder of programs"),
    (&["usr", "bin"], "in a folder of programs"),
    (&["usr", "sbin"], "in a folder of programs"),
    (&["usr", "libexec"], "in a folder of programs"),
    (&["usr", "local", "bin"], "in a folder of programs"),
    (&["usr", "local", "sbin"], "in a folder of programs"),
    (&["lib"], "in a folder of libraries and modules"),
    (&["lib32"], "in a folder of libraries and modules"),
    (&["lib64"], "in a folder of libraries and modules"),
    (&["usr", "lib"], "in a folder of libraries and modules"),
    (&["usr", "lib64"], "in a folder of libraries and modules"),
    (
        &["usr", "local", "lib"],
        "in a folder of libraries and modules",
    ),
    (&["boot"], "in a folder the machine starts from"),
    (&["usr", "share", "nginx"], "in a web root"),
];

/// Files that mean something under this name, wherever they lie.
const FILES: [(&str, Danger); 26] = [
    ("authorized_keys", "a file of SSH keys"),
    ("authorized_keys2", "a file of SSH keys"),
    ("crontab", "a file of cron jobs"),
    ("anacrontab", "a file of cron jobs"),
    ("rc.local", "a start script"),
    ("inittab", "a start script"),
    ("ld.so.preload", "a file that loads code into every program"),
    ("sudoers", "a file of sudo's rules"),
    (".profile", "a login script"),
    (".bashrc", "a login script"),
    (".bash_profile", "a login script"),
    (".bash_login", "a login script"),
    (".bash_logout", "a login script"),
    (".bash_aliases", "a login script"),
    (".zshrc", "a login script"),
    (".zshenv", "a login script"),
    (".zprofile", "a login script"),
    (".zlogin", "a login script"),
    (".kshrc", "a login script"),
    (".cshrc", "a login script"),
    (".tcshrc", "a login script"),
    (".login", "a login script"),
    (".xprofile", "a login script"),
    (".xinitrc", "a login script"),
    (".rhosts", "a file that lets others log in"),
    (".shosts", "a file that lets others log in"),
];

/// Endings of files that somebody runs.
const ENDINGS: [(&str, Danger); 16] = [
    (".php", "a script by its name"),
    (".php3", "a script by its name"),
    (".php5", "a script by its name"),
    (".php7", "a script by its name"),
    (".phtml", "a script by its name"),
    (".phar", "a script by its name"),
    (".jsp", "a script by its name"),
    (".jspx", "a script by its name"),
    (".asp", "a script by its name"),
    (".aspx", "a script by its name"),
    (".cgi", "a script by its name"),
    (".sh", "a script by its name"),
    (".so", "a module by its name"),
    (".service", "a unit of systemd by its name"),
    (".timer", "a unit of systemd by its name"),
    (".desktop", "a login script by its name"),
];

/// Folders of /etc, beside those above, whose files are read by others than their makers.
const OF_ETC: [&str; 29] = [
    "apt",
    "bash_completion.d",
    "dbus-1",
    "default",
    "dhcp",
    "environment.d",
    "kernel",
    "ld.so.conf.d",
    "logrotate.d",
    "modprobe.d",
    "modules-load.d",
    "network",
    "NetworkManager",
    "polkit-1",
    "ppp",
    "profile.d",
    "rsyslog.d",
    "security",
    "skel",
    "ssh",
    "ssl",
    "sysconfig",
    "sysctl.d",
    "tmpfiles.d",
    "udev",
    "update-motd.d",
    "X11",
    "xdg",
    "xinetd.d",
];

/// What a path is dangerous for; `file` when it is a file that is written, not a folder.
pub fn danger(path: &[u8], file: bool) -> Option<Danger> {
    let words = words(path);
    let is = |name: &str, word: &[u8]| word == name.as_bytes();
    if file && let Some(last) = words.last() {
        let named = FILES.iter().find(|(name, _)| is(name, last));
        let ends = ENDINGS.iter().find(|(end, _)| {
            last.to_ascii_lowercase().ends_with(end.as_bytes()) && last.len() > end.len()
        });
        if let Some((_, danger)) = named.or(ends) {
            return Some(danger);
        }
    }
    let chained = |chain: &[&str]| {
        let same = |part: &[&[u8]]| part.iter().zip(chain).all(|(word, name)| is(name, word));
        words.windows(chain.len()).any(same)
    };
    let begins = |tree: &[&str]| words.len() >= tree.len() && starts_with(&words, tree);
    let folder = FOLDERS
        .iter()
        .find(|(name, _)| words.iter().any(|word| is(name, word)));
    let chain = CHAINS.iter().find(|(chain, _)| chained(chain));
    let tree = TREES.iter().find(|(tree, _)| begins(tree));
    let found = folder.map(|(_, danger)| danger);
    let found = found.or(chain.map(|(_, danger)| danger));
    found.or(tree.map(|(_, danger)| danger)).copied()
}

/// Whether a path lies in /etc.
pub fn is_in_etc(path: &[u8]) -> bool {
    starts_with(&words(path), &["etc"])
}

/// Whether a path lies in a folder of /etc that a server, or its users' file, may have to itself: `/etc/redis/users.acl`.
pub fn is_in_own_folder_of_etc(path: &[u8], file: bool) -> bool {
    match words(path).as_slice() {
        [etc, folder, rest @ ..] => {
            *etc == b"etc"
                && !(file && rest.is_empty())
                && !OF_ETC.iter().any(|name| *folder == name.as_bytes())
        }
        _ => false,
    }
}

/// Whether a folder of /etc is the server's by its name.
pub fn is_named_for_the_server(path: &[u8]) -> bool {
    let names: [&[u8]; 3] = [b"redis", b"valkey", b"keydb"];
    words(path).iter().any(|word| {
        names
            .iter()
            .any(|name| word.windows(name.len()).any(|part| part == *name))
    })
}

/// Whether a path lies in somebody's home, where the name of a file decides what it is.
pub fn is_home(folder: &[u8]) -> bool {
    let words = words(folder);
    match words.as_slice() {
        [] => true,
        [root] => *root == b"root" || *root == b"home",
        [home, _] => *home == b"home",
        _ => false,
    }
}

/// Whether a folder is one that many programs, or many people, have in common.
pub fn is_everybodys(folder: &[u8]) -> bool {
    const TOPS: [&str; 20] = [
        "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "media", "mnt", "opt",
        "proc", "root", "run", "sbin", "snap", "srv", "sys", "tmp", "usr",
    ];
    let words = words(folder);
    let is = |word: &[u8], name: &str| word == name.as_bytes();
    let shared = match words.as_slice() {
        [] => true,
        [top] => is(top, "var") || TOPS.iter().any(|name| is(top, name)),
        [top, _] => ["var", "usr", "home", "dev", "proc", "sys"]
            .iter()
            .any(|name| is(top, name)),
        [top, ..] => ["dev", "proc", "sys"].iter().any(|name| is(top, name)),
    };
    shared
        || danger(folder, false).is_some()
        || (is_in_etc(folder) && !is_named_for_the_server(folder))
}

/// The names in a path, with `.` and `..` taken as they stand.
fn words(path: &[u8]) -> Vec<&[u8]> {
    let mut words: Vec<&[u8]> = Vec::new();
    for word in path.split(|byte| *byte == b'/') {
        match word {
            b"" | b"." => {}
            b".." => {
                words.pop();
            }
            word => words.push(word),
        }
    }
    words
}

fn starts_with(words: &[&[u8]], tree: &[&str]) -> bool {
    let same = words
        .iter()
        .zip(tree)
        .all(|(word, name)| *word == name.as_bytes());
    words.len() >= tree.len() && same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_targets_are_known_wherever_they_lie() {
        for (path, file, part) in [
            ("/root/.ssh", false, "SSH"),
            ("/home/alice/.ssh/authorized_keys", true, "SSH"),
            ("/srv/data/authorized_keys", true, "SSH"),
            ("/etc/cron.d", false, "cron"),
            ("/var/spool/cron/crontabs", false, "cron"),
            ("/var/spool/cron", false, "cron"),
            ("/host/etc/cron.d/x", true, "cron"),
            ("/host/etc/systemd/system", false, "systemd"),
            ("/home/a/.config/systemd/user", false, "systemd"),
            ("/usr/lib/systemd/system", false, "systemd"),
            ("/etc/rc3.d", false, "start"),
            ("/home/alice/.bashrc", true, "login script"),
            ("/var/www/html", false, "web root"),
            ("/home/alice/public_html", false, "web root"),
            ("/srv/data/Shell.PHP", true, "script by its name"),
            ("/tmp/exp.so", true, "module by its name"),
            ("/usr/lib/redis/modules", false, "modules"),
            ("/usr/local/bin", false, "programs"),
            ("/x/../usr//./bin/y", true, "programs"),
        ] {
            let found = danger(path.as_bytes(), file);
            assert!(
                found.is_some_and(|danger| danger.contains(part)),
                "{path}: {found:?}"
            );
        }
    }

    #[test]
    fn places_where_servers_live_are_no_targets() {
        for (path, file) in [
            ("/var/lib/redis", false),
            ("/var/lib/redis/dump.rdb", true),
            ("/var/log/redis/redis-server.log", true),
            ("/data", false),
            ("/usr/local/var/db/redis", false),
            ("/usr/local/redis/data", false),
            ("/opt/redis/appendonlydir", true),
            ("/home/alice/redis", false),
            ("/srv/redis/.php", true),
            ("/tmp/.tmpAbC/so", true),
            ("/", false),
        ] {
            assert_eq!(danger(path.as_bytes(), file), None, "{path}");
        }
    }

    #[test]
    fn etc_is_told_from_a_folder_of_the_servers_own_in_it() {
        assert!(is_in_etc(b"/etc") && is_in_etc(b"/etc/x") && !is_in_etc(b"/srv/etc"));
        assert!(is_in_own_folder_of_etc(b"/etc/redis/users.acl", true));
        assert!(is_in_own_folder_of_etc(b"/etc/app", false));
        for path in ["/etc/passwd", "/etc/ssh/x", "/etc/apt/a/b", "/srv/x/y"] {
            assert!(!is_in_own_folder_of_etc(path.as_bytes(), true), "{path}");
        }
        assert!(is_named_for_the_server(b"/etc/valkey-7"));
        assert!(!is_named_for_the_server(b"/etc/cron.d"));
    }

    #[test]
    fn homes_and_folders_of_many_are_known() {
        for path in ["/", "/root", "/home/alice"] {
            assert!(
                is_home(path.as_bytes()) && is_everybodys(path.as_bytes()),
                "{path}"
            );
        }
        for path in ["/var/lib/redis", "/data", "/etc/redis", "/home/alice/redis"] {
            assert!(
                !is_home(path.as_bytes()) && !is_everybodys(path.as_bytes()),
                "{path}"
            );
        }
        for path in ["/var/lib", "/tmp", "/dev/shm/x/y", "/etc/app", "/usr/lib/x"] {
            assert!(is_everybodys(path.as_bytes()), "{path}");
        }
    }
}
