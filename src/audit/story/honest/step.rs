//! Steps of an honest run: attempts until one passes or none is left, and back to the checkpoint between them.

use serde_json::{Value, json};

use super::command::Act;
use super::{Done, Outcome, World, reason};
use crate::plan::Invocation;

/// A step of the plan, and what the journal tells of it so far.
pub(super) struct Step {
    pub(super) id: String,
    pub(super) needs: Vec<usize>,
    pub(super) agent: bool,
    pub(super) expected: i32,
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

    pub(super) fn attempt(&mut self, at: usize, number: u32) -> Done<Outcome> {
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

    pub(super) fn act(&mut self, at: usize, number: u32) -> Done<Outcome> {
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

    pub(super) fn checkpoint(&mut self, id: &str, number: u32) -> Done<()> {
        let commit = format!("c{}", self.checkpoints.len() + 1);
        self.emit_of("checkpoint.made", id, number, json!({"commit": commit, "changes": []}))
    }

    /// Runs a command; gives the reason if it fails its attempt.
    pub(super) fn command(
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

    pub(super) fn go_back(&mut self, at: usize, number: u32, rolls_back: bool) -> Done<()> {
        let id = self.steps[at].id.clone();
        self.save(&id, number)?;
        let rollback: Vec<String> = self.steps[at].rollback.iter().map(ToString::to_string).collect();
        for typed in rollback.iter().filter(|_| rolls_back) {
            let how = Act::chosen(self.next(), 0);
            self.command(&id, number, "rollback", typed, how, 0)?;
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
        let event = json!({"reference": reference, "commit": "5a", "paths": 1, "not_held": []});
        self.emit_of("salvaged", id, number, event)
    }

    pub(super) fn reset(&mut self, id: &str, number: u32) -> Done<()> {
        self.emit_of("reset.started", id, number, json!({}))?;
        self.emit_of("reset.done", id, number, json!({}))
    }
}
