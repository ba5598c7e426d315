//! Rotated, removed and full: the log file goes on, tells what it lost, and never holds the server up.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use super::{SETTING, accounted, field, file_of, lines_of, logging, number, refused, told};
use crate::harness::process::run;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::wait::DEADLINE;

#[test]
fn a_rotated_file_is_followed_and_no_event_is_lost() {
    needs_module!();
    let server = logging().start();
    let (path, old) = (file_of(&server), server.dir().join("events.log.1"));
    refused(&server, 10);
    accounted(&server);
    fs::rename(&path, &old).unwrap();
    refused(&server, 10);
    accounted(&server);
    assert_eq!((lines_of(&old).len(), lines_of(&path).len()), (10, 10));
    // As logrotate's `create` does it.
    fs::rename(&path, &old).unwrap();
    File::create(&path).unwrap();
    refused(&server, 10);
    accounted(&server);
    assert_eq!((lines_of(&old).len(), lines_of(&path).len()), (10, 10));
    fs::remove_file(&path).unwrap();
    refused(&server, 10);
    accounted(&server);
    assert_eq!(lines_of(&path).len(), 10);
    // As logrotate's `copytruncate` does it.
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(0)
        .unwrap();
    refused(&server, 10);
    accounted(&server);
    assert_eq!(lines_of(&path)[0]["seq"], 41);
    fs::remove_file(&path).unwrap();
    server.wait_until(
        "the file to be there again, although nothing happens",
        || path.exists(),
    );
    assert_eq!(number(&server, "log_file_dropped"), 0);
}

#[test]
fn while_its_folder_is_gone_events_wait_and_the_server_says_so() {
    needs_module!();
    let server = Server::builder()
        .config("enable-protected-configs", "yes")
        .policy("deny flushall\n")
        .start();
    let (folder, away) = (server.dir().join("logs"), server.dir().join("away"));
    fs::create_dir(&folder).unwrap();
    assert!(
        server
            .call(["CONFIG", "SET", SETTING, "logs/events.log"])
            .is_ok()
    );
    fs::rename(&folder, &away).unwrap();
    refused(&server, 100);
    server.wait_until("the failure in INFO", || {
        field(&server, "log_file_state") == "failing"
    });
    assert_eq!(
        field(&server, "log_file_error"),
        "No such file or directory"
    );
    refused(&server, 6000);
    assert_eq!(number(&server, "log_file_dropped"), 6100 - 4096);
    fs::rename(&away, &folder).unwrap();
    assert_eq!(accounted(&server), 4096);
    let lines = server.wait_until("the loss to be told", || {
        let lines = lines_of(&folder.join("events.log"));
        (told(&lines).1 > 0).then_some(lines)
    });
    assert_eq!(told(&lines), (4096, 6100 - 4096));
    assert_eq!(lines[4096]["dropped"], 6100 - 4096);
    assert_eq!(field(&server, "log_file_state"), "ok");
    assert_eq!(field(&server, "log_file_error"), "");
}

