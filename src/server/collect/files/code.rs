//! The files whose code runs in this process: the modules by MODULE LIST, and whatever else is mapped to run.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::super::ask::{Ask, Reply};
use super::super::bounded;
use super::super::config_file::ConfigFile;
use super::super::walk::{Walk, absolute};
use super::super::wire_name::call;
use super::kept;
use crate::audit::facts::{Code, Fact};

/// A process has at most 65,530 mappings, and most are lines without a path.
const MAX_MAPS: u64 = 16 << 20;
const MAX_FILES: usize = 1000;

/// Looks at the modules and libraries. Either list will do, for both have every module.
pub fn read(ask: &dyn Ask, file: &ConfigFile, walk: &mut Walk<'_>) -> Fact<Vec<Code>> {
    let listed = call(ask, file, &[b"module", b"list"]).and_then(listed);
    let maps = bounded::whole(Path::new("/proc/self/maps"), MAX_MAPS);
    let mapped = maps.map(|text| mapped(&text, std::fs::read_link("/proc/self/exe").ok()));
    found(listed, mapped, walk)
}

fn found(
    listed: Result<Vec<(Vec<u8>, PathBuf)>, String>,
    mapped: Result<BTreeSet<PathBuf>, String>,
    walk: &mut Walk<'_>,
) -> Fact<Vec<Code>> {
    if let (Err(list), Err(maps)) = (&listed, &mapped) {
        return Fact::Unavailable(format!("{list}; {maps}"));
    }
    let modules = listed.unwrap_or_default().into_iter();
    let modules = modules.map(|(name, path)| (Some(name), path));
    let libraries = mapped.unwrap_or_default().into_iter();
    let libraries = libraries.map(|path| (None, path));
    let mut code: Vec<Code> = Vec::new();
    for (module, path) in modules.chain(libraries).take(MAX_FILES) {
        let one = look(module, &path, walk);
        let same = |other: &Code| match (other.file.known(), one.file.known()) {
            (Ok(other), Ok(one)) => place(other) == place(one),
            _ => other.file == one.file,
        };
        if !code.iter().any(same) {
            code.push(one);
        }
    }
    Fact::Known(code)
}

fn place(file: &crate::audit::facts::FileStatus) -> &[u8] {
    file.resolved.as_deref().unwrap_or(&file.path)
}

fn look(module: Option<Vec<u8>>, path: &Path, walk: &mut Walk<'_>) -> Code {
    let file = kept(path.as_os_str().as_bytes(), walk);
    let folder = match &file {
        Fact::Known(file) => {
            let folder = Path::new(OsStr::from_bytes(place(file))).parent();
            walk.status(folder.unwrap_or(Path::new("/")).as_os_str().as_bytes())
        }
        Fact::Unavailable(reason) => Fact::Unavailable(reason.clone()),
    };
    Code {
        module,
        path: path.as_os_str().as_bytes().to_vec(),
        file,
        folder,
    }
}

/// Names and paths of MODULE LIST. What is built into the server has no path.
fn listed(reply: Reply) -> Result<Vec<(Vec<u8>, PathBuf)>, String> {
    let odd = || "MODULE LIST answered in a form that is not known".to_owned();
    let Reply::Array(modules) = reply else {
        return Err(odd());
    };
    let mut found = Vec::new();
    for module in modules {
        let Reply::Array(fields) = module else {
            return Err(odd());
        };
        let field = |name: &[u8]| {
            let named = |pair: &[Reply]| matches!(pair, [Reply::Text(key), _] if key == name);
            match fields.chunks(2).find(|pair| named(pair)) {
                Some([_, Reply::Text(value)]) => Some(value.clone()),
                _ => None,
            }
        };
        let (name, path) = (
            field(b"name").ok_or_else(odd)?,
            field(b"path").ok_or_else(odd)?,
        );
        if path.contains(&b'/') {
            found.push((name, absolute(&path)));
        }
    }
    Ok(found)
}

