//! Invocations of an honest run: it begins, goes on, is picked up, comes to its end, is published.

use serde_json::{Value, json};

use super::{CameTo, Done, Stop, World, reason};
use crate::git::Oid;

/// Where it is published.
const REPOSITORY: &str = "github.com/o/r";

impl World {
    pub(super) fn start(&mut self) -> Done<()> {
        let name = |step: &usize| self.steps[*step].id.clone();
        let steps = self.steps.iter().map(|step| {
            json!({
                "id": step.id, "needs": step.needs.iter().map(name).collect::<Vec<_>>(), "action": step.action(),
                "retries": step.retries, "retry_from": if step.from_attempt { "attempt" } else { "checkpoint" },
                "expectation": step.expectation(), "post": step.post, "rollback": step.rollback,
                "on_failure": step.on_failure, "network": "none",
            })
        });
        let limits = json!({"consecutive_failures": self.limit, "tokens": "unlimited"});
        let steps: Vec<Value> = steps.collect();
        let publish = json!({"comment": null, "escalate": [], "push": true, "evidence": self.travels,
            "pull_request": {"draft": false, "title": null, "labels": [], "reviewers": []}});
        let mut effects = vec!["push", "pull_request", "evidence", "comment"];
        effects.retain(|effect| self.travels || *effect != "evidence");
        let mut plan =
            json!({"issue": 7, "title": "Try", "limits": limits, "steps": steps, "publish": publish});
        if self.cached {
            plan["cache"] = json!(["target"]);
        }
        let ids: Vec<&str> = self.steps.iter().map(|step| &*step.id).collect();
        let event = json!({
            "run": self.run.to_string(), "issue": 7, "title": "Try", "autopilot": "1", "base": "main", "commit": Oid::nth(0),
            "branch": self.run.branch(), "repository": "/r", "plan_path": "p", "plan_sha256": "0", "plan": plan,
            "plan_masked": false, "plan_commit": Oid::nth(0), "origin": "own", "started_by": {"user": "u"},
            "steps": ids, "dirty": false, "host": host(), "sandbox": "all",
            "publish": {"repository": REPOSITORY, "effects": effects},
        });
        self.emit("run.started", event)?;
        if self.steps.iter().any(|step| step.agent) {
            self.emit("agent.found", json!({"id": "codex", "agent": "codex 1", "servers": []}))?;
        }
        Ok(())
    }

    pub(super) fn carry_out(&mut self, in_place: bool) -> Done<()> {
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
        self.keep_cache();
        self.close()
    }

    pub(super) fn end_by_fault(&mut self) -> Done<()> {
        self.faults = None;
        self.append()?;
        self.emit(
            "run.ended",
            json!({"result": "failed", "reason": reason("internal", "x"), "step": null, "ms": 0}),
        )
    }

    pub(super) fn execute(&mut self, in_place: bool) -> Done<()> {
        self.settle(in_place)?;
        self.look_for_cache(in_place);
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
        let done = json!({"result": "done", "reason": null, "step": null});
        let mut end = signal.or(stop).or(failed).unwrap_or(done);
        let (since, before) = self.invoked;
        end["ms"] = json!(before + (self.now - since).num_milliseconds());
        self.emit("run.ended", end)
    }

    fn look_for_cache(&mut self, in_place: bool) {
        let again = self.looked == Some(true) && !in_place;
        if !self.cached || (self.looked.is_some() && !again) {
            return;
        }
        let hit = if again { !self.choose(3) } else { self.choose(2) };
        let mut event = json!({"folders": ["target"], "locks": "1".repeat(64), "sha256": null, "base": null, "run": null, "why": "x"});
        if hit {
            event["sha256"] = "2".repeat(64).into();
            (event["base"], event["run"], event["why"]) =
                (json!(Oid::nth(0)), json!("20261001T101500Z-7"), Value::Null);
        }
        self.emit_beside("cache.looked", event);
    }

