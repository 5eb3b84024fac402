//! What stands around the work of a plan that `init` writes: first what fetches, last what tests, and what is left out of the
//! result; their YAML.

use serde::Serialize;

use super::yaml::entry;

/// What a repository's own tools need around the work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Around {
    /// What fetches what the tools need, before the work.
    pub fetches: Vec<Fetch>,
    /// What tests the result, after it.
    pub tests: Vec<Test>,
    /// Patterns of what the tools make and the repository does not ignore.
    pub exclude: Vec<String>,
    /// What a person has to know or to do, a line each: it becomes a comment.
    pub remarks: Vec<String>,
}

/// A command with hosts that it reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// Its step.
    pub id: String,
    /// The command.
    pub command: String,
    /// The hosts; empty where nobody knows them.
    pub hosts: Vec<String>,
}

/// A command that passes where the result is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// Its step.
    pub id: String,
    /// The command.
    pub command: String,
}

#[derive(Serialize)]
struct FetchStep<'a> {
    id: &'a str,
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<Allowed<'a>>,
    outside: bool,
    timeout: &'static str,
    retries: u32,
}

#[derive(Serialize)]
struct Allowed<'a> {
    allow: &'a [String],
}

#[derive(Serialize)]
struct TestStep<'a> {
    id: &'a str,
    needs: &'a [&'a str],
    command: &'a str,
    timeout: &'static str,
    expectation: Expected,
}

#[derive(Serialize)]
struct Expected {
    changes: AtMost,
}

#[derive(Serialize)]
struct AtMost {
    max: u64,
}

/// What a fetch and a test may take.
const FETCH: &str = "10m";
const TEST: &str = "20m";

impl Around {
    /// Gives its steps names that no step of the work has.
    pub(super) fn beside(&self, taken: &[&str]) -> Self {
        let free = |id: &str| if taken.contains(&id) { format!("{id}-all") } else { id.to_owned() };
        let mut own = self.clone();
        own.fetches.iter_mut().for_each(|fetch| fetch.id = free(&fetch.id));
        own.tests.iter_mut().for_each(|test| test.id = free(&test.id));
        own
    }

    /// Returns what the work waits for.
    pub(super) fn needs(&self) -> Vec<&str> {
        self.fetches.iter().map(|fetch| fetch.id.as_str()).collect()
    }

    /// Returns how many minutes its steps may take at most.
    pub(super) fn minutes(&self) -> u64 {
        self.fetches.len() as u64 * 20 + self.tests.len() as u64 * 20
    }

    /// Writes what is left out of the result, for the top level.
    pub(super) fn left_out(&self) -> Result<String, serde_yaml::Error> {
        #[derive(Serialize)]
        struct Exclude<'a> {
            exclude: &'a [String],
        }
        let is_none = self.exclude.is_empty();
        if is_none { Ok(String::new()) } else { super::yaml::piece(&Exclude { exclude: &self.exclude }) }
    }

    /// Writes the steps before the work.
    pub(super) fn before(&self) -> Result<String, serde_yaml::Error> {
        let mut text: String = self.remarks.iter().map(|remark| format!("  # {remark}\n")).collect();
        for Fetch { id, command, hosts } in &self.fetches {
            let network = (!hosts.is_empty()).then_some(Allowed { allow: hosts });
            if network.is_none() {
                text.push_str(
                    "  # its hosts: `autopilot learn` finds them, and prints the line that allows them\n",
                );
            }
            text.push_str(&entry(&FetchStep {
                id,
                command,
                network,
                outside: false,
                timeout: FETCH,
                retries: 1,
            })?);
        }
        Ok(text)
    }

    /// Writes the steps after the work, which wait for these.
    pub(super) fn after(&self, needs: &[&str]) -> Result<String, serde_yaml::Error> {
        let expectation = || Expected { changes: AtMost { max: 0 } };
        let step = |Test { id, command }: &Test| {
            entry(&TestStep { id, needs, command, timeout: TEST, expectation: expectation() })
        };
        self.tests.iter().map(step).collect()
    }
}
