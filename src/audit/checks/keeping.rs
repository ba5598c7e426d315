//! How what a step changed outlives a restart: the steps that have the server write its files, and what gives these their
//! modes again.

use super::called::{self, Call};
use super::steps::{cli, shell_path};
use crate::audit::facts::{Facts, FileStatus};
use crate::render::escape::printable;

/// How a setting changed at run time outlives a restart.
pub fn setting(facts: &Facts, line: &str) -> String {
    match &facts.server.config_file {
        Some(path) => format!(
            "{} CONFIG REWRITE   # or write into {}: {line}",
            cli(facts),
            printable(path)
        ),
        None => format!("# start the server with a redis.conf that says: {line}"),
    }
}

/// How all that was set outlives a restart, with a remark, which may be empty.
pub fn settings(facts: &Facts, remark: &str) -> String {
    let gap = if remark.is_empty() { "" } else { "   # " };
    match facts.server.config_file {
        Some(_) => format!("{} CONFIG REWRITE{gap}{remark}", cli(facts)),
        None => format!(
            "# there is no redis.conf that CONFIG REWRITE could write: start the server with one that says the same{}{remark}",
            if remark.is_empty() { "" } else { "; " }
        ),
    }
}

/// How users changed at run time outlive a restart.
pub fn users(facts: &Facts) -> String {
    users_by(facts, &cli(facts))
}

/// The same, said by this `redis-cli`.
pub fn users_by(facts: &Facts, cli: &str) -> String {
    match (facts.setting("aclfile"), &facts.server.config_file) {
        (Ok(b""), Some(_)) => {
            format!("{cli} CONFIG REWRITE   # there is no aclfile, so the users go into redis.conf")
        }
        (Ok(b""), None) => format!(
            "# there is neither an aclfile nor a redis.conf: start the server with one that has what {cli} ACL LIST says"
        ),
        (Ok(_), _) => format!("{cli} ACL SAVE"),
        (Err(_), _) => format!("{cli} ACL SAVE   # or CONFIG REWRITE, where there is no aclfile"),
    }
}

/// A step that signs in with a new password, and what keeps that: where the latter is only a remark, it stands behind.
pub fn behind(sign_in: &str, keep: String) -> String {
    match keep.strip_prefix("# ") {
        Some(remark) => format!("{sign_in}   # {remark}"),
        None => format!("{sign_in}; {keep}"),
    }
}

/// How the gate's statements outlive a restart.
pub fn policy(facts: &Facts) -> String {
    if facts.gate.policy_file.is_some() {
        return format!("{} SECGATE SAVE", cli(facts));
    }
    "# to keep this, name a policy file in redis.conf (loadmodule .../libsecaudit.so FILE), restart, and SECGATE SAVE"
        .to_owned()
}

/// Has the files that these steps make the server write given their modes again: it writes them anew, readable for
/// everybody but for its umask (seen on Redis 7.0 to 8.6 and Valkey 8.0 to 9.1). Taken twice, it is as if taken once.
pub fn modes(facts: &Facts, steps: &mut Vec<String>) {
    let files = [
        ("config|rewrite", main_file(facts)),
        ("acl|save", acl_file(facts)),
    ];
    for (name, file) in files {
        let Some(again) = file.and_then(|file| mode_again(facts, file)) else {
            continue;
        };
        let writes = |call: &Call| call.subcommand().as_deref() == Some(name);
        let last = steps
            .iter()
            .rposition(|step| called::calls(step).iter().any(writes));
        if let Some(last) = last.filter(|_| !steps.contains(&again)) {
            steps.insert(last.saturating_add(1), again);
        }
    }
}

fn main_file(facts: &Facts) -> Option<&FileStatus> {
    let files = facts.files.config.iter();
    let mut files = files.filter_map(|file| file.known().ok());
    files.find(|file| Some(&file.path) == facts.server.config_file.as_ref())
}

