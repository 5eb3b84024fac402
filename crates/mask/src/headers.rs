//! Credentials by the place they stand in: HTTP headers, cookies, links.

use std::ops::Range;

use super::harmless::{decodes_to_pair, is_harmless, is_plain};

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=%\\:".contains(&byte)
}

fn run(line: &[u8], start: usize, of: impl Fn(u8) -> bool) -> Range<usize> {
    let len = line.get(start..).unwrap_or_default().iter().take_while(|&&byte| of(byte)).count();
    start..start + len
}

/// Skips blanks, also as they stand in links.
fn skip_blanks(line: &[u8], start: usize) -> usize {
    let rest = line.get(start..).unwrap_or_default();
    if rest.starts_with(b"%20") {
        return start + 3;
    }
    run(line, start, |byte| b" \t+".contains(&byte)).end
}

/// Returns the token behind `Bearer`, which ends at `end`.
pub(super) fn bearer(line: &[u8], end: usize) -> Option<Range<usize>> {
    let start = skip_blanks(line, end);
    if start == end {
        return None;
    }
    let token = trimmed(line, run(line, start, is_token_byte));
    let text = line.get(token.clone())?;
    (text.len() >= 8 && !is_plain(text)).then_some(token)
}

/// Returns the base64 behind `Basic `, if it has a user and a password in it.
pub(super) fn basic(line: &[u8], end: usize) -> Option<Range<usize>> {
    let start = skip_blanks(line, end);
    let token = run(line, start, |byte| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte));
    let text = line.get(token.clone())?;
    (text.len() >= 4 && decodes_to_pair(text)).then_some(token)
}

