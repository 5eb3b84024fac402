//! Takes a tape of choices, gives a plan and the events that an honest runner writes of it: steps that pass, fail, are
//! tried again, skipped and interrupted; runners that die at any event or fall over themselves, and whoever picks up
//! or goes on, again and again. Version 2 of the journal, or version 1 up to some invocation. A tape of zeros is one
//! step that passes.

mod active;
mod command;
mod invocation;
mod judged;
mod step;
mod version;

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::evidence::{Event, RunName};
use active::Active;
use step::Step;
pub(super) use version::of_one;

/// A journal of an honest runner.
#[derive(Debug, Clone)]
pub(in crate::audit) struct Honest {
    pub(in crate::audit) run: RunName,
    pub(in crate::audit) events: Vec<(DateTime<Utc>, Event)>,
}

/// Writes the journal of a tape.
pub(in crate::audit) fn journal(tape: &[u8]) -> Honest {
    let mut world = World::new(tape);
    world.live();
    let event = |version: u32, value: Value| {
        let event: Event = serde_json::from_value(value.clone()).unwrap_or_else(|e| panic!("{value}: {e}"));
        assert_eq!(event.misfit(version), None, "{value}");
        event
    };
    let written = world.written.into_iter();
    let events = written.map(|(time, version, value)| (time, event(version, value))).collect();
    Honest { run: world.run, events }
}

/// Why an invocation does not come to its end.
enum Stop {
    Died,
    Fault,
}

type Done<T> = Result<T, Stop>;

#[derive(Clone, Copy, PartialEq)]
enum CameTo {
    Begin,
    Checkpoint,
    End,
}

/// How an attempt ended, with its reason.
type Outcome = Option<Value>;

/// The output of an attempt: whose, and its bytes.
#[derive(Clone)]
struct Part {
    id: String,
    number: u32,
    size: u64,
}

struct World {
    tape: Vec<u8>,
    read: usize,
    run: RunName,
    now: DateTime<Utc>,
    /// Of what is written now.
    version: u32,
    written: Vec<(DateTime<Utc>, u32, Value)>,
    /// The output of an attempt that is not in the log yet, the last one that is, and the bytes of the log.
    part: Option<Part>,
    laid: Option<Part>,
    log: u64,
    active: Active,
    /// When this invocation began.
    invoked: (DateTime<Utc>, i64),
    /// Events until the runner dies, falls over, is told to end, or is out of time.
    dies: Option<usize>,
    faults: Option<usize>,
    signal: Option<usize>,
    late: Option<usize>,
    limit: u32,
    steps: Vec<Step>,
    // What the journal tells so far.
    open: Option<(usize, u32, CameTo)>,
    /// Something of it did not end, or hold, as expected: no runner makes a checkpoint of that.
    unmet: bool,
    in_flight: Option<(String, u32)>,
    consecutive: u32,
    checkpoints: Vec<String>,
    made: bool,
    dir: bool,
    /// Result, class of the reason.
    end: Option<(String, String)>,
    kept: bool,
    closed: bool,
    branch: bool,
    /// What is to be searched for secrets.
    delivered: Option<Value>,
    saved: HashSet<String>,
    /// Its plan keeps a folder from run to run; whether it found something, if it looked.
    cached: bool,
    looked: Option<bool>,
    /// Its evidence goes to a remote.
    travels: bool,
    luck: u32,
    /// What was published: effect and state of the run.
    published: Vec<(String, String)>,
}

fn rfc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

