//! The pure parts of secaudit, built from the module's own files for the fuzz targets, and what the targets hold them against.
#![allow(dead_code, missing_docs, reason = "the targets use a part of each module")]

#[path = "../../src/policy/mod.rs"]
pub mod policy;

#[path = "../../src/gate/mod.rs"]
pub mod gate;

pub mod render;

#[path = "../../src/server/collect/acl_rules.rs"]
pub mod acl_rules;

#[path = "../../src/server/collect/config_lines.rs"]
pub mod config_lines;

/// A server's command table, small and fixed.
pub mod commands;

/// The decision and the patterns once more, slow and plain: written from the README, not from the code.
pub mod model;
