//! What SECAUDIT is asked for: `[TEXT|JSON|SARIF|JUNIT|OCSF|HTML] [LEVEL level] [CHECK id ...]`, in any order, each once.

use super::check::Severity;
use super::checks;
use super::view::Filter;
use crate::policy::glob::Glob;
use crate::policy::nearest::{instead, nearest};
use crate::render::escape::printable_up_to;

/// A report that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// How it is to read.
    pub form: Form,
    /// What of it is wanted.
    pub filter: Filter,
}

/// How a report reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines for eyes.
    Text,
    /// Our own JSON.
    Json,
    /// SARIF 2.1.0, for code scanning and its viewers.
    Sarif,
    /// JUnit XML, for pipelines that show tests.
    Junit,
    /// OCSF compliance findings, for a SIEM.
    Ocsf,
    /// A page for a browser.
    Html,
}

impl Form {
    /// Every form, as HELP lists them.
    pub const ALL: [Self; 6] = [
        Self::Text,
        Self::Json,
        Self::Sarif,
        Self::Junit,
        Self::Ocsf,
        Self::Html,
    ];

    /// The word that asks for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Ocsf => "ocsf",
            Self::Html => "html",
        }
    }
}

/// What LEVEL takes. `info` would leave nothing out.
const LEVELS: [Severity; 4] = [
    Severity::Low,
    Severity::Medium,
    Severity::High,
    Severity::Critical,
];

/// More ids and patterns than any catalogue has checks are no honest question.
const MOST_IDS: usize = 256;

/// A pattern that is longer than any id cannot mean one.
const LONGEST_ID: usize = 64;

/// So much of a client's word is repeated in an error.
const LONGEST_ECHO: usize = 128;

/// Reads the words behind SECAUDIT. `subcommands` may stand there as well, first and alone; they are only named in errors.
pub fn parse(words: &[&[u8]], subcommands: &[&str]) -> Result<Request, String> {
    let mut asked = Asked::default();
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        rest = after;
        match Keyword::of(word) {
            Some(Keyword::Form(form)) => asked.form(form)?,
            Some(Keyword::Level) => {
                let level = rest.split_off_first().copied();
                asked.level(level)?;
            }
            Some(Keyword::Check) => {
                let end = rest.iter().position(|word| Keyword::of(word).is_some());
                let (ids, after) = rest.split_at(end.unwrap_or(rest.len()));
                rest = after;
                asked.checks(ids)?;
            }
            None => return Err(asked.unknown(word, subcommands)),
        }
    }
    Ok(Request {
        form: asked.form.unwrap_or(Form::Text),
        filter: asked.filter,
    })
}

/// What there is to say of an id that no check has.
pub fn unknown_check(id: &[u8], nearest: Option<&str>) -> String {
    let hint = nearest.map_or_else(
        || "SECAUDIT CHECKS lists them".to_owned(),
        |name| format!("did you mean '{name}'?"),
    );
    format!("unknown check '{}': {hint}", shown(id))
}

