//! `ver.supported`: the server is of a branch that gets fixes, and has the last of them.

use super::steps;
use crate::audit::advisories::{self, Branch, Release};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Facts, Package};
use crate::policy::day::Day;
use crate::render::escape::printable_up_to;

/// `ver.supported`.
pub struct Supported;

impl Check for Supported {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "ver.supported",
            title: "The server gets security fixes and has the last ones",
            category: Category::Version,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "Most security releases mend more than the vulnerabilities that get a number. A branch without support, or \
                  a release behind its branch's last one, lacks what anybody can read in the newer source.",
            expected: "a branch in support, at its last known security release or later",
            remedy: "Install the last release of the branch, or move to a newer branch.",
            references: &[
                "https://github.com/redis/redis/releases",
                "https://github.com/valkey-io/valkey/releases",
                "https://endoflife.date/redis",
                "https://endoflife.date/valkey",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Clients,
            cap: "the server lacks security fixes of its branch, or its branch gets none",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let (release, branch) = match known_branch(facts) {
            Ok(known) => known,
            Err(reason) => return Outcome::unknown(reason),
        };
        let name = named(facts, release);
        let (faults, wanted) = faults(branch, release, facts);
        if faults.is_empty() {
            if branch.later {
                return Outcome::unknown(format!(
                    "{name}: which release is the last of its branch was not known to this module on {}",
                    advisories::as_of()
                ));
            }
            let floor = wanted.map_or_else(String::new, |floor| floor.to_string());
            let line = format!(
                "the last known security release of its branch is {floor} (as of {})",
                advisories::as_of()
            );
            return Outcome::Pass(vec![name, line]);
        }
        match unless_packaged(facts) {
            Ok(()) => {}
            Err((reason, steps)) => {
                let reason = format!("{reason} By its version alone: {}.", faults.join("; "));
                return Outcome::Unknown { reason, steps };
            }
        }
        let mut actual = vec![name];
        actual.extend(faults);
        Failure::new(actual)
            .steps(upgrade_steps(facts, wanted))
            .into()
    }
}

/// The server's release and what is known of its branch; else why it cannot be judged.
pub fn known_branch(facts: &Facts) -> Result<(Release, &'static Branch), String> {
    let server = &facts.server;
    let shown = || {
        let name = printable_up_to(server.name.as_bytes(), 32);
        format!("{name} {}", printable_up_to(server.version.as_bytes(), 32))
    };
    let release =
        Release::read(&server.version).ok_or_else(|| format!("{}: no release number", shown()))?;
    match advisories::branch(&server.name, release) {
        Ok(Some(branch)) => Ok((release, branch)),
        Ok(None) => Err(format!(
            "{}: a branch that this module did not know on {}",
            shown(),
            advisories::as_of()
        )),
        Err(reason) => Err(reason.to_owned()),
    }
}

/// The server and its release.
pub fn named(facts: &Facts, release: Release) -> String {
    match facts.package.known() {
        Ok(Some(package)) => format!("{} {release}, {}", facts.server.name, shown(package)),
        _ => format!("{} {release}", facts.server.name),
    }
}

/// Nothing against judging the version, or why it tells nothing and how to find out.
pub fn unless_packaged(facts: &Facts) -> Result<(), (String, Vec<String>)> {
    match facts.package.known() {
        Ok(None) => Ok(()),
        Ok(Some(package)) => Err((
            format!(
                "{}: a distribution brings fixes into the version it has, so the number does not tell.",
                shown(package)
            ),
            package_steps(package),
        )),
        Err(reason) => Err((
            format!("whether it is a distribution's build: {reason}."),
            Vec::new(),
        )),
    }
}

fn shown(package: &Package) -> String {
    format!(
        "{} package {} {}",
        package.manager, package.name, package.version
    )
}

fn package_steps(package: &Package) -> Vec<String> {
    let name = steps::shell_path(package.name.as_bytes());
    match package.manager {
        "dpkg" => vec![
            format!("apt-get update && apt-cache policy {name}   # is a newer one there?"),
            format!("apt-get changelog {name} | grep -i -m 20 CVE   # what this one has mended"),
        ],
        "apk" => vec![format!(
            "apk update && apk version {name}   # is a newer one there?"
        )],
        _ => vec![
            format!("dnf check-update {name}   # is a newer one there?"),
            format!("rpm -q --changelog {name} | grep -i -m 20 CVE   # what this one has mended"),
        ],
    }
}

