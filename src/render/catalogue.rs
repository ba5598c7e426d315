//! The catalogue for eyes: SECAUDIT CHECKS and SECAUDIT EXPLAIN.

use super::wrap::wrapped;
use crate::audit::check::Check;
use crate::audit::checks::ALL;

/// Every check, one a line, under the name of its area.
pub fn checks() -> Vec<String> {
    let mut lines = Vec::new();
    let mut area = None;
    for check in ALL {
        let meta = check.meta();
        if area.replace(meta.category) != Some(meta.category) {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.push(meta.category.name().to_owned());
        }
        let tutorial = if meta.tutorial { "T" } else { " " };
        let lead = format!("  {tutorial} {:<23}{:<9}", meta.id, meta.severity.name());
        lines.extend(wrapped(&lead, meta.title));
    }
    lines.push(String::new());
    lines.push("T: the tutorial's own ground.  More about one: SECAUDIT EXPLAIN <id>".to_owned());
    lines
}

/// All there is to know of one check, whatever the server.
pub fn explain(check: &dyn Check) -> Vec<String> {
    let meta = check.meta();
    let mut lines = wrapped("", &format!("{}: {}", meta.id, meta.title));
    let mut add = |label: &str, text: &str| lines.extend(wrapped(&format!("  {label:<11}"), text));
    add("area", meta.category.name());
    let severity = match meta.worst == meta.severity {
        true => meta.severity.name().to_owned(),
        false => format!("{}, at worst {}", meta.severity.name(), meta.worst.name()),
    };
    add("severity", &severity);
    if meta.tutorial {
        add("", "the tutorial asks for it");
    }
    add("should be", meta.expected);
    add("why", meta.why);
    add("remedy", meta.remedy);
    add("mended", meta.fix.words());
    add(
        "",
        "SECAUDIT shows the steps for this server when the check fails",
    );
    // An address that is cut leads nowhere, so these lines are as long as they are.
    for (index, reference) in meta.references.iter().enumerate() {
        let label = if index == 0 { "read more" } else { "" };
        lines.push(format!("  {label:<11}{reference}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::wrap::WIDTH;
    use super::*;

    #[test]
    fn the_list_names_every_check_with_its_severity() {
        let lines = checks();
        for check in ALL {
            let meta = check.meta();
            let named =
                |line: &String| line.contains(meta.id) && line.contains(meta.severity.name());
            assert!(lines.iter().any(named), "{}", meta.id);
        }
        assert!(lines.iter().all(|line| line.len() <= WIDTH));
    }

    #[test]
    fn every_check_is_explained_within_the_width() {
        for check in ALL {
            let lines = explain(*check);
            let text = lines.join(" ");
            assert!(text.starts_with(check.meta().id));
            for label in [
                "  should be  ",
                "  why        ",
                "  remedy     ",
                "  read more  https://",
            ] {
                assert!(text.contains(label), "{label}");
            }
            let printable = |line: &String| line.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            let fits = |line: &String| line.len() <= WIDTH || line.contains("https://");
            assert!(lines.iter().all(|line| fits(line) && printable(line)));
        }
    }
}
