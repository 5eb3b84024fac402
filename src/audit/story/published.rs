//! Publishing: what is begun is what the plan wants, for a state of the run that is there and not published yet, and goes
//! where the run said; what is said to be done has an address there.

use super::at::At;
use super::records::Published;
use super::state::Story;
use crate::audit::code::Code;
use crate::audit::plan::MASK;
use crate::evidence::event::{Effect, Publishing, RunResult, RunStarted, Travelled};
use crate::plan::Publish;

/// In which order effects are meant.
const ORDER: [Effect; 4] = [Effect::Push, Effect::PullRequest, Effect::Evidence, Effect::Comment];

/// Where the evidence of runs is on remotes.
const EVIDENCE: &str = "refs/autopilot/evidence/";

/// Tells whether a plan ever has something published.
fn wants(plan: &Publish, effect: Effect) -> bool {
    match effect {
        Effect::Push => plan.push,
        Effect::PullRequest => plan.pull_request.is_some(),
        Effect::Comment => plan.comment != Some(false),
        Effect::Evidence => plan.evidence,
    }
}

/// Tells whether an effect is of the result, and not of the run: what has no result has none of it.
fn is_of_result(effect: Effect) -> bool {
    matches!(effect, Effect::Push | Effect::PullRequest)
}

/// Tells whether an effect is by git, to a remote.
fn is_by_git(effect: Effect) -> bool {
    matches!(effect, Effect::Push | Effect::Evidence)
}

impl Story {
    /// What was to be published from the beginning follows from the plan, and from what stood in the way.
    pub(super) fn check_intent(&mut self, start: &RunStarted) {
        let (Some(meant), Some(plan)) = (&start.publish, &self.plan) else { return };
        let is_clear = meant.hindered.is_none();
        let expected: Vec<Effect> = ORDER
            .into_iter()
            .filter(|effect| match effect {
                Effect::Comment => plan.publish.comment.unwrap_or(is_clear),
                other => wants(&plan.publish, *other),
            })
            .collect();
        // Nothing is meant where somebody asked for that, and the reason says so.
        let is_nothing = meant.effects.is_empty() && !is_clear;
        if meant.effects != expected && !is_nothing {
            let found = format!("{:?} to be published", meant.effects);
            self.wrong(Code::PlanNotFollowed, format!("{expected:?}"), found);
        }
        let needs_github = |effect: &Effect| !is_by_git(*effect);
        if is_clear && meant.repository.is_none() && meant.effects.iter().any(needs_github) {
            self.wrong(Code::ResultWrong, "a repository of GitHub, or what stands in the way", "neither");
        }
    }

    /// Publishing follows the head, says which state of the run it is about, and does what the plan wants, once.
    pub(super) fn publish_started(&mut self, effect: Effect, key: &str, to: &str) {
        let branch = self.branch.as_ref().map(|(_, commit, _)| commit.clone());
        let head = self.attested.as_ref().map(|attested| attested.head.to_string());
        let state = if is_of_result(effect) { branch } else { head };
        let is_rebased = is_of_result(effect) && self.is_of_replay(key);
        if state.as_deref() != Some(key) && !is_rebased {
            let state = state.unwrap_or_else(|| "nothing".to_owned());
            self.wrong(Code::OutOfOrder, format!("{effect:?} of {state}, after the head"), key);
        }
        if is_of_result(effect) && self.result() != Some(RunResult::Done) {
            self.wrong(Code::PlanNotFollowed, "no push and no pull request of a run that is not done", key);
        }
        if self.plan.as_ref().is_some_and(|plan| !wants(&plan.publish, effect)) {
            self.wrong(Code::PlanNotFollowed, format!("no {effect:?}: the plan wants none"), to);
        }
        if self.is_published(effect, key) {
            self.wrong(Code::OutOfOrder, format!("{effect:?} of {key} once"), "once more");
        }
        let known = self.repository_of_github().filter(|_| !is_by_git(effect)).map(str::to_owned);
        if let Some(known) = known.filter(|known| known != to && !to.is_empty()) {
            self.wrong(Code::PlanNotFollowed, format!("{effect:?} in {known}"), to);
        }
        // A publisher that died leaves its beginning; it is begun again.
        if matches!(self.at, At::Closed | At::Publishing(..)) {
            self.at = At::Publishing(effect, key.to_owned(), to.to_owned());
        }
    }

