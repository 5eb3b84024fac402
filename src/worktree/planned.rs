//! Takes a plan file, gives the commit of the checkout that holds it just so.

use std::path::Path;

use super::repository::Repository;

impl Repository {
    /// Returns the commit that `HEAD` of the checkout is at, if it has a file just as these bytes are.
    pub fn commit_with(&self, file: &Path, bytes: &[u8]) -> Option<String> {
        // People name it from where they are.
        let file = file.canonicalize().ok()?;
        let below = file.strip_prefix(self.toplevel.canonicalize().ok()?).ok()?.to_str()?;
        let told = self.git("rev-parse").args(["HEAD", &format!("HEAD:{below}")]).line().ok()?;
        let (commit, blob) = told.split_once('\n')?;
        (blob == self.format.object("blob", bytes).as_str()).then(|| commit.to_owned())
    }
}
