//! Takes the step's own git at the end, gives the work that lies in it and nowhere else: what a stash, another branch or
//! the reflog holds, what is staged and not there, what a sparse checkout hides. What can be, is salvaged.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::path::PathBuf;

use super::checkout::Worktree;
use super::error::WorktreeError;
use super::layout::{plural, shown};
use super::own::{Head, OwnGit, There};
use super::scripts::{LACKS, LEFT, TAKE_LEFT};
use super::tree::GITLINK;
use crate::git::{Oid, RawOid, RefName};

/// How many are named.
const NAMED: usize = 20;
/// How many staged files are named.
const STAGED: usize = 3;

/// Work that lies in the step's own git and nowhere else.
#[derive(Debug, Clone, Default)]
pub struct LeftInGit {
    /// What it is; the first of it.
    pub items: Vec<InGit>,
    /// How much more there is.
    pub more: u64,
}

/// One piece of such work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InGit {
    /// What it is, in words; names are the step's.
    pub what: String,
    /// The commit that it is, if it is one.
    pub commit: Option<Oid>,
    /// The ref in the salvage bundle that has it.
    pub reference: Option<RefName>,
}

/// What does not count as left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Except {
    /// What HEAD is at: the files were made from that.
    Head,
    Nothing,
}

/// A commit of the step's that is nowhere else.
struct Made {
    id: Oid,
    parents: Vec<Oid>,
    subject: String,
    /// The runner has its tree.
    known: bool,
}

impl LeftInGit {
    /// Tells whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty() && self.more == 0
    }

    /// Adds more of it.
    pub(super) fn add(&mut self, found: Vec<InGit>) {
        for item in found {
            if self.items.len() < NAMED {
                self.items.push(item);
            } else {
                self.more += 1;
            }
        }
    }

    /// Adds what could not be read, and is as it was at this place.
    pub(super) fn unread(&mut self, place: &std::path::Path) {
        let what = format!("what git could not read, which is now in {}", place.display());
        self.add(vec![InGit { what, commit: None, reference: None }]);
    }
}

impl Worktree {
    /// Finds what lies in the step's own git and nowhere else, and takes over what can be.
    pub async fn left_in_git(&mut self) -> LeftInGit {
        let mut left = LeftInGit::default();
        for number in 0..self.base.parts.len() {
            let found = match self.left_of(number, Except::Head).await {
                Ok(found) => found,
                Err(error) => {
                    let path = shown(self.own_git(number).path()).into_owned();
                    let what = format!("whatever is in {path}, which could not be looked through: {error}");
                    vec![InGit { what, commit: None, reference: None }]
                }
            };
            left.add(found);
        }
        left
    }

    /// The same of one part.
    pub(super) async fn left_of(
        &mut self,
        number: usize,
        except: Except,
    ) -> Result<Vec<InGit>, WorktreeError> {
        let part = &self.base.parts[number];
        let own = self.own_git(number);
        if own.there()? != There::Folder {
            return Ok(Vec::new());
        }
        let head = match (own.head(), except) {
            (Head::At(head), Except::Head) => Some(head),
            _ => None,
        };
        let mut known: HashSet<Oid> = self.base.refs.iter().map(|(_, id)| id.clone()).collect();
        known.insert(part.commit.clone());
        if number > 0 {
            known.extend(part.source.tags()?.into_iter().map(|(_, id)| id));
        }
        let names = names(&own, except)?;
        let names: Vec<(String, Oid)> =
            names.into_iter().filter(|(_, id)| !known.contains(id) && Some(id) != head.as_ref()).collect();
        let same_index = self.own[number].as_ref().is_some_and(|whole| own.index().ok() == Some(whole.index));
        if names.is_empty() && same_index {
            return Ok(Vec::new());
        }
        if !own.has_plain_objects()? {
            return Err(std::io::Error::other("something in its objects is no file").into());
        }
        known.extend(head);
        let printed = self.tell_left(number, &names, &known).await?;
        let told = Told::read(&printed).ok_or_else(|| WorktreeError::garbled("look"))?;
        let mut found = self.of_commits(number, &names, &told).await?;
        found.extend(self.of_index(number, told.index).await?);
        let prefix =
            if number == 0 { String::new() } else { format!("{}: ", shown(&self.base.parts[number].path)) };
        for item in &mut found {
            item.what.insert_str(0, &prefix);
        }
        Ok(found)
    }

