//! Takes a plan file, gives the commit of the checkout that holds it just so; and, for who doubts that, what a commit
//! holds of such a name.

use std::path::Path;

use super::error::WorktreeError;
use super::repository::Repository;
use crate::git::Oid;

impl Repository {
    /// Returns the commit that `HEAD` of the checkout is at, if it has a file just as these bytes are.
    pub fn commit_with(&self, file: &Path, bytes: &[u8]) -> Option<Oid> {
        let below = self.below(file)?;
        let told = self.git("rev-parse").args(["HEAD", &format!("HEAD:{below}")]).line().ok()?;
        let (commit, blob) = told.split_once('\n')?;
        (blob == self.format.object("blob", bytes).to_string()).then(|| Oid::parse(commit).ok()).flatten()
    }

    /// Tells whether a commit has a file of the checkout just as these bytes are.
    pub fn holds(&self, commit: &Oid, file: &Path, bytes: &[u8]) -> bool {
        let Some(below) = self.below(file) else { return false };
        let told = self.git("rev-parse").arg(format!("{}:{below}", commit.as_str())).line();
        told.is_ok_and(|blob| blob == self.format.object("blob", bytes).to_string())
    }

    /// Returns how git calls a file of the checkout: people name it from where they are.
    fn below(&self, file: &Path) -> Option<String> {
        let file = file.canonicalize().ok()?;
        Some(file.strip_prefix(self.toplevel.canonicalize().ok()?).ok()?.to_str()?.to_owned())
    }

    /// Returns the files of a commit whose path is this one, or ends with it. Each is hashed again.
    pub fn files_like(&self, commit: &Oid, path: &Path) -> Result<Vec<Vec<u8>>, WorktreeError> {
        use std::os::unix::ffi::OsStrExt;
        let listing = self.git("ls-tree").args(["-r", "-z", "--full-tree", commit.as_str()]).run()?;
        let is_like = |own: &[u8]| Path::new(std::ffi::OsStr::from_bytes(own)).ends_with(path);
        let mut asked = Vec::new();
        for entry in listing.split(|&byte| byte == 0) {
            let Some(tab) = entry.iter().position(|&byte| byte == b'\t') else { continue };
            let (head, own) =
                (entry.get(..tab).unwrap_or_default(), entry.get(tab + 1..).unwrap_or_default());
            let mut words = head.split(|&byte| byte == b' ').skip(1);
            if let (Some(b"blob"), Some(id)) = (words.next(), words.next().filter(|_| is_like(own))) {
                asked.extend([id, b"\n"].concat());
            }
        }
        let output = self.git("cat-file").arg("--batch").feed(asked)?;
        let (mut rest, mut files) = (output.as_slice(), Vec::new());
        while !rest.is_empty() {
            let (file, after) = self.blob(rest).ok_or_else(|| WorktreeError::garbled("cat-file"))?;
            files.push(file);
            rest = after;
        }
        Ok(files)
    }

    /// Takes one answer of `cat-file --batch`.
    fn blob<'a>(&self, output: &'a [u8]) -> Option<(Vec<u8>, &'a [u8])> {
        let end = output.iter().position(|&byte| byte == b'\n')?;
        let mut words = std::str::from_utf8(output.get(..end)?).ok()?.split(' ');
        let (id, kind, size) = (words.next()?, words.next()?, words.next()?.parse::<usize>().ok()?);
        let body = output.get(end + 1..)?;
        let (file, rest) = (body.get(..size)?, body.get(size + 1..)?);
        (kind == "blob" && self.format.object(kind, file).to_string() == id).then(|| (file.to_vec(), rest))
    }
}
