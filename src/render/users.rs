//! SECAUDIT USERS: who can run what is dangerous, as tables for eyes.

use std::collections::BTreeMap;

use super::escape::{line, printable, printable_up_to};
use super::wrap::{WIDTH, wrapped};
use crate::audit::facts::Facts;
use crate::audit::matrix::{Cell, Matrix, Row};
use crate::policy::statement;

/// The commands, by what they do. Whatever stands in none of these tables gets one of its own.
const TABLES: [(&str, &[&str]); 6] = [
    (
        "Data lost or moved",
        &["flushdb", "flushall", "swapdb", "restore", "migrate"],
    ),
    ("Everything read", &["keys", "monitor", "sync", "psync"]),
    (
        "Settings, users, code",
        &["config", "acl", "debug", "module", "shutdown"],
    ),
    (
        "Roles and files",
        &[
            "replicaof",
            "slaveof",
            "failover",
            "cluster|reset",
            "save",
            "bgsave",
            "bgrewriteaof",
        ],
    ),
    (
        "Scripts run",
        &[
            "eval",
            "evalsha",
            "eval_ro",
            "evalsha_ro",
            "fcall",
            "fcall_ro",
        ],
    ),
    (
        "Scripts kept",
        &["script|load", "function|load", "function|restore"],
    ),
];
const OTHERS: &str = "Others";

/// So many rows are shown.
const MOST_ROWS: usize = 40;
/// So many users of a row are named below the tables.
const NAMED: usize = 8;
/// A name and how many more there are with it.
const LABEL: usize = 18;
/// A column is as wide as `renamed` at least.
const CELL: usize = 7;

/// The tables, line by line: no control bytes, no line wider than 100 columns.
pub fn tables(facts: &Facts) -> Vec<String> {
    let mut lines = header(facts);
    let matrix = match Matrix::of(facts) {
        Ok(matrix) => matrix,
        Err(reason) => {
            lines.extend(wrapped("Users  ", &format!("unknown: {reason}")));
            return lines;
        }
    };
    lines.extend(wrapped("Users  ", &counted(&matrix)));
    let shown: Vec<&Row<'_>> = matrix.rows.iter().take(MOST_ROWS).collect();
    let labels: Vec<String> = shown.iter().map(|row| label(row)).collect();
    let titles = TABLES.iter().map(|(title, _)| title.len());
    let width = titles.chain(labels.iter().map(String::len)).max();
    let width = width.unwrap_or(0);
    for (title, columns) in sorted(&matrix) {
        for columns in fitting(&columns, &matrix, width) {
            lines.push(String::new());
            lines.extend(table(title, &columns, &matrix, &shown, &labels, width));
        }
    }
    lines.push(String::new());
    lines.extend(legend(&matrix, &shown));
    lines.extend(not_shown(&matrix));
    lines.extend(members(&shown, &labels));
    lines
}

fn header(facts: &Facts) -> Vec<String> {
    let server = &facts.server;
    let title = format!(
        "Who can run what is dangerous on {} {} ({}, {}), pid {} as {}",
        server.name,
        server.version,
        server.mode,
        server.role,
        facts.process.pid,
        facts.process.user
    );
    let statements = statement::counted(facts.gate.statements);
    let mut lines = wrapped("", &title);
    lines.extend(wrapped(
        "Gate   ",
        &format!("{}, {statements}", facts.gate.mode),
    ));
    lines
}

fn counted(matrix: &Matrix<'_>) -> String {
    let off = match matrix.off {
        0 => String::new(),
        off => format!(", {off} off"),
    };
    let rows = match (matrix.rows.len(), matrix.enabled()) {
        (rows, users) if rows == users => String::new(),
        (1, _) => "; everything stands alike to all of them".to_owned(),
        (rows, _) => format!("; those to whom everything stands alike share one of {rows} rows"),
    };
    format!("{} on{off}{rows}", matrix.enabled())
}

/// The tables that have columns, each with the places of its commands.
fn sorted(matrix: &Matrix<'_>) -> Vec<(&'static str, Vec<usize>)> {
    let place = |name: &&str| matrix.commands.iter().position(|command| command == name);
    let mut tables: Vec<(&str, Vec<usize>)> = TABLES
        .iter()
        .map(|(title, names)| (*title, names.iter().filter_map(place).collect()))
        .collect();
    let is_sorted = |name: &str| TABLES.iter().any(|(_, names)| names.contains(&name));
    let others = matrix.commands.iter().enumerate();
    let others = others.filter(|(_, name)| !is_sorted(name));
    tables.push((OTHERS, others.map(|(place, _)| place).collect()));
    tables.retain(|(_, columns)| !columns.is_empty());
    tables
}

/// The columns, in as many parts as it takes for each to fit a line.
fn fitting(columns: &[usize], matrix: &Matrix<'_>, label: usize) -> Vec<Vec<usize>> {
    let mut parts = Vec::new();
    let mut part = Vec::new();
    let mut used = label;
    for column in columns {
        let width = 2 + column_width(matrix, *column);
        if used + width > WIDTH && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
            used = label;
        }
        used += width;
        part.push(*column);
    }
    parts.push(part);
    parts
}

fn column_width(matrix: &Matrix<'_>, column: usize) -> usize {
    let name = matrix.commands.get(column).map_or(0, |name| name.len());
    name.max(CELL)
}

