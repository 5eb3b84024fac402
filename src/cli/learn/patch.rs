//! Takes a plan's text and a line for one of its steps, gives the patch that puts it there; none where the step is not written as a block,
//! or lines do not all end as a patch has them.

use std::fmt::Write as _;
use std::path::Path;

/// Lines around a change.
const AROUND: usize = 3;

/// Writes the patch that gives the step which begins in a line (from 1 on) this `network`.
pub(super) fn of(text: &str, path: &Path, begins: usize, network: &str) -> Option<String> {
    if !text.ends_with('\n') || text.contains('\r') {
        return None;
    }
    let lines: Vec<&str> = text.lines().collect();
    let first = begins.checked_sub(1)?;
    let head = lines.get(first)?;
    let (before, rest) = head.split_once("- ")?;
    let is_block = before.trim().is_empty() && !rest.trim_start().starts_with(['{', '[', '&', '*']);
    if !is_block {
        return None;
    }
    let indent = before.len() + 2 + (rest.len() - rest.trim_start().len());
    let is_deeper = |line: &&str| line.trim().is_empty() || depth(line) >= indent;
    let end = lines
        .iter()
        .skip(first + 1)
        .position(|line| !is_deeper(line))
        .map_or(lines.len(), |at| first + 1 + at);
    let line = format!("{}{network}", " ".repeat(indent));
    let is_key = |line: &str| depth(line) == indent && line.trim_start().starts_with("network:");
    let Some(known) = (first + 1..end).find(|at| is_key(lines[*at])) else {
        return (!rest.trim_start().starts_with("network:"))
            .then(|| hunk(&lines, path, (first + 1, 0), &line));
    };
    // A value that goes on in the next lines goes with its key, up to its last line that is not empty.
    let of_value = |line: &&&str| line.trim().is_empty() || depth(line) > indent;
    let value = lines[known + 1..end].iter().take_while(of_value);
    let more =
        value.enumerate().filter(|(_, line)| !line.trim().is_empty()).last().map_or(0, |(at, _)| at + 1);
    Some(hunk(&lines, path, (known, 1 + more), &line))
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Puts a line in the place of some.
fn hunk(lines: &[&str], path: &Path, (at, gone): (usize, usize), line: &str) -> String {
    let from = at.saturating_sub(AROUND);
    let to = (at + gone + AROUND).min(lines.len());
    let shown = path.display().to_string();
    let shown = shown.trim_start_matches('/');
    let (old, new) = (to - from, to - from - gone + 1);
    let mut text = format!("--- a/{shown}\n+++ b/{shown}\n@@ -{},{old} +{},{new} @@\n", from + 1, from + 1);
    for (number, own) in (from..to).zip(&lines[from..to]) {
        if number == at + gone {
            let _ = writeln!(text, "+{line}");
        }
        let sign = if (at..at + gone).contains(&number) { '-' } else { ' ' };
        let _ = writeln!(text, "{sign}{own}");
    }
    if at + gone >= to {
        let _ = writeln!(text, "+{line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies the patch as git does.
    fn applied(plan: &str, begins: usize) -> String {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("plan.yaml"), plan).unwrap();
        let patch = of(plan, Path::new("plan.yaml"), begins, "network: {allow: [\"a\"]}").unwrap();
        std::fs::write(folder.path().join("patch"), &patch).unwrap();
        let done =
            std::process::Command::new("git").args(["apply", "patch"]).current_dir(folder.path()).status();
        assert!(done.unwrap().success(), "{patch}");
        std::fs::read_to_string(folder.path().join("plan.yaml")).unwrap()
    }

    #[test]
    fn a_step_gets_its_line_whatever_it_had() {
        let head = "version: 1\nissue: 7\ntitle: x\nsteps:\n";
        let with = "    network: {allow: [\"a\"]}\n";
        for (step, becomes) in [
            ("  - id: a\n    command: x\n", format!("  - id: a\n{with}    command: x\n")),
            ("  - id: a\n    network: none\n    command: x\n", format!("  - id: a\n{with}    command: x\n")),
            (
                "  - id: a\n    command: x\n    network:\n      allow:\n        - b\n  - id: b\n    command: y\n",
                format!("  - id: a\n    command: x\n{with}  - id: b\n    command: y\n"),
            ),
            (
                "  - id: a\n    network:\n      allow:\n        - b\n\n        - c\n\n    command: x\n",
                format!("  - id: a\n{with}\n    command: x\n"),
            ),
            (
                "  - id: a\n    command: x\n  - id: b\n    network: none\n    command: y\n",
                format!("  - id: a\n{with}    command: x\n  - id: b\n    network: none\n    command: y\n"),
            ),
            ("  -   id: a\n      command: x\n", format!("  -   id: a\n  {with}      command: x\n")),
            ("  - id: a\n", format!("  - id: a\n{with}")),
        ] {
            assert_eq!(applied(&format!("{head}{step}"), 5), format!("{head}{becomes}"));
        }
        assert_eq!(
            applied("steps:\n- id: a\n  command: x\n", 2),
            "steps:\n- id: a\n  network: {allow: [\"a\"]}\n  command: x\n"
        );
    }

    #[test]
    fn what_is_no_block_gets_no_patch() {
        for plan in [
            "steps: [{id: a, command: x}]\n",
            "steps:\n  - {id: a, command: x}\n",
            "steps:\n  - &x {id: a}\n",
            "steps:\n  - id: a",
            "steps:\r\n  - id: a\r\n",
            "",
        ] {
            let begins = plan.lines().count().max(1);
            assert_eq!(of(plan, Path::new("p"), begins, "network: none"), None, "{plan}");
        }
    }
}
