//! file.module, file.parents, file.staging: what lies where.

use super::super::{Report, set_mode, strong_password};
use crate::harness::account::{NO_OWN_ACCOUNT, OWN_ID, can_have_own, is_root};
use crate::harness::module;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use std::fs;
use std::os::unix::fs::{chown, lchown, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Where the module lies that the server has loaded.
fn loaded(server: &Server) -> PathBuf {
    let maps = fs::read_to_string(format!("/proc/{}/maps", server.pid())).unwrap();
    let paths = maps
        .lines()
        .filter_map(|line| line.find('/').map(|at| &line[at..]));
    let mut ours = paths.filter(|path| path.contains("libsecaudit.so"));
    PathBuf::from(ours.next().unwrap())
}

#[test]
fn a_module_that_only_root_can_change_passes_and_any_other_fails() {
    needs_module!();
    require!(can_have_own(), NO_OWN_ACCOUNT);
    let server = Server::builder().own_account().start();
    let module = loaded(&server);
    let folder = module.parent().unwrap();
    let shown = module.to_string_lossy().into_owned();
    Report::of(&server)
        .shows(
            "file.module",
            "pass",
            &format!("-rwxr-xr-x root root {shown}"),
        )
        .shows("file.module", "pass", "libraries, all root's");
    let fails = |part: &str| {
        let report = Report::of(&server);
        report.shows("file.module", "fail", part);
        assert!(report.steps("file.module")[0].contains(&shown));
    };
    chown(&module, Some(OWN_ID), None).unwrap();
    fails("the server's own user 54321 owns it");
    chown(&module, Some(12345), None).unwrap();
    fails(&format!("{shown}: 12345 owns it"));
    chown(&module, Some(0), None).unwrap();
    set_mode(&module, 0o757);
    fails(&format!("{shown}: anybody may write it"));
    set_mode(&module, 0o755);
    set_mode(folder, 0o1777);
    fails(&format!(
        "drwxrwxrwt root root {}: anybody may write it",
        folder.display()
    ));
    chown(folder, None, Some(OWN_ID)).unwrap();
    set_mode(folder, 0o775);
    fails("the server may write it, by its group 54321");
    set_mode(folder, 0o755);
    Report::of(&server).shows("file.module", "pass", &shown);
    fs::remove_file(&module).unwrap();
    Report::of(&server).shows("file.module", "unknown", "libsecaudit.so: not there");
}

#[test]
fn a_module_in_a_folder_of_everybodys_fails_whoever_runs_the_server() {
    needs_module!();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("libsecaudit.so");
    fs::copy(module::path(), &path).unwrap();
    set_mode(folder.path(), 0o777);
    // Its name is one that whoever reads /proc could stumble over.
    let odd = folder.path().join("odd \u{1b}(deleted)");
    fs::rename(&path, &odd).unwrap();
    symlink(&odd, &path).unwrap();
    set_mode(&odd, 0o777);
    let server = Server::builder().module_file(path).start();
    Report::of(&server)
        .shows("file.module", "fail", "anybody may write it")
        .shows("file.module", "fail", "odd \\x1b(deleted)")
        .shows("file.parents", "fail", &folder.path().to_string_lossy());
}

/// A server with an included file in `open/deep`, and the folder that both lie in.
fn with_include() -> (Server, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("open/deep");
    fs::create_dir_all(&deep).unwrap();
    set_mode(folder.path(), 0o755);
    for name in ["one.conf", "two.conf"] {
        fs::write(deep.join(name), "maxclients 100\n").unwrap();
        set_mode(&deep.join(name), 0o600);
    }
    let builder = Server::builder().config("include", &format!("{}/*.conf", deep.display()));
    (builder.start(), folder)
}

/// What file.parents says of a folder; nothing, when it says nothing.
fn told_of(server: &Server, folder: &Path) -> Vec<String> {
    let report = Report::of(server);
    let lines = report.actual("file.parents").lines().map(str::to_owned);
    let path = format!(" {}", folder.display());
    let about =
        |line: &String| line.contains(&format!("{path}:")) || line.contains(&format!("{path} "));
    match report.outcome("file.parents") {
        "fail" => lines.filter(about).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_folder_above_that_others_may_write_fails_once_unless_it_is_sticky() {
    needs_module!();
    let (server, folder) = with_include();
    let open = folder.path().join("open");
    for (mode, fails) in [
        (0o755, false),
        (0o777, true),
        (0o1777, false),
        (0o1755, false),
    ] {
        set_mode(&open, mode);
        let told = told_of(&server, &open);
        assert_eq!(told.len(), usize::from(fails), "{mode:o}: {told:?}");
    }
    set_mode(&open, 0o777);
    let report = Report::of(&server);
    report
        .shows("file.parents", "fail", "open: anybody may write it (above ")
        .shows("file.parents", "fail", "deep/one.conf)");
    let step = format!("sudo chmod o-w {}", open.display());
    assert!(report.steps("file.parents").contains(&step.as_str()));
}

#[test]
fn a_strangers_folder_or_link_above_fails() {
    needs_module!();
    require!(is_root(), "only root can give files away");
    let (server, folder) = with_include();
    let open = folder.path().join("open");
    chown(&open, Some(12345), None).unwrap();
    let told = told_of(&server, &open);
    assert!(
        told.concat().contains("owner 12345 is neither root nor"),
        "{told:?}"
    );
    chown(&open, Some(0), Some(1)).unwrap();
    set_mode(&open, 0o775);
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    if passwd.lines().any(|line| line.starts_with("daemon:x:1:1:")) {
        let told = told_of(&server, &open);
        assert!(
            told.concat().contains("group daemon (daemon) may write it"),
            "{told:?}"
        );
    }
    fs::rename(&open, folder.path().join("moved")).unwrap();
    symlink("moved", &open).unwrap();
    set_mode(&folder.path().join("moved"), 0o755);
    assert_eq!(told_of(&server, &open), Vec::<String>::new());
    lchown(&open, Some(12345), None).unwrap();
    let told = told_of(&server, &open);
    assert!(
        told.concat().contains("open -> moved: owner 12345"),
        "{told:?}"
    );
}

#[test]
fn what_cannot_be_followed_is_unknown() {
    needs_module!();
    let (server, folder) = with_include();
    let open = folder.path().join("open");
    fs::remove_dir_all(&open).unwrap();
    symlink("open", &open).unwrap();
    let report = Report::of(&server);
    // A pattern that matches nothing includes nothing; a policy or a file by its name would be missed.
    assert!(["pass", "fail"].contains(&report.outcome("file.parents")));
    let server = Server::builder()
        .file("users.acl", "user default on nopass ~* &* +@all\n")
        .config("aclfile", "users.acl")
        .start();
    let acl = server.dir().join("users.acl");
    fs::remove_file(&acl).unwrap();
    symlink("users.acl", &acl).unwrap();
    let report = Report::of(&server);
    report
        .shows("file.acl", "unknown", "users.acl: too many links")
        .shows("file.staging", "unknown", "users.acl: too many links");
    let told = report.actual("file.parents");
    assert!(told.contains("users.acl: too many links"), "{told}");
}

#[test]
fn what_the_server_may_not_look_into_is_unknown() {
    needs_module!();
    require!(can_have_own(), NO_OWN_ACCOUNT);
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o755);
    let acl = folder.path().join("users.acl");
    fs::write(&acl, "user default on nopass ~* &* +@all\n").unwrap();
    set_mode(&acl, 0o644);
    let server = Server::builder()
        .own_account()
        .config("aclfile", &acl.to_string_lossy())
        .start();
    Report::of(&server).shows(
        "file.parents",
        "pass",
        "folders, all of root or the server's user",
    );
    set_mode(folder.path(), 0o700);
    let report = Report::of(&server);
    for id in ["file.acl", "file.parents", "file.staging"] {
        report.shows(id, "unknown", "users.acl: this process may not read it");
    }
}

#[test]
fn a_server_that_writes_to_its_own_folders_passes_and_tells_them() {
    needs_module!();
    let server = Server::start();
    Report::of(&server)
        .shows(
            "file.staging",
            "pass",
            &format!("dir {}", server.dir().display()),
        )
        .shows("file.staging", "pass", "dbfilename dump.rdb");
}

#[test]
fn a_server_that_was_led_to_a_folder_of_keys_or_jobs_is_an_f() {
    needs_module!();
    let server = Server::builder()
        .config("enable-protected-configs", "yes")
        .password(&strong_password("staging"))
        .start();
    Report::of(&server).shows("file.staging", "pass", "dir ");
    for (name, told) in [
        (".ssh", "in a folder of SSH keys"),
        ("cron.d", "in a folder of cron jobs"),
    ] {
        let folder = server.dir().join(name);
        fs::create_dir(&folder).unwrap();
        // The server itself only knows where the link leads.
        let link = server.dir().join(format!("to{name}"));
        symlink(&folder, &link).unwrap();
        assert!(
            server
                .call(["CONFIG", "SET", "dir", &link.to_string_lossy()])
                .is_ok()
        );
        let report = Report::of(&server);
        report
            .shows(
                "file.staging",
                "fail",
                &format!("dir {}: it is {told}", folder.display()),
            )
            .shows("file.data-dir", "fail", name);
        assert_eq!(report.severity("file.staging"), "critical");
        assert_eq!(
            report.grade(),
            "F (file.staging: the server writes where a file becomes a login, a job or a program)"
        );
    }
    let home = server.dir().to_string_lossy().into_owned();
    assert!(server.call(["CONFIG", "SET", "dir", &home]).is_ok());
    Report::of(&server).shows("file.staging", "pass", "dir ");
    assert!(
        server
            .call(["CONFIG", "SET", "dbfilename", ".bashrc"])
            .is_ok()
    );
    Report::of(&server).shows("file.staging", "fail", ".bashrc: it is a login script");
}

#[test]
fn a_file_that_is_set_where_links_lead_to_a_target_fails() {
    needs_module!();
    let folder = tempfile::tempdir().unwrap();
    let jobs = folder.path().join("cron.d");
    fs::create_dir(&jobs).unwrap();
    let logs = folder.path().join("logs");
    symlink("cron.d", &logs).unwrap();
    let log = logs.join("redis.log");
    let server = Server::builder()
        .config("logfile", &log.to_string_lossy())
        .start();
    let line = format!(
        "logfile {} -> {}: it is in a folder of cron jobs",
        log.display(),
        jobs.join("redis.log").display()
    );
    Report::of(&server).shows("file.staging", "fail", &line);
}

#[test]
fn where_config_is_gone_redis_conf_tells_where_the_server_writes() {
    needs_module!();
    let gone = || Server::builder().config("rename-command", "CONFIG \"\"");
    Report::of(&gone().start()).shows(
        "file.staging",
        "pass",
        "dbfilename dump.rdb (by redis.conf)",
    );
    let server = gone().config("dbfilename", "authorized_keys").start();
    let told = "authorized_keys (by redis.conf): it is a file of SSH keys";
    Report::of(&server).shows("file.staging", "fail", told);
    fs::remove_file(server.conf()).unwrap();
    Report::of(&server).shows(
        "file.staging",
        "unknown",
        "dbfilename: CONFIG is renamed or removed",
    );
}
