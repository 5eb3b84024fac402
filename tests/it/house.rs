//! The house stays a house: imports point one way, from room to room and from file to file, and only the command line
//! knows of one.
//!
//! A file imports the file that *defines* what it names: by `use`, in any of its forms, or by a path in its code.
//! Names that are passed on (`pub use`) are followed to where they are defined; for a parent that passes on what its
//! own child defines, and declares it (`mod`), that alone is no import: its code has to use it. Code for tests does not
//! count. So a child may take what its parent's file defines, as long as the parent's code does without the child.

mod scan;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use tree::{Import, Tree};

/// Each room, and the rooms it may import. What is not listed is an import that points backwards.
const ROOMS: [(&str, &[&str]); 21] = [
    ("time", &[]),
    ("helper", &[]),
    ("plan", &["time"]),
    ("policy", &["plan"]),
    ("layer", &[]),
    ("sandbox", &["policy", "layer"]),
    ("git", &[]),
    ("worktree", &["time", "helper", "plan", "policy", "layer", "sandbox", "git"]),
    ("evidence", &["time", "git"]),
    ("github", &["time", "helper"]),
    ("network", &["plan"]),
    ("agent", &["time", "helper", "plan", "network"]),
    ("proof", &["plan", "worktree", "evidence"]),
    (
        "run",
        &[
            "time", "helper", "plan", "git", "proof", "policy", "sandbox", "network", "worktree", "evidence",
            "agent",
        ],
    ),
    ("replay", &["plan", "git", "evidence"]),
    ("report", &["time", "plan", "evidence", "proof", "replay"]),
    ("audit", &["time", "plan", "git", "worktree", "evidence", "github", "proof"]),
    ("publish", &["time", "plan", "git", "worktree", "evidence", "report", "github"]),
    (
        "app",
        &[
            "time", "plan", "policy", "sandbox", "network", "worktree", "agent", "run", "evidence", "report",
            "github", "publish", "audit", "proof", "replay", "git",
        ],
    ),
    ("view", &["time", "plan", "git", "worktree", "evidence", "report", "publish", "audit", "app"]),
    (
        "cli",
        &[
            "time", "plan", "policy", "layer", "sandbox", "network", "worktree", "agent", "run", "evidence",
            "report", "github", "publish", "audit", "app", "view",
        ],
    ),
];

#[test]
fn imports_point_one_way() {
    let rooms = |name: &str| ROOMS.iter().find(|(room, _)| *room == name);
    let imports = imports();
    let wrong: Vec<String> = imports
        .iter()
        .filter_map(|import| Some((import, rooms(room(&import.from))?, rooms(room(&import.to))?)))
        .filter(|(_, (from, allowed), (to, _))| from != to && !allowed.contains(to))
        .map(|(import, (from, _), (to, _))| format!("{}: {from} imports {to}", shown(import)))
        .collect();
    assert!(wrong.is_empty(), "imports that point backwards:\n{}", wrong.join("\n"));
}

#[test]
fn no_files_import_each_other_however_long_the_way() {
    let confined = Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/init/src")).imports();
    assert!(confined.len() > 50, "the confined side is not where it is looked for");
    let shown: Vec<String> = [imports(), confined]
        .iter()
        .flat_map(|imports| tree::cycles(imports).iter().map(|cycle| lines(cycle)).collect::<Vec<_>>())
        .collect();
    assert!(shown.is_empty(), "{} cycles of imports:\n\n{}", shown.len(), shown.join("\n\n"));
}

fn lines(cycle: &[&Import]) -> String {
    cycle.iter().map(|import| shown(import)).collect::<Vec<_>>().join("\n")
}

/// Reads the imports of the crate, and holds that they are all seen.
fn imports() -> Vec<Import> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut tree = Tree::read(&src);
    let imports = tree.imports();
    assert!(tree.globs.is_empty(), "`*` hides what is imported: {:?}", tree.globs);
    assert!(tree.files().len() > 200 && imports.len() > 500, "the crate is not where it is looked for");
    imports
}

fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or_default()
}

