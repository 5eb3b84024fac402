//! The evidence of a run goes to a remote: behind each step that passed, and closed at the end. What does not get there is said, and
//! tried again the next time; no step fails for that.

use std::io;

use super::load::{Load, Sent};
use super::patience::Patience;
use super::{Made, Publisher, Trouble, remote_of};
use crate::evidence::Recorder;
use crate::evidence::event::{Effect, Event, PublishFault, Travelled};
use crate::evidence::{RunName, Token};
use crate::git::RefName;
use crate::github::Environment;
use crate::worktree::{Repository, Worktree};

/// Sends the evidence of a run that is under way, if it means to, and records what came of it. Cancel-safe.
pub async fn send_under_way(
    recorder: &mut Recorder,
    repository: &Repository,
    worktree: &Worktree,
    environment: &Environment,
) -> io::Result<()> {
    if !recorder.state().sends_evidence() {
        return Ok(());
    }
    recorder.write_deferred()?;
    let remote = remote_of(repository, super::find_slug(repository, environment).as_ref());
    let patience = Patience::of(super::TIME);
    let means = Means { repository, environment, patience, worktree: Some(worktree) };
    let sent = means.send(recorder, remote.as_deref()).await;
    let to = remote.unwrap_or_default();
    record(recorder, &to, sent.as_ref().map_err(|trouble| trouble.why.as_str()))
}

/// What evidence is sent with.
struct Means<'a> {
    repository: &'a Repository,
    environment: &'a Environment,
    patience: Patience,
    worktree: Option<&'a Worktree>,
}

impl Means<'_> {
    async fn send(&self, recorder: &Recorder, remote: Option<&str>) -> Result<Sent, Trouble> {
        let remote = remote.ok_or_else(|| {
            Trouble::new(
                PublishFault::Missing,
                "there is no remote to push to",
                "add one: git remote add origin …",
            )
        })?;
        let reference = &reference_of(recorder.files().run())?;
        let Self { repository, environment, patience, worktree } = *self;
        let load = Load { recorder, repository, environment, patience, remote, reference, worktree };
        // With its search for secrets it is large.
        Box::pin(load.send()).await
    }
}

/// Returns the ref that evidence of a run has on a remote.
fn reference_of(run: RunName) -> Result<RefName, Trouble> {
    RefName::parse(&run.evidence()).map_err(|error| {
        Trouble::new(PublishFault::Other, error.to_string(), "the name of a run is a name of a ref")
    })
}

fn record(recorder: &mut Recorder, to: &str, sent: Result<&Sent, &str>) -> io::Result<()> {
    let Ok(reference) = reference_of(recorder.files().run()) else { return Ok(()) };
    let left_out = sent.map_or(&[][..], |sent| &sent.left_out);
    let travelled = Travelled {
        to: Token::new(to),
        reference,
        commit: sent.ok().map(|sent| sent.commit.clone()),
        left_out: left_out.iter().map(|what| recorder.line(what)).collect(),
        why: sent.err().map(|why| recorder.line(why)),
    };
    recorder.record(Event::PublishEvidence(Box::new(travelled)))
}

impl Publisher<'_> {
    /// Sends the evidence of a run that is closed.
    pub(super) async fn evidence(mut self) -> io::Result<()> {
        let key = self.key(Effect::Evidence);
        self.begin(Effect::Evidence, key.clone(), None)?;
        let sent = self.sent().await;
        if let Ok(sent) = &sent {
            let to = self.remote().unwrap_or_default();
            record(self.recorder, &to, Ok(sent))?;
        }
        self.end(Effect::Evidence, key, sent.map(|_| Made::default()))
    }

    /// Sends it once more, with what was published since, where it is there: what others read of that on the remote is not less than is
    /// known here. No line tells of it, for that one would not be there.
    pub(super) async fn follow_up(self) {
        if !self.recorder.state().is_evidence_there() {
            return;
        }
        if let Err(trouble) = self.sent().await {
            tracing::warn!(why = trouble.why, "the last lines of the journal are not on the remote");
        }
    }

    async fn sent(&self) -> Result<Sent, Trouble> {
        let remote = self.remote();
        let Self { repository, environment, patience, .. } = *self;
        let means = Means { repository, environment, patience: patience.anew(), worktree: None };
        means.send(self.recorder, remote.as_deref()).await
    }
}
