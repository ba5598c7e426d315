//! RESP: every type is parsed, shown with its odd bytes escaped, and nothing is waited for without end.

use super::{bare, complaint_of};
use crate::harness::resp::{Client, Reply};
use crate::harness::server::Server;
use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::time::Duration;

/// A client of a "server" that sends these bytes and closes.
fn sent(bytes: &'static [u8]) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::tcp(listener.local_addr().unwrap().port()).unwrap();
    listener.accept().unwrap().0.write_all(bytes).unwrap();
    client
}

fn simple(text: &str) -> Reply {
    Reply::Simple(text.into())
}

fn bulk(text: &str) -> Reply {
    Reply::Bulk(text.into())
}

#[test]
fn every_type_of_resp2_and_resp3_is_parsed() {
    let cases: [(&'static [u8], Reply); 20] = [
        (b"+OK\r\n", simple("OK")),
        (b"-ERR no\r\n", Reply::Error(b"ERR no".to_vec())),
        (b"!6\r\nERR\r\nx\r\n", Reply::Error(b"ERR\r\nx".to_vec())),
        (b":-7\r\n", Reply::Int(-7)),
        (b"$4\r\na\0\r\n\r\n", Reply::Bulk(b"a\0\r\n".to_vec())),
        (b"$0\r\n\r\n", bulk("")),
        (b"$-1\r\n", Reply::Nil),
        (b"*-1\r\n", Reply::Nil),
        (b"_\r\n", Reply::Nil),
        (b"*0\r\n", Reply::Array(vec![])),
        (
            b"*2\r\n:1\r\n*1\r\n+a\r\n",
            Reply::Array(vec![Reply::Int(1), Reply::Array(vec![simple("a")])]),
        ),
        (
            b"%1\r\n+k\r\n$1\r\nv\r\n",
            Reply::Map(vec![(simple("k"), bulk("v"))]),
        ),
        (
            b"~2\r\n:1\r\n:2\r\n",
            Reply::Set(vec![Reply::Int(1), Reply::Int(2)]),
        ),
        (
            b">2\r\n+message\r\n_\r\n",
            Reply::Push(vec![simple("message"), Reply::Nil]),
        ),
        (b"#t\r\n", Reply::Bool(true)),
        (b"#f\r\n", Reply::Bool(false)),
        (b",1.5\r\n", Reply::Double(1.5)),
        (b",-inf\r\n", Reply::Double(f64::NEG_INFINITY)),
        (
            b"(123456789012345678901234567890\r\n",
            Reply::BigNumber(b"123456789012345678901234567890".to_vec()),
        ),
        (
            b"=7\r\ntxt:abc\r\n",
            Reply::Verbatim("txt".into(), b"abc".to_vec()),
        ),
    ];
    for (bytes, wanted) in cases {
        let mut client = sent(bytes);
        assert_eq!(client.read(), wanted, "{}", bytes.escape_ascii());
        client.expect_closed();
    }
    let remark = sent(b"|1\r\n+ttl\r\n:9\r\n+OK\r\n").read();
    assert_eq!(
        remark,
        Reply::Attribute(vec![(simple("ttl"), Reply::Int(9))], Box::new(simple("OK")))
    );
}

#[test]
fn what_is_not_resp_is_an_error() {
    let cases: [&[u8]; 6] = [
        b"?x\r\n",
        b"\r\n",
        b":one\r\n",
        b"$3\r\nabcd\r\n",
        b"+no end",
        b"#x\r\n",
    ];
    for bytes in cases {
        let error = sent(bytes).try_read().unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::InvalidData,
            "{}: {error}",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn pushes_are_not_taken_for_answers() {
    assert_eq!(
        sent(b">1\r\n+hello\r\n+PONG\r\n").call(["PING"]),
        simple("PONG")
    );
    let replies = sent(b">1\r\n+hello\r\n+A\r\n>1\r\n+hello\r\n+B\r\n").pipeline([["A"], ["B"]]);
    assert_eq!(replies, [simple("A"), simple("B")]);
}

#[test]
fn odd_bytes_are_shown_escaped() {
    let reply = Reply::Array(vec![
        Reply::Bulk(b"\xff\0\r\n\x1b".to_vec()),
        Reply::Error(b"E\n".to_vec()),
        Reply::Nil,
    ]);
    assert_eq!(
        reply.to_string(),
        r#"["\xff\x00\r\n\x1b", (error) E\n, (nil)]"#
    );
    assert_eq!(
        format!("{reply:?}"),
        r#"Array([Bulk("\xff\x00\r\n\x1b"), Error("E\n"), Nil])"#
    );
    let map = Reply::Map(vec![(simple("k"), Reply::Set(vec![Reply::Int(1)]))]);
    assert_eq!(map.to_string(), "{k => ~[(integer) 1]}");
}

#[test]
fn a_reply_of_another_kind_than_expected_is_shown() {
    let said = complaint_of(|| Reply::Error(b"NOPERM no".to_vec()).text());
    assert!(said.contains("NOPERM no"), "{said}");
}

#[test]
fn a_silent_server_is_not_waited_for_without_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::tcp(listener.local_addr().unwrap().port()).unwrap();
    let mut client = client.patience(Duration::from_millis(50));
    assert_eq!(
        client.try_call(["PING"]).unwrap_err().kind(),
        ErrorKind::TimedOut
    );
    assert!(
        client
            .read_within(Duration::from_millis(10))
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_connection_that_the_server_closes_is_noticed() {
    let server = bare();
    let mut client = server.client();
    client.send_raw(b"*1\r\n$9999999999999\r\n");
    assert!(client.read().error_text().contains("Protocol error"));
    client.expect_closed();
}

#[test]
fn a_real_server_speaks_every_type() {
    let server = Server::builder().no_module().allow_debug().start();
    let mut client = server.client();
    let hello = client.hello3();
    assert_eq!(hello.get("proto").int(), 3);
    let mut told = |kind: &str| client.call(["DEBUG", "PROTOCOL", kind]);
    assert_eq!(told("string"), bulk("Hello World"));
    assert!(told("null").is_nil());
    assert_eq!(told("true"), Reply::Bool(true));
    assert!(matches!(told("double"), Reply::Double(number) if number.floor() == 3.0));
    assert!(matches!(told("bignum"), Reply::BigNumber(_)));
    assert_eq!(
        told("array").items(),
        [Reply::Int(0), Reply::Int(1), Reply::Int(2)]
    );
    assert_eq!(told("set").items().len(), 3);
    assert!(matches!(told("map"), Reply::Map(pairs) if pairs.len() == 3));
    assert!(matches!(told("verbatim"), Reply::Verbatim(format, _) if format == "txt"));
    assert!(matches!(told("attrib"), Reply::Attribute(..)));
}
