//! The section `secaudit` of INFO.

use super::ffi::{self, Lock};
use super::module::Module;

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
        ("filter_registered", registered.to_string()),
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
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
