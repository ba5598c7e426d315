//! Words into statements: everything that can be judged without knowing the server's commands.

use super::nearest::instead;
use super::parts::Parts;
use super::problem::{At, Problem};
use super::statement::{Action, Body, Mode};
use super::words::{Word, split_line};
use crate::render::escape::printable;

/// The largest policy file that is read, in bytes.
pub const MAX_FILE: usize = 8 * 1024 * 1024;

/// The words a statement can open with.
const VERBS: [&str; 8] = [
    "mode",
    "profile",
    "deny",
    "allow",
    "rename",
    "alias",
    "suppress",
    "administrators",
];

/// A statement as it was written, not yet held against the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The id and where it stood, when one was given.
    pub id: Option<(String, At)>,
    /// What it says.
    pub body: Body,
    /// `note=`.
    pub note: Option<Vec<u8>>,
    /// `optional`.
    pub optional: bool,
    /// `force`.
    pub force: bool,
    /// `at=`: where to put it, from 1; only after SECGATE.
    pub position: Option<usize>,
    /// Where the statement began.
    pub at: At,
}

/// What could be read of a statement. Where there are problems, the draft is what is left for others to find more in.
#[derive(Debug)]
pub struct Read {
    /// The statement, as far as it could be read.
    pub draft: Option<Draft>,
    /// All that is wrong with it.
    pub problems: Vec<Problem>,
}

impl Read {
    fn of_problem(problem: Problem) -> Self {
        Self {
            draft: None,
            problems: vec![problem],
        }
    }
}

/// A whole file as it was written.
#[derive(Debug, Default)]
pub struct File {
    /// The last word on the mode; `None` leaves the default.
    pub mode: Option<Mode>,
    /// The statements in order, also those with problems.
    pub drafts: Vec<Draft>,
    /// Everything that could not be read.
    pub problems: Vec<Problem>,
}

/// Reads a policy file. What is wrong is collected, not thrown: the caller adds what resolving finds and reports all.
pub fn file(text: &[u8]) -> File {
    let mut file = File::default();
    if text.len() > MAX_FILE {
        file.problems.push(Problem::new(
            At { line: 1, column: 1 },
            format!("the file is too long: a policy may have {MAX_FILE} bytes at most"),
        ));
        return file;
    }
    let mut mode_line = None;
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let number = index + 1;
        let words = match split_line(line, number) {
            Ok(words) => words,
            Err(problem) => {
                file.problems.push(problem);
                continue;
            }
        };
        match words.split_first() {
            None => {}
            Some((verb, rest)) if verb.text.eq_ignore_ascii_case(b"mode") => {
                if let Some(first) = mode_line.replace(number) {
                    let message =
                        format!("the mode is already set on line {first}: keep one of the two");
                    file.problems.push(Problem::new(verb.at, message));
                }
                match mode(verb, rest) {
                    Ok(mode) => file.mode = Some(mode),
                    Err(problem) => file.problems.push(problem),
                }
            }
            Some((verb, rest)) => {
                let read = statement(verb, rest);
                file.drafts.extend(read.draft);
                file.problems.extend(read.problems);
            }
        }
    }
    file
}

/// Reads one statement: a verb and its words. All that is wrong with it is told.
pub fn statement(verb: &Word, rest: &[Word]) -> Read {
    let keyword = verb.text.to_ascii_lowercase();
    let mut parts = Parts::read(rest);
    let body = match keyword.as_slice() {
        b"deny" => parts.rule(verb, Action::Deny),
        b"allow" => parts.rule(verb, Action::Allow),
        b"profile" => parts.profile(verb),
        b"rename" => parts
            .two_names(verb, "rename OLD NEW")
            .map(|(old, new)| Body::Rename { old, new }),
        b"alias" => parts
            .two_names(verb, "alias NEW COMMAND")
            .map(|(new, target)| Body::Alias { new, target }),
        b"suppress" => parts.suppress(verb),
        b"administrators" => parts.administrators(verb),
        _ => {
            let hint = instead(&verb.text, &VERBS);
            let message = format!("unknown statement '{}'{hint}", printable(&verb.text));
            return Read::of_problem(Problem::new(verb.at, message));
        }
    };
    if !matches!(keyword.as_slice(), b"deny" | b"profile") {
        parts.refuse_deny_options(verb);
    }
    match keyword.as_slice() {
        b"rename" | b"alias" => parts.refuse_conditions("a name is the same for everyone"),
        b"suppress" | b"administrators" => parts.refuse_what_is_about_calls(verb),
        _ => {}
    }
    if keyword != b"suppress" {
        parts.refuse_until(verb);
    }
    let draft = body.map(|body| Draft {
        id: parts.id,
        body,
        note: parts.note,
        optional: parts.optional.is_some(),
        force: parts.force.is_some(),
        position: parts.position,
        at: verb.at,
    });
    let problems = parts.problems;
    Read { draft, problems }
}

