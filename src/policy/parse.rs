//! Words into statements: everything that can be judged without knowing the server's commands.

use super::name::{MAX_NAME, Name};
use super::nearest::instead;
use super::problem::{At, Problem};
use super::statement::{Action, Body, DenyReply, Mode, Rule, Target};
use super::words::{Word, split_line};
use crate::render::escape::printable;

/// The largest policy file that is read, in bytes.
pub const MAX_FILE: usize = 8 * 1024 * 1024;

/// The longest id.
pub const MAX_ID: usize = 64;

/// The words a statement can open with.
const VERBS: [&str; 5] = ["mode", "deny", "allow", "rename", "alias"];

/// The options a statement can carry.
const OPTIONS: [&str; 6] = ["id=", "note=", "reply=", "mode=", "optional", "force"];

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

/// A whole file as it was written.
#[derive(Debug, Default)]
pub struct File {
    /// The last word on the mode; `None` leaves the default.
    pub mode: Option<Mode>,
    /// The statements in order.
    pub drafts: Vec<Draft>,
    /// Everything that could not be read.
    pub problems: Vec<Problem>,
}

/// Reads a policy file. What is wrong is collected, not thrown: the caller adds what resolving finds and reports all.
pub fn file(text: &[u8]) -> File {
    let mut file = File::default();
    if text.len() > MAX_FILE {
        let size = text.len();
        file.problems.push(Problem::new(
            At { line: 1, column: 1 },
            format!("the file has {size} bytes: a policy may have {MAX_FILE} at most"),
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
                        format!("the mode is already set in line {first}: keep one of the two");
                    file.problems.push(Problem::new(verb.at, message));
                }
                match mode(verb, rest) {
                    Ok(mode) => file.mode = Some(mode),
                    Err(problem) => file.problems.push(problem),
                }
            }
            Some((verb, rest)) => match statement(verb, rest) {
                Ok(draft) => file.drafts.push(draft),
                Err(problems) => file.problems.extend(problems),
            },
        }
    }
    file
}

/// Reads one statement: a verb and its words. All that is wrong with it is told.
pub fn statement(verb: &Word, rest: &[Word]) -> Result<Draft, Vec<Problem>> {
    let keyword = verb.text.to_ascii_lowercase();
    let mut parts = Parts::read(rest);
    let body = match keyword.as_slice() {
        b"deny" => parts.rule(verb, Action::Deny),
        b"allow" => parts.rule(verb, Action::Allow),
        b"rename" => parts
            .two_names(verb, "rename OLD NEW")
            .map(|(old, new)| Body::Rename { old, new }),
        b"alias" => parts
            .two_names(verb, "alias NEW COMMAND")
            .map(|(new, target)| Body::Alias { new, target }),
        _ => {
            let hint = instead(&verb.text, &VERBS);
            let message = format!("unknown statement '{}'{hint}", printable(&verb.text));
            return Err(vec![Problem::new(verb.at, message)]);
        }
    };
    if keyword != b"deny" {
        parts.refuse_deny_options(verb);
    }
    match body {
        Some(body) if parts.problems.is_empty() => Ok(Draft {
            id: parts.id,
            body,
            note: parts.note,
            optional: parts.optional,
            force: parts.force,
            position: parts.position,
            at: verb.at,
        }),
        _ => Err(parts.problems),
    }
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

/// The words after the verb, sorted into names and options.
#[derive(Default)]
struct Parts<'w> {
    names: Vec<&'w Word>,
    id: Option<(String, At)>,
    note: Option<Vec<u8>>,
    reply: Option<(DenyReply, At)>,
    observe: Option<(bool, At)>,
    optional: bool,
    force: bool,
    position: Option<usize>,
    problems: Vec<Problem>,
    seen: Vec<&'static str>,
}

impl<'w> Parts<'w> {
    fn read(words: &'w [Word]) -> Self {
        let mut parts = Self::default();
        for word in words {
            parts.word(word);
        }
        parts
    }

    fn word(&mut self, word: &'w Word) {
        let equals = word.text.iter().position(|byte| *byte == b'=');
        let Some(equals) = equals else {
            match word.text.to_ascii_lowercase().as_slice() {
                b"optional" => self.optional = true,
                b"force" => self.force = true,
                _ => self.names.push(word),
            }
            return;
        };
        let (key, value) = word.text.split_at(equals);
        let value = value.get(1..).unwrap_or_default();
        let value_at = At {
            line: word.at.line,
            column: word.at.column + if word.at.line == 0 { 0 } else { equals + 1 },
        };
        match key.to_ascii_lowercase().as_slice() {
            b"id" => self.id(value, word.at, value_at),
            b"note" => self.note(value, word.at),
            b"reply" => self.reply(value, word.at, value_at),
            b"mode" => self.observe(value, word.at, value_at),
            b"at" => self.position(value, word.at, value_at),
            _ => {
                let hint = instead(&[key, b"="].concat(), &OPTIONS);
                self.problem(
                    word.at,
                    format!("unknown option '{}='{hint}", printable(key)),
                );
            }
        }
    }

    fn problem(&mut self, at: At, message: impl Into<String>) {
        self.problems.push(Problem::new(at, message));
    }

    /// Notes that an option came; the second time is a problem.
    fn once(&mut self, option: &'static str, at: At) {
        if self.seen.contains(&option) {
            self.problem(at, format!("{option}= is given twice: keep one of the two"));
        }
        self.seen.push(option);
    }

