//! What a step calls: the commands that `redis-cli` is given in a line of shell, and how that line goes on to the server.

/// A call that a step makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The `redis-cli` by which it goes, with the options that say where to and as whom, as the shell takes them.
    pub cli: String,
    /// The user it signs in as; `None` where the shell alone can tell.
    pub user: Option<Vec<u8>>,
    /// The command, in lower case.
    pub name: String,
    /// What stands behind it.
    pub arguments: Vec<String>,
}

/// Options of `redis-cli` that take a value: those that matter for the connection, and the others.
const WITH_VALUE: [(&str, bool); 18] = [
    ("-h", true),
    ("-p", true),
    ("-s", true),
    ("-u", true),
    ("-a", true),
    ("-n", true),
    ("--user", true),
    ("--pass", true),
    ("--sni", true),
    ("--cacert", true),
    ("--cacertdir", true),
    ("--cert", true),
    ("--key", true),
    ("-r", false),
    ("-i", false),
    ("-t", false),
    ("-d", false),
    ("-D", false),
];

/// Options without one that matter for the connection.
const OF_CONNECTION: [&str; 3] = ["--tls", "--insecure", "--askpass"];

impl Call {
    /// The command with its first argument, as a subcommand is named: `acl|setuser`.
    pub fn subcommand(&self) -> Option<String> {
        let first = self.arguments.first()?;
        Some(format!("{}|{}", self.name, first.to_lowercase()))
    }

    fn of(words: &[Word]) -> Option<Self> {
        let mut words = words.iter();
        words.find(|word| word.raw == "redis-cli")?;
        let mut cli = "redis-cli".to_owned();
        let mut user = Some(b"default".to_vec());
        let name = loop {
            let word = words.next()?;
            if !word.raw.starts_with('-') {
                break word.text.to_lowercase();
            }
            let option = WITH_VALUE.iter().find(|(option, _)| *option == word.raw);
            let value = option.and_then(|_| words.next());
            let matters = option.map_or(OF_CONNECTION.contains(&word.raw.as_str()), |one| one.1);
            if matters {
                for word in std::iter::once(word).chain(value) {
                    cli.push(' ');
                    cli.push_str(&word.raw);
                }
            }
            match (word.raw.as_str(), value) {
                ("--user", Some(value)) => user = value.is_plain.then(|| value.text.clone().into()),
                // The URL may name one.
                ("-u", _) => user = None,
                _ => {}
            }
        };
        Some(Self {
            cli,
            user,
            name,
            arguments: words.map(|word| word.text.clone()).collect(),
        })
    }
}

/// The calls of a step, in order.
pub fn calls(step: &str) -> Vec<Call> {
    let commands = read(step).0;
    commands
        .iter()
        .filter_map(|words| Call::of(words))
        .collect()
}

/// What a step says behind its `#`.
pub fn remark(step: &str) -> &str {
    step.get(read(step).1..).unwrap_or_default()
}

/// A word of shell.
#[derive(Debug, Default)]
struct Word {
    /// As it is written.
    raw: String,
    /// As the command gets it, as far as that can be told without a shell.
    text: String,
    /// No more than that shell is needed to tell.
    is_plain: bool,
}

/// The commands of a line of shell, word by word, and where its remark begins.
fn read(step: &str) -> (Vec<Vec<Word>>, usize) {
    let mut commands = vec![Vec::new()];
    let mut word: Option<Word> = None;
    let mut chars = step.char_indices();
    let mut remark = step.len();
    while let Some((at, next)) = chars.next() {
        if next == '#' && word.is_none() {
            remark = at;
            break;
        }
        let ends = next.is_whitespace() || ";|&()<>".contains(next);
        if !ends {
            let word = word.get_or_insert_with(|| Word {
                is_plain: true,
                ..Word::default()
            });
            take(word, next, &mut chars);
            continue;
        }
        if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
            command.push(word);
        }
        if !next.is_whitespace() {
            commands.push(Vec::new());
        }
    }
    if let (Some(word), Some(command)) = (word, commands.last_mut()) {
        command.push(word);
    }
    (commands, remark)
}