/// Reads what follows `mode`.
fn mode(verb: &Word, rest: &[Word]) -> Result<Mode, Problem> {
    let choice = format!("one of {}", Mode::WORDS.join(", "));
    match rest {
        [word] => Mode::from_word(&word.text).ok_or_else(|| {
            let hint = instead(&word.text, &Mode::WORDS);
            Problem::new(
                word.at,
                format!("unknown mode '{}'{hint}", printable(&word.text)),
            )
        }),
        [] => Err(Problem::new(verb.at, format!("mode wants {choice}"))),
        [_, extra, ..] => Err(Problem::new(extra.at, format!("mode wants just {choice}"))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]
mod tests {
    use super::super::statement::DenyReply;
    use super::*;
    use proptest::prelude::*;

    fn problems(text: &str) -> Vec<String> {
        let file = file(text.as_bytes());
        file.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_option_of_a_rule_is_read() {
        let file = file(b"mode observe\nDENY FlushAll config|SET id=no-1 note=\"a b\" reply=unknown mode=observe optional force");
        assert_eq!(file.problems, []);
        assert_eq!(file.mode, Some(Mode::Observe));
        let [draft] = file.drafts.as_slice() else {
            panic!("one statement")
        };
        assert_eq!(draft.id.as_ref().unwrap().0, "no-1");
        assert_eq!(draft.note.as_deref(), Some(&b"a b"[..]));
        assert!(draft.optional && draft.force);
        let Body::Rule(rule) = &draft.body else {
            panic!("a rule")
        };
        assert_eq!(rule.reply, Some(DenyReply::Unknown));
        assert!(rule.observe);
        assert_eq!(rule.targets.len(), 2);
    }

    #[test]
    fn every_problem_of_a_file_is_told_with_its_line_and_column() {
        let found = problems(
            "deyn flushall\n\ndeny\ndeny x idd=3 reply=maybe\nrename a\nalias a b c\nmode strict\ndeny \"x\n",
        );
        let expected = [
            "line 1, column 1: unknown statement 'deyn': did you mean 'deny'?",
            "line 3, column 1: deny wants at least one command, or *",
            "line 4, column 8: unknown option 'idd=': did you mean 'id='?",
            "line 4, column 20: unknown reply 'maybe': use one of explain, unknown",
            "line 5, column 1: two names are wanted: rename OLD NEW",
            "line 6, column 11: 'c' is one name too many: write alias NEW COMMAND",
            "line 7, column 6: unknown mode 'strict': use one of off, observe, enforce",
            "line 8, column 6: this \" is never closed: end the value with \"",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn wrong_values_name_the_field_and_what_would_be_right() {
        for (text, part) in [
            ("deny x id=", "is no id"),
            ("deny x id=a/b", "is no id"),
            ("deny x id=a id=b", "given twice"),
            (
                &format!("deny x note={}", "n".repeat(5000)),
                "note= is longer than 4096 bytes",
            ),
            ("deny x mode=enforce", "can only be observe"),
            ("deny x at=first", "at= is for SECGATE only"),
            ("rename a b reply=unknown", "reply= is for deny"),
            ("rename a b user=x", "user= is for deny, allow and profile"),
            ("deny a user=x user=y", "user= is given twice"),
            ("deny a arg1=x arg01=y", "arg1= is given twice"),
            ("deny a from=1.2.3", "from=: '1.2.3' is no address"),
            ("profile", "profile wants one of"),
            ("profile tutoral", "did you mean 'tutorial'?"),
            ("profile rce x", "one name too many"),
            ("allow a mode=observe", "mode= is for deny"),
            ("alias a b mode=observe", "mode= is for deny"),
            ("deny a|b|c", "is no command name"),
            ("deny \"a b\"", "is no command name"),
            ("deny a\\\\|", "is no command name"),
            ("deny @", "is no category"),
            ("deny @a|b", "is no category"),
            ("suppress note=x", "suppress wants a check"),
            ("suppress net.tls", "suppress wants a reason"),
            ("suppress net.tls note=\" \"", "suppress wants a reason"),
            ("suppress net.tls net.bind note=x", "one word too many"),
            ("suppress net.tls note=x until=soon", "'soon' is no day"),
            ("suppress net.tls note=x until=2027-02-29", "is no day"),
            (
                "suppress net.tls note=x optional",
                "optional is for commands",
            ),
            (
                "suppress net.tls note=x reply=unknown",
                "reply= is for deny",
            ),
            (
                "suppress net.tls note=x user=a",
                "suppress is for the audit",
            ),
            ("deny get until=2027-01-01", "until= is for suppress"),
            ("administrators", "at least one user"),
            ("administrators **", "'*' would name every user"),
            ("administrators !ops", "there is no '!' here"),
            ("administrators \"\"", "is no user's"),
            ("administrators ops force", "force is for commands"),
            (
                "administrators ops until=2027-01-01",
                "until= is for suppress",
            ),
            ("mode", "mode wants one of"),
            ("mode off on", "mode wants just"),
            ("mode off\nmode off", "already set on line 1"),
            ("deny \u{e9}", "is no command name"),
        ] {
            let found = problems(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found.first().unwrap().contains(part), "{text}: {found:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text: Vec<u8>) {
            let _ = file(&text);
        }
    }
}
