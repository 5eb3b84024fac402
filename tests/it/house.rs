//! The house stays a house: imports point one way, and only the command line knows of one.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and the rooms it may import. What is not listed is an import that points backwards.
const ROOMS: [(&str, &[&str]); 14] = [
    ("plan", &[]),
    ("policy", &["plan"]),
    ("sandbox", &["policy"]),
    ("worktree", &["policy", "sandbox"]),
    ("evidence", &[]),
    ("github", &[]),
    ("network", &["plan"]),
    ("agent", &["plan"]),
    ("run", &["plan", "policy", "sandbox", "network", "worktree", "evidence", "agent"]),
    ("report", &["plan", "evidence"]),
    ("audit", &["plan", "worktree", "evidence", "github"]),
    ("publish", &["plan", "worktree", "evidence", "report", "github"]),
    (
        "app",
        &[
            "plan", "policy", "sandbox", "network", "worktree", "agent", "run", "evidence", "report",
            "github", "publish", "audit",
        ],
    ),
    (
        "cli",
        &[
            "plan", "policy", "sandbox", "network", "worktree", "agent", "run", "evidence", "report",
            "github", "publish", "audit", "app",
        ],
    ),
];

#[test]
fn imports_point_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (room, allowed) in ROOMS {
        for file in files(&src.join(room)) {
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for (number, line) in
                code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
            {
                for part in line.split("crate::").skip(1) {
                    let end = part.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(part.len());
                    let import = &part[..end];
                    let known = ROOMS.iter().any(|(name, _)| *name == import);
                    if known && import != room && !allowed.contains(&import) {
                        wrong.push(format!("{}:{}: {room} imports {import}", file.display(), number + 1));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point backwards:\n{}", wrong.join("\n"));
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
    for (room, allowed) in ROOMS {
        for import in allowed {
            let back = ROOMS.iter().find(|(name, _)| name == import).unwrap().1;
            assert!(!back.contains(&room), "{room} and {import} import each other");
        }
    }
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
