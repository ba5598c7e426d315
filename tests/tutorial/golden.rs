//! Reports kept as files, with placeholders for what differs from machine to machine. Where lines are broken depends on how
//! long a name or a number is, so reports are compared word by word.

use crate::audit::MACHINES_OWN;
use crate::audit_forms::IDS;
use crate::harness::account::ordinary_names;
use crate::harness::server::Server;
use crate::harness::tls;
use std::fs;
use std::path::Path;

/// Compares a report with the file of this name; with `SECAUDIT_ACCEPT=1` the report becomes the file.
#[track_caller]
pub fn compare(name: &str, report: &[String], server: &Server) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tutorial");
    let path = folder.join(name);
    let report = without(&MACHINES_OWN, report);
    let shown = general(&report.join("\n"), server) + "\n";
    if std::env::var_os("SECAUDIT_ACCEPT").is_some() {
        fs::write(&path, &shown).unwrap();
    }
    let kept = fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("{}: {e}; SECAUDIT_ACCEPT=1 writes it", path.display()));
    // The file was made by a server with TLS; one without has other things to say of it, told elsewhere.
    let (shown, kept) = match tls::is_built_in() {
        true => (shown, kept),
        false => (without_tls(&shown), without_tls(&kept)),
    };
    // Likewise a server that does not tell who calls has statements for everybody.
    let kept = match server.version().tells_filters_who_calls() {
        true => kept,
        false => kept.replace(" user=default id=", " id="),
    };
    let (is, should) = (words(&shown), words(&kept));
    let same = is.iter().zip(&should).take_while(|(a, b)| a == b).count();
    let around = |all: &[&str]| all[same.saturating_sub(8)..all.len().min(same + 8)].join(" ");
    assert!(
        is == should,
        "{name} differs from the report:\n  file:   {}\n  report: {}\nSECAUDIT_ACCEPT=1 accepts it:\n{shown}",
        around(&should),
        around(&is)
    );
}

fn without_tls(report: &str) -> String {
    let lines: Vec<String> = report.lines().map(str::to_owned).collect();
    let tls = IDS.iter().filter(|id| id.starts_with("net.tls"));
    without(&tls.copied().collect::<Vec<_>>(), &lines).join("\n")
}

/// The report without these findings, and without what they decide: the count of all, and every grade but the worst.
fn without(ids: &[&str], report: &[String]) -> Vec<String> {
    let names = |line: &str| {
        let mut words = line.split_whitespace();
        let words = [words.next(), words.next()];
        let named = |id: &str| {
            words
                .iter()
                .flatten()
                .any(|word| word.trim_end_matches(':') == id)
        };
        let sums = [
            "Checks ",
            "Grade ",
            "More about one check",
            "What can be done at once",
        ];
        let sums_up = sums.iter().any(|sum| line.starts_with(sum)) && !line.starts_with("Grade  F");
        sums_up || ids.iter().any(|id| named(id))
    };
    let mut kept = Vec::new();
    // Two spaces begin what belongs to a finding in full; a short one goes on behind its own column.
    let mut dropping = None;
    for line in report {
        let indent = line.len() - line.trim_start().len();
        if dropping.is_some_and(|begun| indent > begun || (line.is_empty() && begun == 0)) {
            dropping = dropping.filter(|_| !line.is_empty());
            continue;
        }
        dropping = names(line).then_some(indent);
        if dropping.is_none() {
            kept.push(line.clone());
        }
    }
    // A heading whose findings are all the machine's own is the machine's own too.
    let empty = |index: usize| {
        let next = kept.get(index + 1).map_or("", String::as_str);
        kept[index].starts_with("Unknown: ") && next.is_empty()
    };
    (0..kept.len())
        .filter(|index| !empty(*index))
        .map(|index| kept[index].clone())
        .collect()
}

/// The words, less the marks of a broken line of shell or of a remark.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace()
        .filter(|word| *word != "\\" && *word != "#")
        .collect()
}

/// The report with placeholders.
fn general(report: &str, server: &Server) -> String {
    let (user, group) = ordinary_names();
    let version = server.version();
    let name = format!("{:?}", version.family).to_lowercase();
    let number = format!("{}.{}.{}", version.major, version.minor, version.patch);
    let named = [
        (server.dir().to_string_lossy().into_owned(), "<DIR>"),
        (
            format!("secaudit {}", env!("CARGO_PKG_VERSION")),
            "secaudit <VERSION>",
        ),
        (format!("{name} {number}"), "<SERVER> <VERSION>"),
        (format!("{user}:{group}"), "<USER>:<GROUP>"),
        (format!("{user} {group}"), "<USER> <GROUP>"),
        (format!("chown {user}:root"), "chown <USER>:root"),
        (format!(" as {user}"), " as <USER>"),
    ];
    let mut report = report.to_owned();
    // Whether the account shares its group with others is the machine's business.
    if let Some(fault) = report.find("anybody may look into it;")
        && let Some(start) = report[fault..].find(';').map(|mark| fault + mark)
        && let Some(length) = report[start..].find("\n  should be")
    {
        report.replace_range(start..start + length, "");
    }
    let named = named
        .iter()
        .fold(report, |text, (from, to)| text.replace(from, to));
    let named = without_line_numbers(&named);
    let numbered = number_by_number(&named, &server.port().to_string(), "<PORT>");
    let numbered = number_by_number(&numbered, &server.pid().to_string(), "<PID>");
    let ids = numbered.find(" (uid ").zip(numbered.find(", gid "));
    match ids {
        Some((uid, _)) => {
            let end = numbered[uid..]
                .find(')')
                .map_or(numbered.len(), |end| uid + end);
            format!(
                "{} (uid <UID>, gid <GID>{}",
                &numbered[..uid],
                &numbered[end..]
            )
        }
        None => numbered,
    }
}

/// Which line of redis.conf it is depends on what else the server writes there.
fn without_line_numbers(text: &str) -> String {
    let mark = "redis.conf: line ";
    let parts = text
        .split(mark)
        .enumerate()
        .map(|(index, part)| match index {
            0 => part.to_owned(),
            _ => part
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .to_owned(),
        });
    parts
        .collect::<Vec<String>>()
        .join(&format!("{mark}<LINE>"))
}

/// Replaces a number where it stands alone, not where its digits are part of another.
fn number_by_number(text: &str, number: &str, placeholder: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = rest[start..].find(|c: char| !c.is_ascii_digit());
        let end = digits.map_or(rest.len(), |digits| start + digits);
        shown.push_str(&rest[..start]);
        let found = &rest[start..end];
        shown.push_str(if found == number { placeholder } else { found });
        rest = &rest[end..];
    }
    shown + rest
}
