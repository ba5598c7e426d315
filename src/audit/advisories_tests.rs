//! The rows of the data, one by one, and what they mean to releases.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use super::*;
use crate::policy::parse;

fn release(text: &str) -> Release {
    Release::read(text).unwrap()
}

fn bearing(server: &str, version: &str, id: &str) -> Bearing {
    let bearing = bearing_on(server, release(version)).unwrap();
    let found = bearing.iter().find(|(advisory, _)| advisory.id == id);
    found.map_or(Bearing::Not, |(_, bearing)| *bearing)
}

#[test]
fn the_data_can_be_read_and_every_row_keeps_the_rules() {
    let data = data().unwrap();
    assert!(Day::read(data.as_of.as_bytes()).is_some());
    let mut ids = BTreeSet::new();
    for advisory in &data.advisories {
        let id = advisory.id;
        assert!(ids.insert(id), "{id} twice");
        assert_eq!(advisory.cve, id.starts_with("CVE-20"), "{id}");
        assert!(advisory.what.len() > 10 && advisory.what.is_ascii(), "{id}");
        if let Some(gate) = advisory.gate {
            assert!(data.gates.contains_key(gate), "{id}: {gate}");
        }
        let needs = ["cluster", "tls", "unixsocket", "writable-replica"];
        let known = |need: &str| needs.contains(&need) || need.starts_with("module:");
        assert!(advisory.needs.is_none_or(known), "{id}");
        let lines = [("redis", &advisory.redis), ("valkey", &advisory.valkey)];
        assert!(lines.iter().any(|(_, line)| line.is_some()), "{id}");
        for (server, line) in lines {
            if let Some(line) = line {
                every_branch_is_told_of(id, server, line);
            }
        }
    }
}

/// From the first release that has it to the newest branch that was mended, there is a word for every branch.
#[track_caller]
fn every_branch_is_told_of(id: &str, server: &str, line: &Line) {
    assert!(!line.fixed.is_empty(), "{id}");
    let from = line
        .from
        .map(|from| marked_or_plain(from).unwrap_or_else(|| panic!("{id}: from {from}")));
    for (branch, cell) in &line.fixed {
        let branch = number(branch).unwrap_or_else(|| panic!("{id}: {branch}"));
        let known = match *cell {
            "?" => true,
            cell => match cell.strip_prefix("none ") {
                Some(mark) => Mark::read(mark).is_some(),
                None => marked(cell).is_some_and(|(release, _)| release.branch == branch),
            },
        };
        assert!(known, "{id}: {cell}");
        assert!(
            from.is_none_or(|from| from.branch <= branch),
            "{id}: {branch:?}"
        );
    }
    let newest = line.fixed.keys().filter_map(|branch| number(branch)).max();
    for branch in data()
        .unwrap()
        .branches
        .iter()
        .filter(|branch| branch.server == server)
    {
        let place = number(branch.branch);
        let begun = from.is_none_or(|from| Some(from.branch) <= place);
        let told = line.fixed.contains_key(branch.branch);
        assert!(
            !begun || place > newest || told,
            "{id}: nothing is said of {server} {}",
            branch.branch
        );
    }
}

#[test]
fn every_branch_has_a_floor_and_no_advisory_is_mended_only_later() {
    let data = data().unwrap();
    let mut seen = BTreeSet::new();
    for branch in &data.branches {
        let name = format!("{} {}", branch.server, branch.branch);
        assert!(seen.insert(name.clone()), "{name} twice");
        let (floor, _) = branch.floor().unwrap_or_else(|| panic!("{name}"));
        assert_eq!(Some(floor.branch), number(branch.branch), "{name}");
        assert_eq!(branch.ends.is_some(), branch.ends().is_some(), "{name}");
        for advisory in &data.advisories {
            let bearing = advisory.bearing(branch.server, floor, Some(branch));
            let open = branch.later || branch.unfixed.is_some() || branch.branch == "7.0";
            assert!(
                open || bearing == Bearing::Not,
                "{name}: {} {bearing:?}",
                advisory.id
            );
        }
    }
}

#[test]
fn every_statement_reads_and_names_what_must_be_out_of_reach() {
    for (name, closing) in &data().unwrap().gates {
        let file = parse::file(format!("{}\n", closing.statement).as_bytes());
        assert_eq!(file.problems, [], "{name}");
        for command in &closing.commands {
            let container = command.split('|').next().unwrap();
            let words: Vec<&str> = closing.statement.split(' ').skip(1).collect();
            assert!(
                words.contains(command) || words.contains(&container),
                "{name}: {command}"
            );
        }
    }
    for advisory in &data().unwrap().advisories {
        if let Some(statement) = advisory.narrows {
            let file = parse::file(format!("{statement}\n").as_bytes());
            assert_eq!(file.problems, [], "{}", advisory.id);
        }
    }
}

