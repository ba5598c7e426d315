//! The words after a statement's verb, sorted into names and options, each judged by itself.

use super::condition::Condition;
use super::day::Day;
use super::glob::Glob;
use super::name::{MAX_NAME, Name};
use super::nearest::instead;
use super::problem::{At, Problem};
use super::profiles::{self, Profile};
use super::statement::{Action, Body, Category, DenyReply, Pattern, Rule, Target};
use super::words::Word;
use crate::render::escape::printable;

/// The longest id.
pub const MAX_ID: usize = 64;

/// The options a statement can carry besides conditions; `at=` only after SECGATE.
const OPTIONS: [&str; 8] = [
    "id=", "note=", "reply=", "mode=", "until=", "optional", "force", "at=",
];

/// The longest note, in bytes.
const LONGEST_NOTE: usize = 4096;

/// The longest pattern over names of users, and the longest id of a check, in bytes.
const LONGEST_NAME: usize = 256;

/// The words after the verb, sorted into names and options.
#[derive(Default)]
pub struct Parts<'w> {
    names: Vec<&'w Word>,
    /// `id=`, and where it stood.
    pub id: Option<(String, At)>,
    /// `note=`.
    pub note: Option<Vec<u8>>,
    conditions: Vec<(Condition, At)>,
    reply: Option<(DenyReply, At)>,
    observe: Option<At>,
    until: Option<(Day, At)>,
    /// `optional`, where it stood.
    pub optional: Option<At>,
    /// `force`, where it stood.
    pub force: Option<At>,
    /// `at=`, from 1.
    pub position: Option<usize>,
    /// All that is wrong with the words.
    pub problems: Vec<Problem>,
    seen: Vec<String>,
}

