//! auth.known-password, and the setting secaudit.password-list.

use super::{Report, strong_password};
use crate::harness::resp::Client;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use std::fs;

const ID: &str = "auth.known-password";

fn set_user(client: &mut Client, rules: &[&[u8]]) {
    let words = [&[&b"ACL"[..], b"SETUSER"], rules].concat();
    let reply = client.call_bytes(&words);
    assert!(reply.is_ok(), "{reply}");
}

#[test]
fn a_password_that_everybody_tries_first_is_told_by_where_it_stands() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    Report::by(&mut client).shows(ID, "not-applicable", "no enabled user has a password");
    for (password, told) in [
        ("123456", "user app: one of the 100 most used passwords"),
        (
            "Liverpool",
            "user app: one of the 1,000 most used passwords, capitalised",
        ),
        ("foobared", "user app: an example from redis.conf"),
        (
            "bitnami",
            "user app: an example from a container image's documentation",
        ),
        (
            "redis",
            "user app: an example from a list of default logins",
        ),
        (
            "960c3dac4fa81b4204779fd16ad7c954f95942876b9c4fb1a255667a9dbe389d",
            "user app: an example from a DigitalOcean tutorial",
        ),
        (
            "10d9a99851a411cdae8c3fa09d7290df192441a9",
            "user app: an example from a DigitalOcean tutorial",
        ),
        ("", "user app: the empty string"),
        ("app", "user app: its own name"),
        // echo password | sha256sum
        (
            "6b3a55e0261b0304143f805a24924d0c1c44524821305f31d9277843b8a10f4e",
            "user app: the SHA-256 in hex of one of the 100 most used passwords and a newline",
        ),
        // printf password | sha1sum
        (
            "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",
            "user app: the SHA-1 in hex of one of the 100 most used passwords",
        ),
        (
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "user app: the MD5 in hex of one of the 100 most used passwords",
        ),
    ] {
        let given = format!(">{password}");
        set_user(
            &mut client,
            &[b"app", b"on", b"resetpass", given.as_bytes()],
        );
        let report = Report::by(&mut client);
        report.shows(ID, "fail", told);
        assert_eq!(report.actual(ID), told);
        // It is told nowhere: nor is any other word of the lists.
        let all = client.call(["SECAUDIT"]).to_string();
        assert!(password.len() < 6 || !all.contains(password), "{password}");
    }
    let given = format!(">{}", strong_password("known"));
    set_user(&mut client, &[b"app", b"resetpass", given.as_bytes()]);
    Report::by(&mut client).shows(ID, "pass", "enabled users with a password: 1, none");
}

#[test]
fn a_hash_of_a_word_with_its_newline_is_known_too_and_odd_names_are_shown() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    // echo foobared | sha256sum, given to the ACL as the hash of the password.
    let hash = b"#c3b9a46ba9b1bcf2ba3f03b4aeb2c0a1fe7d0bf5ac4d1c6ca4dba3a1b3b7c6f4";
    set_user(&mut client, &[b"a\xff\x1b[31m", b"on", hash]);
    Report::by(&mut client).shows(ID, "pass", "");
    set_user(
        &mut client,
        &[b"a\xff\x1b[31m", b"on", b"resetpass", b">foobared\n"],
    );
    let report = Report::by(&mut client);
    report.shows(
        ID,
        "fail",
        "user a\\xff\\x1b[31m: an example from redis.conf and a newline",
    );
    set_user(&mut client, &[b"b\xfe", b"on", b"nopass"]);
    set_user(&mut client, &[b"b\xfe", b"resetpass", b">b\xfe"]);
    Report::by(&mut client).shows(ID, "fail", "user b\\xfe: its own name");
}

#[test]
fn a_known_password_is_critical_where_others_can_use_it() {
    needs_module!();
    let server = Server::builder().password("foobared").start();
    let report = Report::of(&server);
    report.shows(ID, "fail", "user default: an example from redis.conf");
    assert_eq!(report.severity(ID), "high");
    assert!(server.call(["CONFIG", "SET", "bind", "0.0.0.0"]).is_ok());
    let report = Report::of(&server);
    assert_eq!(report.severity(ID), "critical");
    assert_eq!(
        report.grade(),
        "F (auth.known-password: a user's password is public knowledge)"
    );
}

#[test]
fn the_operators_own_list_counts_and_is_read_again_when_it_changes() {
    needs_module!();
    let secret = strong_password("own list");
    let next = strong_password("own list, next");
    let mut server = Server::builder()
        .config("secaudit.password-list", "words.txt")
        .file("words.txt", format!("some other word\n{secret}\r\n"))
        .password(&secret)
        .start();
    Report::of(&server).shows(
        ID,
        "fail",
        "user default: a password of secaudit.password-list",
    );
    let set = ["CONFIG", "SET", "requirepass", &next];
    let mut client = server.client();
    assert!(client.call(set).is_ok());
    Report::by(&mut client).shows(ID, "pass", "none of these is known");
    fs::write(server.dir().join("words.txt"), format!("{next}\n")).unwrap();
    let report = Report::by(&mut client);
    report.shows(
        ID,
        "fail",
        "user default: a password of secaudit.password-list",
    );
    for answer in [
        format!("{report:?}"),
        client.call(["INFO"]).to_string(),
        server.log(),
    ] {
        assert!(!answer.contains(&secret) && !answer.contains(&next));
    }
    // Gone, the built-in lists go on; that nothing was found in them is no pass.
    fs::remove_file(server.dir().join("words.txt")).unwrap();
    Report::by(&mut client).shows(
        ID,
        "unknown",
        "secaudit.password-list: cannot be read (No such file",
    );
    assert!(
        client
            .call(["CONFIG", "SET", "requirepass", "foobared"])
            .is_ok()
    );
    Report::by(&mut client).shows(ID, "fail", "user default: an example from redis.conf");
    // Nor is a server kept from starting; its log says what SECAUDIT says.
    server.restart();
    server.wait_for_log("secaudit.password-list cannot be used: cannot be read");
    Report::of(&server).shows(ID, "unknown", "secaudit.password-list: cannot be read");
}

