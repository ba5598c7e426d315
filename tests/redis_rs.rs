//! redis-rs, a client as applications use it, against a gated server: each refusal arrives as the error it is, nothing else suffers.

use crate::harness::cluster::Cluster;
use crate::harness::server::Server;
use crate::harness::skip::needs_module;
use crate::harness::version;
use redis::cluster::ClusterClient;
use redis::{Commands, ErrorKind, RedisError, RedisResult, Script, ServerErrorKind};
use std::time::Duration;

const POLICY: &str = "deny flushall id=no-flush\n\
    deny set arg1=forbidden:* id=by-key\n\
    deny subscribe arg=secret id=no-secret\n\
    rename config cfg-71c2\n";

fn gated() -> Server {
    Server::builder().policy(POLICY).start()
}

/// A connection that speaks RESP2 or RESP3.
fn connection(server: &Server, protocol: u8) -> redis::Connection {
    let address = format!(
        "redis://127.0.0.1:{}/?protocol=resp{protocol}",
        server.port()
    );
    let connection = redis::Client::open(address)
        .unwrap()
        .get_connection()
        .unwrap();
    let limit = Some(Duration::from_secs(20));
    connection.set_read_timeout(limit).unwrap();
    connection
}

/// Redis 7.0 does not tell filters who calls; there every refusal is an "unknown command" that names the rule.
#[track_caller]
fn assert_refused(error: &RedisError, rule: &str) {
    let wanted = match version::under_test().tells_filters_who_calls() {
        true => ErrorKind::Server(ServerErrorKind::NoPerm),
        false => ErrorKind::Server(ServerErrorKind::ResponseError),
    };
    assert_eq!(error.kind(), wanted, "{error}");
    assert!(error.to_string().contains(rule), "{error}");
    assert!(!error.is_unrecoverable_error(), "{error}");
}

#[test]
fn a_refusal_is_a_typed_error_in_both_protocols_and_the_connection_goes_on() {
    needs_module!();
    let server = gated();
    for protocol in [2, 3] {
        let mut client = connection(&server, protocol);
        let () = client.set("k", "v").unwrap();
        let error = client.flushall::<()>().unwrap_err();
        assert_refused(&error, "no-flush");
        let error = client.set::<_, _, ()>("forbidden:1", "v").unwrap_err();
        assert_refused(&error, "by-key");
        assert_eq!(client.get("k"), Ok("v".to_owned()));
    }
}

#[test]
fn a_renamed_command_answers_to_its_new_name_alone() {
    needs_module!();
    let server = gated();
    let mut client = connection(&server, 3);
    let get = |name: &str| {
        let mut call = redis::cmd(name);
        call.arg("GET").arg("port");
        call
    };
    let answer: RedisResult<std::collections::HashMap<String, u16>> =
        get("cfg-71c2").query(&mut client);
    assert_eq!(answer.unwrap()["port"], server.port());
    let error = get("CONFIG").exec(&mut client).unwrap_err();
    assert!(error.to_string().contains("unknown command"), "{error}");
}

#[test]
fn a_refused_call_aborts_its_transaction_and_nothing_of_it_runs() {
    needs_module!();
    let server = gated();
    let mut client = connection(&server, 3);
    let mut transaction = redis::pipe();
    transaction.atomic().set("a", 1).cmd("FLUSHALL").set("b", 2);
    let error = transaction.exec(&mut client).unwrap_err();
    let errors = error.to_string();
    assert!(errors.contains("no-flush"), "{errors}");
    assert_eq!(client.exists(&["a", "b"]), Ok(0));
    let answers: RedisResult<(i32, i32)> = redis::pipe()
        .atomic()
        .incr("a", 1)
        .incr("a", 1)
        .query(&mut client);
    assert_eq!(answers, Ok((1, 2)));
}

