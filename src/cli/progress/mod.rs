//! Progress while a run runs: one moving line on a terminal, plain lines otherwise.

mod ending;
mod heartbeat;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io::Write;
use std::time::Duration;

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use ending::Ending;
use heartbeat::Heartbeat;

use super::publish::told;
use crate::evidence::event::{
    AttemptResult, Change, ChangeKind, Egress, EgressVerdict, Event, Spending, StepResult,
};
use crate::evidence::{Line, Watch};
use crate::plan::{Plan, units};
use crate::report::RunView;

/// Lines of a failed attempt that are shown.
const LINES: usize = 4;

/// Where progress goes, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A terminal: one line moves.
    Terminal,
    /// Plain lines on standard output.
    Plain,
    /// Plain lines on standard error, since standard output is for JSON.
    Aside,
}

impl Mode {
    /// Chooses by what standard output is: on a terminal that cannot move a line, plain lines tell.
    pub(super) fn choose(json: bool) -> Self {
        if json {
            Self::Aside
        } else if !ProgressDrawTarget::stdout().is_hidden() {
            Self::Terminal
        } else {
            Self::Plain
        }
    }
}

/// Where the runs of a call are shown: each has a line that moves, and says which issue it is of.
#[derive(Debug, Clone)]
pub(super) struct Board {
    bars: MultiProgress,
    several: bool,
}

impl Board {
    /// Prepares for so many runs side by side.
    pub(super) fn new(side_by_side: usize) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        Self { bars, several: side_by_side > 1 }
    }
}

/// Shows the events of one run.
pub(super) struct Progress {
    mode: Mode,
    /// What its lines begin with, where there are others beside it.
    prefix: String,
    bar: ProgressBar,
    width: usize,
    allowed: HashMap<String, u32>,
    changed: Option<String>,
    spending: Spending,
    hosts: BTreeSet<String>,
    refused: BTreeSet<String>,
    tail: VecDeque<String>,
    partial: Vec<u8>,
    /// Where no line moves.
    heartbeat: Option<Heartbeat>,
    /// Step and attempt that are under way.
    label: String,
    /// What a run that goes on had done before.
    before: String,
    ending: Ending,
}

impl Progress {
    /// Prepares to show a run of this plan.
    pub(super) fn new(mode: Mode, plan: &Plan, board: &Board) -> Self {
        let prefix = if board.several { format!("#{}  ", plan.issue) } else { String::new() };
        let bar = match mode {
            Mode::Terminal => board.bars.add(ProgressBar::new_spinner()),
            Mode::Plain | Mode::Aside => ProgressBar::hidden(),
        };
        if let Ok(template) = ProgressStyle::with_template("{spinner} {prefix} {elapsed_precise}  {wide_msg}")
        {
            bar.set_style(template);
        }
        let heartbeat = (mode != Mode::Terminal).then(|| Heartbeat::start(mode, prefix.clone()));
        Self {
            mode,
            prefix,
            bar,
            width: plan.steps.iter().map(|step| step.id.len()).max().unwrap_or(0).clamp(8, 24),
            allowed: plan.steps.iter().map(|step| (step.id.clone(), step.retries + 1)).collect(),
            changed: None,
            spending: Spending::default(),
            hosts: BTreeSet::new(),
            refused: BTreeSet::new(),
            tail: VecDeque::new(),
            partial: Vec::new(),
            heartbeat,
            label: String::new(),
            before: String::new(),
            ending: Ending::default(),
        }
    }

    /// Learns what went before, of a run that goes on.
    pub(super) fn catch_up(&mut self, view: &RunView) {
        self.ending.catch_up(view);
        for step in &view.steps {
            self.allowed.insert(step.id.clone(), step.allowed + u32::from(step.was_cut_short()));
        }
        let passed = view.steps.iter().filter(|step| step.result == Some(StepResult::Passed)).count();
        let steps = view.steps.len();
        self.before = format!("{passed} of {steps} steps have passed");
    }

    fn say(&self, line: &str) {
        let line = format!("{}{line}", self.prefix);
        if self.mode == Mode::Terminal && !self.bar.is_finished() {
            self.bar.println(line);
        } else {
            say(self.mode, &line);
        }
    }

