//! `autopilot logs`: the log of a run, or a part of it.

mod follow;

use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom};
use std::time::Duration;

use anstream::adapter::StripBytes;

use super::exit::{Exit, Failure};
use super::{output, target};
use crate::evidence::Files;
use crate::evidence::event::AttemptResult;
use crate::evidence::state::{AttemptState, Part, StepState};
use crate::worktree::State;
use follow::Follow;

/// Show the log of a run.
#[derive(Debug, clap::Args)]
pub(super) struct LogsArgs {
    /// An issue (its latest run), a run, or nothing: the latest run.
    #[arg(value_name = "ISSUE|RUN")]
    target: Option<String>,
    /// Only the attempts of this step.
    #[arg(long, value_name = "ID")]
    step: Option<String>,
    /// Only the attempts that failed.
    #[arg(long)]
    failed: bool,
    /// Go on as it grows, until the run ends.
    #[arg(short, long, conflicts_with_all = ["step", "failed"])]
    follow: bool,
}

pub(super) fn run(args: LogsArgs) -> Result<Exit, Failure> {
    let repository = target::repository()?;
    let files = target::find(&repository, args.target.as_deref())?;
    let path = files.log();
    let mut log = File::open(&path)
        .map_err(|error| Failure::new(Exit::Usage, format!("{}: {error}", path.display())))?;
    let mut show = Show::choose();
    if args.step.is_some() || args.failed {
        return parts(&args, &files, &mut log, &mut show);
    }
    let mut follow = Follow::new(files, log);
    loop {
        let running = args.follow && is_running(&repository.common_dir, follow.files())?;
        follow.on(&mut show)?;
        if !running {
            return Ok(Exit::Done);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn parts(args: &LogsArgs, files: &Files, log: &mut File, show: &mut Show) -> Result<Exit, Failure> {
    let state = files
        .read()
        .map_err(|error| internal(&error))?
        .ok_or_else(|| Failure::new(Exit::Usage, "this run has not begun"))?;
    if let Some(id) = args.step.as_ref().filter(|id| state.step(id).is_none()) {
        let ids: Vec<&str> = state.steps.iter().map(|step| step.id.as_str()).collect();
        return Err(Failure::new(Exit::Usage, format!("run {} has no step `{id}`", files.run()))
            .hint(format!("its steps: {}", ids.join(" "))));
    }
    let wanted = |(step, attempt): &(&StepState, &AttemptState)| {
        let is_named = args.step.as_ref().is_none_or(|id| step.id == *id);
        is_named && (!args.failed || attempt.result != Some(AttemptResult::Passed))
    };
    let spools = files.spools().map_err(|error| internal(&error))?;
    for (step, attempt) in state.attempts().filter(wanted) {
        match attempt.log {
            Part::At(from, to) => copy(log, from, to, show)?,
            Part::From(from) => copy(log, from, u64::MAX, show)?,
            Part::Spool => {
                let at = step.at(attempt.number);
                let spool =
                    spools.iter().find(|(own, _)| *own == at).and_then(|(_, path)| File::open(path).ok());
                spool.map_or(Ok(()), |mut spool| copy(&mut spool, 0, u64::MAX, show))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn is_running(common_dir: &std::path::Path, files: &Files) -> Result<bool, Failure> {
    let holder = State::find()?.holder(common_dir, files.run().issue())?;
    Ok(holder.is_some_and(|holder| holder.run == files.run().to_string()))
}

/// Shows the bytes between two places, as far as they are there.
fn copy(file: &mut File, from: u64, to: u64, show: &mut Show) -> Result<(), Failure> {
    file.seek(SeekFrom::Start(from)).map_err(|error| internal(&error))?;
    let mut part = file.take(to.saturating_sub(from));
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = part.read(&mut buffer).map_err(|error| internal(&error))?;
        if n == 0 {
            return Ok(());
        }
        output::write(&show.of(&buffer[..n]))?;
    }
}

fn internal(error: &io::Error) -> Failure {
    Failure::new(Exit::Internal, error.to_string())
}

/// How what a step printed is shown.
enum Show {
    /// As it is.
    Raw,
    /// On a terminal, which obeys escapes, whoever wrote them: as text alone. Holds back the first of two bytes that
    /// could be a control of the upper half.
    Text(StripBytes, Option<u8>),
}

impl Show {
    fn choose() -> Self {
        if io::stdout().is_terminal() { Self::Text(StripBytes::new(), None) } else { Self::Raw }
    }

    fn of(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Self::Text(strip, held) = self else { return bytes.to_vec() };
        let mut text = Vec::with_capacity(bytes.len());
        for &byte in strip.strip_next(bytes).flatten() {
            match held.take() {
                Some(_) if (0x80..0xa0).contains(&byte) => continue,
                before => text.extend(before),
            }
            if byte == 0xc2 { *held = Some(byte) } else { text.push(byte) }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_terminal_text_is_shown_and_no_escape_however_it_is_cut() {
        let log = "a\u{1b}]52;c;ZXZpbA==\u{7}b\u{1b}[2J\u{1b}[31mc\u{9b}2Jd \u{a7}\t\u{e9}\n".as_bytes();
        for at in 0..log.len() {
            let mut show = Show::Text(StripBytes::new(), None);
            let (one, two) = log.split_at(at);
            let shown = [show.of(one), show.of(two)].concat();
            assert_eq!(String::from_utf8(shown).unwrap(), "abc2Jd \u{a7}\t\u{e9}\n", "{at}");
        }
    }
}
