//! The graph of tasks: checked, ordered, with its levels and its critical path.

use std::collections::HashMap;
use std::time::Duration;

use super::{Document, Task, Wrong};
use crate::plan::{hint, order};

/// With so many faults nobody looks for near misses: in thousands of names that takes for ever.
const CROWDED: usize = 50;

/// So many names of a circle are written out.
const CIRCLE: usize = 12;

/// Tasks whose needs are all there, and that do not wait for each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph<'a> {
    /// The tasks in the order they run.
    pub tasks: Vec<&'a Task>,
    /// The level of each: what is on one level could run side by side.
    pub levels: Vec<usize>,
    /// The chain that takes longest, as places in `tasks`.
    pub critical_path: Vec<usize>,
    /// How long that chain takes.
    pub longest: Duration,
}

impl<'a> Graph<'a> {
    pub(super) fn of(document: &'a Document) -> Result<Self, Wrong> {
        let tasks = &document.tasks;
        let mut wrong = document.wrong.clone();
        if tasks.is_empty() && wrong.is_empty() {
            wrong.push(
                "no task: a task is a heading such as `### Task 1: …`, or one with `- **ID**: …` below it, an item `- [ ] …`, \
                 or a row of a table with ids"
                    .to_owned(),
            );
        }
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (place, task) in tasks.iter().enumerate() {
            if let Some(first) = places.insert(&task.id, place) {
                let line = tasks[first].line;
                wrong.push(format!(
                    "line {}: {} is the id of two tasks, first in line {line}",
                    task.line, task.id
                ));
            }
        }
        let needs = needs(tasks, &places, &mut wrong);
        let order = order::order(&needs).map_err(|cycles| {
            let name = |place: &usize| tasks[*place].id.clone();
            wrong.extend(cycles.iter().map(|cycle| {
                let mut names: Vec<String> = cycle.iter().map(name).collect();
                if names.len() > CIRCLE {
                    names.splice(8..names.len() - 2, ["…".to_owned()]);
                }
                names.extend(names.first().cloned());
                let line = tasks[cycle[0]].line;
                format!("line {line}: these tasks wait for each other: {}", names.join(" → "))
            }));
        });
        match order {
            Ok(order) if wrong.is_empty() => Ok(Self::ordered(tasks, &needs, &order)),
            _ => Err(Wrong(wrong)),
        }
    }

    fn ordered(tasks: &'a [Task], needs: &[Vec<usize>], order: &[usize]) -> Self {
        let mut place = vec![0; tasks.len()];
        order.iter().enumerate().for_each(|(at, task)| place[*task] = at);
        let mut levels = vec![0; tasks.len()];
        let mut ends = vec![Duration::ZERO; tasks.len()];
        let mut before: Vec<Option<usize>> = vec![None; tasks.len()];
        for (at, task) in order.iter().enumerate() {
            let needs: Vec<usize> = needs[*task].iter().map(|need| place[*need]).collect();
            levels[at] = needs.iter().map(|need| levels[*need] + 1).max().unwrap_or(0);
            before[at] = needs.iter().copied().max_by_key(|need| ends[*need]);
            let begins = before[at].map_or(Duration::ZERO, |need| ends[need]);
            ends[at] = begins.saturating_add(tasks[*task].estimate.unwrap_or_default());
        }
        // Of chains that take as long, the one that ends first in the document.
        let last = (0..ends.len()).rev().max_by_key(|at| ends[*at]);
        let mut critical_path: Vec<usize> = std::iter::successors(last, |at| before[*at]).collect();
        critical_path.reverse();
        let longest = last.map_or(Duration::ZERO, |last| ends[last]);
        Self { tasks: order.iter().map(|task| &tasks[*task]).collect(), levels, critical_path, longest }
    }
}

fn needs(tasks: &[Task], places: &HashMap<&str, usize>, wrong: &mut Vec<String>) -> Vec<Vec<usize>> {
    let known: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    let mut all = Vec::with_capacity(tasks.len());
    for task in tasks {
        let mut needs = Vec::new();
        for need in &task.needs {
            match places.get(need.as_str()) {
                Some(place) if needs.contains(place) => {}
                Some(place) => needs.push(*place),
                None => {
                    let known = if wrong.len() < CROWDED { known.as_slice() } else { &[] };
                    let near = hint::nearest(need, known).map(|near| format!(" (did you mean {near}?)"));
                    let near = near.unwrap_or_default();
                    wrong.push(format!(
                        "line {}: {} depends on {need}, which is no task{near}",
                        task.line, task.id
                    ));
                }
            }
        }
        all.push(needs);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(tasks: &[(&str, u64, &[&str])]) -> Document {
        let task = |(at, (id, minutes, needs)): (usize, &(&str, u64, &[&str]))| Task {
            id: (*id).to_owned(),
            estimate: Some(Duration::from_secs(minutes * 60)),
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
            line: at + 1,
            ..Task::default()
        };
        Document { tasks: tasks.iter().enumerate().map(task).collect(), ..Document::default() }
    }

    #[test]
    fn the_critical_path_is_the_longest_chain() {
        let chain = document(&[("a", 5, &[]), ("b", 30, &["a"]), ("c", 15, &["b"]), ("d", 10, &["c"])]);
        let graph = chain.graph().unwrap();
        assert_eq!(graph.longest, Duration::from_secs(60 * 60));
        assert_eq!(graph.critical_path, [0, 1, 2, 3]);
        assert_eq!(graph.levels, [0, 1, 2, 3]);
        let fork = document(&[("a", 5, &[]), ("b", 1, &["a"]), ("c", 9, &["a"]), ("d", 2, &["b", "c"])]);
        let graph = fork.graph().unwrap();
        assert_eq!(graph.longest, Duration::from_secs(16 * 60));
        assert_eq!(graph.critical_path, [0, 2, 3]);
        assert_eq!(graph.levels, [0, 1, 1, 2]);
    }

    #[test]
    fn what_is_wrong_is_named_all_of_it() {
        let wrong = document(&[("a", 1, &["b"]), ("b", 1, &["a"]), ("c", 1, &["aa"]), ("c", 1, &[])]);
        let Err(Wrong(wrong)) = wrong.graph() else { panic!("not wrong") };
        let all = wrong.join("\n");
        assert!(all.contains("line 1: these tasks wait for each other: a → b → a"), "{all}");
        assert!(all.contains("line 3: c depends on aa, which is no task"), "{all}");
        assert!(all.contains("line 4: c is the id of two tasks, first in line 3"), "{all}");
        assert!(document(&[]).graph().unwrap_err().to_string().contains("no task"));
    }
}
