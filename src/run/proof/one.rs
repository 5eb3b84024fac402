//! One run of a proof: takes what is laid above what stood, gives what the tests reported, and records it.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use autopilot_proof::results::{self, Format, Results, Unreadable};
use autopilot_proof::runner;
use autopilot_proof::verdict::{Ran, Runs, is_noticed};

use super::kinds::{Common, Ends, Of};
use crate::evidence::Proving;
use crate::evidence::event::{Event, ProofRan, ProofRun, Role};
use crate::plan::Network;
use crate::run::command::{self, Done, Job};
use crate::run::deadline::Cut;
use crate::run::egress;
use crate::run::expect;
use crate::run::outcome::{Attempt, millis};
use crate::run::output::Judge;
use crate::run::{RunError, Runner};
use crate::sandbox::Status;
use crate::worktree::{Bed, Laid};

/// Bytes of a report, and of each file of a report in several.
const LARGEST: u64 = 64 << 20;

/// Set for every run: what Python leaves beside a module would be taken for it later.
const ENV: [(&str, &str); 1] = [("PYTHONDONTWRITEBYTECODE", "1")];

impl Runner<'_> {
    /// Makes a run, and records it.
    pub(super) async fn one(
        &mut self,
        this: &mut Attempt<'_>,
        common: &mut Common<'_>,
        of: Of<'_>,
    ) -> Result<Result<Ran, Ends>, RunError> {
        let (step, grant) = (this.step, common.asked.grant);
        common.count += 1;
        let (nth, what) = (common.count, in_words(of.run));
        self.recorder.proving(&Proving { at: &this.at, nth, of: common.planned.max(nth), what })?;
        let number = common.count.to_string();
        let laid: Vec<Laid> = of.laid.iter().cloned().chain(no_report(&common.runner, &step.dir)).collect();
        let bed = self.worktree.bed(&common.stood, common.left.as_ref(), &number, &laid).await?;
        let name = name()?;
        let folder = bed.folder(&name, self.worktree)?;
        let seen = bed.place.seen(grant.isolation());
        let only = of.only.and_then(|only| below(only, &step.dir));
        let asked = common.runner.asked(&seen.tmp.join(&name).to_string_lossy(), only.as_deref());
        for (file, text) in &asked.files {
            std::fs::write(folder.join(file), text)?;
        }
        let env = ENV.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let job = Job {
            argv: asked.argv.clone(),
            dir: step.dir.clone(),
            env: env.into_iter().chain(asked.env.clone()).collect(),
            stdin: None,
            hearing: None,
            judge: Some(Judge::keeping()),
            grant,
            place: &bed.place,
            gate: command::way_out(grant),
            deadline: common.asked.deadline,
        };
        let role = egress::Of::new(this.at.clone(), Role::Post, &Network::None);
        let unmasked = self.recorder.secrets().unmasked();
        let mut done = command::run(job, this.output_left, role, self.recorder, &mut self.interrupt).await?;
        self.record_refused_masks(this, unmasked);
        this.output_left = this.output_left.saturating_sub(done.printed);
        common.longest = common.longest.max(done.took);
        let root = seen.worktree.join(&step.dir);
        let read = read(&bed, &asked, &name, &step.dir, &root, &mut done);
        let ran = match stopped(&done) {
            Some(Stopped::Signal(signal)) => {
                bed.remove()?;
                return Ok(Err(Ends::Interrupted(signal)));
            }
            Some(Stopped::Cut(why)) => Err(why),
            None => read.map(|results| Ran { results, built: true, part: asked.is_part }),
        };
        let is_base = of.run == ProofRun::Base;
        let result = self.reported(this, &of, &done, ran);
        if is_base && result.is_ok() {
            common.left = self.worktree.keep_built(bed)?;
        } else {
            bed.remove()?;
        }
        Ok(result)
    }

    /// Makes a run in which some test should fail. Where none of the chosen files does, all are asked, then and from then on:
    /// another test may notice.
    pub(super) async fn noticed_by_some(
        &mut self,
        this: &mut Attempt<'_>,
        common: &mut Common<'_>,
        of: Of<'_>,
        runs: &Runs,
    ) -> Result<Result<Ran, Ends>, RunError> {
        let whole = Of { only: None, ..of };
        if common.asks_all {
            return self.one(this, common, whole).await;
        }
        let ran = self.one(this, common, of).await?;
        match &ran {
            Ok(ran) if ran.built && ran.part && !is_noticed(runs, ran) => {
                common.asks_all = true;
                common.planned = common.planned.saturating_add(1);
                self.one(this, common, whole).await
            }
            _ => Ok(ran),
        }
    }

    /// Records a run; one without a report ends the proof, but for those that need not build.
    fn reported(
        &mut self,
        this: &Attempt<'_>,
        of: &Of<'_>,
        done: &Done,
        ran: Result<Ran, String>,
    ) -> Result<Ran, Ends> {
        let status = done.ended.as_ref().ok().map(|ended| &ended.status);
        let may_lack = matches!(
            of.run,
            ProofRun::Tests | ProofRun::OldTests | ProofRun::Canary | ProofRun::Spoiled | ProofRun::Mutant
        ) && stopped(done).is_none()
            || of.run == ProofRun::Hunk;
        let (ran, saw) = match ran {
            Ok(ran) => (Some(ran), None),
            Err(why) if may_lack => (Some(Ran::default()), Some(why)),
            Err(why) => (None, Some(why)),
        };
        let report = ran.as_ref().map(|ran| self.recorder.document((of.report)(ran).value()));
        let event = ProofRan {
            at: this.at.clone(),
            run: of.run,
            exit_code: status.and_then(|s| if let Status::Exited(code) = s { Some(*code) } else { None }),
            signal: status.and_then(|s| if let Status::Signaled(number) = s { Some(*number) } else { None }),
            ms: millis(done.took),
            held: ran.is_some(),
            saw: saw.as_ref().map(|saw| self.recorder.line(saw)),
            report,
        };
        self.recorder.defer(Event::ProofRan(Box::new(event)));
        ran.ok_or_else(|| Ends::Refused(format!("{}: {}", in_words(of.run), saw.unwrap_or_default())))
    }
}