    fn attempt_started(&mut self, step: &str, attempt: u32) {
        self.tail.clear();
        self.partial.clear();
        self.changed = None;
        self.spending = Spending::default();
        self.hosts.clear();
        self.refused.clear();
        self.label = match self.allowed.get(step) {
            Some(allowed) if *allowed > 1 => format!("{step} {attempt}/{allowed}"),
            _ => step.to_owned(),
        };
        self.bar.set_prefix(format!("{}{}", self.prefix, self.label));
        self.bar.set_message("");
        self.bar.reset_elapsed();
        if self.mode == Mode::Terminal {
            self.bar.enable_steady_tick(Duration::from_millis(120));
        }
        self.heartbeat.iter().for_each(|heart| heart.begin(&self.label));
    }

    fn attempt_ended(&mut self, step: &str, attempt: u32, result: AttemptResult, reason: &str, ms: u64) {
        let time = units::clock(Duration::from_millis(ms));
        let allowed = self.allowed.get(step).copied().unwrap_or(1);
        let worth_saying = allowed > 1 && (attempt > 1 || result != AttemptResult::Passed);
        let tries = if worth_saying { format!("attempt {attempt}/{allowed}") } else { String::new() };
        let (mark, note) = match result {
            AttemptResult::Passed => (style("✓").green(), self.note()),
            AttemptResult::Failed => (style("✗").red(), reason.to_owned()),
            AttemptResult::Interrupted => (style("⏹").yellow(), reason.to_owned()),
        };
        let tries = if tries.is_empty() { tries } else { format!("{tries:<13} ") };
        let line = format!("{mark} {step:<width$} {time:>6}  {tries}{note}", width = self.width);
        self.say(line.trim_end());
        if result != AttemptResult::Passed {
            for line in &self.tail {
                self.say(&format!("    {}", style(line).dim()));
            }
        }
        self.heartbeat.iter().for_each(Heartbeat::rest);
    }

    fn egress(&mut self, egress: &Egress) {
        let target = format!("{}:{}", egress.host, egress.port);
        match egress.verdict {
            EgressVerdict::Allowed => drop(self.hosts.insert(target)),
            // Told the first time; the reports have the number.
            EgressVerdict::Refused if self.refused.insert(target.clone()) => {
                let (mark, allow) = (style("⊘").yellow(), egress.allow.as_ref());
                let allow = allow.map(|line| format!(" (allow: `{line}`)")).unwrap_or_default();
                self.say(&format!("{mark} {target} refused by the policy{allow}"));
            }
            EgressVerdict::Refused | EgressVerdict::Failed => {}
        }
    }

    /// Says what a passed attempt changed and reached.
    fn note(&mut self) -> String {
        let net = match self.hosts.len() {
            0 => None,
            1 => Some("net: 1 host".to_owned()),
            many => Some(format!("net: {many} hosts")),
        };
        let tokens = self.tokens();
        self.changed.take().into_iter().chain(net).chain(tokens).collect::<Vec<_>>().join(", ")
    }

    fn tokens(&self) -> Option<String> {
        self.spending.total().map(|tokens| format!("{} tokens", units::count(tokens)))
    }

    /// Shows what the agent has used so far.
    fn show_tokens(&self) {
        let Some(tokens) = self.tokens() else { return };
        let what = format!("{}, {tokens},", self.label);
        self.bar.set_prefix(format!("{}{what}", self.prefix));
        self.heartbeat.iter().for_each(|heart| heart.rename(&what));
    }
}

