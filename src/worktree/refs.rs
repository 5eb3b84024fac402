//! What the refs of the user's repository say, and its settings: each asked once.

use super::error::WorktreeError;
use super::repository::Repository;
use crate::git::{Oid, RefName};

/// Branches, tags and tracking refs.
#[derive(Debug)]
pub(super) struct Refs {
    all: Vec<Ref>,
    /// The branch that is checked out.
    head: Option<RefName>,
}

/// One ref.
#[derive(Debug)]
pub(super) struct Ref {
    pub(super) name: RefName,
    pub(super) at: Oid,
    upstream: Option<RefName>,
}

impl Refs {
    /// Finds a ref by its full name.
    pub(super) fn find(&self, name: &RefName) -> Option<&Ref> {
        self.all.iter().find(|known| known.name == *name)
    }

    /// Returns the branch that is checked out, if there is a commit on it.
    pub(super) fn head(&self) -> Option<&Ref> {
        self.find(self.head.as_ref()?)
    }

    /// Returns the tracking ref of a branch's upstream, if both are there.
    pub(super) fn upstream(&self, branch: &RefName) -> Option<&Ref> {
        let upstream = self.find(branch)?.upstream.as_ref()?;
        self.find(upstream).filter(|found| found.name.as_str().starts_with("refs/remotes/"))
    }

    /// Returns every tag.
    pub(super) fn tags(&self) -> impl Iterator<Item = &Ref> {
        self.all.iter().filter(|known| known.name.as_str().starts_with("refs/tags/"))
    }
}

/// Everything that git is told by files of settings, in their order.
#[derive(Debug)]
pub(super) struct Settings(Vec<(String, String)>);

impl Settings {
    /// Returns the value of a key that counts: the last, if it is not empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(own, _)| own == key);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Tells whether some key is one of these.
    pub(super) fn has(&self, is_it: impl Fn(&str) -> bool) -> bool {
        self.0.iter().any(|(key, _)| is_it(key))
    }

    /// Lists the names of filters.
    pub(super) fn filters(&self) -> Vec<String> {
        // What a name is made of may have dots in it.
        let name = |key: &str| Some(key.strip_prefix("filter.")?.rsplit_once('.')?.0.to_owned());
        let mut names: Vec<String> = self.0.iter().filter_map(|(key, _)| name(key)).collect();
        names.sort();
        names.dedup();
        names
    }
}

impl Repository {
    /// Lists the refs of branches, tags and remotes.
    pub(super) fn known_refs(&self) -> Result<Refs, WorktreeError> {
        let format = "--format=%(refname)%00%(objectname)%00%(upstream)%00%(HEAD)";
        let listed =
            self.git("for-each-ref").args([format, "refs/heads/", "refs/tags/", "refs/remotes/"]).run()?;
        let mut refs = Refs { all: Vec::new(), head: None };
        for line in String::from_utf8_lossy(&listed).lines() {
            let mut words = line.split('\0');
            let mut word = || words.next().ok_or_else(|| WorktreeError::garbled("for-each-ref"));
            let (name, at, upstream, head) =
                (RefName::parse(word()?)?, Oid::parse(word()?)?, word()?, word()?);
            if head == "*" {
                refs.head = Some(name.clone());
            }
            refs.all.push(Ref { name, at, upstream: RefName::parse(upstream).ok() });
        }
        Ok(refs)
    }

    /// Reads what git is told by the files of settings, the repository's own and its user's.
    pub(super) fn settings(&self) -> Result<Settings, WorktreeError> {
        let listed = self.git("config").args(["--list", "-z"]).run()?;
        let records = listed.split(|&byte| byte == 0).filter(|record| !record.is_empty());
        let pair = |record: &[u8]| {
            let text = String::from_utf8_lossy(record);
            let (key, value) = text.split_once('\n').unwrap_or((&text, ""));
            (key.to_owned(), value.to_owned())
        };
        Ok(Settings(records.map(pair).collect()))
    }
}
