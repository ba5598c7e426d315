//! Any bytes as a redis.conf or an ACL file: no panic, names in lower case, and no line lost.
#![no_main]

use libfuzzer_sys::fuzz_target;
use secaudit_fuzz::config_lines::directives;

fuzz_target!(|content: &[u8]| {
    let (directives, bad) = directives(content);
    let lines = content.split(|byte| *byte == b'\n').count();
    assert!(directives.len() + bad.len() <= lines);
    assert!(bad.iter().all(|line| (1..=lines).contains(line)));
    for directive in directives {
        assert!(!directive.name.iter().any(u8::is_ascii_uppercase));
    }
});
