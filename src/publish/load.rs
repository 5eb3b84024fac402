//! Takes the evidence of a run as it is now, gives a commit of it on a remote: within bounds, after everything was looked through for
//! secrets, over nothing but earlier evidence of the same run.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::Trouble;
use super::beside::Theirs;
use super::patience::Patience;
use super::scan;
use super::search::{Findings, Task, search};
use super::told::said;
use crate::evidence::event::PublishFault;
use crate::evidence::mask::Detector;
use crate::evidence::{Carried, Recorder, RunState, name_of};
use crate::git::{Oid, RefName};
use crate::github::Environment;
use crate::worktree::{Aside, Leaving, ParcelBounds, Push, Repository, Worktree, WorktreeError};

/// How much of the evidence of a run goes to a remote.
pub const BOUNDS: ParcelBounds = ParcelBounds { file: 32 << 20, all: 64 << 20 };
/// Bytes that the commits of a run may take, packed.
const COMMITS: u64 = 64 << 20;
/// Bytes of files of commits that are searched.
const SEARCHED: u64 = 1 << 30;
/// Salvages that are searched.
const SALVAGES: usize = 64;

/// What of a run's evidence got there.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) commit: Oid,
    /// What stayed, and why.
    pub(super) left_out: Vec<String>,
}

/// Evidence that is to be sent.
pub(super) struct Load<'a> {
    pub(super) recorder: &'a Recorder,
    pub(super) repository: &'a Repository,
    pub(super) environment: &'a Environment,
    pub(super) patience: Patience,
    pub(super) remote: &'a str,
    pub(super) reference: &'a RefName,
    /// Where the run's commits are, while they are not in the repository.
    pub(super) worktree: Option<&'a Worktree>,
}

/// What is being put together.
struct Packing {
    aside: Aside,
    /// The user's repository, which reads what lies aside as well.
    repository: Repository,
    left_out: Vec<String>,
}

