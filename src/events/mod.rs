//! WHAT happened: decisions worth keeping, in a ring that forgets the oldest and counts what it forgot. Pure.
#![forbid(unsafe_code)]

mod event;
mod ring;

pub use event::{Event, Happened, Via};
pub use ring::{DEFAULT_LENGTH, MAX_LENGTH, Ring};
