//! Takes where the events say that the parts of the log are, and the log as it is read; gives where the two differ.

use super::code::Code;
use super::finding::Finding;

/// What stands for a secret: a banner is masked as everything in the log is.
const MASK: &[u8] = b"***";

/// The parts of a log, as events tell them, in their order.
#[derive(Debug, Default)]
pub(super) struct Parts {
    marks: Vec<Mark>,
    /// Somebody else goes on from here.
    taken_over: bool,
    /// Where the last part ended or began.
    last: u64,
    /// A place before the one before it.
    disorder: Option<(u64, u64)>,
    /// Bytes of the log that were read.
    read: u64,
    /// Marks before this one have been read.
    done: usize,
}

/// A byte of the log that an event names.
#[derive(Debug)]
struct Mark {
    at: u64,
    kind: Kind,
    /// Its runner died or was interrupted since: of what it wrote last, a power loss may have taken the end.
    before_cut: bool,
    /// What the log has there, from the byte before it on.
    seen: Vec<u8>,
}

#[derive(Debug)]
enum Kind {
    /// An attempt begins, with this banner.
    Begins(String),
    /// An attempt ends; in vain: after a line that says so.
    Ends { in_vain: bool },
}

impl Parts {
    /// Notes that an attempt begins here.
    pub(super) fn begins(&mut self, at: u64, step: &str, attempt: u32) {
        self.mark(at, Kind::Begins(format!("── step {step}, attempt {attempt}/")));
    }

    /// Notes that an attempt ends here.
    pub(super) fn ends(&mut self, at: u64, in_vain: bool) {
        self.mark(at, Kind::Ends { in_vain });
    }

    fn mark(&mut self, at: u64, kind: Kind) {
        if std::mem::take(&mut self.taken_over) {
            // Whoever goes on writes where the log ends: what is recorded behind that was never on the disk.
            self.marks.retain(|mark| mark.at <= at);
        }
        if at < self.last && self.disorder.is_none() {
            self.disorder = Some((self.last, at));
        }
        self.last = at;
        self.marks.push(Mark { at, kind, before_cut: false, seen: Vec::new() });
    }

    /// Notes that the runner died or was interrupted, and another one took over.
    pub(super) fn cut(&mut self) {
        self.marks.iter_mut().for_each(|mark| mark.before_cut = true);
        (self.last, self.taken_over) = (0, true);
    }

    /// Takes the next bytes of the log.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        let (from, to) = (self.read, self.read + chunk.len() as u64);
        self.read = to;
        if self.disorder.is_some() {
            return;
        }
        for mark in self.marks.iter_mut().skip(self.done).take_while(|mark| mark.window().0 < to) {
            let (begin, end) = mark.window();
            let within = |at: u64| usize::try_from(at.clamp(from, to) - from).unwrap_or(usize::MAX);
            mark.seen.extend_from_slice(chunk.get(within(begin)..within(end)).unwrap_or_default());
        }
        self.done += self.marks.iter().skip(self.done).take_while(|mark| mark.window().1 <= to).count();
    }

    /// Returns the first place where log and events differ, once all of the log was taken.
    pub(super) fn differ(&self) -> Option<Finding> {
        if let Some((last, at)) = self.disorder {
            let expected = format!("a part at byte {last} or behind");
            return Some(Finding::new(Code::LogDiffers, expected, format!("one at byte {at}")));
        }
        let lost = |mark: &Mark| mark.before_cut && mark.at > self.read;
        let wrong = self.marks.iter().find(|mark| !lost(mark) && !mark.holds(self.read))?;
        let found = if wrong.at > self.read {
            format!("a log of {} bytes", self.read)
        } else {
            format!("“{}”", String::from_utf8_lossy(&wrong.seen).trim())
        };
        Some(Finding::new(Code::LogDiffers, format!("{} at byte {}", wrong.what(), wrong.at), found))
    }
}

