//! Any policy and any call: the compiled decision is that of the slow model, and neither case nor what follows a NUL in a
//! name changes it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use secaudit_fuzz::commands::Table;
use secaudit_fuzz::gate::{Described, decide};
use secaudit_fuzz::model::{self, Said};
use secaudit_fuzz::policy::Policy;
use secaudit_fuzz::policy::table::Compiled;
use secaudit_fuzz::policy::condition::{Source, Via};

// The input: a policy, a line `---`, then the call's words, one a line. Its first byte says who calls and how.
fuzz_target!(|data: &[u8]| {
    let Some((&how, data)) = data.split_first() else { return };
    let Some(end) = data.windows(5).position(|part| part == b"\n---\n") else { return };
    let Ok(policy) = Policy::read(&data[..end], &Table) else { return };
    let words: Vec<&[u8]> = data[end + 5..].split(|byte| *byte == b'\n').collect();
    let user: Option<&[u8]> = [None, Some(&b"default"[..]), Some(b"app"), Some(b"ops1")][usize::from(how & 3)];
    let source = [None, Some(Source::V4(0x7f00_0001)), Some(Source::V6(1)), Some(Source::Unix)][usize::from(how >> 2 & 3)];
    let via = [None, Some(Via::Client), Some(Via::Script), Some(Via::Client)][usize::from(how >> 4 & 3)];
    let call = Described { words: &words, user, source, via, ..Described::default() };
    let compiled = Compiled::new(&policy, &Table, false);
    let decision = decide(&compiled, &call);
    let said = Said::from(&decision.verdict);
    if let Some(expected) = model::decide(&policy, &call) {
        assert_eq!(said, expected, "{}\n{:?}", policy.text(), words.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>());
    }
    // The same call, spelt otherwise.
    let Some((first, rest)) = words.split_first() else { return };
    let other: Vec<u8> = first.iter().take_while(|byte| **byte != 0).map(u8::to_ascii_uppercase).chain(*b"\0x").collect();
    let spelt: Vec<&[u8]> = std::iter::once(other.as_slice()).chain(rest.iter().copied()).collect();
    let again = decide(&compiled, &Described { words: &spelt, ..call });
    assert_eq!(Said::from(&again.verdict), said);
});
