//! The distribution's package that the running executable belongs to: read from the package managers' own files, so that
//! no process is started. A copy of the same executable elsewhere belongs to no package.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::bounded;
use crate::audit::facts::{Fact, Package};
use crate::render::escape::printable_up_to;

/// The lists of files of one package.
const MAX_LIST: u64 = 2 << 20;
/// All packages of dpkg or apk with their versions.
const MAX_STATUS: u64 = 64 << 20;
/// The database of rpm. It is searched, not kept.
const MAX_RPM: u64 = 256 << 20;
const MAX_ENTRIES: usize = 100_000;
/// The packages whose files are looked at have one of these words in their names.
const SERVERS: [&str; 2] = ["redis", "valkey"];

/// Asks the package managers of this machine. `version` is the one that the server states.
pub fn read(version: &str) -> Fact<Option<Package>> {
    let executable = match std::fs::read_link("/proc/self/exe") {
        Ok(path) => path,
        Err(error) => {
            return Fact::Unavailable(format!("/proc/self/exe: {}", bounded::reason(&error)));
        }
    };
    if executable.as_os_str().as_bytes().ends_with(b" (deleted)") {
        return Fact::Unavailable(format!(
            "{}: the program was replaced since the server started, so its package is another one; restart the server",
            bounded::shown(&executable)
        ));
    }
    match owner(Path::new("/"), &executable, version) {
        Ok(package) => Fact::Known(package),
        Err(reason) => Fact::Unavailable(reason),
    }
}

fn owner(root: &Path, executable: &Path, version: &str) -> Result<Option<Package>, String> {
    // What an administrator builds lies elsewhere.
    let folders = [
        "/usr/bin",
        "/usr/sbin",
        "/bin",
        "/sbin",
        "/usr/lib",
        "/usr/libexec",
    ];
    if !folders.iter().any(|folder| executable.starts_with(folder)) {
        return Ok(None);
    }
    if let Some(package) = dpkg(root, executable)? {
        return Ok(Some(package));
    }
    if let Some(package) = apk(root, executable)? {
        return Ok(Some(package));
    }
    rpm(root, version)
}

/// Debian, Ubuntu: /var/lib/dpkg/info/PACKAGE.list names the files, /var/lib/dpkg/status the version.
fn dpkg(root: &Path, executable: &Path) -> Result<Option<Package>, String> {
    let info = root.join("var/lib/dpkg/info");
    let entries = match std::fs::read_dir(&info) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(format!(
                "{}: {}",
                bounded::shown(&info),
                bounded::reason(&error)
            ));
        }
    };
    let names = spellings(executable);
    for entry in entries.take(MAX_ENTRIES).flatten() {
        let file = entry.file_name();
        let Some(package) = file.to_str().and_then(|name| name.strip_suffix(".list")) else {
            continue;
        };
        if !SERVERS.iter().any(|word| package.contains(word)) {
            continue;
        }
        let list = bounded::whole(&entry.path(), MAX_LIST)?;
        let mut lines = list.split(|byte| *byte == b'\n');
        if lines.any(|line| names.iter().any(|name| name.as_os_str().as_bytes() == line)) {
            // `libc6:amd64` is a package and its architecture.
            let name = package.split(':').next().unwrap_or(package);
            return dpkg_version(root, name).map(Some);
        }
    }
    Ok(None)
}

fn dpkg_version(root: &Path, name: &str) -> Result<Package, String> {
    let path = root.join("var/lib/dpkg/status");
    let status = bounded::whole(&path, MAX_STATUS)?;
    let heading = format!("Package: {name}");
    let mut lines = status.split(|byte| *byte == b'\n');
    lines.by_ref().find(|line| *line == heading.as_bytes());
    let stanza = lines.take_while(|line| !line.is_empty());
    let version = stanza
        .filter_map(|line| line.strip_prefix(b"Version: "))
        .next();
    match version {
        Some(version) => Ok(package("dpkg", name.as_bytes(), version)),
        None => Err(format!("{}: no version of {name}", bounded::shown(&path))),
    }
}

