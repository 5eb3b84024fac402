//! Takes a folder, tells whether layers can be mounted there: tried by a command, as a step would find it.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use autopilot_init::make_over;
use autopilot_init::outcome::Status;
use autopilot_init::place::Place;

use super::launch::{Command, spawn};
use crate::layer::Backend;
use crate::policy::{Grant, Isolation};

/// What shows that both layers are seen, and the upper one written to.
const TRY: &str = "test -e \"$HOME/below\" && rm \"$HOME/below\" && : > \"$HOME/above\"";

/// Tries whether HOME can be an overlay in a folder, which is made and stays; tells why not, if not.
pub async fn try_overlay(grant: &Grant, folder: &Path) -> io::Result<Backend> {
    if grant.isolation() == Isolation::Bare {
        return Ok(Backend::Clone("there are no namespaces to mount an overlay in".to_owned()));
    }
    let own = |name: &str| folder.join(name);
    for name in ["tree", "home", "below", "tmp"] {
        DirBuilder::new().recursive(true).mode(0o700).create(own(name))?;
    }
    fs::write(own("below").join("below"), "")?;
    make_over(folder, grant.identity())?;
    let place = Place {
        worktree: own("tree"),
        home: own("home"),
        below_home: vec![own("below")],
        below_worktree: Vec::new(),
        tmp: own("tmp"),
        also_write: Vec::new(),
        also_read: Vec::new(),
    };
    let sink = || Ok::<OwnedFd, io::Error>(fs::File::create("/dev/null")?.into());
    let command = Command {
        argv: ["sh", "-c", TRY].map(OsString::from).to_vec(),
        dir: PathBuf::new(),
        env: Vec::new(),
        listen: Vec::new(),
        connect: Vec::new(),
        stdin: None,
        stdout: sink()?,
        stderr: sink()?,
    };
    let status = match spawn(grant, &place, command).await {
        Ok(mut child) => child.wait().await.map(|ended| ended.status),
        Err(error) => Err(error),
    };
    let is_kept = own("below").join("below").exists() && own("home").join("above").exists();
    Ok(match status {
        Ok(Status::Exited(0)) if is_kept => Backend::Overlay,
        Ok(status) => Backend::Clone(format!("an overlay here does not do what it should ({status:?})")),
        Err(error) => Backend::Clone(format!(
            "no overlay can be mounted where runs have their directories, as on top of another in a container ({})",
            error.what
        )),
    })
}