#[test]
fn the_list_is_a_protected_setting_with_errors_that_help_and_rewrite_keeps_it() {
    needs_module!();
    let closed = Server::start();
    let refused = closed.call(["CONFIG", "SET", "secaudit.password-list", "words"]);
    assert!(
        refused.to_string().contains("protected config"),
        "{refused}"
    );

    let mut server = Server::builder()
        .config("enable-protected-configs", "yes")
        .file("words.txt", "zebra-7\n")
        .file("more.txt", "zebra-8\n")
        .start();
    let huge = fs::File::create(server.dir().join("huge")).unwrap();
    huge.set_len((16 << 20) + 1).unwrap();
    let mut client = server.client();
    let set = |client: &mut Client, path: &str| {
        client.call(["CONFIG", "SET", "secaudit.password-list", path])
    };
    for (path, why) in [
        ("none", "cannot be read (No such file or directory): "),
        (".", "this is a folder, and should be an ordinary file: "),
        (
            "huge",
            "too large (16777217 bytes; 16 MiB, one password a line, is the most): ",
        ),
        ("a\"b", "no quotes, backslashes or control characters here"),
    ] {
        let refused = set(&mut client, path).to_string();
        assert!(refused.contains(why), "{refused}");
    }
    assert!(set(&mut client, "words.txt").is_ok());
    let get = ["CONFIG", "GET", "secaudit.password-list"];
    let whole = server
        .dir()
        .join("words.txt")
        .to_string_lossy()
        .into_owned();
    assert_eq!(client.call(get).texts(), ["secaudit.password-list", &whole]);
    set_user(&mut client, &[b"app", b"on", b">zebra-7"]);
    Report::by(&mut client).shows(ID, "fail", "user app: a password of secaudit.password-list");
    assert!(client.call(["CONFIG", "REWRITE"]).is_ok());
    server.restart();
    let mut client = server.client();
    assert_eq!(client.call(get).texts(), ["secaudit.password-list", &whole]);
    set_user(&mut client, &[b"app", b"on", b"resetpass", b">zebra-7"]);
    Report::by(&mut client).shows(ID, "fail", "secaudit.password-list");
    // Sealed, it stays.
    assert!(client.call(["SECGATE", "SEAL"]).is_ok());
    let refused = set(&mut client, "more.txt").to_string();
    assert!(refused.contains("the gate is sealed"), "{refused}");
    assert!(set(&mut client, "words.txt").is_ok());
}

#[test]
fn in_a_transaction_the_lists_are_used_once_they_are_indexed_beside_the_server() {
    needs_module!();
    let server = Server::builder().password("foobared").start();
    let mut client = server.client();
    let mut in_transaction = || {
        assert!(client.call(["MULTI"]).is_ok());
        client.call(["SECAUDIT", "JSON", "CHECK", ID]);
        client.call(["EXEC"]).to_string()
    };
    let first = in_transaction();
    assert!(
        first.contains("are being indexed: ask again in a moment"),
        "{first}"
    );
    server.wait_until("the lists are indexed", || {
        in_transaction().contains("an example from redis.conf")
    });
}

#[test]
fn ten_thousand_users_are_held_against_a_hundred_thousand_words() {
    needs_module!();
    use sha2::{Digest, Sha256};
    let words: String = (0..100_000)
        .map(|number| format!("word-{number}\n"))
        .collect();
    let user = |number: usize| {
        // Every hundredth has a word of the list.
        let password = match number % 100 {
            0 => format!("word-{}", number * 9),
            _ => format!("{number} {}", strong_password("users")),
        };
        let digest = Sha256::digest(password);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("user u{number:05} on #{hex} ~app:* resetchannels -@all +get\n")
    };
    let users: String = (0..10_000).map(user).collect();
    let server = Server::builder()
        .config("aclfile", "users.acl")
        .config("secaudit.password-list", "words.txt")
        .file(
            "users.acl",
            format!("user default on nopass ~* &* +@all\n{users}"),
        )
        .file("words.txt", words)
        .start();
    let report = Report::of(&server);
    report
        .shows(
            ID,
            "fail",
            "user u00000: a password of secaudit.password-list",
        )
        .shows(
            ID,
            "fail",
            "user u00900: a password of secaudit.password-list",
        )
        .shows(ID, "fail", "and 90 more users")
        .shows("auth.shared-password", "pass", "no two enabled users");
    assert!(!report.actual(ID).contains("u00001"));
}
