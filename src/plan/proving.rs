//! Takes `expectation.proves` as it is written, gives it resolved.

use autopilot_proof::results::Format;
use schemars::JsonSchema;
use serde::Deserialize;

use super::command::Invocation;
use super::proves::{MUTANTS, Proves, Report};
use super::text::{Id, InnerPath, Pattern};
use super::union::{CommandFile, OldTestsFile};

/// That the step's tests can fail: without its change they do, with it they pass.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Proves")]
pub(super) struct ProvesFile {
    /// Patterns of the files that hold the tests.
    #[schemars(length(min = 1))]
    tests: Vec<Pattern>,
    /// What runs the tests; without a network and without secrets.
    command: CommandFile,
    /// The base of the proof is what stood before this step. Default: before the run's first agent or patch step.
    since: Option<Id>,
    /// Which old tests have to pass: `pass` (all that passed on the base), or `{except: [NAME, …]}`. Default: pass.
    old_tests: Option<OldTestsFile>,
    /// Patterns of the runner's configuration that the change may touch. Default: none.
    #[serde(default)]
    may_change: Vec<Pattern>,
    /// Changes of the new code, each of which some test has to notice; 0 tries none. Default: 10.
    #[schemars(range(max = 1000))]
    mutants: Option<u32>,
    /// What the command leaves by itself, where autopilot does not know how to ask for it.
    report: Option<ReportFile>,
    /// Nothing new is to be proved: all that passed on the base passes, and nothing is gone. Default: false.
    refactor: Option<bool>,
}

/// A report that a command leaves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Report")]
pub(super) struct ReportFile {
    /// How it is written.
    format: Format,
    /// The file, relative to the step's folder. Default: what the command prints.
    path: Option<InnerPath>,
}

/// Resolves what is written.
pub(super) fn resolve(file: ProvesFile, run: impl FnOnce(CommandFile) -> Invocation) -> Proves {
    let globs = |patterns: Vec<Pattern>| patterns.into_iter().map(|pattern| pattern.0).collect();
    let except = match file.old_tests {
        None | Some(OldTestsFile::Named(_)) => Vec::new(),
        Some(OldTestsFile::Map(map)) => map.except.into_iter().map(|name| name.0).collect(),
    };
    Proves {
        tests: globs(file.tests),
        command: run(file.command),
        since: file.since.map(|id| id.0),
        except,
        may_change: globs(file.may_change),
        mutants: file.mutants.unwrap_or(MUTANTS),
        report: file
            .report
            .map(|report| Report { format: report.format, path: report.path.map(|path| path.0) }),
        refactor: file.refactor.unwrap_or(false),
    }
}
