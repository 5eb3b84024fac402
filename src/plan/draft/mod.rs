//! Takes a task graph in the `Plans.md` format, gives the text of an `Autopilot.yaml` to begin with, and what there is
//! to say about the graph: its levels and its true critical path.

mod document;
mod graph;
mod markdown;
mod names;
mod visible;
mod write;
mod yaml;

pub use document::{Document, Task, Wrong};
pub use graph::Graph;
pub use write::{Worker, of_issue};

impl Document {
    /// Reads a document.
    pub fn read(text: &str) -> Self {
        markdown::read(text)
    }

    /// Checks the graph of its tasks.
    pub fn graph(&self) -> Result<Graph<'_>, Wrong> {
        Graph::of(self)
    }
}