    fn id(&mut self, value: &[u8], at: At, value_at: At) {
        self.once("id", at);
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        if value.is_empty() || value.len() > MAX_ID || !value.iter().all(fits) {
            self.problem(
                value_at,
                format!(
                    "'{}' is no id: use 1 to {MAX_ID} letters, digits, '.', '_' and '-'",
                    printable(value)
                ),
            );
            return;
        }
        self.id = Some((String::from_utf8_lossy(value).into_owned(), value_at));
    }

    fn note(&mut self, value: &[u8], at: At) {
        self.once("note", at);
        self.note = Some(value.to_vec());
    }

    fn reply(&mut self, value: &[u8], at: At, value_at: At) {
        self.once("reply", at);
        match DenyReply::from_word(value) {
            Some(reply) => self.reply = Some((reply, at)),
            None => self.problem(
                value_at,
                format!(
                    "unknown reply '{}'{}",
                    printable(value),
                    instead(value, &DenyReply::WORDS)
                ),
            ),
        }
    }

    fn observe(&mut self, value: &[u8], at: At, value_at: At) {
        self.once("mode", at);
        if value.eq_ignore_ascii_case(b"observe") {
            self.observe = Some((true, at));
        } else {
            self.problem(
                value_at,
                format!(
                    "a rule's mode can only be observe, not '{}': leave mode= out to enforce it",
                    printable(value)
                ),
            );
        }
    }

    fn position(&mut self, value: &[u8], at: At, value_at: At) {
        self.once("at", at);
        if at.line != 0 {
            self.problem(
                at,
                "at= is for SECGATE only: in a file the order of lines decides",
            );
            return;
        }
        let number = std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.parse().ok());
        match number {
            Some(number) if number >= 1 => self.position = Some(number),
            _ if value.eq_ignore_ascii_case(b"first") => self.position = Some(1),
            _ => self.problem(
                value_at,
                format!(
                    "'{}' is no position: write at=first or at=N, counted from 1",
                    printable(value)
                ),
            ),
        }
    }

    fn rule(&mut self, verb: &Word, action: Action) -> Option<Body> {
        let names = std::mem::take(&mut self.names);
        if names.is_empty() && self.problems.is_empty() {
            let word = printable(&verb.text);
            self.problem(verb.at, format!("{word} wants at least one command, or *"));
        }
        let targets: Vec<Target> = names
            .into_iter()
            .filter_map(|word| self.target(word))
            .collect();
        if targets.is_empty() {
            return None;
        }
        Some(Body::Rule(Rule {
            action,
            targets,
            reply: self.reply.map(|(reply, _)| reply),
            observe: self.observe.is_some(),
        }))
    }

    fn target(&mut self, word: &Word) -> Option<Target> {
        match word.text.as_slice() {
            b"*" => Some(Target::Every),
            _ => self.name(word).map(Target::Command),
        }
    }

    fn two_names(&mut self, verb: &Word, form: &str) -> Option<(Name, Name)> {
        let names = std::mem::take(&mut self.names);
        match names.as_slice() {
            [first, second] => {
                let first = self.name(first);
                let second = self.name(second);
                Some((first?, second?))
            }
            [_, _, extra, ..] => {
                let word = printable(&extra.text);
                self.problem(
                    extra.at,
                    format!("'{word}' is one name too many: write {form}"),
                );
                None
            }
            _ => {
                self.problem(verb.at, format!("two names are wanted: {form}"));
                None
            }
        }
    }

    fn refuse_deny_options(&mut self, verb: &Word) {
        let word = printable(&verb.text);
        for (option, at) in [
            ("reply=", self.reply.map(|(_, at)| at)),
            ("mode=", self.observe.map(|(_, at)| at)),
        ] {
            if let Some(at) = at {
                self.problem(at, format!("{option} is for deny, not for {word}"));
            }
        }
    }

    fn name(&mut self, word: &Word) -> Option<Name> {
        let text = word.text.as_slice();
        if text.first() == Some(&b'@') {
            self.problem(
                word.at,
                format!(
                    "categories such as '{}' are not understood by this version: name the commands",
                    printable(text)
                ),
            );
            return None;
        }
        let mut parts = text.split(|byte| *byte == b'|');
        let command = parts.next().unwrap_or_default();
        let sub = parts.next();
        let whole = parts.next().is_none() && fits(command) && sub.is_none_or(fits);
        if !whole {
            self.problem(
                word.at,
                format!(
                    "'{}' is no command name: write command or command|subcommand, in printable ASCII, \
                     {MAX_NAME} characters at most each",
                    printable(text)
                ),
            );
            return None;
        }
        Some(Name {
            command: command.to_ascii_lowercase(),
            sub: sub.map(<[u8]>::to_ascii_lowercase),
            at: word.at,
        })
    }
}

/// Whether this can be the name of a command or subcommand.
fn fits(part: &[u8]) -> bool {
    let printable = |byte: &u8| byte.is_ascii_graphic() && !b"\"'*@=#".contains(byte);
    !part.is_empty() && part.len() <= MAX_NAME && part.iter().all(printable)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]
mod tests {
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
            ("deny x mode=enforce", "can only be observe"),
            ("deny x at=first", "at= is for SECGATE only"),
            ("rename a b reply=unknown", "reply= is for deny"),
            ("allow a mode=observe", "mode= is for deny"),
            ("alias a b mode=observe", "mode= is for deny"),
            ("deny a|b|c", "is no command name"),
            ("deny \"a b\"", "is no command name"),
            ("deny a\\\\|", "is no command name"),
            ("deny @dangerous", "categories"),
            ("mode", "mode wants one of"),
            ("mode off on", "mode wants just"),
            ("mode off\nmode off", "already set in line 1"),
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