fn acl_file(facts: &Facts) -> Option<&FileStatus> {
    facts.files.acl.as_ref()?.known().ok()
}

fn mode_again(facts: &Facts, file: &FileStatus) -> Option<String> {
    let umask = facts.machine.umask.known().copied().unwrap_or(0o022);
    let written = 0o644 & !umask;
    (written & !file.mode != 0).then(|| {
        format!(
            "sudo chmod {:o} {}   # the server writes it with mode {written:o}",
            file.mode,
            shell_path(&file.path)
        )
    })
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
mod tests {
    use super::*;
    use crate::audit::checks::sample;
    use crate::audit::facts::Fact;

    fn with_modes(facts: &Facts, steps: &[&str]) -> Vec<String> {
        let mut steps: Vec<String> = steps.iter().map(|step| (*step).to_owned()).collect();
        modes(facts, &mut steps);
        let once = steps.clone();
        modes(facts, &mut steps);
        assert_eq!(steps, once);
        steps
    }

    #[test]
    fn a_file_that_the_server_writes_anew_gets_its_mode_again_behind_the_last_time() {
        let mut facts = sample::hardened();
        let rewrite = "redis-cli CONFIG REWRITE   # or write";
        let again = "sudo chmod 640 /etc/redis/redis.conf   # the server writes it with mode 644";
        assert_eq!(
            with_modes(
                &facts,
                &[rewrite, "redis-cli INFO", rewrite, "redis-cli ACL SAVE"]
            ),
            [
                rewrite,
                "redis-cli INFO",
                rewrite,
                again,
                "redis-cli ACL SAVE"
            ]
        );
        let remark = "# redis-cli CONFIG REWRITE";
        assert_eq!(with_modes(&facts, &[remark]), [remark]);
        facts.files.config = vec![Fact::Known(sample::file("/etc/redis/redis.conf", 0o644))];
        assert_eq!(with_modes(&facts, &[rewrite]), [rewrite]);
        facts.files.acl = Some(Fact::Known(sample::file("/etc/redis/users.acl", 0o600)));
        assert_eq!(
            with_modes(&facts, &["redis-cli ACL SAVE", rewrite])[1],
            "sudo chmod 600 /etc/redis/users.acl   # the server writes it with mode 644"
        );
    }

    #[test]
    fn what_the_umask_takes_need_not_be_taken_again() {
        let mut facts = sample::hardened();
        let rewrite = "redis-cli CONFIG REWRITE";
        facts.machine.umask = Fact::Known(0o027);
        assert_eq!(with_modes(&facts, &[rewrite]), [rewrite]);
        facts.files.config = vec![Fact::Known(sample::file("/etc/redis/redis.conf", 0o600))];
        assert_eq!(
            with_modes(&facts, &[rewrite])[1],
            "sudo chmod 600 /etc/redis/redis.conf   # the server writes it with mode 640"
        );
        facts.machine.umask = Fact::Unavailable("x".to_owned());
        assert!(with_modes(&facts, &[rewrite])[1].ends_with("mode 644"));
    }

    #[test]
    fn without_a_configuration_file_nothing_is_told_to_write_it() {
        let mut facts = sample::hardened();
        sample::set(&mut facts, "aclfile", "");
        assert!(settings(&facts, "").ends_with("CONFIG REWRITE"));
        assert!(settings(&facts, "x").ends_with("CONFIG REWRITE   # x"));
        assert!(users(&facts).starts_with("redis-cli CONFIG REWRITE "));
        facts.server.config_file = None;
        for line in [users(&facts), setting(&facts, "a b"), settings(&facts, "x")] {
            assert!(line.starts_with("# "), "{line}");
            assert!(behind("export A=b", line).starts_with("export A=b   # "));
        }
        assert_eq!(behind("export A=b", "c".to_owned()), "export A=b; c");
        sample::set(&mut facts, "aclfile", "/etc/redis/users.acl");
        assert_eq!(users(&facts), "redis-cli ACL SAVE");
    }
}
