//! Takes what a step may write, gives what of it has no effect: where whoever its commands run as may not write anyway.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::Access;

use crate::policy::{Grant, Identity};

/// Warns of each path of a step's `filesystem.write` that its commands cannot write to.
pub fn void_writes(step: &str, grant: &Grant) -> Vec<String> {
    let identity = grant.identity();
    let is_void = |path: &&std::path::PathBuf| !may_write(path, identity);
    grant.write().iter().filter(is_void).map(|path| in_words(step, path, identity)).collect()
}

/// Tells whether an identity may write at a path; what is not there yet is made by whoever may.
fn may_write(path: &Path, identity: &Identity) -> bool {
    let Ok(seen) = path.metadata() else { return true };
    if !nix::unistd::geteuid().is_root() {
        return rustix::fs::access(path, Access::WRITE_OK).is_ok();
    }
    let bit = match (seen.uid() == identity.uid, seen.gid() == identity.gid) {
        (true, _) => 0o200,
        (_, true) => 0o020,
        _ => 0o002,
    };
    seen.mode() & bit != 0
}

fn in_words(step: &str, path: &Path, Identity { name, uid, .. }: &Identity) -> String {
    let (shown, owner) = (path.display(), path.metadata().map(|seen| (seen.uid(), seen.mode() & 0o7777)));
    let whose = owner.map(|(owner, mode)| format!(" (of uid {owner}, mode {mode:o})")).unwrap_or_default();
    format!(
        "step `{step}`: `filesystem: {{write: [{shown}]}}` has no effect: its commands run as {name} (uid {uid}), who may not write \
         there{whose}: let that user write there, or start the run with --run-as USER, who may"
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn who_may_write_is_told_by_owner_group_and_others() {
        let folder = tempfile::tempdir().unwrap();
        let seen = folder.path().metadata().unwrap();
        let of = |uid, gid| Identity { uid, gid, name: "x".into(), own: false };
        let (own, other) = (of(seen.uid(), seen.gid()), of(seen.uid() + 7, seen.gid() + 7));
        for (mode, own_may, other_may) in [(0o700, true, false), (0o777, true, true), (0o502, false, true)] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            if nix::unistd::geteuid().is_root() {
                assert_eq!(may_write(folder.path(), &own), own_may, "{mode:o}");
                assert_eq!(may_write(folder.path(), &other), other_may, "{mode:o}");
            } else {
                assert_eq!(may_write(folder.path(), &own), own_may, "{mode:o}");
            }
        }
        assert!(may_write(&folder.path().join("not/there"), &other));
    }
}
