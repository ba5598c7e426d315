//! `ver.advisories`: no known vulnerability is within reach, because it is mended or because the gate closes it.

use std::collections::BTreeSet;

use super::access::{self, State};
use super::denial::{self, Denial};
use super::sentinel::{self, Watch};
use super::{steps, version};
use crate::audit::advisories::{self, Advisory, Bearing, Closing, Release};
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Facts, Standing};
use crate::audit::fix::Action;
use crate::audit::reach;

/// `ver.advisories`.
pub struct Advisories;

impl Check for Advisories {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "ver.advisories",
            title: "No known vulnerability is within reach",
            category: Category::Version,
            severity: Severity::High,
            worst: Severity::High,
            tutorial: false,
            why: "Programs that use these vulnerabilities are public. Many need one command only: until the server can be \
                  restarted with a release that is mended, the gate closes them.",
            expected: "a release without known vulnerabilities, or each of them out of reach",
            remedy: "Install a release that has them mended; until then deny what they need.",
            references: &[
                "https://github.com/redis/redis/security/advisories",
                "https://github.com/valkey-io/valkey/security/advisories",
                "https://nvd.nist.gov/vuln/detail/CVE-2025-49844",
            ],
            fix: Fix::Auto,
            exposed: Exposed::Clients,
            cap: "known vulnerabilities of this version are within reach",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let (release, _) = match version::known_branch(facts) {
            Ok(known) => known,
            Err(reason) => return Outcome::unknown(reason),
        };
        let bearing = match advisories::bearing_on(&facts.server.name, release) {
            Ok(bearing) => bearing,
            Err(reason) => return Outcome::unknown(reason),
        };
        let name = version::named(facts, release);
        if bearing.is_empty() {
            return Outcome::pass(format!(
                "{name}: none is known (as of {})",
                advisories::as_of()
            ));
        }
        if let Err((reason, steps)) = version::unless_packaged(facts) {
            let ids: Vec<String> = bearing
                .iter()
                .map(|(advisory, _)| advisory.name())
                .collect();
            let reason = format!("{reason} To be looked up there: {}", ids.join(", "));
            return Outcome::Unknown { reason, steps };
        }
        judged(facts, &name, &bearing)
    }
}

