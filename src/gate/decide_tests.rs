//! What the decision is for calls of every kind.

use super::super::Described;
use super::*;
use crate::policy::Policy;
use crate::policy::condition::{Source, Via};
use crate::policy::resolve::tests::{FewCommands, LONG_NAME};

/// The decision in short: `deny r1`, `observe r1`, `pass`, `pass r2`, with `as config set` before it when rewritten.
fn told(text: &str, words: &[&[u8]]) -> String {
    told_of(
        text,
        &Described {
            words,
            ..Described::default()
        },
    )
}

fn told_again(text: &str, words: &[&[u8]], rewritten: bool) -> String {
    told_of(
        text,
        &Described {
            words,
            rewritten,
            ..Described::default()
        },
    )
}

fn told_of(text: &str, call: &Described<'_>) -> String {
    let policy = Policy::read(text.as_bytes(), &FewCommands).unwrap();
    let compiled = Compiled::new(&policy, &FewCommands, false);
    let decision = decide(&compiled, call);
    let mut told = String::new();
    for part in [decision.command, decision.sub].into_iter().flatten() {
        told += &format!("as {} ", String::from_utf8_lossy(part.name));
    }
    let by = |decided: &Decided<'_>| compiled.id(decided.statement).to_owned();
    told += &match &decision.verdict {
        Verdict::Pass(None) => "pass".to_owned(),
        Verdict::Pass(Some(decided)) => format!("pass {}", by(decided)),
        Verdict::Observe(decided) => format!("observe {}", by(decided)),
        Verdict::Deny(decided) if decided.gone => format!("gone {}", by(decided)),
        Verdict::Deny(decided) => format!("deny {}", by(decided)),
    };
    told
}

#[test]
fn the_first_match_wins_and_no_match_passes() {
    let text = "allow config|get\ndeny config\ndeny get\nallow get";
    assert_eq!(told(text, &[b"CONFIG", b"GeT"]), "pass r1");
    assert_eq!(told(text, &[b"CONFIG", b"SET"]), "deny r2");
    assert_eq!(told(text, &[b"config"]), "deny r2");
    assert_eq!(told(text, &[b"get", b"k"]), "deny r3");
    assert_eq!(told(text, &[b"set", b"k"]), "pass");
}

#[test]
fn case_and_nul_suffixes_change_nothing() {
    let text = "deny config|set flushall";
    for call in [
        &[&b"FLUSHALL\0x"[..]][..],
        &[b"flushALL\0\0"],
        &[b"config\0q", b"SET\0zz"],
        &[b"CONFIG", b"set"],
    ] {
        assert_eq!(told(text, call), "deny r1", "{call:?}");
    }
    assert_eq!(told(text, &[b"config", b"sett"]), "pass");
    assert_eq!(told(text, &[b"flushall2"]), "pass");
    assert_eq!(told(text, &[b"\0flushall"]), "pass");
}

#[test]
fn a_name_from_redis_conf_that_is_longer_than_a_policy_may_write_is_met_by_its_rules() {
    let (same, tail) = (LONG_NAME.to_ascii_uppercase(), [LONG_NAME, b"\0x"].concat());
    for text in [
        "deny monitor",
        "deny monitor|y\nallow get",
        "allow get\ndeny @admin optional",
    ] {
        for name in [LONG_NAME, &same, &tail] {
            let told = told(text, &[name, b"y"]);
            assert!(told.starts_with("deny"), "{text}: {told}");
        }
        for length in [64, 65, 79, 81, 300] {
            assert_eq!(told(text, &[&vec![b'x'; length], b"y"]), "pass", "{length}");
        }
    }
    assert_eq!(told("rename monitor m0n", &[LONG_NAME]), "gone r1");
    let told_new = told("rename monitor m0n\ndeny monitor", &[b"m0n"]);
    let real = String::from_utf8_lossy(LONG_NAME);
    assert_eq!(told_new, format!("as {real} deny r2"));
    let policy = Policy::read(b"deny monitor via=module", &FewCommands).unwrap();
    let compiled = Compiled::new(&policy, &FewCommands, false);
    let call = Described {
        words: &[LONG_NAME],
        via: Some(Via::Module),
        ..Described::default()
    };
    let verdict = decide_for_module(&compiled, &call);
    assert!(matches!(verdict, Verdict::Deny(_)), "{verdict:?}");
}

