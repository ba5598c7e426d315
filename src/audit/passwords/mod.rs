//! WHICH passwords everybody knows: words that are tried first by whoever tries passwords, and digests of such words.
//!
//! The ACL keeps SHA-256 digests, so a word is known by its digest: `index` holds the digests of many words, sorted, `forms`
//! says in which forms each word is looked for, and `words` are the built-in ones. No word ever leaves: what is told of
//! a password is where it stands and in which form.

mod forms;
mod index;
mod words;

use std::sync::{Arc, OnceLock};

pub use forms::Form;
pub use index::Index;

use forms::digests;

/// The SHA-256 of a password, as the ACL keeps it.
pub type Digest = [u8; 32];

/// Where a password is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// There is none: the empty string.
    Empty,
    /// An example that is printed somewhere: the number of the place in `words`.
    Example(u8),
    /// One of so many hundreds of the most used passwords.
    MostUsed(u8),
    /// The operator's own list.
    Operator,
}

/// A known password: where it stands, and what was made of the word that stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known {
    /// Where it stands.
    pub source: Source,
    /// What was made of it.
    pub form: Form,
}

/// The lists that passwords are held against.
#[derive(Debug, Clone)]
pub struct Lists {
    /// The words that this module brings.
    pub built_in: Arc<Index>,
    /// The operator's own (`secaudit.password-list`), if there is one; or why it could not be read.
    pub operators: Result<Option<Arc<Index>>, String>,
}

impl Lists {
    /// Where a password is known from, if it is known.
    pub fn find(&self, digest: &Digest) -> Option<Known> {
        let own = || self.operators.as_ref().ok()?.as_ref()?.find(digest);
        self.built_in.find(digest).or_else(own)
    }
}

impl Known {
    /// In words that do not betray it: `one of the 100 most used passwords`.
    pub fn words(self) -> String {
        let place = match self.source {
            Source::Empty => "the empty string".to_owned(),
            Source::Example(place) => format!("an example from {}", words::place(place)),
            Source::MostUsed(hundreds) => format!(
                "one of the {} most used passwords",
                index::thousands(u64::from(hundreds) * 100)
            ),
            Source::Operator => "a password of secaudit.password-list".to_owned(),
        };
        self.form.of(&place)
    }
}

static BUILT_IN: OnceLock<Arc<Index>> = OnceLock::new();

/// The index of the built-in words. Building it, the first time, takes a moment: not on the server's thread.
pub fn built_in() -> Arc<Index> {
    Arc::clone(BUILT_IN.get_or_init(|| Arc::new(Index::new(words::built_in()))))
}

/// The same, if it was built already.
pub fn built_in_if_ready() -> Option<Arc<Index>> {
    BUILT_IN.get().cloned()
}

/// The index of an operator's list: one password a line, its bytes as they stand; a line's end may be `\r\n`.
pub fn operators(list: &[u8]) -> Index {
    let lines = list.split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let words = lines.filter(|word| !word.is_empty());
    Index::new(words.map(|word| (word, Source::Operator)))
}

/// What was made of a user's own name to get this password, if it was.
pub fn own_name(name: &[u8], digest: &Digest) -> Option<Form> {
    let mut forms = digests(name, true);
    forms.find_map(|(form, found)| (found == *digest).then_some(form))
}

