//! Takes the text of a `.gitignore`, gives its patterns: what they are matched with, and what they say then. Read as
//! git reads them (`dir.c`), byte for byte: what nobody would write means here what it means there.

use super::wildmatch::{self, Of, is_special};

/// As often may a pattern have stars, in a row or alone: each is tried at every byte of a path.
const MOST_STARS: usize = 64;

/// A line of a `.gitignore` that says something.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// Without the marks for what follows.
    text: Vec<u8>,
    /// As many bytes of it stand for themselves, from the first on.
    plain: usize,
    /// It begins with `!`: what matches is not ignored.
    takes_back: bool,
    /// It ends with `/`.
    of_folders: bool,
    /// It holds no other slash: names are matched, in whatever folder.
    of_names: bool,
}

/// A pattern that is too much, by the number of its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooManyStars(pub(super) usize);

/// Reads the patterns of a file, in their order.
pub(super) fn read(text: &[u8]) -> Result<Vec<Pattern>, TooManyStars> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let mut patterns = Vec::new();
    for (number, line) in (1..).zip(text.split(|&byte| byte == b'\n')) {
        let Some(line) = pattern_in(line) else { continue };
        let pattern = Pattern::new(line);
        if wildmatch::stars(&pattern.text) > MOST_STARS {
            return Err(TooManyStars(number));
        }
        patterns.push(pattern);
    }
    Ok(patterns)
}

/// Takes what of a line is a pattern: up to a NUL, without the blanks at its end.
fn pattern_in(line: &[u8]) -> Option<&[u8]> {
    if line.is_empty() || line.starts_with(b"#") {
        return None;
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
    let line = &line[..end(line)];
    (!line.is_empty()).then_some(line)
}

/// Returns where the blanks at the end begin; one behind a backslash is none of them.
fn end(line: &[u8]) -> usize {
    let (mut at, mut end) = (0, 0);
    while let Some(byte) = line.get(at) {
        at += 1 + usize::from(*byte == b'\\');
        if *byte != b' ' {
            end = at;
        }
    }
    end.min(line.len())
}

impl Pattern {
    fn new(line: &[u8]) -> Self {
        let without = line.strip_prefix(b"!");
        let text = without.unwrap_or(line);
        let bare = text.strip_suffix(b"/");
        let inner = bare.unwrap_or(text);
        let of_names = !inner.contains(&b'/');
        // A slash that it begins with says no more than that it is of paths.
        let inner = inner.strip_prefix(b"/").unwrap_or(inner);
        Self {
            text: inner.to_vec(),
            plain: inner.iter().position(|byte| is_special(*byte)).unwrap_or(inner.len()),
            takes_back: without.is_some(),
            of_folders: bare.is_some(),
            of_names,
        }
    }

    /// Tells whether what it matches is ignored.
    pub(super) fn ignores(&self) -> bool {
        !self.takes_back
    }

    /// Tells whether everything is ignored by it, files and folders.
    pub(super) fn is_everything(&self) -> bool {
        self.ignores() && !self.of_folders && self.text == b"*"
    }

    /// Tells whether it matches a path, which is taken from the folder that its file lies in.
    pub(super) fn matches(&self, path: &[u8], is_folder: bool, how: Stars) -> bool {
        if self.of_folders && !is_folder {
            return false;
        }
        if self.of_names { self.matches_name(name_of(path)) } else { self.matches_path(path, how) }
    }

    /// Tells whether gits of different versions think differently of it: stars in a row right behind what stands for itself.
    pub(super) fn depends_on_version(&self) -> bool {
        let (plain, rest) = self.text.split_at(self.plain);
        !self.of_names && !plain.is_empty() && !plain.ends_with(b"/") && rest.starts_with(b"**")
    }

    fn matches_name(&self, name: &[u8]) -> bool {
        match self.text.split_first() {
            _ if self.plain == self.text.len() => name == self.text,
            Some((b'*', end)) if !end.iter().any(|byte| is_special(*byte)) => name.ends_with(end),
            _ => self.begins(name) && wildmatch::matches(&self.text, name, Of::Name),
        }
    }

    fn matches_path(&self, path: &[u8], how: Stars) -> bool {
        if !self.begins(path) {
            return false;
        }
        let from = match how {
            Stars::AfterAll => self.plain,
            Stars::InTheirPlace => 0,
        };
        wildmatch::matches(&self.text[from..], &path[from..], Of::Path)
    }

    fn begins(&self, text: &[u8]) -> bool {
        text.starts_with(&self.text[..self.plain])
    }
}

/// What `**` means right behind what stands for itself, as in `a**/b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stars {
    /// The same as at the beginning: git up to 2.52 does not look at what is before.
    AfterAll,
    /// The same as `*`, as git's manual has it.
    #[default]
    InTheirPlace,
}

impl Stars {
    /// Tells what they mean to a git, by what `git version` prints.
    pub(super) fn of(version: &str) -> Self {
        let numbers = version.trim_start_matches(|c: char| !c.is_ascii_digit()).split('.');
        let mut numbers = numbers.map_while(|number| number.parse::<u32>().ok());
        let version = (numbers.next(), numbers.next());
        if version < (Some(2), Some(53)) { Self::AfterAll } else { Self::InTheirPlace }
    }
}

fn name_of(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}
