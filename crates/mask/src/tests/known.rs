//! Registered values in all their shapes.

use std::fmt::Write as _;

use super::super::{Refused, Secrets, is_secret_name};
use super::{ALNUM, masked, noise, secrets, show, whole};

/// Values of all sorts, put together so that no scanner takes them for real ones.
fn values() -> Vec<Vec<u8>> {
    vec![
        b"hunter".to_vec(),
        b"hunter2".to_vec(),
        b"p@ss/w0rd&<>\"'+=".to_vec(),
        b"tr0ub4dor & 3 \\ $HOME `x`".to_vec(),
        "gr\u{fc}\u{df}e-\u{1f511}-geheim".as_bytes().to_vec(),
        vec![0xff, 0xfe, 0x80, b'a', b'b', 0xc3, b'x', b'y', 0x99],
        noise(ALNUM, 40, 1).into_bytes(),
        b"postgres://app:pa55word@db.example.org/x".to_vec(),
        b"first-line-1\nshort\nthird-line-3\n".to_vec(),
    ]
}

pub(super) fn base64(bytes: &[u8], url: bool) -> String {
    let mut alphabet = super::BASE64.as_bytes().to_vec();
    if url {
        alphabet[62..].copy_from_slice(b"-_");
    }
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, &byte| word << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let sextet = usize::try_from(word >> (18 - 6 * at) & 63).unwrap();
            out.push(if at <= chunk.len() { char::from(alphabet[sextet]) } else { '=' });
        }
    }
    out
}

pub(super) fn hex(bytes: &[u8], upper: bool) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
        out
    })
}

pub(super) fn url(bytes: &[u8], keep: &[u8], upper: bool) -> String {
    bytes.iter().fold(String::new(), |mut out, &byte| {
        if byte.is_ascii_alphanumeric() || keep.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = if upper { write!(out, "%{byte:02X}") } else { write!(out, "%{byte:02x}") };
        }
        out
    })
}

/// Returns base64 of a value with something around it, and how many characters of it must vanish.
fn wrapped(value: &[u8]) -> Vec<(&'static str, String, usize)> {
    let mut shapes = Vec::new();
    let least = value.len() * 4 / 3 - 2;
    for before in ["", "u", "u:", "use", "user:"] {
        for after in ["", "\n", "!!", "xyz"] {
            let text = [before.as_bytes(), value, after.as_bytes()].concat();
            for safe in [false, true] {
                let once = base64(&text, safe);
                shapes.push(("base64 without padding", once.trim_end_matches('=').to_owned(), least));
                shapes.push(("base64 twice", base64(once.as_bytes(), false), least * 4 / 3 - 2));
                shapes.push((
                    "base64 twice",
                    base64(format!("k={once}\n").as_bytes(), safe),
                    least * 4 / 3 - 2,
                ));
                shapes.push(("base64", once, least));
            }
        }
    }
    shapes
}

/// Returns the shapes of a value as other programs would write them, with a name.
pub(super) fn shapes(value: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut shapes: Vec<(String, Vec<u8>)> = vec![("raw".into(), value.to_vec())];
    let mut add = |name: &str, shape: Vec<u8>| shapes.push((name.to_owned(), shape));
    add("hex", hex(value, false).into_bytes());
    add("HEX", hex(value, true).into_bytes());
    for upper in [true, false] {
        add("url", url(value, b"-._~", upper).into_bytes());
        add("encodeURIComponent", url(value, b"-._~!*'()", upper).into_bytes());
        add("form", url(value, b"-._* ", upper).replace(' ', "+").into_bytes());
        add("path", url(value, b"-._~/", upper).into_bytes());
        add("url twice", url(url(value, b"-._~", upper).as_bytes(), b"-._~", upper).into_bytes());
    }
    if let Ok(text) = std::str::from_utf8(value) {
        add_text_shapes(text, &mut add);
    }
    shapes
}

