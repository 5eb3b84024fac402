//! What is no secret, though it stands where one is looked for: variables, placeholders, words, numbers, code, paths.

/// An unquoted value from so many bytes on is no plain word, path or variable: judging it for every key in it
/// would take too long.
const LONG: usize = 256;

/// Tells whether a value that ends with its quote, or with what a value ends with, is no secret.
pub(super) fn is_harmless(value: &[u8], quoted: bool) -> bool {
    (quoted || value.len() < LONG) && is_plain(value)
}

/// Tells whether a value is no secret: a variable, a placeholder, a word, a number, a piece of program.
pub(super) fn is_plain(value: &[u8]) -> bool {
    // The credentials of registries stand as base64, sometimes of letters only.
    if value.len() >= 8 && decodes_to_pair(value) {
        return false;
    }
    let masked = contains(value, b"***") || value.iter().all(|byte| b"*xX.".contains(byte));
    masked || is_variable(value) || is_word(value) || is_number(value) || is_code(value) || is_path(value)
}

/// Tells whether this is the base64 of `user:password`.
pub(super) fn decodes_to_pair(text: &[u8]) -> bool {
    let sextet = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    let mut bits = 0u32;
    let mut count = 0;
    let mut colon = false;
    for &byte in text.iter().filter(|&&byte| byte != b'=') {
        let Some(value) = sextet(byte) else { return false };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            let decoded = (bits >> count) & 0xff;
            if decoded < 0x20 || decoded == 0x7f {
                return false;
            }
            colon |= decoded == u32::from(b':');
        }
    }
    colon
}

/// Finds a short text in a short one: a searcher costs more to make than this to run.
pub(super) fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    let (&first, rest) = what.split_first()?;
    memchr::memchr_iter(first, text)
        .find(|&at| text.get(at + 1..).is_some_and(|after| after.starts_with(rest)))
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    find(text, what).is_some()
}

fn is_variable(value: &[u8]) -> bool {
    let after = |start: &[u8]| value.strip_prefix(start);
    after(b"$").is_some_and(|rest| {
        rest.first().is_some_and(|&byte| byte.is_ascii_alphabetic() || b"_({".contains(&byte))
    }) || [b"{{".as_slice(), b"<", b"%(", b"#{", b"&'", b"&mut", b"&str"]
        .iter()
        .any(|start| value.starts_with(start))
        || (value.len() > 2 && value.starts_with(b"%") && value.ends_with(b"%"))
}

/// Words of letters, at most two joined by a sign; letters in a wild mixture of cases are no word.
fn is_word(value: &[u8]) -> bool {
    let letters = value.iter().all(|byte| byte.is_ascii_alphabetic() || b"_-. ,:;!?/".contains(byte));
    if !letters {
        return false;
    }
    let joints = value.iter().filter(|byte| b"-.".contains(byte)).count();
    let wild =
        value.windows(2).filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()).count();
    let longest = value.split(|byte| !byte.is_ascii_alphabetic()).map(<[u8]>::len).max().unwrap_or(0);
    joints <= 1 && longest <= 24 && wild * 4 <= value.len()
}

/// Digits with signs of dates, sizes and addresses, and a unit.
fn is_number(value: &[u8]) -> bool {
    if let Some(address) = value.strip_prefix(b"0x") {
        return address.len() <= 16 && address.iter().all(u8::is_ascii_hexdigit);
    }
    let unit = value.iter().rev().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'%').count();
    let digits = value.get(..value.len() - unit).unwrap_or_default();
    let numeric = |byte: &u8| byte.is_ascii_digit() || b".,:+-/_T ".contains(byte);
    (unit == 0 || unit <= 3 && digits.len() <= 6) && digits.iter().all(numeric)
}

/// A call, an index, a generic type, a path of modules, a link.
fn is_code(value: &[u8]) -> bool {
    let name = value.iter().take_while(|byte| byte.is_ascii_alphabetic() || b"_.:!?".contains(byte)).count();
    let called = name > 0 && value.get(name).is_some_and(|byte| b"([<{".contains(byte));
    let first_letter = value.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let modules = first_letter && contains(value, b"::");
    (called && first_letter) || modules || contains(value, b"://")
}

fn is_path(value: &[u8]) -> bool {
    let rooted = [b"/".as_slice(), b"./", b"../", b"~/"].iter().any(|root| value.starts_with(root));
    let word = |part: &[u8]| part.len() >= 3 && part.iter().all(u8::is_ascii_lowercase);
    rooted && value.split(|&byte| byte == b'/').any(word)
}
