//! Takes a step's action, gives the command that does it.

use std::fs::File;
use std::io;

use super::command::{self, Job};
use super::deadline::Deadline;
use super::home::Home;
use super::preflight::Grants;
use super::{RunError, Runner};
use crate::agent::{self, Endpoint};
use crate::plan::{Action, CLOUD_AGENT, Invocation, Step};
use crate::policy::Grant;
use crate::sandbox::Place;

/// A patch from beside the plan arrives on standard input: the plan's folder is not in the sandbox.
const APPLY: [&str; 4] = ["git", "apply", "--whitespace=nowarn", "-"];

/// Makes the pointer that a commit has of a file of LFS: a patch is one of commits, and in the worktree the file has its content.
const POINTER_OF: &str = include_str!("scripts/pointer.sh");

impl Runner<'_> {
    /// Puts a step's action together, with the private home that it needs while it runs. An agent's turn is another
    /// thing: see [`Runner::work`].
    pub(super) fn action_job<'a>(
        &self,
        step: &Step,
        grants: &'a Grants,
        place: &'a Place,
        deadline: Deadline,
    ) -> Result<(Job<'a>, Option<Home>), RunError> {
        let grant = &grants.action;
        match (&step.action, &grants.applier) {
            (Action::Command(invocation), _) => Ok((job(invocation, step, grant, place, deadline), None)),
            (Action::Apply(file), _) => {
                let path = self.plan.folder.join(file);
                let patch = File::open(&path)
                    .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
                let argv = Invocation::Argv(APPLY.map(str::to_owned).to_vec());
                let job = job(&argv, step, grant, place, deadline);
                let env = if self.worktree.lfs_files().contents > 0 { pointers() } else { Vec::new() };
                Ok((Job { env, stdin: Some(patch), ..job }, None))
            }
            (Action::CloudTask(task), Some(applier)) => {
                let home = Home::make(place, grant)?;
                let upstream = applier.upstream.clone().only(applier.agent.task_path(task));
                let gate = command::way_out(grant).model(upstream);
                let endpoint = Endpoint { base_url: gate.model_url().unwrap_or_default(), by_login: true };
                let start = applier.agent.apply(task, &endpoint, home.seen());
                let start = start.ok_or_else(|| RunError::Unprepared(step.id.clone()))?;
                home.furnish(&start, grant)?;
                let argv = Invocation::Argv(start.argv);
                let job = job(&argv, step, grant, place, deadline);
                Ok((Job { env: start.env, gate, ..job }, Some(home)))
            }
            (Action::Agent(_) | Action::CloudTask(_), _) => Err(RunError::Unprepared(step.id.clone())),
        }
    }
}

/// Has one git compare files of LFS by their pointers.
fn pointers() -> Vec<(String, String)> {
    let one = [
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "filter.lfs.clean"),
        ("GIT_CONFIG_VALUE_0", POINTER_OF),
    ];
    one.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// Puts a command of a step together.
pub(super) fn job<'a>(
    invocation: &Invocation,
    step: &Step,
    grant: &'a Grant,
    place: &'a Place,
    deadline: Deadline,
) -> Job<'a> {
    let (argv, dir) = (invocation.argv(), step.dir.clone());
    let gate = command::way_out(grant);
    Job { argv, dir, env: Vec::new(), stdin: None, hearing: None, judge: None, grant, place, gate, deadline }
}

/// Says an action as a person would type it.
pub(super) fn shown(action: &Action) -> String {
    match action {
        Action::Command(invocation) => invocation.to_string(),
        Action::Apply(file) => format!("git apply {}", file.display()),
        Action::Agent(asked) => format!("{} …", agent::kind(asked.agent).shown.join(" ")),
        Action::CloudTask(task) => CLOUD_AGENT.apply_shown(task),
    }
}