impl Watch for Progress {
    fn event(&mut self, line: &Line) {
        self.ending.take(&line.event);
        match &line.event {
            Event::RunStarted(start) => {
                let commit: String = start.commit.as_str().chars().take(7).collect();
                let head =
                    format!("run {}  base {}@{commit}  sandbox: {}", start.run, start.base, start.sandbox);
                self.say(&head);
                if start.dirty {
                    self.say("  the checkout has uncommitted changes: they are not part of the run");
                }
            }
            Event::AttemptStarted { step, attempt, .. } => self.attempt_started(step.as_str(), *attempt),
            Event::AgentUsed(used) => {
                self.spending.under_way(used);
                self.show_tokens();
            }
            Event::AgentEnded { tokens, .. } => self.spending.turn_over(*tokens),
            Event::AgentWaiting { step, reason, ms, .. } => {
                let wait = units::clock(Duration::from_millis(*ms));
                self.say(&format!(
                    "… {:<width$} waits {wait}: {}",
                    step.as_str(),
                    reason.text,
                    width = self.width
                ));
            }
            Event::CheckpointMade { changes, .. } => {
                let sum =
                    |count: fn(&Change) -> Option<u64>| -> u64 { changes.iter().filter_map(count).sum() };
                let deleted = changes.iter().filter(|c| c.kind == ChangeKind::Deleted).count();
                let gone = if deleted > 0 { format!(", {deleted} deleted") } else { String::new() };
                let (added, removed) = (sum(|c| c.added), sum(|c| c.removed));
                let files =
                    if changes.len() == 1 { "1 file".to_owned() } else { format!("{} files", changes.len()) };
                self.changed = Some(format!("{files} +{added} −{removed}{gone}"));
            }
            Event::Egress(egress) => self.egress(egress),
            Event::AttemptEnded { step, attempt, result, reason, ms, .. } => {
                let reason = reason.as_ref().map_or("", |reason| reason.text.as_str());
                self.attempt_ended(step.as_str(), *attempt, *result, reason, *ms);
            }
            Event::Resumed(resumed) => {
                let run = self.ending.run().map(|run| run.to_string()).unwrap_or_default();
                self.say(&format!("run {run} goes on, {}  sandbox: {}", self.before, resumed.sandbox));
            }
            Event::StepEnded { step, result: StepResult::Skipped, because, .. } => {
                let why = because.as_ref().map_or("", |why| why.as_str());
                let mark = style("–").dim();
                self.say(&format!(
                    "{mark} {:<width$}      –  skipped: {why}",
                    step.as_str(),
                    width = self.width
                ));
            }
            Event::Attested { .. } => {
                self.heartbeat = None;
                self.bar.finish_and_clear();
                self.ending.lines().iter().for_each(|line| self.say(line));
            }
            Event::PublishDone { .. } | Event::PublishFailed { .. } => {
                for line in told(&line.event, self.ending.run()) {
                    self.say(&line);
                }
            }
            Event::WorktreeReady { .. }
            | Event::CommandStarted { .. }
            | Event::ResetStarted { .. }
            | Event::ResetDone { .. }
            | Event::RetryWaiting { .. }
            | Event::StepEnded { .. }
            | Event::Recovered { .. }
            | Event::AgentFound { .. }
            | Event::AgentStarted(_)
            | Event::AgentActed { .. }
            | Event::CommandEnded(_)
            | Event::Salvaged { .. }
            | Event::RunEnded { .. }
            | Event::BranchMade { .. }
            | Event::WorktreeRemoved { .. }
            | Event::WorktreeKept { .. }
            | Event::PublishStarted { .. }
            | Event::Sealed { .. } => {}
        }
    }

    fn output(&mut self, masked: &[u8]) {
        // The last lines are all that is ever shown: of a long burst only its end matters.
        let end = &masked[masked.len().saturating_sub(8 * 1024)..];
        self.partial.extend_from_slice(end);
        while let Some(at) = self.partial.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=at).collect();
            let text = printable(&line);
            if !text.is_empty() {
                if self.tail.len() == LINES {
                    self.tail.pop_front();
                }
                self.bar.set_message(text.clone());
                self.tail.push_back(text);
            }
        }
        let surplus = self.partial.len().saturating_sub(8 * 1024);
        self.partial.drain(..surplus);
    }
}

/// Makes a line of a step fit to be shown: no escapes, no more than a line.
fn printable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let plain = console::strip_ansi_codes(&text);
    plain.chars().filter(|c| !c.is_control()).take(160).collect::<String>().trim_end().to_owned()
}

/// Says a line where progress goes.
pub(super) fn say(mode: Mode, line: &str) {
    // What GitHub Actions obeys wherever in a line it stands.
    let line = line.replace("##[", "# #[");
    // A reader that has gone away must not end the run.
    let _ = match mode {
        Mode::Aside => writeln!(std::io::stderr().lock(), "{line}"),
        Mode::Plain | Mode::Terminal => writeln!(std::io::stdout().lock(), "{line}"),
    };
}