fn shown(import: &Import) -> String {
    format!("src/{}:{} -> src/{}", import.from, import.line, import.to)
}

#[test]
fn every_room_is_in_the_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let known = ["lib", "main"].contains(&name) || ROOMS.iter().any(|(room, _)| *room == name);
        assert!(known, "{} is not in the table of rooms", path.display());
    }
}

#[test]
fn the_table_has_no_cycle() {
    let imports: Vec<Import> = ROOMS
        .iter()
        .flat_map(|(room, allowed)| allowed.iter().map(move |import| (room, import)))
        .map(|(from, to)| Import { from: (*from).into(), to: (*to).into(), line: 0, is_passed_on: false })
        .collect();
    let cycles = tree::cycles(&imports);
    assert!(cycles.is_empty(), "rooms that import each other: {cycles:?}");
}

#[test]
fn only_the_command_line_has_arguments_a_terminal_and_exit_codes() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let known =
        ["clap", "ExitCode", "process::exit", "println!", "eprintln!", "std::io::stdin", "IsTerminal"];
    let mut wrong = Vec::new();
    for file in files(&src.join("app")) {
        let text = fs::read_to_string(&file).unwrap();
        let found = known.iter().filter(|word| text.contains(**word));
        wrong.extend(found.map(|word| format!("{}: {word}", file.display())));
    }
    assert!(wrong.is_empty(), "use cases that know of a command line:\n{}", wrong.join("\n"));
    assert!(files(&src.join("app")).len() > 5, "the room is not where it is looked for");
}

/// Files that may name an agent, beside its own folder and the wire formats: the keys of a plan, and names that are given
/// by others.
const NAME_AGENTS: [(&str, &str); 5] = [
    ("plan/agents.rs", "the keys, and what people call them"),
    ("plan/file.rs", "the keys as an editor shows them"),
    ("plan/alias.rs", "what to write instead of a key of somewhere else"),
    ("policy/names.rs", "files that agents read as instructions, for the review of a change"),
    ("evidence/files.rs", "the folder of the logs, named when there was one agent"),
];

#[test]
fn nothing_but_an_agents_own_room_and_a_plans_keys_name_an_agent() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut named = Vec::new();
    for file in files(&src) {
        let name = file.strip_prefix(&src).unwrap().to_str().unwrap();
        let is_own = name.starts_with("agent/") || name.starts_with("network/dialect/");
        let is_for_tests = name.ends_with("tests.rs")
            || ["/tests/", "/honest/", "network/judge/"].iter().any(|part| name.contains(part));
        if is_own || is_for_tests {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap().to_lowercase();
        let code = text.split("#[cfg(test)]").next().unwrap();
        if ["codex", "claude"].iter().any(|agent| code.contains(agent)) {
            named.push(name.to_owned());
        }
    }
    named.sort();
    let mut allowed: Vec<&str> = NAME_AGENTS.iter().map(|(file, _)| *file).collect();
    allowed.sort_unstable();
    assert_eq!(named, allowed, "who names an agent");
}

/// Files beside `time.rs` that count seconds, and what for; none of them writes them for people.
const COUNT_SECONDS: [(&str, &str); 5] = [
    ("cli/run.rs", "`seconds` of JSON"),
    ("cli/status.rs", "`seconds` of JSON"),
    ("cli/doctor.rs", "the milliseconds of a probe"),
    ("plan/draft/write.rs", "estimates, rounded up to minutes"),
    ("report/gantt.rs", "what Mermaid draws"),
];

