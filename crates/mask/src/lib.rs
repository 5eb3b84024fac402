//! Masks secrets in bytes on their way to any sink: streaming, bounded, the same bytes out however the input is cut.
//!
//! `docs/masking.md` says what is masked and what cannot be; `docs/adr/0003-masking.md` why it is built so:
//!
//! ```text
//! bytes ─ stream (lines, windows) ─→ view (no terminal sequences) ─→ filter (every byte, hashed grams)
//!                                                                      │ few places
//!       out ←─ render (***) ←─ spans ←─ known values, patterns by their anchors, private keys by line
//! ```

mod anchors;
mod bare;
mod edges;
mod encodings;
mod filter;
mod harmless;
mod headers;
mod kind;
mod known;
mod pairs;
mod pass;
mod patch;
mod pem;
mod providers;
mod public;
mod render;
mod rules;
mod scan;
mod screen;
mod secrets;
mod seen;
mod sequence;
mod stream;
#[cfg(test)]
mod tests;
mod values;
mod view;
mod windows;
mod work;

pub use kind::{Hit, Kind};
pub use secrets::{Refused, Secrets, is_secret_name};
pub use stream::{Detector, Masker};

/// Masks a whole text of the runner's own; commands (`::add-mask::`) in it are not carried out. For paths, counts and
/// whatever else has to be seen, hand in [`Secrets::declared`].
pub fn text(secrets: &Secrets, text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut masker = Masker::deaf(secrets);
    masker.push(text.as_bytes(), &mut out);
    masker.finish(&mut out);
    as_text(out)
}

/// Masks start and end where text was recognised, but a shape can start within a character.
fn as_text(masked: Vec<u8>) -> String {
    String::from_utf8(masked).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned())
}

/// Masks a text that is composed of masked parts, each of which may stand in code (`` ` ``): what the patterns find
/// beyond such a part is cut off there, or the mask would take the markup along.
pub fn composed(secrets: &Secrets, text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut done = 0;
    for Hit { range, kind } in secrets.detect(bytes) {
        let fence = || memchr::memchr(b'`', &bytes[range.clone()]).map(|at| range.start + at);
        let end = if kind == Kind::Known { range.end } else { fence().unwrap_or(range.end) };
        if range.start >= done {
            out.extend_from_slice(&bytes[done..range.start]);
            out.extend_from_slice(render::MASK);
        }
        done = done.max(end);
    }
    out.extend_from_slice(&bytes[done..]);
    as_text(out)
}

/// Finds what the patterns tell: for scans of commits and files.
pub fn detect(bytes: &[u8]) -> Vec<Hit> {
    Secrets::default().detect(bytes)
}

impl Secrets {
    /// Finds registered values and what the patterns tell, sorted by place.
    pub fn detect(&self, bytes: &[u8]) -> Vec<Hit> {
        stream::detect(self, bytes)
    }
}
