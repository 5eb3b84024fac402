//! Remotes of the user's repository, and the gits that ask them, fetch from them and push to them: with the user's
//! credentials, without the repository's hooks, one ref, and over nothing but what was seen there.

use std::process::Command;

use super::error::WorktreeError;
use super::git::Git;
use super::repository::Repository;
use crate::git::{Oid, RefName};

/// How ssh is called so that it asks nobody.
const SSH: (&str, &str) = ("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");

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

/// What is pushed, and over what.
#[derive(Debug, Clone, Copy)]
pub struct Push<'a> {
    /// The commit.
    pub commit: &'a Oid,
    /// The branch that is to be at it.
    pub reference: &'a RefName,
    /// Where that branch is there; nothing if it is not there.
    pub over: Option<&'a Oid>,
    /// The branch that it stands on, and where that has to be.
    pub beside: Option<(&'a RefName, &'a Oid)>,
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

    /// Prepares the push of a commit to a branch of a remote: all of it or nothing, and nothing where a branch is not what it was.
    pub fn push(&self, remote: &str, push: &Push<'_>) -> Command {
        // Whatever the config adds to a push is not of this one; it may not turn a refspec into a mirror.
        let mirror = format!("remote.{remote}.mirror=false");
        let git = self.git_with(&[&mirror, "push.followTags=false", "push.gpgSign=false"], "push").args([
            "--porcelain",
            "--no-verify",
            "--no-follow-tags",
            "--no-recurse-submodules",
            "--no-force",
        ]);
        let Push { commit, reference, over, beside } = push;
        let over = over.map(Oid::as_str).unwrap_or_default();
        let mut git = git.arg(format!("--force-with-lease={reference}:{over}"));
        if let Some((branch, tip)) = beside {
            git = git.args(["--atomic".to_owned(), format!("--force-with-lease={branch}:{tip}")]);
        }
        git = git.args(["--", remote, &format!("{commit}:{reference}")]);
        // A lease holds for what is pushed: the tip that is there already, which changes nothing.
        if let Some((branch, tip)) = beside {
            git = git.arg(format!("{tip}:{branch}"));
        }
        self.with_quiet_ssh(git.into_command())
    }

    /// Returns the branch of a remote that a base stands for: the one that it is set to be merged with, else the one of its
    /// name; nothing of a base that is no branch.
    pub fn branch_on(&self, remote: &str, base: &str) -> Result<Option<RefName>, WorktreeError> {
        let tracked = base.strip_prefix(remote).and_then(|rest| rest.strip_prefix('/'));
        if let Some(name) = tracked
            && self.has_ref(&format!("refs/remotes/{base}"))?
        {
            return Ok(RefName::branch(name).ok());
        }
        let Some(own) = RefName::branch(base).ok() else { return Ok(None) };
        if !self.has_ref(own.as_str())? {
            return Ok(None);
        }
        let format = "--format=%(refname)%00%(upstream:remotename)%00%(upstream:remoteref)";
        let told = self.git("for-each-ref").args([format, own.as_str()]).line()?;
        let found = told.lines().map(|line| line.split('\0').collect::<Vec<_>>());
        let upstream = found.into_iter().find_map(|parts| match parts.as_slice() {
            [name, of, branch] if *name == own.as_str() && *of == remote => {
                branch.strip_prefix("refs/heads/")
            }
            _ => None,
        });
        Ok(Some(upstream.and_then(|name| RefName::branch(name).ok()).unwrap_or(own)))
    }

    /// Prepares the fetch of a branch from a place: its objects, and no ref.
    pub fn fetch_from(&self, place: &str, reference: &RefName) -> Command {
        let git = self.git_with(&["fetch.writeCommitGraph=false"], "fetch").args([
            "--quiet",
            "--no-write-fetch-head",
            "--refmap=",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            "--",
            place,
            reference.as_str(),
        ]);
        self.with_quiet_ssh(git.into_command())
    }

    /// Tells whether a commit is here.
    pub fn has_commit(&self, commit: &Oid) -> Result<bool, WorktreeError> {
        self.git("cat-file").args(["-e", &format!("{commit}^{{commit}}")]).succeeds()
    }

    /// Lists the places that a push to a remote goes to.
    pub fn places_of(&self, remote: &str) -> Vec<String> {
        let url = |how: &[&str]| self.git("remote").arg("get-url").args(how).args(["--", remote]).line();
        match (url(&["--push", "--all"]), url(&[])) {
            // Where it is fetched from is asked by its name, to which settings may belong.
            (Ok(push), Ok(fetch)) if push != fetch => push.lines().map(str::to_owned).collect(),
            _ => vec![remote.to_owned()],
        }
    }

    /// Prepares the question what a place has.
    pub fn ask(&self, place: &str) -> Command {
        self.with_quiet_ssh(self.git("ls-remote").args(["--refs", "--", place]).into_command())
    }

    /// Lets ssh ask nobody, where the user has not said how ssh is to be called.
    fn with_quiet_ssh(&self, mut command: Command) -> Command {
        if self.leaves_ssh_open() {
            command.env(SSH.0, SSH.1);
        }
        command
    }

    /// The same of a git that is run here.
    pub(super) fn asking(&self, git: Git) -> Git {
        if self.leaves_ssh_open() { git.env(SSH.0, SSH.1) } else { git }
    }

    fn leaves_ssh_open(&self) -> bool {
        let said = ["GIT_SSH_COMMAND", "GIT_SSH"].iter().any(|name| std::env::var_os(name).is_some());
        !said && !self.git("config").args(["--get", "core.sshCommand"]).succeeds().unwrap_or(false)
    }
}
