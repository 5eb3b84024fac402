//! Takes a tape of choices, gives a plan and the events that an honest runner writes of it: steps that pass, fail, are
//! tried again, skipped and interrupted; runners that die at any event or fall over themselves, and whoever picks up
//! or goes on, again and again. A tape of zeros is one step that passes.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::evidence::{Event, RunName};
use crate::plan::Invocation;

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
    let event =
        |value: Value| serde_json::from_value(value.clone()).unwrap_or_else(|e| panic!("{value}: {e}"));
    let events = world.written.into_iter().map(|(time, value)| (time, event(value))).collect();
    Honest { run: world.run, events }
}

/// Why an invocation does not come to its end.
enum Stop {
    Died,
    Fault,
}

type Done<T> = Result<T, Stop>;

struct Step {
    id: String,
    needs: Vec<usize>,
    agent: bool,
    expected: i32,
    retries: u32,
    from_attempt: bool,
    post: Vec<Invocation>,
    rollback: Vec<Invocation>,
    on_failure: &'static str,
    // What the journal tells of it so far.
    begun: u32,
    failed: u32,
    reason: Option<Value>,
    consecutive: u32,
    ended: Option<&'static str>,
}

impl Step {
    fn action(&self) -> Value {
        if self.agent {
            return json!({"codex": {"tokens": "unlimited"}});
        }
        json!({"command": argv(&["act", &self.id])})
    }

    fn typed(&self) -> String {
        if self.agent { "codex exec".to_owned() } else { argv(&["act", &self.id]).to_string() }
    }

    fn spent(&self, limit: u32) -> bool {
        self.failed > self.retries || (self.failed > 0 && self.consecutive >= limit)
    }
}

fn argv(words: &[&str]) -> Invocation {
    Invocation::Argv(words.iter().map(|word| (*word).to_owned()).collect())
}

#[derive(Clone, Copy, PartialEq)]
enum CameTo {
    Begin,
    Checkpoint,
    End,
}

/// How an attempt ended, with its reason.
type Outcome = Option<Value>;

