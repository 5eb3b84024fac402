//! Heads that are known from elsewhere: a file with a line `run seq:hash` for each run.

use std::collections::BTreeMap;

use crate::evidence::RunName;

/// The heads of a file.
#[derive(Debug, Clone, Default)]
pub struct Heads {
    by_run: BTreeMap<RunName, String>,
}

impl Heads {
    /// Parses a file of heads; empty lines and lines that begin with `#` say nothing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut by_run = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let parsed = parse_line(line);
            let (run, head) =
                parsed.ok_or_else(|| format!("line {number}: `{line}` is not `RUN SEQ:HASH`"))?;
            if by_run.insert(run, head).is_some() {
                return Err(format!("line {number}: a second head of {run}"));
            }
        }
        Ok(Self { by_run })
    }

    /// Returns the head of a run, `seq:hash`.
    pub(super) fn of(&self, run: RunName) -> Option<&str> {
        self.by_run.get(&run).map(String::as_str)
    }

    /// Returns every run that has a head.
    pub(super) fn runs(&self) -> impl Iterator<Item = RunName> + '_ {
        self.by_run.keys().copied()
    }
}

fn parse_line(line: &str) -> Option<(RunName, String)> {
    let (run, head) = line.split_once(char::is_whitespace)?;
    let head = head.trim();
    let (seq, hash) = head.split_once(':')?;
    let is_seq = seq.parse::<u64>().is_ok_and(|number| number.to_string() == seq);
    let is_hash = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (is_seq && is_hash).then_some(())?;
    Some((run.parse().ok()?, head.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_heads_has_a_line_for_each_run() {
        let hash = "0".repeat(64);
        let text = format!("# heads\n\n20261003T101500Z-653 61:{hash}\n20261003T101501Z-7\t5:{hash}\n");
        let heads = Heads::parse(&text).unwrap();
        assert_eq!(heads.of("20261003T101500Z-653".parse().unwrap()), Some(&*format!("61:{hash}")));
        assert_eq!(heads.runs().count(), 2);
        for wrong in
            ["x", "20261003T101500Z-653", "20261003T101500Z-653 61:abc", "7 1:0", &format!("{text}{text}")]
        {
            assert!(Heads::parse(wrong).is_err(), "{wrong}");
        }
    }
}
