//! The filter that every byte passes: a bitmap of hashed 4-byte grams, probed at every second position.
//!
//! Whatever is searched brings the grams at two consecutive positions; one of the two is even. See
//! `docs/adr/0003-masking.md` for what else was measured.

/// A byte a slot, not a bit: the loop is bound by instructions, and a bit costs a shift and a mask more.
const SLOTS: usize = 1 << 18;
/// The second table is asked seldom: bits, to stay small.
const WORDS: usize = 1 << 13;
/// Bytes looked at by one step of the unrolled loop: twice as many cost a step less on the way to each hit.
const STEP: usize = 128;

/// The set of grams, with false positives.
#[derive(Clone)]
pub(super) struct Filter {
    slots: Box<[u8; SLOTS]>,
    /// The same with another hash, for what passes the first.
    second: Box<[u32; WORDS]>,
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filter").finish_non_exhaustive()
    }
}

fn slot(gram: u32) -> usize {
    (gram.wrapping_mul(0x9E37_79B1) >> 14) as usize % SLOTS
}

/// Returns the word and the bit in it.
fn second_slot(gram: u32) -> (usize, u32) {
    let bit = (gram ^ gram >> 15).wrapping_mul(0x2C1B_3C6D) >> 14;
    ((bit >> 5) as usize % WORDS, bit & 31)
}

/// Returns an array of zeros that never was on the stack.
#[expect(clippy::unnecessary_box_returns, reason = "256 KiB")]
fn zeros<T: Copy + Default, const LEN: usize>() -> Box<[T; LEN]> {
    // The length is right; the default is there because nothing here may panic.
    vec![T::default(); LEN].try_into().unwrap_or_else(|_| Box::new([T::default(); LEN]))
}

impl Filter {
    /// Makes an empty set.
    pub(super) fn new() -> Self {
        Self { slots: zeros(), second: zeros() }
    }

    /// Adds a gram.
    pub(super) fn insert(&mut self, gram: u32) {
        self.slots[slot(gram)] = 1;
        let (word, bit) = second_slot(gram);
        self.second[word] |= 1 << bit;
    }

    /// Appends every even position whose gram may be in the set.
    pub(super) fn find(&self, text: &[u8], found: &mut Vec<usize>) {
        let slots: &[u8; SLOTS] = &self.slots;
        let mut at = 0;
        while let Some(block) = text.get(at..).and_then(<[u8]>::first_chunk::<{ STEP + 2 }>) {
            let mut hits = 0u64;
            for index in 0..STEP / 2 {
                hits = (hits << 1) + u64::from(slots[slot(gram_in(block, index * 2))]);
            }
            // The first position is the highest bit.
            while hits != 0 {
                let index = hits.leading_zeros() as usize;
                hits &= !(1 << (63 - index));
                if self.confirms(gram_in(block, index * 2)) {
                    found.push(at + index * 2);
                }
            }
            at += STEP;
        }
        self.find_from(text, at, found);
    }

    /// The same from an even position on, without the unrolled loop: for short texts, and so that the loop stands at
    /// one place only, where the compiler makes the most of it.
    pub(super) fn find_from(&self, text: &[u8], from: usize, found: &mut Vec<usize>) {
        let mut at = from;
        while let Some(gram) = gram_at(text, at) {
            if self.slots[slot(gram)] != 0 && self.confirms(gram) {
                found.push(at);
            }
            at += 2;
        }
    }

    fn confirms(&self, gram: u32) -> bool {
        let (word, bit) = second_slot(gram);
        (self.second[word] >> bit) & 1 != 0
    }
}

fn gram_in(block: &[u8; STEP + 2], at: usize) -> u32 {
    u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
}

/// Returns the gram at a position.
pub(super) fn gram_at(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..)?.first_chunk().map(|gram| u32::from_le_bytes(*gram))
}

/// What a gram stands for: a small hash table with chains, cheap to add to.
#[derive(Debug, Clone)]
pub(super) struct Grams<T> {
    slots: Vec<u32>,
    entries: Vec<Entry<T>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry<T> {
    gram: u32,
    /// Index + 1 of the next entry of the slot; 0 ends the chain.
    next: u32,
    value: T,
}

impl<T: Copy> Grams<T> {
    /// Makes an empty table.
    pub(super) fn new() -> Self {
        Self { slots: vec![0; 1024], entries: Vec::new() }
    }

    /// Adds what a gram stands for.
    pub(super) fn insert(&mut self, gram: u32, value: T) {
        if self.entries.len() * 2 >= self.slots.len() {
            self.grow();
        }
        self.entries.push(Entry { gram, next: 0, value });
        self.link(self.entries.len() - 1);
    }

    fn slot(&self, gram: u32) -> usize {
        gram.wrapping_mul(0x85EB_CA6B).rotate_right(12) as usize & (self.slots.len() - 1)
    }

    fn link(&mut self, index: usize) {
        let slot = self.slot(self.entries[index].gram);
        self.entries[index].next = self.slots[slot];
        self.slots[slot] = u32::try_from(index + 1).unwrap_or(0);
    }

    fn grow(&mut self) {
        self.slots = vec![0; self.slots.len() * 2];
        (0..self.entries.len()).for_each(|index| self.link(index));
    }

    /// Returns the first thing a gram stands for.
    pub(super) fn first(&self, gram: u32) -> Option<T> {
        self.get(gram).next()
    }

    /// Returns the only thing a gram stands for, for a change.
    pub(super) fn entry(&mut self, gram: u32) -> &mut T
    where
        T: Default,
    {
        let mut index = self.slots[self.slot(gram)];
        while let Some(entry) = index.checked_sub(1).and_then(|at| self.entries.get(at as usize)) {
            if entry.gram == gram {
                return &mut self.entries[index as usize - 1].value;
            }
            index = entry.next;
        }
        self.insert(gram, T::default());
        let last = self.entries.len() - 1;
        &mut self.entries[last].value
    }

    /// Returns everything a gram stands for.
    pub(super) fn get(&self, gram: u32) -> impl Iterator<Item = T> + '_ {
        let mut next = self.slots[self.slot(gram)];
        std::iter::from_fn(move || {
            while let Some(entry) = next.checked_sub(1).and_then(|index| self.entries.get(index as usize)) {
                next = entry.next;
                if entry.gram == gram {
                    return Some(entry.value);
                }
            }
            None
        })
    }
}
