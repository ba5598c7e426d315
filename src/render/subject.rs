//! What a report is about, named alike in every form: the server, one check on it, the file it is about and who accepts it.

use crate::audit::facts::Suppression;
use crate::audit::fix::Action;
use crate::audit::report::{Finding, Report};

/// Where the server is reached: `db-1:6379`, or the host alone where it has no TCP port.
pub fn place(report: &Report) -> String {
    let server = &report.server;
    match server.port {
        0 => server.host.clone(),
        port => format!("{}:{port}", server.host),
    }
}

/// The server in a few words: `redis 8.2.3 on db-1:6379`.
pub fn server(report: &Report) -> String {
    let server = &report.server;
    format!("{} {} on {}", server.name, server.version, place(report))
}

/// One check on one server, the same in every report: what tools tell findings apart by.
pub fn finding(report: &Report, finding: &Finding) -> String {
    format!("secaudit/{}/{}", place(report), finding.meta.id)
}

/// By what, how long and why a finding is accepted: `accepted by r9 until 2026-12-31: known and watched`.
pub fn accepted(suppression: &Suppression) -> String {
    let until = match suppression.until {
        Some(until) => format!("until {until}"),
        None => "without end".to_owned(),
    };
    format!(
        "accepted by {} {until}: {}",
        suppression.id, suppression.note
    )
}

/// The file that a finding is about: one whose mode is to be set, one that the evidence shows as `ls -l` would, else the
/// configuration the server was started with, since that is where its settings are mended.
pub fn file(report: &Report, finding: &Finding) -> Option<Vec<u8>> {
    let set = finding.actions.iter().find_map(|action| match action {
        Action::Permissions { path, .. } => Some(path.clone()),
        _ => None,
    });
    set.or_else(|| finding.actual.iter().find_map(|line| listed(line)))
        .or_else(|| report.server.config_file.clone())
}

/// The path in `-rw-r--r-- root root /etc/redis/redis.conf: anybody may read it`. A name with odd bytes, which is shown
/// escaped, is left alone.
fn listed(line: &str) -> Option<Vec<u8>> {
    let mut words = line.splitn(4, ' ');
    let (mode, path) = (words.next()?, words.nth(2)?);
    let (kind, bits) = mode.split_at_checked(1)?;
    let is_mode = "-dls".contains(kind) && bits.len() == 9;
    let path = path.split_once(": ").map_or(path, |(path, _)| path);
    let plain = path.starts_with('/') && !path.contains('\\');
    (is_mode && plain && bits.bytes().all(|bit| b"rwxsStT-".contains(&bit)))
        .then(|| path.as_bytes().to_vec())
}

/// The `file:` address of a path.
pub fn address(path: &[u8]) -> String {
    let mut address = "file://".to_owned();
    for &byte in path {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                address.push(char::from(byte));
            }
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample;
    use crate::audit::run;

    #[test]
    fn a_server_is_named_by_host_and_port() {
        let mut report = run(&sample::hardened());
        assert_eq!(server(&report), "redis 8.2.9 on db-1:6379");
        report.server.port = 0;
        assert_eq!(server(&report), "redis 8.2.9 on db-1");
    }

    #[test]
    fn the_file_is_the_one_of_the_evidence_or_the_configuration() {
        for (line, path) in [
            (
                "-rw-r--r-- root root /etc/redis/redis.conf: anybody may read it",
                Some("/etc/redis/redis.conf"),
            ),
            (
                "drwxr-xr-x redis redis /var/lib/my data",
                Some("/var/lib/my data"),
            ),
            ("-rw-r--r-- root root /etc/r\\xff.conf", None),
            ("tcp 0.0.0.0:6379 LISTEN /x", None),
            ("bind", None),
            ("", None),
        ] {
            let path = path.map(|path| path.as_bytes().to_vec());
            assert_eq!(listed(line), path, "{line}");
        }
        let report = run(&sample::wide_open());
        let named = |id: &str| {
            let finding = report.findings.iter().find(|finding| finding.meta.id == id);
            finding.and_then(|finding| file(&report, finding))
        };
        assert_eq!(named("file.data-dir"), Some(b"/var/lib/redis".to_vec()));
        assert_eq!(named("net.bind"), Some(b"/etc/redis/redis.conf".to_vec()));
    }

    #[test]
    fn an_address_holds_any_byte() {
        assert_eq!(
            address(b"/etc/a b/\xff%<x>.conf"),
            "file:///etc/a%20b/%FF%25%3Cx%3E.conf"
        );
    }
}
