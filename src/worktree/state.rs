//! The state directory: where runs live while they run, and the locks that keep two from one issue.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest as _, Sha256};

use super::error::{WorktreeError, at};
use super::holder::{Holder, LockError, is_held, read_holder};
use super::lease::{self, Lease};
use super::node::Node;
use crate::sandbox;

/// How often it is looked whether a holder has written its name, which takes it no time: counted, not timed, so that
/// whoever was halted meanwhile has looked as often.
const LOOKS: u32 = 600;
/// And how long it is waited in between.
const PAUSE: Duration = Duration::from_millis(5);

/// The state directory.
#[derive(Debug, Clone)]
pub struct State {
    root: PathBuf,
    /// The machine that this is, to others.
    pub(super) node: Node,
    /// How long a claim stands that is not renewed.
    pub(super) lease: Duration,
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    file: Flock<File>,
    holder: Holder,
    /// Whose lock or claim was taken over, because its holder is dead.
    pub taken_over: Option<Holder>,
    /// The same for other machines.
    pub(super) lease: Option<Lease>,
}

impl State {
    /// Finds the state directory: `$AUTOPILOT_STATE_DIR`, `$XDG_STATE_HOME/autopilot`, `/var/lib/autopilot`
    /// for root, else `~/.local/state/autopilot`.
    pub fn find() -> Result<Self, WorktreeError> {
        let root = sandbox::state_dir(|name| {
            std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
        });
        let Some(root) = root.as_ref().filter(|root| root.is_absolute()).cloned() else {
            let why = root.map_or_else(
                || "HOME is not set".to_owned(),
                |root| format!("`{}` is not an absolute path", root.display()),
            );
            return Err(WorktreeError::refused(
                format!("no place for the state of runs: {why}"),
                "set AUTOPILOT_STATE_DIR to an absolute path",
            ));
        };
        let lease = lease::length(std::env::var(lease::LENGTH).ok().filter(|text| !text.is_empty()))?;
        Ok(Self { lease, ..Self::at(root) })
    }

    /// Takes a directory, which need not be there, whatever the environment says.
    pub fn at(root: PathBuf) -> Self {
        Self { root, node: Node::this(), lease: lease::USUAL }
    }

    /// Returns the directory itself, which need not be there.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the name of this machine.
    pub fn host(&self) -> &str {
        &self.node.host
    }

    /// Returns the folder of run directories, made if need be.
    pub(super) fn runs(&self) -> Result<PathBuf, WorktreeError> {
        self.folder("runs")
    }

    /// Returns the folder of what runs borrow, made if need be: nobody else's business.
    pub(super) fn object_cache_folder(&self) -> Result<PathBuf, WorktreeError> {
        self.folder("runs")?;
        let path = self.root.join("objects");
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(at(&path))?;
        Ok(path)
    }

    /// Takes the lock of an issue of a repository.
    pub(super) fn lock(&self, common_dir: &Path, issue: u64) -> Result<Lock, LockError> {
        self.lock_after(common_dir, issue, None)
    }

    /// The same where this holder of another machine, if any, is known to be gone.
    pub(super) fn lock_after(
        &self,
        common_dir: &Path,
        issue: u64,
        gone: Option<&Holder>,
    ) -> Result<Lock, LockError> {
        self.folder("locks")?;
        let path = self.lock_file(common_dir, issue);
        for _ in 0..LOOKS {
            if let Some(lock) = Lock::try_take(&path, gone)? {
                return Ok(lock);
            }
            std::thread::sleep(PAUSE);
        }
        Err(LockError::Nameless { path })
    }

    /// Returns the holder of an issue's lock if it is alive or of another host.
    pub fn holder(&self, common_dir: &Path, issue: u64) -> Result<Option<Holder>, LockError> {
        let path = self.lock_file(common_dir, issue);
        let Ok(mut file) = File::open(&path) else { return Ok(None) };
        let mut looks = 0..LOOKS;
        let holder = loop {
            match read_holder(&mut file) {
                Some(holder) => break holder,
                None if !is_held(&file) => return Ok(None),
                // Its holder is writing its name just now.
                None if looks.next().is_some() => std::thread::sleep(PAUSE),
                None => return Err(LockError::Nameless { path }),
            }
        };
        let alive = if holder.is_of_another_name() {
            // Its process cannot be seen from here; that it holds the lock can.
            is_held(&file)
        } else {
            holder.may_be_alive()
        };
        Ok(alive.then_some(holder))
    }

    /// Lists the issues of a repository that have a lock, whoever holds it.
    pub fn locked(&self, common_dir: &Path) -> Vec<u64> {
        let prefix = format!("{}-", key(common_dir));
        let entries = fs::read_dir(self.root.join("locks")).into_iter().flatten().flatten();
        let issue = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_prefix(&prefix)?.parse().ok();
        entries.filter_map(issue).collect()
    }

    /// Asks whoever runs an issue to end that run in order.
    pub fn ask_to_stop(&self, common_dir: &Path, issue: u64, run: &str) -> Result<(), WorktreeError> {
        let path = stop_beside(&self.lock_file(common_dir, issue));
        fs::write(&path, run).map_err(at(&path))
    }

    /// Returns the file that is the lock of an issue of a repository, whether anybody holds it or not.
    pub fn lock_file(&self, common_dir: &Path, issue: u64) -> PathBuf {
        self.root.join("locks").join(format!("{}-{issue}", key(common_dir)))
    }

    fn folder(&self, name: &str) -> Result<PathBuf, WorktreeError> {
        let path = self.root.join(name);
        // Others may pass (the steps of root's runs have a uid of their own), and see nothing.
        DirBuilder::new().recursive(true).mode(0o711).create(&path).map_err(|error| {
            WorktreeError::refused(
                format!("no place for the state of runs: {}: {error}", path.display()),
                "set AUTOPILOT_STATE_DIR to a folder that you may write to, with space for a checkout",
            )
        })?;
        Ok(path)
    }
}

