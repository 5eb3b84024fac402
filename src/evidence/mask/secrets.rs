//! The registry of known values.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::known::{Known, SHORTEST, visible};

/// The shortest line of a value of several lines that is registered on its own.
const SHORTEST_LINE: usize = 8;
/// Bytes of all values together: their shapes take about fifty times as much memory.
const ROOM: usize = 128 << 10;

/// The endings of the names of environment variables whose values are secrets.
const SECRET_NAMES: [&str; 9] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "API_KEY",
    "PRIVATE_KEY",
    "ACCESS_KEY",
    "SECRET_KEY",
    "SSH_KEY",
    "CONNECTION_STRING",
];

/// Tells whether the value of an environment variable of this name is a secret.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SECRET_NAMES.iter().any(|ending| {
        name.strip_suffix(ending).is_some_and(|before| before.is_empty() || before.ends_with('_'))
    })
}

/// The known values of a run. Clones share one registry; what is registered counts from then on, also for
/// maskers that were made before.
#[derive(Debug, Clone)]
pub struct Secrets {
    registry: Arc<RwLock<Registry>>,
}

#[derive(Clone)]
struct Registry {
    known: Known,
    seen: HashSet<Box<[u8]>>,
    bytes: usize,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The values themselves have no business in a debug log.
        f.debug_struct("Registry").field("values", &self.seen.len()).finish_non_exhaustive()
    }
}

/// Why a value was not registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It would blank out ordinary text.
    #[error("a secret of {len} bytes is too short to mask: it would blank out ordinary text (at least 6)")]
    TooShort {
        /// Bytes without the final newline.
        len: usize,
    },
    /// The memory of the masker is bounded.
    #[error("a secret of {len} bytes is too much to mask: there is room for {room} more bytes")]
    TooMuch {
        /// Bytes without the final newline.
        len: usize,
        /// What all values together may still take.
        room: usize,
    },
}

impl Default for Secrets {
    fn default() -> Self {
        let registry = Registry { known: Known::new(), seen: HashSet::new(), bytes: 0 };
        Self { registry: Arc::new(RwLock::new(registry)) }
    }
}

impl Secrets {
    /// Registers a value in all its encodings, and each of its lines of 8 bytes or more.
    pub fn register(&self, value: &[u8]) -> Result<(), Refused> {
        let value = value.strip_suffix(b"\n").unwrap_or(value);
        let value = value.strip_suffix(b"\r").unwrap_or(value);
        let len = visible(value).len();
        if len < SHORTEST {
            return Err(Refused::TooShort { len });
        }
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        if registry.seen.contains(value) {
            return Ok(());
        }
        let room = ROOM.saturating_sub(registry.bytes);
        if value.len() > room {
            return Err(Refused::TooMuch { len: value.len(), room });
        }
        registry.bytes += value.len();
        registry.add(value);
        Ok(())
    }

    /// Returns a registry of its own with the same values.
    #[cfg(test)]
    pub(super) fn fork(&self) -> Self {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner).clone();
        Self { registry: Arc::new(RwLock::new(registry)) }
    }

    /// Locks the values for reading.
    pub(super) fn read(&self) -> Reading<'_> {
        Reading(self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Registry {
    fn add(&mut self, value: &[u8]) {
        self.seen.insert(value.into());
        self.known.add(value);
        if !value.contains(&b'\n') {
            return;
        }
        for line in value.split(|&byte| byte == b'\n' || byte == b'\r') {
            let public = line.starts_with(b"-----BEGIN") || line.starts_with(b"-----END");
            if visible(line).len() >= SHORTEST_LINE && !public && self.seen.insert(line.into()) {
                self.known.add(line);
            }
        }
    }
}

/// The values, locked.
pub(super) struct Reading<'a>(RwLockReadGuard<'a, Registry>);

impl std::ops::Deref for Reading<'_> {
    type Target = Known;

    fn deref(&self) -> &Known {
        &self.0.known
    }
}
