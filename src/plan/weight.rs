//! What the patterns of a plan weigh when they are compiled, and the bound of all of them together: a file of a
//! mebibyte holds thousands, and each may be large.

use regex::RegexBuilder;

use super::glob::{self, Glob};

/// What a pattern may take is tried in these steps; the largest is the bound of one.
const STEPS: [usize; 5] = [4 << 10, 64 << 10, 256 << 10, 1 << 20, super::text::LARGEST_REGEX];

/// What all patterns of a plan may take.
const ALL: usize = 64 << 20;

/// What is left for further patterns; `None` after one that was too much.
#[derive(Debug)]
pub(super) struct Budget(Option<usize>);

impl Budget {
    pub(super) fn new() -> Self {
        Self(Some(ALL))
    }

    /// Takes the weight of a text of this `format`. After one that is too much, nothing is compiled.
    pub(super) fn take(&mut self, format: &str, text: &str) -> Taken {
        if !matches!(format, "autopilot-regex" | "autopilot-glob") {
            return Taken::Within;
        }
        let Some(left) = self.0 else { return Taken::Spent };
        self.0 = left.checked_sub(weigh(format, text));
        if self.0.is_some() { Taken::Within } else { Taken::TooMuch }
    }
}

/// What became of a text's weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// There is room.
    Within,
    /// With this one there is none: a fault.
    TooMuch,
    /// It was said of an earlier one.
    Spent,
}

/// Returns the first step that a pattern fits in.
fn weigh(format: &str, text: &str) -> usize {
    let [smallest, .., largest] = STEPS;
    let glob = if format == "autopilot-glob" { Glob::new(text).ok() } else { None };
    let is_too_big = |limit: usize| {
        let built = match &glob {
            Some(glob) => glob::compile(glob.regex(), limit).map(drop),
            None if format == "autopilot-glob" => return false,
            None => RegexBuilder::new(text).multi_line(true).size_limit(limit).build().map(drop),
        };
        matches!(built, Err(regex::Error::CompiledTooBig(_)))
    };
    let fits = STEPS.into_iter().find(|limit| !is_too_big(*limit)).unwrap_or(largest);
    fits.max(text.len()).max(smallest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heavy_weigh_more_and_the_budget_ends() {
        assert_eq!(weigh("autopilot-regex", "abc"), 4 << 10);
        assert_eq!(weigh("autopilot-regex", "("), 4 << 10);
        assert!(weigh("autopilot-regex", r"\w{10}") > 64 << 10);
        assert_eq!(weigh("autopilot-regex", r"\w{9999}"), 2 << 20);
        assert_eq!(weigh("autopilot-glob", "src/**"), 4 << 10);
        // The second takes the last of it, and is still within.
        let mut budget = Budget(Some(4 << 20));
        let heavy = [(); 4].map(|()| budget.take("autopilot-regex", r"\w{9999}"));
        assert_eq!(heavy, [Taken::Within, Taken::Within, Taken::TooMuch, Taken::Spent]);
        assert_eq!(budget.take("autopilot-id", "a"), Taken::Within);
    }
}
