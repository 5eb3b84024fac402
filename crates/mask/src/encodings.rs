//! In which shapes a known value turns up in a log, and how much of each shape tells eight bytes of the value.

use std::collections::{BTreeMap, BTreeSet};

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What of a shape holds so much of the value that it is masked: eight bytes of the value, as few of the shape
/// as that can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Telling {
    /// Any so many bytes.
    Any(usize),
    /// Some bytes of the value are escaped, most are themselves.
    Escaped,
}

/// As it is.
pub(super) const RAW: usize = 8;
/// Two digits a byte.
const HEX: usize = 16;
/// Eight bytes hold ten characters that do not depend on what stands around them…
const BASE64: usize = 10;
/// …and ten bytes hold twelve.
const BASE64_TWICE: usize = 12;
/// Of UTF-16, which is sixteen bytes.
const BASE64_WIDE: usize = 20;
/// The longest of them.
pub(super) const LONGEST: usize = BASE64_WIDE;
/// As much as can belong to a window whose other end is elsewhere.
pub(super) const NEAR: usize = LONGEST - 1;

/// Shapes with what is telling of them; one that comes about in two ways counts as the more telling.
#[derive(Debug, Default)]
pub(super) struct Shapes(BTreeMap<Vec<u8>, Telling>);

impl Shapes {
    fn add(&mut self, shape: Vec<u8>, telling: Telling) {
        let entry = self.0.entry(shape).or_insert(telling);
        *entry = telling.min(*entry);
    }

    fn escaped(&mut self, shapes: impl IntoIterator<Item = Vec<u8>>) {
        shapes.into_iter().for_each(|shape| self.add(shape, Telling::Escaped));
    }

    /// Returns every shape.
    pub(super) fn into_all(self) -> impl Iterator<Item = (Vec<u8>, Telling)> {
        self.0.into_iter()
    }
}

/// Returns every shape of a value, the value itself among them.
pub(super) fn all(value: &[u8]) -> Shapes {
    let mut shapes = Shapes::default();
    shapes.add(value.to_vec(), Telling::Any(RAW));
    let crlf = with_crlf(value);
    for text in [Some(value), crlf.as_deref()].into_iter().flatten() {
        shapes.add(hex(text, false), Telling::Any(HEX));
        shapes.add(hex(text, true), Telling::Any(HEX));
        add_base64(text, &mut shapes);
        shapes.escaped(urls(text));
        shapes.escaped(jsons(text));
    }
    shapes.escaped(html(value));
    shapes.escaped(shell(value));
    add_utf16(value, &mut shapes);
    shapes
}

/// Returns for each byte of a shape whether an escape, or a byte that stands for itself, starts there: so many bytes
/// of the value a part of the shape holds at most.
pub(super) fn starts(shape: &[u8]) -> Vec<bool> {
    let mut starts = vec![false; shape.len()];
    let mut at = 0;
    while let Some(start) = starts.get_mut(at) {
        *start = true;
        at += escape_len(shape.get(at..).unwrap_or_default());
    }
    starts
}

/// Returns the length of the escape that a text starts with; 1 if it starts with none.
fn escape_len(text: &[u8]) -> usize {
    let hexes = |from: usize, len: usize| {
        text.get(from..from + len).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    match text {
        [b'%', b'2', b'5', ..] if hexes(3, 2) => 5,
        [b'%', ..] if hexes(1, 2) => 3,
        [b'\\', ..] => {
            let slashes = text.iter().take_while(|&&byte| byte == b'\\').count();
            match text.get(slashes) {
                Some(b'u') if hexes(slashes + 1, 4) => slashes + 5,
                Some(b'x') if hexes(slashes + 1, 2) => slashes + 3,
                Some(b'0'..=b'3') if hexes(slashes, 3) => slashes + 3,
                // A run of them may be several escaped ones.
                _ => 2,
            }
        }
        [b'&', ..] => {
            let name = text.iter().skip(1).take(6);
            let end = name.take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'#').count() + 1;
            if end > 1 && text.get(end) == Some(&b';') { end + 1 } else { 1 }
        }
        _ => 1,
    }
}

/// Files written on Windows and by terminals end their lines with CR LF: other bytes once encoded.
fn with_crlf(value: &[u8]) -> Option<Vec<u8>> {
    let lone = value.contains(&b'\n') && !value.contains(&b'\r');
    lone.then(|| replaced(value, |byte| (byte == b'\n').then(|| b"\r\n".to_vec())))
}

fn replaced(value: &[u8], by: impl Fn(u8) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    for &byte in value {
        match by(byte) {
            Some(text) => out.extend(text),
            None => out.push(byte),
        }
    }
    out
}

fn hex(value: &[u8], upper: bool) -> Vec<u8> {
    let digits = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    let pair = |byte: &u8| [digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]];
    value.iter().flat_map(pair).collect()
}

