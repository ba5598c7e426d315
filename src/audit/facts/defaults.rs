//! What the servers do where no line of their files speaks of a setting.

/// From Redis 7.0 to 8.6 and Valkey 9.1, of the settings that this module judges without a line. `dir` has none: it is the
/// folder a server was started in.
const DEFAULTS: [(&str, &[u8]); 24] = [
    ("bind", b"* -::*"),
    ("port", b"6379"),
    ("tls-port", b"0"),
    ("protected-mode", b"yes"),
    ("dbfilename", b"dump.rdb"),
    ("appendonly", b"no"),
    ("appenddirname", b"appendonlydir"),
    ("aclfile", b""),
    ("acllog-max-len", b"128"),
    ("maxmemory", b"0"),
    ("replicaof", b""),
    ("tls-auth-clients", b"yes"),
    ("tls-replication", b"no"),
    ("tls-cluster", b"no"),
    ("tls-protocols", b""),
    ("tls-ciphers", b""),
    ("tls-ciphersuites", b""),
    ("tls-prefer-server-ciphers", b"no"),
    ("tls-cert-file", b""),
    ("tls-key-file", b""),
    ("tls-client-cert-file", b""),
    ("tls-client-key-file", b""),
    ("tls-ca-cert-file", b""),
    ("tls-ca-cert-dir", b""),
];

/// The value of a setting where nothing gives it one, if it is known.
pub fn default_of(setting: &str) -> Option<&'static [u8]> {
    let mut defaults = DEFAULTS.iter();
    let (_, value) = defaults.find(|(name, _)| *name == setting)?;
    Some(value)
}
