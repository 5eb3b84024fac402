//! Progress while a run runs: one moving line on a terminal, plain lines otherwise.

mod board;
mod doing;
mod ending;
mod heartbeat;
mod mode;
mod preparing;
mod quote;
mod screen;
mod words;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;

use console::style;

pub(super) use board::Board;
pub(super) use doing::Doing;
use heartbeat::Heartbeat;
pub(super) use mode::{Mode, say};
pub(super) use preparing::Preparing;
use quote::{printable, quoted};
use screen::Moving;
use words::{network_hint, not_reached, note, tokens};

use super::publish::told;
use crate::evidence::event::{AttemptResult, Egress, EgressVerdict, Event, Reason, RunResult, StepResult};
use crate::evidence::log::last_drawn;
use crate::evidence::state::{AttemptState, StepState};
use crate::evidence::{AttemptId, Files, Line, Proving, RunState, Text, Watch};
use crate::plan::{Plan, units};
use crate::report;
use crate::time::spoken;

/// What is being done before the first step.
const WORKTREE: &str = "preparing the worktree";

/// Lines of a failed attempt that are shown.
const LINES: usize = 4;
/// Refused destinations that are named under a failed attempt.
const HINTS: usize = 3;
/// Places of secrets in the result that are named.
const SECRETS: usize = 4;

/// Shows the events of one run.
pub(super) struct Progress {
    mode: Mode,
    /// What its lines begin with, where there are others beside it.
    prefix: String,
    board: Board,
    line: Moving,
    width: usize,
    /// Destinations that the policy refused the attempt, and that were told.
    refused: BTreeSet<String>,
    tail: VecDeque<String>,
    partial: Vec<u8>,
    /// Where no line moves.
    heartbeat: Option<Heartbeat>,
    /// What is under way.
    doing: Doing,
    /// How long an attempt of each step may take.
    limits: HashMap<String, Duration>,
    /// The checkout.
    top: PathBuf,
}

impl Progress {
    /// Prepares to show a run of this plan.
    pub(super) fn new(mode: Mode, plan: &Plan, board: &Board, doing: Doing, top: &Path) -> Self {
        let (prefix, line) = (board.prefix(plan), board.line(mode, &doing));
        let heartbeat = mode.beats().then(|| Heartbeat::start(mode, prefix.clone(), doing.clone()));
        Self {
            mode,
            prefix,
            board: board.clone(),
            line,
            width: plan.steps.iter().map(|step| step.id.len()).max().unwrap_or(0).clamp(8, 24),
            refused: BTreeSet::new(),
            tail: VecDeque::new(),
            partial: Vec::new(),
            heartbeat,
            doing,
            limits: plan.steps.iter().map(|step| (step.id.clone(), step.timeout)).collect(),
            top: top.to_owned(),
        }
    }

    fn say(&self, line: &str) {
        self.board.say(self.mode, &format!("{}{line}", self.prefix));
    }

    /// Returns how many columns a quoted line may take: on a terminal, its rest would begin a row.
    fn room(&self) -> usize {
        let wide = || usize::from(console::Term::stdout().size().1).saturating_sub(4 + self.prefix.len());
        if self.mode == Mode::Terminal { wide() } else { usize::MAX }
    }

    fn attempt_started(&mut self, at: &AttemptId, state: &RunState) {
        self.tail.clear();
        self.partial.clear();
        self.refused.clear();
        let label = report::place(state, at.step.as_str(), at.attempt as usize);
        let limit = self.limits.get(at.step.as_str()).copied();
        if self.mode.beats() {
            let limit =
                limit.map(|limit| format!("  at most {}", units::duration(limit))).unwrap_or_default();
            self.say(&format!("· {label}{limit}"));
        }
        self.begin(&label, limit);
    }

    /// Shows that something is begun.
    fn begin(&self, what: &str, limit: Option<Duration>) {
        self.doing.begin(what, limit);
        let limit = limit.map(|limit| format!(" (at most {})", units::duration(limit))).unwrap_or_default();
        self.line.begins(&format!("{}{what}{limit}", self.prefix));
        self.line.says("");
        self.line.begins_anew();
    }

