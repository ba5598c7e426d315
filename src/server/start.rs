//! The settings with which the server starts: those of its files and its command line. They are read while the server
//! starts, and again when PERSIST has made redis.conf say what runs.

use std::sync::Arc;

use super::asking::Asking;
use super::beside::Host;
use super::collect::ask::Ask;
use super::collect::config_file::ConfigFile;
use super::collect::settings::{self, Settings};
use super::ffi::Ctx;
use super::module::Module;
use crate::audit::facts::Started;

/// Remembers the settings while they are those of the files and of the command line. A client that loads the module later
/// has connected, and counts: since then anything may have been changed.
pub fn remember(ctx: Ctx<'_>) {
    let asking_host = Host::on_the_spot(ctx);
    let asking = Asking::new(&asking_host);
    let none = |section, field| asking.info(section, field).as_deref() == Some("0");
    if !none("clients", "connected_clients") || !none("stats", "total_connections_received") {
        return;
    }
    let file = asking.info("server", "config_file");
    let file = file.filter(|path| !path.is_empty());
    let Some(file) = file.map(|path| ConfigFile::read(path.as_bytes())) else {
        return;
    };
    let settings = settings::read(&asking, &file);
    if let Some(started) = started(settings, file.digest) {
        put(ctx, started);
    }
}

/// The settings of now, by the name that CONFIG has here.
pub fn settings_of_now(ctx: Ctx<'_>, config: &[u8]) -> Settings {
    settings::told(ctx.call(&[config, b"get", b"*"]))
}

/// From now on these are the settings with which the server starts.
pub fn put(ctx: Ctx<'_>, started: Started) {
    let module = Module::get(ctx.lock());
    module.started.replace(Some(Arc::new(started)));
}

/// These settings, as those that files of this digest make; `None` where they are not known.
pub fn started(settings: Settings, files: [u8; 32]) -> Option<Started> {
    let plain = settings.config.known().ok()?.clone();
    let passwords = [
        ("requirepass", &settings.requirepass),
        ("masterauth", &settings.masterauth),
    ];
    let passwords = passwords
        .into_iter()
        .filter_map(|(name, password)| Some((name, password.known().ok()?.as_ref()?)));
    Some(Started::new(files, plain, passwords))
}
