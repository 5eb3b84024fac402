//! Takes what a step printed, gives the file and line of the checkout that it points at, as compilers, test frameworks and
//! interpreters name them.

use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// Where a step has its worktree.
const WORKTREE: &str = "/work/tree/";

/// `src/a.rs:31:5`, `./a.js:3`, `file:///work/tree/a.mjs:3`, `src/a.ts(3,5)`.
#[expect(clippy::expect_used, reason = "a constant; a unit test compiles it")]
static PLACE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:^|[\s("'`=\[])(?:file://)?(/?(?:[\w@.+-]+/)*[\w@.+-]+\.\w+)[:(](\d{1,7})\b"#)
        .expect("the pattern of places compiles")
});

/// `File "a.py", line 3`: of Python, whose last one is where it happened.
#[expect(clippy::expect_used, reason = "a constant; a unit test compiles it")]
static SPOKEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"File "([^"\n]{1,1000})", line (\d{1,7})"#).expect("the pattern of spoken places compiles")
});

/// Finds the place that lines point at: the first that is one, or, of a trace that has its cause last, the last of it.
pub(super) fn first<'l>(
    lines: impl Iterator<Item = &'l str>,
    top: &Path,
    folder: &Path,
) -> Option<(PathBuf, usize)> {
    let mut spoken = None;
    for line in lines {
        let plain = console::strip_ansi_codes(line);
        if let Some(found) = of(&SPOKEN, &plain, top, folder) {
            spoken = Some(found);
        } else if spoken.is_none()
            && let Some(found) = of(&PLACE, &plain, top, folder)
        {
            return Some(found);
        }
    }
    spoken
}

fn of(pattern: &Regex, line: &str, top: &Path, folder: &Path) -> Option<(PathBuf, usize)> {
    pattern.captures_iter(line).find_map(|found| {
        let line = found.get(2)?.as_str().parse().ok()?;
        Some((file(found.get(1)?.as_str(), top, folder)?, line))
    })
}

/// Finds a file of the checkout, named from the worktree's top, from the step's folder, or by its whole path there.
fn file(named: &str, top: &Path, folder: &Path) -> Option<PathBuf> {
    let whole = named.strip_prefix(WORKTREE);
    let own: PathBuf =
        Path::new(whole.unwrap_or(named)).components().filter(|c| *c != Component::CurDir).collect();
    if !own.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let there =
        |path: PathBuf| top.join(&path).symlink_metadata().is_ok_and(|it| it.is_file()).then_some(path);
    let in_folder = if whole.is_none() { there(folder.join(&own)) } else { None };
    in_folder.or_else(|| there(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(top.path().join("crate/src")).unwrap();
        std::fs::write(top.path().join("crate/src/a.rs"), "").unwrap();
        std::fs::write(top.path().join("b.py"), "").unwrap();
        std::fs::write(top.path().join("c.mjs"), "").unwrap();
        top
    }

    fn find(top: &tempfile::TempDir, text: &str, folder: &str) -> Option<String> {
        let found = first(text.lines(), top.path(), Path::new(folder));
        found.map(|(path, line)| format!("{}:{line}", path.display()))
    }

    #[test]
    fn places_are_files_of_the_checkout() {
        let top = checkout();
        for (text, folder, place) in [
            ("  --> src/a.rs:31:5", "crate", "crate/src/a.rs:31"),
            ("crate/src/a.rs:3: error", "", "crate/src/a.rs:3"),
            ("File \"b.py:7\"", "", "b.py:7"),
            ("    at main (/work/tree/c.mjs:9:3)", "crate", "c.mjs:9"),
            ("    at file:///work/tree/c.mjs:9:3", "", "c.mjs:9"),
            ("./c.mjs:4", "", "c.mjs:4"),
            ("\u{1b}[1m\u{1b}[31mcrate/src/a.rs:5:1\u{1b}[0m", "", "crate/src/a.rs:5"),
            ("c.mjs(12,4): error TS1", "", "c.mjs:12"),
            ("downloading\rc.mjs:2: error", "", "c.mjs:2"),
        ] {
            assert_eq!(find(&top, text, folder).as_deref(), Some(place), "{text}");
        }
        for nothing in [
            "src/none.rs:1:1",
            "/etc/passwd.x:1",
            "../b.py:1",
            "b.py: 7",
            "12:30:01",
            "",
            "/work/tree/../b.py:1",
            "/work/other/b.py:1",
            "File \"/etc/passwd\", line 1",
            "x/work/tree/b.py:1",
        ] {
            assert_eq!(find(&top, nothing, ""), None, "{nothing}");
        }
    }

    #[test]
    fn a_trace_of_python_points_at_its_end() {
        let trace = "Traceback (most recent call last):\n  File \"/work/tree/c.mjs\", line 1, in <module>\n    f()\n  \
                     File \"/work/tree/b.py\", line 41, in f\n  File \"/usr/lib/python3/x.py\", line 3, in g\n\
                     ValueError: c.mjs:7";
        assert_eq!(find(&checkout(), trace, "").as_deref(), Some("b.py:41"));
    }
}
