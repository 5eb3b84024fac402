//! Tests of the masker. Secrets are put together at run time: none stands in the source.

mod cutting;
mod known;
mod patterns;
mod plain;
mod stream;

use super::{Masker, Secrets};

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

/// Masks a whole input, and checks that byte by byte gives the same.
pub(super) fn whole(secrets: &Secrets, input: &[u8]) -> String {
    let whole = masked(secrets, [input]);
    let single = masked(secrets, input.chunks(1));
    assert_eq!(show(&whole), show(&single), "whole and byte by byte differ for {}", show(input));
    String::from_utf8_lossy(&whole).into_owned()
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

#[test]
#[ignore]
fn stats() {
    use super::{anchors, filter::gram_at, known::Known};
    use std::collections::HashMap;
    let text = std::fs::read("/tmp/mask-ordinary.log").unwrap();
    let text = &text[..8 << 20];
    let known = Known::new();
    let mut found = Vec::new();
    known.filter().find(text, &mut found);
    let mut grams = 0;
    anchors::table().each_gram(|_| grams += 1);
    let mut by: HashMap<String, usize> = HashMap::new();
    for &at in &found {
        let gram = gram_at(text, at).unwrap();
        let n = anchors::table().count(gram);
        let mut hit = false;
        anchors::table().at(text, at, gram, |a, _| { hit = true; *by.entry(format!("HIT {}", String::from_utf8_lossy(a.literal))).or_default() += 1; });
        let g = String::from_utf8_lossy(&text[at..at + 4]).into_owned();
        if n == 0 { *by.entry(format!("false {g:?}")).or_default() += 1; *by.entry("FALSE".into()).or_default() += 1; }
        else if !hit { *by.entry(format!("gram {g:?}")).or_default() += 1; *by.entry("GRAM".into()).or_default() += 1; }
    }
    let mut by: Vec<_> = by.into_iter().collect();
    by.sort_by_key(|x| std::cmp::Reverse(x.1));
    println!("grams {grams} found {} of {}", found.len(), text.len());
    for (k, v) in by.iter().take(60) { println!("{v} {k}"); }
}
