//! Where names of the host lead: each folder is listed, each link read and each way resolved once, however many programs
//! lie there. Holds what it has seen, so that one lives no longer than one search.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use autopilot_init::{own, reading};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir};

/// So many links may lead to one another before they end: of a program, and, as the kernel has it, on the way to one.
const HOPS: usize = 16;
const MOST_HOPS: usize = 40;

/// So many names of a folder are asked for one by one; for more it is listed.
const SINGLE: usize = 3;

/// A folder with more than that is never listed for the sake of single names: a store of thousands of packages.
const LONGEST: usize = 4;

/// So much of a folder is read by one call, in bytes.
const BUFFER: usize = 32 << 10;

/// What a name is, without following it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File,
    /// A link; where to is asked for when that matters.
    Link,
    /// Something else, or a file system that does not tell.
    Other,
}

/// A folder's names.
pub(super) type Listing = Rc<HashMap<OsString, Kind>>;

/// What single names of a folder have shown.
#[derive(Debug, Default)]
struct Asked {
    times: usize,
    /// It was listed, or is not to be.
    is_tried: bool,
    listing: Option<Listing>,
}

/// Where a name leads.
#[derive(Debug, Clone)]
enum Step {
    Nothing,
    /// To what has that name.
    Itself,
    Link(PathBuf),
}

/// What has been seen of the host.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    folders: HashMap<PathBuf, Asked>,
    steps: HashMap<PathBuf, Step>,
    /// Folders by where they really are.
    real: HashMap<PathBuf, Option<PathBuf>>,
}

impl Lookup {
    /// Lists a folder, by a name without links; nothing where that is not allowed.
    pub(super) fn list(&mut self, folder: &Path) -> Listing {
        let asked = self.folders.entry(folder.to_owned()).or_default();
        if asked.listing.is_none() {
            (asked.is_tried, asked.listing) = (true, listed(folder, usize::MAX).map(Rc::new));
        }
        asked.listing.clone().unwrap_or_default()
    }

    /// Returns where a link itself leads, as it says.
    pub(super) fn link(&mut self, path: &Path) -> Option<PathBuf> {
        match self.step(path.parent()?, path.file_name()?) {
            Step::Link(to) => Some(to),
            Step::Itself | Step::Nothing => None,
        }
    }

    /// Returns where a chain of links leads in the end, if there is something.
    pub(super) fn led_to(&mut self, link: &Path) -> Option<PathBuf> {
        let mut path = link.to_owned();
        for _ in 0..HOPS {
            let (parent, name) = (self.real(path.parent()?)?, path.file_name()?);
            let here = parent.join(name);
            match self.step(&parent, name) {
                // `folder/` is the folder, even where that is a link.
                Step::Link(_) if is_of_a_folder(&path) => return Some(here).filter(|here| here.exists()),
                // Not from where its folder really is: `.` at the end would be another name.
                Step::Link(to) => path = path.parent()?.join(to),
                Step::Itself => return Some(here),
                Step::Nothing => return None,
            }
        }
        None
    }

    /// Returns the name of a path without links and `..`, if there is something.
    pub(super) fn real(&mut self, path: &Path) -> Option<PathBuf> {
        // To compare, `file/` is `file`, which is there.
        if is_of_a_folder(path) {
            return self.resolve(path, &mut 0);
        }
        if let Some(known) = self.real.get(path) {
            return known.clone();
        }
        let real = self.resolve(path, &mut 0);
        self.real.insert(path.to_owned(), real.clone());
        real
    }

