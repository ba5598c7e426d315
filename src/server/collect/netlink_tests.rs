//! Tests of the netlink messages.

use super::*;
use proptest::prelude::*;

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len() + 4).unwrap_or_default();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn message(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 16).unwrap_or_default();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend([0; 10]);
    bytes.extend(body);
    bytes
}

fn chain_message(hook: Option<u32>) -> Vec<u8> {
    let mut body = vec![1, 0, 0, 0];
    body.extend(attribute(1, b"filter\0"));
    body.extend(attribute(3, b"input\0"));
    if let Some(hook) = hook {
        body.extend(attribute(0x8004, &attribute(1, &hook.to_be_bytes())));
        body.extend(attribute(5, &0_u32.to_be_bytes()));
        body.extend(attribute(7, b"filter\0"));
    }
    body.extend(attribute(6, &3_u32.to_be_bytes()));
    message(NEW_CHAIN, &body)
}

#[test]
fn base_chains_are_read_and_other_chains_left_out() {
    let mut part = chain_message(Some(1));
    part.extend(chain_message(None));
    part.extend(message(DONE, &[0; 4]));
    let mut chains = Vec::new();
    assert_eq!(read_part(&part, &mut chains), Ok(true));
    let wanted = BaseChain {
        family: "inet",
        table: b"filter".to_vec(),
        name: b"input".to_vec(),
        kind: b"filter".to_vec(),
        hook: INPUT,
        drops: true,
        rules: 3,
    };
    assert_eq!(chains, [wanted]);
}

#[test]
fn an_answer_goes_on_until_its_end_is_told() {
    assert_eq!(
        read_part(&chain_message(Some(1)), &mut Vec::new()),
        Ok(false)
    );
}

#[test]
fn a_refusal_is_told_from_other_errors() {
    let error = |code: i32| read_part(&message(ERROR, &code.to_ne_bytes()), &mut Vec::new());
    assert_eq!(error(-1), Err(Refusal::NotPermitted));
    assert_eq!(
        error(-95),
        Err(Refusal::Other("netlink: error 95".to_owned()))
    );
    assert_eq!(error(0), Ok(true));
}

#[test]
fn the_request_is_as_long_as_it_says() {
    let request = request();
    assert_eq!(host_u32(&request, 0), Some(20));
    assert_eq!(host_u16(&request, 4), Some(GET_CHAIN));
    assert_eq!(host_u16(&request, 6), Some(REQUEST_DUMP));
}

proptest! {
    #[test]
    fn no_answer_makes_the_reader_panic_or_run_on(part: Vec<u8>) {
        let _ = read_part(&part, &mut Vec::new());
    }
}
