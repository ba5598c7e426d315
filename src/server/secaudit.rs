//! SECAUDIT: collects, judges and renders.

use std::time::{Duration, SystemTime};

use super::answer::Answer;
use super::beside::{self, Host, Tally};
use super::ffi::{CommandSpec, Ctx};
use super::fix;
use super::module::{Module, Summary};
use crate::audit::check::Severity;
use crate::audit::report::{Finding, Verdict};
use crate::audit::view::View;
use crate::audit::{self, checks, request};
use crate::render::escape::{printable, printable_up_to};
use crate::render::{self, Rendered};

/// The command, as the server is told of it.
pub const COMMAND: CommandSpec = CommandSpec {
    name: c"secaudit",
    flags: c"admin deny-script allow-loading allow-stale",
    arity: -1,
    summary: c"Reports how safe this server is",
    tips: c"nondeterministic_output request_policy:all_nodes response_policy:special",
    categories: c"admin dangerous",
    refuses: false,
    subcommands: &[],
};

/// What can follow instead of a report's options.
const SUBCOMMANDS: [&str; 6] = ["checks", "explain", "users", "fix", "schema", "help"];

/// Answers a call; `words` are those behind the command.
pub fn answer(ctx: Ctx<'_>, words: &[&[u8]]) -> Answer {
    let Some((first, rest)) = words.split_first() else {
        return report(ctx, words);
    };
    match (first.to_ascii_lowercase().as_slice(), rest) {
        #[cfg(feature = "fault-injection")]
        (b"fault", [place]) => fault(ctx, place),
        (b"checks", []) => Answer::lines(render::text::checks()),
        (b"explain", [id]) => explain(id),
        (b"fix", rest) => fix::answer(ctx, rest),
        (b"users", rest) => users(ctx, rest),
        (b"explain", []) => Answer::error("EXPLAIN wants a check: SECAUDIT CHECKS lists them"),
        (b"help", []) => Answer::lines(HELP.iter().map(ToString::to_string)),
        (b"schema", []) => Answer::Text(render::json::SCHEMA.to_owned()),
        (b"checks" | b"schema" | b"help", [extra, ..]) | (b"explain", [_, extra, ..]) => {
            let form = printable(first).to_uppercase();
            Answer::error(format!(
                "'{}' is one word too many after SECAUDIT {form}",
                printable(extra)
            ))
        }
        _ => report(ctx, words),
    }
}

const HELP: [&str; 35] = [
    "SECAUDIT [<form>] [<option> ...] | <subcommand> [<arg>]. Forms are:",
    "TEXT",
    "    The report as lines of text. The same as SECAUDIT alone.",
    "JSON",
    "    The report as one JSON object.",
    "SARIF",
    "    The report as a SARIF 2.1.0 log, for code scanning and its viewers.",
    "JUNIT",
    "    The report as JUnit XML: one test for each check.",
    "OCSF",
    "    The findings as OCSF compliance findings, one JSON object a line, for a SIEM.",
    "HTML",
    "    The report as one page: redis-cli --raw SECAUDIT HTML > report.html",
    "Options, in any order:",
    "LEVEL low|medium|high|critical",
    "    Only findings of at least this severity. The grade stays that of all.",
    "CHECK <id> ...",
    "    Only these checks; patterns such as net.* stand for several.",
    "Subcommands are:",
    "CHECKS",
    "    List all checks with their severities.",
    "EXPLAIN <check>",
    "    What a check looks at, why it matters and how to mend what it finds.",
    "USERS [JSON]",
    "    Which user can run which dangerous command, after rename-command, ACL and gate.",
    "FIX [<id> ...] [JSON]",
    "    What can be done about findings, and how. Changes nothing.",
    "FIX APPLY <id> ... [PERSIST] [JSON]",
    "    Do it for these checks, and show before and after. PERSIST writes it to the files too.",
    "SCHEMA",
    "    The JSON Schema of the JSON form.",
    "HELP",
    "    Print this help.",
    "",
    "SECGATE HELP tells how to block, rename and alias commands on the running server.",
];

