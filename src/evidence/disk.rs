//! Files that stay: put in place at once and for good, put back when something took them away, errors with their path.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// How the names of files begin that are not whole yet.
pub(super) const STAGED: &str = ".writing-";

/// Adds the path to an error of the system.
pub(crate) fn named(error: io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Opens a plain file to be read: through no link, and without waiting for whoever might write to a pipe. What stands in
/// its place is an error of the kind `InvalidData`.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let wrong = |what: &str| named(io::Error::new(io::ErrorKind::InvalidData, what), path);
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(|error| {
        let is_link = fs::symlink_metadata(path).is_ok_and(|there| there.is_symlink());
        if is_link { wrong("a link, not a file") } else { named(error, path) }
    })?;
    let is_plain = file.metadata().map_err(|e| named(e, path))?.is_file();
    if is_plain { Ok(file) } else { Err(wrong("not a plain file")) }
}

/// Puts an open file back under its path if something took it away; whether that was so.
pub(super) fn keep_in_place(path: &Path, file: &mut File) -> io::Result<bool> {
    let gone = !is_in_place(path, file)?;
    if gone {
        *file = put_back(path, file)?;
    }
    Ok(gone)
}

/// Tells whether an open file still is the one that its path names.
fn is_in_place(path: &Path, file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let own = file.metadata()?;
    Ok(fs::symlink_metadata(path).is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino())))
}

/// Lays the bytes of an open file under its path again; returns the new file, open to be appended to.
pub(super) fn put_back(path: &Path, file: &mut File) -> io::Result<File> {
    file.seek(SeekFrom::Start(0))?;
    let folder = path.parent().unwrap_or(path);
    let mut copy = tempfile::Builder::new()
        .prefix(STAGED)
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(|error| named(error, folder))?;
    io::copy(file, copy.as_file_mut()).and_then(|_| copy.as_file().sync_all()).map_err(|e| named(e, path))?;
    copy.persist(path).map_err(|error| named(error.error, path))?;
    sync_folder_of(path)?;
    OpenOptions::new().append(true).read(true).open(path).map_err(|e| named(e, path))
}

/// Removes a file; that it is not there is as good.
pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(named(error, path)),
        _ => Ok(()),
    }
}

/// Tells whether nothing has this name. What cannot be looked at is an error, not absent.
pub(super) fn is_absent(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(named(error, path)),
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all().map_err(|error| named(error, folder)),
        None => Ok(()),
    }
}

/// Puts a file in its place at once and for good; one that is there is replaced.
pub(super) fn write_durably(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::other("a file without a folder"))?;
    let mut file = tempfile::Builder::new()
        .prefix(STAGED)
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(|error| named(error, folder))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|e| named(e, path))?;
    file.persist(path).map_err(|error| named(error.error, path))?;
    sync_folder_of(path)
}
