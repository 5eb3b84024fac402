//! Private keys in PEM, OpenSSH and PGP armour: their lines carry nothing that a pattern could tell.

use std::ops::Range;

use super::harmless::find;

/// So many lines that are no body end a key that never ended.
const FOREIGN: u8 = 3;
/// A key is not longer.
const LONGEST: usize = 64 << 10;
/// From so many characters on a run is a body line wherever it stands.
const FULL_LINE: usize = 40;
/// A shorter one has to look random.
const SHORT_LINE: usize = 16;

/// Being inside of a private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pem {
    foreign: u8,
    bytes: usize,
    /// Where the body starts in its lines, behind the prefix of a log.
    column: usize,
    /// Length of the last body line: a shorter one is the last.
    last: Option<usize>,
}

/// Returns what is behind the BEGIN line of a private key that starts at `at`.
pub(super) fn begins(line: &[u8], at: usize) -> Option<usize> {
    let rest = line.get(at..)?.strip_prefix(b"-----BEGIN")?;
    let end = find(rest.get(..80.min(rest.len()))?, b"-----")?;
    let label = rest.get(..end)?;
    find(label, b"PRIVATE KEY")?;
    Some(at + b"-----BEGIN".len() + end + 5)
}

/// Tells what of the rest of a BEGIN line to mask, and whether the key goes on in the next line.
pub(super) fn opening(line: &[u8], at: usize, after: usize) -> (Option<Range<usize>>, Option<Pem>) {
    let rest = line.get(after..).unwrap_or_default();
    if let Some(end) = find(rest, b"-----END") {
        return (trim(line, after..after + end), None);
    }
    // A key in one line, cut off: `\n` and blanks stand for its line ends.
    let is_body = |byte: &u8| is_base64(*byte) || b"\\ \t".contains(byte);
    let body = rest.iter().take_while(|byte| is_body(byte)).count();
    let range = trim(line, after..after + body).filter(|range| range.len() >= SHORT_LINE);
    (range, Some(Pem { foreign: 0, bytes: 0, column: at, last: None }))
}

/// Takes escapes and blanks off both ends of a body.
fn trim(line: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let (mut start, mut end) = (range.start, range.end);
    while start < end && matches!(line.get(start..)?, [b'\\', b'n' | b'r', ..]) {
        start += 2;
    }
    while start < end && line.get(start).is_some_and(|byte| b"\\ \t".contains(byte)) {
        start += 1;
    }
    while start < end && line.get(end - 1).is_some_and(|byte| b"\\ \t".contains(byte)) {
        end -= 1;
    }
    (start < end).then_some(start..end)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)
}

impl Pem {
    /// Takes a line; calls back with what to mask of it and returns whether the key goes on.
    pub(super) fn line(&mut self, line: &[u8], mut mask: impl FnMut(Range<usize>)) -> bool {
        self.bytes += line.len();
        let end = find(line, b"-----END");
        let body = line.get(..end.unwrap_or(line.len())).unwrap_or_default();
        let mut bodies = 0;
        // Once a line, not once a run.
        let text_end = body.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |at| at + 1);
        for run in runs(body) {
            if self.is_body(body, &run, run.end >= text_end) {
                self.last = Some(run.len());
                self.column = run.start;
                bodies += 1;
                mask(run);
            }
        }
        if bodies > 0 {
            self.foreign = 0;
        } else if !self.is_neutral(body) {
            self.foreign += 1;
        }
        end.is_none() && self.foreign < FOREIGN && self.bytes < LONGEST
    }

    fn is_body(&self, line: &[u8], run: &Range<usize>, ends_line: bool) -> bool {
        let text = line.get(run.clone()).unwrap_or_default();
        let has = |class: fn(&u8) -> bool| text.iter().any(class);
        let cases = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
        if run.len() >= FULL_LINE {
            return cases;
        }
        if run.len() >= SHORT_LINE && cases && has(u8::is_ascii_digit) {
            return true;
        }
        let last_line = self.last.is_none_or(|last| last >= SHORT_LINE);
        run.start == self.column && ends_line && (run.len() >= SHORT_LINE || last_line)
    }

    /// Empty lines and, before the body, headers such as `Proc-Type:` say nothing.
    fn is_neutral(&self, line: &[u8]) -> bool {
        let text = line.get(self.column..).unwrap_or_default();
        let name = text.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'-').count();
        let header =
            self.last.is_none() && name > 0 && text.get(name..).is_some_and(|rest| rest.starts_with(b": "));
        line.iter().all(u8::is_ascii_whitespace) || header
    }
}

/// Returns the runs of base64 characters of a line.
fn runs(line: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + line.get(at..)?.iter().position(|&byte| is_base64(byte))?;
        let len = line.get(start..)?.iter().take_while(|&&byte| is_base64(byte)).count();
        at = start + len;
        Some(start..at)
    })
}
