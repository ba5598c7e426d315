//! What SECGATE shows: the policy, a decision, recent events, counters. Nothing here changes the gate but LOG RESET.

use serde_json::json;

use crate::policy::statement::Statement;
use crate::render;
use crate::render::escape::{printable, printable_up_to};
use crate::server::answer::Answer;
use crate::server::ffi::{self, Ctx};
use crate::server::module::Module;

/// MODE without a word.
pub fn mode(ctx: Ctx<'_>) -> Answer {
    Answer::Text(
        Module::get(ctx.lock())
            .policy
            .borrow()
            .mode()
            .word()
            .to_owned(),
    )
}

/// LIST [JSON]
pub fn list(ctx: Ctx<'_>, words: &[&[u8]]) -> Answer {
    match words {
        [] => list_text(ctx),
        [form] if form.eq_ignore_ascii_case(b"json") => list_json(ctx),
        [other, ..] => unknown_word(other, "LIST takes no word, or JSON"),
    }
}

/// LOG [count] [JSON] and LOG RESET
pub fn log(ctx: Ctx<'_>, words: &[&[u8]]) -> Answer {
    let mut ring = Module::get(ctx.lock()).ring.borrow_mut();
    let (mut count, mut json) = (usize::MAX, false);
    for word in words {
        if word.eq_ignore_ascii_case(b"reset") {
            if words.len() > 1 {
                return Answer::error("LOG RESET stands alone");
            }
            ring.clear();
            return Answer::ok();
        } else if word.eq_ignore_ascii_case(b"json") {
            json = true;
        } else if let Some(number) = std::str::from_utf8(word)
            .ok()
            .and_then(|word| word.parse().ok())
        {
            count = number;
        } else {
            return unknown_word(word, "LOG takes a count and JSON, or RESET alone");
        }
    }
    if json {
        return Answer::Text(render::log::json(ring.newest(count)));
    }
    Answer::lines(ring.newest(count).map(render::log::line))
}

/// STATS
pub fn stats(ctx: Ctx<'_>) -> Answer {
    let module = Module::get(ctx.lock());
    let (totals, policy) = (module.totals.get(), module.policy.borrow());
    let registered = if ffi::filter_is_registered(ctx.lock()) {
        "yes"
    } else {
        "no"
    };
    let mut lines = vec![
        format!("mode:{}", policy.mode().word()),
        format!("statements:{}", policy.statements().len()),
        format!("filter_registered:{registered}"),
        format!("sealed:{}", if module.sealed.get() { "yes" } else { "no" }),
        format!(
            "policy_unsaved:{}",
            if module.policy_is_unsaved() {
                "yes"
            } else {
                "no"
            }
        ),
        format!("denied:{}", totals.denied),
        format!("observed:{}", totals.observed),
        format!("allowed_by_rule:{}", totals.allowed),
        format!("renamed:{}", totals.renamed),
        format!("events_forgotten:{}", module.ring.borrow().forgotten()),
        format!("panics_fenced:{}", ffi::panics()),
    ];
    let of_log_file = module.log_file.fields();
    lines.extend(of_log_file.map(|(name, value)| format!("{name}:{value}")));
    let hits = module.hits.borrow();
    let of_statements = policy.statements().iter().zip(hits.iter());
    let of_statements = of_statements.filter(|(statement, _)| statement.is_about_calls());
    lines.extend(of_statements.map(|(statement, hits)| format!("hits_{}:{hits}", statement.id)));
    Answer::lines(lines)
}

fn list_text(ctx: Ctx<'_>) -> Answer {
    let module = Module::get(ctx.lock());
    let policy = module.policy.borrow();
    let hits = module.hits.borrow();
    let mut lines = vec![format!("mode {}", policy.mode().word())];
    let texts: Vec<String> = policy
        .statements()
        .iter()
        .map(Statement::to_string)
        .collect();
    let widest = texts
        .iter()
        .map(String::len)
        .filter(|width| *width <= 80)
        .max()
        .unwrap_or(0);
    for ((statement, text), hits) in policy.statements().iter().zip(&texts).zip(hits.iter()) {
        let unit = if *hits == 1 { "hit" } else { "hits" };
        lines.push(match statement.is_about_calls() {
            true => format!("{text:widest$}  # {hits} {unit}"),
            false => text.clone(),
        });
    }
    if policy.statements().is_empty() {
        lines.push("# no statements: SECGATE HELP tells how to add one".to_owned());
    }
    Answer::lines(lines)
}

fn list_json(ctx: Ctx<'_>) -> Answer {
    let module = Module::get(ctx.lock());
    let policy = module.policy.borrow();
    let hits = module.hits.borrow();
    let statement = |(statement, hits): (&Statement, &u64)| {
        json!({
            "id": statement.id,
            "action": statement.verb(),
            "statement": statement.to_string(),
            "note": statement.note.as_deref().map(printable),
            "hits": statement.is_about_calls().then_some(hits),
        })
    };
    let statements: Vec<_> = policy
        .statements()
        .iter()
        .zip(hits.iter())
        .map(statement)
        .collect();
    let object = json!({
        "mode": policy.mode().word(),
        "sha256": *module.digest.borrow(),
        "statements": statements,
    });
    Answer::Text(object.to_string())
}

/// The error for a word that a subcommand does not take.
pub fn unknown_word(word: &[u8], takes: &str) -> Answer {
    Answer::error(format!(
        "unknown word '{}': {takes}",
        printable_up_to(word, 128)
    ))
}
