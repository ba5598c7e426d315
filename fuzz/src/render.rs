//! Of the renderers only what policies write their errors with.

#[path = "../../src/render/escape.rs"]
pub mod escape;
