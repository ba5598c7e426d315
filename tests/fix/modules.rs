//! PERSIST never has a module loaded twice, wherever it was loaded from and whatever became of MODULE.

use super::persist::{contains, refused};
use super::{apply, setting};
use crate::harness::builder::Builder;
use crate::harness::module;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::other_modules::other;

#[test]
fn a_module_is_never_written_into_a_second_file() {
    needs_module!();
    let line = format!("# the gate\nloadmodule {}\n", module::path().display());
    let mut server = Server::builder()
        .no_module()
        .file("modules.conf", line)
        .config("include", "modules.conf")
        .config("acllog-max-len", "0")
        .start();
    let error = refused(&mut server);
    let place = format!("line 2 of {}/modules.conf", server.dir().display());
    contains(&error, &[&place, "loads a module", "would not start"]);
}

#[test]
fn a_module_of_the_command_line_is_never_written_into_the_file() {
    needs_module!();
    let mut server = Server::builder()
        .no_module()
        .config("acllog-max-len", "0")
        .args(&["--loadmodule", &module::path().to_string_lossy()])
        .start();
    let error = refused(&mut server);
    contains(&error, &["module secaudit (", "command line"]);
}

/// A server that tells nobody its modules.
fn without_module_list() -> Builder {
    Server::builder()
        .config("rename-command", "MODULE \"\"")
        .config("acllog-max-len", "0")
}

#[test]
fn a_module_of_the_command_line_is_seen_where_module_is_removed() {
    needs_module!();
    let mut server = without_module_list()
        .args(&["--loadmodule", other()])
        .start();
    let error = refused(&mut server);
    contains(&error, &[other(), "command line", "would not start"]);
}

#[test]
fn modules_of_the_file_are_in_nobodys_way_where_module_is_removed() {
    needs_module!();
    for mut server in [
        without_module_list().start(),
        without_module_list().config("loadmodule", other()).start(),
    ] {
        apply(&server, "log.acl-log PERSIST");
        server.restart();
        assert_eq!(setting(&server, "acllog-max-len"), "128");
    }
}
