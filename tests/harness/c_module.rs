//! Modules in C that only tests load, each compiled once into cargo's own temporary folder.

use super::process::run;
use super::wait::DEADLINE;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The path of a module, by the name of its source in `tests/harness`.
pub fn path(name: &'static str) -> String {
    static BUILT: Mutex<BTreeMap<&str, String>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    built.entry(name).or_insert_with(|| compile(name)).clone()
}

fn compile(name: &str) -> String {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let path = format!("{folder}/{name}-{}.so", std::process::id());
    let source = format!("{}/tests/harness/{name}.c", env!("CARGO_MANIFEST_DIR"));
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o", &path, &source]);
    let compiled = run(compiler, b"", DEADLINE);
    assert!(compiled.status.success(), "{}", compiled.text());
    path
}
