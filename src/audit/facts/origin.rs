//! Where the running server comes from, and what its Lua can reach.

/// A package of a distribution that the running executable belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The package manager: `dpkg`, `rpm`, `apk`.
    pub manager: &'static str,
    /// The package, printable.
    pub name: String,
    /// Its version as the package manager knows it: `5:7.0.15-1~deb12u5`.
    pub version: String,
}

/// What a script was answered that asked for Lua's `package` library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lua {
    /// There is nothing of that name.
    Confined,
    /// There is, and of this type: `table`.
    Open(String),
    /// This server runs no scripts, and why.
    Absent(String),
}
