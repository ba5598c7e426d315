//! Words that remedies share: commands the operator can paste for this very server.
//!
//! A step is a line of shell: a command, with a remark behind `   # ` where it needs one, or a remark alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::keeping;
use crate::audit::facts::{Facts, Socket, User};
use crate::audit::reach;
use crate::policy::statement::Pattern;
use crate::policy::words::quote;
use crate::render::escape::printable;

/// The tutorial this project grew out of.
pub const TUTORIAL: &str = "https://www.digitalocean.com/community/tutorials/how-to-secure-your-redis-installation-on-ubuntu-14-04";
/// Redis on security.
pub const SECURITY: &str =
    "https://redis.io/docs/latest/operate/oss_and_stack/management/security/";
/// Redis on ACLs.
pub const ACL: &str = "https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/";
/// Valkey on security.
pub const VALKEY: &str = "https://valkey.io/topics/security/";

/// `redis-cli`, with address and port where they are not the usual ones; past a closed plaintext port by unix socket or TLS.
pub fn cli(facts: &Facts) -> String {
    let set = |name: &str| facts.setting(name).ok().filter(|value| !value.is_empty());
    let socket = set("unixsocket").filter(|path| path.starts_with(b"/"));
    match (set("port"), socket, reach::tls_port(facts)) {
        (Some(b"0"), Some(socket), _) => format!("redis-cli -s {}", shell_path(socket)),
        (Some(b"0"), None, Some(port)) => {
            let mut cli = format!("redis-cli{} -p {port} --tls", host(facts, port));
            let client = set("tls-client-cert-file").is_some();
            let (certificate, key) = match client {
                true => ("tls-client-cert-file", "tls-client-key-file"),
                false => ("tls-cert-file", "tls-key-file"),
            };
            let files = [
                ("--cacert", "tls-ca-cert-file"),
                ("--cert", certificate),
                ("--key", key),
            ];
            for (option, name) in files {
                if let Some(path) = set(name) {
                    cli.push_str(&format!(" {option} {}", shell_path(path)));
                }
            }
            cli
        }
        _ => {
            let port = facts.server.port;
            let host = host(facts, port);
            match port {
                0 | 6379 => format!("redis-cli{host}"),
                port => format!("redis-cli{host} -p {port}"),
            }
        }
    }
}

/// ` -h ADDRESS` where nobody listens on 127.0.0.1, which redis-cli takes by itself.
fn host(facts: &Facts, port: u16) -> String {
    let sockets = facts.sockets.known().map_or(&[][..], Vec::as_slice);
    let listens = sockets.iter().filter_map(|socket| match socket {
        Socket::Tcp(address) if address.port() == port => Some(address.ip()),
        _ => None,
    });
    let addresses: Vec<IpAddr> = listens.collect();
    let usual = |ip: &IpAddr| *ip == Ipv4Addr::LOCALHOST || *ip == Ipv4Addr::UNSPECIFIED;
    match addresses
        .iter()
        .min_by_key(|ip| (ip.is_ipv6(), !ip.is_loopback()))
    {
        Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => " -h ::1".to_owned(),
        Some(ip) if !addresses.iter().any(usual) => format!(" -h {ip}"),
        _ => String::new(),
    }
}

/// The configuration file, as it is shown.
pub fn conf(facts: &Facts) -> String {
    match &facts.server.config_file {
        Some(path) => printable(path),
        None => "redis.conf".to_owned(),
    }
}

/// The condition by which a deny spares the administrators the policy names, but none who needs no password, and these users,
/// in the policy's words with a space before it; empty where there are none, or where this server does not tell the gate who is calling.
pub fn but_administrators(facts: &Facts, others: &[&[u8]]) -> String {
    let mut condition = String::new();
    if let Some(list) = spared(facts, others) {
        condition.push_str(" user=");
        quote(&list, &mut condition);
    }
    condition
}

/// The same as a shell takes it.
pub fn but_administrators_in_shell(facts: &Facts, others: &[&[u8]]) -> String {
    let word = |list: Vec<u8>| format!(" {}", shell_path(&[b"user=", list.as_slice()].concat()));
    spared(facts, others).map(word).unwrap_or_default()
}