    fn resolve(&mut self, path: &Path, hops: &mut usize) -> Option<PathBuf> {
        if !path.is_absolute() {
            return std::fs::canonicalize(path).ok();
        }
        let mut here = PathBuf::from("/");
        for part in path.components() {
            match part {
                Component::Normal(name) => match self.step(&here, name) {
                    Step::Itself => here.push(name),
                    Step::Nothing => return None,
                    Step::Link(to) => {
                        *hops += 1;
                        if *hops > MOST_HOPS {
                            return None;
                        }
                        here = self.resolve(&here.join(to), hops)?;
                    }
                },
                // Of what is no folder there is nothing above.
                Component::ParentDir if !self.is_folder(&here) => return None,
                Component::ParentDir => drop(here.pop()),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
        }
        Some(here).filter(|here| !is_of_a_folder(path) || self.is_folder(here))
    }

    /// Returns where a path leads; as far as it is not there, as it is written.
    pub(super) fn leads(&mut self, path: &Path) -> PathBuf {
        own::real_by(path, |path| self.real(path))
    }

    /// Tells whether there is something of a name in a folder, be it at the end of links.
    pub(super) fn has(&mut self, folder: &Path, name: &str) -> bool {
        match self.step(folder, OsStr::new(name)) {
            Step::Itself => true,
            Step::Nothing => false,
            Step::Link(_) => folder.join(name).exists(),
        }
    }

    /// Tells the same of a path of several names; of most of those that are not there the first one is not, either.
    pub(super) fn has_below(&mut self, folder: &Path, path: &str) -> bool {
        match path.split_once('/') {
            None => self.has(folder, path),
            Some((first, _)) => self.has(folder, first) && folder.join(path).exists(),
        }
    }

    fn is_folder(&self, real: &Path) -> bool {
        let listing = |folder: &Path| self.folders.get(folder)?.listing.as_ref();
        if listing(real).is_some() {
            return true;
        }
        let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else { return true };
        match listing(parent).and_then(|listing| listing.get(name)) {
            Some(Kind::Folder) => true,
            Some(Kind::File) => false,
            _ => real.is_dir(),
        }
    }

    /// Looks at one name in a folder, which itself has a name without links.
    fn step(&mut self, folder: &Path, name: &OsStr) -> Step {
        let path = folder.join(name);
        if let Some(known) = self.steps.get(&path) {
            return known.clone();
        }
        let step = match self.listing(folder) {
            None => read_link(&path),
            Some(listing) => match listing.get(name) {
                None => Step::Nothing,
                Some(Kind::Folder | Kind::File) => Step::Itself,
                Some(Kind::Link | Kind::Other) => read_link(&path),
            },
        };
        self.steps.insert(path, step.clone());
        step
    }

    /// Returns what is in a folder once that is worth listing: nothing, ask for each name.
    fn listing(&mut self, folder: &Path) -> Option<Listing> {
        let asked = self.folders.entry(folder.to_owned()).or_default();
        asked.times += 1;
        if !asked.is_tried && asked.times > SINGLE {
            (asked.is_tried, asked.listing) = (true, listed(folder, LONGEST).map(Rc::new));
        }
        asked.listing.clone()
    }
}

/// Tells whether a path is spelled as only that of a folder can be.
fn is_of_a_folder(path: &Path) -> bool {
    let path = path.as_os_str().as_bytes();
    path.ends_with(b"/") || path.ends_with(b"/.")
}

fn read_link(path: &Path) -> Step {
    match reading::link(path) {
        Ok(to) => Step::Link(to),
        // It is there, and no link.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Step::Itself,
        Err(_) => Step::Nothing,
    }
}

/// Lists a folder by so many calls at most; nothing if that is not all of it.
fn listed(folder: &Path, calls: usize) -> Option<HashMap<OsString, Kind>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(folder, flags, Mode::empty()).ok()?;
    let mut buffer = vec![MaybeUninit::uninit(); BUFFER];
    let mut names = HashMap::new();
    let (mut entries, mut left) = (RawDir::new(opened, &mut buffer), calls);
    loop {
        if entries.is_buffer_empty() {
            if left == 0 {
                return None;
            }
            left -= 1;
        }
        let Some(entry) = entries.next() else { return Some(names) };
        let entry = entry.ok()?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            let kind = match told(folder, name, entry.file_type()) {
                FileType::Directory => Kind::Folder,
                FileType::RegularFile => Kind::File,
                FileType::Symlink => Kind::Link,
                _ => Kind::Other,
            };
            names.insert(name.to_owned(), kind);
        }
    }
}

/// Not every file system tells with the name what it is a name of.
fn told(folder: &Path, name: &OsStr, told: FileType) -> FileType {
    if told != FileType::Unknown {
        return told;
    }
    let seen = rustix::fs::statat(CWD, folder.join(name), AtFlags::SYMLINK_NOFOLLOW);
    seen.map_or(told, |seen| FileType::from_raw_mode(seen.st_mode))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    /// Where a link leads, each name asked for by itself.
    fn led_to_by_single_steps(link: &Path) -> Option<PathBuf> {
        let mut path = link.to_owned();
        for _ in 0..HOPS {
            let Ok(to) = fs::read_link(&path) else {
                let real = fs::canonicalize(path.parent()?).ok()?.join(path.file_name()?);
                return Some(real).filter(|program| program.exists());
            };
            path = path.parent()?.join(to);
        }
        None
    }

    const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

    /// A path of few names, so that it often leads somewhere; relative, or below the top.
    fn path() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec!["a", "b", "c", "d", "e", "..", "."]);
        let end = prop::sample::select(vec!["", "", "", "/", "/."]);
        (any::<bool>(), prop::collection::vec(part, 1..5), end).prop_map(|(absolute, parts, end)| {
            format!("{}{}{end}", if absolute { "@/" } else { "" }, parts.join("/"))
        })
    }

    /// What is made at one path after the other, as far as that can be: a folder, a file, or a link.
    fn tree() -> impl Strategy<Value = Vec<(Vec<&'static str>, u8, String)>> {
        let place = prop::collection::vec(prop::sample::select(NAMES.to_vec()), 1..4);
        prop::collection::vec((place, 0..5_u8, path()), 0..40)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn what_is_remembered_leads_where_the_kernel_leads(
            tree in tree(),
            asked in prop::collection::vec(path(), 1..40),
        ) {
            let folder = tempfile::tempdir().unwrap();
            // Deep enough that `..` seldom leads to what others change.
            let own = fs::canonicalize(folder.path()).unwrap();
            let top = own.join("1/2/3/4/5/6");
            fs::create_dir_all(&top).unwrap();
            let full = |path: &str| path.strip_prefix("@/").map_or_else(|| path.into(), |rest| top.join(rest));
            for (place, kind, to) in tree {
                let place = top.join(place.join("/"));
                // What is there already stays.
                let _ = match kind {
                    0 => fs::write(&place, ""),
                    1 | 2 => fs::create_dir_all(&place),
                    _ => std::os::unix::fs::symlink(full(&to), &place),
                };
            }
            let mut lookup = Lookup::default();
            for path in asked {
                let path = top.join(full(&path));
                prop_assert_eq!(lookup.real(&path), fs::canonicalize(&path).ok(), "{}", path.display());
                prop_assert_eq!(lookup.led_to(&path), led_to_by_single_steps(&path), "{}", path.display());
                if let Some(real) = fs::canonicalize(&path).ok().filter(|real| real.starts_with(&own)) {
                    for name in NAMES {
                        prop_assert_eq!(lookup.has(&real, name), real.join(name).exists(), "{}", path.display());
                    }
                    let listed: std::collections::BTreeSet<OsString> =
                        lookup.list(&real).keys().cloned().collect();
                    let there = fs::read_dir(&real).into_iter().flatten().flatten();
                    prop_assert_eq!(listed, there.map(|entry| entry.file_name()).collect());
                }
            }
        }
    }
}