    async fn tell_left(
        &self,
        number: usize,
        names: &[(String, Oid)],
        known: &HashSet<Oid>,
    ) -> Result<Vec<u8>, WorktreeError> {
        let part = &self.base.parts[number];
        let line = |text: String| text + "\n";
        self.lay_lines("names", names.iter().map(|(_, id)| line(format!("{id}^{{}}"))))?;
        self.lay_lines("not", known.iter().map(|id| line(format!("^{id}"))))?;
        self.lay_lines("shallow", part.source.boundaries()?.iter().map(|id| line(id.to_string())))?;
        self.git.script("look", LEFT, &self.dir.part_at(number, &part.path)).await
    }

    fn lay_lines(&self, name: &str, lines: impl Iterator<Item = String>) -> Result<(), WorktreeError> {
        let file = self.dir.inbox().join(name);
        std::fs::write(&file, lines.collect::<String>()).map_err(super::error::at(&file))
    }

    /// Names the commits that nothing else of it stands on, and takes them over if they can be.
    async fn of_commits(
        &mut self,
        number: usize,
        names: &[(String, Oid)],
        told: &Told<'_>,
    ) -> Result<Vec<InGit>, WorktreeError> {
        let mut by_commit: BTreeMap<&Oid, Vec<&str>> = BTreeMap::new();
        let mut found = Vec::new();
        for ((name, _), (id, kind)) in names.iter().zip(&told.names) {
            match kind.as_str() {
                "commit" => by_commit.entry(id).or_default().push(name),
                // It was there once: a reflog outlives what it tells of.
                "missing" => {}
                kind => {
                    let what = format!("{name}, a {kind}");
                    found.push(InGit { what, commit: None, reference: None });
                }
            }
        }
        let parents: HashSet<&Oid> = told.made.iter().flat_map(|made| &made.parents).collect();
        // A stash is a merge of what was staged and what was not tracked: its own tree is not all of it.
        let is_elsewhere = |made: &Made| parents.contains(&made.id) || (made.known && made.parents.len() < 2);
        let is_left = |made: &&Made| !is_elsewhere(made);
        let tips: Vec<&Made> = told.made.iter().filter(is_left).collect();
        let known = |id: &Oid| *id == self.base.parts[number].commit;
        let made: HashMap<&Oid, &Made> = told.made.iter().map(|made| (&made.id, made)).collect();
        let whole: Vec<&Made> =
            tips.iter().copied().filter(|tip| stands_on(tip, &made, &known)).take(NAMED).collect();
        let taken = self.take_left(number, &whole).await;
        for tip in tips {
            let called =
                by_commit.get(&tip.id).and_then(|names| names.first()).map_or("a commit", |name| name);
            let what = format!("{}: {}", shown(called.as_bytes()), shown(tip.subject.as_bytes()));
            found.push(InGit { what, commit: Some(tip.id.clone()), reference: taken.get(&tip.id).cloned() });
        }
        Ok(found)
    }

    /// Takes commits over under refs of their own; whatever is in the way of that, they are named at least.
    async fn take_left(&mut self, number: usize, tips: &[&Made]) -> HashMap<Oid, RefName> {
        // The bundle is one of the repository itself.
        if tips.is_empty() || number > 0 {
            return HashMap::new();
        }
        let taken: HashSet<&str> = self.ledger.salvaged.iter().map(RefName::as_str).collect();
        let free =
            (1_u32..).map(|n| format!("refs/salvage/git/{n}")).filter(|name| !taken.contains(name.as_str()));
        let named: Vec<(Oid, RefName)> = tips
            .iter()
            .zip(free)
            .filter_map(|(tip, name)| Some((tip.id.clone(), RefName::parse(&name).ok()?)))
            .collect();
        let lines = named.iter().map(|(id, name)| format!("{id} {name}\n"));
        if self.lay_lines("names", lines).is_err() {
            return HashMap::new();
        }
        let variables: [(&str, OsString); 2] =
            [("BASE", (&self.ledger.base).into()), ("MOST", self.saving.left.to_string().into())];
        let Ok(printed) = self.git.script("take", TAKE_LEFT, &variables).await else { return HashMap::new() };
        let size = String::from_utf8_lossy(&printed).trim().parse().unwrap_or(self.saving.left);
        self.saving.left = self.saving.left.saturating_sub(size);
        self.ledger.salvaged.extend(named.iter().map(|(_, name)| name.clone()));
        named.into_iter().collect()
    }

