//! What a scan tells of a block, and what it takes along from block to block.

use super::kind::Span;
use super::patch::Tail;
use super::pem::Pem;
use super::screen::Screen;

/// What goes on from block to block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Carry {
    /// Inside of a private key.
    pub(super) pem: Option<Pem>,
    /// Inside of a secret that is longer than a window.
    pub(super) inside: bool,
    /// What was shown last.
    pub(super) tail: Tail,
    /// What an unfinished line left on the screen, if its cursor moved.
    pub(super) screen: Option<Box<Screen>>,
}

impl Carry {
    /// No secret is carried on.
    pub(super) fn is_clear(&self) -> bool {
        self.pem.is_none() && !self.inside
    }
}

/// What was seen in a block; all offsets are raw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What to mask, in no order.
    pub(super) spans: Vec<Span>,
    /// From here on a known value may go on behind the block.
    pub(super) hold: Option<usize>,
    /// Where a token may start that the end of the block cuts.
    pub(super) cut: Option<usize>,
    /// Every `::add-mask::` that was not heeded yet, in their order.
    pub(super) commands: Vec<Command>,
    /// What goes on behind the block.
    pub(super) carry: Carry,
    /// The carry differs from nothing before, in or after the block.
    pub(super) carries: bool,
}

/// A workflow command that registers a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// Where its line starts.
    pub(super) start: usize,
    /// A place in the line behind which it counts as heeded.
    pub(super) at: usize,
    /// The value, as it stands there.
    pub(super) value: Vec<u8>,
}