    fn attempt_ended(
        &mut self,
        at: &AttemptId,
        result: AttemptResult,
        reason: Option<&Reason>,
        ms: u64,
        state: &RunState,
    ) {
        // A program that dies need not end its last line.
        let unended = std::mem::take(&mut self.partial);
        self.take_line(&unended);
        let time = spoken(Duration::from_millis(ms));
        let allowed = allowed(at, state);
        let worth_saying = allowed > 1 && (at.attempt > 1 || result != AttemptResult::Passed);
        let tries = if worth_saying { format!("attempt {}/{allowed}", at.attempt) } else { String::new() };
        let why = reason.map_or("", |reason| reason.text.as_str()).to_owned();
        let (mark, note) = match result {
            AttemptResult::Passed => (style("✓").green(), state.attempt(at).map(note).unwrap_or_default()),
            AttemptResult::Failed => (style("✗").red(), why),
            AttemptResult::Interrupted | AttemptResult::Superseded => (style("⏹").yellow(), why),
        };
        let tries = if tries.is_empty() { tries } else { format!("{tries:<13} ") };
        let line = format!("{mark} {:<width$} {time:>6}  {tries}{note}", at.step, width = self.width);
        self.say(line.trim_end());
        if result != AttemptResult::Passed {
            let room = self.room();
            for line in &self.tail {
                self.say(&format!("    {}", style(quoted(line, room)).dim()));
            }
            if let Some(attempt) = state.attempt(at) {
                self.hints(attempt, room);
            }
        }
        self.doing.rest();
    }

    /// Says under an attempt that did not pass what was in its way, and what to write against that.
    fn hints(&self, attempt: &AttemptState, room: usize) {
        let refused = attempt.egress.iter().filter(|egress| egress.verdict == EgressVerdict::Refused);
        let network: BTreeSet<String> = refused.map(network_hint).collect();
        let guessed = attempt.refused.iter().map(|what| format!("the policy, probably: {what}"));
        for hint in network.into_iter().take(HINTS).chain(guessed) {
            self.say(&format!("    {} {}", style("→").yellow(), quoted(&printable(hint.as_bytes()), room)));
        }
    }

    /// Keeps a line of a step among its last ones, if it shows anything.
    fn take_line(&mut self, line: &[u8]) {
        let text = printable(last_drawn(line));
        if !text.is_empty() {
            if self.tail.len() == LINES {
                self.tail.pop_front();
            }
            self.line.says(&text);
            self.doing.printed(Some(&text));
            self.tail.push_back(text);
        }
    }

    fn told_of_git(&self, at: &AttemptId, what: &[Text]) {
        for what in what {
            let mark = style("⚠").yellow();
            self.say(&format!("{mark} {:<width$} before it began, {what}", at.step, width = self.width));
        }
    }

    fn egress(&mut self, egress: &Egress) {
        // Told the first time; the reports have the number.
        let target = format!("{}:{}", egress.host, egress.port);
        if egress.verdict != EgressVerdict::Allowed && self.refused.insert(target.clone()) {
            let mark = style("⊘").yellow();
            self.say(&format!("{mark} {target} {}", not_reached(egress)));
        }
    }

    /// Shows what the agent has used so far.
    fn show_tokens(&self, at: &AttemptId, state: &RunState) {
        let Some(tokens) = state.attempt(at).and_then(tokens) else { return };
        self.show_beside(&tokens);
    }

    /// Shows something beside what is under way.
    fn show_beside(&self, what: &str) {
        if let Some(what) = self.doing.beside(what) {
            self.line.begins(&format!("{}{what}", self.prefix));
        }
    }
}

/// Returns how many attempts a step may have.
fn allowed(at: &AttemptId, state: &RunState) -> u32 {
    state.step(at.step.as_str()).map_or(1, |step: &StepState| step.allowed)
}

