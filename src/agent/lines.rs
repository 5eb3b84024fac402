//! Cuts what an agent prints into lines, however it arrives. A line that is longer than any of the protocol ends there.

/// Longer lines are not of a protocol: agents cut what their commands print.
const LONGEST: usize = 16 << 20;

/// What has been printed of a line that is not over.
#[derive(Debug, Default)]
pub(super) struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Takes a piece of the output, and returns the lines that end in it.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        let mut rest = bytes;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            self.partial.extend_from_slice(&rest[..at]);
            lines.push(std::mem::take(&mut self.partial));
            rest = &rest[at + 1..];
        }
        self.partial.extend_from_slice(rest);
        if self.partial.len() > LONGEST {
            lines.push(std::mem::take(&mut self.partial));
        }
        lines
    }

    /// Returns what is left when the output is over.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_let_go() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; 1 << 20];
        let mut let_go = 0;
        for _ in 0..40 {
            let_go += lines.push(&piece).len();
            assert!(lines.partial.len() <= LONGEST + piece.len());
        }
        assert!(let_go > 0);
    }
}
