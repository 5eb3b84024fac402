//! Steps of an honest run: attempts until one passes or none is left, and back to the checkpoint between them.

use serde_json::{Value, json};

use super::command::Act;
use super::{Done, Outcome, World, reason};
use crate::git::Oid;
use crate::plan::Invocation;

/// What a salvage commits; checkpoints have the numbers before.
const SALVAGE: usize = 0x5000;
/// Where the ids of trees begin.
const TREES: usize = 0x7000;

/// A step of the plan, and what the journal tells of it so far.
pub(super) struct Step {
    pub(super) id: String,
    pub(super) needs: Vec<usize>,
    pub(super) agent: bool,
    pub(super) expected: i32,
    /// How many there are of each list of expectations.
    pub(super) lists: [usize; 5],
    pub(super) changes: bool,
    pub(super) proves: bool,
    pub(super) retries: u32,
    pub(super) from_attempt: bool,
    pub(super) post: Vec<Invocation>,
    pub(super) rollback: Vec<Invocation>,
    pub(super) on_failure: &'static str,
    // What the journal tells of it so far.
    pub(super) begun: u32,
    pub(super) failed: u32,
    pub(super) reason: Option<Value>,
    pub(super) consecutive: u32,
    pub(super) ended: Option<&'static str>,
}

impl Step {
    pub(super) fn action(&self) -> Value {
        if self.agent {
            return json!({"codex": {"tokens": "unlimited"}});
        }
        json!({"command": argv(&["act", &self.id])})
    }

    pub(super) fn typed(&self) -> String {
        if self.agent { "codex exec".to_owned() } else { argv(&["act", &self.id]).to_string() }
    }

    pub(super) fn spent(&self, limit: u32) -> bool {
        self.failed > self.retries || (self.failed > 0 && self.consecutive >= limit)
    }
}

fn argv(words: &[&str]) -> Invocation {
    Invocation::Argv(words.iter().map(|word| (*word).to_owned()).collect())
}

