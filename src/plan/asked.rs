//! Where a plan asks for what: the line of each host, path, name and bound, so that who refuses one can point at it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::agents;
use super::tree::Node;
use super::{Destination, cached};

/// Where a plan asks for what.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    path: PathBuf,
    /// By step (empty: for all of them, or for the run), key, and entry.
    lines: BTreeMap<(String, &'static str, String), usize>,
    steps: BTreeMap<String, usize>,
}

impl Asked {
    /// Looks through a checked tree.
    pub(super) fn of(path: &Path, root: &Node) -> Self {
        let mut asked = Self { path: path.to_owned(), ..Self::default() };
        asked.add_all("", root.get("defaults"), &["network", "filesystem", "env", "timeout", "resources"]);
        for agent in agents::keys() {
            asked.add_scalars("", root.get(agent), "", &["model", "provider"]);
        }
        asked.add_scalars("", root.get("limits"), "limits.", &["limits.tokens", "limits.budget"]);
        asked.add_scalars("", root.get("publish"), "publish.", &PUBLISH);
        asked.add_items("", "cache", root.get("cache").map(Node::items).unwrap_or_default());
        for step in root.get("steps").map(Node::items).unwrap_or_default() {
            let Some(id) = step.get("id").and_then(Node::text) else { continue };
            asked.steps.insert(id.to_owned(), step.mark.line);
            asked.add_all(
                id,
                Some(step),
                &["network", "filesystem", "env", "secrets", "timeout", "resources"],
            );
            asked.add_scalars(id, Some(step), "", &[agents::CLOUD_KEY]);
            for agent in agents::keys() {
                asked.add_scalars(id, Some(step), "", &[agent]);
                asked.add_scalars(id, step.get(agent), "", &["model", "provider", "tokens", "budget"]);
            }
        }
        asked
    }

    /// Returns `FILE:LINE` of an entry of a key, of the step or of the defaults; else of the step, else of the plan.
    pub fn place(&self, step: Option<&str>, key: &'static str, entry: &str) -> String {
        let at = |step: &str, entry: &str| self.lines.get(&(step.to_owned(), key, entry.to_owned())).copied();
        let of = |step: &str| at(step, entry).or_else(|| at(step, ""));
        let line =
            step.and_then(of).or_else(|| of("")).or_else(|| self.steps.get(step?).copied()).unwrap_or(1);
        format!("{}:{line}", self.path.display())
    }

    fn add_all(&mut self, step: &str, node: Option<&Node>, keys: &[&'static str]) {
        let Some(node) = node else { return };
        for key in keys {
            let Some(entry) = node.entry(key) else { continue };
            match *key {
                "network" => {
                    let hosts = entry.node.get("allow").map(Node::items).unwrap_or_default();
                    self.add(step, "network", "", entry.mark.line);
                    self.add_items(step, "network", hosts);
                }
                "filesystem" => {
                    for key in ["filesystem.read", "filesystem.write"] {
                        let list = entry.node.get(&key["filesystem.".len()..]).map(Node::items);
                        self.add_items(step, key, list.unwrap_or_default());
                    }
                }
                "resources" => self.add_scalars(step, Some(&entry.node), "resources.", &RESOURCES),
                "timeout" => self.add(step, "timeout", "", entry.mark.line),
                key => self.add_items(step, key, entry.node.items()),
            }
        }
    }

    fn add_items(&mut self, step: &str, key: &'static str, items: &[Node]) {
        for item in items {
            let Some(text) = item.text() else { continue };
            let entry = match key {
                "network" => text.parse::<Destination>().map_or(text.to_owned(), |host| host.to_string()),
                "cache" => cached::read(text).map_or(text.to_owned(), |folder| folder.to_string()),
                "env" => text.split('=').next().unwrap_or(text).to_owned(),
                _ => text.to_owned(),
            };
            self.add(step, key, &entry, item.mark.line);
        }
    }

    /// Adds the keys that a map has; `above` is what they are called by beside the map's own names.
    fn add_scalars(&mut self, step: &str, node: Option<&Node>, above: &str, keys: &[&'static str]) {
        let Some(node) = node else { return };
        for key in keys {
            if let Some(entry) = node.entry(key.strip_prefix(above).unwrap_or(key)) {
                self.add(step, key, "", entry.mark.line);
            }
        }
    }

    fn add(&mut self, step: &str, key: &'static str, entry: &str, line: usize) {
        self.lines.entry((step.to_owned(), key, entry.to_owned())).or_insert(line);
    }
}

const PUBLISH: [&str; 4] = ["publish.comment", "publish.push", "publish.pull_request", "publish.evidence"];

const RESOURCES: [&str; 6] = [
    "resources.memory",
    "resources.processes",
    "resources.file_size",
    "resources.open_files",
    "resources.output",
    "resources.cpu",
];
