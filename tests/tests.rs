//! The integration tests: one binary, run against real servers (`SECAUDIT_TEST_SERVER`, else `redis-server` on PATH).
//! Each module below is one subject; `harness` is what they all stand on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test says that something went wrong by panicking"
)]

// Starts, watches and stops servers; speaks RESP; runs redis-cli; skips with a reason.
mod harness;

// The guarantees of the harness, each proved: above all that nothing hangs and that nothing is left running.
mod harness_itself;

// Rules, names, modes, and the policy shown and changed: the gate as operators and refused clients meet it.
mod gate;

// Statements that are wrong in any field, names that the server does not have, and no way to lock oneself out.
mod statements;

// Every known way round a plain deny, closed.
mod gate_bypass;

// Ways round a rule by what stands beside the name, closed.
mod gate_side_doors;

// Names that redis.conf gave: of any length, and such as cannot be found out.
mod renamed_by_conf;

// Rules over users, addresses, arguments and parameters; categories, profiles, the seal.
mod conditions;

// Whose call it is: inside scripts, transactions and while others are busy.
mod identity;

// What is kept of a client for its next call, and when it must be looked at anew.
mod seen_anew;

// Thousands of random policies and calls: the server answers what the decision says.
mod differential;

// Replication, AOF, MONITOR, SLOWLOG, CLIENT PAUSE, I/O threads: the gate is not in their way.
mod transparency;

// Three masters of a Cluster: routing, redirects, moving slots.
mod cluster;

// redis-rs against a gated server; other clients are scripts/clients.sh's.
mod redis_rs;

// Failover by a Sentinel, while no one else may do what it does.
mod sentinel;

// A flood of refusals: memory and the record of others stay.
mod flood;

// Partial resyncs, failovers and moving slots under rules that forbid clients what they bring.
mod replication_life;

// Refusals of subscribers, during a busy script and while the server loads.
mod refused_meanwhile;

// Commands and calls of other modules, and calls that block.
mod other_modules;

// The policy file: all or nothing, saved in one step, every error at its place.
mod policy_file;

// The log file: every event as a line, through rotation, full disks, floods and the server's end.
mod log_file;

// Who may change the gate, and what users of every kind are told.
mod permission;

// Loading, settings, metadata, unloading.
mod lifecycle;

// Panics stay inside.
mod fence;

// Who may import whom, where unsafe code stands, what the README promises.
mod architecture;

// Each check of the audit: servers that fail it and servers that pass, on what is in effect.
mod audit;

// How the audit answers: as text, as JSON, its list and its explanations, and to a slip of the finger.
mod audit_forms;

// The report is made beside the server: others are served, whatever becomes of who asked.
mod beside;

// What the audit reads may be gone, closed, endless or rubbish.
mod audit_bad_input;

// What SECAUDIT FIX does about findings, for whom, and what it keeps to itself.
mod fix;

// Faults at random moments, changes under load, torture of replication, memory: short here, long with SECAUDIT_SOAK.
mod soak;

// The tutorial that this project grew out of, followed to the letter.
mod tutorial;
