//! The harness's own guarantees, each proved on the server under test.

use crate::harness::server::Server;
use std::path::Path;

mod building;
mod clients;
mod processes;
mod protocol;
mod servers;
mod versions;

/// What a panic said.
fn complaint_of<T>(doing: impl FnOnce() -> T) -> String {
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(doing))
        .err()
        .expect("it panics");
    panic
        .downcast::<String>()
        .map(|text| *text)
        .expect("a panic with a text")
}

/// Whether a process of this number runs in `folder` or below: a number alone may by now be someone else's, and a process
/// that has ended is in no folder. (Its command line would not do: servers write a title over it.)
fn runs(pid: u32, folder: &Path) -> bool {
    std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|place| place.starts_with(folder))
}

/// A server without our module: these tests are about the harness.
fn bare() -> Server {
    Server::builder().no_module().start()
}
