//! The house keeps its order: who may import whom, where unsafe code stands, how long a file is, what the README promises.

use std::fs;
use std::path::{Path, PathBuf};

/// Every Rust file below a folder of the project, with its text.
fn files(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open = vec![root.join(folder)];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|end| end == "rs") {
            let name = path.strip_prefix(root).map(PathBuf::from).unwrap();
            found.push((
                name.to_string_lossy().into_owned(),
                fs::read_to_string(path).unwrap(),
            ));
        }
    }
    assert!(!found.is_empty(), "{folder} has no files");
    found
}

/// Lines of code that hold a word, as `file:line: text`; comments do not count.
fn lines_with(files: &[(String, String)], word: &str) -> Vec<String> {
    let code = |line: &str| !line.trim_start().starts_with("//");
    let mut found = Vec::new();
    for (name, text) in files {
        let hits = text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains(word) && code(line));
        found.extend(hits.map(|(number, line)| format!("{name}:{}: {line}", number + 1)));
    }
    found
}

fn outside(files: Vec<(String, String)>, folders: &[&str]) -> Vec<(String, String)> {
    let inside = |name: &str| folders.iter().any(|folder| name.starts_with(folder));
    files
        .into_iter()
        .filter(|(name, _)| !inside(name))
        .collect()
}

#[test]
fn only_the_server_folder_knows_redis_and_only_ffi_is_unsafe() {
    let fenced = ["src/server/ffi/"];
    assert_eq!(
        lines_with(&outside(files("src"), &fenced), "redis_module"),
        Vec::<String>::new()
    );
    for word in ["unsafe {", "unsafe fn", "unsafe impl", "allow(unsafe_code"] {
        assert_eq!(
            lines_with(&outside(files("src"), &fenced), word),
            Vec::<String>::new()
        );
    }
    assert!(
        !lines_with(&files("src/server/ffi"), "unsafe {").is_empty(),
        "the search finds what is there"
    );
}

#[test]
fn the_core_never_imports_the_server_and_imports_go_one_way() {
    for (folder, banned) in [
        (
            "src/policy",
            &[
                "crate::server",
                "crate::gate",
                "crate::audit",
                "crate::events",
            ][..],
        ),
        (
            "src/gate",
            &["crate::server", "crate::audit", "crate::events"],
        ),
        (
            "src/events",
            &[
                "crate::server",
                "crate::gate",
                "crate::audit",
                "crate::policy",
            ],
        ),
        (
            "src/audit",
            &["crate::server", "crate::gate", "crate::events"],
        ),
        ("src/render", &["crate::server", "crate::gate"]),
    ] {
        for word in banned {
            assert_eq!(
                lines_with(&files(folder), word),
                Vec::<String>::new(),
                "{folder} imports {word}"
            );
        }
    }
}

#[test]
fn what_has_crashed_servers_is_not_called() {
    // ENGINE facts: inserting into a script's call corrupts Valkey 9.1; asking for the current user kills Redis 7.0 on the
    // link to the master; the crate's own logging takes a message for a format; a thread-local misses other threads.
    for word in [
        "CommandFilterArgInsert",
        "GetCurrentUserName",
        ".log_warning(",
        ".log_notice(",
        "thread_local!",
    ] {
        assert_eq!(lines_with(&files("src"), word), Vec::<String>::new());
    }
}

#[test]
fn every_file_says_its_subject_first_and_is_not_too_long() {
    for (name, text) in files("src").into_iter().chain(files("tests")) {
        assert!(
            text.starts_with("//!"),
            "{name} does not open with its subject"
        );
        let lines = text.lines().count();
        assert!(lines <= 500, "{name} has {lines} lines");
    }
}

#[test]
fn every_unsafe_block_says_why_it_holds() {
    for (name, text) in files("src/server/ffi") {
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            if !line.contains("unsafe {") && !line.contains("unsafe impl") {
                continue;
            }
            let above = lines[number.saturating_sub(8)..number].iter();
            let said = above.rev().any(|line| line.contains("// SAFETY:"));
            assert!(said, "{name}:{} has no SAFETY comment above it", number + 1);
        }
    }
}

#[test]
fn the_readme_lists_every_check_with_its_severity_and_no_other() {
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let table: Vec<(String, String)> = readme
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
            let id = cells.next()?.trim_end_matches('`');
            let severity = cells.next()?;
            id.contains('.')
                .then(|| (id.to_owned(), severity.to_owned()))
        })
        .filter(|(id, _)| !id.starts_with("secaudit."))
        .collect();
    let mut registered = Vec::new();
    for (_, text) in files("src/audit/checks") {
        let mut id = None;
        for line in text.lines().map(str::trim) {
            if let Some(value) = line.strip_prefix("id: \"") {
                id = value.strip_suffix("\",");
            } else if let (Some(known), Some(value)) =
                (id, line.strip_prefix("severity: Severity::"))
            {
                registered.push((known.to_owned(), value.trim_end_matches(',').to_lowercase()));
                id = None;
            }
        }
    }
    registered.sort();
    let mut listed = table;
    listed.sort();
    assert!(registered.len() >= 14, "{registered:?}");
    assert_eq!(listed, registered);
}