fn add_text_shapes(text: &str, add: &mut impl FnMut(&str, Vec<u8>)) {
    let json = |text: &str| {
        let quoted = serde_json::to_string(text).unwrap();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let once = json(text);
    let ascii = once.encode_utf16().fold(String::new(), |mut out, unit| {
        let _ = match u8::try_from(unit).ok().filter(u8::is_ascii) {
            Some(byte) => write!(out, "{}", char::from(byte)),
            None => write!(out, "\\u{unit:04x}"),
        };
        out
    });
    let go = once.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
    add("JSON", once.clone().into_bytes());
    add("JSON with slashes", once.replace('/', "\\/").into_bytes());
    add("JSON of PHP", ascii.replace('/', "\\/").into_bytes());
    add("JSON of Go", go.clone().into_bytes());
    add("JSON of .NET", go.replace('\'', "\\u0027").replace('+', "\\u002B").into_bytes());
    add("JSON in ASCII", ascii.clone().into_bytes());
    for inner in [once, go, ascii] {
        add("JSON in JSON", json(&inner).into_bytes());
        add("JSON in JSON of PHP", json(&inner).replace('/', "\\/").into_bytes());
    }
    let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    add("HTML", html.replace('"', "&quot;").replace('\'', "&#39;").into_bytes());
    add("HTML of Python", html.replace('"', "&quot;").replace('\'', "&#x27;").into_bytes());
    add("XML", html.replace('"', "&quot;").replace('\'', "&apos;").into_bytes());
    add("HTML text", html.into_bytes());
    add("shell", text.replace('\'', "'\\''").into_bytes());
    add("shlex", text.replace('\'', "'\"'\"'").into_bytes());
    add(
        "double quotes",
        text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('`', "\\`").into(),
    );
    add("UTF-16 LE", text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    add("UTF-16 BE", text.encode_utf16().flat_map(u16::to_be_bytes).collect());
    add("CRLF", text.replace('\n', "\r\n").into_bytes());
}

/// Tells whether a telling part of a shape is still there.
fn leaks(out: &[u8], shape: &[u8]) -> bool {
    // The edges of base64 depend on the neighbours.
    let core = shape.get(4..shape.len().saturating_sub(6)).unwrap_or_default();
    let core =
        core.split(|&byte| byte == b'\n' || byte == b'\r').max_by_key(|part| part.len()).unwrap_or_default();
    let len = core.len().min(5);
    len >= 4 && core.windows(len).any(|part| memchr::memmem::find(out, part).is_some())
}

/// Returns what of a value is secret.
fn secret_part(value: &[u8]) -> &[u8] {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    value.strip_prefix(b"postgres://").unwrap_or(value)
}

#[test]
fn every_value_is_masked_in_every_shape() {
    for value in values() {
        let trimmed = value.strip_suffix(b"\n").unwrap_or(&value);
        let secrets = secrets(&[&value]);
        for ((name, shape), (_, secret)) in shapes(trimmed).into_iter().zip(shapes(secret_part(&value))) {
            for (before, after) in
                [("", ""), ("a ", " b\n"), ("x=\"", "\"\r\n"), ("\x1b[1m", "\x1b[0m\n"), ("(", ")\r")]
            {
                let input = [before.as_bytes(), &shape, after.as_bytes()].concat();
                let out = masked(&secrets, [input.as_slice()]);
                assert!(
                    !leaks(&out, &secret) && out.windows(3).any(|part| part == b"***"),
                    "{} as {name} in {:?}: {} became {}",
                    show(trimmed),
                    (before, after),
                    show(&input),
                    show(&out)
                );
                assert!(out.starts_with(before.as_bytes()), "{name}: what is before stays");
                assert_eq!(show(&out), show(&masked(&secrets, input.chunks(1))), "{name} byte by byte");
            }
        }
    }
}

#[test]
fn base64_is_masked_at_every_offset() {
    for value in values() {
        let trimmed = value.strip_suffix(b"\n").unwrap_or(&value);
        let secrets = secrets(&[&value]);
        for (name, shape, least) in wrapped(trimmed) {
            let out = whole(&secrets, format!("<{shape}>").as_bytes());
            let shown = out.len() - 2 - 3 * out.matches("***").count();
            let least = least - (trimmed.len() - secret_part(&value).len()) * 2;
            assert!(shape.len() - shown >= least, "{} as {name}: {shape} {out}", show(trimmed));
        }
    }
}

#[test]
fn a_value_cut_by_controls_is_masked() {
    let value = noise(ALNUM, 32, 7);
    let secrets = secrets(&[value.as_bytes()]);
    for cut in [
        "\r",
        "\t",
        "\0",
        "\x07",
        "\x7f",
        "\x1b[0m",
        "\x1b[1;31m",
        "\x1b]0;x\x07",
        "\x1bPq\x1b\\",
        "y\x08",
        "\x1b=",
    ] {
        for at in [1, 7, 8, 9, 31] {
            for input in [
                format!("a {}{cut}{} b\n", &value[..at], &value[at..]),
                format!("a {}{cut}{cut}{} b\r", &value[..at], &value[at..]),
            ] {
                let out = whole(&secrets, input.as_bytes());
                assert!(!leaks(out.as_bytes(), value.as_bytes()), "{cut:?} at {at}: {out:?}");
            }
        }
    }
    let each: String = value.chars().flat_map(|char| ['\x1b', '[', 'm', char]).collect();
    assert!(!whole(&secrets, each.as_bytes()).contains(&value[30..]));
    let struck: String = value.chars().flat_map(|char| [char, '\x08', char]).collect();
    assert!(whole(&secrets, format!("{struck}\n").as_bytes()).len() < 20);
    // Shown to nobody, and in the file all the same:
    for hidden in [
        format!("{value}{}\n", "\x08".repeat(32)),
        format!("\x1b]0;{value}\x07\n"),
        format!("\x1bP{value}\x1b\\\n"),
        format!("\x1b_{value}\x07\n"),
        format!("\x1b]{value}\n"),
    ] {
        let out = whole(&secrets, hidden.as_bytes());
        assert!(!leaks(out.as_bytes(), value.as_bytes()), "{hidden:?} {out:?}");
    }
}

#[test]
fn overlapping_values_are_masked_together() {
    let secrets = secrets(&[b"abcdefghij", b"ghijklmnop", b"abcdef", b"mnopqrstuvwxyz"]);
    assert_eq!(whole(&secrets, b"<abcdefghijklmnopqrstuvwxyz>\n"), "<***>\n");
    assert_eq!(whole(&secrets, b"<abcdef>\n"), "<***>\n");
    assert_eq!(whole(&secrets, b"abcdefabcdef\n"), "***\n");
}

#[test]
fn a_telling_part_of_a_value_is_masked() {
    let value = noise(ALNUM, 40, 3);
    let secrets = secrets(&[value.as_bytes()]);
    for len in 0..40 {
        let part = &value[..len];
        for input in [format!("<{part}>\n"), format!("<{part}"), format!("{part}\n"), format!("{part}\r")] {
            let out = whole(&secrets, input.as_bytes());
            assert_eq!(out.contains("***"), len >= 8, "{len} {out}");
            assert!(len < 8 || !out.contains(part));
        }
    }
}

#[test]
fn a_public_start_tells_nothing() {
    let value = format!("github_pat_{}", noise(ALNUM, 60, 3));
    let secrets = secrets(&[value.as_bytes(), b"https://user:hunter2hunter2@example.org/path"]);
    for part in ["github_pat_", "https://github.com/x\n", &value[..18]] {
        assert_eq!(whole(&secrets, part.as_bytes()), part);
    }
    let out = whole(&secrets, format!("{}\n", &value[..19]).as_bytes());
    assert_eq!(out, "github_pat_***\n");
}

#[test]
fn values_of_several_lines_are_masked_over_lines() {
    let secrets = secrets(&[b"one-1\ntwo-2\nthree-3\n"]);
    for (input, expected) in [
        ("a\none-1\ntwo-2\nthree-3\nb\n", "a\n***\n***\n***\nb\n"),
        ("one-1\r\ntwo-2\r\nthree-3\r\n", "***\r\n***\r\n***\r\n"),
        ("one-1\ntwo-2\nb\n", "***\n***\nb\n"),
        ("one-1\nb\n", "one-1\nb\n"),
        ("one-1\ntwo-2", "***\n***"),
    ] {
        assert_eq!(whole(&secrets, input.as_bytes()), expected);
    }
}

#[test]
fn short_values_are_refused() {
    let secrets = Secrets::default();
    assert_eq!(secrets.register(b"abcde\n"), Err(Refused::TooShort { len: 5 }));
    assert_eq!(secrets.register(b"\x1b[31mabc\n"), Err(Refused::TooShort { len: 3 }));
    assert!(secrets.register(b"abcdef\n").is_ok());
    assert!(matches!(secrets.register(&vec![b'x'; 200 << 10]), Err(Refused::TooMuch { .. })));
    assert_eq!(whole(&secrets, b"abcde abcdef\n"), "abcde ***\n");
}

#[test]
fn names_tell_secrets() {
    for name in [
        "NPM_TOKEN",
        "GH_TOKEN",
        "DB_PASSWORD",
        "X_SSH_KEY",
        "A_CONNECTION_STRING",
        "token",
        "AWS_SECRET_ACCESS_KEY",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in ["HOME", "TOKENS", "MY_KEY", "PUBLIC_KEY", "TOKEN_FILE", "MONKEY"] {
        assert!(!is_secret_name(name), "{name}");
    }
}

#[test]
fn debug_output_shows_no_value() {
    let secrets = secrets(&[b"hunter2hunter2"]);
    let mut masker = super::Masker::new(&secrets);
    masker.push(b"hunter2hunt", &mut Vec::new());
    assert!(!format!("{secrets:?} {masker:?}").contains("hunt"));
}
