//! Any pattern and any text: our matching is that of the server's, tried out by the slow model.
#![no_main]

use libfuzzer_sys::fuzz_target;
use secaudit_fuzz::model;
use secaudit_fuzz::policy::glob::Glob;

fuzz_target!(|data: &[u8]| {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else { return };
    let (pattern, text) = (&data[..end], &data[end + 1..]);
    let glob = Glob::new(pattern);
    let ours = glob.matches(text);
    if let Some(theirs) = model::matches(pattern, text, &mut 100_000) {
        assert_eq!(ours, theirs, "{:?} {:?}", pattern.escape_ascii().to_string(), text.escape_ascii().to_string());
    }
    // What certainly covers a pattern matches every text of it, and what matches a text of it may meet it.
    let other = Glob::new(text);
    if ours && !text.iter().any(|byte| b"*?[\\".contains(byte)) {
        assert!(glob.may_meet(&other));
    }
    if glob.covers(text) {
        assert!(glob.may_meet(&other));
    }
});
