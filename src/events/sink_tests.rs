//! Unit tests of the log file's writer, on real files.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use super::super::event::SAMPLE;
use super::super::queue::{Intake, LONGEST, Totals, queue};
use super::*;

/// A writer that is stepped by hand, its queue and its file.
struct Bench {
    folder: tempfile::TempDir,
    path: PathBuf,
    totals: Arc<Totals>,
    intake: Option<Intake>,
    sink: Sink,
    seq: u64,
    now: Instant,
}

impl Bench {
    fn new(content: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.log");
        if !content.is_empty() {
            fs::write(&path, content).unwrap();
        }
        let totals = Arc::new(Totals::default());
        let (intake, outlet) = queue(&totals, 0);
        let sink = Sink::new(outlet, LogFile::open(&path).unwrap(), 0);
        Self {
            folder,
            path,
            totals,
            intake: Some(intake),
            sink,
            seq: 0,
            now: Instant::now(),
        }
    }

    fn offer(&mut self, count: usize) {
        for _ in 0..count {
            self.seq += 1;
            let event = || SAMPLE.recorded(self.seq, None);
            self.intake.as_ref().unwrap().offer(self.seq, event);
        }
    }

    /// Steps until there is nothing more to do at this time.
    fn steps(&mut self) -> Next {
        loop {
            match self.sink.step(self.now) {
                Next::GoOn => {}
                next => return next,
            }
        }
    }

    fn trouble(&self) -> i32 {
        self.intake.as_ref().unwrap().trouble()
    }

    fn lines(&self) -> Vec<serde_json::Value> {
        lines_of(&self.path)
    }
}