/// The checks that an id or a pattern stands for. A word that is neither may be an option that was meant.
pub fn meant(word: &[u8], options: &[&'static str]) -> Result<Vec<&'static str>, String> {
    if !word.iter().any(|byte| b"*?[".contains(byte)) {
        return match checks::find(word) {
            Ok(check) => Ok(vec![check.meta().id]),
            // It may be no id at all but an option.
            Err(id) => Err(unknown_check(word, id.or(nearest(word, options)))),
        };
    }
    let glob = Glob::new(&word.to_ascii_lowercase());
    let ids = checks::ALL.iter().map(|check| check.meta().id);
    let fits = |id: &&str| word.len() <= LONGEST_ID && glob.matches(id.as_bytes());
    let ids: Vec<&str> = ids.filter(fits).collect();
    match ids.is_empty() {
        true => Err(format!(
            "no check matches '{}': SECAUDIT CHECKS lists them",
            shown(word)
        )),
        false => Ok(ids),
    }
}

enum Keyword {
    Form(Form),
    Level,
    Check,
}

impl Keyword {
    fn of(word: &[u8]) -> Option<Self> {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let form = Form::ALL.into_iter().find(|form| is(form.word()));
        form.map(Self::Form)
            .or_else(|| is("level").then_some(Self::Level))
            .or_else(|| is("check").then_some(Self::Check))
    }
}

/// What has been read so far.
#[derive(Default)]
struct Asked {
    form: Option<Form>,
    filter: Filter,
}

impl Asked {
    fn form(&mut self, form: Form) -> Result<(), String> {
        match self.form.replace(form) {
            Some(first) => Err(format!(
                "{} is a second form: a report has one, and {} is asked for already",
                form.word().to_uppercase(),
                first.word().to_uppercase()
            )),
            None => Ok(()),
        }
    }

    fn level(&mut self, word: Option<&[u8]>) -> Result<(), String> {
        let names = LEVELS.map(Severity::name);
        let Some(word) = word else {
            return Err(format!("LEVEL wants one of {}", names.join(", ")));
        };
        let is = |level: &Severity| word.eq_ignore_ascii_case(level.name().as_bytes());
        let Some(level) = LEVELS.into_iter().find(is) else {
            let hint = instead(word, &names);
            return Err(format!("unknown level '{}'{hint}", shown(word)));
        };
        match self.filter.level.replace(level) {
            Some(first) => Err(format!(
                "LEVEL {} comes after LEVEL {}: give it once",
                level.name(),
                first.name()
            )),
            None => Ok(()),
        }
    }

    fn checks(&mut self, words: &[&[u8]]) -> Result<(), String> {
        if self.filter.checks.is_some() {
            return Err("CHECK is given twice: name all checks behind one".to_owned());
        }
        if words.is_empty() {
            return Err("CHECK wants ids or patterns: SECAUDIT CHECKS lists them".to_owned());
        }
        if words.len() > MOST_IDS {
            return Err(format!("CHECK takes at most {MOST_IDS} ids or patterns"));
        }
        let mut wanted = Vec::new();
        for word in words {
            wanted.extend(meant(word, &self.options())?);
        }
        let ids = checks::ALL.iter().map(|check| check.meta().id);
        self.filter.checks = Some(ids.filter(|id| wanted.contains(id)).collect());
        Ok(())
    }

    /// The words that can still come.
    fn options(&self) -> Vec<&'static str> {
        let forms = Form::ALL.map(Form::word);
        let forms = forms.into_iter().filter(|_| self.form.is_none());
        let level = self.filter.level.is_none().then_some("level");
        let check = self.filter.checks.is_none().then_some("check");
        forms.chain(level).chain(check).collect()
    }

    fn unknown(&self, word: &[u8], subcommands: &[&str]) -> String {
        let mut options = self.options();
        let mut before = "SECAUDIT".to_owned();
        if let Some(form) = self.form {
            before += &format!(" {}", form.word().to_uppercase());
        }
        if let Some(level) = self.filter.level {
            before += &format!(" LEVEL {}", level.name());
        }
        if self.form.is_none() && self.filter.is_empty() {
            options.extend(subcommands);
        }
        let word_shown = shown(word);
        match options.is_empty() {
            true => format!("'{word_shown}' is one word too many after {before}"),
            false => format!(
                "unknown word '{word_shown}' after {before}{}",
                instead(word, &options)
            ),
        }
    }
}

/// A client's word as an error repeats it.
pub fn shown(word: &[u8]) -> String {
    printable_up_to(word, LONGEST_ECHO)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<Request, String> {
        let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
        parse(&words, &["checks", "explain"])
    }

    fn refused(line: &str) -> String {
        asked(line).unwrap_err()
    }

    #[test]
    fn nothing_asks_for_the_whole_report_as_text() {
        let request = asked("").unwrap();
        assert_eq!(request.form, Form::Text);
        assert!(request.filter.is_empty());
        assert_eq!(asked("TEXT").unwrap(), request);
    }

    #[test]
    fn every_form_and_every_level_is_understood_in_any_case() {
        for form in Form::ALL {
            assert_eq!(asked(form.word()).unwrap().form, form);
            assert_eq!(asked(&form.word().to_uppercase()).unwrap().form, form);
        }
        for level in LEVELS {
            let name = level.name().to_uppercase();
            let request = asked(&format!("level {name}")).unwrap();
            assert_eq!(request.filter.level, Some(level));
        }
    }

    #[test]
    fn the_order_of_the_options_is_free() {
        let wanted = asked("JSON LEVEL high CHECK net.bind cmd.config").unwrap();
        assert_eq!(wanted.filter.checks, Some(vec!["net.bind", "cmd.config"]));
        for line in [
            "CHECK cmd.config NET.BIND net.bind JSON LEVEL HIGH",
            "level high check net.bind cmd.config json",
            "CHECK cmd.config net.bind LEVEL high JSON",
        ] {
            assert_eq!(asked(line).unwrap(), wanted, "{line}");
        }
    }

    #[test]
    fn a_pattern_stands_for_every_check_it_matches() {
        let checks = |line: &str| asked(line).unwrap().filter.checks.unwrap();
        let network = checks("CHECK NET.*");
        assert!(network.len() > 2 && network.iter().all(|id| id.starts_with("net.")));
        assert_eq!(checks("CHECK *").len(), checks::ALL.len());
        assert_eq!(
            checks("CHECK cmd.conf?g *.bind"),
            ["net.bind", "cmd.config"]
        );
        assert_eq!(checks("CHECK file.[at]*"), ["file.acl", "file.tls-key"]);
    }

    #[test]
    fn what_is_no_check_is_named_and_a_near_one_suggested() {
        for (line, told) in [
            (
                "CHECK net.bnd",
                "unknown check 'net.bnd': did you mean 'net.bind'?",
            ),
            (
                "CHECK dangerous",
                "unknown check 'dangerous': did you mean 'cmd.dangerous'?",
            ),
            (
                "CHECK net.bind zzz JSON",
                "unknown check 'zzz': SECAUDIT CHECKS lists them",
            ),
            (
                "CHECK net.bind LEVL high",
                "unknown check 'LEVL': did you mean 'level'?",
            ),
            (
                "CHECK nt.*",
                "no check matches 'nt.*': SECAUDIT CHECKS lists them",
            ),
            (
                "CHECK JSON",
                "CHECK wants ids or patterns: SECAUDIT CHECKS lists them",
            ),
        ] {
            assert_eq!(refused(line), told, "{line}");
        }
    }

    #[test]
    fn what_comes_twice_or_is_not_understood_is_named() {
        for (line, told) in [
            (
                "JSON SARIF",
                "SARIF is a second form: a report has one, and JSON is asked for already",
            ),
            ("LEVEL", "LEVEL wants one of low, medium, high, critical"),
            ("LEVEL hgih", "unknown level 'hgih': did you mean 'high'?"),
            (
                "LEVEL info",
                "unknown level 'info': use one of low, medium, high, critical",
            ),
            (
                "LEVEL low JSON LEVEL high",
                "LEVEL high comes after LEVEL low: give it once",
            ),
            (
                "CHECK net.bind LEVEL low CHECK cmd.config",
                "CHECK is given twice: name all checks behind one",
            ),
            (
                "JSN",
                "unknown word 'JSN' after SECAUDIT: did you mean 'json'?",
            ),
            (
                "JSON extra",
                "unknown word 'extra' after SECAUDIT JSON: use one of level, check",
            ),
            (
                "JSON LEVEL low explain",
                "unknown word 'explain' after SECAUDIT JSON LEVEL low: use one of check",
            ),
            (
                "frobnicate",
                "unknown word 'frobnicate' after SECAUDIT: use one of text, json, sarif, junit, ocsf, html, level, check, \
                 checks, explain",
            ),
        ] {
            assert_eq!(refused(line), told, "{line}");
        }
        let words: Vec<&[u8]> = ["CHECK", "*", "JSON", "LEVEL", "low", "more"]
            .map(str::as_bytes)
            .to_vec();
        assert_eq!(
            parse(&words, &[]).unwrap_err(),
            "'more' is one word too many after SECAUDIT JSON LEVEL low"
        );
    }

    #[test]
    fn a_word_of_odd_bytes_or_without_end_is_refused_and_not_repeated_whole() {
        let long = vec![b'*'; 1 << 20];
        for words in [
            &[&b"CHECK"[..], &long][..],
            &[&long],
            &[b"LEVEL", &long],
            &[b"CHECK", b"\xff\x1b[31m"],
        ] {
            let error = parse(words, &[]).unwrap_err();
            assert!(error.len() < 300, "{} bytes", error.len());
            assert!(error.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
        let many = [&[&b"CHECK"[..]][..], &vec![&b"*"[..]; 1000]].concat();
        assert_eq!(
            parse(&many, &[]).unwrap_err(),
            "CHECK takes at most 256 ids or patterns"
        );
    }
}
