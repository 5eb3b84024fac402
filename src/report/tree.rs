//! Takes changed paths, any number of them, gives a tree that fits a screen: folders stay folded where there is no room.

use std::collections::BTreeMap;

use super::extent::{counts, lines};
use super::markdown::clip;
use crate::evidence::event::Change;

/// Lines of a tree at most.
const ROWS: usize = 40;
/// Characters of a name.
const NAME: usize = 60;
/// Folders within folders that are unfolded: what is deeper stays folded.
const DEEP: usize = 12;

/// A folder, with what changed below it.
#[derive(Debug, Default)]
struct Folder<'a> {
    folders: BTreeMap<&'a str, Folder<'a>>,
    files: Vec<(&'a str, &'a Change)>,
    count: usize,
    added: u64,
    removed: u64,
}

/// Draws the tree, a line each; what is left out is counted.
pub(super) fn draw(changes: &[Change]) -> Vec<String> {
    let mut top = Folder::default();
    for change in changes {
        top.add(change.path.as_str(), change, DEEP);
    }
    let mut rows = Vec::new();
    top.draw(0, ROWS, &mut rows);
    rows
}

impl<'a> Folder<'a> {
    fn add(&mut self, path: &'a str, change: &'a Change, deep: usize) {
        self.count += 1;
        self.added = self.added.saturating_add(change.added.unwrap_or(0));
        self.removed = self.removed.saturating_add(change.removed.unwrap_or(0));
        match path.split_once('/') {
            Some((folder, rest)) if deep > 0 => {
                self.folders.entry(folder).or_default().add(rest, change, deep - 1);
            }
            _ => self.files.push((path, change)),
        }
    }

    /// Follows a way on which there is nothing but one folder in another; returns its names, and where it ends.
    fn along(&self, name: String) -> (String, &Self) {
        match (self.folders.first_key_value(), self.folders.len(), self.files.len()) {
            (Some((next, folder)), 1, 0) => folder.along(clip(&format!("{name}/{next}"), 2 * NAME)),
            _ => (name, self),
        }
    }

    /// Draws what is in it, on so many lines at most: a line for each thing first, what is left goes to folders in turn.
    fn draw(&self, depth: usize, room: usize, rows: &mut Vec<String>) {
        let indent = "  ".repeat(depth);
        let things = self.folders.len() + self.files.len();
        let mut left = room.saturating_sub(things);
        // The line that counts the rest needs one itself.
        let shown = if things > room { room.saturating_sub(1) } else { things };
        let mut told = 0;
        for (name, folder) in self.folders.iter().take(shown) {
            told += folder.count;
            let (name, folder) = folder.along(clip(name, NAME));
            let own = folder.folders.len() + folder.files.len();
            if let ([(file, change)], 1) = (folder.files.as_slice(), folder.count) {
                rows.push(format!("{indent}{name}/{}  {}", clip(file, NAME), counts(change)));
            } else if own <= left {
                let before = rows.len();
                rows.push(format!("{indent}{name}/"));
                folder.draw(depth + 1, left, rows);
                left = left.saturating_sub(rows.len() - before - 1);
            } else {
                rows.push(format!(
                    "{indent}{name}/  {} files {}",
                    folder.count,
                    lines(folder.added, folder.removed)
                ));
            }
        }
        for (name, change) in self.files.iter().take(shown.saturating_sub(self.folders.len())) {
            told += 1;
            rows.push(format!("{indent}{}  {}", clip(name, NAME), counts(change)));
        }
        if told < self.count {
            rows.push(format!("{indent}… {} more files", self.count - told));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Text;
    use crate::evidence::event::ChangeKind;
    use crate::evidence::mask::Secrets;

    fn changes(paths: impl Iterator<Item = String>) -> Vec<Change> {
        let change = |path: String| Change {
            path: Text::new(&Secrets::default(), &path),
            kind: ChangeKind::Added,
            added: Some(1),
            removed: Some(0),
            review: None,
        };
        paths.map(change).collect()
    }

    #[test]
    fn a_few_files_are_all_there() {
        let few = changes(["a", "src/b", "src/c/d"].map(str::to_owned).into_iter());
        assert_eq!(draw(&few), ["src/", "  c/d  +1", "  b  +1", "a  +1"]);
    }

    #[test]
    fn ten_thousand_files_fit_a_screen_and_are_all_counted() {
        for paths in [
            changes((0..10_000).map(|n| format!("src/{}/{n}.rs", n % 100))),
            changes((0..10_000).map(|n| format!("{n}"))),
            changes((0..10_000).map(|n| format!("{n}/a/b/c/{n}"))),
            changes((0..10_000).map(|n| format!("a/{}x", "b/".repeat(n % 900)))),
        ] {
            let rows = draw(&paths);
            assert!(rows.len() <= ROWS + 1, "{} rows: {rows:#?}", rows.len());
            let number = |row: &String| {
                let words: Vec<&str> = row.split_whitespace().collect();
                let files = words.iter().position(|word| *word == "files" || *word == "more");
                files.map_or(usize::from(!row.ends_with('/')), |at| words[at - 1].parse().unwrap())
            };
            assert_eq!(rows.iter().map(number).sum::<usize>(), 10_000, "{rows:#?}");
        }
    }
}
