//! GitHub Actions: a group an attempt with what it printed, annotations at files and lines, the outputs of the
//! job's step, its summary.

use std::collections::{HashMap, VecDeque};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

mod places;

use super::inert::{Inert, unguessable};
use super::output;
use super::progress::{Mode, Progress, say};
use crate::app::Ended;
use crate::evidence::event::{AttemptResult, Event, RunResult, StepResult};
use crate::evidence::state::Branch;
use crate::evidence::{Line, Proving, RunState, Watch};
use crate::github::Environment;
use crate::plan::{Faults, Plan};
use crate::report;
use crate::worktree::Repository;

/// Lines of an attempt in which a place is looked for.
const LINES: usize = 200;
/// Bytes of each.
const WIDTH: usize = 2000;

/// Shows a run in a job's log: like [`Progress`], with everything an attempt printed in a group of its own.
pub(super) struct Actions {
    progress: Progress,
    mode: Mode,
    /// No other run prints meanwhile: what it prints could stand within a group of this one, and end it.
    alone: bool,
    top: PathBuf,
    plan: PathBuf,
    /// Line in the plan and folder of each step.
    steps: HashMap<String, (usize, PathBuf)>,
    group: Option<Group>,
    tail: VecDeque<String>,
    partial: Vec<u8>,
    /// What is wrong with the step under way so far.
    wrong: Option<Wrong>,
}

/// A group that is open. Within it the runner of Actions obeys no command, until it reads this word.
struct Group {
    word: String,
    at_line_start: bool,
    inert: Inert,
}

/// What the last attempt of a step is marked with, if the step does not pass.
struct Wrong {
    file: PathBuf,
    line: usize,
    says: String,
}

impl Wrong {
    fn mark(&self, mode: Mode) {
        annotation(mode, &self.file, self.line, None, &self.says);
    }
}

/// Shows a run the way that fits where it runs.
pub(super) fn watch(progress: Progress, mode: Mode, alone: bool, plan: &Plan, top: &Path) -> Box<dyn Watch> {
    if mode == Mode::Silent || !Environment::of_process().is_actions() {
        return Box::new(progress);
    }
    let steps = plan.steps.iter().map(|step| (step.id.clone(), (step.line, step.dir.clone())));
    Box::new(Actions {
        progress,
        mode,
        alone,
        top: top.to_owned(),
        plan: plan.path.clone(),
        steps: steps.collect(),
        group: None,
        tail: VecDeque::new(),
        partial: Vec::new(),
        wrong: None,
    })
}

impl Watch for Actions {
    fn event(&mut self, line: &Line, state: &RunState) {
        match &line.event {
            Event::AttemptStarted { at, .. } => {
                self.progress.event(line, state);
                self.open(at.step.as_str(), at.attempt);
            }
            Event::AttemptEnded { at, result, reason, .. } => {
                self.close();
                self.progress.event(line, state);
                if *result != AttemptResult::Passed {
                    let reason = reason.as_ref().map_or("", |reason| reason.text.as_str());
                    self.wrong = Some(self.place(at.step.as_str(), reason));
                }
            }
            // A retry may pass: only what a step came to is marked, and once.
            Event::StepEnded { result, .. } => {
                self.progress.event(line, state);
                if let Some(wrong) = self.wrong.take().filter(|_| *result != StepResult::Passed) {
                    wrong.mark(self.mode);
                }
            }
            Event::RunEnded { .. } => {
                self.progress.event(line, state);
                if let Some(wrong) = self.wrong.take() {
                    wrong.mark(self.mode);
                }
            }
            _ => self.progress.event(line, state),
        }
    }

    fn proving(&mut self, proving: &Proving<'_>) {
        self.progress.proving(proving);
    }

    fn output(&mut self, masked: &[u8]) {
        let Some(group) = &mut self.group else { return };
        write(self.mode, &group.inert.of(masked));
        group.at_line_start = masked.last().map_or(group.at_line_start, |byte| *byte == b'\n');
        self.partial.extend_from_slice(masked);
        while let Some(at) = self.partial.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=at).collect();
            if self.tail.len() == LINES {
                self.tail.pop_front();
            }
            self.tail.push_back(String::from_utf8_lossy(&line[..line.len().min(WIDTH)]).into_owned());
        }
        let surplus = self.partial.len().saturating_sub(WIDTH);
        self.partial.drain(..surplus);
    }
}

