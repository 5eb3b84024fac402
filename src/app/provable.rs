//! Takes a plan and the repository that it is for, gives what would keep a proof from telling anything: said before it runs.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::plan::{Fault, Glob, Loaded, Plan, ProofPlaces, Proves, Step};
use crate::proof::{self, Whole};
use crate::worktree::{Base, Repository, WorktreeError};

/// Bytes of a file that are looked into.
const LARGEST: u64 = 4 << 20;
/// Files that are looked into for a step; of more, the first.
const LOOKED_INTO: usize = 400;
/// Files that are named.
const NAMED: usize = 3;

/// Looks at every step that is to be proved. What earlier steps make is not there yet: these are warnings.
pub fn look(repository: &Repository, loaded: &Loaded) -> Vec<Fault> {
    let Some(first) = loaded.proofs.first() else { return Vec::new() };
    look_at(repository, loaded).unwrap_or_else(|error| {
        let message = format!("whether anything can be proved here is not known: {error}");
        vec![first.of_command(message, "")]
    })
}

fn look_at(repository: &Repository, loaded: &Loaded) -> Result<Vec<Fault>, WorktreeError> {
    let base = repository.base(loaded.plan.base.as_deref())?;
    let paths = base.paths();
    let mut all = Vec::new();
    for places in &loaded.proofs {
        let Some((step, proves)) = proving(&loaded.plan, &places.step) else { continue };
        all.extend(unknown_runner(&base, step, proves, places));
        for pattern in &proves.tests {
            let matched: Vec<&[u8]> =
                paths.iter().map(Vec::as_slice).filter(|path| matches(pattern, path)).collect();
            all.extend(match matched.as_slice() {
                [] => Some(matches_nothing(&base, pattern, places)),
                matched => whole(&base, pattern, matched, places)?,
            });
        }
    }
    Ok(all)
}

fn proving<'p>(plan: &'p Plan, id: &str) -> Option<(&'p Step, &'p Proves)> {
    let step = plan.steps.iter().find(|step| step.id == id)?;
    Some((step, step.expectation.proves.as_ref()?))
}

fn matches(pattern: &Glob, path: &[u8]) -> bool {
    pattern.matches(Path::new(OsStr::from_bytes(path)))
}

fn unknown_runner(base: &Base, step: &Step, proves: &Proves, places: &ProofPlaces) -> Option<Fault> {
    let files = |path: &[u8]| {
        let own = base.read(|own| own.as_os_str().as_bytes() == path, LARGEST).ok()?;
        own.into_iter().next()?.1
    };
    let why = proof::runner_of(step, proves, &files).err()?;
    Some(places.of_command(format!("the proof of step `{}` would be refused: {why}", step.id), ""))
}

fn matches_nothing(base: &Base, pattern: &Glob, places: &ProofPlaces) -> Fault {
    let message = format!("`{}` matches nothing yet: no file of `{}`", pattern.as_str(), base.name);
    let hint = "right if the step adds tests there; else write where the tests are: `tests/**`";
    places.of_pattern(pattern.as_str(), message, hint)
}

/// Names the files in which tests and code would not be told apart.
fn whole(
    base: &Base,
    pattern: &Glob,
    matched: &[&[u8]],
    places: &ProofPlaces,
) -> Result<Option<Fault>, WorktreeError> {
    let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    let unknown = matched.iter().map(|path| text(path));
    let unknown: Vec<String> =
        unknown.filter(|path| proof::taken_whole(path, None) == Some(Whole::Unknown)).collect();
    if let Some(named) = named(&unknown) {
        let message = format!(
            "`{}` matches {named}, whose language is not known here: all of that would count as tests, and none as code",
            pattern.as_str()
        );
        let hint = "name files of tests alone, such as `spec/**` or `**/*_spec.rb`";
        return Ok(Some(places.of_pattern(pattern.as_str(), message, hint)));
    }
    let mut read: Vec<&[u8]> =
        matched.iter().copied().filter(|path| proof::has_to_be_read(&text(path))).collect();
    read.truncate(LOOKED_INTO);
    if read.is_empty() {
        return Ok(None);
    }
    let mut whole = Vec::new();
    for (path, bytes) in base.read(|path| read.contains(&path.as_os_str().as_bytes()), LARGEST)? {
        let path = text(&path);
        let source = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some(Whole::Inseparable(why)) = proof::taken_whole(&path, source.as_deref()) {
            whole.push(format!("{path} ({why})"));
        }
    }
    Ok(named(&whole).map(|named| {
        let message = format!("`{}` matches {named}: a change of it would be refused", pattern.as_str());
        let hint = "have its tests in a file of their own, or leave it out of `tests`";
        places.of_pattern(pattern.as_str(), message, hint)
    }))
}

fn named(all: &[String]) -> Option<String> {
    let first = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED) {
        _ if all.is_empty() => None,
        0 => Some(first),
        more => Some(format!("{first} and {more} more")),
    }
}
