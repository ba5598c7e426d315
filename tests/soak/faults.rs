//! What fails around the server: a full disk, a folder that turns read-only, no memory left. The error says so, and
//! nothing is lost.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::harness::process::run;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use crate::harness::wait::DEADLINE;

const POLICY: &str = "mode enforce\ndeny keys id=old\n";

/// A server whose policy file lies on a file system of a megabyte that only it sees, and the path by which we do.
fn on_a_small_disk() -> Option<(Server, PathBuf)> {
    let mut probe = Command::new("unshare");
    probe.args(["-m", "mount", "-t", "tmpfs", "none", "/mnt"]);
    if !run(probe, b"", DEADLINE).status.success() {
        return None;
    }
    let mount = "mkdir small && mount -t tmpfs -o size=1m none small && cp kept small/p.policy && exec \"$@\"";
    let server = Server::builder()
        .file("kept", POLICY)
        .module_args(&["small/p.policy"])
        .under(&["unshare", "-m", "sh", "-c", mount, "sh"])
        .start();
    let inside = PathBuf::from(format!("/proc/{}/root", server.pid()));
    let small = inside
        .join(server.dir().strip_prefix("/").unwrap())
        .join("small");
    Some((server, small))
}

/// SAVE must fail with this reason; the file and the folder are as they were, and the policy in force stays.
#[track_caller]
fn save_fails(server: &Server, small: &std::path::Path, reason: &str) {
    let before: Vec<_> = fs::read_dir(small)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    let error = server.call(["SECGATE", "SAVE"]).error_text();
    assert!(
        error.contains("cannot be written, and is as it was") && error.contains(reason),
        "{error}"
    );
    assert_eq!(fs::read_to_string(small.join("p.policy")).unwrap(), POLICY);
    let after: Vec<_> = fs::read_dir(small)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(before, after, "something is left behind");
    assert!(
        server.call(["EVAL", "return 1", "0"]).is_error(),
        "the new rule is still in force"
    );
}

#[test]
fn a_full_disk_is_told_by_save_and_the_old_policy_file_stays() {
    needs_module!();
    let small_disk = on_a_small_disk();
    require!(
        small_disk.is_some(),
        "a small file system cannot be mounted here"
    );
    let (server, small) = small_disk.unwrap();
    assert!(
        !server
            .call(["SECGATE", "DENY", "eval", "id=new"])
            .is_error()
    );
    fs::write(small.join("filler"), vec![0; 1 << 20]).unwrap_err();
    save_fails(&server, &small, "No space left on device");
    fs::remove_file(small.join("filler")).unwrap();
    assert!(server.call(["SECGATE", "SAVE"]).is_ok());
    assert!(
        fs::read_to_string(small.join("p.policy"))
            .unwrap()
            .contains("deny eval id=new")
    );
}

#[test]
fn a_folder_that_turned_read_only_is_told_by_save() {
    needs_module!();
    let small_disk = on_a_small_disk();
    require!(
        small_disk.is_some(),
        "a small file system cannot be mounted here"
    );
    let (server, small) = small_disk.unwrap();
    assert!(
        !server
            .call(["SECGATE", "DENY", "eval", "id=new"])
            .is_error()
    );
    let remount = |how: &str| {
        let mut command = Command::new("nsenter");
        command.args(["-m", "-t", &server.pid().to_string(), "mount", "-o", how]);
        command.arg(server.dir().join("small"));
        run(command, b"", DEADLINE).status.success()
    };
    require!(
        remount("remount,ro"),
        "a file system cannot be made read-only here"
    );
    save_fails(&server, &small, "Read-only file system");
    assert!(remount("remount,rw"));
    assert!(server.call(["SECGATE", "SAVE"]).is_ok());
}

#[test]
fn without_memory_left_the_gate_holds_can_be_changed_and_the_report_is_made() {
    needs_module!();
    let server = Server::builder().policy(POLICY).start();
    assert!(
        server
            .call(["CONFIG", "SET", "maxmemory-policy", "noeviction"])
            .is_ok()
    );
    assert!(server.call(["CONFIG", "SET", "maxmemory", "1"]).is_ok());
    assert!(
        server
            .call(["SET", "k", "v"])
            .error_text()
            .starts_with("OOM")
    );
    assert!(
        server
            .call(["KEYS", "*"])
            .error_text()
            .contains("secaudit rule")
    );
    assert!(
        !server
            .call(["SECGATE", "DENY", "flushall", "id=more"])
            .is_error()
    );
    assert!(
        server
            .call(["FLUSHALL"])
            .error_text()
            .contains("secaudit rule")
    );
    assert!(server.call(["SECGATE", "SAVE"]).is_ok());
    assert!(server.call(["SECGATE", "LOG"]).texts().len() >= 2);
    assert!(server.call(["SECAUDIT"]).texts().len() > 20);
}
