//! Puts steps in the order they run: file order, each moved back only as far as its needs demand.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// Returns the order, or the steps of every cycle, each in the order of its needs.
///
/// `needs[step]` are the indices of what a step needs.
pub(super) fn order(needs: &[Vec<usize>]) -> Result<Vec<usize>, Vec<Vec<usize>>> {
    let mut waiting: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); needs.len()];
    for (step, needs) in needs.iter().enumerate() {
        for need in needs {
            needed_by[*need].push(step);
        }
    }
    // Of those that may run, the first in the file: so a step waits for its needs and for nothing else.
    let mut ready: BinaryHeap<Reverse<usize>> =
        waiting.iter().enumerate().filter(|(_, count)| **count == 0).map(|(step, _)| Reverse(step)).collect();
    let mut order = Vec::with_capacity(needs.len());
    while let Some(Reverse(step)) = ready.pop() {
        order.push(step);
        for next in &needed_by[step] {
            waiting[*next] -= 1;
            if waiting[*next] == 0 {
                ready.push(Reverse(*next));
            }
        }
    }
    if order.len() == needs.len() { Ok(order) } else { Err(cycles(needs, &waiting)) }
}

/// Finds the cycles among the steps that never became ready: each such step has such a need, so following the
/// first of them leads into a cycle.
fn cycles(needs: &[Vec<usize>], waiting: &[usize]) -> Vec<Vec<usize>> {
    let mut cycles = Vec::new();
    let mut done: HashSet<usize> = HashSet::new();
    for start in (0..needs.len()).filter(|step| waiting[*step] > 0) {
        let mut path: Vec<usize> = Vec::new();
        let mut place: HashMap<usize, usize> = HashMap::new();
        let mut step = start;
        while done.insert(step) {
            place.insert(step, path.len());
            path.push(step);
            match needs[step].iter().find(|need| waiting[**need] > 0) {
                Some(next) => step = *next,
                None => break,
            }
        }
        if let Some(from) = place.get(&step) {
            cycles.push(path.split_off(*from));
        }
    }
    cycles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_file_order_where_needs_allow() {
        assert_eq!(order(&[vec![], vec![], vec![]]).unwrap(), [0, 1, 2]);
        assert_eq!(order(&[vec![2], vec![], vec![], vec![]]).unwrap(), [1, 2, 0, 3]);
        assert_eq!(order(&[vec![3], vec![], vec![], vec![], vec![]]).unwrap(), [1, 2, 3, 0, 4]);
    }

    #[test]
    fn names_each_cycle_once() {
        assert_eq!(
            order(&[vec![1], vec![0], vec![0], vec![4], vec![3]]).unwrap_err(),
            [vec![0, 1], vec![3, 4]]
        );
        assert_eq!(order(&[vec![0]]).unwrap_err(), [vec![0]]);
    }
}
