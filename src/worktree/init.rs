//! Makes an empty repository.

use std::fs;
use std::path::Path;

use super::error::{WorktreeError, at};
use super::git::Git;
use super::tree::ObjectFormat;

/// Makes an empty repository that names its objects as the user's does.
pub(super) fn init(path: &Path, format: ObjectFormat, bare: bool) -> Result<(), WorktreeError> {
    let format = format!("--object-format={}", format.name());
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(at(parent))?;
    let init = Git::new(parent, "init").args(["--quiet", "--template=", &format, "--initial-branch=none"]);
    let init = if bare { init.arg("--bare") } else { init };
    init.arg(path).run().map(drop)
}