impl Watch for Progress {
    fn event(&mut self, line: &Line, state: &RunState) {
        if self.mode == Mode::Silent && !is_bad(&line.event, state) {
            return;
        }
        match &line.event {
            Event::RunStarted(start) => {
                let (commit, base) = (start.commit.short(), start.base.as_str());
                // A base that is a commit is no more than that.
                let named = if base == start.commit.as_str() { String::new() } else { format!("{base}@") };
                let head = format!("run {}  base {named}{commit}  sandbox: {}", start.run, start.sandbox);
                self.say(&head);
                if start.dirty {
                    self.say("  the checkout has uncommitted changes: they are not part of the run");
                }
                self.begin(WORKTREE, None);
            }
            Event::WorktreeReady { .. } => self.doing.rest(),
            Event::CacheLooked(looked) => self.say(&format!("cache {}", report::taken(looked))),
            Event::AttemptStarted { at, .. } => self.attempt_started(at, state),
            Event::AgentUsed(used) => self.show_tokens(&used.at, state),
            Event::AgentWaiting { at, reason, ms } => {
                let wait = spoken(Duration::from_millis(*ms));
                self.say(&format!("… {:<width$} waits {wait}: {}", at.step, reason.text, width = self.width));
            }
            Event::Egress(egress) => self.egress(egress),
            Event::AttemptEnded { at, result, reason, ms, .. } => {
                self.attempt_ended(at, *result, reason.as_ref(), *ms, state);
            }
            Event::GitMended { at, what } => self.told_of_git(at, what),
            Event::Resumed(resumed) => {
                let (run, passed, steps) = (&state.start.run, state.passed(), state.steps.len());
                let before = format!("{passed} of {steps} steps have passed");
                self.say(&format!("run {run} goes on, {before}  sandbox: {}", resumed.sandbox));
                self.begin(WORKTREE, None);
            }
            Event::StepEnded { step, result: StepResult::Skipped, because, .. } => {
                let why = because.as_ref().map_or("", |why| why.as_str());
                let mark = style("–").dim();
                self.say(&format!("{mark} {step:<width$}      –  skipped: {why}", width = self.width));
            }
            Event::Attested { .. } => {
                self.heartbeat = None;
                self.doing.rest();
                self.line.end();
                let run = state.start.run.as_str().parse().ok();
                let files = run.map(|run| Files::of(&self.top, run));
                for line in ending::lines(state, files.as_ref()) {
                    self.say(&line);
                }
            }
            Event::PublishRebased(_)
            | Event::PublishEvidence(_)
            | Event::PublishStarted { .. }
            | Event::PublishDone { .. }
            | Event::PublishFailed { .. } => {
                for line in told(&line.event, state.start.run.as_str().parse().ok()) {
                    self.say(&line);
                }
            }
            Event::BranchSearched { .. } => {
                let found = state.searched.iter().flat_map(|searched| searched.to_check(SECRETS));
                let mark = style("!").yellow();
                found.for_each(|what| self.say(&format!("{mark} {what}")));
            }
            // With what comes of it.
            Event::ExpectationJudged(_)
            | Event::ProofRan(_)
            | Event::CheckpointMade { .. }
            | Event::AgentEnded(_)
            | Event::LogAppended { .. }
            | Event::MasksRefused { .. }
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
            | Event::GitLeft { .. }
            | Event::RunEnded { .. }
            | Event::BranchMade { .. }
            | Event::WorktreeRemoved { .. }
            | Event::WorktreeKept { .. }
            | Event::CacheKept(_)
            | Event::Sealed { .. } => {}
        }
    }

    fn proving(&mut self, proving: &Proving<'_>) {
        let Proving { at, nth, of, what } = proving;
        if *nth == 1 && self.mode != Mode::Silent {
            self.say(&format!("… {:<width$} proof: {of} runs of its tests", at.step, width = self.width));
        }
        self.show_beside(&format!("proof: run {nth} of {of}, {what}"));
    }

    fn output(&mut self, masked: &[u8]) {
        self.doing.printed(None);
        // The last lines are all that is ever shown: of a long burst only its end matters.
        let end = &masked[masked.len().saturating_sub(8 * 1024)..];
        self.partial.extend_from_slice(end);
        while let Some(at) = self.partial.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=at).collect();
            self.take_line(&line);
        }
        let surplus = self.partial.len().saturating_sub(8 * 1024);
        self.partial.drain(..surplus);
    }
}

/// Tells whether somebody hears of an event who wants to hear of errors alone.
fn is_bad(event: &Event, state: &RunState) -> bool {
    match event {
        Event::Attested { .. } => state.end.as_ref().is_none_or(|end| end.result != RunResult::Done),
        Event::PublishFailed { .. } => true,
        _ => false,
    }
}