/// A report, as these words ask for it. Nothing is read from the server before they are understood.
fn report(ctx: Ctx<'_>, words: &[&[u8]]) -> Answer {
    let request = match request::parse(words, &SUBCOMMANDS) {
        Ok(request) => request,
        Err(error) => return Answer::error(error),
    };
    beside::answer(ctx, move |host| {
        let report = judge(host);
        match render::report(request.form, &View::new(&report, &request.filter)) {
            Rendered::Lines(lines) => Answer::lines(lines),
            Rendered::Document(text) => Answer::Text(text),
        }
    })
}

/// Who can run what.
fn users(ctx: Ctx<'_>, words: &[&[u8]]) -> Answer {
    match words {
        [] => beside::answer(ctx, |host| {
            Answer::lines(render::users::tables(&host.facts()))
        }),
        [form] if form.eq_ignore_ascii_case(b"json") => beside::answer(ctx, |host| {
            Answer::Text(render::users_json::document(&host.facts()))
        }),
        [form] => Answer::error(format!(
            "USERS takes JSON or nothing, not '{}'",
            printable_up_to(form, LONGEST_ECHO)
        )),
        [_, extra, ..] => Answer::error(format!(
            "'{}' is one word too many after SECAUDIT USERS",
            printable_up_to(extra, LONGEST_ECHO)
        )),
    }
}

/// So much of a client's word is repeated in an error.
const LONGEST_ECHO: usize = 128;

fn explain(id: &[u8]) -> Answer {
    match checks::find(id) {
        Ok(check) => Answer::lines(render::text::explain(check)),
        Err(nearest) => Answer::error(request::unknown_check(id, nearest)),
    }
}

/// Judges the facts. INFO keeps the outcome in short.
pub fn judge(host: &Host<'_>) -> audit::report::Report {
    let facts = host.facts();
    let cost = host.cost();
    let report = audit::run(&facts);
    let summary = in_short(&report, cost);
    host.visit(move |ctx| Module::get(ctx.lock()).last_audit.replace(Some(summary)));
    report
}

/// What INFO keeps of a report.
fn in_short(report: &audit::report::Report, (took, tally): (Duration, Tally)) -> Summary {
    let counts = report.counts;
    let failing = |severity| {
        let fails =
            |finding: &&Finding| finding.outcome == Verdict::Fail && finding.severity == severity;
        report.findings.iter().filter(fails).count()
    };
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Summary {
        grade: report.grade.letter,
        time: since.map_or(0, |since| since.as_secs()),
        counts: vec![
            ("pass", counts.pass),
            ("fail", counts.fail),
            ("unknown", counts.unknown),
            ("suppressed", counts.suppressed),
            ("fail_critical", failing(Severity::Critical)),
            ("fail_high", failing(Severity::High)),
            ("fail_medium", failing(Severity::Medium)),
            ("fail_low", failing(Severity::Low)),
        ],
        took,
        tally,
    }
}

/// In builds made for tests: panics on purpose, on the thread beside the server or in a visit to the server's own, or keeps
/// the thread busy until the gate is switched off.
#[cfg(feature = "fault-injection")]
#[allow(clippy::panic, reason = "this build is made to panic")]
fn fault(ctx: Ctx<'_>, place: &[u8]) -> Answer {
    let place = place.to_vec();
    beside::answer(ctx, move |host| match place.as_slice() {
        b"hold" => {
            super::ffi::log(super::ffi::Level::Notice, "secaudit: the thread is held");
            let mode = |ctx: Ctx<'_>| Module::get(ctx.lock()).policy.borrow().mode();
            while host.visit(mode) != crate::policy::statement::Mode::Off {
                std::thread::sleep(Duration::from_millis(5));
            }
            super::ffi::log(super::ffi::Level::Notice, "secaudit: the thread goes on");
            Answer::ok()
        }
        b"visit" => host.visit(|_| panic!("forced by a test")),
        _ => panic!("forced by a test"),
    })
}
