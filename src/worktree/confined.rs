//! The one way in which git is run on a worktree: under the sandbox, with a git directory that no step sees.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, lchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::MemfdFlags;

use super::error::{GitEnd, WorktreeError, at};
use super::halt::Halt;
use super::remove::remove_tree;
use super::repository::Repository;
use super::root::Root;
use super::rundir::RunDir;
use crate::layer::Backend;
use crate::policy::{self, Decision, Grant, HostFacts, Identity, Request, Waivers};
use crate::sandbox::{self, Place, Status};

/// No git of the runner's own takes longer; a step can make it slow, not endless.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often it is looked whether to break off.
const LOOK: Duration = Duration::from_millis(200);

/// Runs the runner's git scripts in a run's worktree.
#[derive(Debug)]
pub(super) struct ConfinedGit {
    grant: Grant,
    place: Place,
    format: &'static str,
    halt: Halt,
}

impl ConfinedGit {
    /// Asks the policy for a grant.
    pub(super) fn new(
        dir: &RunDir,
        host: &HostFacts,
        waivers: &Waivers,
        repository: &Repository,
    ) -> Result<Self, WorktreeError> {
        let grant = match policy::decide(&Request::git(), host, waivers) {
            Decision::Allow(grant) => *grant,
            Decision::Deny(reason) => return Err(reason.into()),
        };
        // Its own: what a step did to its TMPDIR is in nobody's way.
        let tmp = dir.scratch();
        DirBuilder::new().recursive(true).mode(0o700).create(&tmp).map_err(at(&tmp))?;
        let place = Place {
            worktree: dir.worktree(),
            home: dir.home(),
            below_home: Vec::new(),
            below_worktree: Vec::new(),
            tmp,
            also_write: vec![dir.checkpoints()],
            also_read: vec![dir.inbox()],
        };
        Ok(Self { grant, place, format: repository.format.name(), halt: Halt::never() })
    }

    /// Returns whom the steps run as.
    pub(super) fn identity(&self) -> &Identity {
        self.grant.identity()
    }

    /// Ends a git that is under way, once this says so.
    pub(super) fn heed(&mut self, halt: Halt) {
        self.halt = halt;
    }

    /// Lets git read the objects that are borrowed.
    pub(super) fn read_also(&mut self, folders: &[PathBuf]) {
        self.place.also_read.extend_from_slice(folders);
    }

    /// Makes the run directory over to whom the steps run as.
    pub(super) fn take_possession(&self, dir: &RunDir) -> Result<(), WorktreeError> {
        if !nix::unistd::geteuid().is_root() {
            return Ok(());
        }
        let identity = self.grant.identity();
        let own = |path: &Path| lchown(path, Some(identity.uid), Some(identity.gid)).map_err(at(path));
        for entry in std::fs::read_dir(dir.path()).map_err(at(dir.path()))? {
            let (entry, lent) = (entry?, dir.objects());
            match entry.path() {
                // What is lent is linked from elsewhere, and stays whose it is.
                path if path == lent => {}
                path if entry.file_type()?.is_dir() => self.make_over(&path)?,
                path => own(&path)?,
            }
        }
        own(dir.path())
    }

    /// Tries whether a HOME can be an overlay in a run's directory.
    pub(super) async fn try_overlay(&self, dir: &RunDir) -> Result<Backend, WorktreeError> {
        let trial = dir.path().join("trial");
        let backend = sandbox::try_overlay(&self.grant, &trial).await;
        remove_tree(&trial)?;
        backend.map_err(at(&trial))
    }

    /// Makes something over to whom the steps run as.
    pub(super) fn make_over(&self, path: &Path) -> Result<(), WorktreeError> {
        sandbox::make_over(path, self.grant.identity()).map_err(at(path))
    }

    /// Empties TMPDIR for the next attempt.
    pub(super) fn fresh_tmp(&self, dir: &RunDir) -> Result<(), WorktreeError> {
        let tmp = dir.tmp();
        remove_tree(&tmp)?;
        DirBuilder::new().mode(0o700).create(&tmp).map_err(at(&tmp))?;
        self.make_over(&tmp)
    }

    /// Runs a shell script of git commands (`what` names it in errors), with these variables; returns what
    /// it printed. `$1`… are not used: values come by variables, which no shell parses.
    pub(super) async fn script(
        &self,
        what: &str,
        script: &str,
        variables: &[(&str, OsString)],
    ) -> Result<Vec<u8>, WorktreeError> {
        read_back(self.run(what, script, variables, None).await?)
    }

