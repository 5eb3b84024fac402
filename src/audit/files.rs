//! The files of a run: all there, all sealed, none changed, none besides; the provenance attested and true.

use super::code::Code;
use super::content::{self, Content, How, Sieve};
use super::finding::Finding;
use super::log;
use super::place::Top;
use super::story::Story;
use super::{provenance, reports, salvage};
use crate::evidence::Files;
use crate::evidence::event::RunResult;
use crate::time::stamp;

/// One kind of file of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Log,
    Summary,
    Failed,
    Salvage,
    NotSalvaged,
    Checkpoints,
    Provenance,
}

/// The files of a run, read.
#[derive(Debug)]
pub(super) struct Folder {
    parts: Vec<(Part, String, Option<Content>)>,
    /// Where the log differs from what the events say of it.
    log: Option<Finding>,
    findings: Vec<Finding>,
}

impl Folder {
    /// Reads every file that the run may have; the log beside what the events say of its `parts`.
    pub(super) fn read(top: &Top, files: &Files, mut parts: log::Parts, sieve: &mut Sieve<'_>) -> Self {
        let mut folder = Self { parts: Vec::new(), log: None, findings: Vec::new() };
        for (part, path, how) in [
            (Part::Log, files.log(), How::Log),
            (Part::Summary, files.summary(), How::Report),
            (Part::Failed, files.failed(), How::Report),
            (Part::Salvage, files.salvage(), How::Bundle),
            (Part::NotSalvaged, files.not_salvaged(), How::Report),
            (Part::Checkpoints, files.checkpoints(), How::Bundle),
            (Part::Provenance, files.provenance(), How::Document),
        ] {
            let name = files.relative(&path);
            let mut each = |chunk: &[u8]| {
                if part == Part::Log {
                    parts.push(chunk);
                }
            };
            match content::read(top, &name, how, sieve, &mut each) {
                Ok(content) => folder.parts.push((part, name, content)),
                // Not taken for missing as well.
                Err(finding) => folder.findings.push(finding),
            }
        }
        folder.log = parts.differ();
        folder
    }

    fn get(&self, part: Part) -> Option<&Content> {
        self.parts.iter().find(|(own, _, _)| *own == part)?.2.as_ref()
    }

    /// Looks for secrets in what is JSON.
    pub(super) fn sift_documents(&self, sieve: &mut Sieve<'_>) {
        for (_, name, content) in self.parts.iter().filter(|(part, _, _)| *part == Part::Provenance) {
            if let Some(content) = content {
                sieve.document(name, &content.text);
            }
        }
    }

    /// Compares the files with the seal; returns how many matched.
    pub(super) fn check(&mut self, story: &Story, files: &Files, modes: Modes) -> (usize, Vec<Finding>) {
        let mut findings = std::mem::take(&mut self.findings);
        let mut matched = 0;
        for (part, name, content) in self.parts.iter().filter(|(part, _, _)| *part != Part::Provenance) {
            match compare(*part, name, content.as_ref(), story) {
                Ok(there) => matched += usize::from(there),
                Err(finding) => findings.push(finding),
            }
        }
        if findings.is_empty() {
            findings.extend(seal_of_others(story, &self.parts));
            // Of a file that is not the sealed one nothing more is said.
            findings.extend(self.log.take());
            findings.extend(self.get(Part::Salvage).and_then(|bundle| salvage::check(&bundle.text, story)));
            let made = self.get(Part::Checkpoints);
            findings.extend(made.and_then(|bundle| salvage::checkpoints(&bundle.text, story)));
        }
        if modes == Modes::Checked {
            findings.extend(self.open_bundles());
        }
        findings.extend(self.check_provenance(story, files));
        matched += usize::from(self.get(Part::Provenance).is_some());
        (matched, findings)
    }

    /// Finds the bundles that others may read.
    fn open_bundles(&self) -> impl Iterator<Item = Finding> {
        let of = |part: &Part| matches!(part, Part::Salvage | Part::Checkpoints);
        let bundles = self.parts.iter().filter(move |(part, _, _)| of(part));
        bundles.filter_map(|(_, name, content)| {
            let mode = content.as_ref()?.mode;
            let open = || Finding::new(Code::SalvageOpen, "mode 600", format!("{name}: mode {mode:o}"));
            (mode & 0o077 != 0).then(open)
        })
    }

