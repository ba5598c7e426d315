//! Any bytes as a policy file: no panic; every problem at a place; what is read is written back and read again the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use secaudit_fuzz::commands::Table;
use secaudit_fuzz::policy::Policy;

fuzz_target!(|text: &[u8]| {
    match Policy::read(text, &Table) {
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                let shown = problem.to_string();
                assert!(shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{shown:?}");
            }
        }
        Ok(policy) => {
            let written = policy.text();
            let again = Policy::read(written.as_bytes(), &Table);
            let again = again.unwrap_or_else(|problems| panic!("{written}\n{problems:?}"));
            assert_eq!(again.text(), written);
            assert_eq!(again.digest(), policy.digest());
            assert_eq!(again.statements().len(), policy.statements().len());
        }
    }
});
