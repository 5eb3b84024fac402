//! What commits changed, as people read it: patches, bounded, of what the user's repository holds.

use std::collections::HashMap;
use std::io::{BufRead, Read};
use std::time::Duration;

use super::error::WorktreeError;
use super::look::Found;
use super::repository::Repository;
use super::rundir::RunDir;

/// No more is waited for than this: who looks at a page waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes of a commit's name, at most.
const NAME: usize = 64;

/// What a commit changed, as git writes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patch {
    /// The beginning of it.
    pub bytes: Vec<u8>,
    /// There is more.
    pub is_cut: bool,
}

/// How much is read.
#[derive(Debug, Clone, Copy)]
pub struct PatchBounds {
    /// Bytes of a commit.
    pub each: usize,
    /// Bytes of all of them.
    pub all: usize,
}

impl Repository {
    /// Reads also what a run has committed that is not here yet.
    #[must_use]
    pub fn with_checkpoints_of(&self, run: &RunDir) -> Self {
        self.reading(run.checkpoints().join("objects"))
    }

    /// Reads what each commit changed against its first parent, as far as it is here; of one that is left out by a bound there
    /// is an empty patch that is cut.
    pub fn patches(
        &self,
        ids: &[&str],
        bounds: PatchBounds,
    ) -> Result<HashMap<String, Patch>, WorktreeError> {
        let found = self.commits(ids)?;
        let there = ids.iter().zip(found).filter(|(_, found)| matches!(found, Found::Commit(_)));
        let ids: Vec<&str> = there.map(|(id, _)| *id).collect();
        let cut = || Patch { bytes: Vec::new(), is_cut: true };
        let mut patches: HashMap<String, Patch> = ids.iter().map(|id| ((*id).to_owned(), cut())).collect();
        if ids.is_empty() {
            return Ok(patches);
        }
        let how =
            ["--stdin", "-r", "-p", "--root", "--diff-merges=first-parent", "--no-renames", "--no-color"];
        let safe = ["--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/"];
        let input: Vec<u8> = ids.iter().flat_map(|id| [id.as_bytes(), b"\n"].concat()).collect();
        let git = self.git("diff-tree").args(how).args(safe).within(PATIENCE);
        let mut is_whole = false;
        let read = git.feed_and_read(input, |printed| is_whole = take(printed, bounds, &mut patches));
        match read {
            // It is not heard to the end, and dies of that.
            Err(_) if !is_whole => Ok(patches),
            Err(error) => Err(error),
            Ok(()) => Ok(patches),
        }
    }
}

/// Takes patches behind the names of their commits, each on a line of its own, which no line of a patch is. Whether all was read.
fn take(printed: &mut dyn BufRead, bounds: PatchBounds, patches: &mut HashMap<String, Patch>) -> bool {
    let (mut current, mut left): (Option<String>, usize) = (None, bounds.all);
    let mut line = Vec::new();
    loop {
        // A line that is longer than all there is room for comes in pieces, of which none but the first may be a name: the
        // others hold whatever a step wrote.
        let begins = line.is_empty() || line.ends_with(b"\n");
        line.clear();
        let most = u64::try_from(bounds.each.max(NAME).saturating_add(1)).unwrap_or(u64::MAX);
        match Read::take(&mut *printed, most).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return true,
            Ok(_) => {}
        }
        let name =
            line.strip_suffix(b"\n").filter(|_| begins).and_then(|name| std::str::from_utf8(name).ok());
        if let Some(patch) = name.and_then(|name| patches.get_mut(name)) {
            *patch = Patch::default();
            current = name.map(str::to_owned);
            continue;
        }
        let Some(patch) = current.as_ref().and_then(|name| patches.get_mut(name)) else { continue };
        if patch.is_cut || line.len() > bounds.each.saturating_sub(patch.bytes.len()).min(left) {
            patch.is_cut = true;
            if left < bounds.each {
                return false;
            }
            continue;
        }
        left -= line.len();
        patch.bytes.extend_from_slice(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(printed: &str, each: usize, all: usize) -> (Vec<(String, bool)>, bool) {
        let names = ["a".repeat(40), "b".repeat(40)];
        let mut patches = names.iter().map(|name| (name.clone(), Patch::default())).collect();
        let is_whole = take(&mut printed.as_bytes(), PatchBounds { each, all }, &mut patches);
        let told = |name: &String| {
            let patch = &patches[name];
            (String::from_utf8_lossy(&patch.bytes).into_owned(), patch.is_cut)
        };
        (names.iter().map(told).collect(), is_whole)
    }

    #[test]
    fn each_commit_has_its_own_as_far_as_there_is_room() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let printed = format!("{a}\n+one\n+two\n{b}\n+{a}\n");
        let text = |text: &str, is_cut| (text.to_owned(), is_cut);
        let of_b = format!("+{a}\n");
        assert_eq!(taken(&printed, 100, 200), (vec![text("+one\n+two\n", false), text(&of_b, false)], true));
        assert_eq!(taken(&printed, 6, 200).0, [text("+one\n", true), text("", true)]);
        let long = format!("{a}\n+{}{b}\n+two\n{b}\n+mine\n", "x".repeat(100));
        assert_eq!(taken(&long, 100, 400).0, [text("", true), text("+mine\n", false)]);
        assert_eq!(taken(&printed, 100, 12), (vec![text("+one\n+two\n", false), text("", true)], false));
    }
}
