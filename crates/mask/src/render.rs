//! Writes a block out with its secrets masked.

use std::ops::Range;

use memchr::memchr2;

use super::kind::Span;

/// What stands for a secret.
pub(super) const MASK: &[u8] = b"***";

/// Appends `raw[from..]` with the spans masked.
pub(super) fn render(raw: &[u8], from: usize, spans: &[Span], out: &mut Vec<u8>) {
    let mut at = from;
    for range in merged(spans) {
        let (start, end) = (range.start.max(at), range.end.min(raw.len()));
        // Out already, or behind what is written now.
        if end <= start {
            continue;
        }
        out.extend_from_slice(raw.get(at..start).unwrap_or_default());
        mask(raw.get(start..end).unwrap_or_default(), out);
        at = end;
    }
    out.extend_from_slice(raw.get(at..).unwrap_or_default());
}

/// Overlapping and touching ranges become one: leftmost-longest would leak what overlaps.
fn merged(spans: &[Span]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = spans.iter().map(|span| span.range.clone()).collect();
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// Newlines stay, so that line numbers do.
fn mask(mut secret: &[u8], out: &mut Vec<u8>) {
    while !secret.is_empty() {
        let end = memchr2(b'\n', b'\r', secret).unwrap_or(secret.len());
        if end > 0 {
            out.extend_from_slice(MASK);
        }
        out.extend(secret.get(end));
        secret = secret.get(end + 1..).unwrap_or_default();
    }
}
