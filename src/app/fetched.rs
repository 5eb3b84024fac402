//! Takes the name of a run that is not on this machine, gives its evidence as the remote has it: fetched into a place of its own, that
//! goes with what is done with it. It is a stranger's record, whoever's name is in it: nothing of it is believed but what is checked.

use tempfile::TempDir;

use super::Error;
use crate::evidence::{Event, Files, Line, RunName, Sha256, journal, name_of};
use crate::git::{Oid, RefName};
use crate::github::Environment;
use crate::publish;
use crate::worktree::{Parcel, Repository, WorktreeError, not_evidence};

/// Where evidence of runs is on remotes.
const EVIDENCE: &str = "refs/autopilot/evidence/";

/// The evidence of a run, fetched.
#[derive(Debug)]
pub struct Fetched {
    parcel: Parcel,
    remote: String,
    place: TempDir,
}

/// Which run is meant.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    /// This one.
    Run(RunName),
    /// The latest of an issue.
    Latest(u64),
}

impl Wanted {
    fn pattern(self) -> String {
        match self {
            Self::Run(run) => run.evidence(),
            Self::Latest(issue) => format!("{EVIDENCE}*-{issue}"),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Run(run) => run.to_string(),
            Self::Latest(issue) => issue.to_string(),
        }
    }

    fn is(self, run: RunName) -> bool {
        match self {
            Self::Run(own) => own == run,
            Self::Latest(issue) => run.issue() == issue,
        }
    }
}

impl Fetched {
    /// Returns the user's repository, which reads the commits of the run as well.
    pub fn repository(&self) -> &Repository {
        self.parcel.repository()
    }

    /// Returns the remote.
    pub fn remote(&self) -> &str {
        &self.remote
    }

    /// Returns what was fetched, as it was there.
    pub(super) fn parcel(&self) -> &Parcel {
        &self.parcel
    }

    fn files(&self, run: RunName) -> Files {
        Files::of(self.place.path(), run)
    }
}

/// Fetches the evidence of a run; nothing if there is no remote, or none of such a run there.
pub(super) fn fetch(repository: &Repository, wanted: Wanted) -> Result<Option<(Files, Fetched)>, Error> {
    let environment = Environment::of_process();
    let slug = publish::find_slug(repository, &environment);
    let Some(remote) = publish::remote_of(repository, slug.as_ref()) else { return Ok(None) };
    let listed = repository.listed_on(&remote, &wanted.pattern()).map_err(|error| Error::Unasked {
        name: wanted.name(),
        top: repository.toplevel.clone(),
        remote: remote.clone(),
        why: first_line(&error.to_string()),
    })?;
    let named = |(reference, commit): (RefName, Oid)| {
        let run: RunName = reference.as_str().strip_prefix(EVIDENCE)?.parse().ok()?;
        wanted.is(run).then_some((run, reference, commit))
    };
    let Some((run, reference, commit)) = listed.into_iter().filter_map(named).max_by_key(|(run, ..)| *run)
    else {
        return Ok(None);
    };
    let parcel = repository.fetch_parcel(&remote, &reference, &commit)?;
    let place = tempfile::Builder::new().prefix("autopilot-evidence-").tempdir()?;
    let fetched = Fetched { parcel, remote, place };
    let files = fetched.files(run);
    lay(&fetched.parcel, &files)?;
    demand_own(&files, &reference)?;
    take_commits(&fetched.parcel, &files);
    Ok(Some((files, fetched)))
}

/// Writes what was fetched where files of a run are.
pub(super) fn lay(parcel: &Parcel, files: &Files) -> Result<(), Error> {
    let names = files.carried_names();
    parcel.demand(&names, publish::BOUNDS)?;
    let there: Vec<&str> = parcel.names().collect();
    Ok(files.lay::<WorktreeError>(&there, &mut |name, file| parcel.take_out(name, file))?)
}

/// Demands that the journal is the one of the run that the ref names. What else is wrong with it, whoever reads it finds.
fn demand_own(files: &Files, reference: &RefName) -> Result<(), Error> {
    let refuse = |what: String| Err(not_evidence(reference, &what).into());
    if !files.has_journal()? {
        return refuse(format!("holds no {}", name_of(&files.journal())));
    }
    let (mut run, mut branch) = (None, None);
    let mut first = |line: Line, _: &Sha256| {
        if let Event::RunStarted(start) = line.event {
            (run, branch) = (Some(start.run.to_string()), Some(start.branch.to_string()));
        }
    };
    // Where its chain does not hold, the first line is known all the same.
    let _ = journal::each(&files.journal(), &mut first);
    let (own, own_branch) = (files.run().to_string(), files.run().branch());
    match (run, branch) {
        (Some(run), _) if run != own => refuse(format!("holds the journal of another run: {run}")),
        (_, Some(branch)) if branch != own_branch => {
            refuse(format!("holds a journal with the branch {branch}"))
        }
        (Some(_), Some(_)) => Ok(()),
        _ => refuse("holds a journal that does not begin as one".to_owned()),
    }
}

/// Takes the commits that lie beside the journal. Those that cannot be taken are missing to whoever needs them, who says so.
fn take_commits(parcel: &Parcel, files: &Files) {
    let bundle = files.checkpoints();
    if bundle.symlink_metadata().is_ok()
        && let Err(error) = parcel.aside().take(&bundle)
    {
        tracing::debug!(%error, bundle = %bundle.display(), "the commits beside the journal are not taken");
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
