//! Takes what is asked of a run's work, gives all that its revision needs before anything of it is begun: plan and policy are those of
//! the record, which may be anybody's. What of the host such a plan asks for it gets where a plan file of the user's asks for it as well.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::Value;

use super::found::Found;
use super::review::{self, Item};
use super::stand::Stand;
use crate::app::plans::Shelf;
use crate::app::run::{Allowed, Ready, allow, fit};
use crate::app::{Error, Front, Note, Order, plans};
use crate::evidence::event::{self, Revises, RunStarted};
use crate::evidence::mask::Secrets;
use crate::evidence::{RunState, Sha256, Text, Token};
use crate::git::Oid;
use crate::plan::{self, Asked as Places, Plan, Publish, Rebase};
use crate::policy::{Origin, Trust};
use crate::publish::Intent;
use crate::replay::{self, Markers, Revision};
use crate::run::{Review, Revising};
use crate::time::moment;
use crate::worktree::{Merged, Repository};

/// What a revision is made of.
pub(super) struct Parts<'a> {
    /// Whether steps of the record may reach the network.
    pub(super) trust: Trust,
    pub(super) order: &'a Order,
    pub(super) repository: &'a Repository,
    pub(super) found: &'a Found,
    /// The first run of the chain, whose plan it is.
    pub(super) first: &'a RunState,
    pub(super) stand: &'a Stand,
    pub(super) items: &'a [Item],
    /// Address of the pull request.
    pub(super) url: &'a str,
}

/// The plan of a revision, held to what its author may ask for.
pub(super) struct Planned {
    pub(super) plan: Plan,
    places: Places,
    /// The agent's step.
    pub(super) step: String,
    origin: Origin,
}

impl Parts<'_> {
    /// Reads the plan of the record, and holds it to what its author may ask for.
    pub(super) fn plan(&self) -> Result<Planned, Error> {
        let (run, start) = (self.found.run, &self.first.start);
        let read = |file: &Path| beside(self.repository, start, file);
        let labels = self
            .stand
            .conflict
            .as_ref()
            .map(|(base, files)| Markers { files, labels: [self.stand.tip.as_str(), base.as_str()] });
        let made = replay::revision(self.first, &read, (self.stand.others.is_some(), labels));
        let Revision { text, step } =
            made.map_err(|why| Error::Unrevisable { run, why: why.to_string(), hint: why.hint() })?;
        let origin = match (self.stand.others, is_own(self.repository, start)) {
            (Some(_), _) => Origin::Others,
            (None, true) => Origin::Own,
            (None, false) => Origin::Record,
        };
        let refuse = |why: String, hint: String| Error::Unrevisable { run, why, hint };
        let folder = &self.repository.toplevel;
        let mut loaded = plans::of_record(&text, folder, run, (origin, self.trust), refuse)?;
        loaded.plan.publish = Publish {
            comment: Some(true),
            push: true,
            escalate: escalate(start),
            rebase: Rebase::Never,
            ..Publish::default()
        };
        Ok(Planned { plan: loaded.plan, places: loaded.asked, step, origin })
    }

    /// Makes all of it ready.
    pub(super) async fn ready(
        &self,
        Planned { mut plan, places, step, origin }: Planned,
        (intent, secrets): (Intent, Secrets),
        front: &impl Front,
    ) -> Result<Ready, Error> {
        let merged = self.merge()?;
        let commit = merged.as_ref().map_or(&self.stand.tip, |merged| &merged.commit);
        // No name of a branch stands for it: that one may be anywhere by then.
        let mut base = self.repository.base_then(commit.as_str(), commit)?;
        fit(&mut base, &plan, &places)?;
        let held = (&mut plan, &places);
        let Allowed { host, under, mut grants } =
            allow(self.order, self.repository, held, &secrets, front).await?;
        let (asked, has_others) = (review::named(self.items), self.stand.others.is_some());
        if let Some(grants) = grants.get_mut(&step) {
            grants.review = Some(Rc::new(Review { asked, has_others }));
        }
        // What was held to what others get is recorded as theirs.
        let origin = if origin == Origin::Own { event::Origin::Own } else { event::Origin::Record };
        let revising = Some(Revising { revises: self.recorded(merged.is_some(), &secrets), origin });
        if let Some(announced) = intent.announced(self.found.number) {
            front.note(Note::Publishes(announced));
        }
        Ok(Ready { plan, base, host, secrets, grants, intent, under, revising, _found: None })
    }

    /// Merges the base of the pull request into it, where both conflict.
    fn merge(&self) -> Result<Option<Merged>, Error> {
        let Some((base, _)) = &self.stand.conflict else { return Ok(None) };
        let message = format!(
            "Merge {} into {}\n\nConflicts stand in the files, for the next commit to decide.",
            base.short(),
            self.found.branch.short()
        );
        Ok(self.repository.merge_with_conflicts(&self.stand.tip, base, &message)?)
    }

    fn recorded(&self, is_merged: bool, secrets: &Secrets) -> Revises {
        let base: Option<&Oid> = self.stand.conflict.as_ref().map(|(base, _)| base);
        Revises {
            run: Token::new(self.found.run.to_string()),
            number: self.found.number,
            url: Text::line(secrets, self.url),
            remote: Text::line(secrets, &self.found.remote),
            branch: self.found.branch.clone(),
            pushed: self.found.pushed.clone(),
            tip: self.stand.tip.clone(),
            merged: base.filter(|_| is_merged).cloned(),
            seen: Token::new(moment(review::until(self.items, &self.found.seen))),
            asked: self.items.iter().map(|item| item.recorded(secrets)).collect(),
        }
    }
}

