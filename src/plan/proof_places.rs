//! Takes a checked tree, gives where each step asks for a proof: so that who knows the repository can say what is wrong there.

use super::fault::Fault;
use super::source::Source;
use super::tree::Node;

/// Where a step asks for a proof.
#[derive(Debug, Clone)]
pub struct ProofPlaces {
    /// The step.
    pub step: String,
    command: Fault,
    tests: Vec<(String, Fault)>,
}

impl ProofPlaces {
    /// Finds all of a plan.
    pub(super) fn all(source: &Source, root: &Node) -> Vec<Self> {
        let steps = root.get("steps").map(Node::items).unwrap_or_default();
        steps.iter().filter_map(|step| Self::of(source, step)).collect()
    }

    fn of(source: &Source, step: &Node) -> Option<Self> {
        let proves = step.get("expectation")?.get("proves")?;
        let at = |node: &Node| Fault::at(source, node.mark, "", "");
        let patterns = proves.get("tests").map(Node::items).unwrap_or_default();
        Some(Self {
            step: step.get("id")?.text()?.to_owned(),
            command: at(proves.get("command")?),
            tests: patterns.iter().filter_map(|node| Some((node.text()?.to_owned(), at(node)))).collect(),
        })
    }

    /// Says something of the command that runs the tests.
    pub fn of_command(&self, message: impl Into<String>, hint: impl Into<String>) -> Fault {
        self.command.clone().reworded(message, hint)
    }

    /// Says something of a pattern of the tests.
    pub fn of_pattern(&self, pattern: &str, message: impl Into<String>, hint: impl Into<String>) -> Fault {
        let own = self.tests.iter().find(|(text, _)| text == pattern);
        own.map_or(&self.command, |(_, at)| at).clone().reworded(message, hint)
    }
}
