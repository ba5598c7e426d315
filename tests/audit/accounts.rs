//! auth.default-user, auth.user-privileges, auth.shared-password, auth.plaintext-secrets, auth.aclfile.

use super::{Report, patient, set_mode, strong_password};
use crate::harness::resp::Client;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;

#[track_caller]
fn acl(client: &mut Client, words: &[&str]) {
    let reply = client.call([&["ACL"], words].concat());
    assert!(reply.is_ok(), "{reply}");
}

#[test]
fn a_powerful_default_user_fails_only_beside_others_and_only_while_it_is_on() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    let id = "auth.default-user";
    Report::by(&mut client).shows(id, "not-applicable", "there is no other enabled user");
    acl(&mut client, &["SETUSER", "app", "on", ">pw", "+get"]);
    let report = Report::by(&mut client);
    report.shows(id, "fail", "user default on +@all ~* &*, beside app");
    assert_eq!(report.severity(id), "medium");
    acl(&mut client, &["SETUSER", "default", "-debug"]);
    let told = "user default on, and may give itself the rest (ACL SETUSER), beside app";
    Report::by(&mut client).shows(id, "fail", told);
    acl(&mut client, &["SETUSER", "ops", "on", ">pw", "+acl"]);
    acl(&mut client, &["SETUSER", "default", "-acl|setuser"]);
    Report::by(&mut client).shows(id, "pass", "user default on, but not +@all ~* &*");
    let mut ops = patient(&server);
    assert!(ops.call(["AUTH", "ops", "pw"]).is_ok());
    acl(&mut ops, &["SETUSER", "default", "+@all", "off"]);
    Report::by(&mut client).shows(id, "pass", "user default off");
}

#[test]
fn full_power_is_seen_in_own_rules_and_in_selectors_and_is_administrators_only() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    let id = "auth.user-privileges";
    Report::by(&mut client).shows(id, "fail", "no named administrator: default");
    acl(
        &mut client,
        &["SETUSER", "ops", "on", ">pw", "+@all", "~*", "&*"],
    );
    acl(
        &mut client,
        &["SETUSER", "sel", "on", ">pw", "+get", "(+@all ~* &*)"],
    );
    acl(
        &mut client,
        &["SETUSER", "two", "on", ">pw", "(+@all ~* -acl)", "(~* &*)"],
    );
    acl(&mut client, &["SETUSER", "off", "off", "+@all", "~*", "&*"]);
    acl(
        &mut client,
        &["SETUSER", "less", "on", ">pw", "+@all", "-debug", "~a"],
    );
    let report = Report::by(&mut client);
    assert_eq!(
        report.actual(id),
        "+@all ~* &*, and no named administrator: default, ops, sel\nmay give itself the rest (ACL SETUSER), and no named administrator: less"
    );
    assert!(!client.call(["ACL", "DELUSER", "sel", "less"]).is_error());
    let named = client.call(["SECGATE", "ADMINISTRATORS", "op?"]);
    assert!(!named.is_error(), "{named}");
    Report::by(&mut client).shows(id, "fail", "no named administrator: default");
    acl(
        &mut client,
        &["SETUSER", "default", "-@dangerous", "+secaudit"],
    );
    Report::by(&mut client).shows(id, "pass", "administrators: ops; nobody else");
}

#[test]
fn users_who_share_a_password_are_named_without_its_digest() {
    needs_module!();
    let server = Server::start();
    let mut client = server.client();
    let id = "auth.shared-password";
    Report::by(&mut client).shows(id, "not-applicable", "fewer than two");
    let (one, other) = (strong_password("one"), strong_password("other"));
    acl(&mut client, &["SETUSER", "a", "on", &format!(">{one}")]);
    acl(&mut client, &["SETUSER", "b", "on", &format!(">{other}")]);
    Report::by(&mut client).shows(id, "pass", "no two enabled users share");
    acl(&mut client, &["SETUSER", "b", &format!(">{one}")]);
    let report = Report::by(&mut client);
    assert_eq!(report.actual(id), "one password for a, b");
    let users = client.call(["ACL", "LIST"]).texts().join(" ");
    let digest = users
        .split_whitespace()
        .find_map(|word| word.strip_prefix('#'));
    let text = client.call(["SECAUDIT"]).to_string();
    assert!(!text.contains(digest.unwrap()) && !format!("{report:?}").contains(digest.unwrap()));
    acl(&mut client, &["SETUSER", "b", "off"]);
    Report::by(&mut client).shows(id, "not-applicable", "fewer than two");
}

#[test]
fn secrets_in_files_are_shown_by_line_and_never_quoted() {
    needs_module!();
    let [default, master, user] = ["default", "master", "user"].map(strong_password);
    let id = "auth.plaintext-secrets";
    let server = Server::builder()
        .config("user", &format!("app on >{user} +get"))
        .config("masterauth", &format!("\"{master}\""))
        .password(&default)
        .start();
    let report = Report::of(&server);
    report
        .shows(id, "fail", "redis.conf: line ")
        .shows(id, "fail", ": a password of user app")
        .shows(id, "fail", ": masterauth")
        .shows(id, "fail", ": requirepass");
    assert_eq!(report.severity(id), "medium");
    for secret in [&default, &master, &user] {
        assert!(!format!("{report:?}").contains(secret.as_str()));
    }

    let hashed = "user default on nopass ~* &* +@all\nuser app on #1b58ee375b42e41f0e48ef2ff27d10a5b1f6924a9acdcdba7cae868e7adce6bf +get\n";
    let server = Server::builder()
        .config("aclfile", "users.acl")
        .file("users.acl", hashed)
        .start();
    Report::of(&server).shows(id, "pass", "2 files read, no secret in clear");
    std::fs::write(
        server.dir().join("users.acl"),
        format!("{hashed}user x on >{user} +get\n"),
    )
    .unwrap();
    let report = Report::of(&server);
    report.shows(id, "fail", "users.acl: line 3: a password of user x");
    std::fs::remove_file(server.dir().join("users.acl")).unwrap();
    Report::of(&server).shows(id, "unknown", "users.acl: not there");
}

#[test]
fn a_masters_password_in_a_closed_file_is_low() {
    needs_module!();
    let id = "auth.plaintext-secrets";
    let server = Server::builder()
        .config("masterauth", &strong_password("low"))
        .start();
    set_mode(&server.conf(), 0o644);
    assert_eq!(Report::of(&server).severity(id), "medium");
    set_mode(&server.conf(), 0o600);
    let report = Report::of(&server);
    report.shows(id, "fail", ": masterauth");
    assert_eq!(report.severity(id), "low");
}

#[test]
fn users_in_redis_conf_want_an_aclfile() {
    needs_module!();
    let id = "auth.aclfile";
    Report::of(&Server::start()).shows(id, "not-applicable", "redis.conf names no users");
    let server = Server::builder()
        .config(
            "user",
            "app on #1b58ee375b42e41f0e48ef2ff27d10a5b1f6924a9acdcdba7cae868e7adce6bf +get",
        )
        .config("user", "default on nopass ~* &* +@all")
        .start();
    let report = Report::of(&server);
    assert_eq!(report.actual(id), "aclfile \"\", and user lines for app");
    let server = Server::builder()
        .config("aclfile", "users.acl")
        .file("users.acl", "user default on nopass ~* &* +@all\n")
        .start();
    Report::of(&server).shows(id, "pass", "aclfile users.acl");
}
