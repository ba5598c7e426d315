//! Events as lines for eyes and as JSON for tools.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::escape::printable;
use crate::events::Event;

/// One event as one line of `name=value` words, in the order of DESIGN's fields.
pub fn line(event: &Event) -> String {
    let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
    format!(
        "#{} {} {} command={} rule={} user={} address={} client={}{} via={} count={}",
        event.seq,
        humantime::format_rfc3339_millis(event.time),
        event.happened.word(),
        event.command,
        event.rule,
        or_unknown(event.user.as_deref().map(printable)),
        or_unknown(event.address.clone()),
        or_unknown(event.client.map(|id| id.to_string())),
        event
            .client_name
            .as_deref()
            .map(|name| format!(" name={}", printable(name)))
            .unwrap_or_default(),
        event.via.word(),
        event.count,
    )
}

/// Events as a JSON array of objects.
pub fn json<'e>(events: impl Iterator<Item = &'e Event>) -> String {
    Value::Array(events.map(object).collect()).to_string()
}

/// One event as a JSON object; what the server does not tell is `null`.
pub fn object(event: &Event) -> Value {
    json!({
        "seq": event.seq,
        "time": humantime::format_rfc3339_millis(event.time).to_string(),
        "first_time": humantime::format_rfc3339_millis(event.first_time).to_string(),
        "action": event.happened.word(),
        "rule": event.rule,
        "command": event.command,
        "user": event.user.as_deref().map(printable),
        "address": event.address,
        "client": event.client,
        "client_name": event.client_name.as_deref().map(printable),
        "via": event.via.word(),
        "count": event.count,
    })
}

/// What stands in the log file where events are missing.
pub fn gap(dropped: u64, time: SystemTime) -> Value {
    json!({
        "dropped": dropped,
        "time": humantime::format_rfc3339_millis(time).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::events::{Happened, Via};

    #[test]
    fn an_event_is_shown_with_what_the_server_tells_and_no_raw_bytes() {
        let event = Event {
            seq: 7,
            time: SystemTime::UNIX_EPOCH + Duration::from_millis(1500),
            first_time: SystemTime::UNIX_EPOCH,
            happened: Happened::Denied,
            rule: "no-flush".to_owned(),
            command: "config|set".to_owned(),
            user: Some(b"a\r\nb".to_vec()),
            address: None,
            client: Some(3),
            client_name: None,
            via: Via::Script,
            count: 1,
        };
        assert_eq!(
            line(&event),
            "#7 1970-01-01T00:00:01.500Z deny command=config|set rule=no-flush user=a\\r\\nb address=? client=3 via=script count=1"
        );
        let text = json([&event].into_iter());
        assert!(
            text.contains(r#""user":"a\\r\\nb""#) && text.contains(r#""address":null"#),
            "{text}"
        );
    }
}
