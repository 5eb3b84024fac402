//! Sets of short texts: all telling parts of all shapes of all values, a few bytes each, however they repeat themselves.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

/// What a text in the set stands for: the same text can be more than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A part that is masked wherever it stands.
    Telling,
    /// The first telling part of a shape.
    First,
    /// A start of a shape that tells nothing yet.
    Start,
}

/// A set of texts by their hashes of 32 bits, with open addressing: with a thousand in it a text that is not in it seems
/// to be once in four million times, and a mask too much is no harm.
#[derive(Debug, Clone)]
pub(super) struct Windows {
    /// 0 is free.
    slots: Vec<u32>,
    len: usize,
}

impl Windows {
    /// Makes an empty set.
    pub(super) fn new() -> Self {
        Self { slots: vec![0; 1 << 10], len: 0 }
    }

    /// Returns how many are in the set.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds a text.
    pub(super) fn insert(&mut self, text: &[u8], role: Role) {
        if self.len * 3 >= self.slots.len() * 2 {
            self.grow();
        }
        self.len += usize::from(place(&mut self.slots, hash(text, role)));
    }

    /// Tells whether a text is in the set.
    #[inline]
    pub(super) fn has(&self, text: &[u8], role: Role) -> bool {
        let hash = hash(text, role);
        let mut at = slot(hash, self.slots.len());
        loop {
            match self.slots.get(at) {
                Some(&found) if found == hash => return true,
                None | Some(0) => return false,
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
        }
    }

    fn grow(&mut self) {
        let mut slots = vec![0; self.slots.len() * 2];
        for &hash in self.slots.iter().filter(|&&hash| hash != 0) {
            place(&mut slots, hash);
        }
        self.slots = slots;
    }
}

/// Puts a hash where it belongs; returns whether it is new. There is always a free slot.
fn place(slots: &mut [u32], hash: u32) -> bool {
    let mask = slots.len() - 1;
    let mut at = slot(hash, slots.len());
    while let Some(found) = slots.get_mut(at) {
        if *found == hash {
            return false;
        }
        if *found == 0 {
            *found = hash;
            return true;
        }
        at = (at + 1) & mask;
    }
    false
}

/// The highest bits: they stay the highest when the table grows.
#[inline]
fn slot(hash: u32, slots: usize) -> usize {
    ((u64::from(hash) * slots as u64) >> 32) as usize
}

/// What nobody outside of this process knows: values could be made otherwise that all want the same slot.
static SEEDS: LazyLock<[u64; 2]> = LazyLock::new(|| {
    let state = RandomState::new();
    [state.hash_one(1u8), state.hash_one(2u8) | 1]
});

/// Returns the hash of a text; never 0.
#[inline]
fn hash(text: &[u8], role: Role) -> u32 {
    let [seed, factor] = *SEEDS;
    // Spread, or the first byte of a text could make up for another role.
    let mut hash = seed ^ ((text.len() as u64) << 2 | role as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    let mut mix = |word: u64| {
        hash = (hash ^ word).wrapping_mul(factor);
        hash ^= hash >> 32;
    };
    let mut chunks = text.chunks_exact(8);
    for chunk in &mut chunks {
        mix(chunk.try_into().map_or(0, u64::from_le_bytes));
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        // The last eight again, if there are so many: a shift a byte costs more.
        let last = text.last_chunk().map(|last| u64::from_le_bytes(*last));
        mix(last.unwrap_or_else(|| rest.iter().fold(0, |word, &byte| word << 8 | u64::from(byte))));
    }
    mix(0x9E37_79B9_7F4A_7C15);
    ((hash >> 32) as u32).max(1)
}

/// Bits of the set of grams.
const BITS: usize = 1 << 20;

/// Every gram of every shape, two bits each, and every two bytes that follow each other: with false positives, and small.
#[derive(Debug, Clone)]
pub(super) struct EveryGram {
    grams: Vec<u32>,
    pairs: Vec<u32>,
}

impl EveryGram {
    /// Makes an empty set.
    pub(super) fn new() -> Self {
        Self { grams: vec![0; BITS / 32], pairs: vec![0; (1 << 16) / 32] }
    }

    /// Adds a gram.
    pub(super) fn insert(&mut self, gram: u32) {
        for bit in bits(gram) {
            self.grams[bit / 32] |= 1 << (bit % 32);
        }
        let [first, second, third, fourth] = gram.to_le_bytes();
        for pair in [[first, second], [second, third], [third, fourth]] {
            let bit = usize::from(u16::from_le_bytes(pair));
            self.pairs[bit / 32] |= 1 << (bit % 32);
        }
    }

    /// Tells whether a gram may be in the set.
    #[inline]
    pub(super) fn may_have(&self, gram: u32) -> bool {
        // Both looked up at once: a branch that is taken now and then costs more.
        bits(gram).iter().fold(1, |all, &bit| all & self.grams[bit / 32] >> (bit % 32)) & 1 != 0
    }

    /// Tells whether two bytes follow each other in a gram of the set.
    #[inline]
    pub(super) fn has_pair(&self, pair: [u8; 2]) -> bool {
        let bit = usize::from(u16::from_le_bytes(pair));
        self.pairs[bit / 32] >> (bit % 32) & 1 != 0
    }
}

#[inline]
fn bits(gram: u32) -> [usize; 2] {
    let product = u64::from(gram ^ gram >> 15).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    [(product >> 44) as usize % BITS, (product >> 20) as usize % BITS]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in_in_its_role_and_nothing_else() {
        let text = |number: u32| format!("{number:0len$}", len = 6 + number as usize % 20).into_bytes();
        let mut windows = Windows::new();
        (0..20_000).for_each(|number| windows.insert(&text(number), Role::Telling));
        windows.insert(&text(7), Role::Telling);
        assert!((19_990..=20_000).contains(&windows.len()), "each once: {}", windows.len());
        assert!((0..20_000).all(|number| windows.has(&text(number), Role::Telling)));
        let others = (20_000..40_000).filter(|&number| windows.has(&text(number), Role::Telling)).count();
        let roles = (0..20_000).filter(|&number| windows.has(&text(number), Role::Start)).count();
        assert!(others + roles < 10, "{others} {roles}");
    }

    #[test]
    fn every_gram_is_found_again() {
        let mut grams = EveryGram::new();
        (0..10_000u32).for_each(|gram| grams.insert(gram.wrapping_mul(0x0101_4321)));
        assert!((0..10_000u32).all(|gram| grams.may_have(gram.wrapping_mul(0x0101_4321))));
        let others = (0..10_000u32).filter(|gram| grams.may_have(gram.wrapping_mul(0x1234_5671) ^ 1)).count();
        assert!(others < 500, "{others}");
    }
}