    /// Names what is staged, or hidden by a sparse checkout, and neither there nor saved.
    async fn of_index(&self, number: usize, index: &[u8]) -> Result<Vec<InGit>, WorktreeError> {
        let part = &self.base.parts[number];
        let base: HashMap<&[u8], RawOid> =
            part.entries.iter().map(|entry| (entry.path.as_slice(), entry.held.oid)).collect();
        let gone = |entry: &Staged<'_>| !self.snapshot.holds(&part.in_worktree(entry.path));
        let entries: Vec<Staged<'_>> =
            index.split(|&byte| byte == 0).filter_map(Staged::read).filter(gone).collect();
        let (hidden, staged): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.hidden);
        let is_new = |entry: &Staged<'_>| base.get(entry.path).is_none_or(|id| *id != entry.oid);
        let staged: Vec<Staged<'_>> = staged.into_iter().filter(is_new).collect();
        let staged = self.lacked(number, staged).await?;
        let mut found = Vec::new();
        for (what, entries) in [("staged", staged), ("hidden by a sparse checkout", hidden)] {
            if entries.is_empty() {
                continue;
            }
            let named: Vec<_> = entries.iter().take(STAGED).map(|entry| shown(entry.path)).collect();
            let more = if entries.len() > STAGED { ", …" } else { "" };
            let what = format!("{} {what}: {}{more}", plural(entries.len(), "file"), named.join(", "));
            found.push(InGit { what, commit: None, reference: None });
        }
        Ok(found)
    }

    /// Keeps of what is staged what the runner has in no commit.
    async fn lacked<'i>(
        &self,
        number: usize,
        mut staged: Vec<Staged<'i>>,
    ) -> Result<Vec<Staged<'i>>, WorktreeError> {
        if staged.is_empty() {
            return Ok(staged);
        }
        self.lay_lines("names", staged.iter().map(|entry| format!("{}\n", entry.oid)))?;
        let place = self.dir.part_at(number, &self.base.parts[number].path);
        let printed = self.git.script("look", LACKS, &place).await?;
        let mut lines = printed.split(|&byte| byte == b'\n');
        staged.retain(|_| lines.next().is_some_and(|line| line.ends_with(b" missing")));
        Ok(staged)
    }

    /// Moves the step's own git aside as it is; returns where to.
    pub(super) fn set_aside_own(&self, number: usize) -> Result<PathBuf, WorktreeError> {
        self.move_aside(self.own_git(number).path())
    }
}

/// What the script tells.
struct Told<'p> {
    /// What each of the names is, in their order.
    names: Vec<(Oid, String)>,
    made: Vec<Made>,
    index: &'p [u8],
}

impl<'p> Told<'p> {
    fn read(printed: &'p [u8]) -> Option<Self> {
        let (names, rest) = part(printed)?;
        let (commits, rest) = part(rest)?;
        let (trees, index) = part(rest)?;
        let lines =
            |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect::<Vec<_>>();
        let name = |line: String| {
            let (id, kind) = line.split_once(' ')?;
            Some((Oid::parse(id.strip_suffix("^{}").unwrap_or(id)).ok()?, kind.to_owned()))
        };
        let known = lines(trees);
        let mut made: Vec<Made> = lines(commits).iter().filter_map(|line| Made::read(line)).collect();
        for (made, known) in made.iter_mut().zip(known) {
            made.known = known == "tree";
        }
        Some(Self { names: lines(names).into_iter().map(name).collect::<Option<_>>()?, made, index })
    }
}

/// Takes what stands before a line `--`.
fn part(printed: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(rest) = printed.strip_prefix(b"--\n") {
        return Some((&printed[..0], rest));
    }
    let end = printed.windows(4).position(|four| four == b"\n--\n")?;
    Some((&printed[..=end], &printed[end + 4..]))
}

impl Made {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.splitn(4, '|');
        let id = Oid::parse(words.next()?).ok()?;
        let parents = words.nth(1)?.split_whitespace().map(Oid::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { id, parents, subject: words.next()?.to_owned(), known: false })
    }
}

/// Tells whether all that a commit stands on is made by the step or known.
fn stands_on(tip: &Made, made: &HashMap<&Oid, &Made>, known: &impl Fn(&Oid) -> bool) -> bool {
    let (mut open, mut seen) = (vec![tip], HashSet::new());
    while let Some(commit) = open.pop() {
        for parent in &commit.parents {
            match made.get(parent) {
                Some(parent) if seen.insert(&parent.id) => open.push(parent),
                Some(_) => {}
                None if known(parent) => {}
                None => return false,
            }
        }
    }
    true
}

