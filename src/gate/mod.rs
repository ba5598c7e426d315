//! SHOULD this call run? A compiled policy and a request in, a decision out. Pure: no server in sight.
#![forbid(unsafe_code)]

mod decide;
mod origin;
pub mod refusal;

pub use decide::{Decided, Request, Verdict, decide};
pub use origin::{Caller, Origin, ServerState, origin};
