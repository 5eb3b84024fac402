//! A layer above others, mounted as an overlay: what is written goes into it, what is below stays as it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

/// A layer, and what is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// What is written on top.
    pub upper: PathBuf,
    /// The overlay's own folder, on the same file system as `upper`.
    pub work: PathBuf,
    /// What is seen through it, the nearest first; at least one.
    pub lowers: Vec<PathBuf>,
}

/// Whose marks an overlay leaves in its upper layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Root's.
    Root,
    /// Those of a user namespace.
    User,
}

impl Stack {
    /// Mounts it, without set-uid and devices.
    ///
    /// Errors: what the kernel says where none can be mounted (no overlay over this file system, or on top of another
    /// overlay), and `InvalidInput` for a path that no option can hold.
    pub fn mount(&self, target: &Path, owner: Owner) -> io::Result<()> {
        let options = self.options(owner).ok_or(io::ErrorKind::InvalidInput)?;
        self.fresh_work()?;
        let harmless = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        Ok(mount(Some("overlay"), target, Some("overlay"), harmless, Some(options.as_str()))?)
    }

    /// A volatile overlay leaves a mark in its own folder that refuses the next mount.
    fn fresh_work(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.work) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::create_dir_all(&self.work),
        }
    }

    /// Returns the mount's options, unless a path holds what cannot be written there.
    fn options(&self, owner: Owner) -> Option<String> {
        let text =
            |path: &PathBuf| path.to_str().filter(|path| !path.contains([',', ':', '\\'])).map(str::to_owned);
        let lowers: Vec<String> = self.lowers.iter().map(text).collect::<Option<_>>()?;
        let (upper, work, lowers) = (text(&self.upper)?, text(&self.work)?, lowers.join(":"));
        let user = if owner == Owner::User { ",userxattr" } else { "" };
        // Volatile: or every command's end would wait for the disk. A crash of the host ends the run, and what is here
        // goes with it.
        Some(format!("lowerdir={lowers},upperdir={upper},workdir={work},volatile{user}"))
    }
}

/// Returns where the layers of a HOME lie, beside it, where no step sees them: what was added to the host's downloads.
pub fn beside(home: &Path) -> PathBuf {
    let mut name = home.as_os_str().to_owned();
    name.push(".layers");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(lowers: &[&str]) -> Stack {
        let lowers = lowers.iter().map(PathBuf::from).collect();
        Stack { upper: "/run/upper".into(), work: "/run/work".into(), lowers }
    }

    #[test]
    fn the_nearest_is_named_first() {
        let options = stack(&["/run/near", "/host/far"]).options(Owner::User);
        let expected =
            "lowerdir=/run/near:/host/far,upperdir=/run/upper,workdir=/run/work,volatile,userxattr";
        assert_eq!(options.as_deref(), Some(expected));
    }

    #[test]
    fn a_path_that_would_be_read_as_an_option_is_refused() {
        for path in ["/a:b", "/a,upperdir=/etc", "/a\\"] {
            assert_eq!(stack(&[path]).options(Owner::Root), None, "{path}");
        }
    }
}