/// What is wrong with a release, and the release to have.
fn faults(branch: &Branch, release: Release, facts: &Facts) -> (Vec<String>, Option<Release>) {
    let mut faults = Vec::new();
    let mut wanted = branch.floor().map(|(floor, _)| floor);
    if let Some((ends, mark)) = branch
        .ends()
        .filter(|(ends, _)| *ends < Day::of(facts.time))
    {
        faults.push(format!(
            "its branch has had no support since {ends}{}",
            mark.doubt()
        ));
        wanted = None;
    }
    if let Some(reason) = branch.unfixed {
        faults.push(format!("its branch is not mended any more: {reason}"));
        wanted = None;
    }
    if let Some((floor, mark)) = branch.floor().filter(|(floor, _)| release < *floor) {
        faults.push(format!(
            "behind {floor}{}, the last known security release of its branch (as of {})",
            mark.doubt(),
            advisories::as_of()
        ));
    }
    (faults, wanted)
}

/// How a newer release comes into service.
pub fn upgrade_steps(facts: &Facts, wanted: Option<Release>) -> Vec<String> {
    let cli = steps::cli(facts);
    let what = match wanted {
        Some(release) => format!("{} {release} or later", facts.server.name),
        None => format!("{} of a branch in support", facts.server.name),
    };
    vec![
        format!("{cli} BGSAVE   # a copy of the data, as far as BGSAVE is not denied"),
        format!("# install {what}, replicas first, and restart"),
        format!("{cli} INFO server   # shows the version that runs"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes, unknown};
    use crate::audit::facts::Fact;

    fn server(name: &str, version: &str) -> Facts {
        let mut facts = sample::hardened();
        facts.server.name = name.to_owned();
        facts.server.version = version.to_owned();
        facts
    }

    fn debian(mut facts: Facts) -> Facts {
        facts.package = Fact::Known(Some(Package {
            manager: "dpkg",
            name: "redis-tools".to_owned(),
            version: "5:7.0.15-1~deb12u5".to_owned(),
        }));
        facts
    }

    #[test]
    fn the_last_release_of_a_branch_in_support_passes_and_the_one_before_fails() {
        for (name, last, before) in [
            ("redis", "7.4.11", "7.4.10"),
            ("redis", "8.10.1", "8.10.0"),
            ("valkey", "8.1.9", "8.1.8"),
            ("valkey", "9.1.2", "9.1.0"),
        ] {
            let actual = passes(&Supported, &server(name, last));
            assert_eq!(actual.first(), Some(&format!("{name} {last}")));
            let failure = fails(&Supported, &server(name, before));
            assert!(
                failure
                    .actual
                    .iter()
                    .any(|line| line.starts_with("behind ")),
                "{failure:?}"
            );
        }
    }

    #[test]
    fn a_branch_without_support_fails_from_its_last_day_on() {
        let failure = fails(&Supported, &server("redis", "7.0.15"));
        assert_eq!(
            failure.actual,
            [
                "redis 7.0.15",
                "its branch has had no support since 2024-07-29 (not confirmed)"
            ]
        );
        let failure = fails(&Supported, &server("redis", "8.0.6"));
        assert!(
            failure
                .actual
                .iter()
                .any(|line| line.contains("not mended any more: its last release, 8.0.6"))
        );
        let mut facts = server("valkey", "8.0.10");
        passes(&Supported, &facts);
        facts.time =
            std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_830_000_000);
        let failure = fails(&Supported, &facts);
        assert!(
            failure
                .actual
                .iter()
                .any(|line| line.contains("since 2027-09-15")),
            "{failure:?}"
        );
    }

    #[test]
    fn a_distributions_build_that_looks_old_is_unknown_with_its_package_and_a_new_one_passes() {
        let facts = debian(server("redis", "7.0.15"));
        let reason = unknown(&Supported, &facts);
        assert!(
            reason.starts_with("dpkg package redis-tools 5:7.0.15-1~deb12u5: "),
            "{reason}"
        );
        assert!(
            matches!(Supported.evaluate(&facts), Outcome::Unknown { steps, .. } if !steps.is_empty())
        );
        passes(&Supported, &debian(server("redis", "8.2.9")));
        let mut facts = server("redis", "7.0.15");
        facts.package = Fact::Unavailable("dpkg is not readable".to_owned());
        assert!(unknown(&Supported, &facts).contains("dpkg is not readable"));
    }

    #[test]
    fn what_the_data_do_not_know_is_unknown() {
        for (name, version) in [
            ("redis", "9.9.0"),
            ("redis", "8.1.240"),
            ("keydb", "6.3.4"),
            ("redis", "unknown"),
        ] {
            unknown(&Supported, &server(name, version));
        }
        // Redis 7.2: which release is its last is not told; but less than this is too little.
        assert!(
            unknown(&Supported, &server("redis", "7.2.13")).contains("which release is the last")
        );
        fails(&Supported, &server("redis", "7.2.10"));
    }
}