#[test]
fn in_a_pipeline_the_other_calls_have_their_answers() {
    needs_module!();
    let server = gated();
    let mut client = connection(&server, 3);
    let mut pipeline = redis::pipe();
    pipeline.set("c", 1).cmd("FLUSHALL").get("c");
    let answers: Vec<redis::Value> = pipeline.ignore_errors().query(&mut client).unwrap();
    assert_eq!(answers[0], redis::Value::Okay);
    let error = RedisError::from(match &answers[1] {
        redis::Value::ServerError(error) => error.clone(),
        other => panic!("answered: {other:?}"),
    });
    assert_refused(&error, "no-flush");
    assert_eq!(answers[2], redis::Value::BulkString(b"1".to_vec()));
}

#[test]
fn scripts_run_and_a_refused_call_in_one_is_its_error() {
    needs_module!();
    let server = gated();
    let mut client = connection(&server, 3);
    let () = client.set("c", 1).unwrap();
    let script = Script::new("return redis.call('get', KEYS[1])");
    assert_eq!(script.key("c").invoke(&mut client), Ok(1));
    let script = Script::new("return redis.call('flushall')");
    let error = script.invoke::<()>(&mut client).unwrap_err();
    assert!(error.to_string().contains("no-flush"), "{error}");
    let script = Script::new("return redis.pcall('flushall').err");
    let caught: String = script.invoke(&mut client).unwrap();
    assert!(caught.contains("no-flush"), "{caught}");
    assert_eq!(client.get("c"), Ok(1));
}

#[test]
fn a_subscriber_hears_messages_but_not_those_of_a_channel_it_was_refused() {
    needs_module!();
    let server = gated();
    let mut listening = connection(&server, 2);
    let mut listener = listening.as_pubsub();
    listener.subscribe("news").unwrap();
    // redis-rs 1.8 gives the error of a refused SUBSCRIBE to nobody; the server's answer itself is read below.
    let _ = listener.subscribe("secret");
    let mut other = connection(&server, 2);
    assert_eq!(other.publish("secret", "psst"), Ok(0));
    assert_eq!(other.publish("news", "hello"), Ok(1));
    let message = listener.get_message().unwrap();
    assert_eq!(message.get_payload(), Ok("hello".to_owned()));
    let mut subscribe = redis::cmd("SUBSCRIBE");
    let error = subscribe.arg("secret").exec(&mut other).unwrap_err();
    assert_refused(&error, "no-secret");
}

#[test]
fn the_report_the_log_and_info_are_read_as_any_answer() {
    needs_module!();
    let server = gated();
    for protocol in [2, 3] {
        let mut client = connection(&server, protocol);
        let _refused: RedisResult<()> = client.flushall();
        let lines: Vec<String> = redis::cmd("SECAUDIT").query(&mut client).unwrap();
        assert!(lines.len() > 20, "{lines:?}");
        let mut log = redis::cmd("SECGATE");
        let log: String = log.arg("LOG").arg("JSON").query(&mut client).unwrap();
        assert!(log.contains("no-flush"), "{log}");
        let mut info = redis::cmd("INFO");
        let info: redis::InfoDict = info.arg("secaudit").query(&mut client).unwrap();
        assert!(info.get::<u64>("secaudit_calls_denied") > Some(0));
    }
}

#[test]
fn in_a_cluster_keys_find_their_nodes_and_each_node_refuses_for_itself() {
    needs_module!();
    let cluster = Cluster::start(&Server::builder().policy(POLICY));
    let nodes = cluster.nodes.iter();
    let addresses: Vec<String> = nodes
        .map(|node| format!("redis://127.0.0.1:{}", node.port()))
        .collect();
    let client = ClusterClient::new(addresses).unwrap();
    let mut client = client.get_connection().unwrap();
    for number in 0..50 {
        let () = client.set(format!("k{number}"), number).unwrap();
    }
    for number in 0..50 {
        assert_eq!(client.get(format!("k{number}")), Ok(number));
    }
    for key in ["forbidden:1", "forbidden:2", "forbidden:3", "forbidden:4"] {
        let error = client.set::<_, _, ()>(key, "v").unwrap_err();
        assert_refused(&error, "by-key");
    }
    let error = client.flushall::<()>().unwrap_err();
    assert!(error.to_string().contains("no-flush"), "{error}");
    assert_eq!(client.get("k1"), Ok(1));
}