fn lines_of(path: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn seqs(lines: &[serde_json::Value]) -> Vec<u64> {
    lines
        .iter()
        .filter_map(|line| line["seq"].as_u64())
        .collect()
}

#[test]
fn every_event_becomes_one_line_in_a_new_file_of_mode_600() {
    let mut bench = Bench::new("");
    bench.offer(600);
    assert_eq!(bench.steps(), Next::Nap);
    let lines = bench.lines();
    assert_eq!(seqs(&lines), (1..=600).collect::<Vec<_>>());
    assert_eq!(lines.first().unwrap()["user"], "a\\nb");
    assert_eq!(bench.totals.written(), 600);
    assert!(bench.intake.as_ref().unwrap().is_flushed());
    let mode = fs::metadata(&bench.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn what_a_killed_writer_left_unfinished_gets_no_line_behind_it() {
    let mut bench = Bench::new("{\"whole\":1}\n{\"torn\":");
    bench.offer(1);
    bench.steps();
    let text = fs::read_to_string(&bench.path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines.get(1), Some(&"{\"torn\":"));
    assert!(lines.get(2).unwrap().contains("\"seq\":1"));
}

#[test]
fn a_file_that_was_renamed_removed_or_emptied_is_followed() {
    let mut bench = Bench::new("");
    bench.offer(1);
    bench.steps();
    let old = bench.folder.path().join("events.log.1");
    fs::rename(&bench.path, &old).unwrap();
    bench.offer(1);
    bench.steps();
    assert_eq!(
        (seqs(&lines_of(&old)), seqs(&bench.lines())),
        (vec![1], vec![2])
    );
    fs::rename(&bench.path, &old).unwrap();
    fs::write(&bench.path, "").unwrap();
    bench.offer(1);
    bench.steps();
    assert_eq!(seqs(&bench.lines()), [3]);
    fs::remove_file(&bench.path).unwrap();
    bench.offer(1);
    bench.steps();
    assert_eq!(seqs(&bench.lines()), [4]);
    File::options()
        .write(true)
        .open(&bench.path)
        .unwrap()
        .set_len(0)
        .unwrap();
    bench.offer(1);
    bench.steps();
    assert_eq!(seqs(&bench.lines()), [5]);
    assert_eq!((bench.totals.written(), bench.totals.dropped()), (5, 0));
}

#[test]
fn a_file_that_is_gone_is_made_again_although_nothing_happens() {
    let mut bench = Bench::new("");
    bench.steps();
    fs::remove_file(&bench.path).unwrap();
    bench.steps();
    assert!(!bench.path.exists(), "it looks once a second");
    bench.now += PAUSE;
    bench.steps();
    assert!(bench.path.exists());
}

#[test]
fn while_the_file_cannot_be_written_events_wait_and_then_the_loss_is_told_in_its_place() {
    let mut bench = Bench::new("");
    let away = bench.folder.path().join("away");
    let inside = bench.folder.path().join("inside");
    fs::create_dir(&inside).unwrap();
    bench.sink.file = LogFile::open(&inside.join("log")).unwrap();
    bench.path = inside.join("log");
    fs::rename(&inside, &away).unwrap();
    bench.offer(LONGEST + 7);
    assert_eq!(bench.steps(), Next::Pause);
    assert_eq!(bench.trouble(), libc::ENOENT);
    assert_eq!((bench.totals.written(), bench.totals.dropped()), (0, 7));
    fs::rename(&away, &inside).unwrap();
    assert_eq!(bench.steps(), Next::Nap);
    bench.offer(1);
    bench.steps();
    assert_eq!(bench.trouble(), 0);
    let lines = bench.lines();
    assert_eq!(lines.len(), LONGEST + 2);
    let gap = lines.get(LONGEST).unwrap();
    assert_eq!(gap["dropped"], 7);
    assert!(gap["time"].is_string());
    assert_eq!(
        lines.last().unwrap()["seq"],
        u64::try_from(LONGEST).unwrap() + 8
    );
}

#[test]
fn a_flood_reaches_the_disk_at_no_more_than_the_rate_unless_the_server_ends() {
    let mut bench = Bench::new("");
    for _ in 0..10 {
        bench.offer(2000);
        assert_eq!(bench.steps(), Next::Nap);
    }
    let written = || bench.totals.written();
    assert_eq!(written(), u64::try_from(MOST_A_SECOND).unwrap());
    assert_eq!(20_000 - written() - bench.totals.dropped(), 4096);
    bench.now += Duration::from_secs(1);
    bench.steps();
    assert_eq!(bench.totals.written() + bench.totals.dropped(), 20_000);
    bench.offer(2000);
    bench.steps();
    bench.offer(4000);
    bench.steps();
    assert!(!bench.intake.as_ref().unwrap().is_flushed());
    drop(bench.intake.take());
    assert_eq!(bench.steps(), Next::End);
    assert_eq!(bench.totals.written() + bench.totals.dropped(), 26_000);
    let lines = bench.lines();
    let told: u64 = lines
        .iter()
        .map(|line| line["dropped"].as_u64().unwrap_or(1))
        .sum();
    assert_eq!(told, 26_000, "the file tells of every event");
}

#[test]
fn a_closed_queue_is_written_to_its_end_or_counted_as_dropped() {
    let mut bench = Bench::new("");
    bench.offer(700);
    drop(bench.intake.take());
    assert_eq!(bench.steps(), Next::End);
    assert_eq!(seqs(&bench.lines()).len(), 700);
    let mut bench = Bench::new("");
    fs::remove_dir_all(bench.folder.path()).unwrap();
    bench.offer(700);
    drop(bench.intake.take());
    assert_eq!(bench.steps(), Next::End);
    drop(bench.sink);
    assert_eq!((bench.totals.written(), bench.totals.dropped()), (0, 700));
}

#[test]
fn only_ordinary_files_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let _socket = UnixListener::bind(path("socket")).unwrap();
    symlink("socket", path("link")).unwrap();
    symlink("/dev/full", path("device")).unwrap();
    assert!(fs::metadata(path("link")).unwrap().file_type().is_socket());
    for name in ["", "socket", "link", "device"] {
        let error = LogFile::open(&path(name)).unwrap_err();
        assert!(
            error.to_string().contains("not an ordinary file"),
            "{name}: {error}"
        );
    }
    symlink("ordinary", path("good")).unwrap();
    LogFile::open(&path("good")).unwrap();
    assert!(path("ordinary").is_file(), "a link may lead to a file");
}

#[test]
fn when_something_else_takes_the_files_place_it_is_told_and_never_opened() {
    let mut bench = Bench::new("");
    fs::remove_file(&bench.path).unwrap();
    let socket = UnixListener::bind(&bench.path).unwrap();
    bench.offer(1);
    assert_eq!(bench.steps(), Next::Pause);
    assert_eq!(bench.trouble(), NO_ERRNO);
    drop(socket);
    fs::remove_file(&bench.path).unwrap();
    assert_eq!(bench.steps(), Next::Nap);
    assert_eq!(seqs(&bench.lines()), [1]);
}

#[test]
fn the_rest_of_a_torn_line_goes_behind_it_only_if_the_file_is_as_it_was() {
    for (content, expected) in [
        ("{\"a\":", "{\"a\":1}\n"),
        ("other\n", "other\n{\"a\":1}\n"),
        ("", "{\"a\":1}\n"),
        ("oth", "oth\n{\"a\":1}\n"),
    ] {
        let bench = Bench::new("x");
        let mut file = bench.sink.file;
        fs::write(&bench.path, "{\"a\":").unwrap();
        let mut lines = Lines::default();
        lines.push("{\"a\":1}", 1, true);
        let mut room = [0_u8; 5];
        lines.write_to(&mut &mut room[..]).1.unwrap_err();
        assert!(lines.is_torn());
        file.note_torn_line();
        fs::write(&bench.path, content).unwrap();
        file.prepare(&mut lines).unwrap();
        lines.write_to(&mut file.file).1.unwrap();
        assert_eq!(
            fs::read_to_string(&bench.path).unwrap(),
            expected,
            "{content}"
        );
    }
}
