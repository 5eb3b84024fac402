//! What a hostile program may do to a known value: no eight bytes of it leave, as they are stored or as a terminal
//! shows them, however they came.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::{Detector, Secrets};
use super::{ALNUM, masked, noise, secrets, show};

/// What is put between parts of a value: sequences that are complete, that never end, that are broken off.
const CUTS: [&str; 44] = [
    "",
    "\x1b[",
    "\x1b[1;",
    "\x1b[31",
    "\x1bP",
    "\x1bX",
    "\x1b^",
    "\x1b_",
    "\x1b]8;",
    "\x1b]",
    "\x1b(",
    "\x1b",
    "\x1b[?",
    "\x1b[0m",
    "\x1b[1;31m",
    "\x1b[38;5;123m",
    "\x1b[2K",
    "\x1b(B",
    "\x1bc",
    "\x1b=",
    "\x1b]0;title\x07",
    "\x1b]8;;a\x1b\\",
    "\x1bPq\x1b\\",
    "\x1b_x\u{9c}",
    "\x1b[12\x18",
    "\x1b[12\x1a",
    "\x1b[1\x1b[m",
    "\x1b[1\x072m",
    "\x1bPjunk\x18",
    "\x1b]junk\x1a",
    "\x1bXjunk\x1b[m",
    "\u{9b}",
    "\u{9b}31m",
    "\u{9d}0;t\x07",
    "\u{90}q\u{9c}",
    "\u{85}",
    "\0",
    "\x07",
    "\x7f",
    "\t",
    "y\x08",
    "\x0e",
    "\r\x1b[2",
    "\x1b[12;",
];

/// What moves the cursor.
const MOVES: [&str; 12] = [
    "\x1b[D",
    "\x1b[3D",
    "\x1b[C",
    "\x1b[4C",
    "\x1b[G",
    "\x1b[9G",
    "\r",
    "\x08\x08\x08",
    "\x1b[1;1H",
    "\x1b[1;9H",
    "\x1b[2;5f",
    "\x1b[K",
];

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        (8usize..40, any::<u64>()).prop_map(|(len, seed)| noise(ALNUM, len, seed)),
        "[ -~]{8,30}".prop_filter("a value that says something", |value| {
            value.bytes().filter(u8::is_ascii_alphanumeric).count() >= 6
        }),
        (2usize..5, 2usize..30, any::<u64>())
            .prop_map(|(len, times, seed)| noise(ALNUM, len + 2, seed).repeat(times)),
    ]
    .prop_filter("a value that nobody could guess", |value| public(value) == 0)
}

/// Returns how much of a value anybody could guess.
fn public(value: &str) -> usize {
    let stretches = super::super::public::stretches(value.as_bytes());
    value.len() - stretches.iter().map(std::ops::Range::len).sum::<usize>()
}

/// Returns the parts of a text that are cut at these places.
fn parts(text: &str, places: &[usize]) -> Vec<String> {
    let mut places: Vec<usize> = places.iter().map(|place| place % (text.len() + 1)).collect();
    places.extend([0, text.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| text[pair[0]..pair[1]].to_owned()).collect()
}

/// Returns the first eight bytes of the value that stand in a text.
fn leak<'a>(text: &[u8], value: &'a str) -> Option<&'a str> {
    let dull =
        |part: &str| part.bytes().all(|byte| byte == part.as_bytes()[0] && !byte.is_ascii_alphanumeric());
    let parts = (0..=value.len() - 8).map(|at| &value[at..at + 8]).filter(|part| !dull(part));
    parts.into_iter().find(|part| memchr::memmem::find(text, part.as_bytes()).is_some())
}

fn without(text: &[u8], dropped: impl Fn(u8) -> bool) -> Vec<u8> {
    text.iter().copied().filter(|&byte| !dropped(byte)).collect()
}

fn show_masks(out: &[u8]) -> Vec<u8> {
    let mut shown = Vec::new();
    for part in out.split_inclusive(|&byte| byte == b'*') {
        shown.extend_from_slice(part);
        if shown.ends_with(b"***") {
            shown.truncate(shown.len() - 3);
            shown.extend_from_slice("\u{2588}".as_bytes());
        }
    }
    shown
}