impl Load<'_> {
    /// Sends it.
    pub(super) async fn send(&self) -> Result<Sent, Trouble> {
        scan::register(self.state(), self.environment, self.recorder.secrets())?;
        let theirs = self.theirs().await?;
        let aside = self.repository.aside(&[])?;
        if let Some(worktree) = self.worktree {
            worktree.hand_aside(&aside).await?;
        }
        let repository = self.repository.beside_aside(&aside);
        let mut packing = Packing { aside, repository, left_out: Vec::new() };
        let hindered = self.commits_hindered(&packing).await?;
        let parent = match self.state().checkpoint.as_ref().filter(|_| hindered.is_none()) {
            Some(tip) => self.parent(tip, &theirs, &mut packing)?,
            None => None,
        };
        let files = self.files(hindered, &mut packing).await?;
        if let Some(there) = &theirs.result {
            self.demand_own(there, &files)?;
        }
        let message = format!("Evidence of run {}", self.recorder.files().run());
        let commit = packing.aside.pack(&files, parent.as_ref(), &message)?;
        let over = theirs.result.as_ref();
        let push = Push { commit: &commit, reference: self.reference, over, beside: None };
        let pushed = said(packing.repository.push(self.remote, &push), self.patience.anew().left()).await;
        pushed.map_err(|refused| refused.trouble)?;
        Ok(Sent { commit, left_out: packing.left_out })
    }

    fn state(&self) -> &RunState {
        self.recorder.state()
    }

    /// Asks every place that a push goes to what it has.
    async fn theirs(&self) -> Result<Theirs, Trouble> {
        let mut all: Option<Theirs> = None;
        for place in &self.repository.places_of(self.remote) {
            let asked = said(self.repository.ask(place), self.patience.anew().left()).await;
            let own = Theirs::read(&asked.map_err(|refused| refused.trouble)?, self.reference, None);
            all = Some(match all {
                None => own,
                Some(others) => others.both(own, self.remote)?,
            });
        }
        Ok(all.unwrap_or_default())
    }

    /// Says why the run's commits stay here; nothing if they may go, or there are none.
    async fn commits_hindered(&self, packing: &Packing) -> Result<Option<String>, Trouble> {
        let Some(tip) = &self.state().checkpoint else { return Ok(None) };
        let base = &self.state().start.commit;
        if !packing.repository.has_commit(tip)? {
            return Ok(Some("they are not in the repository".to_owned()));
        }
        let bytes = packing.repository.bytes_of(tip, base)?;
        if bytes > COMMITS {
            return Ok(Some(format!("{} MiB, and {} MiB are sent", bytes >> 20, COMMITS >> 20)));
        }
        if let Some(found) = scan::found_before(self.state())
            && let Some(trouble) = scan::refuse(&found, self.remote, self.reference.as_str())
        {
            return Ok(Some(trouble.why));
        }
        self.searched(packing, packing.repository.made_since(base, tip)).await
    }

    /// Says what of some commits keeps them here.
    async fn searched(&self, packing: &Packing, leaving: Leaving) -> Result<Option<String>, Trouble> {
        let task = Task {
            repository: packing.repository.clone(),
            leaving,
            reference: self.reference.to_string(),
            secrets: self.recorder.secrets().clone(),
            most: SEARCHED,
        };
        let found: Findings = search(task, std::future::pending()).await?;
        Ok(scan::refuse(&found, self.remote, self.reference.as_str()).map(|trouble| trouble.why))
    }

    /// Returns the commit that the evidence stands on: the last checkpoint, unless commits of somebody else would go along.
    fn parent(
        &self,
        tip: &Oid,
        theirs: &Theirs,
        packing: &mut Packing,
    ) -> Result<Option<Oid>, WorktreeError> {
        let ids: Vec<Oid> = theirs.objects.iter().cloned().collect();
        if packing.repository.lacked(&self.state().start.commit, &ids)?.is_empty() {
            return Ok(Some(tip.clone()));
        }
        let base = &self.state().start.base;
        packing.left_out.push(format!("commits: {base} has some that {} lacks", self.remote));
        Ok(None)
    }

    /// Reads the files that go, and says of the others why they stay.
    async fn files(
        &self,
        hindered: Option<String>,
        packing: &mut Packing,
    ) -> Result<Vec<(String, Vec<u8>)>, Trouble> {
        let own = self.recorder.files();
        if let Some(why) = &hindered {
            packing.left_out.push(format!("commits: {why}"));
        }
        let (mut files, mut left) = (Vec::new(), BOUNDS.all);
        for path in own.carried() {
            let name = name_of(&path);
            let read = own.carry(&path, BOUNDS.file.min(left)).map_err(WorktreeError::from)?;
            let why = match read {
                None => continue,
                Some(Carried::TooLarge(size)) => too_large(size),
                Some(Carried::Whole(_)) if path == own.checkpoints() && hindered.is_some() => {
                    "the commits stay".to_owned()
                }
                Some(Carried::Whole(bytes)) => {
                    let Some(why) = self.looked_through(&path, &bytes, packing).await? else {
                        left -= bytes.len() as u64;
                        files.push((name, bytes));
                        continue;
                    };
                    why
                }
            };
            if path == own.journal() {
                let hint = "look at the journal; it stays where it is";
                return Err(Trouble::new(
                    PublishFault::TooLong,
                    format!("the journal cannot go: {why}"),
                    hint,
                ));
            }
            packing.left_out.push(format!("{name}: {why}"));
        }
        Ok(files)
    }

    /// Says why a file stays here, if it looks as if it held a secret.
    async fn looked_through(
        &self,
        path: &Path,
        bytes: &[u8],
        packing: &Packing,
    ) -> Result<Option<String>, Trouble> {
        if *path == self.recorder.files().salvage() {
            return self.salvage_hindered(path, packing).await;
        }
        // Of packed commits: those were looked through.
        if *path == self.recorder.files().checkpoints() {
            return Ok(None);
        }
        // What composes the journal is not masked by what steps ask for, who could keep it from ever going.
        let own = self.recorder.files();
        let composed = [own.journal(), own.provenance()].iter().any(|composed| composed == path);
        let secrets = self.recorder.secrets();
        let secrets = if composed { secrets.declared() } else { secrets.clone() };
        let mut detector = Detector::new(&secrets);
        let mut hits = detector.push(bytes);
        hits.extend(detector.finish());
        Ok(hits.first().map(|hit| format!("it holds what looks like a secret: {}", hit.kind)))
    }

    /// Says why what was salvaged stays here: raw files of attempts that failed.
    async fn salvage_hindered(&self, bundle: &Path, packing: &Packing) -> Result<Option<String>, Trouble> {
        let state = self.state();
        if let Some(found) = state.salvages().find_map(|(_, salvage)| salvage.secrets.first()) {
            return Ok(Some(format!("it holds what looks like a secret: {found}")));
        }
        let salvaged = state.salvaged();
        if salvaged.len() > SALVAGES {
            return Ok(Some(format!("{} salvages, and {SALVAGES} are searched", salvaged.len())));
        }
        for reference in salvaged {
            let commit = packing.aside.take_from(bundle, reference)?;
            let leaving = packing.repository.made_since(&state.start.commit, &commit);
            if let Some(why) = self.searched(packing, leaving).await? {
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    /// Demands that what is there is earlier evidence of this run: a beginning of the same journal.
    fn demand_own(&self, there: &Oid, files: &[(String, Vec<u8>)]) -> Result<(), Trouble> {
        let known = self.state().travelled.as_ref().and_then(|sent| sent.commit.as_ref());
        if known == Some(there) {
            return Ok(());
        }
        let foreign = |why: String| {
            Trouble::new(
                PublishFault::Rejected,
                format!("{} of {} is not from here: {why}", self.reference, self.remote),
                "somebody else may have gone on with this run: look at both",
            )
        };
        let names = self.recorder.files().carried_names();
        let parcel = self.repository.fetch_parcel(self.remote, self.reference, there);
        let parcel = parcel.map_err(|error| foreign(error.to_string()))?;
        parcel.demand(&names, BOUNDS).map_err(|error| foreign(error.to_string()))?;
        let name = name_of(&self.recorder.files().journal());
        let journal = files.iter().find(|(own, _)| *own == name).map(|(_, bytes)| bytes.as_slice());
        let mut theirs = tempfile::tempfile().map_err(WorktreeError::from)?;
        parcel.take_out(&name, &mut theirs)?;
        let mut read = Vec::new();
        theirs.seek(SeekFrom::Start(0)).map_err(WorktreeError::from)?;
        theirs.read_to_end(&mut read).map_err(WorktreeError::from)?;
        let begins_so = !read.is_empty() && journal.unwrap_or_default().starts_with(&read);
        if begins_so { Ok(()) } else { Err(foreign("its journal is another one".to_owned())) }
    }
}

fn too_large(size: u64) -> String {
    let (file, all) = (BOUNDS.file >> 20, BOUNDS.all >> 20);
    format!("{} MiB; a file may have {file}, and all together {all}", size.div_ceil(1 << 20))
}
