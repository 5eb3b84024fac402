//! Counts in tests what the masker does: bytes that it looks at, each time anew. In a program it is nothing.

/// Notes that so many bytes, or places, are looked at.
#[inline]
pub(super) fn did(bytes: usize) {
    #[cfg(test)]
    DONE.with(|done| done.set(done.get() + bytes as u64));
    #[cfg(not(test))]
    let _ = bytes;
}

#[cfg(test)]
thread_local! {
    static DONE: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Returns what is done for something.
#[cfg(test)]
pub(super) fn of(what: impl FnOnce()) -> u64 {
    let before = DONE.with(std::cell::Cell::get);
    what();
    DONE.with(std::cell::Cell::get) - before
}
