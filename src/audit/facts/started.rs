//! The settings with which the server starts: what its files and its command line make them. The command line itself is not
//! seen later on, for the server writes its title over it.

use std::collections::BTreeMap;

use super::{Facts, Secret};

/// The settings as they were when the server started, or when PERSIST last made its files say what runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The digest of the files that made them.
    pub files: [u8; 32],
    /// Those that are no secrets, by lower-case name, as CONFIG GET told them.
    pub settings: BTreeMap<String, Vec<u8>>,
    /// The SHA-256 digests of the passwords in `WATCHED_SECRETS`; one that was empty is not there.
    pub passwords: BTreeMap<&'static str, String>,
}

impl Started {
    /// The settings of now, as they are to be remembered.
    pub fn new<'s>(
        files: [u8; 32],
        settings: BTreeMap<String, Vec<u8>>,
        passwords: impl IntoIterator<Item = (&'static str, &'s Secret)>,
    ) -> Self {
        let passwords = passwords.into_iter();
        Self {
            files,
            settings,
            passwords: passwords
                .map(|(name, password)| (name, password.acl_digest()))
                .collect(),
        }
    }
}

impl Facts {
    /// Whether it is known with what settings the server started, and starts again.
    pub fn knows_the_start(&self) -> bool {
        self.start_of_these_files().is_some()
    }

    /// The value with which the server started, and so starts again, if its files are still those it read then.
    pub fn at_the_start(&self, name: &str) -> Option<&[u8]> {
        let started = self.start_of_these_files()?;
        started.settings.get(name).map(Vec::as_slice)
    }

    /// Whether this password, or none, is the one with which the server started, and starts again. Unknown counts as no.
    pub fn is_password_from_the_start(&self, name: &str, running: Option<&Secret>) -> bool {
        self.start_of_these_files().is_some_and(|started| {
            started.passwords.get(name) == running.map(Secret::acl_digest).as_ref()
        })
    }

    /// How the server started, if it read the files as they are now.
    fn start_of_these_files(&self) -> Option<&Started> {
        let files = self.configured.as_ref()?;
        let started = self.started.as_deref()?;
        (files.gap.is_none() && files.digest == started.files).then_some(started)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use crate::audit::checks::sample;
    use crate::audit::facts::Secret;

    #[test]
    fn only_the_same_value_is_from_the_start() {
        let mut facts = sample::hardened();
        assert_eq!(facts.at_the_start("port"), None);
        assert!(!facts.knows_the_start());
        assert_eq!(facts.at_the_start("port"), None);
        sample::started(&mut facts, &[("port", "7000")], Some("p"));
        assert_eq!(facts.at_the_start("port"), Some(&b"7000"[..]));
        assert_eq!(facts.at_the_start("tls-port"), None);
        assert!(facts.knows_the_start());
        let (same, other) = (Secret::new(b"p".to_vec()), Secret::new(b"q".to_vec()));
        assert!(facts.is_password_from_the_start("requirepass", Some(&same)));
        assert!(!facts.is_password_from_the_start("requirepass", Some(&other)));
        assert!(!facts.is_password_from_the_start("requirepass", None));
        assert!(facts.is_password_from_the_start("masterauth", None));
    }

    #[test]
    fn nothing_is_from_the_start_once_a_file_has_changed_or_cannot_be_read() {
        let mut facts = sample::hardened();
        sample::started(&mut facts, &[("port", "7000")], None);
        assert!(facts.is_password_from_the_start("requirepass", None));
        let mut unread = facts.clone();
        sample::conf(&mut unread).gap = Some("more.conf: not there".to_owned());
        sample::conf(&mut facts).digest = [9; 32];
        for facts in [&facts, &unread] {
            assert_eq!(facts.at_the_start("port"), None);
            assert!(!facts.knows_the_start());
            assert!(!facts.is_password_from_the_start("requirepass", None));
        }
    }
}
