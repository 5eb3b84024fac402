//! Reads what of a log a page holds: its first and last MiB, cut where attempts begin and end; and what attempts under way have
//! printed so far.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;

use autopilot_view::Piece;

use crate::evidence::state::Part;
use crate::evidence::{AttemptId, Files, RunState};

/// Bytes from the beginning and from the end.
const EACH: u64 = 1 << 20;

/// What a page holds of a log.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) pieces: Vec<Piece>,
    /// Attempts whose output begins on the page.
    pub(super) attempts: HashSet<AttemptId>,
}

/// Reads the log of a run. One that is not there is told by the audit; the page is about the rest, then.
pub(super) fn read(state: &RunState, files: &Files) -> io::Result<Log> {
    let mut log = Log::default();
    match files.open_log() {
        Ok(file) => log.add(&file, &parts(state))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut spools = files.spools()?;
    spools.retain(|(at, _)| state.attempt(at).is_some_and(|attempt| !matches!(attempt.log, Part::At(..))));
    let room = EACH / (spools.len() as u64).max(1);
    for (at, path) in spools {
        // It may be in the log by now.
        let Ok(file) = File::open(&path) else { continue };
        let size = file.metadata()?.len();
        let from = size.saturating_sub(room);
        if from > 0 {
            log.pieces.push(Piece::LeftOut(from));
        }
        log.output(&file, Some(&at), from..size)?;
    }
    Ok(log)
}

/// Returns which bytes of the log are which attempt's, in their order.
fn parts(state: &RunState) -> Vec<(AttemptId, Range<u64>)> {
    let part = |part: Part| match part {
        Part::At(from, to) => Some(from..to),
        Part::From(from) => Some(from..u64::MAX),
        Part::Spool => None,
    };
    let all =
        state.attempts().filter_map(|(step, attempt)| Some((step.at(attempt.number), part(attempt.log)?)));
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|(_, range)| range.start);
    all
}

impl Log {
    fn add(&mut self, file: &File, parts: &[(AttemptId, Range<u64>)]) -> io::Result<()> {
        let size = file.metadata()?.len();
        if size <= 2 * EACH {
            return self.window(file, parts, 0..size);
        }
        self.window(file, parts, 0..EACH)?;
        self.pieces.push(Piece::LeftOut(size - 2 * EACH));
        self.window(file, parts, size - EACH..size)
    }

    /// Adds the bytes of a window, each attempt's apart.
    fn window(
        &mut self,
        file: &File,
        parts: &[(AttemptId, Range<u64>)],
        window: Range<u64>,
    ) -> io::Result<()> {
        let mut at = window.start;
        for (id, part) in parts {
            let (from, to) = (part.start.max(at), part.end.min(window.end));
            if from >= to {
                continue;
            }
            self.output(file, None, at..from)?;
            self.output(file, Some(id), from..to)?;
            at = to;
        }
        self.output(file, None, at..window.end)
    }

    fn output(&mut self, file: &File, of: Option<&AttemptId>, range: Range<u64>) -> io::Result<()> {
        let (mut from, mut bytes) = (file, Vec::new());
        from.seek(SeekFrom::Start(range.start))?;
        from.take(range.end.saturating_sub(range.start)).read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            return Ok(());
        }
        // What was cut in two has its name once.
        let of = of.filter(|id| self.attempts.insert((*id).clone()));
        let of = of.map(|id| (id.step.as_str().into(), id.attempt));
        self.pieces.push(Piece::Output { of, bytes });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::StepId;

    fn told(log: &Log) -> Vec<(Option<String>, String)> {
        let piece = |piece: &Piece| match piece {
            Piece::Output { of, bytes } => {
                let of = of.as_ref().map(|(step, number)| format!("{step}-{number}"));
                (of, String::from_utf8_lossy(&bytes[..bytes.len().min(4)]).into_owned())
            }
            Piece::LeftOut(bytes) => (None, format!("-{bytes}")),
        };
        log.pieces.iter().map(piece).collect()
    }

    fn id(step: &str) -> AttemptId {
        AttemptId { step: StepId::new(step), attempt: 1 }
    }

    #[test]
    fn each_attempt_is_apart_and_the_middle_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let each = usize::try_from(EACH).unwrap();
        let text = ["aaaa", "bbbb", &"c".repeat(2 * each), "dddd"].concat();
        std::fs::write(&path, &text).unwrap();
        let parts = [(id("a"), 0..4), (id("c"), 8..8 + 2 * EACH), (id("e"), 90 * EACH..91 * EACH)];
        let mut log = Log::default();
        log.add(&File::open(&path).unwrap(), &parts).unwrap();
        let own = |of: Option<&str>, text: &str| (of.map(str::to_owned), text.to_owned());
        let expected = [
            own(Some("a-1"), "aaaa"),
            own(None, "bbbb"),
            own(Some("c-1"), "cccc"),
            own(None, "-12"),
            own(None, "cccc"),
            own(None, "dddd"),
        ];
        assert_eq!(told(&log), expected);
        assert_eq!(log.attempts, HashSet::from([id("a"), id("c")]));
    }
}
