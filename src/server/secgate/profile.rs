//! SECGATE PROFILE: the built-in lists of rules, shown and added.

use super::change;
use crate::policy::nearest::instead;
use crate::policy::profiles::{self, PROFILES, Profile};
use crate::render::escape::printable;
use crate::server::answer::Answer;
use crate::server::ffi::Ctx;

/// PROFILE, PROFILE name, and PROFILE name ADD [options]. Options alone add too.
pub fn answer(ctx: Ctx<'_>, words: &[&[u8]]) -> Answer {
    match words {
        [] => Answer::lines(PROFILES.iter().flat_map(in_short)),
        [name] => match profiles::find(name) {
            Some(profile) => Answer::lines(in_full(profile)),
            None => {
                let hint = instead(name, &profiles::names());
                Answer::error(format!("unknown profile '{}'{hint}", printable(name)))
            }
        },
        [name, options @ ..] => {
            let options = match options {
                [add, rest @ ..] if add.eq_ignore_ascii_case(b"add") => rest,
                options => options,
            };
            let words: Vec<&[u8]> = [name].into_iter().chain(options).copied().collect();
            change::add(ctx, b"profile", &words)
        }
    }
}

fn in_short(profile: &Profile) -> [String; 2] {
    [
        format!("{:11}  {}", profile.name, profile.title),
        format!("{:11}  {}", "", profile.breaks),
    ]
}

/// As a policy file.
fn in_full(profile: &Profile) -> Vec<String> {
    let head = [
        format!("# profile {}: {}", profile.name, profile.title),
        format!("# {}", profile.breaks),
    ];
    let statements = profile.text.lines().map(ToString::to_string);
    head.into_iter().chain(statements).collect()
}
