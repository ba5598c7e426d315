//! SECAUDIT USERS JSON: who can run what is dangerous, as one JSON object, nothing left out. Fields are added, never renamed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::escape::{line, printable};
use crate::audit::facts::Facts;
use crate::audit::matrix::{Cell, Matrix, Row};

/// All rows as one line of JSON.
pub fn document(facts: &Facts) -> String {
    let matrix = Matrix::of(facts);
    let mut rows = Vec::new();
    if let Ok(matrix) = &matrix {
        rows.extend(matrix.rows.iter().map(|row| entry(matrix, row)));
    }
    let document = Document {
        schema: 1,
        time: humantime::format_rfc3339_millis(facts.time).to_string(),
        server: Server {
            host: &facts.server.host,
            name: &facts.server.name,
            version: &facts.server.version,
            port: facts.server.port,
        },
        gate: Gate {
            mode: facts.gate.mode,
            statements: facts.gate.statements,
        },
        enabled: matrix.as_ref().map_or(0, Matrix::enabled),
        off: matrix.as_ref().map_or(0, |matrix| matrix.off),
        unknown: matrix.as_ref().err().map(|reason| (*reason).to_owned()),
        rows,
    };
    // Plain structs of strings and numbers: serialising them cannot fail.
    serde_json::to_string(&document).unwrap_or_default()
}

#[derive(Serialize)]
struct Document<'r> {
    schema: u32,
    time: String,
    server: Server<'r>,
    gate: Gate<'r>,
    enabled: usize,
    off: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    rows: Vec<Entry<'r>>,
}

#[derive(Serialize)]
struct Server<'r> {
    host: &'r str,
    name: &'r str,
    version: &'r str,
    port: u16,
}

#[derive(Serialize)]
struct Gate<'r> {
    mode: &'r str,
    statements: usize,
}

#[derive(Serialize)]
struct Entry<'r> {
    users: Vec<String>,
    administrators: bool,
    nopass: bool,
    commands: BTreeMap<&'r str, State<'r>>,
}

#[derive(Serialize)]
struct State<'r> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

fn entry<'r>(matrix: &Matrix<'r>, row: &Row<'r>) -> Entry<'r> {
    let commands = matrix.commands.iter().copied().zip(&row.cells);
    Entry {
        users: row.users.iter().map(|name| printable(name)).collect(),
        administrators: row.administrators,
        nopass: row.nopass,
        commands: commands.map(|(name, cell)| (name, state(*cell))).collect(),
    }
}

fn state(cell: Cell<'_>) -> State<'_> {
    let (state, rule, reason) = match cell {
        Cell::Open => ("open", None, None),
        Cell::Part(rule) => ("part", rule, None),
        Cell::Acl => ("acl", None, None),
        Cell::Gate(rule) => ("gate", Some(rule), None),
        Cell::Renamed(rule) => ("renamed", rule, None),
        Cell::Removed => ("removed", None, None),
        Cell::Off(setting) => ("off", None, Some(setting.to_owned())),
        Cell::Absent => ("absent", None, None),
        Cell::Unknown(reason) => ("unknown", None, Some(line(reason))),
    };
    State {
        state,
        rule,
        reason,
    }
}
