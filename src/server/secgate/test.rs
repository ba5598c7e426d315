//! SECGATE TEST: the decision for a call that is not made, and the rule behind it.

use super::show::unknown_word;
use crate::gate::{Decided, Described, Verdict, decide};
use crate::policy::condition::Source;
use crate::policy::name::canonical_vec;
use crate::policy::resolve::{Commands, Found};
use crate::policy::statement::Mode;
use crate::policy::table::Compiled;
use crate::render::escape::{printable, printable_up_to};
use crate::server::answer::Answer;
use crate::server::command_table::ServerCommands;
use crate::server::ffi::Ctx;
use crate::server::identity;
use crate::server::module::Module;

/// TEST [USER u] [FROM ip] command [arg ...]; who asks stands for a caller that is not named.
pub fn test(ctx: Ctx<'_>, words: &[&[u8]]) -> Answer {
    let asked = match Asked::read(words) {
        Ok(asked) => asked,
        Err(answer) => return answer,
    };
    let module = Module::get(ctx.lock());
    let compiled = module.compiled.borrow();
    if compiled.mode() == Mode::Off {
        return Answer::Line("pass: the gate is off".to_owned());
    }
    let (user, source) = identity::of_client(ctx.client(), ctx.lock());
    let call = Described {
        words: asked.call,
        user: asked.user.or(user.as_deref()),
        source: asked.source.or(source),
        ..Described::default()
    };
    let decision = decide(&compiled, &call);
    let by = |decided: &Decided<'_>| behind(module, &compiled, decided);
    let mut line = match &decision.verdict {
        Verdict::Pass(None) => "pass: no rule matches".to_owned(),
        Verdict::Pass(Some(decided)) => format!("pass by {}", by(decided)),
        Verdict::Observe(decided) => format!("observe by {}", by(decided)),
        Verdict::Deny(decided) => format!("deny by {}", by(decided)),
    };
    let real = [decision.command, decision.sub].into_iter().flatten();
    let real: Vec<String> = real.map(|real| printable(real.name)).collect();
    if !real.is_empty() {
        line.push_str(&format!(" (runs as {})", real.join("|")));
    } else if !matches!(decision.verdict, Verdict::Deny(_)) {
        line.push_str(&unknown_to_the_server(ctx, asked.call));
    }
    Answer::Line(line)
}

/// The call to decide, and who would make it.
struct Asked<'w, 'a> {
    user: Option<&'a [u8]>,
    source: Option<Source>,
    call: &'w [&'a [u8]],
}

impl<'w, 'a> Asked<'w, 'a> {
    fn read(mut words: &'w [&'a [u8]]) -> Result<Self, Answer> {
        let (mut user, mut source) = (None, None);
        loop {
            match words {
                [word, name, rest @ ..] if word.eq_ignore_ascii_case(b"user") => {
                    user = Some(*name);
                    words = rest;
                }
                [word, address, rest @ ..] if word.eq_ignore_ascii_case(b"from") => {
                    source = Some(read_source(address)?);
                    words = rest;
                }
                [word]
                    if word.eq_ignore_ascii_case(b"user") || word.eq_ignore_ascii_case(b"from") =>
                {
                    return Err(Answer::wrong_number_of_arguments("secgate|test"));
                }
                [] => return Err(Answer::wrong_number_of_arguments("secgate|test")),
                call => return Ok(Self { user, source, call }),
            }
        }
    }
}

fn read_source(word: &[u8]) -> Result<Source, Answer> {
    if word.eq_ignore_ascii_case(b"unix") {
        return Ok(Source::Unix);
    }
    let text = std::str::from_utf8(word).unwrap_or_default();
    let address = text.parse().map(Source::of);
    address.map_err(|_| unknown_word(word, "FROM takes an IP address, or unix"))
}

/// What passes the gate may still be an error to the server; it is said where it is certain.
fn unknown_to_the_server(ctx: Ctx<'_>, call: &[&[u8]]) -> String {
    let commands = ServerCommands::read(ctx);
    let command = canonical_vec(call.first().copied().unwrap_or_default());
    if !ctx.has_command(&[&command]) {
        let name = printable_up_to(&command, 128);
        return match commands.find(&command) {
            Found::Removed => format!(" (rename-command removed '{name}' from this server)"),
            Found::Here { .. } | Found::RenamedAway => {
                format!(" (rename-command gave '{name}' another name on this server)")
            }
            Found::Absent => format!(" (this server has no command '{name}')"),
        };
    }
    let sub = call.get(1).map(|sub| canonical_vec(sub));
    match sub {
        Some(sub)
            if commands.is_container(&command) && !commands.has_subcommand(&command, &sub) =>
        {
            format!(
                " ('{}' has no subcommand '{}')",
                printable_up_to(&command, 128),
                printable_up_to(&sub, 128)
            )
        }
        _ => String::new(),
    }
}

fn behind(module: &Module, compiled: &Compiled, decided: &Decided<'_>) -> String {
    let policy = module.policy.borrow();
    let statement = policy.statements().get(decided.statement);
    let text = statement.map(ToString::to_string).unwrap_or_default();
    format!("{}: {text}", compiled.id(decided.statement))
}
