//! The files of a run as they go elsewhere and come from there: each by its own name, read and written through no link.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::disk::{is_absent, named, open_plain, sync_folder_of};
use super::files::Files;

/// What a file of a run that is carried came to.
#[derive(Debug)]
pub enum Carried {
    /// All that is in it.
    Whole(Vec<u8>),
    /// It has more bytes than are carried.
    TooLarge(u64),
}

impl Files {
    /// Lists what of a run is carried, there or not: what matters most comes first.
    pub fn carried(&self) -> [PathBuf; 8] {
        [
            self.journal(),
            self.provenance(),
            self.summary(),
            self.failed(),
            self.not_salvaged(),
            self.log(),
            self.checkpoints(),
            self.salvage(),
        ]
    }

    /// Returns the names by which they are carried.
    pub fn carried_names(&self) -> Vec<String> {
        self.carried().iter().map(|path| name_of(path)).collect()
    }

    /// Reads a file that is carried; nothing if there is none. Of one that grows, what is there now.
    pub fn carry(&self, path: &Path, most: u64) -> io::Result<Option<Carried>> {
        if is_absent(path)? {
            return Ok(None);
        }
        let file = open_plain(path)?;
        let size = file.metadata()?.len();
        if size > most {
            return Ok(Some(Carried::TooLarge(size)));
        }
        let mut bytes = Vec::new();
        file.take(size).read_to_end(&mut bytes).map_err(|error| named(error, path))?;
        Ok(Some(Carried::Whole(bytes)))
    }

    /// Makes the files that were carried here, each written by somebody; where one is already, nothing more is written. The journal, by
    /// which others find the run, comes last.
    pub fn lay<E: From<io::Error>>(
        &self,
        names: &[&str],
        write: &mut dyn FnMut(&str, &mut File) -> Result<(), E>,
    ) -> Result<(), E> {
        self.make_folders()?;
        for path in self.carried().iter().rev() {
            let name = name_of(path);
            if !names.contains(&&*name) {
                continue;
            }
            let private = [self.salvage(), self.checkpoints(), self.not_salvaged()].contains(path);
            let mode = if private { 0o600 } else { 0o644 };
            let open = File::options().write(true).create_new(true).mode(mode).open(path);
            let mut file = open.map_err(|error| named(error, path))?;
            write(&name, &mut file)?;
            file.sync_all()?;
            sync_folder_of(path)?;
        }
        Ok(())
    }
}

/// Returns the name by which a file is carried: its own, since no two have the same.
pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
