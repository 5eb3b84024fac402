//! What the masker does for a text, counted: bytes that it looks at, or may look at behind an anchor. However a text is built,
//! twice as much of it is twice the work, and a byte of it costs no more than a bound.

use super::super::work;
use super::{ALNUM, masked, noise, secrets};

/// Bytes of a text, which is longer than anything that is held back, and of one that is twice as long.
const ONCE: usize = 640_000;
const TWICE: usize = 2 * ONCE;

/// What a byte may cost, in bytes that are looked at: some 200 to either side of what may begin at every seventh, twice where
/// windows overlap.
const MOST: u64 = 500;

/// Texts that are made of one thing, over and over, and what is before.
fn pieces() -> Vec<(String, Vec<u8>, Vec<u8>)> {
    let key = format!("-----{} PRIVATE KEY-----\n", "BEGIN");
    let signs = [
        "token=\"",
        "token=\"\n",
        "token='",
        "token='\n",
        "token=\\\"",
        "token=\\\"\n",
        "token=",
        "token: ",
        "tokenx",
        "\"token\":\"",
        "--token ",
        "_auth=\"",
        "pwd=\"",
        "://",
        "a://b:",
        "a://b:c@",
        "://\n",
        "@://",
        "bearer ",
        "basic QQQQ",
        "authorization:",
        "cookie: a=b;",
        "ghp_",
        "sk-ant-",
        "eyJ.",
        "SG.",
        "\x1b[",
        "\x1bP",
        "a\r",
        "a\t",
        "a\x08",
    ];
    let plain =
        signs.iter().map(|sign| (sign.escape_debug().to_string(), Vec::new(), sign.as_bytes().to_vec()));
    let mut pieces: Vec<(String, Vec<u8>, Vec<u8>)> = plain.collect();
    for sign in ["://", "token=\"", "a://b:c@", "\x1b["] {
        let what = format!("{} behind a key", sign.escape_debug());
        pieces.push((what, key.clone().into_bytes(), sign.as_bytes().to_vec()));
    }
    let begin = key.trim_end().as_bytes().to_vec();
    pieces.push(("the start of a key".into(), Vec::new(), begin.clone()));
    pieces.push(("the start of a key in lines".into(), Vec::new(), key.clone().into_bytes()));
    pieces.push(("the start of a key and links".into(), Vec::new(), [&begin[..], b"://", b"://\n"].concat()));
    pieces
}

/// Values that repeat themselves, and texts of them.
fn repeating() -> Vec<(Vec<u8>, Vec<u8>)> {
    let of = |unit: &str, times: usize| unit.repeat(times).into_bytes();
    vec![
        (of("ab", 2048), of("ab", 1)),
        (of("abc1", 1024), of("abc1", 1)),
        (of("ab\n", 1024), of("ab\n", 1)),
        (of("a\nb\n", 512), of("a\nb\n", 1)),
        (of("secret\n", 512), of("secret\n", 3)),
        (of("aB3\r\n", 512), of("aB3\r\n", 1)),
        ([of("ab", 500), b"X".to_vec(), of("ab", 500)].concat(), of("ab", 1)),
        ([of("ab\n", 300), b"X".to_vec(), of("ab\n", 300)].concat(), of("ab\n", 1)),
        (noise(ALNUM, 4096, 7).into_bytes(), noise(ALNUM, 4096, 7).into_bytes()),
    ]
}

fn filled(before: &[u8], piece: &[u8], len: usize) -> Vec<u8> {
    before.iter().chain(piece.iter().cycle()).copied().take(len).collect()
}

#[track_caller]
fn is_linear(what: &str, values: &[&[u8]], chunk: usize, before: &[u8], piece: &[u8]) {
    let secrets = secrets(values);
    let done = |len: usize| {
        let text = filled(before, piece, len);
        work::of(|| drop(masked(&secrets, text.chunks(chunk))))
    };
    let (once, twice) = (done(ONCE), done(TWICE));
    assert!(once >= ONCE as u64, "{what}: nothing is counted");
    // A quarter more, for what is held back.
    assert!(twice * 2 <= once * 5, "{what}, in pieces of {chunk}: {once}, twice as much {twice}");
    let each = twice / TWICE as u64;
    assert!(each <= MOST, "{what}, in pieces of {chunk}: {each} for a byte");
}

#[test]
fn what_is_nearly_a_secret_over_and_over_takes_work_in_proportion() {
    for (what, before, piece) in pieces() {
        is_linear(&what, &[b"some-registered-value"], 64 << 10, &before, &piece);
    }
}

#[test]
fn values_that_repeat_themselves_take_work_in_proportion() {
    for (value, piece) in repeating() {
        let what = String::from_utf8_lossy(&value[..12]).escape_debug().to_string();
        for chunk in [1000, 64 << 10] {
            is_linear(&what, &[&value], chunk, b"", &piece);
        }
    }
}
