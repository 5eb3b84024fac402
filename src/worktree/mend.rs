//! Mending the step's own git before an attempt: what a step removed or broke is made anew, so that the next one has a
//! git to work with. What else lies there stays, as far as git can read it.

use std::fmt;
use std::fs;

use rustix::fs::Mode;

use super::checkout::Worktree;
use super::error::{WorktreeError, at};
use super::gitdirs::{self, Own};
use super::init::{self, Use};
use super::layout::shown;
use super::left::{Except, LeftInGit};
use super::own::{Fault, Head, OwnGit, There};
use super::packing::{ALTERNATES, Depth, borrowed_line};
use super::remove::remove_tree;
use super::root::{Root, join};
use super::scripts::{OWN_TREE, PROBE_OWN};
use super::tree::ObjectFormat;
use crate::git::RefName;

/// Extensions with which git finds what it looks for where it always does.
const HARMLESS: [&str; 4] = ["noop", "preciousobjects", "relativeworktrees", "worktreeconfig"];

/// What a git directory holds: data alone.
const HOLDS: [&str; 8] = ["HEAD", "ORIG_HEAD", "index", "logs", "objects", "packed-refs", "refs", "shallow"];

/// That a step's own git was broken, and is mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// Where it lies, as people read it.
    path: String,
    was: Was,
}

/// What was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Was {
    Gone,
    NoFolder,
    /// What git needs is not in it, or cannot be read.
    Unusable,
    /// The base is not in it.
    Another,
    Config,
    Head,
    Index,
    /// It is as it was: it could not be mended.
    Stays(String),
}

impl fmt::Display for Mended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.was {
            Was::Gone => write!(f, "{path} was gone and was made anew"),
            Was::NoFolder => write!(f, "{path} was no folder and was made anew"),
            Was::Unusable => write!(f, "{path} could not be read by git and was made anew"),
            Was::Another => write!(f, "{path} did not hold the base any more and was made anew"),
            Was::Config => write!(f, "{path}/config could not be read by git and was written anew"),
            Was::Head => write!(f, "{path}/HEAD led nowhere and was written anew"),
            Was::Index => write!(f, "{path}/index could not be read by git and was made anew"),
            Was::Stays(why) => write!(f, "{path} is broken and could not be mended: {why}"),
        }
    }
}

impl Worktree {
    /// Remembers the step's own git as it was made.
    pub(super) fn remember_own(&mut self) -> Result<(), WorktreeError> {
        for number in 0..self.base.parts.len() {
            self.own[number] = Some(self.own_git(number).whole()?);
        }
        Ok(())
    }

