//! Remotes of the user's repository, and the gits that ask them and push to them: with the user's credentials, without
//! the repository's hooks, one ref, never by force.

use std::process::Command;

use super::error::WorktreeError;
use super::repository::Repository;
use crate::git::{Oid, RefName};

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

    /// Prepares the questions what each place has that a push to a remote goes to.
    pub fn ask_remote(&self, remote: &str) -> Vec<Command> {
        let url = |how: &[&str]| self.git("remote").arg("get-url").args(how).args(["--", remote]).line();
        let places: Vec<String> = match (url(&["--push", "--all"]), url(&[])) {
            // Where it is fetched from is asked by its name, to which settings may belong.
            (Ok(push), Ok(fetch)) if push != fetch => push.lines().map(str::to_owned).collect(),
            _ => vec![remote.to_owned()],
        };
        let ask = |place: &String| {
            self.with_quiet_ssh(self.git("ls-remote").args(["--refs", "--", place]).into_command())
        };
        places.iter().map(ask).collect()
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
