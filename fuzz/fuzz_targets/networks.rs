//! Any `from=` list and any address: what it holds is what bit by bit comparison says.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use secaudit_fuzz::model;
use secaudit_fuzz::policy::condition::{Condition, Source};

fuzz_target!(|data: &[u8]| {
    let Some((address, text)) = data.split_at_checked(16) else { return };
    let address: [u8; 16] = address.try_into().unwrap_or_default();
    let v4 = Ipv4Addr::new(address[0], address[1], address[2], address[3]);
    let Some(Ok(Condition::From(list))) = Condition::read(b"from", text) else { return };
    for source in [Source::of(IpAddr::V6(Ipv6Addr::from(address))), Source::of(IpAddr::V4(v4)), Source::of(IpAddr::V6(v4.to_ipv6_mapped())), Source::Unix] {
        let ours = list.holds(|net| net.contains(source), |net| net.contains(source));
        let (mut plain, mut some_plain, mut negated) = (false, false, false);
        for item in text.split(|byte| *byte == b',') {
            match item.strip_prefix(b"!") {
                Some(item) => negated |= model::network_holds(item, source),
                None => {
                    some_plain = true;
                    plain |= model::network_holds(item, source);
                }
            }
        }
        assert_eq!(ours, (plain || !some_plain) && !negated, "{:?} {source:?}", text.escape_ascii().to_string());
    }
});
