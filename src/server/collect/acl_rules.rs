//! The rules of one ACL user, as the server writes them, into what the audit asks of them. Pure.

/// What the rules of a user say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// May sign in.
    pub enabled: bool,
    /// Any password will do.
    pub nopass: bool,
    /// SHA-256 of each password, in lower-case hexadecimal.
    pub password_hashes: Vec<String>,
    /// All commands on all keys and channels of all databases, by its own rules or by one selector.
    pub unlimited: bool,
    /// The rules on commands and on databases, and the selectors whole, each after a space.
    pub rights: Vec<u8>,
}

/// Reads rules as the ACL writes them: `on nopass sanitize-payload #digest ~* &* +@all (selector)`.
pub fn read(rules: &[u8]) -> Rules {
    let mut read = Rules::default();
    let mut in_selector = false;
    let (mut own, mut selector) = (Reach::default(), Reach::default());
    for rule in rules
        .split(|byte| *byte == b' ')
        .filter(|rule| !rule.is_empty())
    {
        if rule.starts_with(b"(") {
            in_selector = true;
            selector = Reach::default();
        }
        if in_selector {
            read.rights.push(b' ');
            read.rights.extend(rule);
            selector.take(rule.strip_prefix(b"(").unwrap_or(rule));
            in_selector = !rule.ends_with(b")");
            read.unlimited |= !in_selector && selector.is_everything();
            continue;
        }
        own.take(rule);
        match rule {
            b"on" => read.enabled = true,
            b"nopass" => read.nopass = true,
            [b'#', digest @ ..] => {
                read.password_hashes
                    .push(String::from_utf8_lossy(digest).to_lowercase());
            }
            [b'+' | b'-', ..] | [b'd', b'b', b'=', ..] | b"allcommands" | b"nocommands" => {
                read.rights.push(b' ');
                read.rights.extend(rule);
            }
            _ => {}
        }
    }
    read.unlimited |= own.is_everything();
    read
}

/// How far one set of rules reaches, the user's own or a selector's.
#[derive(Default)]
struct Reach {
    commands: bool,
    keys: bool,
    channels: bool,
    /// Only some databases (Valkey 9.1).
    some_databases: bool,
}

impl Reach {
    fn take(&mut self, rule: &[u8]) {
        match rule.strip_suffix(b")").unwrap_or(rule) {
            b"+@all" | b"allcommands" => self.commands = true,
            [b'-', ..] | b"nocommands" => self.commands = false,
            b"~*" | b"allkeys" => self.keys = true,
            b"&*" | b"allchannels" => self.channels = true,
            rule => self.some_databases |= rule.starts_with(b"db="),
        }
    }

    fn is_everything(&self) -> bool {
        self.commands && self.keys && self.channels && !self.some_databases
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_different_databases_have_different_rights() {
        let rights = |rules: &[u8]| read(rules).rights;
        assert_eq!(rights(b"on ~* db=0,3 +@all"), b" db=0,3 +@all");
        assert_ne!(rights(b"on ~* db=0 +get"), rights(b"on ~* alldbs +get"));
    }

    #[test]
    fn every_part_of_a_users_rules_is_read() {
        let rules = read(
            b" on sanitize-payload #ABC1 #02 ~app:* resetchannels -@all +get +config|get (~x +@write) (%R~y +set)",
        );
        assert!(rules.enabled && !rules.nopass);
        assert_eq!(rules.password_hashes, ["abc1", "02"]);
        assert_eq!(
            rules.rights,
            b" -@all +get +config|get (~x +@write) (%R~y +set)"
        );
    }

    #[test]
    fn words_inside_a_selector_are_not_taken_for_flags() {
        let rules = read(b"off ~* +@all (on nopass #ff)");
        assert!(!rules.enabled && !rules.nopass && rules.password_hashes.is_empty());
    }

    #[test]
    fn a_user_is_unlimited_by_own_rules_or_by_one_selector_not_by_several_together() {
        for rules in [
            "on nopass sanitize-payload ~* &* +@all",
            "on ~* ~x &* -@all +@all",
            "on resetchannels -@all (%R~x +get) (~* &* +@all)",
            "on ~* &* +@all +debug",
        ] {
            assert!(read(rules.as_bytes()).unlimited, "{rules}");
        }
        for rules in [
            "on ~* &* +@all -debug",
            "on ~* resetchannels +@all",
            "on %R~* &* +@all",
            "on ~* &* db=0 +@all",
            "on resetchannels ~* -@all (&* +@all)",
            "on resetchannels -@all (~* &* +get) (+@all)",
        ] {
            assert!(!read(rules.as_bytes()).unlimited, "{rules}");
        }
    }
}
