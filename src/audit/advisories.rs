//! Known vulnerabilities of the servers, and the last security release of each branch: data (`advisories.json`), held
//! against a version. What the data are not sure of stays unsure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

use crate::policy::day::Day;

/// The number of a release, `7.4.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// The branch: 7 and 4.
    pub branch: (u16, u16),
    /// The last number: 1.
    pub patch: u16,
}

/// How sure a line of the data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Read in release notes.
    Stated,
    /// Read in a thread of the maintainers.
    Told,
    /// Inferred from releases of the same day.
    Inferred,
    /// Known otherwise, and not confirmed.
    Unconfirmed,
}

/// What a vulnerability means to a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearing {
    /// It has it; where its branch is mended, from this release on.
    Affected(Option<Release>, Mark),
    /// The data do not tell.
    Perhaps,
    /// It has not.
    Not,
}

/// A vulnerability.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advisory {
    /// Its CVE, or where it has none, a name of ours.
    pub id: &'static str,
    /// What it does, in a few words.
    pub what: &'static str,
    /// It has a CVE.
    #[serde(default = "yes")]
    pub cve: bool,
    gate: Option<&'static str>,
    /// A statement that helps, and does not close it.
    pub narrows: Option<&'static str>,
    /// Without this (`cluster`, `tls`, `module:bf`) it is out of reach.
    pub needs: Option<&'static str>,
    redis: Option<Line>,
    valkey: Option<Line>,
}

/// What it means to the releases of one server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The first release that has it, on whatever branch.
    from: Option<&'static str>,
    /// By branch: the first release without it, `none`, or `?`.
    fixed: BTreeMap<&'static str, &'static str>,
}

/// A statement of the gate that closes a vulnerability.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    /// In the policy's words.
    pub statement: &'static str,
    /// The commands that must be out of everybody's reach.
    pub commands: Vec<&'static str>,
}

/// A branch of a server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    server: &'static str,
    branch: &'static str,
    floor: &'static str,
    /// A later security release may exist: the data do not tell.
    #[serde(default)]
    pub later: bool,
    /// Why even its last release is not enough.
    pub unfixed: Option<&'static str>,
    ends: Option<&'static str>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    #[serde(rename = "about")]
    _about: &'static str,
    as_of: &'static str,
    gates: BTreeMap<&'static str, Closing>,
    branches: Vec<Branch>,
    advisories: Vec<Advisory>,
}

/// The data, read once. A test holds every row against the rules that the rest of this file relies on.
static DATA: LazyLock<Result<Data, String>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("advisories.json"))
        .map_err(|error| format!("the list of vulnerabilities cannot be read: {error}"))
});

fn yes() -> bool {
    true
}

fn data() -> Result<&'static Data, &'static str> {
    DATA.as_ref().map_err(String::as_str)
}

/// The day of the newest of the data.
pub fn as_of() -> &'static str {
    data().map_or("", |data| data.as_of)
}

/// What is known of a branch.
pub fn branch(server: &str, release: Release) -> Result<Option<&'static Branch>, &'static str> {
    let of =
        |branch: &&Branch| branch.server == server && number(branch.branch) == Some(release.branch);
    Ok(data()?.branches.iter().find(of))
}

/// Every vulnerability that a release has, or may have.
pub fn bearing_on(
    server: &str,
    release: Release,
) -> Result<Vec<(&'static Advisory, Bearing)>, &'static str> {
    let branch = branch(server, release)?;
    let all = data()?.advisories.iter();
    let judged = all.map(|advisory| (advisory, advisory.bearing(server, release, branch)));
    Ok(judged
        .filter(|(_, bearing)| *bearing != Bearing::Not)
        .collect())
}

/// The commands whose reach decides on the vulnerabilities of a release.
pub fn commands(server: &str, version: &str) -> BTreeSet<&'static str> {
    let release = Release::read(version);
    let bearing = release.and_then(|release| bearing_on(server, release).ok());
    let closings = bearing
        .iter()
        .flatten()
        .filter_map(|(advisory, _)| advisory.closing());
    closings
        .flat_map(|closing| &closing.commands)
        .copied()
        .collect()
}