    fn check_provenance(&self, story: &Story, files: &Files) -> Vec<Finding> {
        let Some(attested) = &story.attested else { return Vec::new() };
        let name = files.relative(&files.provenance());
        let Some((_, _, content)) = self.parts.iter().find(|(part, _, _)| *part == Part::Provenance) else {
            return Vec::new();
        };
        let Some(content) = content else {
            return vec![Finding::new(Code::FileMissing, name, "no such file")];
        };
        if content.sha256 != attested.sha256 {
            let expected = format!("sha256 {}", attested.sha256);
            let found = format!("{name}: sha256 {}", content.sha256);
            return vec![Finding::new(Code::ProvenanceChanged, expected, found)];
        }
        let journal = files.relative(&files.journal());
        let started = story.started.map(stamp);
        provenance::check(&content.text, story, &journal, &started.unwrap_or_default())
    }

    /// Compares what people read with the events.
    pub(super) fn check_reports(&self, story: &Story, files: &Files) -> Vec<Finding> {
        let run = files.run();
        let summary = self.get(Part::Summary).map(|content| reports::summary(&content.text, story, run));
        let failed = self.get(Part::Failed).map(|content| reports::failure(&content.text, story, run));
        summary.into_iter().chain(failed).flatten().collect()
    }
}

/// Whether modes of files tell anything: in a copy (a commit, a build's source) they do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modes {
    Checked,
    Lost,
}

/// Compares a file with its entry in the seal; whether there is such a file.
fn compare(part: Part, name: &str, content: Option<&Content>, story: &Story) -> Result<bool, Finding> {
    let sealed = story.seal.iter().flat_map(|seal| &seal.files).find(|file| file.path == *name);
    let (must, may) = belongs(part, story);
    match (sealed, content) {
        (Some(sealed), Some(_)) if !may => {
            let found = format!("{} is sealed", sealed.path);
            Err(Finding::new(Code::SealWrong, "no such file of this run", found))
        }
        (Some(sealed), Some(content)) => {
            let digest = (content.sha256.as_str(), content.size) == (sealed.sha256.as_str(), sealed.size);
            digest.then_some(true).ok_or_else(|| {
                let expected = format!("sha256 {}, {} bytes", sealed.sha256, sealed.size);
                let found = format!("{name}: sha256 {}, {} bytes", content.sha256, content.size);
                Finding::new(Code::FileChanged, expected, found)
            })
        }
        (Some(_), None) => Err(Finding::new(Code::FileMissing, name, "no such file")),
        (None, _) if must => Err(Finding::new(Code::SealWrong, format!("{name} sealed"), "it is not")),
        (None, Some(_)) => {
            Err(Finding::new(Code::FileUnsealed, "no file that is not sealed", name.to_owned()))
        }
        (None, None) => Ok(false),
    }
}

/// Tells whether a run like this must have such a file, and whether it may.
fn belongs(part: Part, story: &Story) -> (bool, bool) {
    match part {
        Part::Log | Part::Summary | Part::Provenance => (true, true),
        Part::Failed => {
            let not_done = story.result() != Some(RunResult::Done);
            (not_done, not_done)
        }
        Part::NotSalvaged => (story.not_held > 0 && !story.was_cut_short(), story.not_held > 0),
        // A runner may have died between keeping it and saying so.
        Part::Checkpoints => (
            story.bundled == Some(true) && !story.was_cut_short(),
            story.bundled == Some(true) || story.was_cut_short(),
        ),
        // What a dead runner had saved and not recorded is in the bundle as well; what it had recorded is lost
        // with its directory.
        Part::Salvage => (
            !story.saved.is_empty() && story.worktree_is_removed() && !story.was_cut_short(),
            !story.saved.is_empty() || story.was_cut_short(),
        ),
    }
}

/// Finds entries of the seal that are none of the run's files, or are there twice.
fn seal_of_others(story: &Story, parts: &[(Part, String, Option<Content>)]) -> Option<Finding> {
    let sealed: Vec<&str> = story.seal.iter().flat_map(|seal| &seal.files).map(|f| f.path.as_str()).collect();
    let known = |path: &&&str| parts.iter().any(|(_, name, _)| name == **path);
    let twice =
        sealed.iter().enumerate().find(|(at, path)| sealed.get(..*at).is_some_and(|s| s.contains(path)));
    let other = sealed.iter().find(|path| !known(path)).or(twice.map(|(_, path)| path))?;
    Some(Finding::new(Code::SealWrong, "the run's own files, each once", (*other).to_owned()))
}
