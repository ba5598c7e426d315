//! WHAT is allowed: the policy language, from text to a table that the gate can look calls up in.
//!
//! Text becomes words (`words`), words become statements (`parse`), statements are held against the commands this server
//! has (`resolve`) and make a `Policy`; `compile` turns that into the immutable `table` that decides. Pure: no server in sight.
#![forbid(unsafe_code)]

pub mod compile;
pub mod condition;
pub mod day;
pub mod glob;
mod hidden;
mod lengths;
mod link;
pub mod name;
pub mod nearest;
mod new_names;
pub mod param_names;
pub mod parse;
mod parts;
mod policy_list;
pub mod problem;
pub mod profiles;
pub mod resolve;
mod short_names;
pub mod statement;
pub mod table;
pub mod words;

pub use lengths::Lengths;
pub use policy_list::Policy;