fn spared(facts: &Facts, others: &[&[u8]]) -> Option<Vec<u8>> {
    if !facts.gate.capabilities.contains(&("caller-identity", true)) {
        return None;
    }
    let mut patterns: Vec<Vec<u8>> = Vec::new();
    let named = administrators(facts).flat_map(|pattern| only_administrators(facts, pattern));
    for pattern in named.chain(others.iter().map(|name| glob_of(name))) {
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    let mut list = Vec::new();
    for pattern in &patterns {
        list.extend(if list.is_empty() { &b"!"[..] } else { b",!" });
        for byte in pattern {
            list.extend((*byte == b',').then_some(b'\\'));
            list.push(*byte);
        }
    }
    (!list.is_empty()).then_some(list)
}

fn administrators(facts: &Facts) -> impl Iterator<Item = &Pattern> {
    let named = facts.gate.accepted.administrators.iter();
    named.flat_map(|administrators| &administrators.patterns)
}

/// The pattern, or where it names somebody whom anybody can be, the administrators whom it names beside him.
fn only_administrators(facts: &Facts, pattern: &Pattern) -> Vec<Vec<u8>> {
    if !anybody(facts).any(|user| pattern.glob.matches(&user.name)) {
        return vec![pattern.text.clone()];
    }
    let names = facts.administrators.iter();
    let names = names.filter(|name| pattern.glob.matches(name));
    names.map(|name| glob_of(name)).collect()
}

/// Users whom anybody can be: they need no password.
fn anybody(facts: &Facts) -> impl Iterator<Item = &User> {
    let users = facts.users.known().map_or(&[][..], Vec::as_slice);
    users.iter().filter(|user| user.enabled && user.nopass)
}

/// The users whom the policy names as administrators and whom no deny spares, because anybody can be them.
pub fn not_spared(facts: &Facts) -> Vec<Vec<u8>> {
    let is_named =
        |user: &&User| administrators(facts).any(|pattern| pattern.glob.matches(&user.name));
    let named = anybody(facts).filter(is_named);
    named.map(|user| user.name.clone()).collect()
}

/// A new password for each of these users; steps for the first few. The default user, as whom they are taken, comes last.
pub fn new_passwords(facts: &Facts, users: &[&User]) -> Vec<String> {
    let cli = cli(facts);
    let mut lines = Vec::new();
    let in_all = users.len();
    let mut users: Vec<&User> = users.iter().take(5).copied().collect();
    users.sort_by_key(|user| user.name == b"default");
    for user in &users {
        let name = shell_user(&user.name);
        lines.push(
            "PASSWORD=\"$(openssl rand -hex 32)\"   # and put it where the client finds it"
                .to_owned(),
        );
        lines.push(match user.name.as_slice() {
            b"default" => format!("printf %s \"$PASSWORD\" | {cli} -x CONFIG SET requirepass"),
            _ => format!(
                "{cli} ACL SETUSER {name} resetpass \"#$(printf %s \"$PASSWORD\" | sha256sum | cut -c1-64)\""
            ),
        });
    }
    lines.extend(and_more(in_all, users.len()));
    let keep = keeping::users(facts);
    lines.push(match users.last() {
        Some(user) if user.name == b"default" => {
            keeping::behind("export REDISCLI_AUTH=\"$PASSWORD\"", keep)
        }
        _ => keep,
    });
    lines
}

/// What is to be said of users where only the first of them are given steps.
pub fn and_more(users: usize, given: usize) -> Option<String> {
    let more = users.saturating_sub(given);
    (more > 0).then(|| format!("# and the same for {more} more"))
}

/// A name as a pattern that means just this name.
pub fn glob_of(name: &[u8]) -> Vec<u8> {
    let special = |byte: &u8| b"*?[\\".contains(byte);
    let escaped = name
        .iter()
        .flat_map(|byte| special(byte).then_some(b'\\').into_iter().chain([*byte]));
    escaped.collect()
}

/// A path as a shell takes it.
pub fn shell_path(path: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+@:,".contains(byte);
    if !path.is_empty() && path.iter().all(plain) {
        return printable(path);
    }
    if path.iter().all(|byte| (b' '..=b'~').contains(byte)) {
        let text = String::from_utf8_lossy(path);
        return format!("'{}'", text.replace('\'', "'\\''"));
    }
    format!("$'{}'", printable(path).replace('\'', "\\'"))
}

/// A user's name as a shell takes it; one that nobody would type has a word in its place.
pub fn shell_user(name: &[u8]) -> String {
    match name.len() {
        0..=256 => shell_path(name),
        _ => "THAT_LONG_NAME".to_owned(),
    }
}

/// Commands as a shell takes them: `cluster|reset` would be a pipe.
pub fn shell_names(names: &[&str]) -> String {
    let word = |name: &&str| match name.contains('|') {
        true => format!("'{name}'"),
        false => (*name).to_owned(),
    };
    names.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// The first few of a list, and how many more there are.
pub fn first_few(names: &[String], limit: usize) -> String {
    let shown: Vec<&str> = names.iter().take(limit).map(String::as_str).collect();
    match names.len().saturating_sub(limit) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::audit::checks::sample;
    use crate::audit::facts::{Accepted, Fact};
    use crate::policy::Policy;
    use crate::policy::resolve::tests::FewCommands;

    #[test]
    fn the_client_is_told_the_way_that_is_open() {
        let mut facts = sample::hardened();
        assert_eq!(cli(&facts), "redis-cli");
        facts.server.port = 7000;
        assert_eq!(cli(&facts), "redis-cli -p 7000");
        sample::set(&mut facts, "port", "0");
        sample::set(&mut facts, "tls-port", "7000");
        sample::set(&mut facts, "tls-cert-file", "/t/redis.crt");
        sample::set(&mut facts, "tls-key-file", "/t/redis.key");
        sample::set(&mut facts, "tls-ca-cert-file", "/t/ca.crt");
        assert_eq!(
            cli(&facts),
            "redis-cli -p 7000 --tls --cacert /t/ca.crt --cert /t/redis.crt --key /t/redis.key"
        );
        sample::set(&mut facts, "unixsocket", "/run/redis/redis.sock");
        assert_eq!(cli(&facts), "redis-cli -s /run/redis/redis.sock");
    }

    #[test]
    fn the_client_is_told_the_address_where_nobody_listens_on_the_usual_one() {
        let mut facts = sample::hardened();
        let mut told = |addresses: &[&str]| {
            let sockets = addresses
                .iter()
                .map(|address| Socket::Tcp(address.parse().unwrap()));
            facts.sockets = Fact::Known(sockets.collect());
            cli(&facts)
        };
        assert_eq!(told(&["10.9.9.9:6379", "127.0.0.1:6379"]), "redis-cli");
        assert_eq!(told(&["0.0.0.0:6379", "[::]:6379"]), "redis-cli");
        assert_eq!(
            told(&["[fd00::1]:6379", "10.9.9.9:6379"]),
            "redis-cli -h 10.9.9.9"
        );
        assert_eq!(told(&["[fd00::1]:6379", "[::1]:6379"]), "redis-cli -h ::1");
        assert_eq!(told(&["[::]:6379"]), "redis-cli -h ::1");
        assert_eq!(told(&["10.9.9.9:7000"]), "redis-cli");
    }

    #[test]
    fn a_path_is_quoted_so_that_a_shell_reads_the_same_bytes() {
        assert_eq!(
            shell_path(b"/etc/redis/redis.conf"),
            "/etc/redis/redis.conf"
        );
        assert_eq!(shell_path(b"/a b/it's"), "'/a b/it'\\''s'");
        assert_eq!(shell_path(b"/a\n\xff'"), "$'/a\\n\\xff\\''");
        assert_eq!(shell_path(b""), "''");
    }

    #[test]
    fn a_deny_spares_the_administrators_where_the_gate_knows_who_calls() {
        let policy = "administrators ops* \"a,b c\"\nadministrators dba\n";
        let policy = Policy::read(policy.as_bytes(), &FewCommands).unwrap();
        let mut facts = sample::hardened();
        facts.gate.accepted = Accepted::by(&policy);
        assert_eq!(but_administrators(&facts, &[b"x"]), "");
        facts.gate.capabilities = vec![("caller-identity", true)];
        let condition = but_administrators(&facts, &[]);
        assert_eq!(condition, " user=\"!ops*,!a\\\\,b c,!dba\"");
        let in_shell = but_administrators_in_shell(&facts, &[]);
        assert_eq!(in_shell, " 'user=!ops*,!a\\,b c,!dba'");
        let rule = format!("deny eval{condition}\n");
        let rule = Policy::read(rule.as_bytes(), &FewCommands).unwrap();
        assert_eq!(rule.statements().len(), 1);
        facts.gate.accepted = Accepted::default();
        assert_eq!(but_administrators(&facts, &[]), "");
        assert_eq!(but_administrators(&facts, &[b"watch"]), " user=!watch");
    }

    #[test]
    fn a_pattern_of_a_name_means_that_name_only() {
        use crate::policy::glob::Glob;
        for name in [&b"app"[..], b"a*b?[c]\\", b"\xff\0"] {
            let glob = Glob::new(&glob_of(name));
            assert!(glob.matches(name));
            assert!(!glob.matches(b"axxb?[c]\\") && !glob.matches(b"apx"));
        }
    }

    #[test]
    fn a_name_as_long_as_a_novel_is_not_printed() {
        assert_eq!(shell_user(b"a b"), "'a b'");
        assert_eq!(shell_user(&[b'n'; 257]), "THAT_LONG_NAME");
    }

    #[test]
    fn users_without_steps_of_their_own_are_counted() {
        assert_eq!(and_more(5, 5), None);
        assert_eq!(and_more(7, 5).unwrap(), "# and the same for 2 more");
        let mut facts = sample::hardened();
        for number in 0..7 {
            sample::add_user(&mut facts, &format!("u{number}"), false);
        }
        let users: Vec<&User> = facts.users.known().unwrap().iter().collect();
        let told = |count| {
            let users: Vec<&User> = users.iter().take(count).copied().collect();
            new_passwords(&facts, &users).join("\n")
        };
        assert!(told(8).contains("\n# and the same for 3 more\n"));
        assert!(!told(5).contains("the same for"));
    }

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        assert_eq!(first_few(&names, 3), "a, b, c");
        assert_eq!(first_few(&names, 1), "a and 2 more");
    }
}
