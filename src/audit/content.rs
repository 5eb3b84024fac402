//! Reads each file of the evidence once: its digest, what looks like a secret in it, and, of reports, its text.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::code::Code;
use super::finding::Finding;
use super::place::{Opened, Top};
use super::strings;
use crate::evidence::mask::{Detector, Hit, Kind, Secrets};

const CHUNK: usize = 128 << 10;
/// A file that is kept whole is no longer than this.
const WHOLE: usize = 64 << 20;
/// Longest head of a bundle: thousands of refs.
const HEAD: usize = 1 << 20;
/// No shorter text is a secret to the masker.
const SHORTEST: usize = 6;
/// Places of secrets that are named; the rest is counted.
const NAMED: usize = 5;

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// A report: searched, and kept.
    Report,
    /// The log: searched.
    Log,
    /// A JSON document: kept; what is searched are its strings.
    Document,
    /// A bundle: compressed, and for its owner alone. Its head is kept.
    Bundle,
}

impl How {
    /// Returns how many bytes are kept.
    fn kept(self) -> usize {
        match self {
            Self::Report | Self::Document => WHOLE,
            Self::Bundle => HEAD,
            Self::Log => 0,
        }
    }

    fn searches(self) -> bool {
        matches!(self, Self::Report | Self::Log)
    }

    /// Returns the bytes there can be at most: what is kept takes memory.
    fn most(self) -> u64 {
        if self.kept() == WHOLE { WHOLE as u64 } else { 1 << 40 }
    }
}

/// A file of the evidence, read.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) sha256: String,
    pub(super) size: u64,
    /// Permission bits.
    pub(super) mode: u32,
    /// Of what is kept: all of it, or its head.
    pub(super) text: Vec<u8>,
}

/// Reads a file, which `each` sees piece by piece; nothing if there is none.
pub(super) fn read(
    top: &Top,
    relative: &str,
    how: How,
    sieve: &mut Sieve<'_>,
    each: &mut dyn FnMut(&[u8]),
) -> Result<Option<Content>, Finding> {
    let Some(opened) = top.file(relative)? else { return Ok(None) };
    if opened.size > how.most() {
        let found = format!("{relative}: {} bytes", opened.size);
        return Err(Finding::new(Code::FileTooLarge, format!("at most {} bytes", how.most()), found));
    }
    let read = stream(opened, relative, how, sieve, each);
    read.map(Some).map_err(|error| {
        Finding::new(Code::FileUnreadable, "a file that can be read", format!("{relative}: {error}"))
    })
}

fn stream(
    opened: Opened,
    name: &str,
    how: How,
    sieve: &mut Sieve<'_>,
    each: &mut dyn FnMut(&[u8]),
) -> io::Result<Content> {
    let mut hasher = Sha256::new();
    let mut content = Content { sha256: String::new(), size: 0, mode: opened.mode, text: Vec::new() };
    let mut detector = sieve.detector();
    // It may grow while it is read: no more than what was there is taken.
    let mut file = opened.file.take(opened.size);
    let mut buffer = vec![0; CHUNK];
    loop {
        let n = file.read(&mut buffer)?;
        let chunk = buffer.get(..n).unwrap_or_default();
        if chunk.is_empty() {
            break;
        }
        hasher.update(chunk);
        content.size += n as u64;
        each(chunk);
        let keep = how.kept().saturating_sub(content.text.len()).min(n);
        content.text.extend_from_slice(chunk.get(..keep).unwrap_or_default());
        if how.searches() {
            sieve.note(name, detector.push(chunk));
        }
    }
    sieve.note(name, detector.finish());
    content.sha256 = hex::encode(hasher.finalize());
    Ok(content)
}

/// Collects what looks like a secret, over all files of a run: kinds and places, never the text.
#[derive(Debug)]
pub(super) struct Sieve<'a> {
    secrets: &'a Secrets,
    found: Vec<(String, Kind, usize)>,
    more: u64,
}

impl<'a> Sieve<'a> {
    /// Starts with the values that are known.
    pub(super) fn new(secrets: &'a Secrets) -> Self {
        Self { secrets, found: Vec::new(), more: 0 }
    }

    fn detector(&self) -> Detector {
        Detector::new(self.secrets)
    }

    fn note(&mut self, name: &str, hits: Vec<Hit>) {
        for hit in hits {
            if self.found.len() < NAMED {
                self.found.push((name.to_owned(), hit.kind, hit.range.start));
            } else {
                self.more += 1;
            }
        }
    }

    /// Looks through every string of a JSON document by itself, as it was masked: what stands between strings
    /// is no text. What cannot be read as one is somebody else's finding, as far as it cannot.
    pub(super) fn document(&mut self, place: &str, json: &[u8]) {
        let _ = strings::each(json, &mut |text| self.string(place, text));
    }

    fn string(&mut self, place: &str, text: &str) {
        if text.len() < SHORTEST {
            return;
        }
        let mut detector = self.detector();
        let mut hits = detector.push(text.as_bytes());
        hits.extend(detector.finish());
        self.note(place, hits);
    }

    /// Returns a finding for each place, the last of which counts the rest.
    pub(super) fn findings(self) -> Vec<Finding> {
        let places = self.found.iter().map(|(name, kind, at)| format!("{kind} in {name}, byte {at}"));
        let more = (self.more > 0).then(|| format!("and {} more", self.more));
        places.chain(more).map(|found| Finding::new(Code::SecretFound, "no secret", found)).collect()
    }
}
