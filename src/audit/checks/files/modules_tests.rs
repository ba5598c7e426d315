//! Tests of the check of modules and libraries.

use super::*;
use crate::audit::checks::sample::{self, fails, file, folder, passes, unknown};

fn of_root(status: FileStatus) -> FileStatus {
    FileStatus {
        uid: 0,
        gid: 0,
        owner: "root".to_owned(),
        group: "root".to_owned(),
        ..status
    }
}

fn module(file: FileStatus, folder: FileStatus) -> Code {
    Code {
        module: Some(b"m".to_vec()),
        path: file.path.clone(),
        file: Fact::Known(file),
        folder: Fact::Known(folder),
    }
}

fn with(code: Code) -> Facts {
    let mut facts = sample::hardened();
    facts.files.code = Fact::Known(vec![code]);
    facts
}

fn root(file_mode: u32, folder_mode: u32) -> Facts {
    with(module(
        of_root(file("/m/a.so", file_mode)),
        of_root(folder("/m", folder_mode)),
    ))
}

#[test]
fn what_only_root_can_write_passes() {
    assert_eq!(
        passes(&Module, &root(0o755, 0o755)),
        ["-rwxr-xr-x root root /m/a.so"]
    );
    let mut facts = root(0o644, 0o755);
    if let Fact::Known(code) = &mut facts.files.code {
        code.push(Code {
            module: None,
            path: b"/usr/lib/libc.so.6".to_vec(),
            file: Fact::Known(of_root(file("/usr/lib/libc.so.6", 0o755))),
            folder: Fact::Known(of_root(folder("/usr/lib", 0o755))),
        });
    }
    assert_eq!(passes(&Module, &facts).len(), 2);
}

#[test]
fn a_file_or_a_folder_of_the_servers_own_user_fails() {
    let facts = with(module(file("/m/a.so", 0o444), of_root(folder("/m", 0o755))));
    let failure = fails(&Module, &facts);
    assert_eq!(
        failure.actual,
        ["-r--r--r-- redis redis /m/a.so: the server's own user redis owns it"]
    );
    assert!(
        failure
            .steps
            .concat()
            .contains("sudo install -D -o root -g root -m 755 /m/a.so /usr/lib/redis/modules/a.so")
    );
    assert_eq!(failure.actions, []);
    fails(
        &Module,
        &with(module(of_root(file("/m/a.so", 0o755)), folder("/m", 0o555))),
    );
}

#[test]
fn a_file_or_a_folder_that_others_may_write_fails_be_it_sticky() {
    for (file, folder) in [(0o757, 0o755), (0o755, 0o777), (0o755, 0o1777)] {
        let told = fails(&Module, &root(file, folder)).actual.concat();
        assert!(told.ends_with("anybody may write it"), "{told}");
    }
}

#[test]
fn a_group_counts_by_its_members_the_server_included() {
    let with_group = |gid: u32| {
        let folder = FileStatus {
            gid,
            group: "g".to_owned(),
            ..of_root(folder("/m", 0o775))
        };
        with(module(of_root(file("/m/a.so", 0o755)), folder))
    };
    let told = |facts: &Facts| fails(&Module, facts).actual.concat();
    assert!(told(&with_group(50)).ends_with("group g (alice, backup) may write it"));
    assert!(told(&with_group(112)).ends_with("the server may write it, by its group g"));
    passes(&Module, &with_group(0));
    assert!(unknown(&Module, &with_group(77)).contains("group 77"));
    let mut facts = with_group(60);
    let server = crate::audit::facts::Member {
        name: "redis".to_owned(),
        uid: Some(109),
    };
    facts.files.groups.insert(60, Fact::Known(vec![server]));
    assert!(told(&facts).ends_with("group g (redis) may write it"));
    let mut facts = with_group(0);
    facts.process.groups = Fact::Known(vec![0]);
    assert!(told(&facts).contains("the server may write it, by its group g"));
    facts.process.groups = Fact::Unavailable("no groups".to_owned());
    assert!(unknown(&Module, &facts).contains("no groups"));
}

#[test]
fn a_folder_of_many_libraries_is_told_once() {
    let library = |name: &str| Code {
        module: None,
        ..module(
            of_root(file(&format!("/usr/lib/{name}"), 0o755)),
            of_root(folder("/usr/lib", 0o777)),
        )
    };
    let mut facts = sample::hardened();
    facts.files.code = Fact::Known(vec![library("a.so"), library("b.so")]);
    assert_eq!(fails(&Module, &facts).actual.len(), 1);
}

#[test]
fn a_file_that_is_gone_is_unknown_and_what_is_known_to_be_wrong_counts() {
    let mut gone = module(file("/m/a.so", 0o755), folder("/m", 0o755));
    gone.file = Fact::Unavailable("/m/a.so: not there".to_owned());
    let mut facts = with(gone);
    assert_eq!(unknown(&Module, &facts), "/m/a.so: not there");
    if let Fact::Known(code) = &mut facts.files.code {
        code.push(module(file("/m/b.so", 0o755), folder("/m", 0o755)));
    }
    assert!(
        fails(&Module, &facts)
            .actual
            .concat()
            .contains("unknown: /m/a.so: not there")
    );
    facts.files.code = Fact::Unavailable("no list; no maps".to_owned());
    assert_eq!(unknown(&Module, &facts), "no list; no maps");
}