#[test]
fn a_release_is_read_number_by_number() {
    assert_eq!(release("8.10.1").to_string(), "8.10.1");
    assert!(release("8.10.1") > release("8.9.99"));
    assert_eq!(release("9.1.0-rc1"), release("9.1.0"));
    for odd in [
        "",
        "7",
        "7.4",
        "7.4.x",
        "7.4.1.2",
        "unknown",
        "-1.2.3",
        "99999999.1.1",
    ] {
        assert_eq!(Release::read(odd), None, "{odd}");
    }
}

#[test]
fn a_branch_is_mended_from_its_own_release_on() {
    let redis = |version: &str| bearing("redis", version, "CVE-2025-49844");
    let fixed = |text: &str| Bearing::Affected(Some(release(text)), Mark::Stated);
    assert_eq!(redis("7.4.5"), fixed("7.4.6"));
    assert_eq!(redis("7.4.6"), Bearing::Not);
    assert_eq!(redis("8.0.3"), fixed("8.0.4"));
    assert_eq!(redis("8.2.1"), fixed("8.2.2"));
    assert_eq!(redis("8.2.2"), Bearing::Not);
    assert_eq!(redis("8.4.0"), Bearing::Not);
    assert_eq!(redis("7.0.15"), Bearing::Affected(None, Mark::Inferred));
    assert_eq!(
        bearing("valkey", "8.1.3", "CVE-2025-49844"),
        Bearing::Affected(Some(release("8.1.4")), Mark::Told)
    );
    assert_eq!(bearing("valkey", "9.0.0", "CVE-2025-49844"), Bearing::Not);
    assert_eq!(bearing("keydb", "6.3.4", "CVE-2025-49844"), Bearing::Not);
}

#[test]
fn a_fault_that_came_later_is_not_in_older_releases() {
    assert_eq!(bearing("redis", "8.0.6", "CVE-2025-62507"), Bearing::Not);
    assert!(matches!(
        bearing("redis", "8.2.0", "CVE-2025-62507"),
        Bearing::Affected(_, Mark::Stated)
    ));
    assert_eq!(bearing("redis", "8.2.3", "CVE-2025-62507"), Bearing::Not);
    assert_eq!(bearing("redis", "7.0.7", "CVE-2023-28425"), Bearing::Not);
    assert!(matches!(
        bearing("redis", "7.0.9", "CVE-2023-28425"),
        Bearing::Affected(..)
    ));
    assert_eq!(bearing("valkey", "8.1.0", "CVE-2026-27623"), Bearing::Not);
    assert!(matches!(
        bearing("valkey", "9.0.2", "CVE-2026-27623"),
        Bearing::Affected(..)
    ));
}

#[test]
fn what_the_data_do_not_tell_is_perhaps() {
    assert_eq!(
        bearing("redis", "7.2.13", "CVE-2026-23479"),
        Bearing::Perhaps
    );
    assert_eq!(
        bearing("redis", "8.8.1", "redis-2026-07-stream-nack"),
        Bearing::Perhaps
    );
    assert_eq!(
        bearing("redis", "8.8.2", "redis-2026-07-stream-nack"),
        Bearing::Not
    );
    assert_eq!(
        bearing("redis", "8.0.6", "CVE-2026-23479"),
        Bearing::Affected(None, Mark::Stated)
    );
}

#[test]
fn the_newest_release_of_each_supported_branch_has_no_known_vulnerability() {
    for (server, version) in [
        ("redis", "7.4.11"),
        ("redis", "8.2.9"),
        ("redis", "8.4.6"),
        ("redis", "8.6.6"),
        ("redis", "8.8.2"),
        ("redis", "8.10.1"),
        ("valkey", "7.2.14"),
        ("valkey", "8.0.10"),
        ("valkey", "8.1.9"),
        ("valkey", "9.0.5"),
        ("valkey", "9.1.1"),
        ("valkey", "9.1.2"),
    ] {
        let left = bearing_on(server, release(version)).unwrap();
        assert!(left.is_empty(), "{server} {version}: {left:?}");
    }
}

#[test]
fn the_commands_that_decide_are_those_of_the_statements() {
    let commands = commands("redis", "8.2.0");
    for name in ["eval", "function|restore", "restore", "xackdel"] {
        assert!(commands.contains(name), "{name}");
    }
    assert!(!commands.contains("xautoclaim"));
    assert!(super::commands("valkey", "9.1.2").is_empty());
    assert!(super::commands("redis", "unknown").is_empty());
}
