//! jest's `--json` and vitest's `json` reporter: takes a report, gives the results.

use serde::Deserialize;

use super::{Format, Outcome, Results, Unreadable, json, path};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    test_results: Vec<File>,
    #[serde(default)]
    was_interrupted: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    name: String,
    status: String,
    assertion_results: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    #[serde(default)]
    ancestor_titles: Vec<String>,
    title: String,
    status: String,
    /// It was written as one that fails.
    #[serde(default)]
    failing: bool,
    /// How often it was tried.
    #[serde(default)]
    invocations: Option<u32>,
}

/// Reads a report; ids lose `root`, the folder that the tests ran in.
pub(super) fn read(text: &str, root: &str) -> Result<Results, Unreadable> {
    let report: Report = json::parse(Format::JestJson, text)?;
    if report.was_interrupted {
        return Err(Unreadable::Cut("the run was interrupted".to_owned()));
    }
    let mut results = Results::default();
    for file in report.test_results {
        let name = path::below(root, &file.name);
        let mut has_failed = false;
        for test in &file.assertion_results {
            let outcome = test.outcome();
            has_failed |= outcome == Outcome::Failed;
            results.add(&test.id(&name), outcome)?;
        }
        if file.status == "failed" && !has_failed {
            results.add_broken(&name)?;
        }
    }
    Ok(results)
}

impl Test {
    fn id(&self, file: &str) -> String {
        let titles: Vec<&str> =
            self.ancestor_titles.iter().chain([&self.title]).map(String::as_str).collect();
        format!("{file}::{}", titles.join(" > "))
    }

    fn outcome(&self) -> Outcome {
        match self.status.as_str() {
            "passed" if self.failing => Outcome::Skipped,
            "passed" if self.invocations.is_none_or(|times| times <= 1) => Outcome::Passed,
            "passed" | "failed" => Outcome::Failed,
            _ => Outcome::Skipped,
        }
    }
}