impl World {
    fn new(tape: &[u8]) -> Self {
        let now = rfc("2026-10-03T10:00:00Z");
        let mut world = Self {
            tape: tape.to_vec(),
            read: 0,
            run: RunName::new(now, 7),
            now,
            version: 2,
            written: Vec::new(),
            part: None,
            laid: None,
            log: 0,
            active: Active::default(),
            invoked: (now, 0),
            dies: None,
            faults: None,
            signal: None,
            late: None,
            limit: 0,
            steps: Vec::new(),
            open: None,
            unmet: false,
            in_flight: None,
            consecutive: 0,
            checkpoints: Vec::new(),
            made: false,
            dir: false,
            end: None,
            kept: false,
            closed: false,
            branch: false,
            delivered: None,
            saved: HashSet::new(),
            cached: false,
            looked: None,
            travels: false,
            luck: 0,
            published: Vec::new(),
        };
        world.version = 2 - u32::from(world.one_in(4));
        world.limit = 3 - u32::from(world.one_in(5));
        for at in 0..=world.upto(3) {
            let step = world.plan_step(at);
            world.steps.push(step);
        }
        // Not by the tape: all else is as without it.
        world.luck = tape.iter().map(|byte| u32::from(*byte)).sum();
        world.cached = world.version > 1 && world.luck % 4 == 3;
        world.travels = world.version > 1 && world.luck % 3 == 1;
        world
    }

    /// Returns the next choice; zero once the tape is over.
    fn next(&mut self) -> u8 {
        self.read += 1;
        self.tape.get(self.read - 1).copied().unwrap_or(0)
    }

    fn upto(&mut self, most: usize) -> usize {
        usize::from(self.next()) % (most + 1)
    }

    fn one_in(&mut self, of: usize) -> bool {
        usize::from(self.next()) % of == of - 1
    }

    /// Decides what befalls the invocation that begins.
    fn fate(&mut self) {
        let within = |world: &mut Self, of: usize| world.one_in(of).then(|| world.upto(39));
        (self.dies, self.faults) = (within(self, 2), within(self, 4));
        // Whoever picks up or publishes does little.
        if self.closed || self.one_in(4) {
            self.dies = self.dies.map(|left| left % 4);
        }
        self.signal = within(self, 5);
        // Time that is used up stays so.
        self.late = if self.late == Some(0) { self.late } else { within(self, 4) };
    }

    fn interrupted(&self) -> bool {
        self.signal == Some(0)
    }

    fn late(&self) -> bool {
        self.late == Some(0)
    }

    fn must_stop(&self) -> bool {
        self.consecutive >= self.limit || self.late() || self.interrupted()
    }

    /// Writes an event, unless the runner dies right after it or falls over.
    fn emit(&mut self, kind: &str, mut event: Value) -> Done<()> {
        event["type"] = kind.into();
        if self.version == 1 {
            let Some(own) = of_one(kind, event) else { return Ok(()) };
            event = own;
        }
        let milliseconds = i64::from(self.next()) * 7;
        self.now += TimeDelta::milliseconds(milliseconds);
        self.fold(kind, &event);
        self.active.fold(kind, &event, self.now);
        self.written.push((self.now, self.version, event));
        let down = |left: &mut Option<usize>| *left = left.map(|left| left.saturating_sub(1));
        down(&mut self.signal);
        down(&mut self.late);
        for (left, stop) in [(&mut self.dies, Stop::Died), (&mut self.faults, Stop::Fault)] {
            if *left == Some(0) {
                *left = None;
                return Err(stop);
            }
            down(left);
        }
        Ok(())
    }

    /// The same, of an attempt at a step.
    fn emit_of(&mut self, kind: &str, step: &str, number: u32, mut event: Value) -> Done<()> {
        event["step"] = step.into();
        event["attempt"] = number.into();
        self.emit(kind, event)
    }

    /// Writes an event that nothing befalls.
    fn emit_beside(&mut self, kind: &str, mut event: Value) {
        event["type"] = kind.into();
        self.fold(kind, &event);
        self.active.fold(kind, &event, self.now);
        self.written.push((self.now, self.version, event));
    }

    /// Returns another choice, by chance.
    fn choose(&mut self, of: u32) -> bool {
        self.luck = self.luck.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        (self.luck >> 16).is_multiple_of(of)
    }

