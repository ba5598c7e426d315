//! HOW safe is it: plain facts in, a report out.
//!
//! `facts` is what was read from the server, `checks` judge it one by one, `accepting` puts aside what the policy accepts,
//! `report` gathers the findings and `grade` sums them up; `request` is what SECAUDIT is asked for and `view` what that
//! shows of a report. Pure: nothing here asks a server, reads a file or looks at a clock.
#![forbid(unsafe_code)]

pub mod accepting;
pub mod advisories;
pub mod check;
pub mod checks;
pub mod ciphers;
pub mod command_names;
pub mod facts;
pub mod fix;
pub mod grade;
pub mod matrix;
pub mod passwords;
pub mod reach;
pub mod report;
pub mod request;
pub mod tls;
pub mod view;

use facts::Facts;
use report::Report;

/// Judges the facts by every check of the catalogue.
pub fn run(facts: &Facts) -> Report {
    Report::new(facts, checks::ALL)
}
