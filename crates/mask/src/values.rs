//! How a value gets known: without what anybody could guess, in pieces, each in all its shapes, as views show them.

use super::known::Known;
use super::view::{Content, Mode, View};
use super::{encodings, public};

/// A longer value is encoded in pieces, so that its shapes never take much memory…
const PIECE: usize = 1 << 10;
/// …that overlap by more than the longest window.
const OVERLAP: usize = 32;

/// Adds a value in all its shapes, if there are not more than `most` windows by then; tells whether.
pub(super) fn add(known: &mut Known, value: &[u8], most: usize) -> bool {
    for stretch in public::stretches(value) {
        let stretch = value.get(stretch).unwrap_or_default();
        for (index, piece) in pieces(stretch).enumerate() {
            if known.len() > most {
                return false;
            }
            for (shape, telling) in encodings::all(piece).into_all() {
                known.add_shape(&visible(&shape), telling, index == 0);
                known.add_shape(&stored(&shape), telling, index == 0);
            }
        }
    }
    true
}

/// Cuts a long text into pieces that overlap, at characters if it is text.
fn pieces(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let character = |at: usize| {
        let back = (0..4).find(|back| !text.get(at - back).is_some_and(|byte| (0x80..0xc0).contains(byte)));
        at - back.unwrap_or(0)
    };
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let end = if text.len() - start > PIECE { character(start + PIECE) } else { text.len() };
        next = (end < text.len()).then(|| character(end - OVERLAP));
        text.get(start..end)
    })
}

/// Returns what the joined view shows of a shape: it is compared with views only.
pub(super) fn visible(shape: &[u8]) -> Vec<u8> {
    let mut view = View::default();
    view.build(shape, Mode::Joined, Content::of(shape), None);
    view.bytes().to_vec()
}

/// Returns what is left of a shape without single controls, as the view of what is stored has it.
fn stored(shape: &[u8]) -> Vec<u8> {
    shape.iter().copied().filter(|&byte| byte == b'\n' || !byte.is_ascii_control()).collect()
}
