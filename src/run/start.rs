//! The first event of a run: what it starts from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};

use super::RunError;
use super::preflight::{Grants, enforcement};
use crate::evidence::event::{Event, Host, Origin, PlanCommit, Publishing, Revises, RunStarted, StartedBy};
use crate::evidence::mask::Secrets;
use crate::evidence::{Claim, Document, Recorder, Sha256, StepId, Text, Token};
use crate::plan::Plan;
use crate::worktree::{self, Base, Repository};

/// What no plan may exceed on this host, and what that comes to.
#[derive(Debug, Clone, Default)]
pub struct Under {
    /// SHA-256 of its canonical form, in lower-case hex; nothing if nothing says such a thing.
    pub ceiling: Option<String>,
    /// What of the plan was lowered, in words.
    pub lowered: Vec<String>,
}

impl Under {
    /// Says it, behind what the host can enforce.
    pub(super) fn said(&self) -> String {
        let Some(digest) = &self.ceiling else { return String::new() };
        let digest: String = digest.chars().take(12).collect();
        match self.lowered.as_slice() {
            [] => format!("; under ceiling {digest}"),
            lowered => format!("; under ceiling {digest}: {}", lowered.join(", ")),
        }
    }
}

/// What a run goes on from that revises a pull request.
#[derive(Debug, Clone)]
pub struct Revising {
    /// The pull request.
    pub revises: Revises,
    /// Whose word its plan is.
    pub origin: Origin,
}

/// Records what a run starts from: a base, and whether the checkout has changes that are not in it.
pub fn begin(
    claim: Claim,
    plan: &Plan,
    (base, dirty): (&Base, bool),
    repository: &Repository,
    grants: &BTreeMap<String, Grants>,
    (publish, revising): (Publishing, Option<Revising>),
    under: &Under,
) -> Result<Recorder, RunError> {
    let name = claim.files().run();
    let secrets = claim.secrets();
    let text = |text: &str| Text::new(secrets, text);
    let resolved = plan.resolved();
    let file = PlanFile::of(plan);
    let recorded = Document::new(secrets, resolved.clone());
    let of_file = || file.as_ref().map_or(Origin::Own, |file| file.origin(repository, base));
    let start = RunStarted {
        run: Token::new(name.to_string()),
        issue: plan.issue,
        title: text(&plan.title),
        autopilot: Token::new(env!("CARGO_PKG_VERSION")),
        base: text(&base.name),
        commit: base.commit.clone(),
        branch: Token::new(name.branch()),
        repository: text(&repository.toplevel.to_string_lossy()),
        plan_path: text(&plan.path.to_string_lossy()),
        plan_sha256: Sha256::from_hex(&plan.digest)?,
        plan_masked: Some(*recorded.value() != resolved),
        plan: recorded,
        plan_commit: Some(file.as_ref().map_or(PlanCommit::Uncommitted, |file| file.commit(repository))),
        origin: Some(revising.as_ref().map_or_else(of_file, |revising| revising.origin)),
        ceiling: under.ceiling.as_deref().map(Sha256::from_hex).transpose()?,
        started_by: Some(started_by(secrets)),
        steps: plan.steps.iter().map(|step| StepId::new(&step.id)).collect(),
        dirty,
        host: this_host(secrets, repository)?,
        sandbox: text(&(enforcement(grants.values()) + &under.said())),
        labels: labels(secrets),
        publish: Some(publish),
        cloud: grants.values().find_map(|grants| cloud(secrets, grants)),
        revises: revising.map(|revising| Box::new(revising.revises)),
    };
    let mut recorder = claim.begin(start)?;
    let assignments = grants.values().filter_map(|grants| grants.agent.as_ref());
    let found: BTreeMap<_, _> = assignments.map(|own| (own.found.agent.id(), &own.found)).collect();
    for found in found.values() {
        recorder.record(Event::AgentFound {
            id: Some(Token::new(found.agent.id().key())),
            agent: recorder.text(found.agent.name()),
            warning: found.warning.as_ref().map(|warning| recorder.text(warning)),
            servers: found.servers.iter().map(|server| recorder.text(&server.name)).collect(),
        })?;
    }
    Ok(recorder)
}

/// The plan file, with the bytes that were read as the plan.
struct PlanFile {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl PlanFile {
    /// Finds it. What was changed since is not that plan.
    fn of(plan: &Plan) -> Option<Self> {
        let bytes =
            std::fs::read(&plan.path).ok().filter(|bytes| Sha256::of(bytes).as_str() == plan.digest)?;
        // It is named from where autopilot was started, by whatever way.
        let folder = plan.path.parent().and_then(|folder| Path::new(".").join(folder).canonicalize().ok())?;
        Some(Self { path: folder.join(plan.path.file_name()?), bytes })
    }

    /// Returns the commit of the checkout that holds it just so.
    fn commit(&self, repository: &Repository) -> PlanCommit {
        let commit = repository.commit_with(&self.path, &self.bytes);
        commit.map_or(PlanCommit::Uncommitted, PlanCommit::At)
    }

    /// Tells whose it is: the base's, where that has it just so.
    fn origin(&self, repository: &Repository, base: &Base) -> Origin {
        if repository.holds(&base.commit, &self.path, &self.bytes) { Origin::Base } else { Origin::Own }
    }
}

fn cloud(secrets: &Secrets, grants: &Grants) -> Option<Text> {
    let (host, port) = &grants.applier.as_ref()?.reaches;
    Some(Text::new(secrets, &format!("{host}:{port}")))
}

/// The variables by which CI and batch systems name a job.
const LABELS: [&str; 5] =
    ["GITHUB_RUN_ATTEMPT", "GITHUB_RUN_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_JOB_ID"];

/// The variables by which CI systems name who set a job off.
const ACTORS: [&str; 2] = ["GITHUB_ACTOR", "GITLAB_USER_LOGIN"];

/// Returns what the engine that started this process calls it.
pub(super) fn labels(secrets: &Secrets) -> BTreeMap<String, Text> {
    let label = |name: &str| Some((name.to_owned(), Text::new(secrets, &std::env::var(name).ok()?)));
    LABELS.into_iter().filter_map(label).collect()
}

fn started_by(secrets: &Secrets) -> StartedBy {
    let uid = Uid::current();
    let user = User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
    let actor = ACTORS.iter().find_map(|name| std::env::var(name).ok());
    StartedBy { user: Text::line(secrets, &user), actor: actor.map(|actor| Text::line(secrets, &actor)) }
}

/// Says who runs a run.
pub(super) fn this_host(secrets: &Secrets, repository: &Repository) -> Result<Host, RunError> {
    Ok(Host {
        name: Text::new(secrets, &worktree::host_name()),
        pid: std::process::id(),
        kernel: Text::new(secrets, &worktree::kernel()),
        git: Text::new(secrets, &repository.git_version()?),
    })
}
