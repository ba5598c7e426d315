//! SHOULD this call run? A compiled policy and a request in, a decision out. Pure: no server in sight.
#![forbid(unsafe_code)]

mod call;
mod conditions;
mod decide;
mod origin;
pub mod refusal;

pub use call::{Call, Candidate, Described};
pub use decide::{
    Decided, Decision, Looked, Verdict, decide, decide_enforced, decide_for_module, decide_looked,
};
pub use origin::{Caller, Origin, ServerState, origin};