#[test]
fn a_full_disk_is_outlived_and_every_line_is_whole_when_there_is_room_again() {
    needs_module!();
    let alone = ["unshare", "-m", "sh", "-c"];
    let mut probe = Command::new(alone[0]);
    probe.args([alone[1], "mount", "-t", "tmpfs", "none", "/mnt"]);
    require!(
        run(probe, b"", DEADLINE).status.success(),
        "a small file system cannot be mounted here"
    );
    let mount = "mkdir small && mount -t tmpfs -o size=1m none small && exec \"$@\"";
    let server = logging()
        .config(SETTING, "small/events.log")
        .under(&[&alone[..], &[mount, "sh"]].concat())
        .start();
    // The file system is there for the server alone; this is its view.
    let inside = PathBuf::from(format!("/proc/{}/root", server.pid()));
    let small = inside
        .join(server.dir().strip_prefix("/").unwrap())
        .join("small");
    fs::write(small.join("filler"), vec![0; 1_000_000]).unwrap();
    refused(&server, 1000);
    server.wait_until("the failure in INFO", || {
        field(&server, "log_file_state") == "failing"
    });
    assert_eq!(field(&server, "log_file_error"), "No space left on device");
    let written = number(&server, "log_file_written");
    assert!((1..1000).contains(&written), "{written}");
    let text = fs::read_to_string(small.join("events.log")).unwrap();
    assert!(!text.ends_with('\n'), "a line is torn now");
    fs::remove_file(small.join("filler")).unwrap();
    assert_eq!(accounted(&server), 1000);
    assert_eq!(field(&server, "log_file_state"), "ok");
    let lines = lines_of(&small.join("events.log"));
    let seqs: Vec<u64> = lines.iter().filter_map(|l| l["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=1000).collect::<Vec<_>>());
}

#[test]
fn a_line_that_was_torn_when_the_file_was_rotated_stands_whole_in_the_next_file() {
    needs_module!();
    // No file of this server can grow beyond 64 blocks of 512 bytes.
    let server = logging()
        .under(&["sh", "-c", "ulimit -f 64 && exec \"$@\"", "sh"])
        .start();
    let path = file_of(&server);
    refused(&server, 500);
    let mut seqs = Vec::new();
    for rotation in 0..60 {
        server.wait_until("a full file, or all lines", || {
            field(&server, "log_file_state") == "failing"
                || number(&server, "log_file_written") == 500
        });
        if number(&server, "log_file_written") == 500 {
            break;
        }
        assert_eq!(field(&server, "log_file_error"), "File too large");
        let old = server.dir().join(format!("events.log.{rotation}"));
        fs::rename(&path, &old).unwrap();
        let text = fs::read_to_string(&old).unwrap();
        // A file that was rotated before the writer got to it has no line yet.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        fs::write(&old, &text[..whole]).unwrap();
        seqs.extend(lines_of(&old));
        // However busy the machine is, each file has lines of its own.
        server.wait_until("the next file", || {
            fs::metadata(&path).is_ok_and(|found| found.len() > 0)
        });
    }
    assert_eq!(accounted(&server), 500);
    seqs.extend(lines_of(&path));
    let seqs: Vec<u64> = seqs.iter().filter_map(|l| l["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=500).collect::<Vec<_>>());
}

#[test]
fn a_flood_is_written_or_counted_and_the_server_answers_at_once_meanwhile() {
    needs_module!();
    const FLOOD: u64 = 50_000;
    let server = logging().start();
    let mut other = server.client();
    let answered = std::thread::scope(|scope| {
        let flood = scope.spawn(|| {
            for _ in 0..50 {
                refused(&server, 1000);
            }
        });
        let mut answered = 0;
        while !flood.is_finished() {
            assert_eq!(other.call(["PING"]).text(), "PONG");
            answered += 1;
        }
        answered
    });
    // Whoever waited for the whole flood would have one answer.
    assert!(answered >= 10, "{answered} answers meanwhile");
    let written = accounted(&server);
    assert_eq!(number(&server, "calls_denied"), FLOOD);
    let dropped = number(&server, "log_file_dropped");
    assert_eq!(written + dropped, FLOOD);
    let lines = server.wait_until("the loss to be told", || {
        let lines = lines_of(&file_of(&server));
        (told(&lines) == (written, dropped)).then_some(lines)
    });
    let mut last = 0;
    for line in &lines {
        match line["dropped"].as_u64() {
            Some(count) => last += count,
            None => {
                last += 1;
                assert_eq!(line["seq"], last, "a gap that no line tells of");
            }
        }
    }
    assert_eq!(last, FLOOD);
}

#[test]
fn what_was_refused_just_before_the_end_is_in_the_file() {
    needs_module!();
    for signal in [false, true] {
        let server = logging().start();
        refused(&server, 3000);
        if signal {
            assert!(server.stop().success());
        } else {
            let _ = server.client().try_call(["SHUTDOWN", "NOSAVE"]);
            server.stop();
        }
        assert_eq!(told(&lines_of(&file_of(&server))), (3000, 0));
    }
}

#[test]
fn an_end_that_cannot_write_is_not_delayed() {
    needs_module!();
    let server = logging().start();
    let path = file_of(&server);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused(&server, 10);
    server.wait_until("the failure in INFO", || {
        field(&server, "log_file_state") == "failing"
    });
    assert_eq!(
        field(&server, "log_file_error"),
        "it is not an ordinary file"
    );
    // It gives up long before the harness does.
    assert!(server.stop().success());
}

#[test]
fn a_failing_file_can_be_given_up_and_its_events_are_counted() {
    needs_module!();
    let server = logging().start();
    let path = file_of(&server);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused(&server, 10);
    assert!(server.call(["CONFIG", "SET", SETTING, ""]).is_ok());
    assert_eq!(accounted(&server), 0);
    assert_eq!(number(&server, "log_file_dropped"), 10);
    assert_eq!(field(&server, "log_file_state"), "off");
}

#[test]
fn forked_children_save_and_rewrite_while_events_are_written() {
    needs_module!();
    let server = logging().appendonly().start();
    server.call(["SET", "k", "v"]);
    for (command, running) in [
        ("BGSAVE", "rdb_bgsave_in_progress"),
        ("BGREWRITEAOF", "aof_rewrite_in_progress"),
    ] {
        let mut client = server.client();
        client.send([command]);
        for _ in 0..5 {
            refused(&server, 500);
        }
        assert!(!client.read().is_error());
        server.wait_until(command, || server.info("persistence")[running] == "0");
    }
    let info = server.info("persistence");
    assert_eq!(info["rdb_last_bgsave_status"], "ok");
    assert_eq!(info["aof_last_bgrewrite_status"], "ok");
    assert_eq!(accounted(&server), 5000);
    assert_eq!(told(&lines_of(&file_of(&server))), (5000, 0));
}
