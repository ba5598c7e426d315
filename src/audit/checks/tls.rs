//! Checks of TLS on the wire: whether it is used, how old a version it may be, and who must show a certificate.

use super::keeping;
use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::ciphers;
use crate::audit::facts::Facts;
use crate::audit::fix::Action;
use crate::audit::reach::{self, Listener, Scope};
use crate::audit::tls::{self, Tls};
use crate::render::escape::{printable, printable_up_to};

/// `net.tls`: no plaintext beyond loopback.
pub struct Plaintext;

/// `net.tls-protocols`: TLS 1.2 and 1.3, and no weak ciphers.
pub struct Protocols;

/// `net.tls-client-auth`: clients show a certificate.
pub struct ClientAuth;

/// Redis on TLS.
pub(super) const REDIS_TLS: &str =
    "https://redis.io/docs/latest/operate/oss_and_stack/management/security/encryption/";
/// Valkey on TLS.
pub(super) const VALKEY_TLS: &str = "https://valkey.io/topics/encryption/";

const GOOD_PROTOCOLS: &str = "TLSv1.2 TLSv1.3";

impl Check for Plaintext {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "net.tls",
            title: "No plaintext port beyond loopback",
            category: Category::Network,
            severity: Severity::Medium,
            worst: Severity::High,
            tutorial: false,
            why: "Without TLS everybody on the way reads and changes what clients send and get: data, and the passwords they \
                  log in with.",
            expected: "port 0 and a tls-port, or a plaintext port on loopback only",
            remedy: "Give the server a certificate and a tls-port, move the clients there, and close the plaintext port.",
            references: &[
                REDIS_TLS,
                VALKEY_TLS,
                "https://cwe.mitre.org/data/definitions/319.html",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Network,
            cap: "passwords and data cross the network in clear",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let listeners = match reach::listeners(facts) {
            Ok(listeners) => listeners,
            Err(reason) => return Outcome::unknown(reason),
        };
        let shown = |listener: &Listener| match listener.tls {
            true => format!("{}: TLS", listener.shown),
            false => listener.shown.clone(),
        };
        let mut lines: Vec<String> = listeners.iter().map(shown).collect();
        if listeners.iter().all(|one| one.scope <= Scope::Loopback) {
            lines.push(match lines.is_empty() {
                true => "no TCP listener".to_owned(),
                false => "nothing leaves this host".to_owned(),
            });
            return Outcome::Pass(lines);
        }
        let port = match reach::port(facts, "port") {
            Ok(port) => port,
            Err(reason) => return Outcome::unknown(reason),
        };
        let state = tls::state(facts);
        let plain: Vec<&Listener> = listeners
            .iter()
            .filter(|one| one.port == port && !one.tls && one.scope > Scope::Loopback)
            .collect();
        let told = plain.iter().filter(|one| one.scope != Scope::Named);
        let mut actual: Vec<String> = told.map(|one| one.shown.clone()).collect();
        if let (Some(named), true) = (plain.first(), actual.is_empty()) {
            return Outcome::unknown(format!(
                "what the name stands for is not known, and the sockets cannot be seen: {}",
                named.shown
            ));
        }
        if actual.is_empty() {
            return Outcome::Pass(lines);
        }
        actual.push(match (&state, reach::tls_port(facts)) {
            (Ok(Tls::NotBuilt), _) => "the server was built without TLS".to_owned(),
            (Err(reason), _) => reason.clone(),
            (_, None) => "tls-port 0".to_owned(),
            (_, Some(tls)) => format!("tls-port {tls}, beside it"),
        });
        let mut failure = Failure::new(actual).steps(encrypt(facts, &state));
        match crossing(facts) {
            Ok(None) => {}
            Ok(Some(reason)) => failure = failure.severity(Severity::High, reason),
            Err(reason) => failure
                .actual
                .push(format!("whether passwords cross it is not known: {reason}")),
        }
        failure.into()
    }
}