/// The files that are mapped to run, but for the program itself.
fn mapped(maps: &[u8], program: Option<PathBuf>) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for line in maps.split(|byte| *byte == b'\n') {
        // 7f4a3f43f000-7f4a3f6bc000 r-xp 0023e000 fe:00 5833734    /usr/lib/libsecaudit.so
        let Some(start) = line.iter().position(|byte| *byte == b'/') else {
            continue;
        };
        let (head, path) = line.split_at(start);
        let rights = head.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
        if rights.get(2) != Some(&b'x') {
            continue;
        }
        let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
        let path = PathBuf::from(OsStr::from_bytes(&unescaped(path)));
        let memory = ["/dev", "/memfd:", "/SYSV", "/anon_hugepage"];
        let named = |start: &&str| path.as_os_str().as_bytes().starts_with(start.as_bytes());
        if Some(&path) != program.as_ref() && !memory.iter().any(named) {
            found.insert(path);
        }
    }
    found
}

/// The kernel writes a line's end within a path as `\012`.
fn unescaped(path: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, tail)) = rest.split_first() {
        match tail.strip_prefix(b"012") {
            Some(tail) if *first == b'\\' => {
                bytes.push(b'\n');
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    bytes
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
mod tests {
    use super::super::super::accounts::Accounts;
    use super::super::super::twin::text;
    use super::*;
    use std::os::unix::fs::symlink;

    fn module(name: &str, path: &str) -> Reply {
        let fields = ["name", name, "ver", "1", "path", path];
        Reply::Array(fields.map(text).into())
    }

    #[test]
    fn modules_are_told_by_name_and_those_built_in_have_no_file() {
        let reply = vec![
            module("a", "/m/a.so"),
            module("vectorset", ""),
            module("lua", "lua"),
        ];
        let found = listed(Reply::Array(reply)).unwrap();
        assert_eq!(found, [(b"a".to_vec(), PathBuf::from("/m/a.so"))]);
        assert!(listed(Reply::Nil).is_err());
        assert!(listed(Reply::Array(vec![Reply::Nil])).is_err());
        assert!(listed(Reply::Array(vec![Reply::Array(vec![text("name")])])).is_err());
    }

    #[test]
    fn what_is_mapped_to_run_counts_and_data_memory_and_the_program_do_not() {
        let maps = b"1-2 r-xp 0 fe:00 1    /usr/bin/redis-server\n\
            1-2 r-xp 0 fe:00 1    /m/a b\\012.so\n\
            1-2 r--p 0 fe:00 1    /m/data.so\n\
            1-2 r-xp 0 fe:00 1    /m/gone.so (deleted)\n\
            1-2 rwxp 0 00:00 0    /memfd:jit (deleted)\n\
            1-2 r-xp 0 00:00 0    [vdso]\n\
            1-2 rw-p 0 00:00 0 \nrubbish\n";
        let found = mapped(maps, Some(PathBuf::from("/usr/bin/redis-server")));
        let found: Vec<&Path> = found.iter().map(PathBuf::as_path).collect();
        assert_eq!(found, [Path::new("/m/a b\n.so"), Path::new("/m/gone.so")]);
    }

    #[test]
    fn a_module_that_both_lists_have_is_one_and_keeps_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a.so"), folder.path().join("link.so"));
        std::fs::write(&file, "").unwrap();
        symlink(&file, &link).unwrap();
        let accounts = Accounts::read();
        let code = |listed, mapped| found(listed, mapped, &mut Walk::new(&accounts));
        let mapped = BTreeSet::from([file.clone(), folder.path().join("gone.so")]);
        let listed = vec![(b"a".to_vec(), link)];
        let Fact::Known(both) = code(Ok(listed.clone()), Ok(mapped.clone())) else {
            panic!("both are known");
        };
        assert_eq!(both.len(), 2);
        assert_eq!(both[0].module.as_deref(), Some(&b"a"[..]));
        assert!(matches!(&both[0].folder, Fact::Known(folder) if folder.kind == 'd'));
        assert!(
            both[1]
                .file
                .known()
                .unwrap_err()
                .contains("gone.so: not there")
        );
        assert!(code(Err("no list".to_owned()), Ok(mapped)).known().is_ok());
        assert!(code(Ok(listed), Err("no maps".to_owned())).known().is_ok());
        let neither = code(Err("no list".to_owned()), Err("no maps".to_owned()));
        assert_eq!(neither, Fact::Unavailable("no list; no maps".to_owned()));
    }

    #[test]
    fn this_process_runs_the_code_of_its_libraries() {
        let maps = std::fs::read("/proc/self/maps").unwrap();
        let program = std::fs::read_link("/proc/self/exe").unwrap();
        let found = mapped(&maps, Some(program.clone()));
        assert!(!found.is_empty() && !found.contains(&program));
    }
}
