//! Real reports are read as they are meant; hostile ones are refused or do no harm.

mod hostile;
mod real;

use super::*;

/// Each test with its outcome, how often it was there, and what is broken, as lines.
fn lines(results: &Results) -> Vec<String> {
    let tests = results.iter().map(|(id, outcome)| {
        let times = results.times(id);
        let times = if times > 1 { format!(" ×{times}") } else { String::new() };
        format!("{} {id}{times}", format!("{outcome:?}").to_lowercase())
    });
    tests.chain(results.broken().map(|what| format!("broken {what}"))).collect()
}
