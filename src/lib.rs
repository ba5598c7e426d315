//! secaudit: a Redis and Valkey module that audits a running server and gates dangerous commands without a restart.
//!
//! Data flows one way; an arrow means "may use":
//!
//! ```text
//!     server ──> gate ──> policy        may this call run?
//!        ├─────> audit ──> render       how safe is this server?
//!        └─────> events ─> render       what happened?
//! ```
//!
//! `policy`, `gate`, `events`, `audit` and `render` are pure: bytes and plain structs in, decisions and text out.
//! `server` is the only importer of `redis_module`; in it `ffi` holds all unsafe code and every entry from C,
//! `startup` what happens at `loadmodule`, and `requests` the table of commands.

mod audit;
mod events;
mod gate;
mod policy;
mod render;
mod server;
