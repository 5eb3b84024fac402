//! Who works on an issue, said in the checkout itself: for machines that share its disk, and neither locks nor processes.
//!
//! A claim is a file. While its holder lives it is written over again and again; one of another machine that stays as it is
//! for as long as it says it stands, by the clock of whoever watches, is of nobody any more. Clocks of two machines are never
//! compared. A holder that lost its claim finds that out before it records anything.

mod place;
mod said;

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub(super) use self::place::Place;
use self::place::Seen;
pub(super) use self::said::{LENGTH, USUAL, length};
use self::said::{Life, Said, life};
use super::error::WorktreeError;
use super::halt::Halt;
use super::holder::{Holder, LockError};
use super::node::Node;

/// How often it is looked whether somebody has said that they live.
const LOOK: Duration = Duration::from_millis(200);
/// In so many parts of its time a claim is renewed: three may fail.
const PARTS: u32 = 4;
/// How often a claim that is missing is looked for: somebody has it aside, to see whose it is, and may take seconds for that
/// where a machine or its disk is busy. Nothing is recorded meanwhile.
const LOOKS: u32 = 250;
/// And how long it is waited in between.
const PAUSE: Duration = Duration::from_millis(20);

/// A claim that this process holds, until it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    own: Arc<Own>,
    /// Locked, for those of this kernel.
    _file: File,
    /// Ends who renews it by being dropped.
    renewing: Option<(Sender<()>, JoinHandle<()>)>,
}

/// What is known of a claim to whoever renews it, and whoever has to know that it holds.
#[derive(Debug)]
struct Own {
    place: Place,
    nonce: String,
    lease: Duration,
    said: Mutex<Said>,
    is_lost: AtomicBool,
}

/// Demands that a run still is the one that may write; cheap enough for every event.
#[derive(Debug, Clone)]
pub struct Guard(Arc<Own>);

/// That a claim was lost: another machine did not hear of this one for too long.
#[derive(Debug, thiserror::Error)]
#[error(
    "the claim {} is not this run's any more: nobody had heard of it for {}, or somebody removed the file; nothing more is \
     recorded here, and whoever has the claim now goes on", path.display(), crate::time::exact(*lease)
)]
struct Dispossessed {
    path: PathBuf,
    lease: Duration,
}

/// A claim of another machine, of which only watching tells whether anybody has it still.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Who has it, if the file says so.
    pub holder: Option<Box<Holder>>,
    /// Its file.
    pub path: PathBuf,
    /// For so long it stands without being renewed.
    pub lease: Duration,
}

impl Watched {
    /// Tells whether it was renewed within its time by the clocks of here and there, as far as those agree: good enough to
    /// say, and never to act on.
    pub fn seems_alive(&self) -> bool {
        let written = std::fs::symlink_metadata(&self.path).and_then(|claim| claim.modified());
        written.is_ok_and(|written| written.elapsed().is_ok_and(|since| since < self.lease))
    }
}

/// Somebody who waits to see whether a claim of another machine is renewed.
#[derive(Clone, Copy)]
pub struct Watching<'a> {
    /// Breaks it off.
    pub halt: &'a Halt,
    /// Is told what is watched.
    pub tell: &'a dyn Fn(&Watched),
}

/// Who works on an issue, as far as one look tells.
#[derive(Debug)]
pub enum AtWork {
    /// A process of this machine, or whoever holds the lock.
    Holder(Box<Holder>),
    /// One of another machine had claimed it when its claim was last written.
    Elsewhere(Watched),
}

impl AtWork {
    /// Returns who it is, if they say so.
    pub fn holder(&self) -> Option<&Holder> {
        match self {
            Self::Holder(holder) => Some(holder),
            Self::Elsewhere(watched) => watched.holder.as_deref(),
        }
    }

    /// Tells whether it is at the run of this name.
    pub fn is_at(&self, run: &str) -> bool {
        self.holder().is_some_and(|holder| holder.run == run)
    }
}

impl Lease {
    /// Claims an issue; also returns whose claim was taken over. Without anybody who watches, one of another machine
    /// stands.
    pub(super) fn take(
        place: Place,
        node: &Node,
        lease: Duration,
        watching: Option<Watching<'_>>,
    ) -> Result<(Self, Option<Holder>), LockError> {
        let said = Said::new(node, lease);
        let mut before = None;
        loop {
            if let Some(file) = place.put(&said).map_err(WorktreeError::from)? {
                return Ok((Self::renewed(place, said, file)?, before));
            }
            let Some(seen) = place.look().map_err(WorktreeError::from)? else { continue };
            before = match life(seen.said.clone(), node, seen.is_locked(), || place.do_locks_hold()) {
                Life::Here(holder) => return Err(claimed(&place, Some(holder))),
                Life::Gone(holder) => {
                    place.take_away(|now| now.bytes == seen.bytes).map_err(WorktreeError::from)?;
                    Some(*holder)
                }
                Life::Elsewhere(holder, lease) => {
                    let watched = Watched { holder, path: place.path(), lease };
                    let Some(watching) = watching else { return Err(claimed(&place, watched.holder)) };
                    (watching.tell)(&watched);
                    outlive(&place, &seen, lease, watching.halt)?;
                    watched.holder.map(|holder| *holder)
                }
            };
        }
    }