    /// Takes from an event what whoever comes after a death knows.
    fn fold(&mut self, kind: &str, event: &Value) {
        let id = event["step"].as_str().unwrap_or_default();
        let at = self.steps.iter().position(|step| step.id == id);
        let result = event["result"].as_str().unwrap_or_default();
        let number = u32::try_from(event["attempt"].as_u64().unwrap_or_default()).unwrap();
        match (kind, at) {
            ("worktree.ready", _) => (self.made, self.dir, self.kept) = (true, true, false),
            ("cache.looked", _) => {
                self.looked = Some(event["sha256"].is_string() || self.looked == Some(true));
            }
            ("worktree.removed", _) => (self.made, self.dir, self.kept) = (false, false, false),
            ("worktree.kept", _) => self.kept = true,
            ("attempt.started", Some(at)) => {
                (self.steps[at].begun, self.steps[at].ended) = (number, None);
                self.open = Some((at, number, CameTo::Begin));
                self.unmet = false;
                self.in_flight = Some((id.to_owned(), number));
            }
            ("command.ended", Some(at)) if event["role"] != "rollback" => {
                let expected = if event["role"] == "action" { self.steps[at].expected } else { 0 };
                self.unmet |= event["exit_code"] != expected || event["survivors"] != 0;
            }
            ("expectation.judged", _) => self.unmet |= event["held"] == false,
            ("checkpoint.made", _) => {
                self.checkpoints.push(event["commit"].as_str().unwrap().to_owned());
                self.open = self.open.map(|(at, number, _)| (at, number, CameTo::Checkpoint));
            }
            ("attempt.ended", Some(at)) => match result {
                "passed" => {
                    self.consecutive = 0;
                    self.open = self.open.map(|(at, number, _)| (at, number, CameTo::End));
                }
                "failed" => {
                    self.open = None;
                    self.consecutive += u32::from(event["reason"]["kind"] != "rate_limit");
                    let step = &mut self.steps[at];
                    (step.failed, step.consecutive) = (step.failed + 1, self.consecutive);
                    step.reason = Some(event["reason"].clone());
                }
                _ => self.open = None,
            },
            ("step.ended", Some(at)) => {
                let known = ["passed", "failed", "skipped", "interrupted"];
                self.steps[at].ended = known.into_iter().find(|own| *own == result);
                (self.open, self.in_flight) = (None, None);
            }
            ("run.ended", _) => {
                let why = event["reason"]["kind"].as_str().unwrap_or_default().to_owned();
                self.end = Some((result.to_owned(), why));
            }
            ("publish.done", _) => {
                let word = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
                self.published.push((word("effect"), word("key")));
            }
            ("branch.made", _) => (self.branch, self.delivered) = (true, Some(event["commit"].clone())),
            ("branch.searched", _) => self.delivered = None,
            ("attested", _) => self.closed = true,
            ("recovered", _) => self.closed = false,
            ("resumed", _) => (self.closed, self.end) = (false, None),
            _ => {}
        }
    }

    /// One invocation after the other, until nothing is left to be done.
    fn live(&mut self) {
        let _ = self.start();
        self.fate();
        let _ = self.carry_out(false);
        for _ in 0..self.upto(5) {
            // A newer version goes on with what an older one began.
            self.version += u32::from(self.version == 1 && self.one_in(2));
            self.fate();
            self.invoked = (self.now, self.active.used);
            let goes_on = match &self.end {
                None => true,
                Some((result, why)) => matches!(&**result, "interrupted" | "crashed") || why == "internal",
            };
            let _ = match self.upto(3) {
                0 | 1 if goes_on => self.resume(),
                3 if self.closed => self.publish(),
                _ if !self.closed || self.kept => self.recover(),
                _ => self.publish(),
            };
        }
    }
}

fn reason(kind: &str, text: &str) -> Value {
    json!({"kind": kind, "text": text})
}