impl Mark {
    /// The bytes that are looked at: one before the place, and as many behind it as can be a banner.
    fn window(&self) -> (u64, u64) {
        let behind = match &self.kind {
            // It has a line of its own, whatever was printed before.
            Kind::Begins(banner) => 1 + banner.len() as u64,
            Kind::Ends { .. } => 0,
        };
        (self.at.saturating_sub(1), self.at.saturating_add(behind))
    }

    fn holds(&self, size: u64) -> bool {
        let (before, rest) = self.seen.split_at(usize::from(self.at > 0).min(self.seen.len()));
        let whole_line = before.last().is_none_or(|byte| *byte == b'\n');
        match &self.kind {
            Kind::Ends { in_vain } => self.at <= size && (whole_line || !in_vain),
            Kind::Begins(banner) => {
                let own = if whole_line { Some(rest) } else { rest.strip_prefix(b"\n") };
                own.is_some_and(|own| own.starts_with(banner.as_bytes()) || is_masked(own))
            }
        }
    }

    fn what(&self) -> String {
        match &self.kind {
            Kind::Begins(banner) => format!("“{banner}…”"),
            Kind::Ends { in_vain: true } => "the end of a line".to_owned(),
            Kind::Ends { in_vain: false } => "the end of a part".to_owned(),
        }
    }
}

/// Tells whether a banner can be one whose name was masked.
fn is_masked(own: &[u8]) -> bool {
    own.starts_with("── ".as_bytes()) && own.windows(MASK.len()).any(|part| part == MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str =
        "── step a, attempt 1/2\nhalf a line\n── step a, attempt 1/2: exit 3\n── step a, attempt 2/2\ndone";

    fn differ(marks: impl Fn(&mut Parts), log: &str, piece: usize) -> Option<String> {
        let mut parts = Parts::default();
        marks(&mut parts);
        log.as_bytes().chunks(piece).for_each(|chunk| parts.push(chunk));
        parts.differ().map(|finding| format!("{}: {}", finding.expected, finding.found))
    }

    fn at(text: &str, nth: usize) -> u64 {
        LOG.match_indices(text).nth(nth).unwrap().0 as u64
    }

    #[test]
    fn parts_are_where_the_events_say_however_the_log_is_cut_up() {
        let second = at("── step a, attempt 2", 0);
        let marks = |by: u64| {
            move |parts: &mut Parts| {
                parts.begins(0, "a", 1);
                parts.ends(second + by, true);
                parts.begins(second + by, "a", 2);
                parts.ends(LOG.len() as u64, false);
            }
        };
        for piece in [1, 2, 7, 30, 4096] {
            assert_eq!(differ(marks(0), LOG, piece), None, "{piece}");
            assert!(differ(marks(1), LOG, piece).is_some(), "{piece}");
            assert!(differ(marks(0), &LOG.replace("attempt 2", "attempt 3"), piece).is_some(), "{piece}");
            let short = &LOG[..LOG.len() - 1];
            assert!(differ(marks(0), short, piece).unwrap().contains("a log of"), "{piece}");
        }
    }

    #[test]
    fn a_banner_after_half_a_line_has_a_line_of_its_own() {
        let log = "no newline\n── step b, attempt 1/1\n";
        assert_eq!(differ(|parts| parts.begins(10, "b", 1), log, 3), None);
        assert!(differ(|parts| parts.begins(9, "b", 1), log, 3).is_some());
        let masked = "── step ***, attempt 1/1\n";
        assert_eq!(differ(|parts| parts.begins(0, "secret-id", 1), masked, 3), None);
    }

    #[test]
    fn what_a_power_loss_took_is_no_difference_and_disorder_is_one() {
        let lost = |parts: &mut Parts| {
            parts.begins(0, "a", 1);
            parts.ends(900, false);
            parts.cut();
            parts.begins(at("── step a, attempt 2", 0), "a", 2);
        };
        assert_eq!(differ(lost, LOG, 64), None);
        let backwards = |parts: &mut Parts| {
            parts.begins(0, "a", 1);
            parts.ends(20, false);
            parts.begins(10, "a", 2);
        };
        assert!(differ(backwards, LOG, 64).unwrap().contains("byte 20 or behind"));
    }
}
