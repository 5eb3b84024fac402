//! Takes the sources of a crate, gives which file imports which: who names an item imports the file that defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::scan::Source;

/// One file that imports another; paths are relative to `src`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) line: usize,
    /// A parent passes on what its own child defines: no code of the parent needs it.
    pub(super) is_passed_on: bool,
}

/// Where a name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    Module(Vec<String>),
    /// What this module defines.
    Item(Vec<String>),
}

struct Module {
    file: String,
    source: Source,
}

/// The modules of a crate by their path.
pub(super) struct Tree {
    modules: BTreeMap<Vec<String>, Module>,
    pub(super) globs: Vec<String>,
}

impl Tree {
    /// Reads the crate whose sources are in this folder.
    pub(super) fn read(src: &Path) -> Self {
        Self::of(&|file| fs::read_to_string(src.join(file)).ok())
    }

    /// Reads what `lib.rs` declares, and what that declares.
    fn of(text: &dyn Fn(&Path) -> Option<String>) -> Self {
        let mut tree = Self { modules: BTreeMap::new(), globs: Vec::new() };
        tree.add(text, Vec::new(), Path::new("lib.rs"));
        tree
    }

    fn add(&mut self, text: &dyn Fn(&Path) -> Option<String>, path: Vec<String>, file: &Path) {
        let source = Source::read(&text(file).unwrap());
        let folder: PathBuf = path.iter().collect();
        for name in &source.modules {
            let flat = folder.join(format!("{name}.rs"));
            let file = if text(&flat).is_some() { flat } else { folder.join(name).join("mod.rs") };
            self.add(text, [path.as_slice(), std::slice::from_ref(name)].concat(), &file);
        }
        self.modules.insert(path, Module { file: file.display().to_string(), source });
    }

    pub(super) fn files(&self) -> BTreeSet<&str> {
        self.modules.values().map(|module| module.file.as_str()).collect()
    }

    /// Returns each import, once, with the first line that makes it.
    pub(super) fn imports(&mut self) -> Vec<Import> {
        let mut found: BTreeMap<(String, String, bool), usize> = BTreeMap::new();
        let mut globs = Vec::new();
        for (path, module) in &self.modules {
            for (named, line, is_public) in module.named() {
                let Some(to) = self.leads(path, &named, 0) else { continue };
                if named.last().is_some_and(|last| last == "*") {
                    globs.push(format!("{}:{line}", module.file));
                }
                let Found::Item(owner) = to else { continue };
                let to = &self.modules[&owner].file;
                if *to != module.file {
                    let is_passed_on = is_public && owner.starts_with(path);
                    let first = found.entry((module.file.clone(), to.clone(), is_passed_on)).or_insert(line);
                    *first = line.min(*first);
                }
            }
        }
        self.globs = globs;
        let import = |((from, to, is_passed_on), line)| Import { from, to, line, is_passed_on };
        found.into_iter().map(import).collect()
    }

    /// Follows a path that is written in this module. `None`: it leads out of the crate.
    fn leads(&self, here: &[String], named: &[String], depth: usize) -> Option<Found> {
        assert!(depth < 20, "{named:?} in {here:?} leads round in circles");
        let (first, rest) = named.split_first()?;
        let start = match first.as_str() {
            "crate" => Found::Module(Vec::new()),
            "self" => Found::Module(here.to_vec()),
            "super" => Found::Module(here[..here.len().checked_sub(1)?].to_vec()),
            // `use memchr::memchr` names another crate.
            _ if self.has_child(here, first) || self.alias(here, first).is_some_and(|to| to[0] != *first) => {
                return self.below(Found::Module(here.to_vec()), named, depth);
            }
            _ => return None,
        };
        self.below(start, rest, depth)
    }

    fn below(&self, start: Found, rest: &[String], depth: usize) -> Option<Found> {
        let (Found::Module(here), Some((name, rest))) = (&start, rest.split_first()) else {
            return Some(start);
        };
        if name == "super" {
            let parent = here[..here.len().checked_sub(1)?].to_vec();
            return self.below(Found::Module(parent), rest, depth);
        }
        let child = [here.as_slice(), std::slice::from_ref(name)].concat();
        // A module and a function of one name: what stands last is the function.
        let next = match self.alias(here, name) {
            Some(path) if !self.has_child(here, name) || rest.is_empty() => {
                self.leads(here, &path, depth + 1)?
            }
            _ if self.has_child(here, name) => Found::Module(child),
            _ => Found::Item(here.clone()),
        };
        self.below(next, rest, depth)
    }

