//! What of a result would leave the machine, read object by object, and the git that takes it out: with the
//! user's credentials, without the repository's hooks, this one ref, never by force.

use std::collections::HashMap;
use std::process::Command;

use super::error::WorktreeError;
use super::repository::Repository;
use super::tree;
use crate::git::{Oid, RefName};

/// What one blob may have to be read: GitHub itself takes no file over 100 MiB.
const MOST: u64 = 100 << 20;
/// So much is read at once.
const BATCH: u64 = 32 << 20;

/// A remote of a repository.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Its name.
    pub name: String,
    /// Where it is fetched from.
    pub url: String,
    /// What `gh repo set-default` made of it.
    pub resolved: Option<String>,
}

/// Something that goes out with a push.
#[derive(Debug)]
pub enum Outgoing {
    /// A commit, as git keeps it: message, author, trailers.
    Commit {
        /// Its id.
        commit: Oid,
        /// Its text.
        text: Vec<u8>,
    },
    /// A file that a commit adds or changes.
    File {
        /// The commit.
        commit: Oid,
        /// Where the file is.
        path: Vec<u8>,
        /// What is in it.
        content: Vec<u8>,
        /// What was in the file of that name at the base; nothing if there was none.
        at_base: Vec<u8>,
    },
}

impl Repository {
    /// Returns the remotes, in the order of the config.
    pub fn remotes(&self) -> Result<Vec<Remote>, WorktreeError> {
        let names = self.git("remote").line()?;
        let remote = |name: &str| {
            let url = self.git("remote").args(["get-url", "--", name]).line().ok()?;
            let resolved = self.git("config").args(["--get", &format!("remote.{name}.gh-resolved")]).line();
            Some(Remote { name: name.to_owned(), url, resolved: resolved.ok() })
        };
        Ok(names.lines().filter_map(remote).collect())
    }

    /// Returns the remote that the user pushes to by config, if there is one.
    pub fn push_default(&self) -> Option<String> {
        self.git("config").args(["--get", "remote.pushDefault"]).line().ok().filter(|name| !name.is_empty())
    }

    /// Prepares the push of a commit to a branch of a remote.
    pub fn push(&self, remote: &str, commit: &Oid, reference: &RefName) -> Command {
        // Whatever the config adds to a push is not of this one; it may not turn a refspec into a mirror.
        let mirror = format!("remote.{remote}.mirror=false");
        let git = self.git_with(&[&mirror, "push.followTags=false", "push.gpgSign=false"], "push").args([
            "--porcelain",
            "--no-verify",
            "--no-follow-tags",
            "--no-recurse-submodules",
            "--no-force",
            "--",
            remote,
        ]);
        self.with_quiet_ssh(git.arg(format!("{commit}:{reference}")).into_command())
    }

    /// Prepares the question what a remote has under a name.
    pub fn ask_remote(&self, remote: &str, reference: &str) -> Command {
        let git = self.git("ls-remote").args(["--refs", "--", remote, reference]);
        self.with_quiet_ssh(git.into_command())
    }

    /// Hands everything that a push of these commits takes along to somebody who looks at it.
    pub fn outgoing(
        &self,
        base: &str,
        result: &str,
        look: &mut dyn FnMut(Outgoing),
    ) -> Result<(), WorktreeError> {
        let (base, result) = (&Oid::parse(base)?, Oid::parse(result)?);
        let at_base: HashMap<Vec<u8>, Oid> = self.listing(base)?;
        let commits =
            self.git("rev-list").args(["--reverse", result.as_str(), &format!("^{base}")]).line()?;
        for commit in commits.lines() {
            let commit = &Oid::parse(commit)?;
            for text in self.blobs(&[commit])? {
                look(Outgoing::Commit { commit: commit.clone(), text });
            }
            let args =
                ["-r", "-z", "-m", "--root", "--raw", "--no-renames", "--no-commit-id", commit.as_str()];
            let changed = tree::parse_differences(&self.git("diff-tree").args(args).run()?)?;
            let files = changed.into_iter().filter_map(|change| Some((change.path, change.new?)));
            let files = files.filter(|(_, held)| held.mode != tree::GITLINK);
            let changed: Vec<(Vec<u8>, Oid)> = files.map(|(path, held)| (path, held.oid)).collect();
            self.files(commit, &changed, &at_base, look)?;
        }
        Ok(())
    }

    /// Hands over files of a commit, in batches that fit into memory.
    fn files(
        &self,
        commit: &Oid,
        changed: &[(Vec<u8>, Oid)],
        at_base: &HashMap<Vec<u8>, Oid>,
        look: &mut dyn FnMut(Outgoing),
    ) -> Result<(), WorktreeError> {
        let before = |path: &Vec<u8>| at_base.get(path);
        let asked: Vec<&Oid> =
            changed.iter().flat_map(|(path, oid)| [Some(oid), before(path)]).flatten().collect();
        let sizes = self.sizes(&asked)?;
        let size = |oid: &Oid| sizes.get(oid).copied().unwrap_or(0);
        let mut rest = changed;
        while !rest.is_empty() {
            let mut sum = 0;
            let fits = rest.iter().take_while(|(path, oid)| {
                let first = sum == 0;
                sum += 1 + size(oid) + before(path).map_or(0, size);
                first || sum <= BATCH
            });
            let (batch, more) = rest.split_at(fits.count());
            rest = more;
            if let Some((path, _)) = batch.iter().find(|(_, oid)| size(oid) > MOST) {
                let path = String::from_utf8_lossy(path).into_owned();
                return Err(WorktreeError::TooLarge { path });
            }
            let ids: Vec<&Oid> =
                batch.iter().flat_map(|(path, oid)| [Some(oid), before(path)]).flatten().collect();
            let mut contents = self.blobs(&ids)?.into_iter();
            for (path, _) in batch {
                let content = contents.next().unwrap_or_default();
                let at_base = before(path).and_then(|_| contents.next()).unwrap_or_default();
                look(Outgoing::File { commit: commit.clone(), path: path.clone(), content, at_base });
            }
        }
        Ok(())
    }

    fn listing(&self, commit: &Oid) -> Result<HashMap<Vec<u8>, Oid>, WorktreeError> {
        let listing = self.git("ls-tree").args(["-r", "-z", "--full-tree", commit.as_str()]).run()?;
        let blobs = tree::parse(&listing)?.into_iter().filter(|entry| entry.held.mode != tree::GITLINK);
        Ok(blobs.map(|entry| (entry.path, entry.held.oid)).collect())
    }

    /// Returns the size of each object.
    fn sizes(&self, ids: &[&Oid]) -> Result<HashMap<Oid, u64>, WorktreeError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let asked = ids.iter().flat_map(|id| [id.as_str().as_bytes(), b"\n"].concat()).collect();
        let check = "--batch-check=%(objectname) %(objectsize)";
        let answer = self.git("cat-file").arg(check).feed(asked)?;
        let answer = String::from_utf8_lossy(&answer);
        let pair = |line: &str| {
            line.split_once(' ').and_then(|(id, size)| Some((Oid::parse(id).ok()?, size.parse().ok()?)))
        };
        Ok(answer.lines().filter_map(pair).collect())
    }

    /// Lets ssh ask nobody, where the user has not said how ssh is to be called.
    fn with_quiet_ssh(&self, mut command: Command) -> Command {
        let said = ["GIT_SSH_COMMAND", "GIT_SSH"].iter().any(|name| std::env::var_os(name).is_some())
            || self.git("config").args(["--get", "core.sshCommand"]).succeeds().unwrap_or(false);
        if !said {
            command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
        }
        command
    }
}