impl Release {
    /// Reads `7.4.1`; what follows behind a `-` is left out.
    pub fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split('-').next()?.split('.').map(str::parse);
        let mut next = || numbers.next()?.ok();
        let release = Self {
            branch: (next()?, next()?),
            patch: next()?,
        };
        numbers.next().is_none().then_some(release)
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.branch.0, self.branch.1, self.patch)
    }
}

impl Mark {
    fn read(letter: &str) -> Option<Self> {
        Some(match letter {
            "S" => Self::Stated,
            "T" => Self::Told,
            "I" => Self::Inferred,
            "K" => Self::Unconfirmed,
            _ => return None,
        })
    }

    /// For the eye, behind what it marks; empty where the data are sure.
    pub fn doubt(self) -> &'static str {
        match self {
            Self::Stated | Self::Told => "",
            Self::Inferred => " (inferred)",
            Self::Unconfirmed => " (not confirmed)",
        }
    }
}

impl Branch {
    /// Its last known security release.
    pub fn floor(&self) -> Option<(Release, Mark)> {
        marked(self.floor)
    }

    /// The day its support ends.
    pub fn ends(&self) -> Option<(Day, Mark)> {
        let (day, mark) = self.ends?.split_once(' ')?;
        Some((Day::read(day.as_bytes())?, Mark::read(mark)?))
    }
}

impl Advisory {
    /// The statement that closes it, where one does.
    pub fn closing(&self) -> Option<&'static Closing> {
        data().ok()?.gates.get(self.gate?)
    }

    /// As it is called: the CVE, or that it has none.
    pub fn name(&self) -> String {
        match self.cve {
            true => self.id.to_owned(),
            false => format!("{} (without a CVE)", self.id),
        }
    }

    fn bearing(&self, server: &str, release: Release, branch: Option<&Branch>) -> Bearing {
        let line = match server {
            "redis" => &self.redis,
            "valkey" => &self.valkey,
            _ => &None,
        };
        let Some(line) = line else {
            return Bearing::Not;
        };
        let first = line.from.and_then(marked_or_plain);
        if first.is_some_and(|first| release < first) {
            return Bearing::Not;
        }
        let cells = line.fixed.iter();
        let cell = cells
            .clone()
            .find(|(branch, _)| number(branch) == Some(release.branch));
        match cell.map(|(_, cell)| *cell) {
            Some("?") => {
                // Whatever it was, the last security release of a branch has it mended.
                let mended = branch.filter(|branch| !branch.later && branch.unfixed.is_none());
                let floor = mended.and_then(|branch| Some(branch.floor()?.0));
                match floor.is_some_and(|floor| release >= floor) {
                    true => Bearing::Not,
                    false => Bearing::Perhaps,
                }
            }
            Some(cell) => match (cell.strip_prefix("none "), marked(cell)) {
                (Some(mark), _) => {
                    Bearing::Affected(None, Mark::read(mark).unwrap_or(Mark::Unconfirmed))
                }
                (None, Some((fixed, mark))) if release < fixed => {
                    Bearing::Affected(Some(fixed), mark)
                }
                (None, Some(_)) => Bearing::Not,
                (None, None) => Bearing::Perhaps,
            },
            // Branches that came later have it mended from the start. An older one that is not told of is unsure.
            None => {
                let newer = cells
                    .filter_map(|(branch, _)| number(branch))
                    .all(|known| release.branch > known);
                if newer {
                    Bearing::Not
                } else {
                    Bearing::Perhaps
                }
            }
        }
    }
}

/// `7.4`.
fn number(branch: &str) -> Option<(u16, u16)> {
    let (major, minor) = branch.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// `7.4.1 S`.
fn marked(cell: &str) -> Option<(Release, Mark)> {
    let (release, mark) = cell.split_once(' ')?;
    Some((Release::read(release)?, Mark::read(mark)?))
}

fn marked_or_plain(cell: &str) -> Option<Release> {
    Release::read(cell).or_else(|| Some(marked(cell)?.0))
}

#[cfg(test)]
#[path = "advisories_tests.rs"]
mod tests;
