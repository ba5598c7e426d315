//! Checks of where users and their passwords are kept: secrets in clear in files, users in redis.conf.

use super::steps;
use crate::audit::check::{Category, Check, Exposed, Failure, Fix, Meta, Outcome, Severity};
use crate::audit::facts::{Facts, InClear, Owner, Secrets};
use crate::render::escape::{printable, printable_up_to};

/// `auth.plaintext-secrets`.
pub struct PlaintextSecrets;

/// `auth.aclfile`.
pub struct AclFile;

/// So many places are shown.
const SHOWN: usize = 10;

impl Check for PlaintextSecrets {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "auth.plaintext-secrets",
            title: "No password stands in a file in clear",
            category: Category::Authentication,
            severity: Severity::Medium,
            worst: Severity::Medium,
            tutorial: false,
            why: "A configuration file is copied: into backups, images, repositories and tickets. A password in it goes along, \
                  while a hash in an ACL file does not let anybody in.",
            expected: "user passwords as SHA-256 hashes (#...), no requirepass",
            remedy: "Give the ACL the hash instead of the password: user default on #HASH in the ACL file takes the place of \
                     requirepass. masterauth and the key's passphrase have no other form: keep the file closed.",
            references: &[
                steps::ACL,
                "https://cwe.mitre.org/data/definitions/256.html",
            ],
            fix: Fix::Plan,
            exposed: Exposed::Host,
            cap: "a file holds a password in clear",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let secrets = match facts.logins.in_clear.known() {
            Ok(secrets) => secrets,
            Err(reason) => return Outcome::unknown(reason),
        };
        if secrets.found.is_empty() {
            return nothing_found(secrets);
        }
        let mut actual: Vec<String> = secrets.found.iter().take(SHOWN).map(shown).collect();
        if secrets.found.len() > SHOWN {
            actual.push(format!("and {} more lines", secrets.found.len() - SHOWN));
        }
        let failure = Failure::new(actual).steps(steps_for(facts, &secrets.found));
        match secrets.found.iter().all(has_no_other_form) && files_are_closed(facts) {
            true => failure
                .severity(
                    Severity::Low,
                    "the server takes these in clear only, and nobody else may read the file",
                )
                .into(),
            false => failure.into(),
        }
    }
}

fn nothing_found(secrets: &Secrets) -> Outcome {
    match (secrets.unread.first(), secrets.files) {
        (Some(reason), _) => Outcome::unknown(reason),
        (None, 0) => {
            Outcome::not_applicable("the server has no configuration file and no ACL file")
        }
        (None, 1) => Outcome::pass("1 file read, no secret in clear"),
        (None, files) => Outcome::pass(format!("{files} files read, no secret in clear")),
    }
}

fn shown(secret: &InClear) -> String {
    let place = format!(
        "{}: line {}",
        printable_up_to(&secret.path, 200),
        secret.line
    );
    match &secret.owner {
        Owner::Setting(name) => format!("{place}: {name}"),
        Owner::User(name) => format!("{place}: a password of user {}", printable_up_to(name, 64)),
    }
}

fn has_no_other_form(secret: &InClear) -> bool {
    !matches!(secret.owner, Owner::User(_) | Owner::Setting("requirepass"))
}

/// Whether none of the configuration files may be read by others.
fn files_are_closed(facts: &Facts) -> bool {
    let closed = |mode: u32| mode & 0o004 == 0;
    let files = &facts.files.config;
    files
        .iter()
        .all(|file| file.known().is_ok_and(|file| closed(file.mode)))
}

fn steps_for(facts: &Facts, found: &[InClear]) -> Vec<String> {
    let cli = steps::cli(facts);
    let owned_by = |wanted: fn(&Owner) -> bool| found.iter().any(|secret| wanted(&secret.owner));
    let mut lines = Vec::new();
    if owned_by(|owner| matches!(owner, Owner::Setting("requirepass"))) {
        lines.push(format!(
            "{cli} ACL LIST | grep '^user default '   # this line, into the aclfile, takes the place of requirepass"
        ));
    }
    if owned_by(|owner| matches!(owner, Owner::User(_))) {
        lines.push(format!(
            "{cli} ACL LIST   # these lines have hashes: put them in the place of the user lines"
        ));
    }
    let mut paths: Vec<&[u8]> = found
        .iter()
        .filter(|secret| has_no_other_form(secret))
        .map(|secret| secret.path.as_slice())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths.into_iter().take(SHOWN) {
        lines.push(format!("chmod 600 {}", steps::shell_path(path)));
    }
    lines
}