#[test]
fn times_are_written_in_one_place() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut counting = Vec::new();
    let mut wrong = Vec::new();
    for file in files(&src) {
        let name = file.strip_prefix(&src).unwrap().to_str().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        if name == "time.rs" || name.ends_with("tests.rs") {
            continue;
        }
        let writes = ["to_rfc3339", "SecondsFormat", ".format(\"%"].iter().any(|word| code.contains(word));
        wrong.extend(writes.then(|| name.to_owned()));
        let seconds = code.lines().any(|line| {
            let counts = line.contains("as_secs()") || line.contains("as_secs_f64()");
            counts && !line.contains("as_secs() > 0") && !line.contains("UNIX_EPOCH")
        });
        counting.extend(seconds.then(|| name.to_owned()));
    }
    counting.sort();
    let mut known: Vec<&str> = COUNT_SECONDS.iter().map(|(file, _)| *file).collect();
    known.sort_unstable();
    assert_eq!(counting, known, "who counts seconds");
    assert!(wrong.is_empty(), "moments are written by `time`: {wrong:?}");
    assert!(
        fs::read_to_string(src.join("time.rs")).unwrap().contains("to_rfc3339"),
        "the room is not where it is looked for"
    );
}

/// A file that the tests' own process writes can be open in a child of another test, and is "busy" then.
#[test]
fn tests_make_programs_by_a_process_of_its_own() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for folder in ["tests/it", "benches", "crates", "src"] {
        for file in files(&top.join(folder)).iter().filter(|file| !file.ends_with("it/house.rs")) {
            let text = fs::read_to_string(file).unwrap();
            let is_for_tests =
                !file.components().any(|part| part.as_os_str() == "src") || file.ends_with("tests.rs");
            let lines =
                (1..).zip(text.lines()).skip_while(|(_, line)| !is_for_tests && *line != "#[cfg(test)]");
            let found = lines.filter(|(_, line)| makes_a_program(line));
            wrong.extend(found.map(|(at, line)| format!("{}:{at}: {}", file.display(), line.trim())));
        }
    }
    assert!(wrong.is_empty(), "use `common::program` here:\n{}", wrong.join("\n"));
    let known = [
        "f.set_permissions(Permissions::from_mode(0o755))",
        "fs::write(x, \"#!/bin/sh\")",
        "options.mode(0o700)",
    ];
    assert!(known.iter().all(|line| makes_a_program(line)) && !makes_a_program("from_mode(0o644)"));
}

/// Tells whether a line gives a mode with which a file can be executed, writes a script, or copies the program.
fn makes_a_program(line: &str) -> bool {
    let mode = line.split_once("mode(0o").and_then(|(_, mode)| mode.split(')').next());
    let is_executable =
        mode.and_then(|mode| u32::from_str_radix(mode, 8).ok()).is_some_and(|mode| mode & 0o111 != 0);
    let has = |words: [&str; 2]| words.iter().all(|word| line.contains(word));
    is_executable || has(["fs::write(", "#!/"]) || has(["fs::copy(", "CARGO_BIN_EXE"])
}

/// A test that finds nothing to try is green: it has to say so.
#[test]
fn a_test_that_ends_early_says_that_it_was_not_tried() {
    const NONE: [usize; 0] = [];
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let mut wrong = Vec::new();
    for file in files(&top) {
        let text = fs::read_to_string(&file).unwrap();
        wrong.extend(silent_ends(&text).into_iter().map(|at| format!("{}:{at}", file.display())));
    }
    assert!(wrong.is_empty(), "use `common::not_tried` before these:\n{}", wrong.join("\n"));
    let test =
        |inside: &str| format!("#[test]\nfn a() {{\n    if !can() {{\n{inside}        return;\n    }}\n}}\n");
    assert_eq!(silent_ends(&test("        println!(\"no root here\");\n")), [5]);
    assert_eq!(silent_ends(&test("")), [4]);
    assert_eq!(silent_ends(&test("        not_tried(\"no root here\");\n")), NONE);
    assert_eq!(silent_ends(&test("").replace("!can()", "!only_as_root(\"x\")")), NONE);
    assert_eq!(silent_ends(&test("").replace("#[test]\n", "")), NONE, "no test");
}

/// Returns the lines at which a test ends early and does not say so.
fn silent_ends(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let mut is_test = false;
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        match *line {
            "#[test]" => is_test = true,
            "}" => is_test = false,
            "        return;" if is_test => {
                let before = lines[at.saturating_sub(2)..at].concat();
                if !before.contains("not_tried(") && !before.contains("only_as_root(") {
                    found.push(at + 1);
                }
            }
            _ => {}
        }
    }
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