impl World {
    pub(super) fn plan_step(&mut self, at: usize) -> Step {
        let id = format!("s{at}");
        let many = |world: &mut Self, what: &str| -> Vec<Invocation> {
            (0..world.upto(2)).map(|nth| argv(&[what, &id, &nth.to_string()])).collect()
        };
        Step {
            needs: (0..at).filter(|_| self.one_in(5)).collect(),
            agent: self.one_in(5),
            expected: i32::from(self.one_in(6)) * 3,
            lists: [(); 5].map(|()| self.upto(5).saturating_sub(3)),
            changes: self.one_in(4),
            proves: self.version > 1 && self.one_in(4),
            retries: u32::try_from(self.upto(2)).unwrap(),
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

    pub(super) fn step_ended(&mut self, id: &str, result: &str, attempts: u32) -> Done<()> {
        self.emit("step.ended", json!({"step": id, "result": result, "attempts": attempts, "because": null}))
    }

    pub(super) fn step(&mut self, at: usize) -> Done<(&'static str, Option<Value>)> {
        let (id, retries, from_attempt) =
            (self.steps[at].id.clone(), self.steps[at].retries, self.steps[at].from_attempt);
        loop {
            let number = self.steps[at].begun + 1;
            let Some(reason) = self.attempt(at, number)? else {
                // What rules that steps wrote keep off the checkpoint.
                if self.one_in(4) {
                    self.save(&id, number)?;
                }
                self.append()?;
                self.step_ended(&id, "passed", number)?;
                if self.travels {
                    let is_sent = !self.choose(3);
                    self.send(is_sent);
                }
                return Ok(("passed", None));
            };
            if reason["kind"] == "signal" {
                self.go_back(at, number, false)?;
                self.append()?;
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
                self.now += chrono::TimeDelta::seconds(1);
            }
            if last || self.must_stop() {
                if goes_on_from_here {
                    let is_failure = !self.interrupted();
                    self.go_back(at, number, is_failure)?;
                }
                self.append()?;
                self.step_ended(&id, "failed", number)?;
                return Ok(("failed", Some(reason)));
            }
            self.append()?;
        }
    }

    pub(super) fn attempt(&mut self, at: usize, number: u32) -> Done<Outcome> {
        let id = self.steps[at].id.clone();
        self.begin_part(&id, number);
        let started = json!({"from": self.position(), "home": "run", "layer": "run"});
        self.emit_of("attempt.started", &id, number, started)?;
        self.mend_git(&id, number)?;
        let started = self.now;
        let reason = self.act(at, number)?;
        let result = match &reason {
            None => "passed",
            Some(reason) if reason["kind"] == "signal" => "interrupted",
            Some(_) => "failed",
        };
        let ms = (self.now - started).num_milliseconds();
        self.emit_of("attempt.ended", &id, number, json!({"result": result, "reason": reason, "ms": ms}))?;
        Ok(reason)
    }

    pub(super) fn act(&mut self, at: usize, number: u32) -> Done<Outcome> {
        let step = &self.steps[at];
        let (id, agent, typed, expected) = (step.id.clone(), step.agent, step.typed(), step.expected);
        let post: Vec<String> = step.post.iter().map(ToString::to_string).collect();
        if agent {
            let provider = json!("http://127.0.0.1:9/v1");
            let event = json!({"id": "codex", "agent": "codex 1", "model": null, "provider": provider, "prompt": "0", "attached": [],
                "servers": [], "instructions": false});
            self.emit_of("agent.started", &id, number, event)?;
        }
        let how = loop {
            let how = Act::chosen(self.next(), expected);
            let (how, why) = self.command(&id, number, ("action", 0), &typed, how, expected)?;
            if why.is_some() {
                self.judge((&id, number), "exit_code", 0, (how, expected))?;
                return Ok(why);
            }
            if !agent || !self.one_in(4) {
                break how;
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
        };
        let came = self.upto(9);
        if came == 8 && agent {
            return Ok(Some(reason("rate_limit", "x")));
        }
        let of = (id.as_str(), number);
        self.judge(of, "exit_code", 0, (how, expected))?;
        if let Some(why) = self.judge_result(at, of, came == 9)? {
            return Ok(Some(why));
        }
        self.ask_for_masks(of)?;
        for (nth, typed) in post.iter().enumerate() {
            let how = Act::chosen(self.next(), 0);
            let (how, why) = self.command(&id, number, ("post", nth), typed, how, 0)?;
            self.judge(of, "post", nth, (how, 0))?;
            if why.is_some() {
                return Ok(why);
            }
        }
        if let Some(why) = self.judge_again(at, of)? {
            return Ok(Some(why));
        }
        if let Some(why) = self.prove(at, of)? {
            return Ok(Some(why));
        }
        if self.one_in(9) {
            return Ok(Some(reason("checkpoint", "x")));
        }
        if !self.one_in(4) {
            self.checkpoint(&id, number)?;
        }
        Ok(None)
    }

    pub(super) fn checkpoint(&mut self, id: &str, number: u32) -> Done<()> {
        let (nth, parent) = (self.checkpoints.len() + 1, self.position());
        let event = json!({"commit": Oid::nth(nth), "tree": Oid::nth(TREES + nth), "parent": parent,
            "instructions": false, "changes": []});
        self.emit_of("checkpoint.made", id, number, event)
    }

    /// Returns the commit that the worktree is at.
    pub(super) fn position(&self) -> String {
        self.checkpoints.last().cloned().unwrap_or_else(|| Oid::nth(0).into())
    }

    /// Runs a command, one of those of its role; gives how it ended, and the reason if it fails its attempt.
    pub(super) fn command(
        &mut self,
        id: &str,
        number: u32,
        (role, nth): (&str, usize),
        typed: &str,
        how: Act,
        expected: i32,
    ) -> Done<(Act, Outcome)> {
        let placed = |mut event: Value| {
            if role != "action" {
                event["index"] = json!(nth);
            }
            event
        };
        self.emit_of("command.started", id, number, placed(json!({"role": role, "command": typed})))?;
        if role == "action" {
            self.ask_for_masks((id, number))?;
        }
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
        let mut ended = placed(how.ended(role));
        let (begin, end) = self.print();
        let end = if matches!(how, Act::Launch) { begin } else { end };
        (ended["span"], ended["output"]) = (json!([begin, end]), json!(end - begin));
        self.emit_of("command.ended", id, number, ended)?;
        if agent && !matches!(how, Act::Launch) {
            let tokens = json!({"input": 1, "cached": 0, "output": 1});
            let event = json!({"message": null, "tokens": tokens, "requests": 1, "acts": 1});
            self.emit_of("agent.ended", id, number, event)?;
        }
        Ok((how, how.reason(role, typed, expected)))
    }

    pub(super) fn go_back(&mut self, at: usize, number: u32, rolls_back: bool) -> Done<()> {
        let id = self.steps[at].id.clone();
        self.save(&id, number)?;
        let rollback: Vec<String> = self.steps[at].rollback.iter().map(ToString::to_string).collect();
        for (nth, typed) in rollback.iter().enumerate().filter(|_| rolls_back) {
            let how = Act::chosen(self.next(), 0);
            self.command(&id, number, ("rollback", nth), typed, how, 0)?;
        }
        self.reset(&id, number)
    }

    pub(super) fn save(&mut self, id: &str, number: u32) -> Done<()> {
        if self.one_in(2) {
            return Ok(());
        }
        let name = format!("refs/salvage/{id}-{number}");
        let reference =
            if self.saved.insert(name.clone()) { name } else { format!("{name}.{}", self.written.len()) };
        let event = json!({"reference": reference, "commit": Oid::nth(SALVAGE), "paths": 1, "not_held": []});
        self.emit_of("salvaged", id, number, event)
    }

    pub(super) fn reset(&mut self, id: &str, number: u32) -> Done<()> {
        self.emit_of("reset.started", id, number, json!({}))?;
        self.emit_of("reset.done", id, number, json!({}))
    }
}