struct World {
    tape: Vec<u8>,
    read: usize,
    run: RunName,
    now: DateTime<Utc>,
    written: Vec<(DateTime<Utc>, Value)>,
    /// Events until the runner dies, falls over, is told to end, or is out of time.
    dies: Option<usize>,
    faults: Option<usize>,
    signal: Option<usize>,
    late: Option<usize>,
    limit: u32,
    steps: Vec<Step>,
    // What the journal tells so far.
    open: Option<(usize, u32, CameTo)>,
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
    saved: HashSet<String>,
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
            written: Vec::new(),
            dies: None,
            faults: None,
            signal: None,
            late: None,
            limit: 0,
            steps: Vec::new(),
            open: None,
            in_flight: None,
            consecutive: 0,
            checkpoints: Vec::new(),
            made: false,
            dir: false,
            end: None,
            kept: false,
            closed: false,
            branch: false,
            saved: HashSet::new(),
        };
        world.limit = 3 - u32::from(world.one_in(5));
        for at in 0..=world.upto(3) {
            let step = world.plan_step(at);
            world.steps.push(step);
        }
        world
    }

    fn plan_step(&mut self, at: usize) -> Step {
        let id = format!("s{at}");
        let many = |world: &mut Self, what: &str| -> Vec<Invocation> {
            (0..world.upto(2)).map(|nth| argv(&[what, &id, &nth.to_string()])).collect()
        };
        Step {
            needs: (0..at).filter(|_| self.one_in(5)).collect(),
            agent: self.one_in(5),
            expected: i32::from(self.one_in(6)) * 3,
            retries: self.upto(2) as u32,
            from_attempt: self.one_in(3),
            post: many(self, "post"),
            rollback: many(self, "rollback"),
            on_failure: ["abort", "continue", "ignore"][self.upto(2)],
            id,
            begun: 0,
            failed: 0,
            reason: None,
            consecutive: 0,
            ended: None,
        }
    }

    /// Returns the next choice; zero once the tape is over.
    fn next(&mut self) -> usize {
        self.read += 1;
        self.tape.get(self.read - 1).copied().unwrap_or(0).into()
    }

    fn upto(&mut self, most: usize) -> usize {
        self.next() % (most + 1)
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.next() % of == of - 1
    }

    /// Decides what befalls the invocation that begins.
    fn fate(&mut self) {
        let within = |world: &mut Self, of: usize| world.one_in(of).then(|| world.next() % 40);
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
        let milliseconds = self.next() as i64 * 7;
        self.now += TimeDelta::milliseconds(milliseconds);
        self.fold(kind, &event);
        self.written.push((self.now, event));
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

    /// Takes from an event what whoever comes after a death knows.
    fn fold(&mut self, kind: &str, event: &Value) {
        let id = event["step"].as_str().unwrap_or_default();
        let at = self.steps.iter().position(|step| step.id == id);
        let result = event["result"].as_str().unwrap_or_default();
        let number = event["attempt"].as_u64().unwrap_or_default() as u32;
        match (kind, at) {
            ("worktree.ready", _) => (self.made, self.dir, self.kept) = (true, true, false),
            ("worktree.removed", _) => (self.made, self.dir, self.kept) = (false, false, false),
            ("worktree.kept", _) => self.kept = true,
            ("attempt.started", Some(at)) => {
                (self.steps[at].begun, self.steps[at].ended) = (number, None);
                self.open = Some((at, number, CameTo::Begin));
                self.in_flight = Some((id.to_owned(), number));
            }
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
            ("branch.made", _) => self.branch = true,
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
            self.fate();
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

    fn start(&mut self) -> Done<()> {
        let name = |step: &usize| self.steps[*step].id.clone();
        let steps = self.steps.iter().map(|step| {
            json!({
                "id": step.id, "needs": step.needs.iter().map(name).collect::<Vec<_>>(), "action": step.action(),
                "retries": step.retries, "retry_from": if step.from_attempt { "attempt" } else { "checkpoint" },
                "expectation": {"exit_code": step.expected}, "post": step.post, "rollback": step.rollback,
                "on_failure": step.on_failure, "network": "none",
            })
        });
        let limits = json!({"consecutive_failures": self.limit, "tokens": "unlimited"});
        let plan = json!({"issue": 7, "title": "Try", "limits": limits, "steps": steps.collect::<Vec<_>>()});
        let ids: Vec<&str> = self.steps.iter().map(|step| &*step.id).collect();
        let event = json!({
            "run": self.run.to_string(), "issue": 7, "title": "Try", "autopilot": "1", "base": "main", "commit": "c0",
            "branch": self.run.branch(), "repository": "/r", "plan_path": "p", "plan_sha256": "0", "plan": plan,
            "steps": ids, "dirty": false, "host": host(), "sandbox": "all",
        });
        self.emit("run.started", event)?;
        if self.steps.iter().any(|step| step.agent) {
            self.emit("agent.found", json!({"agent": "codex 1", "servers": []}))?;
        }
        Ok(())
    }

    fn carry_out(&mut self, in_place: bool) -> Done<()> {
        if !in_place && self.one_in(9) {
            self.end_by_fault()?;
            return self.close();
        }
        if !in_place {
            self.emit("worktree.ready", json!({"files": 1, "ms": 1}))?;
        }
        match self.execute(in_place) {
            Err(Stop::Fault) => self.end_by_fault()?,
            Err(Stop::Died) => return Err(Stop::Died),
            Ok(()) => {}
        }
        self.finish()?;
        self.close()
    }

    fn end_by_fault(&mut self) -> Done<()> {
        self.faults = None;
        self.emit(
            "run.ended",
            json!({"result": "failed", "reason": reason("internal", "x"), "step": null, "ms": 0}),
        )
    }

    fn execute(&mut self, in_place: bool) -> Done<()> {
        self.settle(in_place)?;
        let mut results: Vec<&str> = Vec::new();
        let (mut stop, mut failed): (Option<Value>, Option<Value>) = (None, None);
        for at in 0..self.steps.len() {
            if stop.is_none() && self.late() {
                stop = Some(end("failed", reason("run_timeout", "x"), None));
            } else if stop.is_none() && self.interrupted() {
                stop = Some(end("interrupted", reason("signal", "x"), None));
            }
            let step = &self.steps[at];
            let (id, spent, begun) = (step.id.clone(), step.spent(self.limit), step.begun);
            let unmet = step.needs.iter().any(|need| results[*need] != "passed");
            if step.ended != Some("passed") && !spent && (stop.is_some() || unmet) {
                let event = json!({"step": id, "result": "skipped", "attempts": begun, "because": "x"});
                self.emit("step.ended", event)?;
                results.push("skipped");
                continue;
            }
            let (result, why) = if step.ended == Some("passed") {
                ("passed", None)
            } else if let Some(reason) = step.reason.clone().filter(|_| spent) {
                let consecutive = step.consecutive;
                if step.ended != Some("failed") {
                    self.step_ended(&id, "failed", begun)?;
                }
                ("failed", Some((reason, consecutive)))
            } else {
                let (result, reason) = self.step(at)?;
                (result, reason.map(|reason| (reason, self.consecutive)))
            };
            results.push(result);
            if let Some((reason, consecutive)) = why {
                let why = end("failed", reason, Some(&id));
                match self.steps[at].on_failure {
                    _ if consecutive >= self.limit => stop = Some(why),
                    "abort" => stop = Some(why),
                    "continue" => failed = failed.or(Some(why)),
                    _ => {}
                }
            }
        }
        let complete = results.iter().all(|result| *result == "passed");
        let signal =
            (self.interrupted() && !complete).then(|| end("interrupted", reason("signal", "x"), None));
        let done = json!({"result": "done", "reason": null, "step": null, "ms": 1});
        self.emit("run.ended", signal.or(stop).or(failed).unwrap_or(done))
    }

    fn step_ended(&mut self, id: &str, result: &str, attempts: u32) -> Done<()> {
        self.emit("step.ended", json!({"step": id, "result": result, "attempts": attempts, "because": null}))
    }

    fn step(&mut self, at: usize) -> Done<(&'static str, Option<Value>)> {
        let (id, retries, from_attempt) =
            (self.steps[at].id.clone(), self.steps[at].retries, self.steps[at].from_attempt);
        loop {
            let number = self.steps[at].begun + 1;
            let Some(reason) = self.attempt(at, number)? else {
                self.step_ended(&id, "passed", number)?;
                return Ok(("passed", None));
            };
            if reason["kind"] == "signal" {
                self.go_back(at, number, false)?;
                self.step_ended(&id, "interrupted", number)?;
                return Ok(("interrupted", None));
            }
            let last = self.steps[at].failed > retries || self.must_stop();
            let goes_on_from_here = !last && from_attempt;
            if !goes_on_from_here {
                self.go_back(at, number, true)?;
            }
            if !last {
                self.emit_of("retry.waiting", &id, number + 1, json!({"ms": 1000}))?;
            }
            if last || self.must_stop() {
                if goes_on_from_here {
                    let is_failure = !self.interrupted();
                    self.go_back(at, number, is_failure)?;
                }
                self.step_ended(&id, "failed", number)?;
                return Ok(("failed", Some(reason)));
            }
        }
    }

    fn attempt(&mut self, at: usize, number: u32) -> Done<Outcome> {
        let (id, started) = (self.steps[at].id.clone(), self.now);
        self.emit_of("attempt.started", &id, number, json!({"log": 0}))?;
        let reason = self.act(at, number)?;
        let result = match &reason {
            None => "passed",
            Some(reason) if reason["kind"] == "signal" => "interrupted",
            Some(_) => "failed",
        };
        let ms = (self.now - started).num_milliseconds();
        self.emit_of(
            "attempt.ended",
            &id,
            number,
            json!({"result": result, "reason": reason, "ms": ms, "log": 0}),
        )?;
        Ok(reason)
    }

    fn act(&mut self, at: usize, number: u32) -> Done<Outcome> {
        let step = &self.steps[at];
        let (id, agent, typed, expected) = (step.id.clone(), step.agent, step.typed(), step.expected);
        let post: Vec<String> = step.post.iter().map(ToString::to_string).collect();
        if agent {
            let provider = json!("http://127.0.0.1:9/v1");
            let event = json!({"agent": "codex 1", "model": null, "provider": provider, "prompt": "0", "attached": [],
                "servers": [], "instructions": false});
            self.emit_of("agent.started", &id, number, event)?;
        }
        loop {
            let how = Act::chosen(self.next(), expected);
            if let Some(reason) = self.command(&id, number, "action", &typed, how, expected)? {
                return Ok(Some(reason));
            }
            if !agent || !self.one_in(4) {
                break;
            }
            self.emit_of(
                "agent.waiting",
                &id,
                number,
                json!({"reason": reason("rate_limit", "x"), "ms": 1}),
            )?;
            if self.interrupted() {
                return Ok(Some(reason("signal", "x")));
            }
        }
        match self.upto(9) {
            8 if agent => return Ok(Some(reason("rate_limit", "x"))),
            9 => return Ok(Some(reason("expectation", "x"))),
            _ => {}
        }
        for typed in post {
            let how = Act::chosen(self.next(), 0);
            if let Some(reason) = self.command(&id, number, "post", &typed, how, 0)? {
                return Ok(Some(reason));
            }
        }
        if self.one_in(9) {
            return Ok(Some(reason("checkpoint", "x")));
        }
        if !self.one_in(4) {
            self.checkpoint(&id, number)?;
        }
        Ok(None)
    }

    fn checkpoint(&mut self, id: &str, number: u32) -> Done<()> {
        let commit = format!("c{}", self.checkpoints.len() + 1);
        self.emit_of("checkpoint.made", id, number, json!({"commit": commit, "changes": []}))
    }

    /// Runs a command; gives the reason if it fails its attempt.
    fn command(
        &mut self,
        id: &str,
        number: u32,
        role: &str,
        typed: &str,
        how: Act,
        expected: i32,
    ) -> Done<Outcome> {
        self.emit_of("command.started", id, number, json!({"role": role, "command": typed}))?;
        if role == "action" && self.one_in(5) {
            let event = json!({"role": role, "host": "h", "port": 443, "verdict": "refused", "connections": 1,
                "sent": 0, "received": 0});
            self.emit_of("egress", id, number, event)?;
        }
        let agent = typed.starts_with("codex ");
        if agent {
            let tokens = json!({"input": 1, "cached": 0, "output": 1});
            self.emit_of("agent.used", id, number, json!({"requests": 1, "tokens": tokens}))?;
            self.emit_of("agent.acted", id, number, json!({"act": {"did": "message", "text": "x"}}))?;
        }
        let how = if self.interrupted() && role != "rollback" { Act::Signal } else { how };
        self.emit_of("command.ended", id, number, how.ended(role))?;
        if agent && !matches!(how, Act::Launch) {
            let tokens = json!({"input": 1, "cached": 0, "output": 1});
            let event = json!({"message": null, "tokens": tokens, "requests": 1, "acts": 1});
            self.emit_of("agent.ended", id, number, event)?;
        }
        Ok(how.reason(role, typed, expected))
    }

    fn go_back(&mut self, at: usize, number: u32, rolls_back: bool) -> Done<()> {
        let id = self.steps[at].id.clone();
        self.save(&id, number)?;
        let rollback: Vec<String> = self.steps[at].rollback.iter().map(ToString::to_string).collect();
        for typed in rollback.iter().filter(|_| rolls_back) {
            let how = Act::chosen(self.next(), 0);
            self.command(&id, number, "rollback", typed, how, 0)?;
        }
        self.reset(&id, number)
    }

    fn save(&mut self, id: &str, number: u32) -> Done<()> {
        if self.one_in(2) {
            return Ok(());
        }
        let name = format!("refs/salvage/{id}-{number}");
        let reference =
            if self.saved.insert(name.clone()) { name } else { format!("{name}.{}", self.written.len()) };
        let event = json!({"reference": reference, "commit": "5a", "paths": 1, "not_held": []});
        self.emit_of("salvaged", id, number, event)
    }

    fn reset(&mut self, id: &str, number: u32) -> Done<()> {
        self.emit_of("reset.started", id, number, json!({}))?;
        self.emit_of("reset.done", id, number, json!({}))
    }

    fn finish(&mut self) -> Done<()> {
        if !self.checkpoints.is_empty() {
            let reference = format!("refs/heads/{}", self.run.branch());
            let (commit, commits) = (self.checkpoints.last().cloned(), self.checkpoints.len());
            self.emit("branch.made", json!({"reference": reference, "commit": commit, "commits": commits}))?;
        }
        self.faults = None;
        if self.one_in(9) {
            self.end_by_fault()?;
            return self.keep();
        }
        if self.one_in(4) {
            return self.keep();
        }
        self.emit("worktree.removed", json!({"proved": 1, "ignored_files": 0, "ignored_bytes": 0}))
    }

    fn keep(&mut self) -> Done<()> {
        self.emit("worktree.kept", json!({"path": "/w", "why": "x"}))
    }

    fn close(&mut self) -> Done<()> {
        self.faults = None;
        self.emit("sealed", json!({"files": []}))?;
        self.emit("attested", json!({"sha256": "0"}))
    }

    fn recover(&mut self) -> Done<()> {
        self.faults = None;
        self.dies = self.dies.map(|left| left % 5);
        // What its runner had left may be lost.
        let whole = self.made && self.dir && !self.one_in(6);
        let part = self.end.is_some();
        self.emit("recovered", json!({"torn": 0}))?;
        let crashed =
            end("crashed", reason("crash", "x"), self.in_flight.as_ref().map(|(id, _)| id.as_str()));
        if whole {
            let (id, number) = self.in_flight.clone().unwrap_or(("crashed".to_owned(), 1));
            self.save(&id, number)?;
            self.reset(&id, number)?;
        }
        if !part {
            self.emit("run.ended", crashed)?;
        }
        if whole {
            self.finish()?;
        } else if self.made && self.one_in(3) {
            self.keep()?;
        }
        (self.dir, self.kept) = (self.dir && whole, self.kept && whole);
        self.close()
    }

    fn resume(&mut self) -> Done<()> {
        let in_place = self.made && self.dir && !self.one_in(6);
        let checkpoint = self.checkpoints.last().map_or("c0", String::as_str);
        let event = json!({"autopilot": "1", "checkpoint": checkpoint, "used": 0, "consecutive": self.consecutive,
            "torn": 0, "host": host(), "sandbox": "all"});
        self.emit("resumed", event)
            .or_else(|stop| if matches!(stop, Stop::Fault) { Ok(()) } else { Err(stop) })?;
        self.carry_out(in_place)
    }

    fn settle(&mut self, in_place: bool) -> Done<()> {
        let mut found = ("resumed".to_owned(), 1);
        if let Some((at, number, came_to)) = self.open.take() {
            let id = self.steps[at].id.clone();
            found = (id.clone(), number);
            let mut passed = came_to != CameTo::Begin;
            if !passed && in_place && self.one_in(3) {
                self.open = Some((at, number, came_to));
                self.checkpoint(&id, number)?;
                passed = true;
            }
            if came_to != CameTo::End {
                let (result, why) =
                    if passed { ("passed", None) } else { ("interrupted", Some(reason("crash", "x"))) };
                self.open = Some((at, number, CameTo::Checkpoint));
                self.emit_of(
                    "attempt.ended",
                    &id,
                    number,
                    json!({"result": result, "reason": why, "ms": 1, "log": 0}),
                )?;
            }
            if passed {
                self.step_ended(&id, "passed", number)?;
            }
        }
        if in_place {
            self.save(&found.0, found.1)?;
            self.reset(&found.0, found.1)?;
        }
        Ok(())
    }

    fn publish(&mut self) -> Done<()> {
        let attested = self.written.iter().rposition(|(_, event)| event["type"] == "attested");
        let Some(head) = attested.filter(|_| self.closed) else { return Ok(()) };
        let done = self.end.as_ref().is_some_and(|(result, _)| result == "done");
        let mut all = vec![("comment", format!("{head}:{}", "0".repeat(64)))];
        all.extend(
            self.checkpoints.last().filter(|_| done && self.branch).map(|commit| ("push", commit.clone())),
        );
        for (effect, key) in all {
            self.emit("publish.started", json!({"effect": effect, "key": key, "to": "o/r"}))?;
            if self.one_in(3) {
                let event = json!({"effect": effect, "key": key, "kind": "network", "why": "x", "hint": "x"});
                self.emit("publish.failed", event)?;
            } else {
                self.emit("publish.done", json!({"effect": effect, "key": key, "url": null}))?;
            }
        }
        Ok(())
    }
}

fn reason(kind: &str, text: &str) -> Value {
    json!({"kind": kind, "text": text})
}

fn end(result: &str, reason: Value, step: Option<&str>) -> Value {
    json!({"result": result, "reason": reason, "step": step, "ms": 1})
}

fn host() -> Value {
    json!({"name": "h", "pid": 1, "kernel": "6", "git": "2"})
}

/// How a command ends.
#[derive(Debug, Clone, Copy)]
enum Act {
    Exit(i32),
    Killed,
    Timeout,
    Launch,
    Survived,
    /// The runner was told to end.
    Signal,
}

impl Act {
    fn chosen(choice: usize, expected: i32) -> Self {
        match choice % 16 {
            11 | 12 => Self::Exit(expected + 1),
            13 => Self::Killed,
            14 if choice > 128 => Self::Timeout,
            14 => Self::Launch,
            15 => Self::Survived,
            _ => Self::Exit(expected),
        }
    }

    /// Writes the event that tells of it.
    fn ended(self, role: &str) -> Value {
        let (code, signal, by) = match self {
            Self::Exit(code) => (Some(code), None, None),
            Self::Killed => (None, Some(9), None),
            Self::Timeout | Self::Signal => (None, Some(15), Some("x")),
            Self::Launch => (None, None, Some("no such program")),
            Self::Survived => (Some(0), None, None),
        };
        let survivors = u32::from(matches!(self, Self::Survived));
        json!({"role": role, "exit_code": code, "signal": signal, "ended_by": by, "ms": 1, "output": 0, "killed": 0,
            "survivors": survivors, "enforced": null})
    }

    /// Says why its attempt fails, if so.
    fn reason(self, role: &str, typed: &str, expected: i32) -> Outcome {
        let prefix = if role == "post" { format!("post `{typed}`: ") } else { String::new() };
        let own = if role == "post" { "post" } else { "exit" };
        Some(match self {
            Self::Exit(code) if code == expected => return None,
            Self::Exit(code) if expected == 0 => reason(own, &format!("{prefix}exit {code}")),
            Self::Exit(code) => reason(own, &format!("{prefix}exit {code}, expected {expected}")),
            Self::Killed => reason(own, &format!("{prefix}killed by SIGKILL")),
            Self::Timeout => reason("timeout", "x"),
            Self::Launch => reason("launch", "x"),
            Self::Survived => reason("limit", "x"),
            Self::Signal => reason("signal", "x"),
        })
    }
}
