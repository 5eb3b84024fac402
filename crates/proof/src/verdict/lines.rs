//! Lines: takes the runs with a changed value, and with changed lines put back, tells which lines which tests prove, and which
//! no test does. It never decides anything.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::judge::Judge;
use super::support::Said;
use super::{Ran, Runs, Terms};

/// Changed lines that were put back to what they had been for one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// The file.
    pub path: String,
    /// The first of the lines in the result, counted from 1.
    pub first: u32,
    /// The last.
    pub last: u32,
    /// The run without them.
    pub ran: Ran,
}

/// What is known of the changed lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// Lines of a file, and the tests that noticed.
    pub proved: Vec<Proved>,
    /// Lines whose absence no test noticed.
    pub unproved: Vec<String>,
}

/// Lines of a file that the same tests prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// Where: `path:3, 7–9`.
    pub at: String,
    /// The tests that failed.
    pub by: BTreeSet<String>,
}

/// First and last lines.
type Ranges = BTreeSet<(u32, u32)>;

/// Tells which lines are proved, and which are not; by path, those that the same tests prove together.
pub fn lines(runs: &Runs, undone: &[Undone]) -> Lines {
    let terms = Terms::default();
    let mut judge = Judge::of(runs, &terms);
    judge.first();
    let mut proved: BTreeMap<(String, BTreeSet<String>), Ranges> = BTreeMap::new();
    let mut unproved = Vec::new();
    for mutant in &runs.mutants {
        let place = mutant.at.rsplit_once(':').and_then(|(path, line)| Some((path, line.parse().ok()?)));
        match (place, judge.said(&mutant.ran)) {
            (Some((path, line)), Said::Noticed(by)) => {
                proved.entry((path.to_owned(), judge.proving(by))).or_default().insert((line, line));
            }
            // Where it did not speak against the change. Edges are too many, and few of them matter.
            (_, Said::Survived) if !mutant.is_edge => {
                unproved.push(format!("{} ({})", mutant.at, mutant.what));
            }
            _ => {}
        }
    }
    for own in undone {
        let range = (own.first, own.last);
        match judge.said(&own.ran) {
            // What was taken away is no line of the result.
            Said::Noticed(_) if own.last < own.first => {}
            Said::Noticed(by) => {
                proved.entry((own.path.clone(), judge.proving(by))).or_default().insert(range);
            }
            Said::Survived => unproved.push(format!("{}:{}", own.path, shown(range))),
            // What does not build without the lines says nothing of them.
            Said::Unjudged => {}
        }
    }
    let proved = proved.into_iter().map(|((path, by), lines)| Proved { at: at(&path, lines), by }).collect();
    Lines { proved, unproved }
}

/// Tells whether some test fails in a run that does not fail in the result.
pub fn is_noticed(runs: &Runs, ran: &Ran) -> bool {
    let terms = Terms::default();
    matches!(Judge::of(runs, &terms).said(ran), Said::Noticed(_))
}

/// Names lines; those that follow each other as one.
fn at(path: &str, lines: Ranges) -> String {
    let mut joined: Vec<(u32, u32)> = Vec::new();
    for (first, last) in lines {
        match joined.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    let shown: Vec<String> = joined.into_iter().map(shown).collect();
    format!("{path}:{}", shown.join(", "))
}

fn shown((first, last): (u32, u32)) -> String {
    match first.cmp(&last) {
        Ordering::Less => format!("{first}–{last}"),
        Ordering::Equal => first.to_string(),
        Ordering::Greater => format!("{first} (what was taken out above it)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Outcome, Results};
    use crate::verdict::Mutant;

    fn ran(all: &[(&str, Outcome)]) -> Ran {
        Ran::whole(all.iter().map(|(id, outcome)| ((*id).to_owned(), *outcome)).collect::<Results>())
    }

    #[test]
    fn lines_are_proved_by_the_tests_that_notice_them() {
        use Outcome::{Failed, Passed};
        let result = ran(&[("old", Passed), ("new", Passed), ("other", Passed)]);
        let tests = ran(&[("old", Passed), ("new", Failed), ("other", Failed)]);
        let noticed = ran(&[("old", Failed), ("new", Failed), ("other", Passed)]);
        let mutant = |line: u32, ran: &Ran| Mutant {
            at: format!("src/a.rs:{line}"),
            what: "1 became 2".to_owned(),
            ran: ran.clone(),
            within: None,
            is_edge: false,
        };
        let runs = Runs {
            base: ran(&[("old", Passed)]),
            tests: [tests.clone(), tests],
            result: [result.clone(), result.clone()],
            mutants: vec![mutant(3, &noticed), mutant(4, &noticed), mutant(9, &noticed), mutant(11, &result)],
            ..Runs::default()
        };
        let undone = |first, last, ran: Ran| Undone { path: "src/a.rs".to_owned(), first, last, ran };
        let other = ran(&[("old", Passed), ("new", Passed), ("other", Failed)]);
        let short = ran(&[("old", Passed)]);
        let all = [
            undone(5, 6, noticed.clone()),
            undone(20, 30, other),
            undone(40, 61, result.clone()),
            undone(66, 65, result),
            undone(67, 66, noticed.clone()),
            undone(70, 71, short),
            undone(80, 81, Ran::default()),
        ];
        let lines = lines(&runs, &all);
        let proved: Vec<(&str, Vec<&str>)> = lines
            .proved
            .iter()
            .map(|own| (own.at.as_str(), own.by.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(proved, [("src/a.rs:3–6, 9", vec!["new"]), ("src/a.rs:20–30", vec!["other"])]);
        let unproved =
            ["src/a.rs:11 (1 became 2)", "src/a.rs:40–61", "src/a.rs:66 (what was taken out above it)"];
        assert_eq!(lines.unproved, unproved);
    }
}
