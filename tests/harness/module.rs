//! The module under test: `SECAUDIT_MODULE`, else built here, once for each test runner. The path comes from cargo's own
//! report, so that what is tested is what the source says now.

use super::process::run;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The file name of the module.
pub const FILE_NAME: &str = "libsecaudit.so";

const BUILD_LIMIT: Duration = Duration::from_secs(20 * 60);

/// The module as it is shipped.
pub fn path() -> PathBuf {
    match std::env::var_os("SECAUDIT_MODULE") {
        Some(path) => {
            let path = std::path::absolute(path).expect("a path");
            assert!(
                path.is_file(),
                "SECAUDIT_MODULE names no file: {}",
                path.display()
            );
            path
        }
        None => built(&[]),
    }
}

/// A module with more features than are shipped: built as the tests are, which have most of it built already, and kept in a
/// folder of its own (`target/<features>`), so that it cannot be taken for the shipped one.
pub fn with_features(features: &[&str]) -> PathBuf {
    built(features)
}

/// Builds once and remembers the outcome: a build that failed fails every test at once, each with cargo's words.
fn built(features: &[&str]) -> PathBuf {
    type Outcome = Arc<OnceLock<Result<PathBuf, String>>>;
    static BUILDS: Mutex<BTreeMap<String, Outcome>> = Mutex::new(BTreeMap::new());
    let name = features.join("-");
    // The list is locked for this line only: who needs one build does not wait for another.
    let outcome = BUILDS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(name)
        .or_default()
        .clone();
    outcome
        .get_or_init(|| build(features))
        .clone()
        .unwrap_or_else(|complaint| panic!("{complaint}"))
}

fn build(features: &[&str]) -> Result<PathBuf, String> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(project).args([
        "build",
        "--lib",
        "--message-format=json-render-diagnostics",
    ]);
    match features {
        [] => command.arg("--release"),
        features => command.arg("--features").arg(features.join(",")),
    };
    forget_the_outer_cargo(&mut command);
    let outcome = run(command, b"", BUILD_LIMIT);
    if !outcome.status.success() {
        return Err(format!(
            "the module does not build ({}):\n{}",
            outcome.status,
            outcome.complaint()
        ));
    }
    let module = artifact(&outcome.text(), project)
        .ok_or_else(|| format!("cargo names no {FILE_NAME} among what it built"))?;
    match features {
        [] => Ok(module),
        features => apart(&module, &features.join("-"))
            .map_err(|error| format!("{}: {error}", module.display())),
    }
}

/// A copy where the next build does not write. It is put in place whole: servers may have loaded the one before.
fn apart(module: &Path, folder: &str) -> io::Result<PathBuf> {
    let target = module.ancestors().nth(2).unwrap_or(module);
    let folder = target.join(folder);
    fs::create_dir_all(&folder)?;
    let (new, place) = (
        tempfile::NamedTempFile::new_in(&folder)?,
        folder.join(FILE_NAME),
    );
    fs::copy(module, new.path())?;
    new.persist(&place)?;
    Ok(place)
}

/// What cargo tells a test about its package would be taken by the inner cargo's build scripts for theirs. Settings that
/// are the user's own (`CARGO_HOME`, `CARGO_TARGET_DIR`, `RUSTFLAGS` …) stay: `cargo build` by hand has them as well, and
/// without them the build would not be the same one.
fn forget_the_outer_cargo(command: &mut Command) {
    const THEIRS: [&str; 7] = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_NAME",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_TMPDIR",
        "CARGO_MAKEFLAGS",
    ];
    for (name, _) in std::env::vars_os() {
        if THEIRS
            .iter()
            .any(|prefix| name.to_string_lossy().starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
}

fn artifact(report: &str, project: &Path) -> Option<PathBuf> {
    let manifest = project.join("Cargo.toml");
    let files = report
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| {
            message["manifest_path"]
                .as_str()
                .is_some_and(|path| Path::new(path) == manifest)
        })
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default());
    files
        .filter_map(|file| Some(PathBuf::from(file.as_str()?)))
        .find(|file| file.ends_with(FILE_NAME))
}
