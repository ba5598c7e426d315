//! What SECAUDIT FIX is asked for: `FIX [id|pattern ...] [JSON]` shows, `FIX APPLY id ... [PERSIST] [JSON]` does.

use crate::audit::checks;
use crate::audit::request::{Form, meant, shown, unknown_check};
use crate::policy::nearest::nearest;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// How the answer is to read.
    pub form: Form,
    /// What it is about, in the order asked for; `None` for all that fails. Never `None` or empty for `apply`.
    pub checks: Option<Vec<&'static str>>,
    /// It is to be done, not only shown.
    pub apply: bool,
    /// What is done is to outlive a restart.
    pub persist: bool,
}

/// The words that are no ids.
const OPTIONS: [&str; 4] = ["apply", "persist", "json", "text"];
/// More ids than any catalogue has checks are no honest question.
const MOST_IDS: usize = 256;

/// Reads the words behind FIX.
pub fn parse(words: &[&[u8]]) -> Result<Request, String> {
    let is = |word: &[u8], name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    let (apply, words) = match words {
        [first, rest @ ..] if is(first, "apply") => (true, rest),
        words => (false, words),
    };
    let (mut form, mut persist) = (None, false);
    let mut ids: Vec<&'static str> = Vec::new();
    if words.len() > MOST_IDS {
        return Err(format!("FIX takes at most {MOST_IDS} words"));
    }
    for word in words {
        if let Some(asked) = [Form::Text, Form::Json]
            .into_iter()
            .find(|form| is(word, form.word()))
        {
            form = match form {
                None => Some(asked),
                Some(_) => return Err("FIX answers in one form: TEXT or JSON".to_owned()),
            };
        } else if is(word, "persist") {
            persist = true;
        } else if is(word, "apply") {
            return Err("APPLY stands right behind FIX: SECAUDIT FIX APPLY <id> ...".to_owned());
        } else {
            for id in named(word, apply)? {
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
    }
    if apply && ids.is_empty() {
        return Err(
            "APPLY does only what is named: SECAUDIT FIX APPLY <id> ...; SECAUDIT FIX shows what can be done"
                .to_owned(),
        );
    }
    if persist && !apply {
        return Err("PERSIST goes with APPLY: SECAUDIT FIX APPLY <id> ... PERSIST".to_owned());
    }
    Ok(Request {
        form: form.unwrap_or(Form::Text),
        checks: (!ids.is_empty()).then_some(ids),
        apply,
        persist,
    })
}

/// The checks that a word stands for. What is to be changed is named, one by one.
fn named(word: &[u8], apply: bool) -> Result<Vec<&'static str>, String> {
    if !apply {
        return meant(word, &OPTIONS);
    }
    if word.iter().any(|byte| b"*?[".contains(byte)) {
        let word = shown(word);
        return Err(format!(
            "APPLY takes ids and no patterns, and '{word}' is one: SECAUDIT FIX {word} shows what it stands for"
        ));
    }
    match checks::find(word) {
        Ok(check) => Ok(vec![check.meta().id]),
        Err(id) => Err(unknown_check(word, id.or(nearest(word, &OPTIONS)))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<Request, String> {
        let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
        parse(&words)
    }

    #[test]
    fn bare_it_asks_for_the_plan_of_all_that_fails() {
        let request = asked("").unwrap();
        assert!(!request.apply && !request.persist && request.checks.is_none());
        assert_eq!(request.form, Form::Text);
        assert_eq!(asked("json").unwrap().form, Form::Json);
    }

    #[test]
    fn a_plan_takes_ids_and_patterns_and_apply_takes_ids_in_their_order() {
        let network = asked("net.* net.bind").unwrap().checks.unwrap();
        assert!(network.len() > 2 && network.iter().all(|id| id.starts_with("net.")));
        let request = asked("APPLY log.acl-log AUTH.password log.acl-log persist JSON").unwrap();
        assert_eq!(request.checks.unwrap(), ["log.acl-log", "auth.password"]);
        assert!(request.apply && request.persist);
        assert_eq!(request.form, Form::Json);
    }

    #[test]
    fn a_slip_is_told_with_what_would_be_right() {
        for (line, part) in [
            ("APPLY", "APPLY does only what is named"),
            ("APPLY PERSIST", "APPLY does only what is named"),
            ("APPLY net.*", "APPLY takes ids and no patterns"),
            ("APPLY auth.pasword", "did you mean 'auth.password'?"),
            ("APPLY auth.password persit", "did you mean 'persist'?"),
            ("auth.password APPLY", "APPLY stands right behind FIX"),
            ("appli auth.password", "did you mean 'apply'?"),
            ("auth.password PERSIST", "PERSIST goes with APPLY"),
            ("nt.*", "no check matches"),
            ("zzz", "SECAUDIT CHECKS lists them"),
            ("JSON TEXT", "one form"),
        ] {
            let error = asked(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
