//! The known values of a run in all their shapes, and where they stand in a text.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::ops::Range;

use super::filter::{Filter, Grams, gram_at};
use super::view::{Content, Mode, View};
use super::{anchors, encodings, public};

/// The shortest shape that is searched.
pub(super) const SHORTEST: usize = 6;
/// A longer value counts as several: how far a text follows it has to be looked at wherever it may start.
const LONGEST: usize = 1 << 10;
/// So many bytes of a value, beyond what is public, betray it: from there on a part is masked as well.
const TELLING: usize = 8;

/// All shapes of all values. Values are added one by one: nothing is rebuilt.
#[derive(Debug, Clone)]
pub(super) struct Known {
    filter: Filter,
    grams: Grams<(u32, u32)>,
    heads: Vec<Head>,
    by_head: BTreeMap<Box<[u8]>, u32>,
    longest_head: usize,
    multiline: bool,
}

/// The telling start of one or more shapes.
#[derive(Debug, Clone)]
struct Head {
    bytes: Box<[u8]>,
    tails: BTreeSet<Box<[u8]>>,
}

/// A place where a known value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// What to mask.
    pub(super) range: Range<usize>,
    /// The text ended before the value did.
    pub(super) open: bool,
}

impl Known {
    /// Knows no value; the filter lets the anchors of the patterns through.
    pub(super) fn new() -> Self {
        let mut filter = Filter::new();
        anchors::table().each_gram(|gram| filter.insert(gram));
        Self {
            filter,
            grams: Grams::new(),
            heads: Vec::new(),
            by_head: BTreeMap::new(),
            longest_head: 0,
            multiline: false,
        }
    }

    /// Returns the filter of everything that is searched.
    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Tells whether a value can go on behind a line feed.
    pub(super) fn is_multiline(&self) -> bool {
        self.multiline
    }

    /// Adds a value in all its shapes; a long one as several of equal size, so that none of them is too short.
    pub(super) fn add(&mut self, value: &[u8]) {
        let pieces = value.len().div_ceil(LONGEST).max(1);
        value.chunks(value.len().div_ceil(pieces).max(1)).for_each(|piece| self.add_piece(piece));
    }

    fn add_piece(&mut self, value: &[u8]) {
        let public = public::prefix(value);
        let open = value.get(..public).unwrap_or_default();
        // What an encoder makes of the public part is public too. Encoders go from left to right, so the
        // longest common start with some shape of the public part alone is it.
        let shapes = |text: &[u8]| encodings::all(text).iter().map(|shape| visible(shape)).collect();
        let public: BTreeSet<Vec<u8>> = if open.is_empty() { BTreeSet::new() } else { shapes(open) };
        let all: BTreeSet<Vec<u8>> = shapes(value);
        for shape in all {
            let known = public.iter().map(|start| common(start, &shape)).max().unwrap_or(0);
            self.add_shape(&shape, known);
        }
    }

    fn add_shape(&mut self, shape: &[u8], public: usize) {
        if shape.len() < SHORTEST {
            return;
        }
        let head = (public + TELLING).min(shape.len());
        let (head, tail) = shape.split_at(head);
        self.multiline |= shape.contains(&b'\n');
        let id = self.head(head);
        if let Some(entry) = self.heads.get_mut(id as usize) {
            entry.tails.insert(tail.into());
        }
    }

    fn head(&mut self, head: &[u8]) -> u32 {
        if let Some(&id) = self.by_head.get(head) {
            return id;
        }
        let id = u32::try_from(self.heads.len()).unwrap_or(u32::MAX);
        self.heads.push(Head { bytes: head.into(), tails: BTreeSet::new() });
        self.by_head.insert(head.into(), id);
        self.longest_head = self.longest_head.max(head.len());
        // The last five bytes: the least public ones.
        for at in [head.len() - 5, head.len() - 4] {
            if let Some(gram) = gram_at(head, at) {
                self.filter.insert(gram);
                self.grams.insert(gram, (id, u32::try_from(at).unwrap_or(0)));
            }
        }
        id
    }

    /// Calls back for every value that has a gram at this place of the text.
    pub(super) fn at(&self, text: &[u8], at: usize, gram: u32, mut found: impl FnMut(Found)) {
        for (id, offset) in self.grams.get(gram) {
            let Some(start) = at.checked_sub(offset as usize) else { continue };
            let Some(head) = self.heads.get(id as usize) else { continue };
            if let Some(rest) = text.get(start..).and_then(|text| text.strip_prefix(&*head.bytes)) {
                let (more, open) = head.follow(rest);
                found(Found { range: start..start + head.bytes.len() + more, open });
            }
        }
    }

    /// Returns how many bytes at the end of the text are the start of a value, none of them telling yet.
    pub(super) fn depth(&self, text: &[u8]) -> usize {
        let longest = self.longest_head.saturating_sub(1).min(text.len());
        (1..=longest).rev().find(|&len| self.starts_head(&text[text.len() - len..])).unwrap_or(0)
    }

    fn starts_head(&self, start: &[u8]) -> bool {
        let next = self.by_head.range::<[u8], _>((Included(start), Unbounded)).next();
        next.is_some_and(|(head, _)| head.len() > start.len() && head.starts_with(start))
    }
}

impl Head {
    /// Returns how far the text follows one of the tails, and whether it ended before the tail did.
    fn follow(&self, text: &[u8]) -> (usize, bool) {
        let before = self.tails.range::<[u8], _>((Unbounded, Included(text))).next_back();
        let after = self.tails.range::<[u8], _>((Excluded(text), Unbounded)).next();
        let far = before.into_iter().chain(after).map(|tail| common(tail, text)).max().unwrap_or(0);
        let open = after.is_some_and(|tail| tail.len() > text.len() && tail.starts_with(text));
        (far, open)
    }
}

/// Returns how many bytes two texts start with in common; long ones are compared piece by piece.
fn common(one: &[u8], other: &[u8]) -> usize {
    const PIECE: usize = 64;
    let pieces = one.chunks_exact(PIECE).zip(other.chunks_exact(PIECE));
    let same = pieces.take_while(|(one, other)| one == other).count() * PIECE;
    let rest = one.iter().zip(other).skip(same);
    same + rest.take_while(|(one, other)| one == other).count()
}

/// Returns what the joined view shows of a shape: it is compared with views only.
pub(super) fn visible(shape: &[u8]) -> Vec<u8> {
    let mut view = View::default();
    view.build(shape, Mode::Joined, Content::of(shape));
    view.bytes().to_vec()
}
