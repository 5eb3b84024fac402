//! Takes a result and the name of its base, gives what the base is by now and what a merge comes to. Nothing is merged:
//! what git makes to find out is thrown away, and no program of the settings is started.

use std::io::Read as _;
use std::time::Duration;

use super::error::{GitEnd, WorktreeError};
use super::layout::shown;
use super::repository::Repository;
use crate::git::Oid;

/// No merge is waited for any longer: people wait for what it is told in.
const PATIENCE: Duration = Duration::from_secs(30);
/// Conflicts that are named.
const NAMED: usize = 20;
/// Bytes of their names that are read.
const NAMES: u64 = 1 << 20;

/// What a merge of a result into a commit comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merging {
    /// It has no conflict.
    Clean,
    /// These paths conflict; the first of them.
    Conflicts(Vec<String>),
    /// It cannot be told here, for this reason.
    Unknown(String),
}

impl Repository {
    /// Returns the commit that the name of a base stands for by now, and what a merge of the result into it comes to.
    pub fn merging(&self, base: &str, result: &Oid) -> Result<(Oid, Merging), WorktreeError> {
        let tip = self.tip(base)?;
        let is_below =
            self.git("merge-base").args(["--is-ancestor", tip.as_str(), result.as_str()]).succeeds()?;
        let merging = if is_below { Merging::Clean } else { self.tried(&tip, result)? };
        Ok((tip, merging))
    }

    fn tried(&self, tip: &Oid, result: &Oid) -> Result<Merging, WorktreeError> {
        if self.settings()?.has(|key| key.starts_with("merge.") && key.ends_with(".driver")) {
            return Ok(Merging::Unknown(
                "the settings name a program that merges, which is not started".into(),
            ));
        }
        let objects = tempfile::tempdir()?;
        self.hand_over(&[objects.path().to_owned()])?;
        let git = self.git_with(&["merge.renormalize=false"], "merge-tree").within(PATIENCE);
        let git = git.stored_in(objects.path(), &self.common_dir.join("objects"));
        let git =
            git.args(["--write-tree", "--no-messages", "--name-only", "-z", tip.as_str(), result.as_str()]);
        let mut names = Vec::new();
        let ended = git.read(|printed| {
            let read = printed.take(NAMES).read_to_end(&mut names);
            read.and_then(|_| std::io::copy(printed, &mut std::io::sink()))
        });
        match ended {
            Ok(_) => Ok(Merging::Clean),
            Err(WorktreeError::Git { end: GitEnd::Code(1), .. }) => Ok(Merging::Conflicts(conflicts(&names))),
            Err(WorktreeError::Git { said, .. }) => Ok(Merging::Unknown(said)),
            Err(error) => Err(error),
        }
    }
}

/// Reads the names of what conflicts: they stand behind the id of a tree.
fn conflicts(printed: &[u8]) -> Vec<String> {
    let records = printed.split(|&byte| byte == 0).skip(1).filter(|name| !name.is_empty());
    records.take(NAMED).map(|name| shown(name).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A repository whose base and result have each changed `a` since they parted, the result `b` as well.
    fn parted(result: &str, base: &str) -> (tempfile::TempDir, Repository, Oid) {
        let dir = tempfile::tempdir().unwrap();
        let script = format!(
            "git init -q -b main .; echo 1 > a; git add a; git commit -qm 1
             git checkout -q -b result; {result}; git add -A; git commit -qm 2
             git checkout -q main; {base}; git add -A; git commit -q --allow-empty -m 3"
        );
        let mut command = Command::new("sh");
        command.args(["-euc", &script]).current_dir(dir.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "x").env(format!("GIT_{who}_EMAIL"), "x@example.org");
        }
        assert!(command.status().unwrap().success());
        let repository = Repository::discover(dir.path()).unwrap();
        let result = repository.tip("result").unwrap();
        (dir, repository, result)
    }

    #[test]
    fn a_merge_is_clean_or_names_what_conflicts_and_leaves_nothing() {
        let clean = parted("echo 2 > b", "echo 3 > c");
        let objects = |dir: &tempfile::TempDir| {
            let listed = Command::new("find").arg(dir.path().join(".git")).output().unwrap();
            String::from_utf8(listed.stdout).unwrap()
        };
        let before = objects(&clean.0);
        let (tip, merging) = clean.1.merging("main", &clean.2).unwrap();
        assert_eq!((tip, merging), (clean.1.tip("main").unwrap(), Merging::Clean));
        assert_eq!(objects(&clean.0), before);
        let conflict = parted("echo 2 > a; echo x > 'b c'", "echo 3 > a; echo y > 'b c'");
        let named = Merging::Conflicts(vec!["a".into(), "b c".into()]);
        assert_eq!(conflict.1.merging("main", &conflict.2).unwrap().1, named);
    }

    #[test]
    fn no_program_of_the_settings_merges() {
        let (dir, repository, result) =
            parted("echo 2 > a; echo 'a merge=own' > .gitattributes", "echo 3 > a");
        let trace = dir.path().join("trace");
        let config = format!("[merge \"own\"]\n\tdriver = touch {}\n", trace.display());
        std::fs::write(dir.path().join(".git/info/attributes"), "a merge=own\n").unwrap();
        let path = dir.path().join(".git/config");
        std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + &config).unwrap();
        assert!(matches!(repository.merging("main", &result).unwrap().1, Merging::Unknown(_)));
        assert!(!trace.exists());
    }
}
