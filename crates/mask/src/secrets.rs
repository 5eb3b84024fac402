//! The registry of known values.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::known::{Known, SHORTEST};
use super::values::{self, visible};

/// Bytes of all declared values together: their shapes take up to three hundred times as much memory.
const ROOM: usize = 128 << 10;
/// Bytes of all values that steps register, whatever was declared.
const STEPS_ROOM: usize = 32 << 10;
/// Windows of all shapes of declared values, and of what steps register: signs that every writer escapes in another way
/// make many of them.
const WINDOWS: usize = 6 << 20;
const STEPS_WINDOWS: usize = 2 << 20;

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
    /// What steps registered does not count.
    declared: bool,
}

#[derive(Clone)]
struct Registry {
    known: Known,
    /// What was declared alone, once a step registered something.
    declared: Option<Known>,
    seen: HashSet<Box<[u8]>>,
    seen_of_steps: HashSet<Box<[u8]>>,
    bytes: usize,
    bytes_of_steps: usize,
    unmasked: u64,
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
        let registry = Registry {
            known: Known::new(),
            declared: None,
            seen: HashSet::new(),
            seen_of_steps: HashSet::new(),
            bytes: 0,
            bytes_of_steps: 0,
            unmasked: 0,
        };
        Self { registry: Arc::new(RwLock::new(registry)), declared: false }
    }
}

impl Secrets {
    /// Registers a value that the user, the plan or the runner declares, in all its encodings.
    pub fn register(&self, value: &[u8]) -> Result<(), Refused> {
        self.add(value, Registry::declare)
    }

    /// Registers a value that a step asked for while it ran: it has a room of its own, and counts for output only.
    pub(super) fn register_by_step(&self, value: &[u8]) -> Result<(), Refused> {
        self.add(value, Registry::add_of_step)
    }

    fn add(&self, value: &[u8], add: fn(&mut Registry, &[u8]) -> Result<(), Refused>) -> Result<(), Refused> {
        let value = value.strip_suffix(b"\n").unwrap_or(value);
        let value = value.strip_suffix(b"\r").unwrap_or(value);
        let len = visible(value).len();
        if len < SHORTEST {
            return Err(Refused::TooShort { len });
        }
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        let added = add(&mut registry, value);
        registry.unmasked += u64::from(added.is_err());
        added
    }

    /// Returns the same registry as seen without what steps registered while they ran. For paths, counts and whatever
    /// else a reader relies on: `::add-mask::src` must not take the names of files out of a report.
    #[must_use]
    pub fn declared(&self) -> Self {
        Self { declared: true, ..self.clone() }
    }

    /// Returns how many values go out in clear because the room for values is used up, those of steps included.
    pub fn unmasked(&self) -> u64 {
        self.registry.read().unwrap_or_else(PoisonError::into_inner).unmasked
    }

    /// Returns a registry of its own with the same values.
    #[cfg(test)]
    pub(super) fn fork(&self) -> Self {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner).clone();
        Self { registry: Arc::new(RwLock::new(registry)), declared: self.declared }
    }

    /// Locks the values for reading.
    pub(super) fn read(&self) -> Reading<'_> {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        Reading { registry, declared: self.declared }
    }
}

impl Registry {
    fn declare(&mut self, value: &[u8]) -> Result<(), Refused> {
        if self.seen.contains(value) {
            return Ok(());
        }
        self.bytes = taken(self.bytes, ROOM, value)?;
        let steps =
            self.declared.as_ref().map_or(0, |declared| self.known.len().saturating_sub(declared.len()));
        let mut added = values::add(&mut self.known, value, WINDOWS + steps);
        if let Some(declared) = &mut self.declared {
            added &= values::add(declared, value, WINDOWS);
        }
        whole(added, value)?;
        self.seen.insert(value.into());
        Ok(())
    }

    fn add_of_step(&mut self, value: &[u8]) -> Result<(), Refused> {
        if self.seen.contains(value) || self.seen_of_steps.contains(value) {
            return Ok(());
        }
        self.bytes_of_steps = taken(self.bytes_of_steps, STEPS_ROOM, value)?;
        let declared = self.declared.get_or_insert_with(|| self.known.clone()).len();
        whole(values::add(&mut self.known, value, declared + STEPS_WINDOWS), value)?;
        self.seen_of_steps.insert(value.into());
        Ok(())
    }
}

/// What could be added in part only is refused: the rest of it goes out.
fn whole(added: bool, value: &[u8]) -> Result<(), Refused> {
    if added { Ok(()) } else { Err(Refused::TooMuch { len: value.len(), room: 0 }) }
}

/// Returns the bytes that are taken with this value.
fn taken(bytes: usize, of: usize, value: &[u8]) -> Result<usize, Refused> {
    let room = of.saturating_sub(bytes);
    if value.len() > room {
        Err(Refused::TooMuch { len: value.len(), room })
    } else {
        Ok(bytes + value.len())
    }
}

/// The values, locked.
pub(super) struct Reading<'a> {
    registry: RwLockReadGuard<'a, Registry>,
    declared: bool,
}

impl std::ops::Deref for Reading<'_> {
    type Target = Known;

    fn deref(&self) -> &Known {
        let alone = self.registry.declared.as_ref().filter(|_| self.declared);
        alone.unwrap_or(&self.registry.known)
    }
}