#[test]
fn a_star_means_every_command_but_those_that_need_force() {
    let text = "allow get\ndeny *";
    assert_eq!(told(text, &[b"get"]), "pass r1");
    assert_eq!(told(text, &[b"set"]), "deny r2");
    assert_eq!(told(text, &[b"no-such-command"]), "deny r2");
    assert_eq!(told(text, &[&[b'x'; 300]]), "deny r2");
    assert_eq!(told(text, &[b""]), "deny r2");
    for spared in crate::policy::resolve::NEEDS_FORCE {
        assert_eq!(told(text, &[spared.as_bytes()]), "pass", "{spared}");
    }
    assert_eq!(told("deny *\ndeny auth force", &[b"auth"]), "deny r2");
    assert_eq!(told("deny get\nallow *\ndeny set", &[b"set"]), "pass r2");
    assert_eq!(told("deny get\nallow *\ndeny set", &[b"get"]), "deny r1");
}

#[test]
fn new_names_run_the_real_command_and_rules_see_that() {
    let text = "deny flushall\nalias wipe flushall\nrename config c0nf\nalias cfg config\nrename config|set config|s3t";
    assert_eq!(told(text, &[b"WIPE"]), "as flushall deny r1");
    assert_eq!(told(text, &[b"config", b"get"]), "gone r3");
    assert_eq!(told(text, &[b"C0NF", b"get"]), "as config pass");
    assert_eq!(told(text, &[b"cfg", b"s3t"]), "as config as set pass");
    assert_eq!(told(text, &[b"cfg", b"SET\0"]), "as config gone r5");
    assert_eq!(
        told("rename config c\ndeny config|set", &[b"c", b"set"]),
        "as config deny r2"
    );
}

#[test]
fn a_call_shown_twice_is_not_taken_for_the_old_name() {
    let text = "rename config c0nf\nrename config|set config|s3t\ndeny config|get";
    assert_eq!(told_again(text, &[b"config", b"set"], true), "pass");
    assert_eq!(told_again(text, &[b"config", b"get"], true), "deny r3");
    assert_eq!(told_again(text, &[b"config", b"set"], false), "gone r1");
}

#[test]
fn observing_lets_pass_and_off_looks_at_nothing() {
    assert_eq!(told("mode observe\ndeny get", &[b"get"]), "observe r1");
    assert_eq!(told("deny get mode=observe", &[b"get"]), "observe r1");
    assert_eq!(
        told("mode observe\nrename get g3t", &[b"get"]),
        "observe r1"
    );
    assert_eq!(
        told("mode observe\nrename get g3t", &[b"g3t"]),
        "as get pass"
    );
    assert_eq!(told("mode off\ndeny get\nalias g get", &[b"g"]), "pass");
}

#[test]
fn the_word_behind_the_bar_is_the_first_argument_where_there_are_no_subcommands() {
    assert_eq!(told("deny object|help", &[b"OBJECT", b"HELP"]), "deny r1");
    assert_eq!(told("deny object|help", &[b"OBJECT", b"encoding"]), "pass");
}

fn words(line: &str) -> Vec<&[u8]> {
    line.split(' ').map(str::as_bytes).collect()
}

#[test]
fn arguments_decide_one_by_one_and_one_too_many_buys_nothing() {
    for (text, line, expected) in [
        ("deny keys arg1=\\*", "k3ys *", "deny r1"),
        ("deny keys arg1=\\*", "k3ys a*", "pass"),
        ("deny keys arg1=*", "k3ys", "pass"),
        ("deny set arg2=!x", "set k", "deny r1"),
        (
            "deny del arg=secret*,!secret-ok",
            "del a secret1",
            "deny r1",
        ),
        (
            "deny del arg=secret*,!secret-ok",
            "del secret-ok secret1",
            "deny r1",
        ),
        ("deny del arg=secret*,!secret-ok", "del secret-ok", "pass"),
        (
            "allow del arg=app:*\ndeny del",
            "del app:1 app:2",
            "pass r1",
        ),
        ("allow del arg=app:*\ndeny del", "del app:1 x", "deny r2"),
        ("allow del arg=app:*\ndeny del", "del", "deny r2"),
        ("deny config|set arg1=dir", "config set dir x", "deny r1"),
        ("deny config arg1=set", "config set dir x", "deny r1"),
        (
            "rename config|set config|s3t\ndeny config arg1=set",
            "config s3t dir x",
            "as set deny r2",
        ),
    ] {
        assert_eq!(told(text, &words(line)), expected, "{text} {line}");
    }
}

