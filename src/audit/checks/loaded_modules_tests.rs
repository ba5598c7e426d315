//! Tests of the check of the modules that run.

use super::*;
use crate::audit::checks::sample::{self, fails, file, folder, passes, unknown};

fn with(path: &str, folder_mode: u32) -> Facts {
    let mut facts = sample::hardened();
    sample::set(&mut facts, "enable-module-command", "yes");
    let above = path.rsplit_once('/').map_or("/", |(above, _)| above);
    facts.files.code = Fact::Known(vec![Code {
        module: Some(b"m".to_vec()),
        path: path.as_bytes().to_vec(),
        file: Fact::Known(file(path, 0o755)),
        folder: Fact::Known(folder(above, folder_mode)),
    }]);
    sample::conf(&mut facts).modules = vec![path.as_bytes().to_vec()];
    facts
}

#[test]
fn a_configured_module_in_a_folder_of_its_own_passes() {
    assert_eq!(passes(&Modules, &with("/m/a.so", 0o755)), ["m /m/a.so"]);
}

#[test]
fn a_module_of_no_file_fails_unless_only_the_command_line_can_have_loaded_it() {
    let mut facts = with("/m/a.so", 0o755);
    sample::conf(&mut facts).modules.clear();
    let failure = fails(&Modules, &facts);
    assert_eq!(
        failure.actual,
        ["m /m/a.so: no loadmodule line of /etc/redis/redis.conf names it"]
    );
    assert!(failure.steps.concat().contains("MODULE UNLOAD m "));
    sample::conf(&mut facts).gap = Some("x.conf: not there".to_owned());
    assert!(unknown(&Modules, &facts).contains("x.conf"));
    facts.configured = None;
    assert!(unknown(&Modules, &facts).contains("command line"));
    sample::set(&mut facts, "enable-module-command", "no");
    passes(&Modules, &facts);
}

#[test]
fn a_module_among_the_data_in_a_temporary_or_in_an_open_folder_fails() {
    for (path, mode, part) in [
        ("/tmp/a.so", 0o755, "temporary"),
        ("/var/tmp/x/a.so", 0o755, "temporary"),
        ("/dev/shm/a.so", 0o755, "temporary"),
        ("/var/lib/redis/a.so", 0o700, "among the data"),
        ("/m/a.so", 0o777, "anybody may write"),
    ] {
        let failure = fails(&Modules, &with(path, mode));
        assert!(failure.actual.concat().contains(part), "{failure:?}");
        assert!(failure.steps.concat().contains("sudo install"));
    }
    passes(&Modules, &with("/tmpfiles/a.so", 0o755));
}

#[test]
fn a_link_does_not_hide_where_a_module_lies_nor_does_removing_it() {
    let mut facts = with("/m/a.so", 0o755);
    let Fact::Known(code) = &mut facts.files.code else {
        return;
    };
    for one in code {
        one.file = Fact::Known(FileStatus {
            resolved: Some(b"/tmp/b.so".to_vec()),
            ..file("/m/a.so", 0o755)
        });
    }
    fails(&Modules, &facts);
    let mut facts = with("/tmp/a.so", 0o755);
    if let Fact::Known(code) = &mut facts.files.code {
        for one in code {
            one.file = Fact::Unavailable("/tmp/a.so: not there".to_owned());
            one.folder = Fact::Unavailable("/tmp/a.so: not there".to_owned());
        }
    }
    let actual = fails(&Modules, &facts).actual;
    assert_eq!(
        actual,
        ["m /tmp/a.so (cannot be looked at): it lies in a temporary folder"]
    );
}

#[test]
fn without_the_list_a_library_in_a_temporary_folder_is_found_and_the_rest_is_unknown() {
    let mut facts = with("/m/a.so", 0o755);
    let nameless = |facts: &mut Facts| {
        if let Fact::Known(code) = &mut facts.files.code {
            code.iter_mut().for_each(|one| one.module = None);
        }
    };
    nameless(&mut facts);
    assert!(unknown(&Modules, &facts).contains("MODULE LIST"));
    let mut facts = with("/tmp/a.so", 0o755);
    nameless(&mut facts);
    let actual = fails(&Modules, &facts).actual.join("\n");
    assert!(actual.starts_with("library /tmp/a.so: "), "{actual}");
}
