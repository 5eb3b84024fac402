//! The result branch goes to a remote, after everything that goes with it was looked through for secrets.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use super::search::{Findings, Task, search};
use super::{Made, Publisher, Trouble, scan};
use crate::evidence::event::PublishFault;
use crate::git::Oid;
use crate::github::{Ended, Slug, output};

/// A push carries more than a comment.
const TIME: Duration = Duration::from_secs(600);

/// What git says, in lower case, and what it means.
const WORDS: [(&str, PublishFault, &str); 14] = [
    ("[rejected]", PublishFault::Rejected, "the remote has other commits under this name: look at them"),
    ("[remote rejected]", PublishFault::Rejected, "see the remote's rules for branches"),
    ("could not read username", PublishFault::Login, "let git log in as gh does: gh auth setup-git"),
    ("authentication failed", PublishFault::Login, "let git log in as gh does: gh auth setup-git"),
    ("permission denied (publickey", PublishFault::Login, "load the key into your agent: ssh-add"),
    ("host key verification failed", PublishFault::Login, "connect once by hand: ssh -T git@HOST"),
    ("permission to", PublishFault::Rights, "the account needs to write to the repository"),
    (
        "returned error: 403",
        PublishFault::Rights,
        "the account needs to write (`contents: write` in a workflow)",
    ),
    ("returned error: 401", PublishFault::Login, "let git log in as gh does: gh auth setup-git"),
    ("not found", PublishFault::NotFound, "look at the remote's address: git remote -v"),
    (
        "does not appear to be a git repository",
        PublishFault::NotFound,
        "look at the remote's address: git remote -v",
    ),
    ("could not resolve host", PublishFault::Network, "try again when the remote can be reached"),
    ("unable to access", PublishFault::Network, "try again when the remote can be reached"),
    ("could not read from remote", PublishFault::Network, "try again when the remote can be reached"),
];

impl Publisher<'_> {
    /// Pushes the result branch: that ref alone, and never by force.
    pub(super) async fn push(&self) -> Result<Made, Trouble> {
        let remote = self.remote().ok_or_else(|| {
            Trouble::new(
                PublishFault::Missing,
                "there is no remote to push to",
                "add one: git remote add origin …",
            )
        })?;
        let Some(branch) = &self.state().branch else {
            return Err(Trouble::new(PublishFault::Missing, "there is no branch", "see the summary"));
        };
        let (reference, commit) = (branch.reference.as_str(), branch.commit.as_str());
        let made = Made { url: self.address(&remote), id: None };
        let theirs = self.ask(&remote, (commit, reference)).await?;
        if theirs.have_it {
            return Ok(made);
        }
        if let Some(trouble) = scan::refuse_again(self.state(), &remote, reference) {
            return Err(trouble);
        }
        let known = scan::found_before(self.state());
        if let Some(trouble) = known.and_then(|known| scan::refuse(&known, &remote, reference)) {
            return Err(trouble);
        }
        let found = self.search(&theirs).await?;
        if let Some(trouble) = scan::refuse(&found, &remote, reference) {
            return Err(trouble);
        }
        let time = self.patience.anew().left().max(TIME);
        said(self.repository.push(&remote, &branch.commit, &branch.reference), time).await.map(|_| made)
    }

    /// Asks what they have to whom a push goes: of several, what all of them have.
    async fn ask(&self, remote: &str, (commit, reference): (&str, &str)) -> Result<Theirs, Trouble> {
        let mut theirs: Option<Theirs> = None;
        for asking in self.repository.ask_remote(remote) {
            let listed = said(asking, self.patience.anew().left()).await?;
            let refs = listed.lines().filter_map(|line| line.split_once('\t'));
            let have_it = refs.clone().any(|known| known == (commit, reference));
            let objects: BTreeSet<String> = refs.map(|(id, _)| id.to_owned()).collect();
            theirs = Some(match theirs {
                None => Theirs { objects, have_it },
                Some(others) => {
                    Theirs { objects: &others.objects & &objects, have_it: others.have_it && have_it }
                }
            });
        }
        Ok(theirs.unwrap_or_default())
    }

    /// Searches what they lack, which is what a push takes along: values of this environment and of the run, and what
    /// the patterns tell.
    async fn search(&self, theirs: &Theirs) -> Result<Findings, Trouble> {
        let state = self.state();
        let Some(branch) = &state.branch else { return Ok(Findings::default()) };
        let secrets = self.recorder.secrets().clone();
        scan::register(state, self.environment, &secrets)?;
        let ids: Vec<Oid> = theirs.objects.iter().filter_map(|id| Oid::parse(id).ok()).collect();
        let leaving = self.repository.lacking(&state.start.commit, &branch.commit, &ids)?;
        let reference = branch.reference.to_string();
        let task = Task { repository: self.repository.clone(), leaving, reference, secrets, most: u64::MAX };
        // Whoever is to end drops it.
        Ok(search(task, std::future::pending()).await?)
    }

    /// Returns the remote to push to: the user's default, the one of the GitHub repository, `origin`, the only one.
    pub(super) fn remote(&self) -> Option<String> {
        let remotes = super::remotes(self.repository);
        let slug = self.gh.as_ref().ok().map(crate::github::Gh::slug);
        let is_target = |url: &str| slug.is_some() && Slug::of_url(url).as_ref() == slug;
        let by_target = || remotes.iter().find(|remote| is_target(&remote.url));
        let by_name = || remotes.iter().find(|remote| remote.name == "origin");
        let only = || remotes.first().filter(|_| remotes.len() == 1);
        self.repository
            .push_default()
            .or_else(|| by_target().or_else(by_name).or_else(only).map(|remote| remote.name.clone()))
    }

    /// Returns where the branch can be looked at.
    fn address(&self, remote: &str) -> Option<String> {
        let remotes = super::remotes(self.repository);
        let slug = Slug::of_url(&remotes.iter().find(|known| known.name == remote)?.url)?;
        Some(format!("{}/tree/{}", slug.url(), self.recorder.files().run().branch()))
    }
}

