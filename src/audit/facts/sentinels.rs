//! The Sentinels that are connected, by the users they log in as.

/// A user as whom a Sentinel is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentinel {
    /// The user.
    pub user: Vec<u8>,
    /// Nobody but Sentinels is connected as this user.
    pub alone: bool,
}