impl Lock {
    /// One try; nothing if the file was replaced meanwhile, or its holder has not written its name.
    fn try_take(path: &Path, gone: Option<&Holder>) -> Result<Option<Self>, LockError> {
        let open =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let mut file = open.map_err(at(path))?;
        let before = read_holder(&mut file);
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => {
                if let Some(holder) = before {
                    return Err(LockError::Held { holder: Box::new(holder), path: path.to_owned() });
                }
                // Its holder has it, and has not written its name yet, or is letting go.
                return Ok(None);
            }
            Err((_, error)) => return Err(at(path)(error.into()).into()),
        };
        // The name may have been removed between open and lock: then this is a lock on nothing.
        let same =
            fs::metadata(path).is_ok_and(|now| file.metadata().is_ok_and(|own| now.ino() == own.ino()));
        if !same {
            return Ok(None);
        }
        // Of this kernel nobody holds it, or it would not have been given: a container, say, that was started
        // again under another name. What another machine holds cannot be known.
        let elsewhere = |holder: &Holder| {
            let is_gone = gone.is_some_and(|gone| gone.is_same_process(holder));
            holder.is_of_another_host() && !holder.is_of_another_name() && !is_gone
        };
        if let Some(holder) = before.clone().filter(elsewhere) {
            return Err(LockError::Held { holder: Box::new(holder), path: path.to_owned() });
        }
        let _ = fs::remove_file(stop_beside(path));
        let holder = Holder::this("");
        let mut lock = Self { path: path.to_owned(), file, holder, taken_over: before, lease: None };
        lock.write()?;
        Ok(Some(lock))
    }

    /// Says which run this lock is held for.
    pub fn name(&mut self, run: &str) -> Result<(), WorktreeError> {
        run.clone_into(&mut self.holder.run);
        self.write()?;
        self.lease.as_ref().map_or(Ok(()), |lease| lease.name(run))
    }

    /// Returns which run this lock is held for; nothing in it if that has no name yet.
    pub fn run(&self) -> &str {
        &self.holder.run
    }

    /// Returns the file in which a run of this lock is asked to stop, by its name.
    pub fn stop_file(&self) -> PathBuf {
        stop_beside(&self.path)
    }

    fn write(&mut self) -> Result<(), WorktreeError> {
        use std::io::{Seek, SeekFrom};
        let bytes = serde_json::to_vec(&self.holder).map_err(io::Error::from)?;
        let write = || -> io::Result<()> {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.set_len(0)?;
            self.file.write_all(&bytes)
        };
        let mut write = write;
        write().map_err(at(&self.path))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.stop_file());
        // First: whoever gets the lock finds no claim of a process that is done with it.
        self.lease = None;
        // Before the lock itself goes with the descriptor, so that nobody finds a dead name.
        let _ = fs::remove_file(&self.path);
    }
}

fn stop_beside(lock: &Path) -> PathBuf {
    lock.with_extension("stop")
}

/// Names a repository in the state directory.
pub(super) fn key(common_dir: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let digest = Sha256::digest(common_dir.as_os_str().as_bytes());
    hex::encode(&digest[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        (folder, State::at(root))
    }

    #[test]
    fn a_lock_that_is_held_names_its_holder() {
        let (_folder, state) = state();
        let mut lock = state.lock(Path::new("/r/.git"), 7).unwrap();
        lock.name("20261003T101500Z-7").unwrap();
        let error = state.lock(Path::new("/r/.git"), 7).unwrap_err().to_string();
        assert!(error.contains("run 20261003T101500Z-7 holds the lock"), "{error}");
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        assert!(state.lock(Path::new("/r/.git"), 8).is_ok());
        assert!(state.lock(Path::new("/other/.git"), 7).is_ok());
        drop(lock);
        assert!(state.lock(Path::new("/r/.git"), 7).unwrap().taken_over.is_none());
    }

    #[test]
    fn a_dead_holder_of_this_host_is_taken_over_and_one_of_another_host_is_not() {
        let (_folder, state) = state();
        let lock = state.lock(Path::new("/r"), 7).unwrap();
        let path = lock.path.clone();
        drop(lock);
        let dead = Holder { pid: 1, start: 1, ..Holder::this("20261003T101500Z-7") };
        fs::write(&path, serde_json::to_vec(&dead).unwrap()).unwrap();
        assert_eq!(state.lock(Path::new("/r"), 7).unwrap().taken_over, Some(dead.clone()));
        let elsewhere = Holder { host: "elsewhere".into(), boot: "another".into(), ..dead.clone() };
        fs::write(&path, serde_json::to_vec(&elsewhere).unwrap()).unwrap();
        let held = state.lock(Path::new("/r"), 7);
        assert!(
            matches!(held, Err(LockError::Held { holder, path: file }) if *holder == elsewhere && file == path)
        );
        // Nor if it is of a later version, which says more.
        let mut later = serde_json::to_value(&elsewhere).unwrap();
        later["more"] = "of it".into();
        fs::write(&path, later.to_string()).unwrap();
        assert!(matches!(state.lock(Path::new("/r"), 7), Err(LockError::Held { .. })));
        // A container that was started again has another name, and the same kernel.
        let renamed = Holder { host: "elsewhere".into(), ..dead };
        fs::write(&path, serde_json::to_vec(&renamed).unwrap()).unwrap();
        assert_eq!(state.holder(Path::new("/r"), 7).unwrap(), None);
        assert_eq!(state.lock(Path::new("/r"), 7).unwrap().taken_over, Some(renamed));
    }
}
