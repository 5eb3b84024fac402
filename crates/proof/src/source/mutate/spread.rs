//! Takes all mutations of a change, gives them in the order in which they are tried: from every file in turn, each line once before
//! any twice.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Mutation;

/// Spreads them over files and lines.
pub fn spread(all: Vec<(String, Mutation)>) -> Vec<(String, Mutation)> {
    let mut files: BTreeMap<String, (VecDeque<Mutation>, VecDeque<Mutation>)> = BTreeMap::new();
    let mut seen: BTreeSet<(String, u32)> = BTreeSet::new();
    for (path, mutation) in all {
        let (first, later) = files.entry(path.clone()).or_default();
        if seen.insert((path, mutation.line)) { first.push_back(mutation) } else { later.push_back(mutation) }
    }
    let mut chosen = Vec::new();
    loop {
        let before = chosen.len();
        for (path, (first, later)) in &mut files {
            let next = first.pop_front().or_else(|| later.pop_front());
            chosen.extend(next.map(|mutation| (path.clone(), mutation)));
        }
        if chosen.len() == before {
            return chosen;
        }
    }
}
