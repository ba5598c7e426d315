//! The adapter: the only folder that knows Redis, and in it one file, `ffi`, that is unsafe.

mod answer;
mod asked_by;
mod asking;
mod beside;
mod capabilities;
pub mod collect;
mod command_table;
mod configs;
mod ffi;
mod filter;
mod filtered;
mod fix;
mod identity;
mod info;
mod log_file;
mod module;
mod password_list;
mod policy_file;
mod requests;
mod scene;
mod scripts;
mod secaudit;
mod secgate;
mod server_events;
mod setting_path;
mod start;
mod startup;