    /// Something is said to be done: at an address that it can have, if it has one.
    pub(super) fn publish_done(&mut self, effect: Effect, key: &str, url: Option<&str>, id: Option<u64>) {
        let Some(to) = self.publish_ended(effect, key) else { return };
        if to.is_empty() {
            self.wrong(
                Code::ResultWrong,
                "a failure: there was nowhere to publish to",
                format!("{effect:?}"),
            );
        }
        if effect == Effect::PullRequest && !self.is_published(Effect::Push, key) {
            self.wrong(Code::OutOfOrder, format!("a push of {key} before its pull request"), "none");
        }
        if let Some(url) = url.filter(|url| !url.contains(MASK))
            && !self.is_address(effect, &to, url, id)
        {
            let of = id.map(|id| format!(", number {id}")).unwrap_or_default();
            self.wrong(Code::ResultWrong, format!("the address of a {effect:?} in {to}{of}"), url);
        }
        if id.is_some() && effect != Effect::Comment {
            self.wrong(Code::ResultWrong, format!("no number of a {effect:?}"), "one");
        }
        let url = url.map(str::to_owned);
        self.published.push(Published { effect, key: key.to_owned(), to, url });
    }

    /// Evidence goes where evidence of this run is, as the plan has it; it got there, or it is said why not.
    pub(super) fn publish_evidence(&mut self, sent: &Travelled) {
        let own = format!("{EVIDENCE}{}", self.run);
        if sent.reference.as_str() != own {
            self.wrong(Code::WrongRun, own, sent.reference.as_str());
        }
        if sent.commit.is_some() == sent.why.is_some() {
            self.wrong(Code::ResultWrong, "a commit, or why there is none", "both, or neither");
        }
        if self.plan.as_ref().is_some_and(|plan| !plan.publish.evidence) {
            self.wrong(Code::PlanNotFollowed, "no evidence pushed: the plan wants none", sent.to.as_str());
        }
        let of_other = |effect: Effect| effect != Effect::Evidence;
        if matches!(&self.at, At::Publishing(effect, ..) if of_other(*effect)) {
            self.wrong(Code::OutOfOrder, "evidence that is being published", "something else");
        }
    }

    /// Takes that something is published, or is not; returns where it was to go.
    pub(super) fn publish_ended(&mut self, effect: Effect, key: &str) -> Option<String> {
        let At::Publishing(own, of, to) = &self.at else { return None };
        let (same, to) = ((*own, of.as_str()) == (effect, key), to.clone());
        self.at = At::Closed;
        if !same {
            self.wrong(Code::StartWithoutEnd, "`publish.started` before", format!("the end of {effect:?}"));
        }
        same.then_some(to)
    }

    /// Returns the repository of GitHub that the run knew from its beginning.
    pub(in crate::audit) fn repository_of_github(&self) -> Option<&str> {
        let meant: &Publishing = self.start.as_ref()?.publish.as_ref()?;
        meant.repository.as_ref().map(crate::evidence::Token::as_str)
    }

    /// Returns the address of the comment, if one is said to be there.
    pub(in crate::audit) fn comment(&self) -> Option<String> {
        self.published.iter().rfind(|done| done.effect == Effect::Comment)?.url.clone()
    }

    /// Tells whether something is there already as the run is now. A comment is made anew once it tells too little.
    fn is_published(&self, effect: Effect, key: &str) -> bool {
        let mut own = self.published.iter().filter(|done| done.effect == effect);
        match effect {
            Effect::Push => own.next_back().is_some_and(|done| done.key == key),
            Effect::PullRequest => own.next().is_some(),
            Effect::Evidence => own.any(|done| done.key == key),
            Effect::Comment => {
                self.published.last().is_some_and(|done| done.effect == effect && done.key == key)
            }
        }
    }

    fn is_address(&self, effect: Effect, to: &str, url: &str, id: Option<u64>) -> bool {
        let Some(path) = url.strip_prefix("https://") else { return false };
        let parts: Vec<&str> = path.split('/').collect();
        let (Some(repository), Some(rest)) = (parts.get(..3), parts.get(3..)) else { return false };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !repository.iter().all(|part| !part.is_empty() && part.chars().all(is_plain)) {
            return false;
        }
        let is_own = repository.join("/").eq_ignore_ascii_case(to);
        let own_start = self.start.as_ref();
        let issue = own_start.map_or(self.run.issue(), RunStarted::commented_on).to_string();
        let on_remote =
            own_start.map_or_else(|| self.run.branch(), |start| start.branch_on_remote().to_owned());
        match (effect, rest) {
            (Effect::Push, ["tree", branch @ ..]) => branch.join("/") == on_remote,
            (Effect::PullRequest, ["pull", number]) => is_own && is_number(number),
            (Effect::Comment, ["issues" | "pull", rest]) => rest
                .split_once("#issuecomment-")
                .is_some_and(|(own, number)| is_own && own == issue && Some(number) == id_of(id).as_deref()),
            _ => false,
        }
    }
}