enum Stopped {
    Signal(i32),
    Cut(String),
}

/// Tells why a run did not come to its end by itself, if it did not.
fn stopped(done: &Done) -> Option<Stopped> {
    let why = match (&done.ended, done.cut) {
        (_, Some(Cut::Signal(signal))) => return Some(Stopped::Signal(signal)),
        (Err(error), _) => format!("not started: {error}"),
        (_, Some(Cut::Time(_))) => "cut off: the step's time was over; its proof needs more of it".to_owned(),
        (_, Some(Cut::Output)) => "cut off: it printed more than the step's `output` allows".to_owned(),
        (_, Some(Cut::Answer)) => "cut off".to_owned(),
        (Ok(ended), None) if ended.survivors > 0 => "processes of it could not be ended".to_owned(),
        (Ok(ended), None) => match &ended.status {
            Status::Limit(what) => what.clone(),
            Status::Exited(_) | Status::Signaled(_) => return None,
        },
    };
    Some(Stopped::Cut(why))
}

/// Takes away what lies where a report in the worktree is to be: that would be none.
fn no_report(runner: &runner::Runner, dir: &Path) -> Option<Laid> {
    match runner.asked("/", None).source {
        runner::Source::Folder(path, _) | runner::Source::Worktree(path) => {
            Some(Laid::Gone(dir.join(path).as_os_str().as_bytes().to_vec()))
        }
        runner::Source::Output | runner::Source::File(_) => None,
    }
}

/// Reads what a run reported.
fn read(
    bed: &Bed,
    asked: &runner::Asked,
    folder: &str,
    dir: &Path,
    root: &Path,
    done: &mut Done,
) -> Result<Results, String> {
    use runner::Source as S;
    let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
    let found: io::Result<Vec<Vec<u8>>> = match &asked.source {
        S::Output => Ok(vec![std::mem::take(&mut done.kept)]),
        S::File(name) => bed
            .read_in_tmp(&bytes(&Path::new(folder).join(name)), LARGEST)
            .map(|report| report.into_iter().collect()),
        S::Worktree(path) => {
            bed.read_in_tree(&bytes(&dir.join(path)), LARGEST).map(|report| report.into_iter().collect())
        }
        S::Folder(path, ending) => bed.read_folder(&bytes(&dir.join(path)), ending, LARGEST),
    };
    let ended = done.ended.as_ref().map(|ended| expect::how(&ended.status)).unwrap_or_default();
    let reports = found.map_err(|error| format!("its report cannot be read: {error} ({ended})"))?;
    let root = root.to_string_lossy();
    joined(asked.format, &reports, &root).map_err(|why| format!("no report of its tests: {why} ({ended})"))
}

fn joined(format: Format, reports: &[Vec<u8>], root: &str) -> Result<Results, Unreadable> {
    let mut all: Option<Results> = None;
    for report in reports {
        let one = results::read(format, report, root)?;
        match &mut all {
            Some(all) => all.join(one)?,
            None => all = Some(one),
        }
    }
    all.ok_or(Unreadable::Nothing)
}

/// Names test files as they are named in the step's folder; nothing if one is outside of it.
fn below(only: &[String], dir: &Path) -> Option<Vec<String>> {
    let strip = |path: &String| Path::new(path).strip_prefix(dir).ok().map(Path::to_owned);
    let all: Option<Vec<PathBuf>> = only.iter().map(strip).collect();
    Some(all?.into_iter().map(|path| path.to_string_lossy().into_owned()).collect())
}

fn in_words(run: ProofRun) -> &'static str {
    match run {
        ProofRun::Base => "without the change",
        ProofRun::Tests => "with the change's tests only",
        ProofRun::Result => "with the change",
        ProofRun::OldTests => "with the change and the old tests",
        ProofRun::Canary => "with a test that must fail",
        ProofRun::Spoiled => "with a failure at the end of each test",
        ProofRun::Mutant => "with a changed value",
        ProofRun::Hunk => "without some of the changed lines",
    }
}

/// Makes a name that nobody knows beforehand, and that programs take for one of their own.
pub(super) fn name() -> io::Result<String> {
    let mut bytes = [0; 8];
    io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(format!("c{}", hex::encode(bytes)))
}
