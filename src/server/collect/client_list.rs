//! CLIENT LIST of any length: where all lines at once would hold up the server, some at a time, by the clients' ids.

use super::ask::{Ask, Reply};
use super::config_file::ConfigFile;
use super::wire_name::wire_name;

/// Up to here one question is short enough: listing a client takes the server a few microseconds.
const FEW: u64 = 1000;
/// So many lines are asked for at a time.
const LINES: usize = 50;
/// Ids are given out in turn, one for each connection, and a few to clients that have none. So many are looked through, the
/// youngest; it takes the server about a fifth of a second.
const MOST_IDS: u64 = 10_000_000;
/// So many connections may come while they are looked through.
const NEWCOMERS: u64 = 10_000;

/// The lines of CLIENT LIST, in the order of the ids. `connected` is about how many there should be; where more than a
/// few of them are not found, it is an error.
pub fn read(ask: &dyn Ask, file: &ConfigFile, connected: u64) -> Result<Vec<u8>, String> {
    let client = wire_name(ask, file, "client")?;
    if connected <= FEW {
        return text(ask.call(&[&client, b"list"]));
    }
    let ids = ids(ask, connected)?;
    let words = |ids: &[u64]| {
        let ids = ids.iter().map(|id| id.to_string().into_bytes());
        let start = [client.clone(), b"list".to_vec(), b"id".to_vec()];
        start.into_iter().chain(ids).collect()
    };
    let calls = ids.chunks(LINES).map(words).collect();
    let texts = ask.call_each(calls).into_iter().map(text);
    Ok(texts.collect::<Result<Vec<_>, _>>()?.concat())
}

/// The ids of the clients there are.
fn ids(ask: &dyn Ask, connected: u64) -> Result<Vec<u64>, String> {
    let received = ask.info("stats", "total_connections_received");
    let received: u64 = received.and_then(|count| count.parse().ok()).unwrap_or(0);
    let youngest = received.saturating_add(NEWCOMERS);
    let oldest = youngest.saturating_sub(MOST_IDS).max(1);
    let mut found = ask.client_ids(oldest..youngest)?;
    // CONFIG RESETSTAT makes the server forget how many came, and modules use up ids for clients of their own.
    if !is_about(found.len(), connected) {
        found.extend(ask.client_ids(youngest..youngest.saturating_add(MOST_IDS))?);
    }
    match is_about(found.len(), connected) {
        true => Ok(found),
        false => Err(format!(
            "of {connected} clients only {} were found by their ids, and all at once are too many to list",
            found.len()
        )),
    }
}

/// Some come and some go meanwhile.
fn is_about(found: usize, connected: u64) -> bool {
    let found = u64::try_from(found).unwrap_or(u64::MAX);
    found >= connected.saturating_sub(connected / 50)
}

fn text(reply: Result<Reply, String>) -> Result<Vec<u8>, String> {
    match reply {
        Ok(Reply::Text(text)) => Ok(text),
        Ok(_) => Err("CLIENT LIST answered in a form that is not known".to_owned()),
        Err(reason) => Err(reason),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::twin::Twin;
    use super::*;

    fn twin(received: u64, ids: impl IntoIterator<Item = u64>) -> Twin {
        Twin::redis_7()
            .command("client")
            .tells("stats", "total_connections_received", &received.to_string())
            .has_clients(ids)
    }

    fn lines(twin: &Twin, connected: u64) -> Result<usize, String> {
        let text = read(twin, &ConfigFile::default(), connected)?;
        Ok(text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .count())
    }

    #[test]
    fn a_few_are_listed_at_once() {
        assert_eq!(lines(&twin(0, [9_000_000_000]), 1), Ok(1));
    }

    #[test]
    fn many_are_found_by_their_ids() {
        let ids = (1..1500).chain(700_000..702_000);
        assert_eq!(lines(&twin(701_990, ids), 3499), Ok(3499));
    }

    #[test]
    fn a_few_that_have_gone_do_not_matter() {
        assert_eq!(lines(&twin(2000, 1..1990), 2000), Ok(1989));
    }

    #[test]
    fn statistics_that_were_reset_do_not_mislead() {
        assert_eq!(lines(&twin(5, 1..20_000), 19_999), Ok(19_999));
    }

    #[test]
    fn clients_that_are_not_found_are_a_reason() {
        let reason = lines(&twin(100_000_000, 1..5000), 5000).unwrap_err();
        assert!(
            reason.contains("of 5000 clients only 0 were found"),
            "{reason}"
        );
    }
}