/// Encodes without padding. With `offset` bytes of something else in front the characters that depend on the
/// neighbours are cut off at both ends.
fn base64(value: &[u8], alphabet: &[u8; 64], offset: usize) -> Vec<u8> {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(value);
    let bits = padded.len() * 8;
    let sextet = |at: usize| {
        let high = u16::from(padded.get(at * 6 / 8).copied().unwrap_or(0));
        let low = u16::from(padded.get(at * 6 / 8 + 1).copied().unwrap_or(0));
        alphabet[usize::from(((high << 8 | low) >> (10 - at * 6 % 8)) & 63)]
    };
    ((offset * 8).div_ceil(6)..bits / 6).map(sextet).collect()
}

/// Encodes the value alone: its last character is known as well.
fn base64_whole(value: &[u8], alphabet: &[u8; 64]) -> Vec<u8> {
    let mut text = value.to_vec();
    text.extend([0; 2]);
    let mut out = base64(&text, alphabet, 0);
    out.truncate((value.len() * 8).div_ceil(6));
    out
}

fn add_base64(value: &[u8], shapes: &mut Shapes) {
    for alphabet in [STANDARD, URL_SAFE] {
        for offset in 0..3 {
            let once = base64(value, alphabet, offset);
            for outer in 0..3 {
                shapes.add(base64(&once, STANDARD, outer), Telling::Any(BASE64_TWICE));
            }
            shapes.add(once, Telling::Any(BASE64));
        }
        shapes.add(base64_whole(value, alphabet), Telling::Any(BASE64));
    }
}

fn percent(value: &[u8], upper: bool, keep: impl Fn(u8) -> bool) -> Vec<u8> {
    replaced(value, |byte| (!keep(byte)).then(|| [b"%".as_slice(), &hex(&[byte], upper)].concat()))
}

fn urls(value: &[u8]) -> Vec<Vec<u8>> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let component = |byte: u8| unreserved(byte) || b"!*'()".contains(&byte);
    let whole = |byte: u8| component(byte) || b";/?:@&=+$,#".contains(&byte);
    let mut shapes = Vec::new();
    for upper in [true, false] {
        let strict = percent(value, upper, unreserved);
        let form = percent(value, upper, |byte| unreserved(byte) && byte != b'~' || b"* ".contains(&byte));
        shapes.extend([
            percent(&strict, upper, unreserved),
            percent(value, upper, component),
            percent(value, upper, whole),
            percent(value, upper, |byte| unreserved(byte) || byte == b'/'),
            percent(value, upper, |_| false),
            percent(value, upper, |byte| byte.is_ascii_alphanumeric()),
            replaced(&form, |byte| (byte == b' ').then(|| vec![b'+'])),
            strict,
        ]);
    }
    shapes
}

/// How writers of JSON differ.
#[derive(Clone, Copy)]
struct Json {
    slash: bool,
    /// `\u0026` and its kin, as Go and Rails write them; with upper-case digits elsewhere.
    html: Option<bool>,
    ascii: bool,
}

fn json(value: &[u8], style: Json) -> Vec<u8> {
    let text = if style.ascii { ascii_only(value) } else { value.to_vec() };
    replaced(&text, |byte| match byte {
        b'"' => Some(b"\\\"".to_vec()),
        // `ascii_only` has marked what it wrote: 0xff never occurs in UTF-8.
        0xff if style.ascii => Some(b"\\".to_vec()),
        b'\\' => Some(b"\\\\".to_vec()),
        b'\n' => Some(b"\\n".to_vec()),
        b'\r' => Some(b"\\r".to_vec()),
        b'\t' => Some(b"\\t".to_vec()),
        0x08 => Some(b"\\b".to_vec()),
        0x0c => Some(b"\\f".to_vec()),
        b'/' if style.slash => Some(b"\\/".to_vec()),
        b'&' | b'<' | b'>' | b'\'' | b'+' => style.html.map(|upper| unicode_escape(u16::from(byte), upper)),
        byte if byte < 0x20 => Some(unicode_escape(u16::from(byte), false)),
        _ => None,
    })
}

fn unicode_escape(unit: u16, upper: bool) -> Vec<u8> {
    if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") }.into_bytes()
}

fn ascii_only(value: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(value) else { return value.to_vec() };
    let mut out = Vec::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit).ok().filter(u8::is_ascii) {
            Some(byte) => out.push(byte),
            None => out.extend([&[0xff], format!("u{unit:04x}").as_bytes()].concat()),
        }
    }
    out
}

