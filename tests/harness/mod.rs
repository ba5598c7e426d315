//! What the integration tests stand on: real servers, started and stopped safely, and the clients to talk to them.
//!
//! Three rules hold throughout. Everything has a deadline and says what it last observed. No process outlives its
//! owner, not even when a test panics or the test runner is killed. Every test can run beside every other.
//!
//! | environment variable | meaning |
//! |---|---|
//! | `SECAUDIT_TEST_SERVER` | the server to test against, else `redis-server` on PATH; a wrapper script must `exec` |
//! | `SECAUDIT_TEST_CLI` | the `redis-cli` to use, else the one beside the server, else the one on PATH |
//! | `SECAUDIT_MODULE` | the module to load, else it is built by `cargo build --release` |
//! | `SECAUDIT_TEST_SLOW` | a factor for every deadline, for valgrind and busy machines |
//! | `SECAUDIT_TEST_SKIPS` | a file to which each skipped test is appended as `name<TAB>reason` |

/// The account a server runs under.
pub mod account;
/// Building a server: what it is started with.
pub mod builder;
/// Modules in C that only tests load.
pub mod c_module;
/// The real redis-cli, in a pipe and on a terminal.
pub mod cli;
/// Three masters of a Cluster.
pub mod cluster;
/// The text of a server's redis.conf.
mod conf;
/// One way to start a server, which can be started again.
mod launch;
/// The module under test, found or built.
pub mod module;
/// What MONITOR shows.
pub mod monitor;
/// A network of a server's own, with addresses as the test wants them.
pub mod network;
/// Ports that no one else is using.
mod port;
/// Child processes that cannot be left behind.
pub mod process;
/// A master and its replicas.
pub mod replication;
/// A small client that sees every byte.
pub mod resp;
/// A Sentinel.
pub mod sentinel;
/// A running server.
pub mod server;
/// Skipping a test, with a reason that is recorded.
pub mod skip;
/// Servers with TLS, and certificates for them.
pub mod tls;
/// Which server this is, and what it can do.
pub mod version;
/// Waiting, always with a deadline.
pub mod wait;

pub(crate) use skip::{require, skip};
