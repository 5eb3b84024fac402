//! `go test -json`: takes what it prints, gives the results.
//!
//! Lines that are no events are what the compiler says, or old versions of go of packages that could not be built.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{MOST, Outcome, Results, Unreadable};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    test: String,
}

/// Reads what was printed.
pub(super) fn read(text: &str) -> Result<Results, Unreadable> {
    let mut report = Report::default();
    for line in text.split_inclusive('\n') {
        report.line(line)?;
    }
    report.end()
}

#[derive(Default)]
struct Report {
    packages: BTreeMap<String, Package>,
    results: Results,
}

#[derive(Default)]
struct Package {
    /// Tests that began, but did not end yet.
    running: BTreeSet<String>,
    has_failed: bool,
    has_ended: bool,
}

impl Report {
    fn line(&mut self, line: &str) -> Result<(), Unreadable> {
        if let Ok(event) = serde_json::from_str::<Event>(line) {
            return self.event(event);
        }
        if line.starts_with('{') && !line.ends_with('\n') {
            return Err(Unreadable::Cut("the last event is not whole".to_owned()));
        }
        let unbuilt = line.trim_end().strip_prefix("FAIL\t");
        let unbuilt = unbuilt
            .and_then(|rest| rest.strip_suffix(" [build failed]").or(rest.strip_suffix(" [setup failed]")));
        unbuilt.map_or(Ok(()), |package| self.results.add_broken(package))
    }

    fn event(&mut self, event: Event) -> Result<(), Unreadable> {
        if event.package.is_empty() {
            return Ok(());
        }
        if self.packages.len() > MOST {
            return Err(Unreadable::Many);
        }
        let package = self.packages.entry(event.package.clone()).or_default();
        let outcome = match event.action.as_str() {
            "pass" => Outcome::Passed,
            "skip" => Outcome::Skipped,
            "fail" => Outcome::Failed,
            "run" => {
                package.running.insert(event.test);
                return if package.running.len() > MOST { Err(Unreadable::Many) } else { Ok(()) };
            }
            _ => return Ok(()),
        };
        if !event.test.is_empty() {
            package.running.remove(&event.test);
            package.has_failed |= outcome == Outcome::Failed;
            return self.results.add(&format!("{}::{}", event.package, event.test), outcome);
        }
        package.has_ended = true;
        if outcome == Outcome::Failed && !package.has_failed {
            self.results.add_broken(&event.package)?;
        }
        Ok(())
    }

    fn end(mut self) -> Result<Results, Unreadable> {
        if self.packages.is_empty() {
            return Err(Unreadable::Nothing);
        }
        for (name, package) in self.packages {
            for test in &package.running {
                self.results.add(&format!("{name}::{test}"), Outcome::Failed)?;
            }
            if !package.has_ended || !package.running.is_empty() {
                self.results.add_broken(&name)?;
            }
        }
        Ok(self.results)
    }
}