fn id_of(id: Option<u64>) -> Option<String> {
    id.map(|id| id.to_string())
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::strategy::{Strategy, ValueTree};
    use serde_json::{Value, json};

    use super::super::honest::{self, Honest};
    use super::super::tests::{findings, shown, tape};
    use crate::evidence::Event;

    /// Journals of runs that published something, and where they did.
    fn published(kind: &str, most: usize) -> Vec<(Honest, usize)> {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let mut found = Vec::new();
        for _ in 0..20_000 {
            let journal = honest::journal(&tape().new_tree(&mut runner).unwrap().current());
            let at = journal.events.iter().position(|(_, event)| event.kind() == kind);
            found.extend(at.map(|at| (journal, at)));
            if found.len() == most {
                return found;
            }
        }
        panic!("only {} of {most} have a {kind}", found.len());
    }

    fn changed(journal: &Honest, at: usize, change: impl Fn(&mut Value)) -> bool {
        let mut events = journal.events.clone();
        let mut event = serde_json::to_value(&events[at].1).unwrap();
        let before = event.clone();
        change(&mut event);
        assert_ne!(event, before, "nothing was changed");
        events[at].1 = serde_json::from_value::<Event>(event).unwrap();
        !findings(journal.run, events).is_empty()
    }

    #[test]
    fn whatever_an_event_of_publishing_says_is_compared() {
        let words = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let mut urls = 0;
        for (journal, at) in published("publish.done", 60) {
            let of = |what: &str| format!("{what} of line {}\n{}", at + 1, shown(&journal));
            for effect in ["push", "pull_request", "evidence", "comment"] {
                let own = serde_json::to_value(&journal.events[at].1).unwrap()["effect"] == effect;
                assert!(
                    own || changed(&journal, at, |event| event["effect"] = effect.into()),
                    "{}",
                    of(effect)
                );
            }
            assert!(changed(&journal, at, |event| event["key"] = "3:0".into()), "{}", of("key"));
            let own = serde_json::to_value(&journal.events[at].1).unwrap();
            let url = words(&own, "url");
            let forged = [
                "https://evil.example/o/r/issues/7#issuecomment-1".to_owned(),
                url.replace("https://", "http://"),
                url.replace("https://", "https://x@"),
                url.replace("github.com", "github.com.evil.example"),
                format!("{url}/x"),
                format!("{url}?x"),
                format!("x{url}"),
                url.replace("/issues/7", "/issues/8"),
                url.replace("issue-7-", "issue-8-"),
                url.replace("/pull/", "/pulls/"),
            ];
            // What address a remote has, only the repository tells.
            let is_open = |forged: &String| own["effect"] == "push" && forged.contains("evil");
            let forged = forged.into_iter().filter(|forged| *forged != url && !url.is_empty());
            for forged in forged.filter(|forged| !is_open(forged)) {
                urls += 1;
                assert!(changed(&journal, at, |event| event["url"] = json!(forged)), "{}", of(&forged));
            }
            let number = own["id"].as_u64().map_or(7, |number| number + 1);
            assert!(changed(&journal, at, |event| event["id"] = json!(number)), "{}", of("id"));
        }
        assert!(urls > 100, "{urls}");
        for (journal, at) in published("publish.started", 60) {
            let of = |what: &str| format!("{what} of line {}\n{}", at + 1, shown(&journal));
            assert!(changed(&journal, at, |event| event["key"] = "3:0".into()), "{}", of("key"));
            let effect = serde_json::to_value(&journal.events[at].1).unwrap()["effect"].clone();
            let is_push = effect == "push" || effect == "evidence";
            let elsewhere = |event: &mut Value| event["to"] = "github.com/evil/r".into();
            // Which remotes there are, only the repository tells.
            assert!(is_push || changed(&journal, at, elsewhere), "{}", of("to"));
        }
    }

    /// Appends an effect to a closed run, as the run is, at an address that fits.
    fn appended(plan: &Value, meant: &Value, effect: &str) -> Vec<String> {
        let Honest { run, mut events } = honest::journal(&[]);
        let mut start = serde_json::to_value(&events[0].1).unwrap();
        start["plan"]["publish"] = plan.clone();
        start["publish"] = meant.clone();
        events[0].1 = serde_json::from_value(start).unwrap();
        let time = events.last().unwrap().0;
        let attested = events.iter().rposition(|(_, event)| event.kind() == "attested").unwrap();
        events.truncate(attested + 1);
        let made = events.iter().find_map(|(_, event)| match event {
            Event::CheckpointMade { commit, .. } => Some(commit.to_string()),
            _ => None,
        });
        let head = format!("{attested}:{}", "0".repeat(64));
        let key = if effect == "comment" { head } else { made.unwrap_or_default() };
        let to = if effect == "push" { "origin" } else { "github.com/o/r" };
        let (url, id) = match effect {
            "push" => (Value::Null, Value::Null),
            "pull_request" => (json!("https://github.com/o/r/pull/1"), Value::Null),
            _ => (json!("https://github.com/o/r/issues/7#issuecomment-1"), json!(1)),
        };
        let mut done = json!({"type": "publish.done", "effect": effect, "key": key, "url": url});
        if id != Value::Null {
            done["id"] = id;
        }
        for event in [json!({"type": "publish.started", "effect": effect, "key": key, "to": to}), done] {
            events.push((time, serde_json::from_value(event).unwrap()));
        }
        findings(run, events)
            .iter()
            .map(|finding| format!("{}: {}", finding.expected, finding.found))
            .collect()
    }

    #[test]
    fn nothing_is_published_that_the_plan_does_not_want_and_nowhere_else() {
        let nothing = json!({"comment": false, "escalate": [], "push": false, "pull_request": null});
        let any = json!({"comment": null, "escalate": [], "push": false, "pull_request": null});
        let meant = |effects: Value| json!({"repository": "github.com/o/r", "effects": effects});
        assert_eq!(appended(&any, &meant(json!(["comment"])), "comment"), Vec::<String>::new());
        let elsewhere = json!({"repository": "github.com/o/other", "effects": ["comment"]});
        for (plan, meant, effect) in [
            (&nothing, meant(json!([])), "comment"),
            (&nothing, meant(json!([])), "push"),
            (&any, meant(json!(["comment"])), "pull_request"),
            (&any, elsewhere, "comment"),
        ] {
            assert!(!appended(plan, &meant, effect).is_empty(), "{plan} {meant} {effect}");
        }
    }

    #[test]
    fn what_was_meant_follows_from_the_plan() {
        let plan = |comment: Value, push: bool| {
            let request = if push {
                json!({"draft": true, "title": null, "labels": [], "reviewers": []})
            } else {
                Value::Null
            };
            json!({"comment": comment, "escalate": [], "push": push, "pull_request": request})
        };
        let meant = |repository: Value, effects: Value, hindered: Value| {
            let mut meant = json!({"repository": repository, "effects": effects});
            if hindered != Value::Null {
                meant["hindered"] = hindered;
            }
            meant
        };
        let all = json!(["push", "pull_request", "comment"]);
        let (here, why) = (json!("github.com/o/r"), json!("no gh"));
        let holds = |plan: Value, meant: Value| {
            let found = appended(&plan, &meant, "comment");
            // Of the comment that is appended nothing is said here.
            !found
                .iter()
                .any(|finding| finding.starts_with('[') || finding.contains("what stands in the way"))
        };
        assert!(holds(plan(Value::Null, true), meant(here.clone(), all.clone(), Value::Null)));
        assert!(holds(
            plan(Value::Null, true),
            meant(here.clone(), json!(["push", "pull_request"]), why.clone())
        ));
        assert!(holds(plan(json!(true), true), meant(Value::Null, all.clone(), why.clone())));
        assert!(holds(plan(json!(true), true), meant(Value::Null, json!([]), why.clone())), "asked not to");
        for (plan, meant) in [
            (plan(Value::Null, true), meant(here.clone(), json!([]), Value::Null)),
            (plan(Value::Null, true), meant(here.clone(), json!(["comment"]), Value::Null)),
            (
                plan(Value::Null, true),
                meant(here.clone(), json!(["comment", "push", "pull_request"]), Value::Null),
            ),
            (plan(json!(false), false), meant(here.clone(), json!(["comment"]), Value::Null)),
            (plan(Value::Null, false), meant(here, json!(["push", "comment"]), Value::Null)),
            (plan(json!(true), true), meant(Value::Null, all, Value::Null)),
        ] {
            assert!(!holds(plan.clone(), meant.clone()), "{plan} {meant}");
        }
    }
}