/// Fails if the value can be read in what is left.
fn check(input: &[u8], out: &[u8], value: &str) -> Result<(), TestCaseError> {
    // A mask is no sign of the value.
    let out = &*show_masks(out);
    let stored = without(out, |byte| byte.is_ascii_control() && byte != b'\n');
    let joined = without(out, |byte| byte.is_ascii_control());
    // Many editors show nothing of these either.
    let text = String::from_utf8_lossy(out);
    let bare: String = text.chars().filter(|char| !char.is_control()).collect();
    for (how, text) in [("raw", out), ("stored", &stored), ("joined", &joined), ("bare", bare.as_bytes())] {
        prop_assert_eq!(leak(text, value), None, "{}: {} of {} in {}", how, show(out), value, show(input));
    }
    Ok(())
}

/// A terminal, no better than it has to be: rows of characters.
fn terminal(text: &str) -> Vec<String> {
    let mut rows: BTreeMap<usize, Vec<char>> = BTreeMap::new();
    let (mut row, mut column) = (1000, 0);
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\n' => (row, column) = (row + 1, 0),
            '\r' => column = 0,
            '\x08' => column = usize::saturating_sub(column, 1),
            '\x1b' if rest.next_if_eq(&'[').is_some() => {
                let mut numbers = String::new();
                while let Some(byte) = rest.next_if(|byte| (' '..='?').contains(byte)) {
                    numbers.push(byte);
                }
                let mut numbers = numbers.split(';').map(|number| number.parse::<usize>().unwrap_or(1));
                let (count, second) = (numbers.next().unwrap_or(1), numbers.next().unwrap_or(1));
                match rest.next() {
                    Some('D') => column = column.saturating_sub(count),
                    Some('C') => column += count,
                    Some('G') => column = count - 1,
                    Some('H' | 'f') => (row, column) = (count - 1, second - 1),
                    Some('K') => rows.entry(row).or_default().truncate(column),
                    _ => {}
                }
            }
            _ => {
                let cells = rows.entry(row).or_default();
                cells.resize(cells.len().max(column + 1), ' ');
                cells[column] = next;
                column += 1;
            }
        }
    }
    rows.into_values().map(String::from_iter).collect()
}

fn cases() -> ProptestConfig {
    ProptestConfig::with_cases(if cfg!(debug_assertions) { 600 } else { 20_000 })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_sequence_lets_a_value_through(
        value in value(),
        places in proptest::collection::vec(any::<usize>(), 0..5),
        cuts in proptest::collection::vec(proptest::sample::select(CUTS.to_vec()), 6),
        ends in proptest::collection::vec(proptest::sample::select(vec!["", "", "", "\n", "\r", "\r\n"]), 6),
        chunks in proptest::collection::vec(any::<usize>(), 0..4),
    ) {
        let pieces = parts(&value, &places).into_iter().zip(cuts.iter().zip(&ends));
        let input: String = pieces.map(|(part, (cut, end))| format!("{end}{cut}{part}")).collect();
        let input = format!("a {input} b\n");
        let secrets = secrets(&[value.as_bytes()]);
        let out = masked(&secrets, [input.as_bytes()]);
        check(input.as_bytes(), &out, &value)?;
        prop_assert_eq!(show(&out), show(&masked(&secrets, input.as_bytes().chunks(1))), "{}", show(input.as_bytes()));
        let cut = super::cutting::cut(input.as_bytes(), chunks);
        prop_assert_eq!(show(&out), show(&masked(&secrets, cut)), "{}", show(input.as_bytes()));
        // What is to be masked is found.
        let mut detector = Detector::new(&secrets);
        let mut hits = detector.push(input.as_bytes());
        hits.extend(detector.finish());
        prop_assert_eq!(hits.is_empty(), out == input.as_bytes(), "{}", show(input.as_bytes()));
    }

    #[test]
    fn no_cursor_puts_a_value_together(
        value in value(),
        order in proptest::collection::vec((any::<usize>(), 3usize..12, proptest::sample::select(MOVES.to_vec())), 1..12),
        chunks in proptest::collection::vec(any::<usize>(), 0..4),
    ) {
        let piece = |&(at, len, cursor): &(usize, usize, &str)| {
            let at = at % value.len();
            // Where it belongs, if the row is right; or wherever the cursor is.
            let part = &value[at..(at + len).min(value.len())];
            if len % 2 == 0 { format!("\x1b[{}G{part}", at + 1) } else { format!("{cursor}{part}") }
        };
        let input: String = order.iter().map(piece).collect();
        let input = format!("{input}\nend\n");
        let secrets = secrets(&[value.as_bytes()]);
        let out = masked(&secrets, [input.as_bytes()]);
        check(input.as_bytes(), &out, &value)?;
        prop_assert_eq!(show(&out), show(&masked(&secrets, super::cutting::cut(input.as_bytes(), chunks))));
        // Masks have another length than what they stand for, so only what had none of them has to look the same.
        if out == input.as_bytes() {
            for row in terminal(&input) {
                prop_assert_eq!(leak(row.as_bytes(), &value), None, "{} shows {}", show(input.as_bytes()), row);
            }
        }
    }

    #[test]
    fn no_part_of_an_encoding_gets_through(
        value in value(),
        from in any::<usize>(),
        before in "[ -~]{0,5}",
        after in "[ -~]{0,5}",
    ) {
        let from = from % (value.len() - 7);
        let secrets = secrets(&[value.as_bytes()]);
        let shapes = [
            (16, super::known::hex(value.as_bytes(), false), 2 * from),
            (16, super::known::hex(value.as_bytes(), true), 2 * from),
            (10, super::known::base64(format!("{before}{value}{after}").as_bytes(), false), 0),
            (10, super::known::base64(format!("{before}{value}{after}").as_bytes(), true), 0),
            (12, super::known::url(value.as_bytes(), b"-._~", true), 0),
            (24, super::known::url(value.as_bytes(), b"", false), 0),
        ];
        for (least, shape, skip) in shapes {
            let input = format!("{}\n", &shape[skip.min(shape.len())..]);
            let out = String::from_utf8(masked(&secrets, [input.as_bytes()])).unwrap();
            let edge = if least == 10 { (before.len() + after.len()) * 4 / 3 + 8 } else { 0 };
            let longest = out.trim_end().split("***").map(str::len).max().unwrap();
            prop_assert!(longest < least + edge, "{}: {} became {}", value, input, out);
        }
    }
}