/// Returns what follows `Authorization:` and the name of the scheme.
pub(super) fn authorization(line: &[u8], end: usize) -> Option<Range<usize>> {
    let sign = run(line, end, |byte| b"\\\"'`] \t".contains(&byte)).end;
    let separated =
        line.get(sign).is_some_and(|byte| b":=".contains(byte)) || line.get(sign..)?.starts_with(b"%3");
    if !separated {
        return None;
    }
    let skip = if line.get(sign) == Some(&b'%') { 3 } else { 1 };
    let mut start = run(line, sign + skip, |byte| b"\\\"'` \t[".contains(&byte)).end;
    let scheme = run(line, start, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if line.get(scheme.end).is_some_and(|byte| b" \t".contains(byte)) {
        start = skip_blanks(line, scheme.end);
    }
    let end = run(line, start, |byte| !b"\"'`<>".contains(&byte)).end;
    let value = trimmed(line, start..end);
    let text = line.get(value.clone())?;
    (text.len() >= 4 && !is_harmless(text, false)).then_some(value)
}

/// Takes closing signs and blanks off the end.
fn trimmed(line: &[u8], range: Range<usize>) -> Range<usize> {
    let mut end = range.end;
    while end > range.start && line.get(end - 1).is_some_and(|byte| b" \t\\,;:.".contains(byte)) {
        end -= 1;
    }
    range.start..end
}

/// Calls back for the values of the cookies of a `Cookie:` or `Set-Cookie:` header.
pub(super) fn cookies(line: &[u8], end: usize, mut found: impl FnMut(Range<usize>)) {
    let sign = run(line, end, |byte| b"\\\"'`] \t".contains(&byte)).end;
    if !line.get(sign).is_some_and(|byte| b":=".contains(byte)) {
        return;
    }
    let mut start = run(line, sign + 1, |byte| b"\\\"'`[ \t".contains(&byte)).end;
    loop {
        let name =
            run(line, start, |byte| byte.is_ascii_alphanumeric() || b"_.-$!#%&*+^|~[]".contains(&byte));
        if name.is_empty() || line.get(name.end) != Some(&b'=') {
            return;
        }
        let value = trimmed(line, run(line, name.end + 1, |byte| !b"; \t\"'\\".contains(&byte)));
        if line.get(value.clone()).is_some_and(|text| text.len() >= 4 && !is_attribute(&line[name], text)) {
            found(value.clone());
        }
        start = run(line, value.end, |byte| b"; \t".contains(&byte)).end;
        // Attributes without a value stand between the pairs.
        for flag in [b"HttpOnly".as_slice(), b"Secure", b"Partitioned"] {
            let has = line.get(start..start + flag.len()).is_some_and(|text| text.eq_ignore_ascii_case(flag));
            if has {
                start = run(line, start + flag.len(), |byte| b"; \t".contains(&byte)).end;
            }
        }
        if start == value.end {
            return;
        }
    }
}

fn is_attribute(name: &[u8], value: &[u8]) -> bool {
    let attributes =
        [b"path".as_slice(), b"domain", b"expires", b"max-age", b"samesite", b"priority", b"version"];
    attributes.iter().any(|attribute| name.eq_ignore_ascii_case(attribute)) || is_plain(value)
}

/// Returns the password (or the lone token) before the `@` of the link whose `://` ends at `end`.
pub(super) fn url(line: &[u8], end: usize) -> Option<Range<usize>> {
    let rest = line.get(end..)?;
    // Most links have neither user nor port: a glance at the host is enough for them.
    let host = rest.iter().position(|&byte| b"/@:".contains(&byte) || ends_url(byte))?;
    if rest.get(host) != Some(&b'@') && rest.get(host) != Some(&b':') {
        return None;
    }
    let end_of = |of: fn(u8) -> bool| rest.iter().position(|&byte| of(byte)).unwrap_or(rest.len());
    let slash = end_of(|byte| byte == b'/' || ends_url(byte));
    let at = match memchr::memrchr(b'@', rest.get(..slash)?) {
        Some(at) => at,
        // A password may have a slash in it, if what is before the slash is no port. Is there any sign of one?
        None if memchr::memchr(b'@', rest).is_some() => odd_password(rest.get(..end_of(ends_url))?, slash)?,
        None => return None,
    };
    let info = rest.get(..at)?;
    let Some(colon) = memchr::memchr(b':', info) else {
        let token = info.len() >= 16 && !is_plain(info);
        return token.then_some(end..end + at);
    };
    let password = info.get(colon + 1..)?;
    let known = password.is_empty() || is_placeholder(password);
    (!known).then_some(end + colon + 1..end + at)
}

fn ends_url(byte: u8) -> bool {
    byte <= b' ' || b"\"'`<>?#".contains(&byte)
}

fn odd_password(authority: &[u8], slash: usize) -> Option<usize> {
    let colon = memchr::memchr(b':', authority.get(..slash)?)?;
    let port = authority.get(colon + 1..slash)?.iter().all(u8::is_ascii_digit);
    let at = memchr::memrchr(b'@', authority)?;
    (!port).then_some(at)
}

fn is_placeholder(password: &[u8]) -> bool {
    password.iter().all(|byte| *byte == b'*')
        || [b"$".as_slice(), b"{", b"<", b"%s"].iter().any(|start| password.starts_with(start))
}

/// So near behind its id a secret has to stand.
const NEAR: usize = 512;

/// Returns the secret of 40 characters that stands in a line behind the id it belongs to.
pub(super) fn aws_secret(line: &[u8], after: usize) -> Option<Range<usize>> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    // A byte more than the secret: its end has to be seen.
    let line = line.get(..line.len().min(after + NEAR + 41))?;
    let mut at = after;
    while at < line.len().min(after + NEAR) {
        let start = at + line.get(at..)?.iter().position(|&byte| is_part(byte) && byte != b'=')?;
        let token = run(line, start, is_part);
        let text = line.get(token.clone())?;
        let is_hash = text.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte));
        if text.len() == 40 && start <= after + NEAR && !is_hash {
            return Some(token);
        }
        at = token.end;
    }
    None
}
