//! Takes a document that holds tasks, gives the text of a plan for them; what is to be said of the document is said.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use crate::cli::exit::{Cause, Failure};
use crate::cli::output;
use crate::plan::draft::{self, Worker};
use crate::plan::units;

/// Documents are larger than what becomes a plan of them, but not by much.
const LARGEST: u64 = 4 << 20;

/// So many faults of a document are printed; the rest is counted.
const PRINTED: usize = 50;

/// Makes a plan of the tasks in a file.
pub(super) fn plan(issue: u64, file: &Path, worker: Worker<'_>) -> Result<String, Failure> {
    let document = draft::Document::read(&read(file)?);
    let wrong = |wrong: draft::Wrong| {
        let shown = wrong.0.iter().take(PRINTED).map(|line| format!("{}: {line}", file.display()));
        let more = wrong.0.len().saturating_sub(PRINTED);
        let lines: Vec<String> = shown.chain((more > 0).then(|| format!("… and {more} more"))).collect();
        Failure::new(Cause::Usage, lines.join("\n")).hint("correct the document, then run this again")
    };
    let graph = document.graph().map_err(wrong)?;
    for note in &document.notes {
        output::note(&format!("{}: {note}", file.display()));
    }
    output::note(&graph.describe());
    if let Some(claimed) = document.critical_path.filter(|claimed| *claimed != graph.longest) {
        output::note(&format!(
            "the document says that its critical path is {}; the longest chain takes {}",
            units::duration(claimed),
            units::duration(graph.longest)
        ));
    }
    let title = document.title.clone().unwrap_or_else(|| format!("Issue {issue}"));
    graph.write(issue, &title, worker).map_err(wrong)
}

/// Reads a document of a sane size.
pub(super) fn read(file: &Path) -> Result<String, Failure> {
    let wrong = |why: String| Failure::new(Cause::Usage, format!("{}: {why}", file.display()));
    let mut bytes = Vec::new();
    fs::File::open(file)
        .and_then(|open| open.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| wrong(error.to_string()).hint("name a file that is there"))?;
    if bytes.len() as u64 > LARGEST {
        let hint =
            "a plan holds at most 1MiB: move long descriptions to files of the repository and name them";
        return Err(wrong(format!("larger than {}", units::size(LARGEST))).hint(hint));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + memchr::memchr_iter(b'\n', &error.as_bytes()[..valid]).count();
        wrong(format!("line {line}: not UTF-8")).hint("save the file as UTF-8")
    })
}