fn escalate(start: &RunStarted) -> Vec<String> {
    let recorded = start.plan.value().pointer("/publish/escalate").and_then(Value::as_array);
    recorded.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// Reads a file beside the plan of a run, as the commit has it that held the plan.
fn beside(repository: &Repository, start: &RunStarted, file: &Path) -> Option<String> {
    let folder = Path::new(start.plan_path.as_str()).parent()?;
    match &mut committed(repository, start, &folder.join(file))?[..] {
        [only] => String::from_utf8(std::mem::take(only)).ok(),
        _ => None,
    }
}

/// Reads the files of the plan's commit that are called so, where a branch of the user's has that. What a run came to is none.
fn committed(repository: &Repository, start: &RunStarted, path: &Path) -> Option<Vec<Vec<u8>>> {
    let commit = start.plan_commit.as_ref()?.commit()?;
    let is_users =
        |name: &String| name.starts_with("refs/heads/") && !name.starts_with("refs/heads/autopilot/");
    let is_there = repository.refs_with(commit.as_str()).ok()?.iter().any(is_users);
    let name = path.strip_prefix(start.repository.as_str()).unwrap_or(path);
    repository.files_like(commit, name).ok().filter(|_| is_there)
}

/// Tells whether the plan file that a run began with is the user's own still, in the checkout or its history, and says what the
/// record says.
fn is_own(repository: &Repository, start: &RunStarted) -> bool {
    let path = PathBuf::from(start.plan_path.as_str());
    let is_it = |bytes: &Vec<u8>| Sha256::of(bytes) == start.plan_sha256;
    let today = Shelf::of(repository).issue(start.issue).ok().map(|found| found.path);
    let files = today.into_iter().chain([path.clone()]).filter_map(|file| std::fs::read(file).ok());
    let bytes = files.chain(committed(repository, start, &path).unwrap_or_default()).find(is_it);
    let own =
        bytes.and_then(|bytes| plan::parse(&bytes, &path, &repository.toplevel, Some(start.issue)).ok());
    let own = own.map(|own| compared(&own.plan.resolved()));
    own.is_some_and(|own| own == compared(start.plan.value()))
}

/// Returns the steps of a resolved plan, without what a ceiling lowers.
fn compared(plan: &Value) -> Vec<Value> {
    let mut steps = plan["steps"].as_array().cloned().unwrap_or_default();
    let without = |value: Option<&mut Value>, lowered: &[&str]| {
        if let Some(map) = value.and_then(Value::as_object_mut) {
            map.retain(|key, _| !lowered.contains(&key.as_str()));
        }
    };
    for step in &mut steps {
        without(Some(step), &["timeout", "resources"]);
        let action = step.get_mut("action").and_then(Value::as_object_mut);
        without(action.and_then(|action| action.values_mut().next()), &["tokens", "budget"]);
    }
    steps
}
