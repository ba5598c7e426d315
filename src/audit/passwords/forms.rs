//! What people make of a well-known word and take for a secret: capitals, a newline that slipped in, a digest in hex.

use md5::Md5;
use sha1::Sha1;
use sha2::digest::Output;
use sha2::{Digest as _, Sha256};

use super::Digest;

/// What was made of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Form {
    /// The word as it stands.
    Plain,
    /// With a newline behind it: `echo WORD | sha256sum` was given to the ACL as the hash.
    Line,
    /// Its first letter is a capital.
    Capitalised,
    /// All its letters are capitals.
    Upper,
    /// Its SHA-256 in hexadecimal is the password.
    Sha256,
    /// The same of the word and a newline, as `echo WORD | sha256sum` prints it.
    Sha256Line,
    /// Its SHA-1 in hexadecimal.
    Sha1,
    /// The same with a newline.
    Sha1Line,
    /// Its MD5 in hexadecimal.
    Md5,
    /// The same with a newline.
    Md5Line,
}

impl Form {
    /// Every form, the most telling first.
    pub const ALL: [Self; 10] = [
        Self::Plain,
        Self::Line,
        Self::Capitalised,
        Self::Upper,
        Self::Sha256,
        Self::Sha256Line,
        Self::Sha1,
        Self::Sha1Line,
        Self::Md5,
        Self::Md5Line,
    ];

    /// In words, where `word` stands for what it was made of.
    pub fn of(self, word: &str) -> String {
        match self {
            Self::Plain => word.to_owned(),
            Self::Line => format!("{word} and a newline"),
            Self::Capitalised => format!("{word}, capitalised"),
            Self::Upper => format!("{word}, in capitals"),
            Self::Sha256 => format!("the SHA-256 in hex of {word}"),
            Self::Sha256Line => format!("the SHA-256 in hex of {word} and a newline"),
            Self::Sha1 => format!("the SHA-1 in hex of {word}"),
            Self::Sha1Line => format!("the SHA-1 in hex of {word} and a newline"),
            Self::Md5 => format!("the MD5 in hex of {word}"),
            Self::Md5Line => format!("the MD5 in hex of {word} and a newline"),
        }
    }
}

/// The digest of each form of a word, as the ACL would keep it; with capitals only where they make a difference.
pub fn digests(word: &[u8], capitals: bool) -> impl Iterator<Item = (Form, Digest)> {
    let line = [word, b"\n"].concat();
    let upper = word.to_ascii_uppercase();
    let mut capitalised = word.to_vec();
    if let Some(first) = capitalised.first_mut() {
        first.make_ascii_uppercase();
    }
    let capitalised = (capitals && capitalised != word).then_some(capitalised);
    let upper =
        (capitals && upper != word && Some(&upper) != capitalised.as_ref()).then_some(upper);
    let word = word.to_vec();
    Form::ALL.into_iter().filter_map(move |form| {
        let digest = match form {
            Form::Plain => Sha256::digest(&word),
            Form::Line => Sha256::digest(&line),
            Form::Capitalised => Sha256::digest(capitalised.as_ref()?),
            Form::Upper => Sha256::digest(upper.as_ref()?),
            Form::Sha256 => of_hex::<Sha256>(&word),
            Form::Sha256Line => of_hex::<Sha256>(&line),
            Form::Sha1 => of_hex::<Sha1>(&word),
            Form::Sha1Line => of_hex::<Sha1>(&line),
            Form::Md5 => of_hex::<Md5>(&word),
            Form::Md5Line => of_hex::<Md5>(&line),
        };
        Some((form, digest.into()))
    })
}

/// The SHA-256 of a digest's hexadecimal digits.
fn of_hex<D: sha2::Digest>(word: &[u8]) -> Output<Sha256> {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let mut hex = [0; 64];
    let digest = D::digest(word);
    for (pair, byte) in hex.chunks_exact_mut(2).zip(&digest) {
        for (place, half) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *place = DIGITS.get(usize::from(half)).copied().unwrap_or_default();
        }
    }
    let length = (digest.len() * 2).min(hex.len());
    Sha256::digest(hex.get(..length).unwrap_or_default())
}
