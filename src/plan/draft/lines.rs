//! Tells in which line of a text a byte is.

/// The ends of a text's lines: found once, so that a document of thousands of tasks stays cheap.
#[derive(Debug)]
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        Self(memchr::memchr_iter(b'\n', text.as_bytes()).collect())
    }

    /// Returns the line of a byte, 1-based.
    pub(super) fn at(&self, byte: usize) -> usize {
        1 + self.0.partition_point(|end| *end < byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_in_the_line_that_ends_behind_it() {
        let lines = Lines::of("a\nbc\n\nd");
        assert_eq!([0, 1, 2, 4, 5, 6, 7].map(|byte| lines.at(byte)), [1, 1, 2, 2, 3, 4, 4]);
    }
}