impl Check for AclFile {
    fn meta(&self) -> &'static Meta {
        &Meta {
            id: "auth.aclfile",
            title: "Named users live in an ACL file",
            category: Category::Authentication,
            severity: Severity::Low,
            worst: Severity::Low,
            tutorial: false,
            why: "Users in redis.conf are changed by a restart, or kept by a CONFIG REWRITE that writes everything else too. An \
                  ACL file is read again with ACL LOAD and written with ACL SAVE, and has its own owner and mode.",
            expected: "aclfile names a file, and redis.conf has no user lines",
            remedy: "Move the user lines into a file of their own and name it with aclfile.",
            references: &[steps::ACL],
            fix: Fix::Plan,
            exposed: Exposed::Host,
            cap: "the users are kept in redis.conf",
        }
    }

    fn evaluate(&self, facts: &Facts) -> Outcome {
        let aclfile = match facts.setting("aclfile") {
            Ok(path) => path,
            Err(reason) => return Outcome::unknown(reason),
        };
        if !aclfile.is_empty() {
            return Outcome::pass(format!("aclfile {}", printable(aclfile)));
        }
        let users = match facts.logins.users_in_config.known() {
            Ok(users) => users,
            Err(reason) => return Outcome::unknown(reason),
        };
        if users.is_empty() {
            return Outcome::not_applicable("redis.conf names no users");
        }
        let cli = steps::cli(facts);
        let config = facts.server.config_file.as_deref().unwrap_or(b"redis.conf");
        let folder = config
            .rsplitn(2, |byte| *byte == b'/')
            .nth(1)
            .unwrap_or(b".");
        let target = [folder, b"/users.acl"].concat();
        let path = steps::shell_path(&target);
        let new = steps::shell_path(&[target.as_slice(), b".new"].concat());
        Failure::new(vec![format!(
            "aclfile \"\", and user lines for {}",
            super::access::names(users)
        )])
        .steps([
            // An answer that is an error, as NOPERM is, must not become the file: a server with such a one does not start.
            format!(
                "(umask 077; {cli} --raw ACL LIST | grep '^user ' > {new}) && mv {new} {path}"
            ),
            format!("chown {}: {path}", facts.process.user),
            format!(
                "# if {} has a line for each user: in {}, remove the user lines and add: aclfile {}; and restart",
                printable(&target),
                printable(config),
                printable(&target)
            ),
        ])
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checks::sample::{self, fails, passes, unknown};
    use crate::audit::facts::Fact;

    fn holding(owners: &[Owner]) -> Facts {
        let mut facts = sample::hardened();
        let place = |(index, owner): (usize, &Owner)| InClear {
            path: b"/etc/redis/redis.conf".to_vec(),
            line: index + 7,
            owner: owner.clone(),
        };
        facts.logins.in_clear = Fact::Known(Secrets {
            files: 1,
            found: owners.iter().enumerate().map(place).collect(),
            unread: Vec::new(),
        });
        facts
    }

    #[test]
    fn each_secret_is_shown_by_its_place() {
        let owners = [
            Owner::Setting("requirepass"),
            Owner::User(b"a\xff".to_vec()),
            Owner::Setting("masterauth"),
        ];
        let failure = fails(&PlaintextSecrets, &holding(&owners));
        assert_eq!(
            failure.actual,
            [
                "/etc/redis/redis.conf: line 7: requirepass",
                "/etc/redis/redis.conf: line 8: a password of user a\\xff",
                "/etc/redis/redis.conf: line 9: masterauth",
            ]
        );
        assert_eq!(failure.severity, None);
    }

    #[test]
    fn what_has_no_other_form_in_a_closed_file_is_low() {
        let mut facts = holding(&[Owner::Setting("masterauth")]);
        let severity = |facts: &Facts| {
            fails(&PlaintextSecrets, facts)
                .severity
                .map(|(severity, _)| severity)
        };
        assert_eq!(severity(&facts), Some(Severity::Low));
        facts.files.config = vec![Fact::Known(sample::file("/etc/redis/redis.conf", 0o644))];
        assert_eq!(severity(&facts), None);
        facts.files.config = vec![Fact::Unavailable("not there".to_owned())];
        assert_eq!(severity(&facts), None);
    }

    #[test]
    fn files_that_could_not_be_read_are_not_taken_for_clean() {
        let mut facts = holding(&[]);
        passes(&PlaintextSecrets, &facts);
        facts.logins.in_clear = Fact::Known(Secrets {
            files: 2,
            found: Vec::new(),
            unread: vec!["more.conf: not there".to_owned()],
        });
        assert_eq!(unknown(&PlaintextSecrets, &facts), "more.conf: not there");
        facts.logins.in_clear = Fact::Known(Secrets::default());
        let outcome = PlaintextSecrets.evaluate(&facts);
        assert!(matches!(outcome, Outcome::NotApplicable(_)));
    }

    #[test]
    fn users_in_redis_conf_fail_unless_an_aclfile_is_named() {
        let mut facts = sample::hardened();
        sample::set(&mut facts, "aclfile", "");
        assert!(matches!(
            AclFile.evaluate(&facts),
            Outcome::NotApplicable(_)
        ));
        facts.logins.users_in_config = Fact::Known(vec![b"app".to_vec()]);
        let failure = fails(&AclFile, &facts);
        assert_eq!(failure.actual, ["aclfile \"\", and user lines for app"]);
        let first = failure.steps.first().map_or("", String::as_str);
        assert!(
            first.ends_with("| grep '^user ' > /etc/redis/users.acl.new) && mv /etc/redis/users.acl.new /etc/redis/users.acl"),
            "{first}"
        );
        sample::set(&mut facts, "aclfile", "/etc/redis/users.acl");
        assert_eq!(passes(&AclFile, &facts), ["aclfile /etc/redis/users.acl"]);
    }
}