/// Adds to a word what begins with this character: itself, or all that it quotes.
fn take(word: &mut Word, first: char, rest: &mut std::str::CharIndices<'_>) {
    let after_dollar = word.raw.ends_with('$');
    word.raw.push(first);
    if first == '$' || first == '`' {
        word.is_plain = false;
    }
    if first == '\\' {
        if let Some((_, next)) = rest.next() {
            word.raw.push(next);
            word.text.push(next);
        }
        return;
    }
    if first != '\'' && first != '"' {
        word.text.push(first);
        return;
    }
    while let Some((_, next)) = rest.next() {
        word.raw.push(next);
        if next == first {
            return;
        }
        let escapes = first == '"' || after_dollar;
        match next {
            '\\' if escapes => {
                if let Some((_, next)) = rest.next() {
                    word.raw.push(next);
                    word.text.push(next);
                }
            }
            next => {
                word.is_plain &= first == '\'' || (next != '$' && next != '`');
                word.text.push(next);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn only(step: &str) -> Call {
        let calls = calls(step);
        assert_eq!(calls.len(), 1, "{step}: {calls:?}");
        calls.into_iter().next().unwrap()
    }

    fn told(step: &str) -> (String, String) {
        let call = only(step);
        let words = [vec![call.name], call.arguments].concat();
        (call.cli, words.join(" "))
    }

    fn is(step: &str, cli: &str, words: &str) {
        assert_eq!(told(step), (cli.to_owned(), words.to_owned()), "{step}");
    }

    #[test]
    fn the_command_is_the_first_word_behind_the_options() {
        is("redis-cli ACL SAVE", "redis-cli", "acl SAVE");
        is(
            "redis-cli -p 7000 --tls --cacert /t/ca.crt -x CONFIG SET masterauth < secret   # and so on",
            "redis-cli -p 7000 --tls --cacert /t/ca.crt",
            "config SET masterauth",
        );
        is(
            "(umask 077; redis-cli -s '/run/a b.sock' --raw ACL LIST | grep '^user ' > users.acl.new) && mv a b",
            "redis-cli -s '/run/a b.sock'",
            "acl LIST",
        );
        is(
            "export REDISCLI_AUTH=\"$(cat a.password)\"; redis-cli CONFIG REWRITE   # or CONFIG SET",
            "redis-cli",
            "config REWRITE",
        );
    }

    #[test]
    fn quoted_words_are_one_and_hold_no_remark() {
        let step = "redis-cli ACL SETUSER app resetpass \"#$(printf %s \"$PASSWORD\" | sha256sum | cut -c1-64)\"";
        let call = only(step);
        assert_eq!(call.arguments.len(), 4, "{call:?}");
        assert_eq!(remark(step), "");
        let step = "redis-cli ACL SETUSER 'a;b #c' '~*'   # as it is";
        assert_eq!(only(step).arguments, ["SETUSER", "a;b #c", "~*"]);
        assert_eq!(remark(step), "# as it is");
        assert_eq!(
            only("redis-cli ACL DELUSER $'it\\'s #1'").arguments.len(),
            2
        );
    }

    #[test]
    fn the_user_is_who_is_named_else_default_and_may_be_the_shells_to_tell() {
        let user = |step| only(step).user;
        assert_eq!(user("redis-cli ACL SAVE").unwrap(), b"default");
        let step = "redis-cli --user 'a b' --askpass ACL SAVE";
        assert_eq!(user(step).unwrap(), b"a b");
        assert_eq!(only(step).cli, "redis-cli --user 'a b' --askpass");
        assert_eq!(user("redis-cli --user $'\\xff' ACL SAVE"), None);
        assert_eq!(user("redis-cli --user \"$WHO\" ACL SAVE"), None);
        assert_eq!(user("redis-cli -u redis://a@b ACL SAVE"), None);
    }

    #[test]
    fn what_is_said_and_not_called_is_no_call() {
        for step in [
            "# then redis-cli ACL SAVE",
            "chmod 600 redis.conf   # redis-cli ACL SAVE",
            "echo 'redis-cli ACL SAVE'",
            "redis-cli",
            "redis-cli -p",
            "redis-cli --user 'never closed",
            "",
        ] {
            assert_eq!(calls(step), [], "{step}");
        }
        let two = calls("redis-cli ACL LIST | redis-cli -p 1 -x SET k");
        let names: Vec<&str> = two.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["acl", "set"]);
        let list = calls("redis-cli acl List").remove(0);
        assert_eq!(list.subcommand().unwrap(), "acl|list");
        assert_eq!(calls("redis-cli ACL").remove(0).subcommand(), None);
    }
}