    fn has_child(&self, here: &[String], name: &String) -> bool {
        self.modules.contains_key(&[here, std::slice::from_ref(name)].concat())
    }

    /// Returns the path behind a name that a `use` item of this module brings.
    fn alias(&self, here: &[String], name: &str) -> Option<Vec<String>> {
        let mut uses = self.modules[here].source.uses.iter();
        uses.find(|each| each.name == name && each.path != [name]).map(|each| each.path.clone())
    }
}

impl Module {
    /// Returns each path that is named, its line, and whether it is only passed on.
    fn named(&self) -> Vec<(Vec<String>, usize, bool)> {
        let Source { uses, paths, words, .. } = &self.source;
        let used = uses.iter().map(|each| {
            let is_used = words.contains(&each.name);
            (each.path.clone(), each.line, each.is_public && !is_used)
        });
        let named = paths.iter().map(|(path, line)| (path.clone(), *line, false));
        used.chain(named).collect()
    }
}

/// Returns the shortest way from each file back to itself, one for each knot of files that cannot be untied apart.
pub(super) fn cycles(imports: &[Import]) -> Vec<Vec<&Import>> {
    let mut next: BTreeMap<&str, Vec<&Import>> = BTreeMap::new();
    for import in imports.iter().filter(|import| !import.is_passed_on) {
        next.entry(&import.from).or_default().push(import);
    }
    let mut seen = BTreeSet::new();
    let mut found: Vec<Vec<&Import>> = next.keys().filter_map(|start| way_back(&next, start)).collect();
    found.sort_by_key(Vec::len);
    found.retain(|cycle| {
        let mut files: Vec<&str> = cycle.iter().map(|import| import.from.as_str()).collect();
        files.sort_unstable();
        seen.insert(files)
    });
    found
}

fn way_back<'a>(next: &BTreeMap<&'a str, Vec<&'a Import>>, start: &str) -> Option<Vec<&'a Import>> {
    let mut reached = BTreeSet::new();
    let mut ways: Vec<Vec<&Import>> = next.get(start)?.iter().map(|import| vec![*import]).collect();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let end = way.last()?.to.as_str();
            if end == start {
                return Some(way);
            }
            if reached.insert(end) {
                let steps = next.get(end).into_iter().flatten();
                longer.extend(steps.map(|import| [way.as_slice(), &[*import]].concat()));
            }
        }
        ways = longer;
    }
    None
}

#[test]
fn names_are_followed_to_the_file_that_defines_them() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod x; mod y; pub use x::{X, run}; use crate::b::deep; fn f() { deep::g(run()) }"),
        ("a/x.rs", "use super::super::b; pub struct X; fn run() { b::deep::g() }"),
        ("a/y.rs", "use super::X; use memchr::memchr; #[cfg(test)] mod tests { use crate::b::B; }"),
        ("b.rs", "mod deep; pub struct B; #[serde(with = \"crate::a::run\")] struct C;"),
        ("b/deep.rs", "use {crate::{a::X as Renamed, b::B}, std::io}; pub fn g() {}"),
    ];
    let text = |file: &Path| {
        let found = files.iter().find(|(name, _)| Path::new(name) == file);
        found.map(|(_, text)| (*text).to_owned())
    };
    let imports = Tree::of(&text).imports();
    let shown: Vec<String> = imports
        .iter()
        .map(|import| {
            format!("{} {}{}", import.from, import.to, if import.is_passed_on { " (passed on)" } else { "" })
        })
        .collect();
    let expected = [
        "a/mod.rs a/x.rs",
        "a/mod.rs a/x.rs (passed on)",
        "a/mod.rs b/deep.rs",
        "a/x.rs b/deep.rs",
        "a/y.rs a/x.rs",
        "b.rs a/x.rs",
        "b/deep.rs a/x.rs",
        "b/deep.rs b.rs",
    ];
    assert_eq!(shown, expected);
    let cycles = cycles(&imports);
    let files: Vec<Vec<&str>> =
        cycles.iter().map(|cycle| cycle.iter().map(|import| import.from.as_str()).collect()).collect();
    assert_eq!(files, [vec!["a/x.rs", "b/deep.rs"], vec!["b.rs", "a/x.rs", "b/deep.rs"]]);
}