#[test]
fn every_parameter_of_config_counts_under_all_its_names_and_patterns_are_seen_through() {
    for (text, line, expected) in [
        (
            "deny config|set param=dir,dbfilename",
            "config set maxmemory 1 DIR /x",
            "deny r1",
        ),
        (
            "deny config|set param=dir",
            "CONFIG SET maxmemory dir",
            "pass",
        ),
        (
            "deny config|set param=dir",
            "config set dir\0x /",
            "deny r1",
        ),
        (
            "deny config param=replica-read-only",
            "config set slave-read-only no",
            "deny r1",
        ),
        ("deny config param=DIR", "config get dir", "deny r1"),
        ("deny config param=dir", "config get d*", "deny r1"),
        (
            "deny config param=replica-priority",
            "config get slave-p*",
            "deny r1",
        ),
        ("deny config param=dir", "config get max* maxmemory", "pass"),
        ("deny config param=dir", "config rewrite", "pass"),
        ("deny config param=!max*", "config get max*", "pass"),
        ("deny config param=!max*", "config get m*", "deny r1"),
        (
            "deny config param=!max*",
            "config set maxmemory 1 dir /",
            "deny r1",
        ),
        (
            "allow config param=max*\ndeny config",
            "config get max* maxmemory",
            "pass r1",
        ),
        (
            "allow config param=max*\ndeny config",
            "config get m*",
            "deny r2",
        ),
        (
            "allow config param=max*\ndeny config",
            "config set maxmemory 1 dir /",
            "deny r2",
        ),
        (
            "allow config param=!dir\ndeny config",
            "config get *",
            "deny r2",
        ),
        (
            "allow config param=!dir\ndeny config",
            "config rewrite",
            "deny r2",
        ),
    ] {
        assert_eq!(told(text, &words(line)), expected, "{text} {line}");
    }
}

#[test]
fn who_calls_and_from_where_decides_and_the_unknown_is_refused() {
    let made = |user: Option<&'static str>, source: Option<&str>, via| Described {
        words: &[b"flushall"],
        user: user.map(str::as_bytes),
        source: source.map(|address| match address {
            "unix" => Source::Unix,
            address => Source::of(address.parse().unwrap()),
        }),
        via,
        ..Described::default()
    };
    let ops = || made(Some("ops-1"), Some("10.0.0.1"), None);
    let text = "deny flushall user=!ops*";
    assert_eq!(told_of(text, &ops()), "pass");
    assert_eq!(told_of(text, &made(Some("app"), None, None)), "deny r1");
    assert_eq!(told_of(text, &made(None, None, None)), "deny r1");
    assert_eq!(
        told_of("allow flushall user=ops*\ndeny *", &ops()),
        "pass r1"
    );
    assert_eq!(
        told_of("allow flushall user=*\ndeny *", &made(None, None, None)),
        "deny r2"
    );
    let text = "deny @dangerous user=!ops* from=!127.0.0.0/8,!unix";
    assert_eq!(
        told_of(text, &made(Some("app"), Some("10.1.1.1"), None)),
        "deny r1"
    );
    assert_eq!(
        told_of(text, &made(Some("app"), Some("::ffff:127.0.0.1"), None)),
        "pass"
    );
    assert_eq!(
        told_of(text, &made(Some("app"), Some("unix"), None)),
        "pass"
    );
    assert_eq!(told_of(text, &ops()), "pass");
    let script = made(Some("ops-1"), None, Some(Via::Script));
    assert_eq!(told_of("deny flushall via=script", &script), "deny r1");
    assert_eq!(told_of("deny flushall via=script", &ops()), "pass");
    assert_eq!(told_of("deny flushall via=!client", &script), "deny r1");
}

