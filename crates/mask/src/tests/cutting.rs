//! The same bytes out however the input is cut, and no panic whatever comes.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::Secrets;
use super::{ALNUM, BASE64, masked, noise, secrets, show};

/// Returns a registry of its own each time: streams register values.
fn registry() -> Secrets {
    static REGISTRY: LazyLock<Secrets> = LazyLock::new(registered);
    REGISTRY.fork()
}

fn registered() -> Secrets {
    let long = noise(ALNUM, 40, 1);
    secrets(&[
        b"hunter2",
        b"secret",
        b"p@ss/w0rd&<>\"'",
        b"multi-1\nline-2\nvalue-3",
        b"abcdefghij",
        b"ghijklmnop",
        long.as_bytes(),
        b"tab\tvalue-1",
    ])
}

/// Pieces of streams: secrets, parts of them, controls, keys, long stuff.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let long = noise(ALNUM, 40, 1);
    let token = format!("gh{}_{}", "p", noise(ALNUM, 36, 2));
    let armour = |word: &str| format!("{0}{word} PRIVATE KEY{0}\n", "-".repeat(5)).into_bytes();
    let fixed: Vec<Vec<u8>> = vec![
        b"\n".to_vec(),
        b"\r".to_vec(),
        b"\r\n".to_vec(),
        b" ".to_vec(),
        b"\t".to_vec(),
        b"\x08".to_vec(),
        b"\x1b[31m".to_vec(),
        b"\x1b[".to_vec(),
        b"\x1b".to_vec(),
        b"\x1b]0;".to_vec(),
        b"\x07".to_vec(),
        b"\x1b\\".to_vec(),
        b"\x1bP".to_vec(),
        b"\0".to_vec(),
        b"hunter2".to_vec(),
        b"secret".to_vec(),
        b"p@ss\\/w0rd\\u0026\\u003c\\u003e\\\"'".to_vec(),
        b"multi-1\n".to_vec(),
        b"multi-1\nline-2\nval".to_vec(),
        b"line-2\n".to_vec(),
        b"value-3".to_vec(),
        b"abcdefghijklmnop".to_vec(),
        b"tabvalue-1".to_vec(),
        b"password=".to_vec(),
        b"\"token\": \"x1".to_vec(),
        b"token=".repeat(50),
        b"token=f(".repeat(20),
        b",".to_vec(),
        b"&a".to_vec(),
        b"Authorization: Bearer abc123def456".to_vec(),
        b"Cookie: a=b1c2d3; e=f4g5h6".to_vec(),
        b"https://u:p4ss@h/".to_vec(),
        b"::add-mask::registered-1".to_vec(),
        b"registered-1".to_vec(),
        long[..9].into(),
        long[3..].into(),
        long.clone().into(),
        token[..20].into(),
        token[20..].into(),
        token.clone().into(),
        armour("BEGIN"),
        armour("END"),
        noise(BASE64, 64, 3).into_bytes(),
        noise(BASE64, 10, 4).into_bytes(),
        "\u{fc}\u{1f511}".as_bytes().to_vec(),
        b"\xff\xfe".to_vec(),
    ];
    prop_oneof![
        20 => proptest::sample::select(fixed),
        2 => proptest::collection::vec(any::<u8>(), 1..12),
        2 => "[a-z ]{1,20}".prop_map(String::into_bytes),
    ]
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(piece(), 0..40).prop_map(|pieces| pieces.concat())
}

/// Streams with lines over the window.
fn long_stream() -> impl Strategy<Value = Vec<u8>> {
    let filler = (0u64..5, 1000usize..70_000, any::<bool>()).prop_map(|(seed, len, lines)| {
        let text = noise("abcdef 0123=:\x1b[m", len, seed);
        if lines { text.replace("ab", "\n") } else { text }.into_bytes()
    });
    let part = prop_oneof![3 => stream(), 2 => filler];
    proptest::collection::vec(part, 1..7).prop_map(|parts| parts.concat())
}