impl Check for Protocols {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "net.tls-protocols",
            title: "TLS is 1.2 or newer, with strong ciphers",
            category: Category::Network,
            severity: Severity::Medium,
            worst: Severity::Medium,
            tutorial: false,
            why: "TLS before 1.2 and the ciphers of its time can be broken by somebody on the way, who can often make both \
                  ends use the weakest they allow.",
            expected: "tls-protocols empty or TLSv1.2 TLSv1.3, and no cipher that is weak by its name",
            remedy: "Allow TLS 1.2 and 1.3 only, and leave the ciphers to the library or name strong ones.",
            references: &[
                REDIS_TLS,
                "https://www.rfc-editor.org/rfc/rfc8996",
                "https://www.rfc-editor.org/rfc/rfc9325",
                "https://cwe.mitre.org/data/definitions/326.html",
            ],
            fix: Fix::Auto,
            exposed: Exposed::Network,
            cap: "TLS that can be broken on the way is allowed",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        match tls::state(facts).map(Tls::unused) {
            Ok(None) => {}
            Ok(Some(why)) => return Outcome::not_applicable(why),
            Err(reason) => return Outcome::unknown(reason),
        }
        let names = ["tls-protocols", "tls-ciphers", "tls-ciphersuites"];
        let mut actual = Vec::new();
        let mut mend: Vec<(&str, &str)> = Vec::new();
        for name in names {
            let value = match facts.setting(name) {
                Ok(value) => String::from_utf8_lossy(value).into_owned(),
                Err(reason) => return Outcome::unknown(reason),
            };
            let (line, good) = match name {
                "tls-protocols" => protocols(&value),
                _ => cipher_list(name, &value),
            };
            match good {
                Some(good) => {
                    mend.push((name, good));
                    actual.insert(mend.len().saturating_sub(1), line);
                }
                None => actual.push(line),
            }
        }
        if mend.is_empty() {
            return Outcome::Pass(actual);
        }
        let pairs = mend.iter().map(|(name, good)| format!("{name} \"{good}\""));
        let pairs: Vec<String> = pairs.collect();
        let cli = steps::cli(facts);
        Failure::new(actual)
            .steps([
                "# clients that know nothing newer are refused from then on; open connections stay"
                    .to_owned(),
                format!("{cli} CONFIG SET {}", pairs.join(" ")),
                keeping::setting(facts, &pairs.join(" and ")),
            ])
            .actions([Action::Set(
                mend.iter()
                    .map(|(name, good)| ((*name).to_owned(), good.as_bytes().to_vec()))
                    .collect(),
            )])
            .into()
    }
}

impl Check for ClientAuth {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "net.tls-client-auth",
            title: "Clients show a certificate on the TLS port",
            category: Category::Network,
            severity: Severity::Low,
            worst: Severity::Low,
            tutorial: false,
            why: "Where a client must show a certificate, a stranger cannot even try a password, nor what an attacker may do \
                  before one is asked for.",
            expected: "tls-auth-clients yes, and an authority of your own",
            remedy: "Give each client a certificate of an authority of your own, and ask for it.",
            references: &[REDIS_TLS, VALKEY_TLS],
            fix: Fix::Auto,
            exposed: Exposed::Network,
            cap: "the TLS port takes clients without a certificate of yours",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        match (tls::state(facts), reach::tls_port(facts)) {
            (Err(reason), _) => return Outcome::unknown(reason),
            (Ok(_), Some(_)) => {}
            (Ok(Tls::On), None) => return Outcome::not_applicable("there is no tls-port"),
            (Ok(state), None) => {
                return Outcome::not_applicable(state.unused().unwrap_or("there is no tls-port"));
            }
        }
        match facts.setting("tls-auth-clients") {
            Err(reason) => Outcome::unknown(reason),
            Ok(b"no") => without_certificates(facts),
            Ok(b"optional") => Outcome::Pass(vec![
                "tls-auth-clients optional".to_owned(),
                "a certificate that a client shows is checked, but it may show none".to_owned(),
            ]),
            Ok(value) => match tls::public_authorities(facts) {
                None => Outcome::pass(format!("tls-auth-clients {}", printable(value))),
                Some(why) => everybodys_certificates(facts, value, &why),
            },
        }
    }
}

/// Whose password crosses a plaintext port; nobody's while protected mode refuses other hosts.
fn crossing(facts: &Facts) -> Result<Option<String>, String> {
    if reach::protected(facts)? {
        return Ok(None);
    }
    let users = facts.users.known()?;
    let with_password = |user: &&crate::audit::facts::User| {
        user.enabled && !user.nopass && !user.password_hashes.is_empty()
    };
    let names = users.iter().filter(with_password);
    let names: Vec<String> = names.map(|user| printable_up_to(&user.name, 64)).collect();
    let whose = steps::first_few(&names, 3);
    Ok((!names.is_empty()).then(|| format!("passwords cross it in clear: {whose}")))
}