/// Alpine: one file with all packages, their versions and files.
fn apk(root: &Path, executable: &Path) -> Result<Option<Package>, String> {
    let places = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];
    let Some(path) = places
        .iter()
        .map(|place| root.join(place))
        .find(|path| path.exists())
    else {
        return Ok(None);
    };
    let names = spellings(executable);
    let installed = bounded::whole(&path, MAX_STATUS)?;
    let (mut name, mut version, mut folder) = (&b""[..], &b""[..], &b""[..]);
    for line in installed.split(|byte| *byte == b'\n') {
        match line {
            [b'P', b':', rest @ ..] => (name, version) = (rest, b""),
            [b'V', b':', rest @ ..] => version = rest,
            [b'F', b':', rest @ ..] => folder = rest,
            [b'R', b':', file @ ..] => {
                let path = [b"/", folder, b"/", file].concat();
                if names.iter().any(|name| name.as_os_str().as_bytes() == path) {
                    return Ok(Some(package("apk", name, version)));
                }
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Red Hat, Fedora, SUSE. The database has one of three formats, and in all of them stands the name of the source
/// package, `redis-6.2.18-1.el9_5.src.rpm`; that of the version which runs is the one. (Old records may still lie there.)
fn rpm(root: &Path, version: &str) -> Result<Option<Package>, String> {
    let folders = ["var/lib/rpm", "usr/lib/sysimage/rpm"];
    let files = ["rpmdb.sqlite", "Packages.db", "Packages"];
    let mut places = folders
        .iter()
        .flat_map(|folder| files.iter().map(move |file| root.join(folder).join(file)));
    let Some(path) = places.find(|path| path.exists()) else {
        return Ok(None);
    };
    let database = bounded::whole(&path, MAX_RPM)?;
    Ok(source_rpm(&database, version))
}

fn source_rpm(database: &[u8], version: &str) -> Option<Package> {
    let ending = b".src.rpm";
    let finder = memchr::memmem::find_iter(database, ending);
    for end in finder {
        let from = end.saturating_sub(128);
        let before = database.get(from..end)?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_+~^".contains(byte);
        let start = before
            .iter()
            .rposition(|byte| !plain(byte))
            .map_or(0, |place| place + 1);
        let source = before.get(start..).unwrap_or_default();
        // NAME-VERSION-RELEASE
        let mut parts = source.rsplitn(3, |byte| *byte == b'-');
        let (Some(release), Some(stated), Some(name)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        if stated == version.as_bytes()
            && SERVERS.iter().any(|word| name.starts_with(word.as_bytes()))
        {
            return Some(package("rpm", name, &[stated, b"-", release].concat()));
        }
    }
    None
}

fn package(manager: &'static str, name: &[u8], version: &[u8]) -> Package {
    Package {
        manager,
        name: printable_up_to(name, 64),
        version: printable_up_to(version, 64),
    }
}

/// Where /bin is a link to /usr/bin, a package may list either.
fn spellings(executable: &Path) -> Vec<PathBuf> {
    let path = executable.as_os_str().as_bytes();
    let mut names = vec![executable.to_owned()];
    if let Some(short) = path.strip_prefix(b"/usr") {
        names.push(PathBuf::from(OsStr::from_bytes(short)));
    } else {
        names.push(PathBuf::from(OsStr::from_bytes(&[b"/usr", path].concat())));
    }
    names
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::fs;

    const PROGRAM: &str = "/usr/bin/redis-check-rdb";

    fn root(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    fn owned(root: &tempfile::TempDir, program: &str) -> Result<Option<Package>, String> {
        owner(root.path(), Path::new(program), "7.0.15")
    }

    fn found(root: &tempfile::TempDir, program: &str) -> String {
        let package = owned(root, program).unwrap().unwrap();
        format!("{} {} {}", package.manager, package.name, package.version)
    }

    const STATUS: &[u8] =
        b"Package: redis\nVersion: 1\n\nPackage: redis-tools\nStatus: install ok installed\n\
        Version: 5:7.0.15-1~deb12u5\nDepends: x\n\nPackage: z\nVersion: 2\n";

    #[test]
    fn dpkg_tells_by_its_lists_and_its_status() {
        let root = root(&[
            (
                "var/lib/dpkg/info/redis-server.list",
                b"/.\n/usr/bin/redis-server\n",
            ),
            (
                "var/lib/dpkg/info/redis-tools.list",
                b"/.\n/usr/bin/redis-check-rdb\n",
            ),
            ("var/lib/dpkg/status", STATUS),
        ]);
        assert_eq!(found(&root, PROGRAM), "dpkg redis-tools 5:7.0.15-1~deb12u5");
        assert_eq!(
            found(&root, "/bin/redis-check-rdb"),
            "dpkg redis-tools 5:7.0.15-1~deb12u5"
        );
        // A copy, and what somebody built, are nobody's.
        assert_eq!(owned(&root, "/usr/bin/redis-check").unwrap(), None);
        assert_eq!(owned(&root, "/opt/usr/bin/redis-check-rdb").unwrap(), None);
        assert_eq!(owned(&root, "/usr/local/bin/redis-server").unwrap(), None);
        // The package is listed and its version is not there: not known, and not upstream's.
        assert!(
            owned(&root, "/usr/bin/redis-server")
                .unwrap_err()
                .contains("no version of redis-server")
        );
    }

    #[test]
    fn apk_tells_by_one_file() {
        let installed = b"C:Q1\nP:musl\nV:1.2\nF:lib\nR:ld-musl\n\nP:redis\nV:7.0.15-r1\nF:etc\nR:redis.conf\nF:usr/bin\nR:redis-check-rdb\n";
        let root = root(&[("lib/apk/db/installed", installed)]);
        assert_eq!(found(&root, PROGRAM), "apk redis 7.0.15-r1");
        assert_eq!(owned(&root, "/usr/bin/redis-server").unwrap(), None);
    }

    #[test]
    fn rpm_tells_by_the_source_package_of_the_version_that_runs() {
        let database = b"\0\0redis-6.2.7-1.el9.src.rpm\0..bash-5.1-9.el9.src.rpm\0\x01redis-7.0.15-2.el9_5.src.rpm\0(none)";
        for place in [
            "var/lib/rpm/rpmdb.sqlite",
            "var/lib/rpm/Packages",
            "usr/lib/sysimage/rpm/Packages.db",
        ] {
            let root = root(&[(place, database)]);
            assert_eq!(
                found(&root, "/usr/bin/redis-server"),
                "rpm redis 7.0.15-2.el9_5"
            );
        }
        let other = root(&[(
            "var/lib/rpm/rpmdb.sqlite",
            b"redis-6.2.7-1.el9.src.rpm\0python-redis-7.0.15-1.src.rpm\0-.src.rpm",
        )]);
        assert_eq!(owned(&other, "/usr/bin/redis-server").unwrap(), None);
    }

    #[test]
    fn without_a_package_manager_it_is_no_package_and_a_list_that_cannot_be_read_is_a_reason() {
        let bare = tempfile::tempdir().unwrap();
        assert_eq!(owned(&bare, PROGRAM).unwrap(), None);
        let root = root(&[("var/lib/dpkg/info/redis.list/x", b"")]);
        assert!(
            owned(&root, PROGRAM)
                .unwrap_err()
                .contains("no regular file")
        );
    }

    #[test]
    fn the_program_that_runs_the_tests_is_no_package() {
        assert_eq!(read("7.0.15"), Fact::Known(None));
    }
}