#[test]
fn rules_of_one_command_and_of_all_keep_their_order() {
    let text = "deny * arg=x\nallow get\ndeny *\ndeny auth force";
    assert_eq!(told(text, &words("get x")), "deny r1");
    assert_eq!(told(text, &words("get y")), "pass r2");
    assert_eq!(told(text, &words("set y")), "deny r3");
    assert_eq!(told(text, &words("auth x")), "deny r4");
    assert_eq!(told(text, &words("multi")), "pass");
}

#[test]
fn a_category_and_a_profile_stand_for_their_commands() {
    let text = "deny @dangerous id=cat\nprofile tutorial id=tut mode=observe";
    assert_eq!(told(text, &words("flushall")), "deny cat");
    assert_eq!(told(text, &words("config set a b")), "deny cat");
    assert_eq!(told(text, &words("config get a")), "observe tut");
    assert_eq!(told(text, &words("auth x")), "pass");
    assert_eq!(told("profile rce", &words("config set dir /x")), "deny r1");
    assert_eq!(
        told("profile rce user=x", &words("config set maxmemory 1")),
        "pass"
    );
}

#[test]
fn a_module_is_bound_only_by_rules_that_say_so() {
    let call = Described {
        words: &[b"flushall"],
        via: Some(Via::Module),
        ..Described::default()
    };
    for (text, denied) in [
        ("deny flushall", false),
        ("deny *", false),
        ("rename flushall f", false),
        ("deny flushall via=!client", false),
        ("deny flushall\ndeny flushall via=module", true),
    ] {
        let policy = Policy::read(text.as_bytes(), &FewCommands).unwrap();
        let compiled = Compiled::new(&policy, &FewCommands, false);
        let verdict = decide_for_module(&compiled, &call);
        assert_eq!(matches!(verdict, Verdict::Deny(_)), denied, "{text}");
    }
}

#[test]
fn what_would_be_decided_in_mode_enforce_is_told_in_every_mode() {
    for mode in ["off", "observe", "enforce"] {
        let text = format!(
            "mode {mode}\ndeny get mode=observe\ndeny set\nallow del\ndeny *\nrename config c0nf\n"
        );
        let policy = Policy::read(text.as_bytes(), &FewCommands).unwrap();
        let compiled = Compiled::new(&policy, &FewCommands, false);
        let verdict = |word: &[u8]| {
            let words = [word];
            let call = Described {
                words: &words,
                ..Described::default()
            };
            match decide_enforced(&compiled, &call).verdict {
                Verdict::Pass(None) => "pass".to_owned(),
                Verdict::Pass(Some(by)) => format!("pass {}", by.statement),
                Verdict::Observe(by) => format!("observe {}", by.statement),
                Verdict::Deny(by) => format!("deny {}", by.statement),
            }
        };
        for (word, told) in [
            ("get", "observe 0"),
            ("set", "deny 1"),
            ("del", "pass 2"),
            ("config", "deny 4"),
        ] {
            assert_eq!(verdict(word.as_bytes()), told, "{mode}: {word}");
        }
    }
}

#[test]
fn all_names_are_meant_but_the_words_on_which_servers_end_a_connection() {
    let policy = Policy::read(b"deny * id=all", &FewCommands).unwrap();
    for links in [true, false] {
        let table = Compiled::new(&policy, &FewCommands, links);
        let is_denied = |name: &[u8]| {
            let words = [name];
            let call = Described {
                words: &words,
                ..Described::default()
            };
            matches!(decide(&table, &call).verdict, Verdict::Deny(_))
        };
        for name in [&b"get"[..], b"shutdown", b"watch", b"script", b"nosuch"] {
            assert!(is_denied(name), "{name:?}");
        }
        for name in [&b"post"[..], b"POST", b"Host:", b"auth", b"multi"] {
            assert!(!is_denied(name), "{name:?}");
        }
    }
}