    /// Begins to renew a claim.
    fn renewed(place: Place, said: Said, file: File) -> Result<Self, LockError> {
        let (nonce, lease) = (said.nonce.clone(), said.lease());
        let own =
            Arc::new(Own { place, nonce, lease, said: Mutex::new(said), is_lost: AtomicBool::new(false) });
        let (stop, stopped) = mpsc::channel::<()>();
        let renewed = Arc::clone(&own);
        let renew = move || {
            while stopped.recv_timeout(lease / PARTS) == Err(RecvTimeoutError::Timeout) {
                // What fails by the disk is tried again; before anything is recorded it is looked at in any case.
                let _ = renewed.renew();
                if renewed.is_lost() {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new().name("claim".to_owned()).spawn(renew);
        let mut held = Self { own, _file: file, renewing: None };
        held.renewing = Some((stop, thread.map_err(WorktreeError::from)?));
        Ok(held)
    }

    /// Says which run it is for.
    pub(super) fn name(&self, run: &str) -> Result<(), WorktreeError> {
        run.clone_into(&mut self.own.said().holder.run);
        Ok(self.own.renew()?)
    }

    pub(super) fn guard(&self) -> Guard {
        Guard(Arc::clone(&self.own))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.renewing.take() {
            drop(stop);
            let _ = thread.join();
        }
        let nonce = &self.own.nonce;
        // One that cannot be removed stands until its time is over, or this process is.
        let _ = self.own.place.take_away(|seen| seen.is_of(nonce));
        self.own.place.tidy();
    }
}

impl Guard {
    /// Fails if the claim is another's.
    pub fn check(&self) -> io::Result<()> {
        self.0.held().map(drop)
    }

    /// Returns when whatever is under way has to end, since the claim is lost.
    pub fn lost(&self) -> Halt {
        let own = Arc::clone(&self.0);
        Halt::when(move || own.is_lost())
    }
}

impl Own {
    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    /// Says once more that its holder lives.
    fn renew(&self) -> io::Result<()> {
        let seen = self.held()?;
        let mut said = self.said();
        said.renewed += 1;
        seen.write(&said)
    }

    /// Returns the claim, if it still is this one. What was lost stays lost: somebody else has worked since.
    fn held(&self) -> io::Result<Seen> {
        for look in 0..LOOKS {
            if self.is_lost() {
                break;
            }
            if look > 0 {
                std::thread::sleep(PAUSE);
            }
            match self.place.look_to_write()? {
                Some(seen) if seen.is_of(&self.nonce) => return Ok(seen),
                // Another's.
                Some(Seen { said: Some(_), .. }) => break,
                // Away to be looked at, or just being written.
                Some(_) | None => {}
            }
        }
        self.is_lost.store(true, Ordering::Relaxed);
        Err(io::Error::other(Dispossessed { path: self.place.path(), lease: self.lease }))
    }
}

/// Waits until a claim has stood for its time without being renewed, and takes it away; an error if it is.
fn outlive(place: &Place, seen: &Seen, lease: Duration, halt: &Halt) -> Result<(), LockError> {
    let since = Instant::now();
    loop {
        std::thread::sleep(LOOK.min(lease / PARTS));
        halt.check().map_err(WorktreeError::from)?;
        // Before the look: whoever is halted between the two has looked too late, and not too early.
        let is_over = since.elapsed() >= lease;
        match place.look().map_err(WorktreeError::from)? {
            None => return Ok(()),
            Some(now) if now.bytes != seen.bytes => {
                return Err(claimed(place, now.said.map(|said| Box::new(said.holder))));
            }
            Some(_) if is_over => {
                place.take_away(|now| now.bytes == seen.bytes).map_err(WorktreeError::from)?;
                return Ok(());
            }
            Some(_) => {}
        }
    }
}

/// Tells whose the claim of an issue is; nothing if nobody has it, or who had it is gone.
pub(super) fn whose(place: &Place, node: &Node) -> io::Result<Option<AtWork>> {
    let Some(seen) = place.look()? else { return Ok(None) };
    Ok(match life(seen.said.clone(), node, seen.is_locked(), || place.do_locks_hold()) {
        Life::Here(holder) => Some(AtWork::Holder(holder)),
        Life::Gone(_) => None,
        Life::Elsewhere(holder, lease) => {
            Some(AtWork::Elsewhere(Watched { holder, path: place.path(), lease }))
        }
    })
}

fn claimed(place: &Place, holder: Option<Box<Holder>>) -> LockError {
    LockError::Claimed { holder, path: place.path() }
}

#[cfg(test)]
mod tests;