fn judged(facts: &Facts, name: &str, bearing: &[(&'static Advisory, Bearing)]) -> Outcome {
    let (mut open, mut closed, mut perhaps) = (Vec::new(), Vec::new(), Vec::new());
    let mut closings: Vec<&'static Closing> = Vec::new();
    let mut wanted: Option<Release> = None;
    for (advisory, bearing) in bearing {
        if let Some(why) = out_of_reach(facts, advisory) {
            closed.push(format!(
                "mitigated, {why}: {}: {}",
                advisory.name(),
                advisory.what
            ));
            continue;
        }
        match bearing {
            Bearing::Affected(fixed, _) => {
                open.push(line(advisory, *bearing));
                wanted = wanted.max(*fixed);
                let closing = advisory.closing();
                closings.extend(closing.filter(|closing| !closings.contains(closing)));
            }
            _ => perhaps.push(line(advisory, *bearing)),
        }
    }
    let head = format!(
        "{name}, as of {}: {} within reach, {} mitigated, {} unsure",
        advisories::as_of(),
        open.len(),
        closed.len(),
        perhaps.len()
    );
    if open.is_empty() && !perhaps.is_empty() {
        return Outcome::Unknown {
            reason: format!(
                "{head}. Whether this release has it mended is not known: {}",
                perhaps.join("; ")
            ),
            steps: version::upgrade_steps(facts, None),
        };
    }
    let fails = !open.is_empty();
    let actual: Vec<String> = [vec![head], open, perhaps, closed].concat();
    match fails {
        false => Outcome::Pass(actual),
        true => Failure::new(actual)
            .steps(closing_steps(facts, &closings, wanted))
            .actions(
                closings
                    .iter()
                    .filter_map(|closing| closing_action(facts, closing)),
            )
            .into(),
    }
}

/// A vulnerability for the eye: what it is, since when it is mended, what closes it.
fn line(advisory: &Advisory, bearing: Bearing) -> String {
    let fixed = match bearing {
        Bearing::Affected(Some(release), mark) => format!("fixed in {release}{}", mark.doubt()),
        Bearing::Affected(None, mark) => format!("not fixed in this branch{}", mark.doubt()),
        _ => "whether this release has it mended is not known".to_owned(),
    };
    let gate = match (advisory.closing(), advisory.narrows) {
        (Some(closing), _) => format!("; closed by: {}", in_short(closing.statement)),
        (None, Some(statement)) => format!("; lessened by: {statement}"),
        (None, None) => "; no rule closes it".to_owned(),
    };
    format!("{}: {}; {fixed}{gate}", advisory.name(), advisory.what)
}

/// `deny eval ...` of a long statement; the steps have it whole.
fn in_short(statement: &str) -> String {
    let words: Vec<&str> = statement.split(' ').collect();
    match words.as_slice() {
        [verb, first, _, _, ..] => format!("{verb} {first} ..."),
        _ => statement.to_owned(),
    }
}

/// Why nobody can make use of a vulnerability on this server as it runs now.
fn out_of_reach(facts: &Facts, advisory: &Advisory) -> Option<String> {
    if let Some(why) = advisory.needs.and_then(|need| unmet(facts, need)) {
        return Some(why);
    }
    let closing = advisory.closing()?;
    let mut labels = BTreeSet::new();
    for name in &closing.commands {
        let command = facts
            .commands
            .iter()
            .find(|command| command.name == *name)?;
        match access::state(facts, command) {
            // What this server does not have bars nobody from anything.
            State::Closed(_) if command.standing.known() == Ok(&Standing::Absent) => {}
            State::Closed(label) => {
                labels.insert(label);
            }
            State::Open { .. } | State::Unknown(_) => return None,
        }
    }
    Some(labels.into_iter().collect::<Vec<_>>().join(", "))
}

/// Why what a vulnerability needs is not there; `None` where it is, or may be.
fn unmet(facts: &Facts, need: &str) -> Option<String> {
    let is = |name: &str, value: &[u8]| facts.setting(name).map(|known| known == value);
    let off = match need {
        "cluster" => (
            is("cluster-enabled", b"no") == Ok(true),
            "the server is no node of a cluster",
        ),
        "tls" => (
            reach::port(facts, "tls-port") == Ok(0)
                && is("tls-replication", b"yes") != Ok(true)
                && is("tls-cluster", b"yes") != Ok(true),
            "TLS is not in use",
        ),
        "unixsocket" => (is("unixsocket", b"") == Ok(true), "there is no unix socket"),
        "writable-replica" => (
            facts
                .logins
                .replication
                .known()
                .is_ok_and(|replication| replication.master.is_none())
                || is("replica-read-only", b"yes") == Ok(true),
            "the server is no replica that takes writes",
        ),
        need => {
            let module = need.strip_prefix("module:")?.as_bytes();
            let code = facts.files.code.known().ok()?;
            let named = || code.iter().filter_map(|code| code.module.as_deref());
            // The list of modules always has this one.
            let listed = named().next().is_some();
            (
                listed && !named().any(|name| name == module),
                "the module is not loaded",
            )
        }
    };
    off.0.then(|| off.1.to_owned())
}

/// The statement that closes a vulnerability; `None` where it would keep a Sentinel that is connected, or may be, from failing
/// over.
fn denial<'f>(
    facts: &'f Facts,
    watch: &Watch<'f>,
    closing: &'static Closing,
) -> Option<Denial<'f>> {
    let names = || closing.commands.iter().copied();
    let of_sentinel = names().any(|name| sentinel::needs(facts, name));
    match watch {
        watch if of_sentinel && watch.leaves_open().is_some() => None,
        watch if of_sentinel => {
            let mind = watch.mind(facts, &closing.commands);
            Some(Denial::of(facts, names(), watch.spared()).mind(mind))
        }
        _ => Some(Denial::of(facts, names(), &[])),
    }
}

fn closing_action(facts: &Facts, closing: &'static Closing) -> Option<Action> {
    let options = " optional note=\"closes known vulnerabilities until the server is upgraded\"";
    denial(facts, &sentinel::watch(facts), closing)?.action(closing.statement, options)
}

fn closing_steps(
    facts: &Facts,
    closings: &[&'static Closing],
    wanted: Option<Release>,
) -> Vec<String> {
    let watch = sentinel::watch(facts);
    let mut lines = Vec::new();
    for closing in closings {
        let words: Vec<String> = closing
            .statement
            .split(' ')
            .skip(1)
            .map(|word| steps::shell_path(word.as_bytes()))
            .collect();
        let words = words.join(" ");
        let Some(denial) = denial(facts, &watch, closing) else {
            let why = watch.leaves_open().unwrap_or_default();
            lines.push(format!("# {words} is left open: {why}"));
            continue;
        };
        let step = denial.step(&format!("DENY {words}"), " optional");
        lines.extend(
            step.map(|step| format!("{step}   # closes what needs these, until the upgrade")),
        );
        lines.extend(denial.on_a_cluster().map(|mind| format!("# {mind}")));
    }
    if !closings.is_empty() {
        lines.extend(denial::last_steps(facts));
    }
    lines.extend(version::upgrade_steps(facts, wanted));
    lines
}

#[cfg(test)]
#[path = "vulnerabilities_tests.rs"]
mod tests;
