//! What Lua can reach, asked of the server itself by the smallest script there is. It writes nothing and calls nothing,
//! so nothing is replicated. What it leaves behind is a count in INFO commandstats, as every question does, and one entry
//! among the server's cached scripts, the same at every report.

use super::ask::{Ask, Reply};
use super::config_file::ConfigFile;
use super::wire_name::wire_name;
use crate::audit::facts::{Fact, Lua};
use crate::render::escape::printable_up_to;

/// A name that does not exist is an error in the servers' Lua, hence the `pcall`.
const SCRIPT: &[u8] = b"local known, kind = pcall(function() return type(package) end) return known and kind or 'nil'";

/// Asks. EVAL_RO would do as well and cannot write; where it has gone, EVAL.
pub fn read(ask: &dyn Ask, file: &ConfigFile) -> Fact<Lua> {
    let loading = ["loading", "async_loading"];
    for field in loading {
        match ask.info("persistence", field).as_deref() {
            None | Some("0") => {}
            Some(_) => return Fact::Unavailable("the server is loading its data".to_owned()),
        }
    }
    let name = match wire_name(ask, file, "eval_ro").or_else(|_| wire_name(ask, file, "eval")) {
        Ok(name) => name,
        Err(_) if is_removed(file) => {
            return Fact::Known(Lua::Absent(
                "redis.conf removes EVAL and EVAL_RO".to_owned(),
            ));
        }
        Err(reason) => return Fact::Unavailable(reason),
    };
    match ask.call(&[&name, SCRIPT, b"0"]) {
        Ok(Reply::Text(kind)) if kind == b"nil" => Fact::Known(Lua::Confined),
        Ok(Reply::Text(kind)) => Fact::Known(Lua::Open(printable_up_to(&kind, 16))),
        Ok(_) => Fact::Unavailable("EVAL answered in a form that is not known".to_owned()),
        Err(reason) => {
            Fact::Unavailable(format!("EVAL: {}", printable_up_to(reason.as_bytes(), 200)))
        }
    }
}

fn is_removed(file: &ConfigFile) -> bool {
    let gone = |name: &[u8]| file.renamed(name) == Some(b"");
    gone(b"eval") && gone(b"eval_ro")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::twin::{Twin, text};
    use super::*;

    fn asked(twin: Twin) -> Fact<Lua> {
        read(&twin, &ConfigFile::default())
    }

    fn answering(reply: Reply) -> Twin {
        let script = std::str::from_utf8(SCRIPT).unwrap();
        Twin::redis_7().answers(&["eval_ro", script, "0"], reply)
    }

    #[test]
    fn the_answer_tells_whether_lua_is_confined() {
        assert_eq!(asked(answering(text("nil"))), Fact::Known(Lua::Confined));
        assert_eq!(
            asked(answering(text("table"))),
            Fact::Known(Lua::Open("table".to_owned()))
        );
        assert!(asked(answering(Reply::Integer(1))).known().is_err());
        let reason = asked(Twin::redis_7());
        assert!(reason.known().unwrap_err().starts_with("EVAL: ERR"));
    }

    #[test]
    fn a_renamed_eval_is_asked_by_its_new_name_and_a_removed_one_is_absent() {
        let mut file = ConfigFile::default();
        file.renames.insert(b"eval_ro".to_vec(), b"e7".to_vec());
        let renamed = answering(text("nil")).rename("eval_ro", "e7");
        assert_eq!(read(&renamed, &file), Fact::Known(Lua::Confined));
        for name in ["eval", "eval_ro"] {
            file.renames.insert(name.as_bytes().to_vec(), Vec::new());
        }
        let removed = Twin::redis_7().remove("eval").remove("eval_ro");
        assert!(matches!(read(&removed, &file), Fact::Known(Lua::Absent(_))));
        let hidden = Twin::redis_7().remove("eval").remove("eval_ro");
        assert!(asked(hidden).known().is_err());
    }

    #[test]
    fn a_server_that_loads_is_not_asked() {
        let loading = answering(text("nil")).tells("persistence", "loading", "1");
        assert!(asked(loading).known().unwrap_err().contains("loading"));
    }
}
