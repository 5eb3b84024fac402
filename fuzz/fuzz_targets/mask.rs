//! However a stream is cut, the same comes out; and a known value never does.
#![no_main]

use autopilot::evidence::mask::{Masker, Secrets};
use libfuzzer_sys::fuzz_target;

const KNOWN: [&[u8]; 4] =
    [b"hunter2-and-more", b"multi-1\nline-2\nvalue-3", b"tab\tvalue-1", b"p@ss/w0rd&<>\"'"];

fn secrets() -> Secrets {
    let secrets = Secrets::default();
    for value in KNOWN {
        secrets.register(value).expect("long enough");
    }
    secrets
}

fn masked<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let secrets = secrets();
    let (mut masker, mut out) = (Masker::new(&secrets), Vec::new());
    chunks.for_each(|chunk| masker.push(chunk, &mut out));
    masker.finish(&mut out);
    out
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let whole = masked(std::iter::once(bytes));
    assert!(whole == masked(bytes.chunks(usize::from(size) + 1)), "in chunks of {}", usize::from(size) + 1);
    for value in KNOWN {
        assert!(!whole.windows(value.len()).any(|window| window == value), "a known value came out");
    }
});
