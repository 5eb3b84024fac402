//! The documents say what is there.

mod evidence;
mod types;

use std::fs;
use std::path::{Path, PathBuf};

const PAGE: &str = "docs/evidence.md";

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn the_documented_flake_is_the_template() {
    let flake = read("nix/templates/default/flake.nix");
    assert!(
        read("docs/nix.md").contains(&format!("```nix\n{flake}```\n")),
        "docs/nix.md shows another flake"
    );
}

/// Every page of the project, with its name.
fn pages() -> Vec<(PathBuf, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = [top.to_owned(), top.join("docs"), top.join("docs/adr")];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let paths = entries.map(|entry| entry.unwrap().path());
    let pages = paths.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    pages.map(|path| (path.clone(), fs::read_to_string(&path).unwrap())).collect()
}

/// Its lines that are text, with their numbers: what is printed or shown as code is as wide as it is, tables and pictures have one line.
fn text(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    (1..).zip(page.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence && !line.starts_with('|') && !line.starts_with("![")
    })
}

#[test]
fn no_line_of_text_is_wider_than_120_columns() {
    let pages = pages();
    assert!(pages.len() > 30, "{}", pages.len());
    let mut wide = Vec::new();
    for (path, page) in &pages {
        let over = text(page).filter(|(_, line)| line.chars().count() > 120);
        wide.extend(over.map(|(number, _)| format!("{}:{number}", path.display())));
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
    let page = format!("{0}\n```sh\n{0}\n```\n| {0} |\n{0}\n", "x".repeat(121));
    assert_eq!(text(&page).map(|(number, _)| number).collect::<Vec<_>>(), [1, 6]);
}

#[test]
fn pages_are_written_in_plain_words() {
    let mut found = Vec::new();
    for (path, page) in &pages() {
        let lower = page.to_lowercase();
        let words = ["not to be had", "whoever", "in order to", "lets one in"];
        found.extend(
            words
                .iter()
                .filter(|word| lower.contains(*word))
                .map(|word| format!("{}: {word}", path.display())),
        );
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