    /// The same, for a script that prints much: what it printed, to be read bit by bit.
    pub(super) async fn script_read(
        &self,
        what: &str,
        script: &str,
        variables: &[(&str, OsString)],
    ) -> Result<BufReader<File>, WorktreeError> {
        from_start(self.run(what, script, variables, None).await?)
    }

    /// The same with something on its standard input.
    pub(super) async fn script_fed(
        &self,
        what: &str,
        script: &str,
        variables: &[(&str, OsString)],
        stdin: OwnedFd,
    ) -> Result<BufReader<File>, WorktreeError> {
        from_start(self.run(what, script, variables, Some(stdin)).await?)
    }

    async fn run(
        &self,
        what: &str,
        script: &str,
        variables: &[(&str, OsString)],
        stdin: Option<OwnedFd>,
    ) -> Result<File, WorktreeError> {
        let stdout = memory_file("stdout")?;
        let stderr = memory_file("stderr")?;
        let command = sandbox::Command {
            argv: ["sh", "-euc", script].map(OsString::from).to_vec(),
            dir: PathBuf::new(),
            env: self.environment(variables),
            listen: Vec::new(),
            connect: Vec::new(),
            stdin,
            stdout: stdout.try_clone()?.into(),
            stderr: stderr.try_clone()?.into(),
        };
        for folder in [&self.place.worktree, &self.place.home] {
            Root::open(folder)?.open_top()?;
        }
        let mut child = sandbox::spawn(&self.grant, &self.place, command).await?;
        let ended = tokio::time::timeout(PATIENCE, child.wait());
        let ended = tokio::select! {
            ended = ended => ended,
            () = self.is_halted() => {
                self.halt.check()?;
                return Err(WorktreeError::git(what, GitEnd::Late, b""));
            }
        };
        match ended {
            Ok(Ok(ended)) if ended.status == Status::Exited(0) => Ok(stdout),
            Ok(Ok(ended)) => {
                let stderr = read_back(stderr)?;
                Err(match ended.status {
                    Status::Exited(code) => WorktreeError::git(what, GitEnd::Code(code), &stderr),
                    Status::Signaled(signal) => WorktreeError::git(what, GitEnd::Signal(signal), &stderr),
                    Status::Limit(limit) => WorktreeError::git(what, GitEnd::Limit, limit.as_bytes()),
                })
            }
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(WorktreeError::git(what, GitEnd::Late, b"")),
        }
    }

    /// Waits until it is time to break off.
    async fn is_halted(&self) {
        while !self.halt.is_time() {
            tokio::time::sleep(LOOK).await;
        }
    }

    fn environment(&self, variables: &[(&str, OsString)]) -> Vec<(OsString, OsString)> {
        let checkpoints = self.place.also_write[0].clone();
        let fixed: [(&str, OsString); 10] = [
            ("GIT_DIR", checkpoints.into()),
            ("GIT_WORK_TREE", ".".into()),
            ("GIT_CONFIG_NOSYSTEM", "1".into()),
            ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
            ("GIT_ATTR_NOSYSTEM", "1".into()),
            ("GIT_OPTIONAL_LOCKS", "0".into()),
            ("GIT_TERMINAL_PROMPT", "0".into()),
            ("GIT_DEFAULT_HASH", self.format.into()),
            ("LC_ALL", "C".into()),
            ("INBOX", self.place.also_read[0].clone().into()),
        ];
        let given = variables.iter().map(|(name, value)| (*name, value.clone()));
        // What is given for one script goes before what is fixed.
        let all: BTreeMap<&str, OsString> = fixed.into_iter().chain(given).collect();
        all.into_iter().map(|(name, value)| (name.into(), value)).collect()
    }
}

/// Makes a file without a name: what git prints never touches a disk.
fn memory_file(name: &str) -> Result<File, WorktreeError> {
    let fd: OwnedFd = rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC).map_err(std::io::Error::from)?;
    Ok(fd.into())
}

fn from_start(mut file: File) -> Result<BufReader<File>, WorktreeError> {
    file.seek(SeekFrom::Start(0))?;
    Ok(BufReader::new(file))
}

fn read_back(file: File) -> Result<Vec<u8>, WorktreeError> {
    let mut bytes = Vec::new();
    from_start(file)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}
