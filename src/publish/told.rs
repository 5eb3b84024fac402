//! Runs a git that talks to a remote, gives what it said, or why it did not do it.

use std::process::Command;
use std::time::Duration;

use super::Trouble;
use crate::evidence::event::PublishFault;
use crate::git::RefName;
use crate::github::{Ended, output};
use crate::time::exact;

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

/// Why a git that talks to a remote did not do it.
pub(super) struct Refused {
    pub(super) trouble: Trouble,
    said: String,
}

impl Refused {
    /// Tells whether a branch of the remote was not where the push was to find it.
    pub(super) fn is_stale(&self, branch: &RefName) -> bool {
        let is_it = |line: &str| {
            let mut parts = line.strip_prefix("!\t")?.split('\t');
            let (from_to, why) = (parts.next()?, parts.next()?);
            Some(from_to.split_once(':')?.1 == branch.as_str() && why.contains("(stale info)"))
        };
        self.said.lines().any(|line| is_it(line) == Some(true))
    }
}

/// Runs a git that talks to a remote; returns what it said.
pub(super) async fn said(git: Command, time: Duration) -> Result<String, Refused> {
    let silent = |trouble| Refused { trouble, said: String::new() };
    match output(git, Vec::new(), time).await {
        Ok(Ended::InTime(output)) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(Ended::InTime(output)) => {
            let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            Err(Refused { trouble: refused(&said), said })
        }
        Ok(Ended::Late) => Err(silent(Trouble::new(
            PublishFault::Timeout,
            format!("git push took longer than {}", exact(time)),
            "push by hand once, then: autopilot publish",
        ))),
        Err(error) => {
            Err(silent(Trouble::new(PublishFault::Missing, format!("git: {error}"), "autopilot doctor")))
        }
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
        let stale = |said: &str| {
            let refused = Refused { trouble: refused(said), said: said.to_owned() };
            refused.is_stale(&RefName::branch("main").unwrap())
        };
        let lines = "To x\n!\t1:refs/heads/a\t[rejected] (atomic push failed)\n!\t2:refs/heads/main\t[rejected] (stale info)";
        assert!(stale(lines));
        assert!(!stale(
            "!\t1:refs/heads/a\t[rejected] (stale info)\n!\t2:refs/heads/main\t[rejected] (atomic push failed)"
        ));
        assert_eq!(refused("x\n!\tref\t[rejected]").why, "git push: !\u{20}ref [rejected]");
    }
}
