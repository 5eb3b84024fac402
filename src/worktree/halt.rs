//! When whatever takes long is to break off between two files. Nothing is lost by that: the run's directory stays as it
//! is, as after a crash, and the next call goes on with it.

use std::fmt;
use std::io;
use std::sync::Arc;

/// Tells whether to break off; asked often.
#[derive(Clone)]
pub struct Halt(Arc<dyn Fn() -> bool + Send + Sync>);

/// That something was broken off because it was asked for.
#[derive(Debug, thiserror::Error)]
#[error(
    "broken off, as asked; nothing of the run is lost, and `autopilot run ISSUE --resume` goes on with it"
)]
pub struct Halted;

impl Halt {
    /// Never breaks off.
    pub fn never() -> Self {
        Self::when(|| false)
    }

    /// Breaks off once this says so.
    pub fn when(is_time: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_time))
    }

    /// Tells whether it is time.
    pub fn is_time(&self) -> bool {
        (self.0)()
    }

    /// Fails if it is time.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.is_time() { Err(io::Error::other(Halted)) } else { Ok(()) }
    }
}

impl fmt::Debug for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Halt")
    }
}

/// Tells whether an error only says that something was broken off.
pub(super) fn is_halt(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Halted>)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::changes::Snapshot;
    use super::super::root::Root;
    use super::super::rules::Rules;
    use super::super::tree::ObjectFormat;
    use super::*;

    /// Compares a folder of so many new files with an empty checkpoint, broken off at some look; how many looks there
    /// were, and what was found.
    fn compared(files: usize, most: usize) -> (usize, io::Result<usize>) {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..files {
            fs::write(folder.path().join(number.to_string()), number.to_string()).unwrap();
        }
        let looks = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&looks);
        let mut root = Root::open(folder.path()).unwrap();
        root.heed(Halt::when(move || counted.fetch_add(1, Ordering::Relaxed) >= most));
        let mut snapshot = Snapshot::of(std::iter::empty(), &[], 1 << 20, ObjectFormat::Sha1);
        let changes = snapshot.compare(&root, &Rules::default());
        (looks.load(Ordering::Relaxed), changes.map(|changes| changes.paths.len()))
    }

    #[test]
    fn it_is_asked_for_every_file_and_no_more_often_for_many() {
        let (few, found) = compared(100, usize::MAX);
        assert_eq!(found.unwrap(), 100);
        let (many, found) = compared(400, usize::MAX);
        assert_eq!(found.unwrap(), 400);
        assert!((200..=300).contains(&few) && many <= 4 * few, "{few} {many}");
    }

    #[test]
    fn what_is_broken_off_says_so_and_does_nothing_more() {
        for most in [0, 1, 50, 150] {
            let (looks, found) = compared(100, most);
            assert!(is_halt(&found.unwrap_err()), "{most}");
            assert_eq!(looks, most + 1, "{most}");
        }
    }
}
