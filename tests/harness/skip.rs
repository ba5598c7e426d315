//! Skipping a test: never silently. The reason is printed and, for the matrix's count, appended to a file.

use std::fs::OpenOptions;
use std::io::Write;

/// Ends the calling test here, as skipped for this reason.
macro_rules! skip {
    ($reason:expr) => {{
        fn here() {}
        $crate::harness::skip::record(std::any::type_name_of_val(&here), $reason);
        return;
    }};
}

/// Goes on only if the condition holds; otherwise skips the calling test for this reason.
macro_rules! require {
    ($condition:expr, $reason:expr) => {
        if !$condition {
            $crate::harness::skip::skip!($reason)
        }
    };
}

/// Goes on only on a server that loads the module; skips the calling test on an older one.
macro_rules! needs_module {
    () => {
        $crate::harness::skip::require!(
            $crate::harness::version::under_test().loads_the_module(),
            "servers before Redis 7.0 refuse the module"
        )
    };
}

pub(crate) use {needs_module, require, skip};

/// Records a skipped test. Called by [`skip!`], which knows `place`: the path of a function inside the test.
pub fn record(place: &str, reason: &str) {
    let name = test_name(place);
    println!("SKIP {name}: {reason}");
    if let Some(path) = std::env::var_os("SECAUDIT_TEST_SKIPS") {
        // One write of one line to a file opened for appending: lines of tests that run side by side do not mix.
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .expect("the file for skips opens");
        file.write_all(format!("{name}\t{reason}\n").as_bytes())
            .expect("the skip is written");
    }
}

/// The test's name is its thread's; with `--test-threads=1` all tests run on `main`, and the function's path tells.
fn test_name(place: &str) -> String {
    match std::thread::current().name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => {
            let path = place
                .trim_end_matches("::here")
                .trim_end_matches("::{{closure}}");
            path.split_once("::")
                .map_or(path, |(_crate, path)| path)
                .to_owned()
        }
    }
}
