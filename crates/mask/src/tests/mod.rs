//! Tests of the masker. Secrets are put together at run time: none stands in the source.

mod attack;
mod borders;
mod classes;
mod cutting;
mod known;
mod patterns;
mod plain;
mod stream;
mod work;

use super::{Detector, Masker, Secrets};

/// Registers values.
pub(super) fn secrets(values: &[&[u8]]) -> Secrets {
    let secrets = Secrets::default();
    for value in values {
        secrets.register(value).unwrap();
    }
    secrets
}

/// Masks an input that comes in the given chunks.
pub(super) fn masked<'a>(secrets: &Secrets, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut masker = Masker::new(secrets);
    let mut out = Vec::new();
    chunks.into_iter().for_each(|chunk| masker.push(chunk, &mut out));
    masker.finish(&mut out);
    out
}

/// Masks a whole input, and checks that byte by byte gives the same, in which nothing is found again.
pub(super) fn whole(secrets: &Secrets, input: &[u8]) -> String {
    let whole = masked(secrets, [input]);
    let single = masked(secrets, input.chunks(1));
    assert_eq!(show(&whole), show(&single), "whole and byte by byte differ for {}", show(input));
    let mut detector = Detector::new(secrets);
    let mut again = detector.push(&whole);
    again.extend(detector.finish());
    assert!(again.is_empty(), "found in what is masked already: {again:?} in {}", show(&whole));
    String::from_utf8_lossy(&whole).into_owned()
}

/// Returns what is left of a masked line beside masks and its end.
pub(super) fn without_masks(out: &[u8]) -> Vec<u8> {
    out.iter().copied().filter(|byte| !b"*\r\n".contains(byte)).collect()
}

/// Shows bytes readably.
pub(super) fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Returns characters that look random but are the same each time.
pub(super) fn noise(alphabet: &str, len: usize, seed: u64) -> String {
    let alphabet = alphabet.as_bytes();
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = |state: &mut u64| {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        usize::try_from(*state >> 33).unwrap()
    };
    (0..len).map(|_| char::from(alphabet[next(&mut state) % alphabet.len()])).collect()
}

pub(super) const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
pub(super) const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
pub(super) const URL64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
pub(super) const HEX: &str = "0123456789abcdef";