    fn keep_cache(&mut self) {
        if !self.cached || self.end.as_ref().is_none_or(|(result, _)| result != "done") {
            return;
        }
        let event = if self.choose(3) {
            json!({"sha256": null, "bytes": 0, "why": "x"})
        } else {
            json!({"sha256": "3".repeat(64), "bytes": 1, "why": null})
        };
        self.emit_beside("cache.kept", event);
    }

    pub(super) fn finish(&mut self) -> Done<()> {
        if self.version > 1 && self.one_in(7) {
            self.leave_git()?;
        }
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

    pub(super) fn keep(&mut self) -> Done<()> {
        self.emit("worktree.kept", json!({"path": "/w", "why": "x"}))
    }

    pub(super) fn close(&mut self) -> Done<()> {
        self.faults = None;
        if let Some(commit) = self.delivered.clone().filter(|_| !self.one_in(8)) {
            let found = json!({"commit": commit, "found": ["x"], "more": 1, "unsearched": ["x"]});
            self.emit("branch.searched", found)?;
        }
        self.emit("sealed", json!({"files": []}))?;
        self.emit("attested", json!({"sha256": "0"}))
    }

    pub(super) fn recover(&mut self) -> Done<()> {
        self.faults = None;
        self.dies = self.dies.map(|left| left % 5);
        // What its runner had left may be lost.
        let whole = self.made && self.dir && !self.one_in(6);
        let part = self.end.is_some();
        self.emit("recovered", json!({"torn": 0}))?;
        self.append_left()?;
        let mut crashed =
            end("crashed", reason("crash", "x"), self.in_flight.as_ref().map(|(id, _)| id.as_str()));
        crashed["ms"] = json!(self.active.total());
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

    pub(super) fn resume(&mut self) -> Done<()> {
        let in_place = self.made && self.dir && !self.one_in(6);
        let checkpoint = self.position();
        let event = json!({"autopilot": "1", "checkpoint": checkpoint, "used": self.active.total(), "consecutive": self.consecutive,
            "torn": 0, "host": host(), "sandbox": "all"});
        self.emit("resumed", event)
            .or_else(|stop| if matches!(stop, Stop::Fault) { Ok(()) } else { Err(stop) })?;
        self.invoked = (self.now, self.active.used);
        self.append_left()?;
        self.carry_out(in_place)
    }

    pub(super) fn settle(&mut self, in_place: bool) -> Done<()> {
        let mut found = ("resumed".to_owned(), 1);
        if let Some((at, number, came_to)) = self.open.take() {
            let id = self.steps[at].id.clone();
            found = (id.clone(), number);
            let mut passed = came_to != CameTo::Begin;
            if !passed && !self.unmet && in_place && self.one_in(3) {
                self.open = Some((at, number, came_to));
                self.checkpoint(&id, number)?;
                passed = true;
            }
            if came_to != CameTo::End {
                let (result, why) =
                    if passed { ("passed", None) } else { ("interrupted", Some(reason("crash", "x"))) };
                self.open = Some((at, number, CameTo::Checkpoint));
                let event = json!({"result": result, "reason": why, "ms": self.active.ran()});
                self.emit_of("attempt.ended", &id, number, event)?;
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

    pub(super) fn publish(&mut self) -> Done<()> {
        let attested = self.written.iter().rposition(|(.., event)| event["type"] == "attested");
        let Some(head) = attested.filter(|_| self.closed) else { return Ok(()) };
        let done = self.end.as_ref().is_some_and(|(result, _)| result == "done");
        let commit = self.checkpoints.last().filter(|_| done && self.branch).cloned();
        let head = format!("{head}:{}", "0".repeat(64));
        let of_result = |effect: &str| matches!(effect, "push" | "pull_request");
        let evidence = Some(head.clone()).filter(|_| self.travels);
        let all = [
            ("push", commit.clone()),
            ("pull_request", commit),
            ("evidence", evidence),
            ("comment", Some(head)),
        ];
        for (effect, key) in all {
            let Some(key) = key else { continue };
            // What was pushed where the base was later stands for the commit.
            let later =
                Some(later(&key)).filter(|later| of_result(effect) && self.is_published("push", later));
            let key = later.unwrap_or(key);
            if self.is_published(effect, &key) {
                continue;
            }
            let by_git = matches!(effect, "push" | "evidence");
            let to = if by_git { "origin" } else { REPOSITORY };
            let key = if effect == "push" { self.rebase(key)? } else { key };
            let mut begun = json!({"effect": effect, "key": key, "to": to});
            if !by_git {
                begun["login"] = json!("somebody");
            }
            if effect == "push" && self.version > 1 && self.one_in(2) {
                begun["along"] = json!(1);
            }
            self.emit("publish.started", begun)?;
            let is_pushed = self.is_published("push", &key);
            if self.one_in(3) || (effect == "pull_request" && !is_pushed) {
                let event = json!({"effect": effect, "key": key, "kind": "network", "why": "x", "hint": "x"});
                self.emit("publish.failed", event)?;
                continue;
            }
            let (run, number) = (self.run, self.upto(9));
            let mut event = json!({"effect": effect, "key": key});
            event["url"] = match effect {
                "push" if number == 0 => Value::Null,
                "evidence" => {
                    self.send(true);
                    Value::Null
                }
                "push" => format!("https://github.com/fork/r/tree/{}", run.branch()).into(),
                "pull_request" => format!("https://{REPOSITORY}/pull/{number}").into(),
                _ => {
                    event["id"] = number.into();
                    format!("https://{REPOSITORY}/issues/{}#issuecomment-{number}", run.issue()).into()
                }
            };
            self.emit("publish.done", event)?;
        }
        Ok(())
    }

    /// Tells that the evidence was pushed, or was not.
    pub(super) fn send(&mut self, is_sent: bool) {
        let reference = format!("refs/autopilot/evidence/{}", self.run);
        let (commit, why) =
            if is_sent { (json!(Oid::nth(903)), Value::Null) } else { (Value::Null, json!("x")) };
        let event =
            json!({"to": "origin", "reference": reference, "commit": commit, "left_out": ["x"], "why": why});
        self.emit_beside("publish.evidence", event);
    }

    /// Replays the run where its base is by now, or not; returns what is pushed.
    fn rebase(&mut self, key: String) -> Done<String> {
        if self.version == 1 || !self.one_in(3) {
            return Ok(key);
        }
        let held = !self.one_in(3);
        let (step, commit) = (self.steps[0].id.clone(), later(&key));
        let made = json!({"step": step, "commit": commit, "tree": Oid::nth(901)});
        let mut event = json!({"result": key, "base": Oid::nth(0), "onto": Oid::nth(902), "round": 1 + self.upto(4),
            "held": held, "commits": if held { vec![made] } else { Vec::new() }});
        if !held {
            event["why"] = json!("x");
        }
        self.emit("publish.rebased", event)?;
        Ok(if held { commit } else { key })
    }

    fn is_published(&self, effect: &str, key: &str) -> bool {
        let own = |done: &&(String, String)| done.0 == effect;
        match effect {
            "push" => self.published.iter().rfind(own).is_some_and(|done| done.1 == key),
            "pull_request" => self.published.iter().any(|done| done.0 == effect),
            "evidence" => self.published.iter().any(|done| done.0 == effect && done.1 == key),
            _ => self.published.last().is_some_and(|done| (&*done.0, &*done.1) == (effect, key)),
        }
    }
}

/// Returns what a commit comes to on the base of later.
fn later(commit: &str) -> String {
    let nth =
        commit.get(commit.len().saturating_sub(8)..).and_then(|hex| usize::from_str_radix(hex, 16).ok());
    Oid::nth(nth.unwrap_or_default() + 0x1000).to_string()
}

fn end(result: &str, reason: Value, step: Option<&str>) -> Value {
    json!({"result": result, "reason": reason, "step": step})
}

fn host() -> Value {
    json!({"name": "h", "pid": 1, "kernel": "6", "git": "2"})
}
