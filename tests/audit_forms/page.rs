//! The page: whole as redis-cli hands it on, inert whatever names the server holds, and at work in a real browser.

use super::{IDS, json};
use crate::harness::cli;
use crate::harness::process::run as run_process;
use crate::harness::server::Server;
use crate::harness::skip::{needs_module, require};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A browser on a busy machine takes its time to start.
const BROWSER_DEADLINE: Duration = Duration::from_secs(120);

/// A name that would do harm in a page that took it for markup. (A user has no spaces in his name.)
const HOSTILE: &str =
    r#""'><script>document.title='owned'</script><img/src=x/onerror=document.title='owned'>"#;

fn hostile_server() -> Server {
    let server = Server::start();
    let call = ["ACL", "SETUSER", HOSTILE, "on", "nopass", "+@all", "~*"];
    assert!(server.call(call).is_ok());
    server
}

/// The page as `redis-cli --raw SECAUDIT HTML > report.html` leaves it.
fn page(server: &Server) -> String {
    cli::run(server, ["--raw", "SECAUDIT", "HTML"]).text()
}

#[test]
fn the_page_is_whole_and_tells_what_json_tells() {
    needs_module!();
    let server = Server::start();
    let page = page(&server);
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    let report = json(&server);
    for finding in report["findings"].as_array().unwrap() {
        let word = |field: &str| finding[field].as_str().unwrap();
        let marked = format!(
            "id=\"{}\" data-outcome=\"{}\" data-severity=\"{}\"",
            word("id"),
            word("outcome"),
            word("severity")
        );
        assert_eq!(page.matches(&marked).count(), 1, "{marked}");
    }
    let letter = report["grade"]["letter"].as_str().unwrap();
    assert!(page.contains(&format!("<title>{letter}: ")));
}

#[test]
fn a_hostile_name_stays_text() {
    needs_module!();
    let server = hostile_server();
    let page = page(&server);
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("<img").count(), 0);
    assert!(page.contains("&#60;script&#62;document.title=&#39;owned&#39;"));
}

/// A browser of the Chromium family, where there is one.
fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let places = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// The document as the browser has it after it ran what it lets run.
fn seen_by_a_browser(browser: &Path, folder: &Path, page: &str) -> String {
    let file = folder.join("report.html");
    std::fs::write(&file, page).unwrap();
    let mut command = Command::new(browser);
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.join("browser").display()
        ))
        .args(["--virtual-time-budget=2000", "--dump-dom"])
        .arg(format!("file://{}", file.display()))
        .env("HOME", folder);
    run_process(command, b"", BROWSER_DEADLINE).text()
}

#[test]
fn in_a_browser_the_pages_own_script_runs_and_no_name_does() {
    needs_module!();
    let browser = browser();
    require!(browser.is_some(), "no chromium on this machine");
    let browser = browser.unwrap();
    let server = hostile_server();
    let seen = seen_by_a_browser(&browser, server.dir(), &page(&server));
    let title = seen
        .split_once("<title>")
        .unwrap()
        .1
        .split_once("</title>")
        .unwrap()
        .0;
    assert!(title.ends_with("- secaudit"), "{title}");
    // The script ran: it marks the page, counts the findings and adds what only it can serve.
    assert!(
        seen.contains("<html lang=\"en\" class=\"script\">"),
        "{seen}"
    );
    let counted = format!("<output id=\"shown\">{} findings</output>", IDS.len());
    assert!(seen.contains(&counted), "{counted} in {seen}");
    // A page with a foreign script in it runs its own and not the foreign one.
    let infected =
        page(&server).replace("</body>", "<script>document.title='owned'</script></body>");
    let seen = seen_by_a_browser(&browser, server.dir(), &infected);
    assert!(seen.contains("class=\"script\""), "{seen}");
    assert!(seen.contains("- secaudit</title>"), "{seen}");
}