/// JSON, also inside JSON; and the same but for the quotes and signs that a writer leaves alone.
fn jsons(value: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut once = BTreeSet::new();
    for html in [None, Some(false), Some(true)] {
        for (slash, ascii) in [(false, false), (true, false), (false, true), (true, true)] {
            let full = json(value, Json { slash, html, ascii });
            once.insert(partly(&full, b"'+"));
            once.insert(partly(&full, b"+"));
            once.insert(full);
        }
    }
    // Inside JSON again the writer may be of another kind: both kinds of slash matter most.
    let mut shapes = BTreeSet::new();
    for shape in &once {
        for slash in [false, true] {
            let twice = json(shape, Json { slash, html: None, ascii: false });
            shapes.insert(json(&twice, Json { slash, html: None, ascii: false }));
            shapes.insert(twice);
        }
    }
    shapes.extend(once);
    shapes.extend(c_string(value));
    shapes
}

/// Takes the escapes of some signs back: Go escapes `&`, `<` and `>` only, others the apostrophe as well.
fn partly(json: &[u8], signs: &[u8]) -> Vec<u8> {
    let mut text = json.to_vec();
    for &sign in signs {
        for upper in [false, true] {
            text = substitute(&text, &unicode_escape(u16::from(sign), upper), &[sign]);
        }
    }
    text
}

fn substitute(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut last = 0;
    for at in memchr::memmem::find_iter(text, from) {
        out.extend_from_slice(&text[last..at]);
        out.extend_from_slice(to);
        last = at + from.len();
    }
    out.extend_from_slice(&text[last..]);
    out
}

/// Source-code quoting of Python, Rust's Debug and C: an apostrophe or newline with a backslash.
fn c_string(value: &[u8]) -> [Vec<u8>; 2] {
    let escape = |byte: u8, quote: u8| match byte {
        b'\\' => Some(b"\\\\".to_vec()),
        b'\n' => Some(b"\\n".to_vec()),
        b'\r' => Some(b"\\r".to_vec()),
        b'\t' => Some(b"\\t".to_vec()),
        byte if byte == quote => Some(vec![b'\\', byte]),
        byte if byte >= 0x80 => Some([b"\\x".as_slice(), &hex(&[byte], false)].concat()),
        _ => None,
    };
    [replaced(value, |byte| escape(byte, b'\'')), replaced(value, |byte| escape(byte, b'"'))]
}

fn html(value: &[u8]) -> Vec<Vec<u8>> {
    let quotes: [(&str, &str); 6] = [
        ("&quot;", "&#39;"),
        ("&#34;", "&#39;"),
        ("&quot;", "&#x27;"),
        ("&quot;", "&apos;"),
        ("&quot;", "'"),
        ("\"", "'"),
    ];
    let entity = |byte: u8, (double, single): (&str, &str)| match byte {
        b'&' => Some(b"&amp;".to_vec()),
        b'<' => Some(b"&lt;".to_vec()),
        b'>' => Some(b"&gt;".to_vec()),
        b'"' => Some(double.into()),
        b'\'' => Some(single.into()),
        _ => None,
    };
    quotes.iter().map(|&pair| replaced(value, |byte| entity(byte, pair))).collect()
}

fn shell(value: &[u8]) -> Vec<Vec<u8>> {
    let apostrophe = |with: &'static str| move |byte: u8| (byte == b'\'').then(|| with.into());
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./,:@%+=^".contains(&byte) || byte >= 0x80;
    let backslash =
        |special: &'static [u8]| move |byte: u8| special.contains(&byte).then(|| vec![b'\\', byte]);
    vec![
        replaced(value, apostrophe("'\\''")),
        replaced(value, apostrophe("'\"'\"'")),
        replaced(value, backslash(b"\\\"$`")),
        replaced(value, backslash(b"\\\"$`!")),
        replaced(value, |byte| (!safe(byte) && byte != b'\n').then(|| vec![b'\\', byte])),
        replaced(value, |byte| {
            (!safe(byte) && byte != b'\n' || b",^".contains(&byte)).then(|| vec![b'\\', byte])
        }),
        replaced(value, |byte| match byte {
            b'\n' => Some(b"\\n".to_vec()),
            b'\t' => Some(b"\\t".to_vec()),
            b'\'' | b'\\' => Some(vec![b'\\', byte]),
            // bash writes other bytes in octal
            byte if byte >= 0x80 => Some(format!("\\{byte:03o}").into_bytes()),
            _ => None,
        }),
    ]
}

/// UTF-16, and its base64 as PowerShell's `-EncodedCommand` has it.
fn add_utf16(value: &[u8], shapes: &mut Shapes) {
    let Ok(text) = std::str::from_utf8(value) else { return };
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for offset in 0..3 {
        shapes.add(base64(&little, STANDARD, offset), Telling::Any(BASE64_WIDE));
    }
    shapes.add(little, Telling::Any(RAW));
    shapes.add(text.encode_utf16().flat_map(u16::to_be_bytes).collect(), Telling::Any(RAW));
}
