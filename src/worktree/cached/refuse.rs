//! Takes what a plan would keep, refuses what the base tracks or does not ignore: that is no build's.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::plan::Cached;
use crate::worktree::base::Base;
use crate::worktree::error::WorktreeError;
use crate::worktree::part::Part;
use crate::worktree::root::above;

impl Base {
    /// Refuses folders that cannot be kept from run to run; `place` says where the plan names one.
    pub fn demand_cacheable(
        &self,
        folders: &[Cached],
        place: impl Fn(&Cached) -> String,
    ) -> Result<(), WorktreeError> {
        for folder in folders {
            let Cached::Checkout(path) = folder else { continue };
            if let Some((what, hint)) = self.unfit(path) {
                let what = format!("{}: `{folder}` cannot be kept by `cache`: {what}", place(folder));
                return Err(WorktreeError::refused(what, hint));
            }
        }
        Ok(())
    }

    /// Says why a folder cannot be kept.
    fn unfit(&self, path: &Path) -> Option<(String, String)> {
        let bytes = path.as_os_str().as_bytes();
        let is_below = |file: &[u8]| {
            file == bytes || file.strip_prefix(bytes).is_some_and(|rest| rest.first() == Some(&b'/'))
        };
        let tracked = self.parts.iter().flat_map(Part::files).find(|entry| is_below(&entry.path));
        let link = self.parts.iter().flat_map(Part::gitlinks).find(|link| is_below(link));
        if let Some(tracked) = tracked.map(|entry| entry.path).or(link) {
            let tracked = String::from_utf8_lossy(&tracked).into_owned();
            return Some((format!("git tracks {tracked}"), "name a folder that only builds write to".into()));
        }
        if let Some(outer) = above(bytes).find(|folder| self.rules.ignore(folder, true)) {
            let outer = String::from_utf8_lossy(outer).into_owned();
            return Some((format!("all of {outer} is ignored"), format!("write `{outer}`")));
        }
        (!self.rules.ignore(bytes, true)).then(|| {
            let hint = format!("add `/{}/` to the .gitignore of the base, and commit that", path.display());
            ("the base does not ignore it".to_owned(), hint)
        })
    }
}
