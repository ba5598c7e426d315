//! Any bytes as the rules of an ACL user: no panic, and nothing is said of the user that no rule of its says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use secaudit_fuzz::acl_rules::read;

fuzz_target!(|rules: &[u8]| {
    let words: Vec<&[u8]> = rules.split(|byte| *byte == b' ').collect();
    let has = |word: &[u8]| words.contains(&word);
    // The last word of a selector carries its bracket.
    let ends = |wanted: &[&[u8]]| {
        words.iter().any(|word| {
            let word = word.strip_prefix(b"(").unwrap_or(word);
            wanted.contains(&word.strip_suffix(b")").unwrap_or(word))
        })
    };
    let read = read(rules);
    assert!(!read.enabled || has(b"on"));
    assert!(!read.nopass || has(b"nopass"));
    let digests = words.iter().filter(|word| word.starts_with(b"#")).count();
    assert!(read.password_hashes.len() <= digests);
    if !rules.contains(&b'(') {
        assert_eq!(read.enabled, has(b"on"));
        assert_eq!(read.nopass, has(b"nopass"));
        assert_eq!(read.password_hashes.len(), digests);
    }
    if read.unlimited {
        assert!(ends(&[b"+@all", b"allcommands"]));
        assert!(ends(&[b"~*", b"allkeys"]) && ends(&[b"&*", b"allchannels"]));
    }
    let rights = read.rights.split(|byte| *byte == b' ').skip(1);
    assert!(rights.into_iter().all(has));
});