    /// Returns the step's own git of a part.
    pub(super) fn own_git(&self, number: usize) -> OwnGit<'_> {
        OwnGit::of(&self.root, &self.base.parts[number].path)
    }

    /// Sees to it that an attempt has a git to work with. Returns what was wrong with the one that there was, and what
    /// lay in it and nowhere else.
    pub async fn mend_git(&mut self) -> (Vec<Mended>, LeftInGit) {
        let (mut mended, mut left) = (Vec::new(), LeftInGit::default());
        for number in 0..self.base.parts.len() {
            let was = self.mend_part(number, &mut left).await;
            let was = was.unwrap_or_else(|error| vec![Was::Stays(error.to_string())]);
            let path = shown(self.own_git(number).path()).into_owned();
            mended.extend(was.into_iter().map(|was| Mended { path: path.clone(), was }));
        }
        (mended, left)
    }

    async fn mend_part(&mut self, number: usize, left: &mut LeftInGit) -> Result<Vec<Was>, WorktreeError> {
        let part = self.base.parts[number].path.clone();
        if self.root.folder(&part).is_err() {
            // A submodule that is gone is the checkpoint's business.
            return Ok(Vec::new());
        }
        let own = self.own_git(number);
        match own.there()? {
            There::Folder => {}
            There::Nothing => return self.renew(number, Was::Gone).await,
            There::Other => return self.renew(number, Was::NoFolder).await,
        }
        self.root.permit(own.path(), Mode::RWXU)?;
        own.unlock()?;
        let faults = own.faults()?;
        let now = own.whole()?;
        let is_known = self.own[number].as_ref().is_some_and(|known| known.is_like(&now));
        if faults.is_empty() && !self.leads_nowhere(number) && is_known {
            return Ok(Vec::new());
        }
        if faults.iter().any(|fault| matches!(fault, Fault::Hollow | Fault::Special))
            || !own.has_plain_objects()?
        {
            return self.replace(number, Was::Unusable, left).await;
        }
        let mut was = self.mend_files(number, &faults)?;
        match self.probe(number).await? {
            Probed::Fit => {}
            Probed::Settings if !was.contains(&Was::Config) => {
                self.lay_config(number)?;
                was.push(Was::Config);
                if self.probe(number).await? != Probed::Fit {
                    return self.replace(number, Was::Another, left).await;
                }
            }
            Probed::Settings | Probed::Lacks => return self.replace(number, Was::Another, left).await,
        }
        let mut now = self.own_git(number).whole()?;
        // What a step has put into it is looked for at the end.
        now.index = self.own[number].take().and_then(|known| known.index);
        if faults.contains(&Fault::Index) {
            self.make_index(number).await?;
            was.push(Was::Index);
            now.index = self.own_git(number).index()?;
        }
        self.own[number] = Some(now);
        Ok(was)
    }

    /// Takes all out of the step's own git that git or a tool of its could start or obey: for somebody who may do more than
    /// who worked with it before. Settings are written anew, what it holds stays.
    pub(super) fn strip_git(&mut self) -> Result<(), WorktreeError> {
        for number in 0..self.base.parts.len() {
            let own = self.own_git(number);
            if own.there()? != There::Folder {
                continue;
            }
            let path = own.path().to_vec();
            let names: Vec<_> = self.root.list(&path)?.collect::<Result<_, _>>()?;
            for (name, _) in names {
                if !HOLDS.iter().any(|holds| holds.as_bytes() == name) {
                    self.remove_entry(&join(&path, &name))?;
                }
            }
            self.lay_config(number)?;
            let attributes = &self.base.parts[number].attributes;
            let info = join(&path, b"info");
            self.root.make_folder(&info)?;
            if !attributes.is_empty() {
                self.lay_own(number, "info/attributes", attributes)?;
            }
            self.own[number] = Some(self.own_git(number).whole()?);
        }
        Ok(())
    }

    /// Tells whether HEAD is at the branch that it was made with, and that is gone.
    fn leads_nowhere(&self, number: usize) -> bool {
        let own = self.own_git(number);
        let said = own.read("HEAD", 4096).unwrap_or_default();
        own.head() == Head::Unborn && said == format!("{}\n", self.head_of(number)).into_bytes()
    }

    fn mend_files(&self, number: usize, faults: &[Fault]) -> Result<Vec<Was>, WorktreeError> {
        let mut was = Vec::new();
        if faults.contains(&Fault::Config) {
            self.lay_config(number)?;
            was.push(Was::Config);
        }
        if faults.contains(&Fault::Head) || self.leads_nowhere(number) {
            self.lay_own(number, "HEAD", format!("{}\n", self.head_of(number)).as_bytes())?;
            if !matches!(self.own_git(number).head(), Head::At(_)) {
                // The branch is broken or gone, too.
                self.lay_own(number, "HEAD", format!("{}\n", self.base.parts[number].commit).as_bytes())?;
            }
            was.push(Was::Head);
        }
        Ok(was)
    }

    fn branch_of(&self, number: usize) -> Option<RefName> {
        (number == 0).then(|| RefName::branch(&self.record.branch).ok())?
    }

    fn head_of(&self, number: usize) -> String {
        gitdirs::head(&self.base.parts[number], self.branch_of(number).as_ref())
    }

    fn lay_config(&self, number: usize) -> Result<(), WorktreeError> {
        let own = gitdirs::own_settings(&self.base.person);
        self.lay_own(number, "config", init::settings(self.repository.format, Use::Work, &own).as_bytes())
    }

    /// Has the step's own git borrow from the run, where it borrows from elsewhere by this line.
    pub(super) fn lend_instead(&self, line: &[u8]) -> Result<(), WorktreeError> {
        if self.own_git(0).read(ALTERNATES, 4096).is_some_and(|own| own == line) {
            self.lay_own(0, ALTERNATES, borrowed_line(&self.dir.objects())?.as_bytes())?;
        }
        self.repository.unpin(&self.record.run)
    }

    /// Puts a file into the step's own git, whatever is at its place.
    fn lay_own(&self, number: usize, name: &str, bytes: &[u8]) -> Result<(), WorktreeError> {
        let (path, inbox) = (self.own_git(number).at(name), self.dir.inbox());
        self.remove_entry(&path)?;
        let file = inbox.join("own");
        fs::write(&file, bytes).map_err(at(&file))?;
        self.git.make_over(&inbox)?;
        Ok(self.root.put(&path, &Root::open(&inbox)?, "own")?)
    }

    /// Asks git whether it could work there, with what HEAD and the base need.
    async fn probe(&self, number: usize) -> Result<Probed, WorktreeError> {
        let part = &self.base.parts[number];
        let mut commits = part.commit.to_string();
        if let Head::At(head) = self.own_git(number).head() {
            commits.push_str(&format!(" {head}"));
        }
        let variables = [&self.dir.part_at(number, &part.path)[..], &[("COMMITS", commits.into())]].concat();
        match self.git.script("probe", PROBE_OWN, &variables).await {
            Ok(settings) if are_fit(&settings, self.repository.format) => Ok(Probed::Fit),
            Ok(_) => Ok(Probed::Settings),
            Err(WorktreeError::Git { said, .. }) if said.contains("config") => Ok(Probed::Settings),
            Err(WorktreeError::Git { .. }) => Ok(Probed::Lacks),
            Err(error) => Err(error),
        }
    }

    /// Replaces what cannot be worked with. What lies only there is looked for first; if that cannot be read, it is moved
    /// aside as it is.
    async fn replace(
        &mut self,
        number: usize,
        was: Was,
        left: &mut LeftInGit,
    ) -> Result<Vec<Was>, WorktreeError> {
        if self.own_git(number).is_empty()? {
            return self.renew(number, was).await;
        }
        match self.left_of(number, Except::Nothing).await {
            Ok(found) => left.add(found),
            Err(_) => left.unread(&self.set_aside_own(number)?),
        }
        self.renew(number, was).await
    }

    async fn renew(&mut self, number: usize, was: Was) -> Result<Vec<Was>, WorktreeError> {
        let (path, fresh) = (self.own_git(number).path().to_vec(), self.dir.path().join("own.git"));
        self.remove_entry(&path)?;
        remove_tree(&fresh)?;
        let part = &self.base.parts[number];
        let branch = self.branch_of(number);
        let borrowed = self.borrowed.first().filter(|_| number == 0);
        let depth = borrowed.map_or(Depth::All, |objects| Depth::Borrowed(objects));
        let of =
            Own { part, person: &self.base.person, refs: &self.base.refs, branch: branch.as_ref(), depth };
        gitdirs::make_own(&fresh, &self.repository, of)?;
        self.git.make_over(&fresh)?;
        Root::open(self.dir.path())?.move_to(b"own.git", &self.root.folder(&part.path)?, ".git")?;
        self.make_index(number).await?;
        self.own[number] = Some(self.own_git(number).whole()?);
        Ok(vec![was])
    }

    async fn make_index(&self, number: usize) -> Result<(), WorktreeError> {
        let part = &self.base.parts[number];
        self.remove_entry(&self.own_git(number).at("index"))?;
        let commit = [("COMMIT", (&part.commit).into())];
        let variables = [&self.dir.part_at(number, &part.path)[..], &commit].concat();
        self.git.script("index", OWN_TREE, &variables).await.map(drop)
    }
}

