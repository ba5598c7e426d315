//! Random calls, spelt and wrapped in every way, under random policies: the server refuses just those that the decision
//! refuses (as SECGATE TEST tells it), in every wrapping, and never dies.

use super::{Random, rounds};
use crate::harness::resp::{Client, Reply};
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::harness::version;

const CALLS: usize = 40;

type Call = Vec<Vec<u8>>;

#[test]
fn no_spelling_and_no_wrapping_of_a_call_gets_another_answer_than_the_decision() {
    needs_module!();
    let mut random = Random::new();
    let server = Server::start();
    let mut client = server.client();
    let (mut refused, mut passed) = (0, 0);
    for _ in 0..rounds(12, 5000) {
        let statements = policy(&mut random);
        client.call(["SECGATE", "RESET"]);
        for statement in &statements {
            // Some do not go together (a name twice): then the rest is the policy.
            client.call(std::iter::once("SECGATE").chain(statement.split(' ')));
        }
        for _ in 0..CALLS {
            let call = call(&mut random);
            match check(&mut client, &mut random, &call) {
                Ok((no, yes)) => {
                    refused += no;
                    passed += yes;
                }
                Err(complaint) => {
                    let list = client.call(["SECGATE", "LIST"]).texts().join("\n");
                    panic!("{list}\n{}\n{complaint}", shown(&call));
                }
            }
        }
    }
    println!("{refused} calls refused and {passed} passed, all as decided");
    assert!(refused > 100 && passed > 100);
    assert!(server.is_alive());
}

fn policy(random: &mut Random) -> Vec<String> {
    let told = version::under_test().tells_filters_who_calls();
    let targets = [
        "echo",
        "get",
        "set",
        "incr",
        "exists",
        "del",
        "client|id",
        "client",
        "config|get",
        "config",
        "object",
        "*",
        "@read",
        "@write",
        "@string",
        "lpush lrange",
        "ping",
    ];
    let conditions: &[&str] = match told {
        true => &[
            "",
            "",
            "arg1=a*",
            "arg1=!b",
            "arg2=?",
            "arg=[ab]",
            "arg=!c*,!d",
            "user=default",
            "user=!x",
            "from=!10.0.0.0/8",
            "from=unix",
        ],
        false => &[
            "",
            "",
            "arg1=a*",
            "arg1=!b",
            "arg2=?",
            "arg=[ab]",
            "arg=!c*,!d",
        ],
    };
    let count = 1 + random.below(5);
    (0..count)
        .map(|_| match random.below(8) {
            0 => "RENAME echo 3cho".to_owned(),
            1 => "ALIAS put set".to_owned(),
            2 => "RENAME client|id client|1d".to_owned(),
            _ => {
                let verb = random.pick(&["DENY", "DENY", "DENY", "ALLOW"]);
                let statement = format!(
                    "{verb} {} {}",
                    random.pick(&targets),
                    random.pick(conditions)
                );
                statement.trim_end().to_owned()
            }
        })
        .collect()
}

fn call(random: &mut Random) -> Call {
    let names = [
        "echo", "3cho", "get", "set", "put", "incr", "exists", "del", "client", "config", "object",
        "lpush", "lrange", "ping", "nosuch",
    ];
    let words = [
        "a", "ab", "b", "c", "d", "id", "1d", "getname", "get", "port", "help", "1", "", "\u{e9}",
        "k\0l", "*",
    ];
    let mut call: Call = vec![random.pick(&names).as_bytes().to_vec()];
    for _ in 0..random.below(4) {
        call.push(random.pick(&words).as_bytes().to_vec());
    }
    if random.below(40) == 0 {
        call.push(vec![b'x'; 1 << 20]);
    }
    call
}

/// The same call to the server, spelt otherwise: case, and what stands behind a NUL.
fn respelt(random: &mut Random, call: &Call) -> Call {
    let mut call = call.clone();
    for byte in &mut call[0] {
        if random.below(2) == 0 {
            byte.make_ascii_uppercase();
        }
    }
    if random.below(3) == 0 {
        call[0].extend(*random.pick(&[&b"\0"[..], b"\0x", b"\0\0\xff", b"\0get"]));
    }
    call
}

/// Makes the call in every wrapping; how many were refused and how many were not.
fn check(client: &mut Client, random: &mut Random, call: &Call) -> Result<(usize, usize), String> {
    let call = respelt(random, call);
    let told = decision(client, &call);
    let expected = told.starts_with("deny by");
    let gone = told.contains(": rename ");
    let mut seen = Vec::new();
    let mut see = |way: &str, reply: &Reply| {
        seen.push((
            way.to_owned(),
            is_refusal(reply, gone),
            format!("{reply:?}"),
        ))
    };

    see("as it is", &client.call(&call));
    let twice = client.pipeline([call.clone(), call.clone()]);
    twice.iter().for_each(|reply| see("in a pipeline", reply));
    if let Some(line) = inline(&call) {
        see("inline", &client.inline(&line));
    }
    let multi_denied = ["multi", "exec", "eval"]
        .map(|name| decision(client, &vec![name.into()]).starts_with("deny by"));
    if multi_denied[..2] == [false, false] {
        client.call(["MULTI"]);
        let queued = client.call(&call);
        see("in MULTI", &queued);
        let end = client.call(["EXEC"]);
        if is_refusal(&queued, gone)
            && !(end.is_error() && end.error_text().starts_with("EXECABORT"))
        {
            return Err(format!("refused in MULTI, but EXEC answers {end:?}"));
        }
    }
    let by_script: Call = ["EVAL", "return redis.call(unpack(ARGV))", "0"]
        .map(|word| word.as_bytes().to_vec())
        .into_iter()
        .chain(call.clone())
        .collect();
    if !decision(client, &by_script).starts_with("deny by") {
        see("by a script", &client.call(&by_script));
        if multi_denied[..2] == [false, false] {
            client.call(["MULTI"]);
            client.call(&by_script);
            if let Some(reply) = client.call(["EXEC"]).items().first() {
                see("by a script in MULTI", reply);
            }
        }
    }
    match seen.iter().find(|(_, refused, _)| *refused != expected) {
        Some((way, _, reply)) => Err(format!(
            "TEST: {told}\n{way}: {}",
            &reply[..reply.len().min(400)]
        )),
        None if expected => Ok((seen.len(), 0)),
        None => Ok((0, seen.len())),
    }
}

fn decision(client: &mut Client, call: &Call) -> String {
    let words: Call = [&b"SECGATE"[..], b"TEST"]
        .map(<[u8]>::to_vec)
        .into_iter()
        .chain(call.clone())
        .collect();
    client.call(words).text()
}

/// Ours, or, for a name that was renamed away, the server's word for a command it does not have.
fn is_refusal(reply: &Reply, gone: bool) -> bool {
    reply.is_error() && {
        let text = reply.error_text();
        text.contains("secaudit") || (gone && text.to_lowercase().contains("unknown"))
    }
}

/// A call as one types it into telnet, where its bytes allow it.
fn inline(call: &Call) -> Option<String> {
    let plain = |word: &Vec<u8>| {
        !word.is_empty()
            && word.len() < 1000
            && word
                .iter()
                .all(|byte| byte.is_ascii_graphic() && !b"\"'".contains(byte))
    };
    call.iter()
        .all(plain)
        .then(|| String::from_utf8(call.join(&b' ')).unwrap())
}

fn shown(call: &Call) -> String {
    let word = |word: &Vec<u8>| word[..word.len().min(60)].escape_ascii().to_string();
    call.iter().map(word).collect::<Vec<_>>().join(" ")
}