#[test]
fn a_value_behind_a_sequence_that_never_ends_is_masked_in_every_shape() {
    let value = "hunter2hunter2";
    let secrets = secrets(&[value.as_bytes()]);
    let shapes = super::known::shapes(value.as_bytes());
    assert!(shapes.len() > 20);
    for (name, shape) in shapes {
        for cut in CUTS {
            let input = [cut.as_bytes(), &shape, b"\n"].concat();
            let out = masked(&secrets, [input.as_slice()]);
            assert!(out.windows(3).any(|part| part == b"***"), "{name} behind {cut:?}: {}", show(&out));
            let rest = out.len().saturating_sub(cut.len());
            assert!(rest <= 3 + 3 + 8, "{name} behind {cut:?}: {}", show(&out));
        }
    }
}

/// What stands far apart is no value; once the characters between are deleted, it is one on the screen.
#[test]
fn what_a_deletion_brings_together_is_masked() {
    let value = "m6IAoMRPQXwNIqZAkSvnj7GIbTz0Ua";
    let secrets = secrets(&[value.as_bytes()]);
    let (head, tail) = (&value[..7], &value[7..14]);
    for column in [200, 3000] {
        let apart = format!("{head}{}\r\x1b[{column}G{tail}", "_".repeat(100));
        let left = |deleted: usize| format!("{apart}\x1b[8G\x1b[{deleted}P\n");
        let between = column - 8;
        let out = masked(&secrets, [left(between).as_bytes()]);
        assert!(!show(&out).contains(tail), "{}", show(&out));
        let input = left(1);
        assert_eq!(show(&masked(&secrets, [input.as_bytes()])), show(input.as_bytes()), "still apart");
    }
}

#[test]
fn what_was_shown_in_clear_is_masked() {
    let value = "m6IAoMRPQXwNIqZAkSvnj7GIbTz0Ua";
    let secrets = secrets(&[value.as_bytes()]);
    for input in [
        format!("{}\r\n{} end\n", &value[..10], &value[10..]),
        format!("{}\n{} end\n", &value[..10], &value[10..]),
        format!("{}\n\n{} end\n", &value[..7], &value[7..]),
        format!("x {} y\n", &value[1..]),
        format!("x {} y\n", &value[6..14]),
        format!("x {}\x1b[1D{} y\n", &value[..5], &value[4..]),
        format!("_______{}\r{}\n", &value[7..14], &value[..7]),
        format!("\x1b[3;8H{}\x1b[3;1H{}\n", &value[7..14], &value[..7]),
        value.as_bytes().chunks(7).map(|part| format!("{}\n", String::from_utf8_lossy(part))).collect(),
        value.chars().map(|char| format!("{char}\n")).collect(),
    ] {
        let out = masked(&secrets, [input.as_bytes()]);
        check(input.as_bytes(), &out, value).unwrap();
        for row in terminal(&String::from_utf8(out).unwrap()) {
            assert_eq!(leak(row.as_bytes(), value), None, "{input:?}");
        }
    }
}

