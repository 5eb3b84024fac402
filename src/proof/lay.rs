//! Takes a change, gives what is laid above what stood for each run: the tests alone, all of it, the code with the old tests,
//! tests that must fail, tests made to fail, a changed value.

use std::collections::BTreeSet;

use autopilot_proof::guarded::{Stack, guarded};
use autopilot_proof::runner::CanaryRunner;
use autopilot_proof::source::{self, Inseparable};
use autopilot_proof::verdict::{Canary, Function, Mutant, Ran};

use super::change::{Change, File, Role};
use crate::worktree::Laid;

/// Folders of code that shows how something is used, or how fast it is.
const SHOWN: [&str; 7] = ["example", "examples", "doc", "docs", "bench", "benches", "benchmarks"];

/// A value of the new code that is changed for one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutated {
    /// Where: `path:line`.
    pub at: String,
    /// What became of what.
    pub what: String,
    /// The file, as it is laid above the result.
    pub laid: Laid,
    /// The lines of the function that it is in.
    within: Option<(u32, u32)>,
    is_edge: bool,
}

impl Mutated {
    /// Returns it with the run in which it was tried.
    pub fn tried(&self, ran: &Ran) -> Mutant {
        let (at, what) = (self.at.clone(), self.what.clone());
        Mutant { at, what, ran: ran.clone(), within: self.within, is_edge: self.is_edge }
    }

    /// Tells whether it is another value of a function than an edge.
    pub fn is_of(&self, (path, lines): &Function) -> bool {
        let own = self.at.rsplit_once(':').map(|(path, _)| path);
        own == Some(path) && self.within.as_ref() == Some(lines) && !self.is_edge
    }
}

impl File {
    /// Lays what is there now, or takes away what stood.
    fn now(&self) -> Vec<Laid> {
        let path = || self.path.clone();
        let mut laid = vec![if self.is_there { Laid::Now(path()) } else { Laid::Gone(path()) }];
        laid.extend(self.compiled());
        laid
    }

    /// What Python made of a module lies beside it, and is taken for it.
    fn compiled(&self) -> Option<Laid> {
        let folder = self.path.strip_suffix(b".py")?.iter().rposition(|&byte| byte == b'/');
        let mut compiled = self.path[..folder.map_or(0, |slash| slash + 1)].to_vec();
        compiled.extend(b"__pycache__");
        Some(Laid::Gone(compiled))
    }
}

impl Change {
    /// Lays the change's tests alone.
    pub fn tests(&self) -> Result<Vec<Laid>, (String, Inseparable)> {
        let mut all = Vec::new();
        for (file, role) in &self.files {
            match role {
                Role::Code => {}
                Role::Test => all.extend(file.now()),
                Role::Both(language) => {
                    // Of a new file nothing is seen, and one that is gone has no tests.
                    let (Some(before), Some(after)) = (file.text_before(), file.text_after()) else {
                        continue;
                    };
                    let welded = source::weld(*language, before, after).map_err(|why| (file.shown(), why))?;
                    all.push(Laid::File(file.path.clone(), welded.into_bytes()));
                    all.extend(file.compiled());
                }
            }
        }
        Ok(unique(all))
    }

    /// Lays the change's tests, and what stood where its code is: as new as the code will be. Who knows files by their times
    /// cannot tell it from the result.
    pub fn tests_and_stood(&self, tests: &[Laid]) -> Vec<Laid> {
        let code = self.files.iter().filter(|(file, role)| *role == Role::Code && file.stood);
        let mut all = Vec::new();
        for (file, _) in code {
            all.push(Laid::Stood(file.path.clone()));
            all.extend(file.compiled());
        }
        // Behind it: a test may lie in a folder where a file stood.
        all.extend_from_slice(tests);
        unique(all)
    }

    /// Lays all of it.
    pub fn result(&self) -> Vec<Laid> {
        unique(self.files.iter().flat_map(|(file, _)| file.now()).collect())
    }

    /// Lays the code, and leaves the tests that stood.
    pub fn old_tests(&self) -> Result<Vec<Laid>, (String, Inseparable)> {
        let mut all = Vec::new();
        for (file, role) in &self.files {
            match (role, file.text_before(), file.text_after()) {
                (Role::Test, ..) => {}
                (Role::Both(language), Some(before), Some(after)) => {
                    let welded = source::weld(*language, after, before).map_err(|why| (file.shown(), why))?;
                    all.push(Laid::File(file.path.clone(), welded.into_bytes()));
                    all.extend(file.compiled());
                }
                (Role::Code | Role::Both(_), ..) => all.extend(file.now()),
            }
        }
        Ok(unique(all))
    }

    /// Lays all of it, with every test made to fail at its end; and what these are called.
    pub fn spoiled(&self) -> (Vec<Laid>, Vec<String>) {
        let (mut all, mut names) = (self.result(), BTreeSet::new());
        for (file, _) in self.files.iter().filter(|(_, role)| *role != Role::Code) {
            let spoiled = file.language().zip(file.text_after());
            let Some(spoiled) = spoiled.and_then(|(language, text)| source::spoiled(language, text)) else {
                continue;
            };
            names.extend(spoiled.names);
            lay(&mut all, Laid::File(file.path.clone(), spoiled.text.into_bytes()));
        }
        (all, names.into_iter().collect())
    }