impl Actions {
    fn open(&mut self, step: &str, attempt: u32) {
        self.tail.clear();
        self.partial.clear();
        // Without a word that no step can guess, what a step prints could be a command: then it is not shown.
        if self.alone {
            self.group =
                unguessable().ok().map(|word| Group { word, at_line_start: true, inert: Inert::default() });
        }
        if let Some(group) = &self.group {
            say(self.mode, &format!("::group::{step}, attempt {attempt}"));
            say(self.mode, &format!("::stop-commands::{}", group.word));
        }
    }

    fn close(&mut self) {
        // A program that dies need not end its last line.
        let last = std::mem::take(&mut self.partial);
        self.tail.push_back(String::from_utf8_lossy(&last).into_owned());
        if let Some(group) = self.group.take() {
            let newline = if group.at_line_start { "" } else { "\n" };
            say(self.mode, &format!("{newline}::{}::", group.word));
            say(self.mode, "::endgroup::");
        }
    }

    /// Finds the file and line that the attempt named and the checkout has, else the step in the plan.
    fn place(&self, step: &str, reason: &str) -> Wrong {
        let unknown = (1, PathBuf::new());
        let (line, folder) = self.steps.get(step).unwrap_or(&unknown);
        let named = places::first(self.tail.iter().map(String::as_str), &self.top, folder);
        let (file, line) = named.unwrap_or_else(|| (self.plan.clone(), *line));
        Wrong { file, line, says: format!("{step}: {reason}") }
    }
}

/// Marks every fault of a plan, in a job of GitHub Actions.
pub(super) fn faults(faults: &Faults) {
    if Environment::of_process().is_actions() {
        for fault in faults {
            annotation(Mode::Aside, &fault.path, fault.line, Some(fault.column), &fault.message);
        }
    }
}

fn annotation(mode: Mode, file: &Path, line: usize, column: Option<usize>, message: &str) {
    let column = column.map(|column| format!(",col={column}")).unwrap_or_default();
    let file = property(&file.to_string_lossy());
    say(mode, &format!("::error file={file},line={line}{column}::{}", data(message)));
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Ends a run in a job of GitHub Actions: outputs, summary, and the last lines of the log.
pub(super) fn finish(mode: Mode, ended: &Ended, repository: &Repository) {
    let environment = Environment::of_process();
    if !environment.is_actions() {
        return;
    }
    let Ended { files, state, head, .. } = ended;
    let result = state.end.as_ref().map_or(RunResult::Crashed, |end| end.result).word();
    let branch = state.branch.as_ref().map_or("", Branch::name);
    let head = head.to_string();
    let run = files.run().to_string();
    let summary = files.relative(&files.summary());
    let evidence = format!(".ai/logs/**/*{run}*");
    let outputs = [
        ("run", &*run),
        ("result", result),
        ("branch", branch),
        ("head", &head),
        ("summary", &summary),
        ("evidence", &evidence),
    ];
    let outputs: String = outputs.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    append(&environment, "GITHUB_OUTPUT", &outputs);
    let today = crate::publish::today(repository, state);
    // The summary's links lead into the checkout; the comment's text is for readers on GitHub, and never too long.
    append(&environment, "GITHUB_STEP_SUMMARY", &report::comment(state, files, today.as_ref()));
    if mode == Mode::Silent {
        return;
    }
    for (name, value) in [("result", result), ("branch", branch), ("head", &head)] {
        say(mode, format!("{name:<8} {value}").trim_end());
    }
}

/// Adds to a file that the job's runner reads; a run does not fail over it.
fn append(environment: &Environment, name: &str, text: &str) {
    let Some(path) = environment.get(name) else { return };
    let file = OpenOptions::new().append(true).create(true).open(path);
    if let Err(error) = file.and_then(|mut file| file.write_all(text.as_bytes())) {
        output::note(&format!("warning: {name}: {path}: {error}"));
    }
}

fn write(mode: Mode, bytes: &[u8]) {
    // A reader that has gone away must not end the run.
    let _ = match mode {
        Mode::Aside | Mode::Silent => io::stderr().lock().write_all(bytes),
        Mode::Plain | Mode::Terminal => io::stdout().lock().write_all(bytes),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_would_read_otherwise_is_escaped() {
        assert_eq!(property("a,b:c%\n"), "a%2Cb%3Ac%25%0A");
        assert_eq!(data("a,b:c%\r\n::error::x"), "a,b:c%25%0D%0A::error::x");
    }
}
