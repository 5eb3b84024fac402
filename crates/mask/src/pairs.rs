//! `key=value`, JSON members, flags and their kin, by the name of the key.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::harmless::{find, is_harmless};

/// What may follow the telling word of a key, up to the value and its opening quote.
#[expect(clippy::expect_used, reason = "a constant; a unit test compiles it")]
static SEPARATOR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i-u)^(?:s|[_-]?(?:key|value|base|b64|base64|string|token|secret|password|data)){0,8}[0-9]*",
        r#"(?:\\*["'`])?\]?[\t ]*"#,
        r"(?:=>|:=|={1,2}|:|%3[dD]|%3[aA]|>)[\t ]*",
        r"(?:(?:bearer|basic|token)[\t ]+)?",
        r#"(?:[brfu]?(?:\\*["'`])|%22|&quot;)?"#,
    ))
    .expect("the pattern of separators compiles")
});

/// As a flag of a command line the key may stand alone: `--password x`.
#[expect(clippy::expect_used, reason = "a constant; a unit test compiles it")]
static FLAG: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?i-u)^[\t ]+["']?"#).expect("the pattern of flags compiles"));

/// Returns the value of the key that has its telling word at `word`.
pub(super) fn value(line: &[u8], word: Range<usize>) -> Option<Range<usize>> {
    let before = line.get(..word.start)?;
    let name = line.get(word.clone())?;
    if name.eq_ignore_ascii_case(b"pwd") && !starts_word(before) {
        return None;
    }
    let rest = line.get(word.end..)?;
    let (start, flag) = match separator(rest) {
        Some(len) => (word.end + len, false),
        None => (word.end + flag_value(before, rest)?, true),
    };
    let opening = line.get(..start)?;
    if opening.ends_with(b":") && line.get(start) == Some(&b':') {
        return None;
    }
    let range = extent(line, start)?;
    let range = if is_user(before) { before_host(line, range) } else { range };
    let value = line.get(range.clone())?;
    let least = if name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"pass")) { 4 } else { 6 };
    let plain = is_harmless(value, is_quoted(line, range.start));
    (value.len() >= least && !plain && !(flag && value.starts_with(b"-"))).then_some(range)
}

/// Returns the length of the separator that the text starts with; what most logs have needs no pattern.
fn separator(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'=' | b':', next, ..] if next.is_ascii_alphanumeric() && !b"BRFUTbrfut".contains(next) => Some(1),
        [first, ..] if first.is_ascii_alphanumeric() && !b"SKVBTPDskvbtpd0123456789".contains(first) => None,
        _ => SEPARATOR.find(rest).map(|found| found.end()),
    }
}

/// Tells whether a quote opens the value that starts here.
pub(super) fn is_quoted(line: &[u8], start: usize) -> bool {
    start.checked_sub(1).and_then(|at| line.get(at)).is_some_and(|byte| b"\"'`".contains(byte))
}

/// Tells whether the key is the user in a link: `https://x-access-token:…@host`.
fn is_user(before: &[u8]) -> bool {
    // Before hardly any key: a glance is cheaper than looking for the word.
    if find(before, b"://").is_none() {
        return false;
    }
    let word = before.rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
    find(word, b"://").is_some_and(|at| !word.get(at + 3..).unwrap_or_default().contains(&b'/'))
}

fn before_host(line: &[u8], range: Range<usize>) -> Range<usize> {
    let host = line.get(range.clone()).and_then(|value| memchr::memrchr(b'@', value));
    range.start..host.map_or(range.end, |at| range.start + at)
}

/// Returns the value behind `pass=`: the sign belongs to the anchor.
pub(super) fn short_value(line: &[u8], anchor: Range<usize>) -> Option<Range<usize>> {
    let underscore = line.get(anchor.start) == Some(&b'_');
    if !underscore && !starts_word(line.get(..anchor.start)?) {
        return None;
    }
    let quote = usize::from(line.get(anchor.end).is_some_and(|byte| b"\"'".contains(byte)));
    let range = extent(line, anchor.end + quote)?;
    let value = line.get(range.clone())?;
    (value.len() >= 4 && !is_harmless(value, quote > 0)).then_some(range)
}

/// `pwd` and `pass` are names of their own, or behind a `_`, or in camel case.
fn starts_word(before: &[u8]) -> bool {
    before.last().is_none_or(|byte| !byte.is_ascii_alphanumeric()) || before.ends_with(b"db")
}

fn flag_value(before: &[u8], rest: &[u8]) -> Option<usize> {
    let blanks = FLAG.find(rest)?.end();
    let name =
        before.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte)).count();
    let flag = before.get(before.len() - name..)?;
    if !flag.starts_with(b"--") {
        return None;
    }
    Some(blanks)
}

/// Returns where the value that starts here ends: at its quote, or where nothing of a secret goes on.
fn extent(line: &[u8], start: usize) -> Option<Range<usize>> {
    let rest = line.get(start..)?;
    let quote = line.get(..start)?.last().copied().filter(|byte| b"\"'`".contains(byte));
    if let Some(quote) = quote {
        let escapes = line.get(..start - 1)?.iter().rev().take_while(|&&byte| byte == b'\\').count();
        let end = closing(rest, quote, escapes).unwrap_or(rest.len());
        return (end > 0).then_some(start..start + end);
    }
    let mut end = 0;
    while let Some(&byte) = rest.get(end) {
        if byte.is_ascii_whitespace() || b"\"'`<>".contains(&byte) || ends_here(byte, rest.get(end + 1..)?) {
            break;
        }
        end += 1;
    }
    while end > 0 && b",;)]}\\".contains(&rest[end - 1]) {
        end -= 1;
    }
    (end > 0).then_some(start..start + end)
}

/// Finds the quote that closes: one with as many backslashes as the opening one had.
fn closing(rest: &[u8], quote: u8, escapes: usize) -> Option<usize> {
    memchr::memchr_iter(quote, rest).find_map(|at| {
        let before = rest.get(..at)?.iter().rev().take_while(|&&byte| byte == b'\\').count();
        (before <= escapes).then_some(at - before)
    })
}

/// Tells whether an unquoted value ends at this sign because another pair follows.
fn ends_here(byte: u8, after: &[u8]) -> bool {
    match byte {
        b',' => after.first().is_none_or(|next| next.is_ascii_whitespace() || b"\"'{".contains(next)),
        b'&' | b';' => {
            let name = after
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric() || b"_-. ".contains(byte))
                .count();
            after.get(name).is_none_or(|next| b"=;&".contains(next))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 2_000 } else { 20_000 }))]

        #[test]
        fn a_separator_is_what_the_pattern_says(
            start in "([=:]|s|_key|[A-Za-z0-9]|%3D|[ -~])",
            rest in "((bearer|token|basic|[brfu])[ \"']?)?[=:>\"' a-z0-9]{0,4}",
        ) {
            let text = format!("{start}{rest}");
            let pattern = SEPARATOR.find(text.as_bytes()).map(|found| found.end());
            prop_assert_eq!(separator(text.as_bytes()), pattern, "{}", text);
        }
    }
}
