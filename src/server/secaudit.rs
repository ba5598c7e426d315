//! SECAUDIT: collects, judges and renders.

use std::time::SystemTime;

use super::answer::Answer;
use super::asking::Asking;
use super::collect;
use super::ffi::{CommandSpec, Ctx};
use super::module::{Module, Summary};
use crate::audit::check::Severity;
use crate::audit::report::{Finding, Verdict};
use crate::audit::{self, checks, facts};
use crate::policy::nearest::instead;
use crate::render;
use crate::render::escape::printable;

/// The command, as the server is told of it.
pub const COMMAND: CommandSpec = CommandSpec {
    name: c"secaudit",
    flags: c"admin deny-script allow-loading allow-stale",
    arity: -1,
    summary: c"Reports how safe this server is",
    tips: c"nondeterministic_output request_policy:all_nodes",
    categories: c"admin dangerous",
    subcommands: &[],
};

/// The words that can follow.
const WORDS: [&str; 5] = ["text", "json", "checks", "explain", "help"];

/// Answers a call; `words` are those behind the command.
pub fn answer(ctx: Ctx<'_>, words: &[&[u8]]) -> Answer {
    let Some((first, rest)) = words.split_first() else {
        return text(ctx);
    };
    match (first.to_ascii_lowercase().as_slice(), rest) {
        (b"text", []) => text(ctx),
        (b"json", []) => Answer::Text(render::json::report(&report(ctx))),
        (b"checks", []) => Answer::lines(render::text::checks()),
        (b"explain", [id]) => explain(id),
        (b"explain", []) => Answer::error("EXPLAIN wants a check: SECAUDIT CHECKS lists them"),
        (b"help", []) => Answer::lines(HELP.iter().map(ToString::to_string)),
        (b"text" | b"json" | b"checks" | b"help", [extra, ..]) | (b"explain", [_, extra, ..]) => {
            let form = printable(first).to_uppercase();
            Answer::error(format!(
                "'{}' is one word too many after SECAUDIT {form}",
                printable(extra)
            ))
        }
        _ => Answer::error(format!(
            "unknown word '{}' after SECAUDIT{}",
            printable(first),
            instead(first, &WORDS)
        )),
    }
}

const HELP: [&str; 13] = [
    "SECAUDIT [<form>] | <subcommand> [<arg>]. Forms and subcommands are:",
    "TEXT",
    "    The report as lines of text. The same as SECAUDIT alone.",
    "JSON",
    "    The report as one JSON object.",
    "CHECKS",
    "    List all checks with their severities.",
    "EXPLAIN <check>",
    "    What a check looks at, why it matters and how to mend what it finds.",
    "HELP",
    "    Print this help.",
    "",
    "SECGATE HELP tells how to block, rename and alias commands on the running server.",
];

fn text(ctx: Ctx<'_>) -> Answer {
    Answer::lines(render::text::report(&report(ctx)))
}

fn explain(id: &[u8]) -> Answer {
    match checks::find(id) {
        Ok(check) => Answer::lines(render::text::explain(check)),
        Err(nearest) => {
            let hint = nearest.map_or_else(
                || "SECAUDIT CHECKS lists them".to_owned(),
                |name| format!("did you mean '{name}'?"),
            );
            Answer::error(format!("unknown check '{}': {hint}", printable(id)))
        }
    }
}

fn report(ctx: Ctx<'_>) -> audit::report::Report {
    let module = Module::get(ctx.lock());
    let gate = {
        let policy = module.policy.borrow();
        facts::Gate {
            mode: policy.mode().word(),
            statements: policy.statements().len(),
            policy_file: module.settings.policy_path.borrow().is_some(),
            capabilities: module.capabilities.get().named(),
        }
    };
    let report = audit::run(&collect::collect(&Asking::new(ctx), gate));
    module.last_audit.replace(Some(in_short(&report)));
    report
}

/// What INFO keeps of a report.
fn in_short(report: &audit::report::Report) -> Summary {
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
    }
}
