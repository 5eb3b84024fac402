//! Takes a document that holds tasks, gives the text of an `Autopilot.yaml` to begin with, and what there is to say about
//! the graph of those tasks: its levels and its true critical path.

mod around;
mod checklist;
mod document;
mod graph;
mod headings;
mod lines;
mod names;
mod plans;
mod read;
mod sections;
mod single;
mod table;
mod tasks_json;
mod visible;
mod words;
mod write;
mod yaml;

pub use around::{Around, Fetch, Test};
pub use document::{Document, Task, Wrong};
pub use graph::Graph;
pub use single::{Work, of_work};
pub use write::{Proving, Worker};

impl Document {
    /// Reads a document in whichever of the known forms it has tasks.
    pub fn read(text: &str) -> Self {
        read::read(text)
    }

    /// Checks the graph of its tasks.
    pub fn graph(&self) -> Result<Graph<'_>, Wrong> {
        Graph::of(self)
    }
}
