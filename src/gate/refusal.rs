//! How a call is refused and what the client is told: the only file with texts that a refused client can see.
//!
//! A filter cannot answer. It can give the call another name: one that does not exist, so that the server refuses it
//! itself (also when a transaction queues it), or that of a hidden command of ours which answers (ENGINE.md §2).

use std::rc::Rc;

use super::{Decided, Origin};
use crate::policy::statement::DenyReply;
use crate::render::escape::printable;

/// The hidden command for clients who may not have authenticated: the server answers NOAUTH before it.
pub const REFUSED: &str = "secaudit.refused";
/// The hidden command for everyone else: no ACL stands before it, so all users get our words.
pub const DENIED: &str = "secaudit.denied";
/// What the hidden commands say when the call they answer for is not known any more.
pub const GENERIC: &str = "NOPERM this call is denied by secaudit";
/// The name given to a call when the gate itself failed after the name had matched.
pub const FAILED: &str =
    "this call' is denied by secaudit: the gate failed and fails closed, 'see the server log";

/// The user that every connection begins as.
pub const DEFAULT: &[u8] = b"default";

/// A server refuses a name in `unknown command '%.128s'`: what is longer would be cut.
const SHOWN_BY_SERVER: usize = 128;

/// How to refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Give the call this name, which no command has, and take its arguments away: the server echoes those.
    UnknownName(Rc<str>),
    /// Give the call the name of a hidden command, which answers with this error.
    Answer {
        /// `REFUSED` or `DENIED`.
        command: &'static str,
        /// The whole error, code first.
        error: Rc<str>,
    },
}

/// How a decision is put into words: the same for all that are alike.
#[derive(Debug, Clone)]
pub struct Words {
    /// `config|set`, `flushall`: what was decided about, printable.
    pub subject: Rc<str>,
    /// What a client is told that may know the rule.
    pub explanation: Rc<str>,
    /// A name that no command has and that says the same in the server's own "unknown command '…'".
    pub explaining_name: Rc<str>,
}

impl Words {
    /// Of a decision by the statement with this id.
    pub fn of(decided: &Decided<'_>, id: &str) -> Self {
        let mut subject = shortened(&decided.command, 64);
        if let Some(sub) = decided.sub {
            subject.push('|');
            subject.push_str(&shortened(sub, 64));
        }
        let explanation = format!("NOPERM '{subject}' is denied by secaudit rule {id}");
        let explaining_name = format!("{subject}' is denied by secaudit rule '{id}");
        Self {
            subject: subject.into(),
            explanation: explanation.into(),
            explaining_name: cut(explaining_name),
        }
    }
}

/// What is known of the call to refuse.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// Where it comes from.
    pub origin: &'a Origin,
    /// The default user needs no password, so a client that runs as it lacks nothing.
    pub default_needs_no_password: bool,
    /// The client has a transaction open, where a hidden command would be queued, or subscriptions, where RESP2 clients
    /// would be told its name; `None` where the server does not tell.
    pub by_name_only: Option<bool>,
    /// The command's name as the client wrote it.
    pub typed: &'a [u8],
    /// The first argument likewise, if there is one.
    pub typed_sub: Option<&'a [u8]>,
    /// What the client is told.
    pub reply: DenyReply,
    /// This server ends "unknown command" with a list of arguments even if there are none (before Redis 8.6).
    pub lists_arguments: bool,
}

/// How to refuse a call, in these words.
pub fn refusal(decided: &Decided<'_>, words: &Words, call: Circumstances<'_>) -> Refusal {
    let script = matches!(call.origin, Origin::Script | Origin::Module);
    let rejected_when_queued = !script && call.by_name_only != Some(false);
    let unknown = call.reply == DenyReply::Unknown;
    if rejected_when_queued || (script && unknown) {
        return Refusal::UnknownName(unknown_name(decided, words, &call));
    }
    let error = if unknown {
        unknown_error(decided, &call).into()
    } else {
        Rc::clone(&words.explanation)
    };
    let command = match call.origin {
        Origin::Client(Some(user)) if **user == *DEFAULT && !call.default_needs_no_password => {
            REFUSED
        }
        _ => DENIED,
    };
    Refusal::Answer { command, error }
}

/// A name that no command has and that makes the server's own "unknown command '…'" say what there is to say. It is never
/// made with a NUL (ENGINE.md §0.1).
fn unknown_name(decided: &Decided<'_>, words: &Words, call: &Circumstances<'_>) -> Rc<str> {
    match call.reply {
        DenyReply::Explain => Rc::clone(&words.explaining_name),
        // The stray quote is what makes it a name that nobody has.
        DenyReply::Unknown => cut(format!("{}'", typed(decided, call))),
    }
}

/// As long as the server shows it.
fn cut(mut name: String) -> Rc<str> {
    name.truncate(SHOWN_BY_SERVER);
    name.into()
}

/// What the server itself says of a command or subcommand that does not exist.
fn unknown_error(decided: &Decided<'_>, call: &Circumstances<'_>) -> String {
    let typed = typed(decided, call);
    match call.typed_sub {
        Some(sub) if decided.gone && decided.sub.is_some() => {
            let container = typed.to_uppercase();
            format!(
                "ERR unknown subcommand '{}'. Try {container} HELP.",
                shortened(up_to_nul(sub), 128)
            )
        }
        _ if call.lists_arguments => {
            format!("ERR unknown command '{typed}', with args beginning with: ")
        }
        _ => format!("ERR unknown command '{typed}'"),
    }
}

