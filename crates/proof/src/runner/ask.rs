//! Asking: takes a runner and a folder, gives arguments, variables and files with which it leaves a report there.

use super::known::Known;
use super::{CanaryRunner, Source};
use crate::results::Format;

/// What a runner is given.
pub(super) struct Given {
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) files: Vec<(String, String)>,
    pub(super) format: Format,
    pub(super) source: Source,
    pub(super) canary: CanaryRunner,
}

/// The name of a report.
const REPORT: &str = "report";

impl Known {
    pub(super) fn given(self, folder: &str) -> Given {
        let path = format!("{}/{REPORT}", folder.trim_end_matches('/'));
        let (args, format, canary): (&[&str], Format, CanaryRunner) = match self {
            Self::Pytest => (
                // Files that cannot be loaded, or a first failure, would hide all other tests.
                &[
                    "--junitxml={}",
                    "-o",
                    "junit_family=xunit1",
                    "--continue-on-collection-errors",
                    "--maxfail=0",
                ],
                Format::Junit,
                CanaryRunner::Pytest,
            ),
            Self::NodeTest => (
                &["--test-reporter=junit", "--test-reporter-destination={}"],
                Format::Junit,
                CanaryRunner::NodeTest,
            ),
            Self::Mocha => (
                &["--reporter", "json", "--reporter-option", "output={}", "--no-bail", "--retries", "0"],
                Format::MochaJson,
                CanaryRunner::Mocha,
            ),
            Self::Jest => (&["--json", "--outputFile={}", "--bail=0"], Format::JestJson, CanaryRunner::Jest),
            Self::Vitest => (
                &["--run", "--reporter=json", "--outputFile={}", "--bail=0", "--retry=0"],
                Format::JestJson,
                CanaryRunner::Vitest,
            ),
            Self::Cargo => (&["--no-fail-fast"], Format::Cargo, CanaryRunner::Cargo),
            Self::Nextest => (
                &["--no-fail-fast", "--retries", "0", "--tool-config-file", "autopilot:{}.toml"],
                Format::Junit,
                CanaryRunner::Cargo,
            ),
            Self::Go => (&["-json", "-count=1"], Format::GoJson, CanaryRunner::Go),
            Self::Maven => (
                &["-B", "-Dmaven.test.failure.ignore=true", "-Dsurefire.rerunFailingTestsCount=0"],
                Format::Junit,
                CanaryRunner::Junit5,
            ),
        };
        Given {
            args: args.iter().map(|arg| arg.replace("{}", &path)).collect(),
            env: self.env(),
            files: self.files(&path),
            format,
            source: match self {
                Self::Cargo | Self::Go => Source::Output,
                Self::Maven => Source::Folder("target/surefire-reports".to_owned(), ".xml".to_owned()),
                _ => Source::File(REPORT.to_owned()),
            },
            canary,
        }
    }

    /// Variables that keep cargo's and libtest's words as they are read.
    fn env(self) -> Vec<(String, String)> {
        let plain: &[(&str, &str)] = match self {
            Self::Cargo => &[
                ("CARGO_TERM_COLOR", "never"),
                ("CARGO_TERM_QUIET", "false"),
                ("CARGO_TERM_VERBOSE", "false"),
                ("CARGO_TERM_PROGRESS_WHEN", "never"),
                ("RUST_TEST_NOCAPTURE", "0"),
            ],
            Self::Nextest => &[("RUST_TEST_NOCAPTURE", "0")],
            _ => &[],
        };
        plain.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// nextest writes its report where its configuration says. What a test that passes printed is asked for, too: it
    /// shows whether libtest came to its end.
    fn files(self, report: &str) -> Vec<(String, String)> {
        if self != Self::Nextest {
            return Vec::new();
        }
        let path = serde_json::Value::from(report);
        let text = format!("[profile.default.junit]\npath = {path}\nstore-success-output = true\n");
        vec![(format!("{REPORT}.toml"), text)]
    }
}
