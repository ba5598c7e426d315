//! A small RESP client that sees every byte: what an ordinary client hides (attributes, pushes, odd bytes, error texts,
//! half a protocol line) is what a test of a gate is about.

mod client;
mod parse;
mod reply;

pub use client::Client;
pub use reply::Reply;

/// The words of a command, split at spaces: `words("SET k v")` for `call` and `pipeline`.
pub fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}