#[test]
fn what_a_sequence_swallows_at_a_line_end_is_masked() {
    for (value, input) in [
        (" 0aaA00A 0", "a  0a\r\x1baA00A 0 b\n"),
        ("0123456789abcdef", "0123456\x1b7\r89abcdef\n"),
        ("0123456789abcdef", "0123\x1b456\n\x1b789abcdef\n"),
        ("0123456789abcdef", "01234\x1b5\r\n\x1b6789\r\n\x1babcdef\n"),
        ("0123456789abcdef", "0\n\x1b1\n\x1b2\n\x1b3\n\x1b4\n\x1b5\n6\x1b\n7\x1b89\n\x1babcdef\n"),
        ("0123456[31mn89ab", "01\n23456\x1b[31mn\r89ab\n"),
        ("0123456[31mn89ab", "0123456\n\x1b[31mn\x1b8\r\x1b9ab\n"),
        ("0123456]7;89abcd", "0123456\r\x1b]7;89abcd\x07 x\n"),
        ("0123456]7;89abcd", "01\x1b]2;\x073456\x1b]7;8\x07\r9abcd\n0123456\x1b]7;89a\x07\n"),
        ("0123456P789abcd\\", "0123456\n\x1bP789a\x1b\\\nbcd\n"),
        ("0123456P789abcd\\", "a01234\r56\x1bP789abcd\x1b\\\r"),
        ("0123456789abcdefghijklmnopqrstuv", "01234\r56789abcdefghijklmnopqrstuv\x08\x08\x08 x\n"),
        ("0123456789abcdef", "z0123456\x08\x08\x08\x08\n789\tabcdef\x08\x08\n"),
        ("0123(B456789abcd", "0123\x1b(\r\nB4567\x1b(B\r456789abcd\n"),
    ] {
        let secrets = secrets(&[value.as_bytes()]);
        let out = masked(&secrets, [input.as_bytes()]);
        check(input.as_bytes(), &out, value).unwrap();
        for at in 0..=input.len() {
            let (one, other) = input.as_bytes().split_at(at);
            assert_eq!(show(&out), show(&masked(&secrets, [one, other])), "{} at {at}", input.escape_debug());
        }
        same_byte_by_byte(&secrets, input, &out);
    }
}

#[test]
fn a_part_of_a_value_that_is_a_star_is_told() {
    // What stands before it is out by then: of the value nothing else is told.
    for (value, input) in [
        ("Aaaa Aa A a  0aa*", "a \x1b[Aaaa Aa\x1b[ A\x1bP a  0aa\n\x1b* b\n"),
        ("aAaA0 aaa 0AAa Aa*", "a aAa\x1bPA0 aaa \x1bP0AAa Aa\n\x1b* b\n"),
        ("A  AAa  0A*0a1  A", "a A  \x1bPAAa  0A\n\x1b[0m*\x1b[0a1  A b\n"),
        ("abcdefg*hijklmno", "abcdefg\n*\nhijklm\n"),
        ("abcdefg**", "abcdefg\n**\n"),
    ] {
        let secrets = secrets(&[value.as_bytes()]);
        let out = masked(&secrets, [input.as_bytes()]);
        assert_ne!(show(&out), show(input.as_bytes()), "{value}");
        let hits = secrets.detect(input.as_bytes());
        assert!(!hits.is_empty(), "{value}: nothing is told of {}", input.escape_debug());
        assert!(secrets.detect(&out).is_empty(), "{value}: told of a mask in {}", show(&out));
    }
}

/// Demands that a text which comes byte by byte is masked as it was whole.
#[track_caller]
fn same_byte_by_byte(secrets: &Secrets, input: &str, whole: &[u8]) {
    let single = masked(secrets, input.as_bytes().chunks(1));
    assert_eq!(show(whole), show(&single), "{}", input.escape_debug());
}

#[test]
fn what_a_sequence_swallows_of_a_value_of_several_lines_is_masked() {
    let value = "first-1\nsecond-2\nthird-3";
    let secrets = secrets(&[value.as_bytes()]);
    for input in [
        "x irst-1\n\x1bsecond-2\nthird-3\n",
        "x irst-1\n\x1bs\x1becond-2\r\n\x1bthir\x1bd-3\n",
        "x irst-\x1b1\r\nsecon\x1bd-2\r\n\x1bthird-3\n",
    ] {
        let out = masked(&secrets, [input.as_bytes()]);
        let stored = without(&show_masks(&out), |byte| byte.is_ascii_control() && byte != b'\n');
        assert_eq!(leak(&stored, value), None, "{} of {}", show(&out), input.escape_debug());
        same_byte_by_byte(&secrets, input, &out);
    }
}
