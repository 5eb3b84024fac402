//! Identifiers in events, each of a closed shape: what does not have it is replaced when one is made, so that free text
//! cannot pass as one. They are never masked, because a digest that was changed is worth nothing.

use std::borrow::Borrow;
use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::text::Token;

/// The id of a step. Cheap to clone: nearly every event holds one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Token", into = "Token")]
pub struct StepId(Arc<str>);

impl StepId {
    /// Makes an id of the shape of a [`Token`].
    pub fn new(id: impl AsRef<str>) -> Self {
        Token::new(id).into()
    }

    /// Returns its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Token> for StepId {
    fn from(token: Token) -> Self {
        Self(token.as_str().into())
    }
}

impl From<StepId> for Token {
    fn from(id: StepId) -> Self {
        Self::new(id.as_str())
    }
}

impl Borrow<str> for StepId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for StepId {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<String> for StepId {
    fn eq(&self, other: &String) -> bool {
        &*self.0 == other.as_str()
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A SHA-256 in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sha256(String);

impl Sha256 {
    /// Hashes bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex::encode(sha2::Sha256::digest(bytes)))
    }

    /// What the first line of a journal has for a predecessor: 64 zeros.
    pub fn none() -> Self {
        Self("0".repeat(64))
    }

    /// Hashes what can be read, without reading it into memory; returns the digest and the number of bytes.
    pub fn of_file(file: &mut impl Read) -> io::Result<(Self, u64)> {
        let mut hasher = sha2::Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        let mut size = 0;
        loop {
            let n = file.read(&mut buffer)?;
            if n == 0 {
                return Ok((Self(hex::encode(hasher.finalize())), size));
            }
            hasher.update(&buffer[..n]);
            size += n as u64;
        }
    }

    /// Takes a digest that somebody else made; an error if it is not 64 lower-case hex digits.
    pub fn from_hex(digits: &str) -> io::Result<Self> {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if digits.len() == 64 && digits.bytes().all(is_hex) {
            return Ok(Self(digits.to_owned()));
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, format!("`{}` is no SHA-256", digits.escape_debug())))
    }

    /// Returns the 64 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A try of a step: nearly every event is of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// The step.
    pub step: StepId,
    /// 1 for the first try.
    pub attempt: u32,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.step, self.attempt)
    }
}
