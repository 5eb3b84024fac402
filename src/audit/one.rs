//! The audit of one run's evidence: everything that needs neither repository nor host.

use std::fs::File;

use super::ceiling::{self, Ceilings};
use super::code::Code;
use super::content::Sieve;
use super::files::{Folder, Modes};
use super::finding::{Check, Checked, Finding, RunReport};
use super::heads::Heads;
use super::journal::{self, Whole};
use super::place::Top;
use super::story::Story;
use crate::evidence::event::RunStarted;
use crate::evidence::mask::Secrets;
use crate::evidence::{Files, RunName, Sha256};

/// A larger journal is no run's.
const LARGEST_JOURNAL: u64 = 16 << 30;

/// What one run's evidence came to, and what it claims of the repository.
#[derive(Debug)]
pub(super) struct One {
    pub(super) report: RunReport,
    /// Nothing if the journal does not hold: then it claims nothing.
    pub(super) story: Option<Story>,
}

/// Audits the evidence of a run.
pub(super) fn audit(
    top: &Top,
    files: &Files,
    secrets: &Secrets,
    heads: Option<&Heads>,
    modes: Modes,
    ceilings: Option<Ceilings<'_>>,
) -> One {
    let mut sieve = Sieve::new(secrets);
    let mut story = Story::new(files.run());
    let whole = read_journal(top, files, &mut story, &mut sieve);
    let mut folder = Folder::read(top, files, std::mem::take(&mut story.log), &mut sieve);
    folder.sift_documents(&mut sieve);
    let (structure, results) = story.take_findings();
    let chain = chain(&whole, structure, &story);
    let holds = chain.findings().is_empty();
    let mut checks = vec![chain];
    if holds {
        let (matched, findings) = folder.check(&story, files, modes);
        let sealed = findings.is_empty();
        let unsigned = "integrity only: unsigned";
        checks.push(Checked::of(
            Check::Files,
            findings,
            format!("{matched} of {matched} match their digests ({unsigned})"),
        ));
        checks.extend(heads.map(|heads| head(&story, files.run(), heads)));
        let mut results = results;
        // Reports that were changed since are not what the run wrote.
        if sealed {
            results.extend(folder.check_reports(&story, files));
        }
        let steps = story.results().len();
        checks.push(Checked::of(Check::Steps, results, format!("results of {steps} follow from the events")));
        let (commands, mut findings) = std::mem::take(&mut story.policy).result();
        findings.extend(story.start.iter().flat_map(|start| ceiling::check(start, ceilings)));
        let passed = format!("{commands} commands, none weaker than the plan");
        checks.push(Checked::of(Check::Policy, findings, passed));
    } else {
        for check in [Check::Files, Check::Steps, Check::Policy] {
            checks.push(Checked::not(check, "the journal does not hold"));
        }
    }
    if modes == Modes::Checked {
        story.notes.extend(changed_plan(top, &story));
    }
    checks.push(Checked::of(Check::Secrets, sieve.findings(), "none found"));
    let report = RunReport {
        run: files.run(),
        result: story.result(),
        head: story.attested.as_ref().map(|attested| attested.head.clone()),
        comment: story.comment(),
        commented_on: story.start.as_ref().map_or(files.run().issue(), RunStarted::commented_on),
        checks,
        notes: std::mem::take(&mut story.notes),
    };
    One { report, story: holds.then_some(story) }
}

/// Reads the journal into a story.
fn read_journal(top: &Top, files: &Files, story: &mut Story, sieve: &mut Sieve<'_>) -> Whole {
    let name = files.relative(&files.journal());
    let broken = |code, expected: &str, found: String| Whole {
        broken: Some(Finding::new(code, expected, found)),
        ..Whole::default()
    };
    let file: File = match top.file(&name) {
        Ok(Some(opened)) if opened.size > LARGEST_JOURNAL => {
            return broken(Code::FileTooLarge, "a journal", format!("{name}: {} bytes", opened.size));
        }
        Ok(Some(opened)) => opened.file,
        Ok(None) => return broken(Code::EvidenceMissing, &name, "no such file".to_owned()),
        Err(finding) => return Whole { broken: Some(finding), ..Whole::default() },
    };
    let read = journal::read(&name, file, |entry, text| {
        sieve.document(&name, text);
        story.take(entry);
    });
    read.unwrap_or_else(|error| {
        broken(Code::FileUnreadable, "a journal that can be read", format!("{name}: {error}"))
    })
}

/// Puts together what is to be said of the journal as such. A line that is wrong hides whether there is an end.
fn chain(whole: &Whole, structure: Vec<Finding>, story: &Story) -> Checked {
    let mut findings = structure;
    match &whole.broken {
        Some(broken) => findings.push(broken.clone()),
        None if !story.is_closed() => {
            let found = format!("{} events and no head", whole.lines);
            findings.push(Finding::new(Code::RunUnfinished, "`attested` at the end", found));
        }
        None => {}
    }
    let head = story.attested.as_ref().map(|attested| short(attested.head.hash.as_str()));
    Checked::of(Check::Chain, findings, format!("{} events, head {}", whole.lines, head.unwrap_or_default()))
}

/// Notes that the plan file is another one now: a person's right, and worth knowing.
fn changed_plan(top: &Top, story: &Story) -> Option<String> {
    let start = story.start.as_ref()?;
    let path = start.plan_path.as_str();
    let mut opened = top.file(path).ok()??;
    let (now, _) = Sha256::of_file(&mut opened.file).ok()?;
    (start.plan_sha256 != now).then(|| format!("{path} was changed since the run"))
}

fn short(hash: &str) -> String {
    hash.chars().take(8).collect()
}

fn head(story: &Story, run: RunName, heads: &Heads) -> Checked {
    let own = story.attested.as_ref().map(|attested| attested.head.to_string()).unwrap_or_default();
    let finding = match heads.of(run) {
        Some(known) if known == own => None,
        Some(known) => Some(Finding::new(Code::HeadDiffers, known, own)),
        None => Some(Finding::new(Code::HeadUnknown, format!("a line {run}"), "none")),
    };
    Checked::of(Check::Head, finding.into_iter().collect(), "as known from elsewhere")
}