/// What git says of the step's own git.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probed {
    Fit,
    /// Its settings cannot be read, or lead elsewhere.
    Settings,
    /// Something that has to be there is not.
    Lacks,
}

/// Tells whether git works with such settings, listed with NULs, where they lie.
fn are_fit(settings: &[u8], format: ObjectFormat) -> bool {
    settings.split(|&byte| byte == 0).filter(|setting| !setting.is_empty()).all(|setting| {
        let text = String::from_utf8_lossy(setting);
        let (key, value) = text.split_once('\n').unwrap_or((&text, "true"));
        match key {
            "core.repositoryformatversion" => matches!(value, "0" | "1"),
            "core.bare" => matches!(value.to_ascii_lowercase().as_str(), "false" | "no" | "off" | "0" | ""),
            "core.worktree" => false,
            "extensions.objectformat" => value == format.name(),
            "extensions.refstorage" => value == "files",
            key => key.strip_prefix("extensions.").is_none_or(|name| HARMLESS.contains(&name)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_lead_elsewhere_are_not_fit() {
        let fit = |settings: &str| are_fit(settings.replace('|', "\0").as_bytes(), ObjectFormat::Sha1);
        for settings in [
            "",
            "core.repositoryformatversion\n0|core.bare\nfalse|user.name\na\nb|",
            "core.bare\n|core.filemode|alias.x\n!y|extensions.worktreeconfig\ntrue|",
            "extensions.objectformat\nsha1|",
        ] {
            assert!(fit(settings), "{settings:?}");
        }
        for settings in [
            "core.repositoryformatversion\n2|",
            "core.bare\nTrue|",
            "core.bare|",
            "core.worktree\n../x|",
            "extensions.objectformat\nsha256|",
            "extensions.refstorage\nreftable|",
            "extensions.unheard\ntrue|",
        ] {
            assert!(!fit(settings), "{settings:?}");
        }
    }
}
