//! mocha's `json` reporter: takes a report, gives the results.

use serde::Deserialize;

use super::{Format, Outcome, Results, Unreadable, json, path};

#[derive(Deserialize)]
struct Report {
    passes: Vec<Test>,
    failures: Vec<Test>,
    pending: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    full_title: String,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    current_retry: u32,
}

/// Reads a report; ids lose `root`, the folder that the tests ran in.
pub(super) fn read(text: &str, root: &str) -> Result<Results, Unreadable> {
    let report: Report = json::parse(Format::MochaJson, text)?;
    let mut results = Results::default();
    for test in report.passes {
        // One that passes when it is tried again does not pass.
        let outcome = if test.current_retry > 0 { Outcome::Failed } else { Outcome::Passed };
        results.add(&test.id(root), outcome)?;
    }
    // A hook that fails is here, too, under a name of its own: `"before all" hook for "a test"`.
    for test in report.failures {
        results.add(&test.id(root), Outcome::Failed)?;
    }
    for test in report.pending {
        results.add(&test.id(root), Outcome::Skipped)?;
    }
    Ok(results)
}

impl Test {
    fn id(&self, root: &str) -> String {
        match self.file.as_deref() {
            Some(file) => format!("{}::{}", path::below(root, file), self.full_title),
            None => self.full_title.clone(),
        }
    }
}