/// An entry of an index.
struct Staged<'i> {
    path: &'i [u8],
    oid: RawOid,
    hidden: bool,
}

impl<'i> Staged<'i> {
    /// Reads `<tag> <mode> <id> <stage>\t<path>`; nothing of what holds no bytes of its own.
    fn read(record: &'i [u8]) -> Option<Self> {
        let tab = record.iter().position(|&byte| byte == b'\t')?;
        let mut words = std::str::from_utf8(&record[..tab]).ok()?.split(' ');
        let (tag, mode, oid) = (words.next()?, words.next()?, RawOid::parse(words.next()?).ok()?);
        let is_file = u32::from_str_radix(mode, 8).is_ok_and(|mode| mode != GITLINK);
        let entry = Self { path: &record[tab + 1..], oid, hidden: tag == "S" };
        is_file.then_some(entry)
    }
}

/// Lists what leads to commits, each commit by the name that says most of it.
fn names(own: &OwnGit<'_>, except: Except) -> Result<Vec<(String, Oid)>, WorktreeError> {
    let mut names: Vec<(String, Oid)> = Vec::new();
    let mut seen: HashSet<Oid> = HashSet::new();
    let mut add = |name: String, id: Oid| {
        if seen.insert(id.clone()) {
            names.push((name, id));
        }
    };
    let logged = own.logged()?;
    let stashed: Vec<&Oid> =
        logged.iter().rev().filter(|(name, _)| name == b"logs/refs/stash").map(|(_, id)| id).collect();
    for (number, id) in stashed.into_iter().enumerate() {
        add(format!("stash@{{{number}}}"), id.clone());
    }
    for (name, id) in own.refs()? {
        let text = String::from_utf8_lossy(&name);
        let named = match text.strip_prefix("refs/heads/") {
            Some(branch) => format!("branch {branch}"),
            None => text.into_owned(),
        };
        add(named, id);
    }
    if except == Except::Nothing
        && let Head::At(head) = own.head()
    {
        add("HEAD".to_owned(), head);
    }
    for (_, id) in logged {
        add("a commit on no branch".to_owned(), id);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> Oid {
        Oid::parse(&digit.to_string().repeat(40)).unwrap()
    }

    #[test]
    fn what_the_script_tells_is_read_whatever_a_step_calls_its_commits() {
        let (a, b, c) = (id('a'), id('b'), id('c'));
        let printed = format!(
            "{a} commit\n{b}^{{}} missing\n--\n{a}|{b}|{c} {b}|a|b -- c\n\n--\ntree\n--\nH 100644 {c} 0\tx\n--\ny\0S 100644 {a} 0\tz\0H 160000 {a} 0\tlib\0"
        );
        let told = Told::read(printed.as_bytes()).unwrap();
        assert_eq!(told.names, [(a.clone(), "commit".to_owned()), (b.clone(), "missing".to_owned())]);
        let made = &told.made[0];
        assert_eq!((&made.id, made.parents.as_slice()), (&a, &[c, b.clone()][..]));
        assert_eq!((made.subject.as_str(), made.known), ("a|b -- c", true));
        let index: Vec<_> = told.index.split(|&byte| byte == 0).filter_map(Staged::read).collect();
        let index: Vec<_> = index.iter().map(|entry| (entry.path, entry.hidden)).collect();
        assert_eq!(index, [(b"x\n--\ny".as_slice(), false), (b"z", true)]);
        assert!(Told::read(b"--\n--\n--\n").is_some());
        assert!(Told::read(b"--\n--\n").is_none());
    }

    #[test]
    fn a_commit_is_whole_if_all_it_stands_on_is_there() {
        let commit = |own: char, parents: &[char]| Made {
            id: id(own),
            parents: parents.iter().map(|parent| id(*parent)).collect(),
            subject: String::new(),
            known: false,
        };
        let all = [commit('1', &['2', '3']), commit('2', &['a']), commit('3', &[]), commit('4', &['2', 'b'])];
        let made: HashMap<&Oid, &Made> = all.iter().map(|made| (&made.id, made)).collect();
        let is_base = |id: &Oid| id.as_str().starts_with('a');
        assert!(stands_on(&all[0], &made, &is_base));
        assert!(!stands_on(&all[3], &made, &is_base));
    }
}
