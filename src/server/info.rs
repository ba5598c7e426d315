//! The section `secaudit` of INFO.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::ffi::{self, Lock};
use super::module::{Module, Summary};

/// The fields, in order; names and values as a Prometheus exporter takes them.
pub fn fields(lock: Lock<'_>) -> Vec<(String, String)> {
    let module = Module::get(lock);
    let totals = module.totals.get();
    let policy = module.policy.borrow();
    let registered = u8::from(ffi::filter_is_registered(lock));
    let fields = [
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("mode", policy.mode().word().to_owned()),
        ("statements", policy.statements().len().to_string()),
        ("policy_sha256", module.digest.borrow().clone()),
        (
            "policy_unsaved",
            u8::from(module.policy_is_unsaved()).to_string(),
        ),
        ("filter_registered", registered.to_string()),
        ("sealed", u8::from(module.sealed.get()).to_string()),
        ("calls_denied", totals.denied.to_string()),
        ("calls_observed", totals.observed.to_string()),
        ("calls_allowed_by_rule", totals.allowed.to_string()),
        ("calls_renamed", totals.renamed.to_string()),
        (
            "events_forgotten",
            module.ring.borrow().forgotten().to_string(),
        ),
        ("panics_fenced", ffi::panics().to_string()),
    ];
    let audit = module.last_audit.borrow();
    let hits = module.hits.borrow();
    let of_statements = policy.statements().iter().zip(hits.iter());
    let of_calls = of_statements.filter(|(statement, _)| statement.is_about_calls());
    let of_calls = of_calls.map(|(statement, hits)| (&statement.id, hits));
    fields
        .into_iter()
        .chain(module.log_file.fields())
        .map(|(name, value)| (name.to_owned(), value))
        .chain(audit.iter().flat_map(of_audit))
        .chain(of_rules(of_calls.take(MOST_RULES)))
        .collect()
}

/// INFO names the hits of this many rules at most: SECGATE STATS has all.
const MOST_RULES: usize = 1000;

/// The last report: its grade as a letter and as a number from 0 (F) to 5 (A), what fails, by severity, and what it cost:
/// microseconds in all, of the server's own thread, of the longest visit there, and the number of visits.
fn of_audit(report: &Summary) -> Vec<(String, String)> {
    let score = "FEDCBA"
        .find(report.grade)
        .map_or_else(|| "-1".to_owned(), |at| at.to_string());
    let mut fields = vec![
        ("audit_grade".to_owned(), report.grade.to_string()),
        ("audit_score".to_owned(), score),
        ("audit_time".to_owned(), report.time.to_string()),
    ];
    let micros = |time: Duration| time.as_micros().to_string();
    fields.extend([
        ("audit_usec".to_owned(), micros(report.took)),
        ("audit_server_usec".to_owned(), micros(report.tally.total)),
        (
            "audit_longest_visit_usec".to_owned(),
            micros(report.tally.longest),
        ),
        ("audit_visits".to_owned(), report.tally.visits.to_string()),
    ]);
    let counts = report.counts.iter();
    fields.extend(counts.map(|(name, count)| (format!("audit_{name}"), count.to_string())));
    fields
}

/// `hits_` and the id, with `_` for what a metric's name cannot have; ids that then look the same are numbered.
fn of_rules<'r>(rules: impl Iterator<Item = (&'r String, &'r u64)>) -> Vec<(String, String)> {
    let (mut taken, mut times) = (HashSet::new(), HashMap::new());
    let field = |(id, hits): (&String, &u64)| {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let plain: String = id.chars().map(plain).collect();
        let times = times.entry(plain.clone()).or_insert(0_u64);
        let name = loop {
            *times += 1;
            let name = match *times {
                1 => format!("hits_{plain}"),
                number => format!("hits_{plain}__{number}"),
            };
            if taken.insert(name.clone()) {
                break name;
            }
        };
        (name, hits.to_string())
    };
    rules.map(field).collect()
}
