//! Takes all mutations of a change, gives as many as are wanted: from every file in turn, each line once before any twice.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Mutation;

/// Chooses `count` of them, spread over files and lines.
pub fn choose(all: Vec<(String, Mutation)>, count: usize) -> Vec<(String, Mutation)> {
    let mut files: BTreeMap<String, (VecDeque<Mutation>, VecDeque<Mutation>)> = BTreeMap::new();
    let mut seen: BTreeSet<(String, u32)> = BTreeSet::new();
    for (path, mutation) in all {
        let (first, later) = files.entry(path.clone()).or_default();
        if seen.insert((path, mutation.line)) { first.push_back(mutation) } else { later.push_back(mutation) }
    }
    let mut chosen = Vec::new();
    while chosen.len() < count {
        let before = chosen.len();
        for (path, (first, later)) in &mut files {
            if let (true, Some(mutation)) =
                (chosen.len() < count, first.pop_front().or_else(|| later.pop_front()))
            {
                chosen.push((path.clone(), mutation));
            }
        }
        if chosen.len() == before {
            break;
        }
    }
    chosen
}
