//! The catalogue: every check, one a line, in the order of the report.

mod access;
mod accounts;
mod administrator;
mod authentication;
pub mod barred;
mod called;
mod certificates;
mod commands;
mod compromise;
mod denial;
pub mod drift;
mod files;
mod gate;
pub mod keeping;
mod known_password;
mod limits;
mod loaded_modules;
mod lua_sandbox;
mod network;
pub mod other_names;
mod passwords;
mod peers;
mod ports;
mod process;
mod public_clients;
mod records;
mod renames;
mod replication;
mod scripting;
pub mod sealed;
mod secrets;
mod sentinel;
mod sentinel_steps;
mod sockets;
mod steps;
mod switches;
mod tls;
mod tls_links;
mod unix_socket;
mod version;
mod vulnerabilities;

#[cfg(test)]
pub mod sample;

use super::check::Check;

/// Every check, in the catalogue's order.
pub const ALL: &[&dyn Check] = &[
    &network::Bind,
    &sockets::Listening,
    &network::Firewall,
    &network::ProtectedMode,
    &ports::DefaultPort,
    &tls::Plaintext,
    &tls::Protocols,
    &tls::ClientAuth,
    &certificates::TlsCertificate,
    &tls_links::TlsReplication,
    &unix_socket::UnixSocket,
    &ports::ClusterBus,
    &public_clients::PublicClients,
    &authentication::Password,
    &passwords::PasswordStrength,
    &known_password::KnownPassword,
    &authentication::NopassUsers,
    &accounts::DefaultUser,
    &accounts::UserPrivileges,
    &accounts::SharedPassword,
    &secrets::PlaintextSecrets,
    &secrets::AclFile,
    &replication::Replica,
    &replication::Failures,
    &commands::Dangerous,
    &commands::DataLoss,
    &commands::Config,
    &renames::Guessable,
    &renames::RenameCommand,
    &scripting::Scripting,
    &switches::DebugCommand,
    &switches::ModuleCommand,
    &switches::ProtectedConfigs,
    &gate::Enforces,
    &files::Config,
    &files::DataDir,
    &files::Data,
    &files::Acl,
    &files::Log,
    &files::TlsKey,
    &files::Policy,
    &files::Module,
    &files::Parents,
    &files::Staging,
    &process::Root,
    &process::Capabilities,
    &process::NoNewPrivs,
    &process::CoreDumps,
    &limits::MaxMemory,
    &limits::Clients,
    &limits::OutputBuffer,
    &records::LogFile,
    &records::AclLog,
    &version::Supported,
    &vulnerabilities::Advisories,
    &lua_sandbox::LuaSandbox,
    &compromise::ReplicaOf,
    &loaded_modules::Modules,
    &drift::ConfigDrift,
];

/// The check of this id; without one the id it most likely stood for.
pub fn find(id: &[u8]) -> Result<&'static dyn Check, Option<&'static str>> {
    let asked = String::from_utf8_lossy(id).to_lowercase();
    let found = ALL.iter().find(|check| check.meta().id == asked);
    found.copied().ok_or_else(|| nearest(&asked))
}

fn nearest(asked: &str) -> Option<&'static str> {
    if asked.is_empty() || asked.len() > 64 {
        return None;
    }
    let mut ids = ALL.iter().map(|check| check.meta().id);
    let without_area = |id: &&str| id.split_once('.').is_some_and(|(_, name)| name == asked);
    if let Some(id) = ids.clone().find(without_area) {
        return Some(id);
    }
    let allowed = (asked.len() / 3).clamp(1, 4);
    let (distance, id) = ids
        .by_ref()
        .map(|id| (strsim::osa_distance(asked, id), id))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= allowed).then_some(id)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
mod tests {
    use super::*;
    use crate::audit::check::{Category, Meta};
    use std::collections::BTreeSet;

