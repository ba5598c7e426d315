//! WHAT happened: decisions worth keeping, in a ring that forgets the oldest and counts what it forgot, and on their way
//! into a file. Pure, but for the file that `sink` writes.
#![forbid(unsafe_code)]

mod event;
mod lines;
mod queue;
mod ring;
mod sink;

pub use event::{Event, Happened, Seen, Via};
pub use queue::{Intake, Totals, queue};
pub use ring::{DEFAULT_LENGTH, MAX_LENGTH, Ring};
pub use sink::{LogFile, NO_ERRNO, Sink};