fn table(
    title: &str,
    columns: &[usize],
    matrix: &Matrix<'_>,
    rows: &[&Row<'_>],
    labels: &[String],
    width: usize,
) -> Vec<String> {
    let name = |column: usize| matrix.commands.get(column).copied().unwrap_or_default();
    let mut lines = vec![of_columns(title, width, columns, matrix, name)];
    for (row, label) in rows.iter().zip(labels) {
        let word = |column: usize| row.cells.get(column).map_or("", |cell| word(*cell));
        lines.push(of_columns(label, width, columns, matrix, word));
    }
    lines
}

fn of_columns<'t>(
    label: &str,
    width: usize,
    columns: &[usize],
    matrix: &Matrix<'_>,
    text: impl Fn(usize) -> &'t str,
) -> String {
    let mut written = format!("{label:<width$}");
    for column in columns {
        let width = column_width(matrix, *column);
        written += &format!("  {:<width$}", text(*column));
    }
    line(written.trim_end())
}

/// The first of a row's users, and how many more there are; `*` marks administrators, `!` those without a password.
fn label(row: &Row<'_>) -> String {
    let marks = format!(
        "{}{}",
        if row.administrators { "*" } else { "" },
        if row.nopass { "!" } else { "" }
    );
    let more = match row.users.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" +{more}"),
    };
    let room = LABEL.saturating_sub(more.len());
    let mut name = row
        .users
        .first()
        .map_or_else(String::new, |name| printable(name));
    if name.len() > room {
        name.truncate(room.saturating_sub(2));
        name.push_str("..");
    }
    format!("{marks:<2} {name}{more}")
}

/// A cell in a word.
fn word(cell: Cell<'_>) -> &'static str {
    match cell {
        Cell::Open => "OPEN",
        Cell::Part(_) => "part",
        Cell::Acl => "acl",
        Cell::Gate(_) => "gate",
        Cell::Renamed(_) => "renamed",
        Cell::Removed => "removed",
        Cell::Off(_) => "off",
        Cell::Absent => "-",
        Cell::Unknown(_) => "?",
    }
}

/// What the words in the tables mean, and the rules, settings and reasons behind them.
fn legend(matrix: &Matrix<'_>, rows: &[&Row<'_>]) -> Vec<String> {
    // Of each word, the commands by what is behind it.
    let mut behind: BTreeMap<&str, BTreeMap<String, Vec<&str>>> = BTreeMap::new();
    for row in rows {
        for (cell, command) in row.cells.iter().zip(&matrix.commands) {
            let commands = behind.entry(word(*cell)).or_default();
            let commands = commands.entry(cause(*cell)).or_default();
            if !commands.contains(command) {
                commands.push(command);
            }
        }
    }
    let meanings = [
        ("OPEN", "can be run"),
        ("part", "some of its calls can be run"),
        ("acl", "denied by the ACL"),
        ("gate", "denied by a rule of SECGATE"),
        ("renamed", "has another name"),
        ("removed", "removed by rename-command in redis.conf"),
        ("off", "the server refuses it"),
        ("-", "not in this server"),
        ("?", "unknown"),
    ];
    let mut lines = Vec::new();
    for (word, meaning) in meanings {
        let Some(causes) = behind.get(word) else {
            continue;
        };
        let told = causes.iter().filter(|(cause, _)| !cause.is_empty());
        let told: Vec<String> = told
            .map(|(cause, commands)| format!("{cause}: {}", commands.join(" ")))
            .collect();
        let text = match told.is_empty() {
            true => meaning.to_owned(),
            false => format!("{meaning} ({})", told.join("; ")),
        };
        lines.extend(wrapped(&format!("{word:<9}"), &text));
    }
    if rows.iter().any(|row| row.administrators) {
        lines.push("*        an administrator by the policy".to_owned());
    }
    if rows.iter().any(|row| row.nopass) {
        lines.push("!        needs no password: anybody can be this user".to_owned());
    }
    lines
}

/// What is behind a cell: a rule, a setting, a reason.
fn cause(cell: Cell<'_>) -> String {
    match cell {
        Cell::Gate(rule) | Cell::Renamed(Some(rule)) | Cell::Part(Some(rule)) => {
            format!("by rule {rule}")
        }
        Cell::Part(None) => "the ACL denies the others".to_owned(),
        Cell::Renamed(None) => "by redis.conf".to_owned(),
        Cell::Off(setting) => setting.to_owned(),
        Cell::Unknown(reason) => reason.to_owned(),
        Cell::Open | Cell::Acl | Cell::Removed | Cell::Absent => String::new(),
    }
}

fn not_shown(matrix: &Matrix<'_>) -> Option<String> {
    let rest = matrix
        .rows
        .get(MOST_ROWS..)
        .filter(|rest| !rest.is_empty())?;
    let users: usize = rest.iter().map(|row| row.users.len()).sum();
    Some(format!(
        "{users} more users, in {} rows that can run less, are not shown: SECAUDIT USERS JSON has them",
        rest.len()
    ))
}

/// Who is in the rows of several.
fn members(rows: &[&Row<'_>], labels: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for (row, label) in rows
        .iter()
        .zip(labels)
        .filter(|(row, _)| row.users.len() > 1)
    {
        if lines.is_empty() {
            lines.push(String::new());
            lines.push("Rows of several users".to_owned());
        }
        let names: Vec<String> = row
            .users
            .iter()
            .take(NAMED)
            .map(|name| printable_up_to(name, 64))
            .collect();
        let more = match row.users.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        lines.extend(wrapped(
            &format!("{label:<22}"),
            &format!("{}{more}", names.join(", ")),
        ));
    }
    lines
}

#[cfg(test)]
#[path = "users_tests.rs"]
mod tests;