/// Cuts at the given places.
pub(super) fn cut(input: &[u8], mut places: Vec<usize>) -> Vec<&[u8]> {
    for place in &mut places {
        *place %= input.len() + 1;
    }
    places.extend([0, input.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect()
}

/// So many cases, or as many as `PROPTEST_CASES` says.
fn cases(least: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().map(|cases| cases.parse().unwrap());
    ProptestConfig::with_cases(asked.unwrap_or(least))
}

proptest! {
    #![proptest_config(cases(if cfg!(debug_assertions) { 2_000 } else { 20_000 }))]

    #[test]
    fn cutting_changes_nothing(input in stream(), places in proptest::collection::vec(any::<usize>(), 0..9)) {
        let whole = masked(&registry(), [input.as_slice()]);
        let pieces = masked(&registry(), cut(&input, places));
        prop_assert_eq!(show(&whole), show(&pieces));
        let single = masked(&registry(), input.chunks(1));
        prop_assert_eq!(show(&whole), show(&single));
    }
}

proptest! {
    #![proptest_config(cases(if cfg!(debug_assertions) { 150 } else { 2_000 }))]

    #[test]
    fn cutting_long_lines_changes_nothing(
        input in long_stream(),
        places in proptest::collection::vec(any::<usize>(), 0..60),
    ) {
        let whole = masked(&registry(), [input.as_slice()]);
        let pieces = masked(&registry(), cut(&input, places));
        prop_assert!(whole == pieces, "differ");
        let lines = masked(&registry(), input.split_inclusive(|&byte| byte == b'\n'));
        prop_assert!(whole == lines, "line by line differs");
    }

    #[test]
    fn any_bytes_are_fine(input in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let whole = masked(&registry(), [input.as_slice()]);
        prop_assert_eq!(show(&whole), show(&masked(&registry(), input.chunks(7))));
    }

    #[test]
    fn silence_never_shows_more(input in stream(), places in proptest::collection::vec(any::<usize>(), 0..9)) {
        let secrets = registry();
        let mut masker = super::Masker::new(&secrets);
        let mut out = Vec::new();
        for chunk in cut(&input, places) {
            masker.push(chunk, &mut out);
            masker.idle(&mut out);
        }
        masker.finish(&mut out);
        let whole = masked(&registry(), [input.as_slice()]);
        // The same text but for where masks start: what the whole run shows comes out in the same order.
        let kept = |bytes: &[u8]| bytes.split(|&byte| byte == b'\n').count();
        prop_assert_eq!(kept(&whole), kept(&out));
    }
}

#[test]
fn what_random_streams_found_stays_found() {
    let token = format!("gh{}_{}\thunter2\rmulti-1\n", "p", noise(ALNUM, 36, 2));
    let inputs: [&[u8]; 14] = [
        b"multi-1\n\x1bP\t\x08line-2\n",
        token.as_bytes(),
        b"line-2\n multi-1\n",
        b"\x08multi-1\n\r\nline-2\nl\x1b[-----END PRIVATE KEY-----\n",
        b"\r\x1b[::add-mask::registered-1\x1b[multi-1\n",
        b"::add-mask::registered-1\x1bP\r\x08\x1bPmulti-1\n",
        b"\x1b[::add-mask::registered-1\r\n\r::add-mask::registered-1",
        b"registered-1\x1b]0;multi-1\nline-2\nval\r::add-mask::registered-1\n",
        b"multi-1\n\x1b[31mline-2\n\n",
        b"multi-1\n\rlmulti-1\n",
        b"password=\x1b[31m\n\r\n",
        b"-----BEGIN PRIVATE KEY-----\n\tline-2\n\n",
        b"\x80\r\x1b[Cookie: a=b1c2d3; e=f4g5h6\r\n",
        b"a\n://$$$$$$$$@$$$$$(!@{\nab\n://$$$$$$$$@$$$$$(!@{\n",
    ];
    for input in inputs {
        let whole = masked(&registry(), [input]);
        for at in 0..=input.len() {
            assert_eq!(show(&whole), show(&masked(&registry(), cut(input, vec![at]))), "cut at {at}");
        }
        assert_eq!(show(&whole), show(&masked(&registry(), input.chunks(1))));
    }
}

/// ESC and the letter open a string, which a terminal swallows. Whoever takes no notice of ESC reads the value from its first letter on.
#[test]
fn a_value_that_begins_with_the_letter_of_a_string_is_masked_from_there() {
    for letter in ["X", "P", "]", "^", "_"] {
        let value = format!("{letter}{}", noise(ALNUM, 40, 9));
        let secrets = secrets(&[value.as_bytes()]);
        let with = format!("{value}\n");
        for (before, shown) in [("", ""), ("a", "a"), ("a line\n", "a line\n"), (with.as_str(), "***\n")] {
            for behind in [String::new(), " and more".repeat(30)] {
                let input = format!("{before}\x1b{value}{behind}\x1b[31mx\n");
                let expected = format!("{shown}\x1b***{behind}\x1b[31mx\n");
                assert_eq!(show(&masked(&secrets, [input.as_bytes()])), show(expected.as_bytes()));
                assert_eq!(show(&masked(&secrets, input.as_bytes().chunks(1))), show(expected.as_bytes()));
            }
        }
    }
}
