//! Takes the rules that steps wrote, gives what they keep off the result: new files that git would not add. Unlike what is ignored
//! they are changes, and are saved before they can be lost. Once a checkpoint has the rules, they stay where they are, as what is
//! ignored does: what an attempt finds of them is not what it made.

use std::collections::BTreeSet;
use std::io::{self, Read};

use super::changes::{Changed, Changes, Now, Snapshot, Written, WrittenRules};
use super::checkout::Worktree;
use super::error::WorktreeError;
use super::root::{Root, above, split};
use super::rules::{LARGEST, Rules};
use super::salvage::{Salvage, TooMuch};
use super::tree::LINK;

impl Worktree {
    /// Takes out of changes what rules that steps wrote keep off the result.
    pub(super) fn take_hidden(
        &self,
        changes: &mut Changes,
        written: WrittenRules,
    ) -> Result<Vec<Changed>, WorktreeError> {
        let Some(rules) = self.snapshot.hiding(&self.root, &self.base.rules, changes, written)? else {
            return Ok(Vec::new());
        };
        let is_hidden = |changed: &Changed| {
            changed.written().is_some()
                && !self.snapshot.holds(&changed.path)
                && rules.ignore_within(&changed.path, false)
        };
        let (hidden, others) = std::mem::take(&mut changes.paths).into_iter().partition(is_hidden);
        changes.paths = others;
        Ok(hidden)
    }

    /// Takes what rules of the last checkpoint hide for what an attempt finds.
    pub(super) fn find_hidden(&mut self) -> Result<(), WorktreeError> {
        self.remember_rules()?;
        if self.snapshot.hides.is_none() {
            return Ok(());
        }
        let mut changes = self.changes()?;
        let hidden = self.take_hidden(&mut changes, WrittenRules::Before)?;
        self.snapshot.keep_off(&hidden);
        Ok(())
    }

    /// Remembers the rules of a checkpoint that the worktree is at: an attempt may change them.
    pub(super) fn remember_rules(&mut self) -> Result<(), WorktreeError> {
        self.snapshot.hides = None;
        let none = Changes::default();
        self.snapshot.hides =
            self.snapshot.hiding(&self.root, &self.base.rules, &none, WrittenRules::Before)?;
        Ok(())
    }

    /// Lists the topmost paths that rules of steps hide, as the tiers flow by them.
    pub(super) fn hidden_tops(&self) -> Vec<Vec<u8>> {
        let rules = self.snapshot.hides.as_ref();
        rules.map(|rules| self.snapshot.tops_off(rules)).unwrap_or_default()
    }

    /// Saves what rules that steps wrote kept off the checkpoint of an attempt, and nobody else would have; nothing if
    /// there is nothing. It stays in the worktree; what is more than a run may salvage is named.
    pub async fn salvage_hidden(
        &mut self,
        step: &str,
        attempt: u32,
    ) -> Result<Option<Salvage>, WorktreeError> {
        let hidden = std::mem::take(&mut self.saving.hidden);
        if hidden.is_empty() {
            return Ok(None);
        }
        let changes = Changes { paths: hidden, ..Changes::default() };
        self.save(step, attempt, &changes, TooMuch::Stays).await.map(Some)
    }
}

impl Snapshot {
    /// Reads the rules that steps wrote, those of the base with them; nothing where there are none.
    pub(super) fn hiding(
        &self,
        root: &Root,
        base: &Rules,
        changes: &Changes,
        written: WrittenRules,
    ) -> io::Result<Option<Rules>> {
        if let (WrittenRules::Before, Some(rules)) = (written, &self.hides) {
            return Ok(Some(rules.clone()));
        }
        let changed = |path: &[u8]| changes.paths.iter().any(|changed| changed.path == path);
        let mut files: BTreeSet<&[u8]> = self
            .rule_files()
            .filter(|(path, oid)| !base.has(path, *oid) && !changed(path))
            .map(|(path, _)| path)
            .collect();
        if written == WrittenRules::Now {
            let rules = changes.paths.iter().filter(|changed| split(&changed.path).1 == b".gitignore");
            let plain = rules.filter(|changed| changed.written().is_some_and(|own| own.held.mode != LINK));
            files.extend(plain.map(|changed| changed.path.as_slice()));
        }
        if files.is_empty() {
            return Ok(None);
        }
        let mut rules = base.clone();
        for path in files {
            let mut text = Vec::new();
            // What cannot be read, or is too much, hides nothing.
            if let Ok((file, size @ ..=LARGEST)) = root.file(path) {
                file.take(size).read_to_end(&mut text)?;
                rules.add(path.to_vec(), &text);
            }
        }
        Ok(Some(rules))
    }

    /// Adds what was kept off before, and is not any more: whoever took the rule away adds it to the result.
    pub(super) fn add_uncovered(&self, changes: &mut Changes, root: &Root, base: &Rules) -> io::Result<()> {
        let still_off = std::mem::take(&mut changes.still_off);
        if still_off.is_empty() {
            return Ok(());
        }
        let rules = self.hiding(root, base, changes, WrittenRules::Now)?;
        for (path, size) in still_off {
            if rules.as_ref().is_some_and(|rules| rules.ignore_within(&path, false)) {
                continue;
            }
            if let Some(held) = self.held_off(&path) {
                let written = Written { held, size, is_new: true };
                changes.paths.push(Changed { path, now: Now::Written(written) });
            }
        }
        changes.paths.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(())
    }

    /// Lists the topmost paths of what is kept off that hold nothing of the checkpoint.
    fn tops_off(&self, rules: &Rules) -> Vec<Vec<u8>> {
        let mut tops: BTreeSet<&[u8]> = BTreeSet::new();
        for path in self.off() {
            let is_top = |folder: &&[u8]| rules.ignore_within(folder, true) && !self.holds_below(folder);
            tops.insert(above(path).find(is_top).unwrap_or(path));
        }
        tops.into_iter().map(<[u8]>::to_vec).collect()
    }
}