impl<'w> Parts<'w> {
    /// Sorts the words.
    pub fn read(words: &'w [Word]) -> Self {
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
                b"optional" => self.optional = Some(word.at),
                b"force" => self.force = Some(word.at),
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
            b"until" => self.until(value, word.at, value_at),
            b"at" => self.position(value, word.at, value_at),
            lower => match Condition::read(lower, value) {
                Some(Ok(condition)) => {
                    self.once(&condition.key(), word.at);
                    self.conditions.push((condition, word.at));
                }
                Some(Err(message)) => {
                    let key = printable(lower);
                    self.problem(value_at, format!("{key}=: {message}"));
                }
                None => self.unknown_option(key, word.at),
            },
        }
    }

    fn unknown_option(&mut self, key: &[u8], at: At) {
        let options = OPTIONS
            .iter()
            .filter(|option| at.line == 0 || **option != "at=");
        let known: Vec<&str> = options.chain(&Condition::KEYS).copied().collect();
        let hint = instead(&[key, b"="].concat(), &known);
        self.problem(at, format!("unknown option '{}='{hint}", printable(key)));
    }

    fn problem(&mut self, at: At, message: impl Into<String>) {
        self.problems.push(Problem::new(at, message));
    }

    /// Notes that an option came; the second time is a problem.
    fn once(&mut self, option: &str, at: At) {
        if self.seen.iter().any(|seen| seen == option) {
            self.problem(at, format!("{option}= is given twice: keep one of the two"));
        }
        self.seen.push(option.to_owned());
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
        if value.len() > LONGEST_NOTE {
            self.problem(at, format!("note= is longer than {LONGEST_NOTE} bytes"));
        }
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
            self.observe = Some(at);
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

    fn until(&mut self, value: &[u8], at: At, value_at: At) {
        self.once("until", at);
        match Day::read(value) {
            Some(day) => self.until = Some((day, at)),
            None => self.problem(
                value_at,
                format!("'{}' is no day: write it as 2027-01-31", printable(value)),
            ),
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

    /// The body of a rule; `None` if it names nothing that could be read.
    pub fn rule(&mut self, verb: &Word, action: Action) -> Option<Body> {
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
            conditions: self.taken_conditions(),
            reply: self.reply.map(|(reply, _)| reply),
            observe: self.observe.is_some(),
        }))
    }

    /// The body of a profile; `None` if it names none.
    pub fn profile(&mut self, verb: &Word) -> Option<Body> {
        let names = std::mem::take(&mut self.names);
        let profile = match names.as_slice() {
            [name] => self.known_profile(name)?,
            [_, extra, ..] => {
                let word = printable(&extra.text);
                self.problem(
                    extra.at,
                    format!("'{word}' is one name too many: write profile NAME"),
                );
                return None;
            }
            [] => {
                let names = profiles::names().join(", ");
                self.problem(verb.at, format!("profile wants one of {names}"));
                return None;
            }
        };
        Some(Body::Profile {
            profile,
            conditions: self.taken_conditions(),
            reply: self.reply.map(|(reply, _)| reply),
            observe: self.observe.is_some(),
        })
    }

    fn known_profile(&mut self, name: &Word) -> Option<&'static Profile> {
        let found = profiles::find(&name.text);
        if found.is_none() {
            let hint = instead(&name.text, &profiles::names());
            let name_shown = printable(&name.text);
            self.problem(name.at, format!("unknown profile '{name_shown}'{hint}"));
        }
        found
    }

    fn taken_conditions(&mut self) -> Vec<Condition> {
        let taken = std::mem::take(&mut self.conditions);
        taken.into_iter().map(|(condition, _)| condition).collect()
    }

    fn target(&mut self, word: &Word) -> Option<Target> {
        match word.text.as_slice() {
            b"*" => Some(Target::Every),
            [b'@', category @ ..] => self.category(word, category).map(Target::Category),
            _ => self.name(word).map(Target::Command),
        }
    }

    /// The two names of a rename or an alias.
    pub fn two_names(&mut self, verb: &Word, form: &str) -> Option<(Name, Name)> {
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

    /// The body of a suppression: one check, and a reason.
    pub fn suppress(&mut self, verb: &Word) -> Option<Body> {
        let says_why = |note: &Vec<u8>| note.iter().any(|byte| !byte.is_ascii_whitespace());
        if !self.note.as_ref().is_some_and(says_why) {
            self.problem(
                verb.at,
                "suppress wants a reason: add note=\"why this is accepted\"",
            );
        }
        let names = std::mem::take(&mut self.names);
        match names.as_slice() {
            [name] if name.text.len() <= LONGEST_NAME => Some(Body::Suppress {
                check: String::from_utf8_lossy(&name.text).to_lowercase(),
                until: self.until.map(|(day, _)| day),
                at: name.at,
            }),
            [name] => {
                self.problem(name.at, "this is too long for a check's id");
                None
            }
            [_, extra, ..] => {
                let word = printable(&extra.text);
                self.problem(
                    extra.at,
                    format!("'{word}' is one word too many: write suppress CHECK, a statement for each check"),
                );
                None
            }
            [] => {
                self.problem(
                    verb.at,
                    "suppress wants a check: SECAUDIT CHECKS lists them",
                );
                None
            }
        }
    }

    /// The body of the statement that names administrators.
    pub fn administrators(&mut self, verb: &Word) -> Option<Body> {
        let names = std::mem::take(&mut self.names);
        if names.is_empty() && self.problems.is_empty() {
            self.problem(verb.at, "administrators wants at least one user");
        }
        let patterns: Vec<Pattern> = names
            .into_iter()
            .filter_map(|word| self.pattern(word))
            .collect();
        (!patterns.is_empty()).then_some(Body::Administrators(patterns))
    }

    fn pattern(&mut self, word: &Word) -> Option<Pattern> {
        let text = word.text.as_slice();
        let fault = match text {
            b"" => "an empty name is no user's",
            _ if text.len() > LONGEST_NAME => "this pattern is longer than 256 bytes",
            // Everybody would be spared, and the audit blind.
            _ if text.iter().all(|byte| *byte == b'*') => {
                "'*' would name every user: name the administrators"
            }
            [b'!', ..] => "there is no '!' here: name the administrators, all others are none",
            _ => {
                return Some(Pattern {
                    text: text.to_vec(),
                    glob: Glob::new(text),
                });
            }
        };
        self.problem(word.at, fault);
        None
    }

    fn category(&mut self, word: &Word, name: &[u8]) -> Option<Category> {
        if !fits(name) || name.contains(&b'|') {
            let shown = printable(&word.text);
            self.problem(
                word.at,
                format!("'{shown}' is no category: write one as ACL CAT names it, as @dangerous"),
            );
            return None;
        }
        Some(Category {
            name: name.to_ascii_lowercase(),
            at: word.at,
        })
    }

    /// Finds fault with options that only refusals can have.
    pub fn refuse_deny_options(&mut self, verb: &Word) {
        let word = printable(&verb.text);
        for (option, at) in [
            ("reply=", self.reply.map(|(_, at)| at)),
            ("mode=", self.observe),
        ] {
            if let Some(at) = at {
                self.problem(
                    at,
                    format!("{option} is for deny and profile, not for {word}"),
                );
            }
        }
    }

    /// Finds fault with conditions, and says why there are none here.
    pub fn refuse_conditions(&mut self, why: &str) {
        for (condition, at) in std::mem::take(&mut self.conditions) {
            let key = condition.key();
            self.problem(at, format!("{key}= is for deny, allow and profile: {why}"));
        }
    }

    /// Finds fault with all that only makes sense for calls.
    pub fn refuse_what_is_about_calls(&mut self, verb: &Word) {
        let word = printable(&verb.text);
        self.refuse_conditions(&format!("{word} is for the audit"));
        for (option, at) in [("optional", self.optional), ("force", self.force)] {
            if let Some(at) = at {
                self.problem(at, format!("{option} is for commands, not for {word}"));
            }
        }
    }

    /// Finds fault with `until=`.
    pub fn refuse_until(&mut self, verb: &Word) {
        if let Some((_, at)) = self.until {
            let word = printable(&verb.text);
            self.problem(at, format!("until= is for suppress, not for {word}"));
        }
    }

    fn name(&mut self, word: &Word) -> Option<Name> {
        let text = word.text.as_slice();
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