/// The name as the client wrote it, up to its first NUL, as the server would show it.
fn typed(decided: &Decided<'_>, call: &Circumstances<'_>) -> String {
    let name = up_to_nul(call.typed);
    shortened(
        if name.is_empty() {
            &decided.command
        } else {
            name
        },
        100,
    )
}

/// What a C string shows of these bytes.
fn up_to_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Printable, and no longer than this many bytes.
fn shortened(bytes: &[u8], longest: usize) -> String {
    let mut text = printable(bytes.get(..longest).unwrap_or(bytes));
    text.truncate(longest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(sub: Option<&[u8]>, gone: bool) -> Decided<'_> {
        Decided {
            statement: 0,
            command: b"config".into(),
            sub,
            reply: None,
            gone,
        }
    }

    fn refuse(origin: &Origin, by_name_only: Option<bool>, reply: DenyReply) -> Refusal {
        let call = Circumstances {
            origin,
            by_name_only,
            typed: b"CONFIG\0x",
            typed_sub: Some(b"seT\0x"),
            default_needs_no_password: false,
            reply,
            lists_arguments: true,
        };
        refused(&decided(Some(b"set"), false), "no-conf", call)
    }

    fn refused(decided: &Decided<'_>, id: &str, call: Circumstances<'_>) -> Refusal {
        refusal(decided, &Words::of(decided, id), call)
    }

    fn user(name: &str) -> Option<Rc<[u8]>> {
        Some(name.as_bytes().into())
    }

    fn answer(command: &'static str, error: &str) -> Refusal {
        Refusal::Answer {
            command,
            error: error.into(),
        }
    }

    #[test]
    fn a_client_is_told_the_rule_and_only_a_known_user_past_its_acl() {
        let explain = "NOPERM 'config|set' is denied by secaudit rule no-conf";
        let named = Origin::Client(user("app"));
        let unsure = Origin::Client(user("default"));
        assert_eq!(
            refuse(&named, Some(false), DenyReply::Explain),
            answer(DENIED, explain)
        );
        assert_eq!(
            refuse(&unsure, Some(false), DenyReply::Explain),
            answer(REFUSED, explain)
        );
        assert_eq!(
            refuse(&Origin::Script, None, DenyReply::Explain),
            answer(DENIED, explain)
        );
        let call = Circumstances {
            origin: &unsure,
            default_needs_no_password: true,
            by_name_only: Some(false),
            typed: b"config",
            typed_sub: None,
            reply: DenyReply::Explain,
            lists_arguments: true,
        };
        let sure = refused(&decided(Some(b"set"), false), "no-conf", call);
        assert_eq!(sure, answer(DENIED, explain));
    }

    #[test]
    fn a_call_that_a_transaction_could_queue_gets_a_name_that_nobody_has() {
        let named = Origin::Client(user("app"));
        let name = |text: &str| Refusal::UnknownName(text.into());
        let explain = name("config|set' is denied by secaudit rule 'no-conf");
        assert_eq!(refuse(&named, Some(true), DenyReply::Explain), explain);
        assert_eq!(
            refuse(&Origin::Client(None), None, DenyReply::Explain),
            explain
        );
        assert_eq!(
            refuse(&named, Some(true), DenyReply::Unknown),
            name("CONFIG'")
        );
        assert_eq!(
            refuse(&Origin::Script, Some(false), DenyReply::Unknown),
            name("CONFIG'")
        );
    }

    #[test]
    fn an_unknown_reply_is_the_servers_own_text_and_never_echoes_arguments() {
        let named = Origin::Client(user("app"));
        assert_eq!(
            refuse(&named, Some(false), DenyReply::Unknown),
            answer(
                DENIED,
                "ERR unknown command 'CONFIG', with args beginning with: "
            )
        );
        let call = Circumstances {
            origin: &named,
            by_name_only: Some(false),
            typed: b"config",
            typed_sub: Some(b"seT\0x"),
            default_needs_no_password: false,
            reply: DenyReply::Unknown,
            lists_arguments: false,
        };
        assert_eq!(
            refused(&decided(Some(b"set"), true), "x", call),
            answer(DENIED, "ERR unknown subcommand 'seT'. Try CONFIG HELP.")
        );
        assert_eq!(
            refused(&decided(None, true), "x", call),
            answer(DENIED, "ERR unknown command 'config'")
        );
    }

    #[test]
    fn no_name_is_longer_than_a_server_shows_or_breaks_the_protocol() {
        let long = vec![b'\n'; 500];
        let decided = Decided {
            command: (&long).into(),
            ..decided(None, false)
        };
        for reply in [DenyReply::Explain, DenyReply::Unknown] {
            for by_name_only in [Some(true), Some(false)] {
                let call = Circumstances {
                    origin: &Origin::Client(user("app")),
                    by_name_only,
                    typed: &long,
                    typed_sub: Some(b"seT\0x"),
                    default_needs_no_password: false,
                    reply,
                    lists_arguments: true,
                };
                let text = match refused(&decided, "id", call) {
                    Refusal::UnknownName(name) => name,
                    Refusal::Answer { error, .. } => error,
                };
                assert!(
                    text.len() <= 256 && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                    "{text}"
                );
            }
        }
    }
}
