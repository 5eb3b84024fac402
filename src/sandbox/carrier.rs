//! The program that is executed as the confined side: a small static one that the build put into this one, or this very
//! file where there is none.
//!
//! It lies in memory, sealed: nobody can put another in its place between one launch and the next, and it is of the
//! same build as the runner by construction.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::OnceLock;

use autopilot_init::enter::{self, ITSELF};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::told;

/// The small program; nothing where none could be built.
const BUILT_IN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/autopilot-init"));

/// What it was built for, or why it was not.
const HOW: &str = env!("AUTOPILOT_INIT");

/// Why the small program cannot be executed, once that was tried.
static REFUSED: OnceLock<String> = OnceLock::new();

/// Executes the confined side in a role.
pub(super) fn execute(socket: OwnedFd, arguments: &[&str]) -> io::Result<Child> {
    let level = told::level();
    if let Ok(small) = small() {
        match enter::execute(&in_memory(small), level, socket.try_clone()?, arguments) {
            Err(error) => drop(REFUSED.set(error.to_string())),
            started => return started,
        }
    }
    enter::execute(Path::new(ITSELF), level, socket, arguments)
}

/// Returns what the small program is, or why the main one is executed instead, for people.
pub fn carrier() -> Result<String, String> {
    match small() {
        Ok(_) => Ok(format!("autopilot-init, {} KiB, {HOW}", BUILT_IN.len() / 1024)),
        Err(why) => Err(format!("autopilot itself, which takes longer: {why}")),
    }
}

/// Returns the small program, or why there is none.
fn small() -> Result<&'static OwnedFd, String> {
    static SMALL: OnceLock<Result<OwnedFd, String>> = OnceLock::new();
    if BUILT_IN.is_empty() {
        return Err(HOW.to_owned());
    }
    if let Some(why) = REFUSED.get() {
        return Err(format!("a program in memory cannot be executed here ({why})"));
    }
    let made = SMALL.get_or_init(|| {
        sealed().map_err(|error| format!("a program in memory cannot be made here ({error})"))
    });
    made.as_ref().map_err(Clone::clone)
}

/// Puts it into memory, where nobody can change it.
fn sealed() -> io::Result<OwnedFd> {
    const NAME: &str = "autopilot-init";
    // Memory is a file to that limit, too, and who writes beyond it is ended by a signal.
    if getrlimit(Resource::Fsize).current.is_some_and(|most| most < BUILT_IN.len() as u64) {
        return Err(io::Error::other("no file may be so large: `ulimit -f`"));
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = match rustix::fs::memfd_create(NAME, flags | MemfdFlags::EXEC) {
        // A kernel that asks nobody whether it is to be executed.
        Err(Errno::INVAL) => rustix::fs::memfd_create(NAME, flags)?,
        made => made?,
    };
    let mut file = File::from(memory);
    file.write_all(BUILT_IN)?;
    rustix::fs::fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
    )?;
    Ok(file.into())
}

fn in_memory(file: impl AsFd) -> PathBuf {
    Path::new("/proc/self/fd").join(file.as_fd().as_raw_fd().to_string())
}
