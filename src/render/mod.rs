//! HOW it reads: reports as text for eyes and as JSON for pipelines. Renderers show; they decide nothing.
#![forbid(unsafe_code)]

mod catalogue;
pub mod escape;
pub mod json;
pub mod log;
pub mod text;
mod wrap;
