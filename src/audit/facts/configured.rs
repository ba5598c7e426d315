//! What redis.conf and its includes say, to be held against what the server does.

use std::collections::BTreeMap;

use super::{RenameLine, Secret};

/// What redis.conf and its includes say, to be held against what the server does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configured {
    /// Why more may stand there than could be read: the first file, or line, that could not be.
    pub gap: Option<String>,
    /// The SHA-256 digest of what the files say, all of it: another one where any was changed, came or went.
    pub digest: [u8; 32],
    /// The `rename-command` lines, in order.
    pub renames: Vec<RenameLine>,
    /// The files that `loadmodule` lines name, by absolute paths.
    pub modules: Vec<Vec<u8>>,
    /// What is said of the settings in `WATCHED`: the words of the last line, with a space between.
    pub settings: BTreeMap<&'static str, Vec<u8>>,
    /// The passwords in `WATCHED_SECRETS`; an empty one is there, too.
    pub secrets: BTreeMap<&'static str, Secret>,
}

/// How two ways to write a setting are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Byte by byte: paths, lists of ciphers.
    Text,
    /// Words in any case: `yes`, host names.
    Words,
    /// A number.
    Number,
    /// Permission bits: `0700` is `700`.
    Octal,
    /// Bytes, which may be written as `512mb`.
    Size,
    /// A folder, which may be written in several ways.
    Folder,
}

/// The settings that matter for security, whose lines are kept. None of them is a secret.
pub const WATCHED: [(&str, Kind); 31] = [
    ("bind", Kind::Words),
    ("port", Kind::Number),
    ("tls-port", Kind::Number),
    ("protected-mode", Kind::Words),
    ("unixsocket", Kind::Text),
    ("unixsocketperm", Kind::Octal),
    ("dir", Kind::Folder),
    ("dbfilename", Kind::Text),
    ("appendonly", Kind::Words),
    ("aclfile", Kind::Text),
    ("logfile", Kind::Text),
    ("acllog-max-len", Kind::Number),
    ("maxmemory", Kind::Size),
    ("replicaof", Kind::Words),
    ("enable-debug-command", Kind::Words),
    ("enable-module-command", Kind::Words),
    ("enable-protected-configs", Kind::Words),
    ("tls-auth-clients", Kind::Words),
    ("tls-replication", Kind::Words),
    ("tls-cluster", Kind::Words),
    ("tls-protocols", Kind::Words),
    ("tls-ciphers", Kind::Text),
    ("tls-ciphersuites", Kind::Text),
    ("tls-prefer-server-ciphers", Kind::Words),
    ("tls-cert-file", Kind::Text),
    ("tls-key-file", Kind::Text),
    ("tls-client-cert-file", Kind::Text),
    ("tls-client-key-file", Kind::Text),
    ("tls-ca-cert-file", Kind::Text),
    ("tls-ca-cert-dir", Kind::Text),
    ("tls-dh-params-file", Kind::Text),
];

/// Passwords that are compared and never shown.
pub const WATCHED_SECRETS: [&str; 2] = ["requirepass", "masterauth"];