    /// Adds comments to the code.
    fn remarked(&self) -> Vec<Laid> {
        let mut all = self.result();
        for (file, _) in self.files.iter().filter(|(_, role)| *role == Role::Code) {
            let Some((language, after)) = file.language().zip(file.text_after()) else { continue };
            if let Some(text) = source::remarked(language, file.text_before(), after) {
                lay(&mut all, Laid::File(file.path.clone(), text.into_bytes()));
            }
        }
        all
    }

    /// Adds a test that must fail to each changed test file, and comments to the code: what is laid, and what each test is
    /// called.
    pub fn canaries(&self, runner: Option<CanaryRunner>, name: &str) -> (Vec<Laid>, Vec<Canary>) {
        let (mut all, mut canaries) = (self.remarked(), Vec::new());
        for (file, role) in self.files.iter().filter(|(file, role)| *role != Role::Code && file.is_there) {
            let language = match role {
                Role::Both(language) => Some(*language),
                _ => file.language(),
            };
            let (Some(language), Some(text)) = (language, file.text_after()) else { continue };
            let runner = runner.or_else(|| of_language(language));
            let planted = runner.and_then(|runner| source::canary(language, runner, text, name));
            let Some(planted) = planted else {
                canaries.push(Canary { file: file.shown(), id: None, seen: None });
                continue;
            };
            let of = |id| Canary { file: file.shown(), id: Some(id), seen: None };
            canaries.extend(planted.ids.into_iter().map(of));
            lay(&mut all, Laid::File(file.path.clone(), planted.text.into_bytes()));
        }
        (all, canaries)
    }

    /// Lists the values of the new code that may be changed, one for each run, those first that are tried first. What decides how
    /// tests are run, and the plan lets the change touch, is none: no test holds what stands in a `setup.py`.
    pub fn mutants(&self, stack: Option<Stack>) -> Vec<Mutated> {
        let mut all = Vec::new();
        let code = self.files.iter().filter(|(_, role)| *role != Role::Test);
        for (file, _) in code.filter(|(file, _)| guarded(&file.shown(), stack).is_none()) {
            let (Some(language), Some(after)) = (file.language(), file.text_after()) else { continue };
            let found = source::mutations(language, file.text_before(), after);
            all.extend(found.into_iter().map(|mutation| (file.shown(), mutation)));
        }
        if all.is_empty() {
            return self.emptied(stack).collect();
        }
        // Tests seldom run these. Where there is nothing else, they are what the change is.
        let is_shown = |path: &str| path.split('/').any(|part| SHOWN.contains(&part));
        if all.iter().any(|(path, _)| !is_shown(path)) {
            all.retain(|(path, _)| !is_shown(path));
        }
        let mutated = |(path, mutation): (String, source::Mutation)| Mutated {
            at: format!("{path}:{}", mutation.line),
            what: mutation.what,
            laid: Laid::File(path.into_bytes(), mutation.text.into_bytes()),
            within: Some(mutation.within),
            is_edge: mutation.is_edge,
        };
        source::spread(all).into_iter().map(mutated).collect()
    }

    /// Empties each new file of code: all that can be tried where there is no value to change. A test that it is there
    /// does not notice.
    fn emptied(&self, stack: Option<Stack>) -> impl Iterator<Item = Mutated> {
        let new = self.files.iter().filter(move |(file, role)| {
            *role == Role::Code && !file.stood && guarded(&file.shown(), stack).is_none()
        });
        let code = new.filter(|(file, _)| {
            file.language().is_some() && file.text_after().is_some_and(|text| !text.trim().is_empty())
        });
        code.map(|(file, _)| Mutated {
            at: file.shown(),
            what: "all of it was taken out".to_owned(),
            laid: Laid::File(file.path.clone(), Vec::new()),
            within: None,
            is_edge: false,
        })
    }

    /// Lays all of it, and one file in another way.
    pub fn result_but(&self, laid: &Laid) -> Vec<Laid> {
        let mut all = self.result();
        lay(&mut all, laid.clone());
        all
    }
}

/// What a canary is written for where the command does not tell.
fn of_language(language: source::Language) -> Option<CanaryRunner> {
    use source::Language as L;
    match language {
        L::Rust => Some(CanaryRunner::Cargo),
        L::Python => Some(CanaryRunner::Pytest),
        L::Go => Some(CanaryRunner::Go),
        L::Java => Some(CanaryRunner::Junit5),
        L::JavaScript | L::TypeScript | L::Tsx => None,
    }
}

/// Each path once: the last word counts.
fn unique(all: Vec<Laid>) -> Vec<Laid> {
    let mut kept: Vec<Laid> = Vec::new();
    for laid in all {
        lay(&mut kept, laid);
    }
    kept
}

/// Lays something at its path in place of all that was.
fn lay(all: &mut Vec<Laid>, laid: Laid) {
    all.retain(|own| own.path() != laid.path());
    all.push(laid);
}
