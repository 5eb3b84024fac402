//! Takes the path of a file in a git directory, gives its bytes: of a plain file of a sane size, and never waiting for
//! whoever might write to a pipe.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::error::{WorktreeError, at};
use super::git::Owner;

/// No file that people write for git is larger.
const LARGEST: u64 = 100 << 20;

/// Whether others may read a file.
const OTHERS_READ: u32 = 0o004;

/// Reads a file; nothing if there is none. Root reads for an owner what the owner could read himself, and no more: whoever has the
/// folder can put a link there to what is root's.
pub(super) fn read(path: &Path, owner: Option<Owner>) -> Result<Option<Vec<u8>>, WorktreeError> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = match File::options().read(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(at(path))?,
    };
    let wrong = |what: &str| {
        WorktreeError::refused(
            format!("{} is {what}", path.display()),
            "put a file in its place, or take it away",
        )
    };
    let metadata = file.metadata().map_err(at(path))?;
    let is_readable = |owner: Owner| metadata.uid() == owner.uid || metadata.mode() & OTHERS_READ != 0;
    if !owner.is_none_or(is_readable) {
        return Err(at(path)(io::ErrorKind::PermissionDenied.into()));
    }
    if !metadata.is_file() {
        return Err(wrong("no plain file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(at(path))?;
    if bytes.len() as u64 > LARGEST { Err(wrong("larger than 100 MiB")) } else { Ok(Some(bytes)) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn for_an_owner_nothing_is_read_that_the_owner_may_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("exclude");
        fs::write(&file, "x").unwrap();
        let uid = fs::metadata(&file).unwrap().uid();
        let [own, other] = [uid, uid + 7].map(|uid| Some(Owner { uid, gid: uid }));
        for (mode, owner, is_read) in
            [(0o600, None, true), (0o600, own, true), (0o644, other, true), (0o640, other, false)]
        {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&file, owner).is_ok(), is_read, "{mode:o}");
        }
    }
}