/// What they have to whom a push goes.
#[derive(Debug, Default)]
struct Theirs {
    /// Ids of what their refs name.
    objects: BTreeSet<String>,
    /// The branch is there: an earlier try, or the user, pushed it.
    have_it: bool,
}

/// Runs a git that talks to a remote; returns what it said.
async fn said(git: Command, time: Duration) -> Result<String, Trouble> {
    match output(git, Vec::new(), time).await {
        Ok(Ended::InTime(output)) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(Ended::InTime(output)) => {
            let said = [output.stdout, output.stderr].concat();
            Err(refused(&String::from_utf8_lossy(&said)))
        }
        Ok(Ended::Late) => Err(Trouble::new(
            PublishFault::Timeout,
            format!("git push took longer than {} s", time.as_secs()),
            "push by hand once, then: autopilot publish",
        )),
        Err(error) => Err(Trouble::new(PublishFault::Missing, format!("git: {error}"), "autopilot doctor")),
    }
}

/// Reads why git did not push.
fn refused(said: &str) -> Trouble {
    let lower = said.to_lowercase();
    let line = |words: &str| said.lines().find(|line| line.to_lowercase().contains(words)).unwrap_or(said);
    let (kind, line, hint) = match WORDS.iter().find(|(words, ..)| lower.contains(words)) {
        Some((words, kind, hint)) => (*kind, line(words), *hint),
        None => (PublishFault::Other, said.lines().last().unwrap_or_default(), "see what git says"),
    };
    let line: String = line.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    Trouble::new(kind, format!("git push: {line}"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_git_are_told_apart() {
        for (said, kind) in [
            (
                "To ../bare\n!\trefs/heads/a:refs/heads/a\t[rejected] (fetch first)\nDone",
                PublishFault::Rejected,
            ),
            (
                "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
                PublishFault::Login,
            ),
            (
                "git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.",
                PublishFault::Login,
            ),
            ("remote: Permission to acme/widgets.git denied to somebody.", PublishFault::Rights),
            ("fatal: unable to access 'https://x/': Could not resolve host: x", PublishFault::Network),
            ("remote: Repository not found.", PublishFault::NotFound),
            ("something else", PublishFault::Other),
        ] {
            assert_eq!(refused(said).kind, kind, "{said}");
        }
        assert_eq!(refused("x\n!\tref\t[rejected]").why, "git push: !\u{20}ref [rejected]");
    }
}