    fn metas() -> impl Iterator<Item = &'static Meta> {
        ALL.iter().map(|check| check.meta())
    }

    #[test]
    fn ids_are_unique_and_carry_their_area() {
        let unique: BTreeSet<&str> = metas().map(|meta| meta.id).collect();
        assert_eq!(unique.len(), ALL.len());
        for meta in metas() {
            let (area, name) = meta.id.split_once('.').unwrap();
            assert!(!name.is_empty());
            let category = match area {
                "net" => Category::Network,
                "auth" => Category::Authentication,
                "cmd" => Category::Commands,
                "file" => Category::Files,
                "proc" => Category::Process,
                "limit" | "log" => Category::Limits,
                "ver" => Category::Version,
                _ => Category::Compromise,
            };
            assert_eq!(meta.category, category, "{}", meta.id);
        }
    }

    #[test]
    fn the_report_is_ordered_by_area() {
        assert!(metas().is_sorted_by(|a, b| a.category <= b.category));
    }

    #[test]
    fn every_check_is_documented_in_printable_words() {
        for meta in metas() {
            for text in [meta.title, meta.why, meta.expected, meta.remedy, meta.cap] {
                assert!(text.len() > 5, "{}: {text:?}", meta.id);
                assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)), "{text}");
            }
            assert!(meta.title.len() <= 60, "{}", meta.title);
            assert!(!meta.references.is_empty(), "{}", meta.id);
            assert!(
                meta.references
                    .iter()
                    .all(|url| url.starts_with("https://"))
            );
            assert!(meta.worst >= meta.severity, "{}", meta.id);
        }
    }

    #[test]
    fn the_ids_and_their_severities_are_those_of_the_catalogue() {
        let listed: Vec<String> = metas()
            .map(|meta| format!("{} {} {}", meta.id, meta.severity.name(), meta.tutorial))
            .collect();
        assert_eq!(
            listed,
            [
                "net.bind high true",
                "net.listening high true",
                "net.firewall medium true",
                "net.protected-mode high false",
                "net.default-port low false",
                "net.tls medium false",
                "net.tls-protocols medium false",
                "net.tls-client-auth low false",
                "net.tls-certificate high false",
                "net.tls-replication medium false",
                "net.unixsocket high false",
                "net.cluster-bus medium false",
                "net.public-clients high false",
                "auth.password critical true",
                "auth.password-strength high true",
                "auth.known-password critical false",
                "auth.nopass-users critical false",
                "auth.default-user medium false",
                "auth.user-privileges medium false",
                "auth.shared-password medium false",
                "auth.plaintext-secrets medium false",
                "auth.aclfile low false",
                "auth.replica medium false",
                "auth.failures info false",
                "cmd.dangerous high true",
                "cmd.data-loss info true",
                "cmd.config high true",
                "cmd.rename-guessable medium false",
                "cmd.rename-command low false",
                "cmd.scripting medium false",
                "cmd.debug high false",
                "cmd.module-load high false",
                "cmd.protected-configs high false",
                "cmd.gate low false",
                "file.config high true",
                "file.data-dir high true",
                "file.data medium false",
                "file.acl high false",
                "file.log low false",
                "file.tls-key high false",
                "file.policy high false",
                "file.module high false",
                "file.parents high false",
                "file.staging critical false",
                "proc.root high false",
                "proc.capabilities medium false",
                "proc.no-new-privs low false",
                "proc.core-dumps low false",
                "limit.maxmemory low false",
                "limit.clients low false",
                "limit.output-buffer medium false",
                "log.file low false",
                "log.acl-log low false",
                "ver.supported high false",
                "ver.advisories high false",
                "ver.lua-sandbox critical false",
                "ioc.replicaof high false",
                "ioc.modules medium false",
                "ioc.config-drift low false",
            ]
        );
    }

    #[test]
    fn no_check_gives_more_than_its_worst_severity() {
        let facts = sample::wide_open();
        for finding in crate::audit::run(&facts).findings {
            assert!(
                finding.severity <= finding.meta.worst,
                "{}",
                finding.meta.id
            );
        }
    }

    #[test]
    fn every_check_passes_on_a_hardened_server_and_fails_on_an_open_one() {
        use crate::audit::report::Verdict;
        for finding in crate::audit::run(&sample::hardened()).findings {
            let fine = matches!(finding.outcome, Verdict::Pass | Verdict::NotApplicable);
            assert!(fine, "{}: {:?}", finding.meta.id, finding.actual);
        }
        for finding in crate::audit::run(&sample::wide_open()).findings {
            assert_eq!(finding.outcome, Verdict::Fail, "{}", finding.meta.id);
            assert!(!finding.steps.is_empty(), "{}", finding.meta.id);
        }
    }

    #[test]
    fn only_what_says_that_it_is_mended_on_the_running_server_carries_actions() {
        use crate::audit::check::Fix;
        let findings = crate::audit::run(&sample::wide_open()).findings;
        let with = findings
            .iter()
            .filter(|finding| !finding.actions.is_empty());
        let with: Vec<_> = with.map(|finding| finding.meta).collect();
        assert!(with.len() > 8, "{with:?}");
        assert!(with.iter().all(|meta| meta.fix == Fix::Auto), "{with:?}");
    }

    #[test]
    fn every_step_is_a_line_of_shell() {
        let mut without_file = sample::wide_open();
        without_file.server.config_file = None;
        without_file.server.port = 7000;
        sample::add_user(&mut without_file, "o'dd \u{1b}|>& user", true);
        for facts in [sample::wide_open(), without_file, sample::nothing_read()] {
            for finding in crate::audit::run(&facts).findings {
                for step in finding.steps {
                    let parsed = std::process::Command::new("bash")
                        .args(["-n", "-c", &step])
                        .output()
                        .unwrap();
                    assert!(parsed.status.success(), "{step}: {parsed:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_passes_when_nothing_could_be_read() {
        use crate::audit::report::Verdict;
        let findings = crate::audit::run(&sample::nothing_read()).findings;
        // Who this process is, the kernel always tells; how the gate stands, the module itself.
        let always_known = ["proc.root", "cmd.gate"];
        for finding in findings
            .iter()
            .filter(|finding| !always_known.contains(&finding.meta.id))
        {
            assert_eq!(finding.outcome, Verdict::Unknown, "{}", finding.meta.id);
            assert!(
                finding.actual[0].contains("not readable"),
                "{}",
                finding.meta.id
            );
        }
    }

    #[test]
    fn a_check_is_found_by_id_and_a_mistyped_id_gets_the_nearest() {
        assert_eq!(find(b"NET.Bind").ok().unwrap().meta().id, "net.bind");
        assert_eq!(find(b"net.bnid").err().unwrap(), Some("net.bind"));
        assert_eq!(find(b"dangerous").err().unwrap(), Some("cmd.dangerous"));
        assert_eq!(find(b"\xff\xff\xff").err().unwrap(), None);
        assert_eq!(find(b"").err().unwrap(), None);
    }
}
