//! Takes two versions of a source file, gives the later one with one piece of its new code put back to what it was, again and
//! again: what no test notices is not tested.

use std::collections::BTreeSet;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::lines::COMPARED;
use super::tree::{Walk, attributes, parse, walk};
use super::{Language, code, mutate, weld};

/// Lines that stayed as they were between two changes that belong together.
const BETWEEN: usize = 3;
/// Pieces of one file that are given at most, and what their texts measure together: each is the whole file.
const MOST: usize = 50;
const BYTES: usize = 64 << 20;

/// A file with one piece of it as it was before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Its first line in the later version, counted from 1. Of lines that were only taken away, the one behind them.
    pub first: u32,
    /// Its last line; the one before the first where lines were only taken away.
    pub last: u32,
    /// The whole file without it.
    pub text: String,
}

/// Gives the pieces of code that the later version wrote or took away, each put back by itself, in their order. A piece that
/// holds tests is none. Of a file that is new, nothing was there before: each of its functions does nothing.
pub fn hunks(language: Language, before: Option<&str>, after: &str) -> Vec<Hunk> {
    let Some(before) = before else { return idle(language, after) };
    let (old, new) = (lines(before), lines(after));
    if old.len().max(new.len()) > COMPARED {
        return Vec::new();
    }
    let own = Own::of(language, before, after).zip(Own::of(language, after, before));
    let Some((written, gone)) = own else { return Vec::new() };
    let (now, then) = (starts(&new), starts(&old));
    pieces(&old, &new)
        .into_iter()
        .filter(|(was, is)| {
            if is.is_empty() {
                gone.is_code(then[was.start]..then[was.end])
            } else {
                written.is_code(now[is.start]..now[is.end])
            }
        })
        .take(most(after))
        .filter_map(|(was, is)| {
            let text = [&new[..is.start], &old[was], &new[is.end..]].concat().concat();
            Some(Hunk { first: number(is.start + 1)?, last: number(is.end)?, text })
        })
        .collect()
}

/// Gives the functions of a new file, each without what it does.
fn idle(language: Language, text: &str) -> Vec<Hunk> {
    let functions = mutate::mutations(language, None, text).into_iter().filter(|own| own.is_body);
    let hunk = |own: mutate::Mutation| Hunk { first: own.within.0, last: own.within.1, text: own.text };
    functions.take(most(text)).map(hunk).collect()
}

/// How many pieces of a file are given at most.
fn most(text: &str) -> usize {
    MOST.min(BYTES / text.len().max(1))
}

fn number(line: usize) -> Option<u32> {
    u32::try_from(line).ok()
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Where each line begins, and behind the last.
fn starts(lines: &[&str]) -> Vec<usize> {
    let mut at = 0;
    let mut all = vec![0];
    for line in lines {
        at += line.len();
        all.push(at);
    }
    all
}

/// What changed: lines of the earlier version, and what is there instead.
fn pieces(old: &[&str], new: &[&str]) -> Vec<(Range<usize>, Range<usize>)> {
    let mut all: Vec<(Range<usize>, Range<usize>)> = Vec::new();
    for op in capture_diff_slices(Algorithm::Patience, old, new) {
        if matches!(op, DiffOp::Equal { .. }) {
            continue;
        }
        let (was, is) = (op.old_range(), op.new_range());
        match all.last_mut() {
            Some(last) if is.start.saturating_sub(last.1.end) <= BETWEEN => {
                (last.0.end, last.1.end) = (was.end, is.end);
            }
            _ => all.push((was, is)),
        }
    }
    all
}

/// What of a file is new code, and what is for tests.
struct Own {
    /// Where its words begin.
    code: BTreeSet<usize>,
    tests: Vec<Range<usize>>,
}

impl Own {
    fn of(language: Language, before: &str, after: &str) -> Option<Self> {
        let tree = parse(language, after)?;
        let code = code::written(language, Some(before), tree.root_node(), after);
        let mut tests = Vec::new();
        walk(tree.root_node(), |node, _| {
            let is_test =
                language == Language::Rust && attributes(node, after).into_iter().any(weld::is_for_tests);
            if is_test {
                tests.push(node.byte_range());
                return Walk::Past;
            }
            Walk::Into
        });
        Some(Self { code, tests })
    }

    fn is_code(&self, bytes: Range<usize>) -> bool {
        let meets = |test: &Range<usize>| test.start < bytes.end && bytes.start < test.end;
        !self.tests.iter().any(meets) && self.code.range(bytes).next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(language: Language, before: &str, after: &str) -> Vec<(u32, u32, String)> {
        hunks(language, Some(before), after)
            .into_iter()
            .map(|hunk| (hunk.first, hunk.last, hunk.text))
            .collect()
    }

    #[test]
    fn each_piece_of_code_is_put_back_by_itself() {
        let base: Vec<String> = (0..20).map(|n| format!("a{n} = {n}\n")).collect();
        let mut new = base.clone();
        new[2] = "a2 = 22\nb = 1\n".to_owned();
        new[4] = "a4 = 44\n".to_owned();
        new[15] = "a15 = 99\n".to_owned();
        let (before, after) = (base.concat(), new.concat());
        let mut one = new.clone();
        (one[2], one[4]) = (base[2].clone(), base[4].clone());
        let mut two = new.clone();
        two[15].clone_from(&base[15]);
        let found = shown(Language::Python, &before, &after);
        assert_eq!(found, [(3, 6, one.concat()), (17, 17, two.concat())]);
    }

    #[test]
    fn comments_and_tests_are_no_piece_of_code() {
        for (language, before, after) in [
            (Language::Python, "a = 1\n", "# one\na = 1\n"),
            (Language::Python, "# one\na = 1\n", "a = 1\n"),
            (Language::Rust, "fn a() {}\n#[test]\nfn b() {}\n", "fn a() {}\n"),
            (Language::Python, "def f():\n    return 1\n", "def f():\n    \"\"\"F.\"\"\"\n    return 1\n"),
            (Language::Rust, "fn a() {}\n", "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n"),
            (Language::Rust, "fn a() {}\n", "fn a() {}\n#[test]\nfn b() {}\n"),
            (Language::Rust, "fn a() {}\n", "fn a() {}\n"),
        ] {
            assert_eq!(shown(language, before, after), [], "{after}");
        }
    }

    #[test]
    fn lines_that_were_taken_away_come_back() {
        let (before, after) = ("a = 1\nb = 2\nc = 3\n", "a = 1\nc = 3\n");
        assert_eq!(shown(Language::Python, before, after), [(2, 1, before.to_owned())]);
        assert_eq!(shown(Language::Python, before, "a = 1\nb = 2\n"), [(3, 2, before.to_owned())]);
    }

    #[test]
    fn functions_of_a_new_file_do_nothing_one_by_one() {
        let text = "A = 1\n\ndef f():\n    return 2\n\nclass C:\n    def g(self):\n        return 3\n";
        let found = hunks(Language::Python, None, text);
        let lines: Vec<_> = found.iter().map(|own| (own.first, own.last)).collect();
        assert_eq!(lines, [(3, 4), (7, 8)]);
        assert!(found[0].text.starts_with("A = 1\n\ndef f():\n    return None"), "{}", found[0].text);
        assert_eq!(hunks(Language::Python, None, "A = 1\n"), []);
    }

    #[test]
    fn a_file_without_an_end_of_line_stays_one() {
        assert_eq!(shown(Language::Python, "a = 1", "a = 2"), [(1, 1, "a = 1".to_owned())]);
    }
}
