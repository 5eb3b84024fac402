//! Takes a run that is not on this machine, makes it one of this machine: its evidence is laid into the checkout, its commits are brought
//! into the repository, so that it can go on or be published here. Before that its commits have to be what its journal says.

use super::checkout::bring;
use super::error::FORGED;
use super::fetched::{self, Fetched};
use super::replay::Record;
use super::runs::{self, Found};
use super::{Error, Note};
use crate::evidence::{Files, RunState};
use crate::policy::Trust;
use crate::worktree::Repository;

/// Finds a run to be published: on this machine, or made one of it. Of a run of elsewhere the record says what is published
/// under this user's name, and whoever may push can write a record: it takes trust.
pub fn own(repository: &Repository, name: &str, trust: Trust, note: &dyn Fn(Note)) -> Result<Files, Error> {
    let found = runs::find(repository, Some(name))?;
    match found.fetched() {
        None => Ok(found.files().clone()),
        Some(fetched) => {
            let state = runs::read(found.files())?;
            if !state.closed {
                return Err(Error::NotEnded { run: found.files().run() });
            }
            if trust == Trust::Withheld {
                return Err(Error::NotOwn { run: found.files().run(), remote: fetched.remote().to_owned() });
            }
            adopt(repository, &found, fetched, &state, note)
        }
    }
}

/// Makes the run of an issue, or this very one, a run of this machine, if the remote has it and it is demanded so; whether there is such a
/// run.
pub(super) fn to_go_on(
    repository: &Repository,
    name: &str,
    demand: &dyn Fn(&RunState) -> Result<(), Error>,
    note: &dyn Fn(Note),
) -> Result<bool, Error> {
    let Some(found) = runs::elsewhere(repository, Some(name))? else { return Ok(false) };
    let Some(fetched) = found.fetched() else { return Ok(false) };
    let state = runs::read(found.files())?;
    demand(&state)?;
    adopt(repository, &found, fetched, &state, note).map(|_| true)
}

fn adopt(
    repository: &Repository,
    found: &Found,
    fetched: &Fetched,
    state: &RunState,
    note: &dyn Fn(Note),
) -> Result<Files, Error> {
    let there = found.files();
    let run = there.run();
    demand_true(found, fetched, state)?;
    let files = Files::of(&repository.toplevel, run);
    if state.closed && state.branch.is_some() {
        bring(repository, fetched, there, state)?;
    } else if let Some(checkpoint) = &state.checkpoint {
        repository.keep_shared(
            fetched.parcel().aside(),
            &run.to_string(),
            (&state.start.commit, checkpoint),
        )?;
    }
    fetched::lay(fetched.parcel(), &files)?;
    repository.hand_over(&files.all())?;
    let host = state.start.host.name.to_string();
    note(Note::Adopted { run, remote: fetched.remote().to_owned(), host, last: state.last });
    Ok(files)
}

/// Demands that the commits are there, each on top of the one before, as the journal has them.
fn demand_true(found: &Found, fetched: &Fetched, state: &RunState) -> Result<(), Error> {
    if state.checkpoint.is_none() {
        return Ok(());
    }
    let repository = fetched.repository();
    let base = repository.base_then(state.start.base.as_str(), &state.start.commit)?;
    let record = Record::read(repository, found.files(), state, &base)?;
    match &record.forged {
        None => Ok(()),
        Some(forged) => Err(Error::Unreplayable {
            run: found.files().run(),
            why: format!(
                "its journal says {} of step `{}`, and it is {}",
                forged.recorded, forged.step, forged.replayed
            ),
            hint: FORGED.to_owned(),
        }),
    }
}