/// A digest as the ACL writes it, in hexadecimal.
pub fn digest(hex: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if pairs.len() != digest.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use sha2::{Digest as _, Sha256};
    use std::time::Instant;

    fn sha256(password: &[u8]) -> Digest {
        Sha256::digest(password).into()
    }

    fn found(password: &str) -> Option<String> {
        built_in()
            .find(&sha256(password.as_bytes()))
            .map(Known::words)
    }

    #[test]
    fn the_most_used_passwords_are_known_by_how_much_they_are_used() {
        assert_eq!(
            found("123456").unwrap(),
            "one of the 100 most used passwords"
        );
        assert_eq!(
            found("shadow").unwrap(),
            "one of the 100 most used passwords"
        );
        assert_eq!(
            found("liverpool").unwrap(),
            "one of the 1,000 most used passwords"
        );
        assert_eq!(
            found("donaldduck").unwrap(),
            "one of the 20,000 most used passwords"
        );
        assert_eq!(
            found("Michael").unwrap(),
            "one of the 100 most used passwords, capitalised"
        );
        assert_eq!(
            found("MICHAEL").unwrap(),
            "one of the 100 most used passwords, in capitals"
        );
        assert_eq!(found("V1XbkU9vOzrB7wQq4n2T8mC5sYdE6hGj0LpRaKfZ"), None);
    }

    #[test]
    fn printed_examples_are_known_by_where_they_are_printed() {
        assert_eq!(found("foobared").unwrap(), "an example from redis.conf");
        assert_eq!(found("").unwrap(), "the empty string");
        assert_eq!(
            found("bitnami").unwrap(),
            "an example from a container image's documentation"
        );
        for printed in [
            "960c3dac4fa81b4204779fd16ad7c954f95942876b9c4fb1a255667a9dbe389d",
            "10d9a99851a411cdae8c3fa09d7290df192441a9",
        ] {
            assert_eq!(
                found(printed).unwrap(),
                "an example from a DigitalOcean tutorial"
            );
        }
    }

    #[test]
    fn a_digest_of_a_known_word_is_no_secret_either() {
        use md5::Md5;
        use sha1::Sha1;
        fn hex(digest: &[u8]) -> String {
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        }
        let word = "one of the 100 most used passwords";
        let line = "dragon\n";
        for (password, form) in [
            (hex(&Sha256::digest("dragon")), "the SHA-256 in hex of {}"),
            (
                hex(&Sha256::digest(line)),
                "the SHA-256 in hex of {} and a newline",
            ),
            (hex(&Sha1::digest("dragon")), "the SHA-1 in hex of {}"),
            (
                hex(&Sha1::digest(line)),
                "the SHA-1 in hex of {} and a newline",
            ),
            (hex(&Md5::digest("dragon")), "the MD5 in hex of {}"),
            (
                hex(&Md5::digest(line)),
                "the MD5 in hex of {} and a newline",
            ),
            (line.to_owned(), "{} and a newline"),
        ] {
            assert_eq!(found(&password).unwrap(), form.replace("{}", word));
        }
    }

    #[test]
    fn the_built_in_index_is_as_large_as_its_words_make_it() {
        let words = words::built_in().count();
        assert!((19_900..22_000).contains(&words), "{words}");
        // Ten forms of each word, but a word without letters has no capitals, and some words stand in both lists.
        let digests = built_in().len();
        assert!((words * 8..words * 10).contains(&digests), "{digests}");
        assert_eq!(built_in().bytes(), digests * 10);
    }

    #[test]
    fn a_hundred_thousand_words_of_an_operator_are_found_among_ten_thousand_users() {
        let list: Vec<u8> = (0..100_000)
            .flat_map(|number| format!("word-{number}\n").into_bytes())
            .collect();
        let begun = Instant::now();
        let index = operators(&list);
        let indexed = begun.elapsed();
        assert_eq!((index.len(), index.bytes()), (800_000, 8_000_000));
        // Users 5,000 and above have words that are not on the list.
        let user = |number: u32| sha256(format!("word-{}", number * 20).as_bytes());
        let users: Vec<Digest> = (0..10_000).map(user).collect();
        let begun = Instant::now();
        let known = users.iter().filter(|user| index.find(user).is_some());
        assert_eq!(known.count(), 5_000);
        println!("indexed in {indexed:?}, looked up in {:?}", begun.elapsed());
    }

    #[test]
    fn an_operators_list_is_bytes_line_by_line() {
        let index = operators(b"one\r\n\n\xff\x00two\nlast");
        for word in [&b"one"[..], b"\xff\x00two", b"last"] {
            let known = index.find(&sha256(word)).unwrap();
            assert_eq!((known.source, known.form), (Source::Operator, Form::Plain));
        }
        assert_eq!(index.find(&sha256(b"")), None);
        assert_eq!(index.find(&sha256(b"One")), None);
        assert_eq!(operators(b"").len(), 0);
    }

    #[test]
    fn the_built_in_word_is_told_before_the_operators() {
        let own = Arc::new(operators(b"foobared\nzebra-7\n"));
        let mut lists = Lists {
            built_in: built_in(),
            operators: Ok(Some(own)),
        };
        let find = |lists: &Lists, word: &[u8]| lists.find(&sha256(word)).map(Known::words);
        assert_eq!(
            find(&lists, b"foobared").unwrap(),
            "an example from redis.conf"
        );
        assert_eq!(
            find(&lists, b"zebra-7").unwrap(),
            "a password of secaudit.password-list"
        );
        lists.operators = Err("gone".to_owned());
        assert_eq!(find(&lists, b"zebra-7"), None);
        assert!(!format!("{lists:?}").contains("zebra"));
    }

    #[test]
    fn a_name_is_found_in_every_form() {
        assert_eq!(own_name(b"app", &sha256(b"app")), Some(Form::Plain));
        assert_eq!(own_name(b"app", &sha256(b"APP")), Some(Form::Upper));
        assert_eq!(own_name(b"a\xff", &sha256(b"a\xff\n")), Some(Form::Line));
        assert_eq!(own_name(b"app", &sha256(b"apq")), None);
    }

    #[test]
    fn a_digest_is_read_from_hex_or_not_at_all() {
        let hex: String = sha256(b"x").iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(digest(&hex), Some(sha256(b"x")));
        for bad in [
            "",
            "zz",
            &hex[1..],
            &format!("{hex}00"),
            &hex.replace('a', "é"),
        ] {
            assert_eq!(digest(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_password_of_our_own_examples_is_known() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("redis-test-conf");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            for line in text.lines() {
                let words: Vec<&str> = line.split_whitespace().collect();
                let plain = |name: &str| {
                    let at = words.iter().position(|word| *word == name)?;
                    words.get(at + 1).copied()
                };
                let hash = |word: &&str| word.strip_prefix('#').and_then(digest);
                for secret in [plain("requirepass"), plain("masterauth")]
                    .into_iter()
                    .flatten()
                {
                    assert!(found(secret).is_some() || secret.len() < 8, "{line}");
                    seen += 1;
                }
                for digest in words.iter().filter_map(hash) {
                    assert!(built_in().find(&digest).is_some(), "{line}");
                    seen += 1;
                }
            }
        }
        assert!(seen >= 4, "{seen}");
    }
}
