//! Weak ciphers by their names, in the words of OpenSSL: `DEFAULT:!RC4`, `ECDHE-RSA-DES-CBC3-SHA`, `TLS_AES_128_GCM_SHA256`.
//!
//! What a word like DEFAULT stands for is the library's business. Here a word counts as weak when its own name says so.

/// What is wrong with a part of a name.
const WEAK: [(&str, &str); 24] = [
    ("NULL", "no encryption"),
    ("ENULL", "no encryption"),
    ("ANULL", "no authentication"),
    ("ADH", "no authentication"),
    ("AECDH", "no authentication"),
    ("ANON", "no authentication"),
    ("ALL", "no authentication"),
    ("COMPLEMENTOFALL", "no encryption"),
    ("COMPLEMENTOFDEFAULT", "no authentication"),
    ("EXP", "export strength"),
    ("EXPORT", "export strength"),
    ("EXPORT40", "export strength"),
    ("EXPORT56", "export strength"),
    ("EXP1024", "export strength"),
    ("LOW", "short keys"),
    ("RC2", "RC2"),
    ("RC4", "RC4"),
    ("DES", "DES"),
    ("3DES", "3DES"),
    ("DES40", "export strength"),
    ("CBC3", "3DES"),
    ("IDEA", "IDEA"),
    ("SEED", "SEED"),
    ("MD5", "MD5"),
];

/// Suites of TLS 1.3 that only sign.
const SUITES_WITHOUT_ENCRYPTION: [&str; 2] = ["TLS_SHA256_SHA256", "TLS_SHA384_SHA384"];

/// The words of a cipher list that are weak by name, each with what is wrong with it, in their order.
pub fn weak(list: &str) -> Vec<(String, &'static str)> {
    let words: Vec<&str> = list
        .split([':', ',', ' '])
        .filter(|word| !word.is_empty())
        .collect();
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let Some(fault) = fault(word) else {
            continue;
        };
        let behind = words.get(index..).unwrap_or_default();
        if !taken_out(fault, &words, behind) {
            found.push(((*word).to_owned(), fault));
        }
    }
    found
}

/// What is wrong with a word that puts ciphers in. `+WORD` only moves them, `!WORD` and `-WORD` take them out.
fn fault(word: &str) -> Option<&'static str> {
    let upper = word.to_ascii_uppercase();
    if upper.starts_with(['!', '-', '+']) {
        return None;
    }
    if let Some(command) = upper.strip_prefix('@') {
        return (command == "SECLEVEL=0").then_some("nothing is refused as too weak");
    }
    if SUITES_WITHOUT_ENCRYPTION.contains(&upper.as_str()) {
        return Some("no encryption");
    }
    let parts: Vec<&str> = upper.split(['-', '_', '+']).collect();
    // DES-CBC3-SHA is called by the worse name of its two.
    let triple = parts.contains(&"CBC3") || parts.contains(&"3DES");
    let named = |part: &&str| {
        let weak = WEAK.iter().find(|(name, _)| name == part);
        weak.map(|(_, fault)| *fault)
    };
    match parts.iter().find_map(named) {
        Some("DES") if triple => Some("3DES"),
        found => found,
    }
}

/// Whether all of a kind is taken out again: `!` anywhere, `-` behind the word.
fn taken_out(fault: &str, all: &[&str], behind: &[&str]) -> bool {
    let names = |word: &str| {
        let upper = word.to_ascii_uppercase();
        let weak = WEAK.iter().find(|(name, _)| **name == upper);
        weak.is_some_and(|(_, own)| *own == fault)
    };
    let out = |words: &[&str], mark: char| {
        let mut bare = words.iter().filter_map(|word| word.strip_prefix(mark));
        bare.any(names)
    };
    out(all, '!') || out(behind, '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Vec<String> {
        weak(list).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn the_lists_of_good_servers_are_not_weak() {
        for list in [
            "",
            "DEFAULT",
            "DEFAULT:!MEDIUM",
            "HIGH:!aNULL:!MD5:!3DES",
            "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305",
            "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
            "ECDHE-RSA-AES128-SHA256, AES128-SHA",
            "HIGH:+RC4:@STRENGTH:@SECLEVEL=2",
        ] {
            assert_eq!(names(list), Vec::<String>::new(), "{list}");
        }
    }

    #[test]
    fn every_weak_kind_is_known_by_its_name() {
        for (name, fault) in [
            ("NULL-SHA256", "no encryption"),
            ("eNULL", "no encryption"),
            ("TLS_SHA256_SHA256", "no encryption"),
            ("ADH-AES128-SHA", "no authentication"),
            ("aNULL", "no authentication"),
            ("TLS_DH_anon_WITH_AES_128_CBC_SHA", "no authentication"),
            ("EXP-RC2-CBC-MD5", "export strength"),
            ("EXPORT", "export strength"),
            ("RC4-SHA", "RC4"),
            ("kRSA+RC4", "RC4"),
            ("DES-CBC-SHA", "DES"),
            ("DES-CBC3-SHA", "3DES"),
            ("ecdhe-rsa-des-cbc3-sha", "3DES"),
            ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "3DES"),
            ("IDEA-CBC-SHA", "IDEA"),
            ("MD5", "MD5"),
            ("LOW", "short keys"),
            ("@SECLEVEL=0", "nothing is refused as too weak"),
        ] {
            assert_eq!(weak(name), [(name.to_owned(), fault)], "{name}");
            assert_eq!(names(&format!("HIGH:{name}:!PSK")), [name]);
        }
    }

    #[test]
    fn what_is_taken_out_again_is_not_weak() {
        assert_eq!(names("ALL"), ["ALL"]);
        assert_eq!(names("ALL:!aNULL:!eNULL"), Vec::<String>::new());
        assert_eq!(names("!RC4:RC4-SHA"), Vec::<String>::new());
        assert_eq!(names("RC4-SHA:-RC4"), Vec::<String>::new());
        assert_eq!(names("-RC4:RC4-SHA"), ["RC4-SHA"]);
        assert_eq!(names("RC4-SHA:!DES"), ["RC4-SHA"]);
    }
}