/// Only to a build that has TLS a setting of it is advised: others can die of it.
fn encrypt(facts: &Facts, state: &Result<Tls, String>) -> Vec<String> {
    let cli = steps::cli(facts);
    let conf = match &facts.server.config_file {
        Some(path) => printable(path),
        None => "the redis.conf it is started with".to_owned(),
    };
    let close = |tls: u16| {
        [
            format!("# move clients, replicas and Sentinels to port {tls}, and then:"),
            format!("{cli} CONFIG SET port 0"),
            format!("# write into {conf}: port 0"),
        ]
    };
    match (state, reach::tls_port(facts)) {
        (Ok(Tls::NotBuilt) | Err(_), _) => vec![
            "# a build with TLS: the packages of Debian and Ubuntu, or from source: make BUILD_TLS=yes"
                .to_owned(),
            "# or a tunnel: stunnel, WireGuard; stunnel.conf: accept = 6380, connect = 127.0.0.1:6379"
                .to_owned(),
            format!("{cli} CONFIG SET bind \"127.0.0.1 -::1\"   # once the tunnel stands"),
        ],
        (_, Some(tls)) => close(tls).into(),
        (_, None) => {
            let files = "tls-cert-file /etc/redis/tls/redis.crt tls-key-file /etc/redis/tls/redis.key \
                         tls-ca-cert-file /etc/redis/tls/ca.crt";
            let mut steps = vec![
                "# get a certificate for this host from your authority; the key has mode 600 and is the server's user's"
                    .to_owned(),
                format!("{cli} CONFIG SET {files} tls-port 6380"),
                format!("# write these four into {conf}"),
            ];
            steps.extend(close(6380));
            steps
        }
    }
}

/// The line for the report, and the value that would be good, where this one is not.
fn protocols(value: &str) -> (String, Option<&'static str>) {
    if value.trim().is_empty() {
        let line = "tls-protocols \"\": the server's own, TLSv1.2 and TLSv1.3";
        return (line.to_owned(), None);
    }
    let shown = printable_up_to(value.as_bytes(), 128);
    let old = value.split_whitespace().find(|word| {
        let good = GOOD_PROTOCOLS.split(' ');
        !good.into_iter().any(|good| good.eq_ignore_ascii_case(word))
    });
    match old {
        Some(old) => (
            format!(
                "tls-protocols {shown}: {} is broken",
                printable(old.as_bytes())
            ),
            Some(GOOD_PROTOCOLS),
        ),
        None => (format!("tls-protocols {shown}"), None),
    }
}

/// An empty list is the library's own, which knows what has been broken since.
fn cipher_list(name: &str, value: &str) -> (String, Option<&'static str>) {
    if value.is_empty() {
        return (format!("{name} \"\": those of the library"), None);
    }
    let weak = ciphers::weak(value);
    let faults: Vec<String> = weak
        .iter()
        .map(|(word, fault)| format!("{} ({fault})", printable_up_to(word.as_bytes(), 64)))
        .collect();
    match faults.is_empty() {
        true => (
            format!("{name} {}", printable_up_to(value.as_bytes(), 128)),
            None,
        ),
        false => (
            format!("{name} allows {}", steps::first_few(&faults, 6)),
            Some(""),
        ),
    }
}

/// Who has a name on the Internet gets a certificate of a public authority, at no cost.
fn everybodys_certificates(facts: &Facts, value: &[u8], why: &str) -> Outcome {
    let cli = steps::cli(facts);
    let dir = facts.setting("tls-ca-cert-dir");
    let dir = match dir.is_ok_and(|dir| !dir.is_empty()) {
        true => " tls-ca-cert-dir ''",
        false => "",
    };
    Failure::new(vec![
        format!("tls-auth-clients {}", printable(value)),
        format!("{why}, so a certificate of any of them gets in"),
    ])
    .steps([
        "# give every client, replica and Sentinel a certificate of your own authority first: others are refused from then on"
            .to_owned(),
        format!("{cli} CONFIG SET tls-ca-cert-file /etc/redis/tls/ca.crt{dir}   # your authority, and nobody else's"),
        keeping::setting(facts, "tls-ca-cert-file /etc/redis/tls/ca.crt"),
    ])
    .into()
}

fn without_certificates(facts: &Facts) -> Outcome {
    let settings = ["tls-ca-cert-file", "tls-ca-cert-dir"];
    let authority = settings.iter().any(|name| {
        let value = facts.setting(name);
        value.is_ok_and(|value| !value.is_empty())
    });
    let cli = steps::cli(facts);
    let mut steps = vec![
        "# give every client, replica and Sentinel a certificate first: the others are refused from then on"
            .to_owned(),
    ];
    if !authority {
        steps.push(format!(
            "{cli} CONFIG SET tls-ca-cert-file /etc/redis/tls/ca.crt   # the authority of your clients"
        ));
    }
    steps.push(format!("{cli} CONFIG SET tls-auth-clients yes"));
    steps.push(keeping::setting(facts, "tls-auth-clients yes"));
    let failure = Failure::new(vec!["tls-auth-clients no".to_owned()]).steps(steps);
    match authority {
        // Without an authority the server refuses the change.
        false => failure.into(),
        true => {
            let set = vec![("tls-auth-clients".to_owned(), b"yes".to_vec())];
            failure.actions([Action::Set(set)]).into()
        }
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
