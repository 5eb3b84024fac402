//! Values in every encoding and whole: alone on a line, cut at each border of a chunk, longer than a window of the stream.

use super::known::{base64, shapes};
use super::{ALNUM, masked, noise, secrets, show, without_masks};

/// What of an encoding may be left, for it depends on what stands beside the value: the last characters of base64.
const EDGE: usize = 5;

/// Returns a value in every encoding of the masker's page, each whole, with its name.
fn encodings(value: &str) -> Vec<(String, Vec<u8>)> {
    let mut all = shapes(value.as_bytes());
    let mut add = |name: &str, text: String| all.push((name.to_owned(), text.into_bytes()));
    for safe in [false, true] {
        let once = base64(value.as_bytes(), safe);
        add("base64", once.clone());
        add("base64 without padding", once.trim_end_matches('=').to_owned());
        add("base64 twice", base64(once.as_bytes(), false));
    }
    let units: Vec<u16> = value.encode_utf16().collect();
    let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    add("UTF-16 in base64", base64(&little, false));
    add("every byte percent-encoded", value.bytes().map(|byte| format!("%{byte:02X}")).collect());
    add("every byte percent-encoded in small", value.bytes().map(|byte| format!("%{byte:02x}")).collect());
    let mut seen = std::collections::HashSet::new();
    all.retain(|(_, text)| seen.insert(text.clone()));
    all
}

/// Demands that nothing but masks, and the edge of an encoding, is left of a line.
#[track_caller]
fn masked_whole(out: &[u8], name: &str) {
    let shown = &out[..out.len().min(200)];
    let rest = without_masks(out);
    assert!(out.windows(3).any(|part| part == b"***"), "{name}: {}", show(shown));
    assert!(rest.len() <= EDGE && out.len() < 60, "{name}: {} bytes are left of {}", rest.len(), show(shown));
}

/// Values of letters, and of the signs that each encoding writes in another way.
fn values() -> Vec<String> {
    vec![
        noise(ALNUM, 33, 6),
        "p@ss/w0rd&<>\"'+=%\\$ x`~!*()".to_owned(),
        "gr\u{fc}\u{df}e-\u{1f511}-geheim-\u{e9}\u{e8}".to_owned(),
    ]
}

#[test]
fn an_encoding_alone_on_a_line_is_masked_whole() {
    for value in values() {
        let secrets = secrets(&[value.as_bytes()]);
        for (name, text) in encodings(&value) {
            for end in ["", "\n", "\r\n", "\r"] {
                let line = [&text, end.as_bytes()].concat();
                masked_whole(
                    &masked(&secrets, [line.as_slice()]),
                    &format!("{value} as {name} before {end:?}"),
                );
            }
        }
    }
}

#[test]
fn an_encoding_is_masked_alike_at_each_border_of_a_chunk() {
    for value in values() {
        let secrets = secrets(&[value.as_bytes()]);
        for (name, text) in encodings(&value) {
            for line in [[&text, b"\n".as_slice()].concat(), [b"a ".as_slice(), &text, b" b\n"].concat()] {
                let whole = masked(&secrets, [line.as_slice()]);
                for at in 0..=line.len() {
                    let cut = masked(&secrets, [&line[..at], &line[at..]]);
                    assert_eq!(show(&whole), show(&cut), "{value} as {name} cut at {at}");
                }
            }
        }
    }
}

#[test]
fn an_encoding_that_is_longer_than_a_window_is_masked_whole_at_every_border() {
    const WINDOW: usize = 64 << 10;
    let value = noise(&format!("{ALNUM}/+&"), 70 << 10, 5);
    let secrets = secrets(&[value.as_bytes()]);
    for (name, text) in encodings(&value) {
        let line = [&text, b"\n".as_slice()].concat();
        assert!(line.len() > WINDOW, "{name}");
        masked_whole(&masked(&secrets, line.chunks(1 << 12)), &name);
        // Where the first window ends, and where what is kept of it begins.
        for border in [WINDOW - (4 << 10), WINDOW] {
            for at in [border - 1, border, border + 1] {
                masked_whole(&masked(&secrets, [&line[..at], &line[at..]]), &format!("{name} cut at {at}"));
            }
        }
    }
}
