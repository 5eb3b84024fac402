//! What is read around the places where what is stored and what is shown part, and around the start of a block.

use std::ops::Range;

use super::bare::Bare;
use super::encodings::NEAR;
use super::known::Known;
use super::patch::{Patch, Tail};

/// Adds what is around these places, which are sorted, and around the start of the block.
pub(super) fn around(bare: Bare<'_>, known: &Known, edges: &[usize], tail: &Tail, patch: &mut Patch) {
    let last = tail.bare(bare.lines);
    let first = goes_on(bare, known, last).then_some(0);
    // What is added next, and how many bytes belong to the edge before.
    let (mut at, mut left) = (0, 0);
    let mut started = false;
    for edge in first.into_iter().chain(edges.iter().copied()) {
        while at < edge && left > 0 {
            left -= bare.add(at, patch);
            at += 1;
        }
        let from = bare.back(at, edge);
        if !started || from.start > at {
            started = true;
            patch.start();
            if from.start == 0 {
                patch.context(
                    last.get(last.len().saturating_sub(NEAR - from.len().min(NEAR))..).unwrap_or_default(),
                );
            }
        }
        for place in from {
            bare.add(place, patch);
        }
        at = at.max(edge);
        left = NEAR;
    }
    while left > 0 && at < bare.raw.len() {
        left -= bare.add(at, patch);
        at += 1;
    }
}

/// Tells whether a value may go on at the start of the block.
fn goes_on(bare: Bare<'_>, known: &Known, last: &[u8]) -> bool {
    let mut start = bare.from(0);
    match (last.last_chunk(), [(); 4].map(|()| start.next())) {
        (Some(&before), [Some(first), Some(second), Some(third), Some(fourth)]) => {
            known.may_go_on(before, [first, second, third, fourth])
        }
        _ => !last.is_empty(),
    }
}

impl Bare<'_> {
    /// Returns the places before an edge that belong to it, but none before `least`.
    fn back(&self, least: usize, edge: usize) -> Range<usize> {
        let mut start = edge;
        let mut len = 0;
        while start > least && len < NEAR {
            start -= 1;
            len += usize::from(self.shows(start));
        }
        start..edge
    }

    /// Adds a byte if it is seen; returns how many.
    fn add(&self, at: usize, patch: &mut Patch) -> usize {
        match self.raw.get(at) {
            Some(&byte) if self.shows(at) => {
                patch.byte(byte, at);
                1
            }
            _ => 0,
        }
    }
}
