//! `autopilot mask`: the masker as a filter.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use clap::Args;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::exit::{Cause, Exit, Failure};
use crate::evidence::mask::{Masker, Refused, Secrets};

/// The page cache takes larger pieces faster; beyond this there is no gain.
const BUFFER: usize = 512 << 10;
/// Silence after which an unfinished line is shown.
const PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Mask secrets in what goes from standard input to standard output.
#[derive(Debug, Args)]
pub(super) struct MaskArgs {
    /// Masks the value of this environment variable too, in all its encodings
    #[arg(long = "env", value_name = "NAME")]
    names: Vec<String>,
}

/// Runs the filter until the input ends.
pub(super) fn run(args: MaskArgs) -> Result<Exit, Failure> {
    let secrets = Secrets::default();
    for name in &args.names {
        register(&secrets, name)?;
    }
    match filter(&secrets) {
        Ok(()) => Ok(Exit::Done),
        // Whoever reads has seen enough (`| head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(error) => Err(Failure::new(Cause::Internal, format!("mask: {error}"))),
    }
}

fn register(secrets: &Secrets, name: &str) -> Result<(), Failure> {
    let Some(value) = std::env::var_os(name) else {
        return Err(Failure::new(Cause::Usage, format!("mask: the environment has no variable {name}"))
            .hint("export it, or leave out --env: an unset secret would go through unmasked"));
    };
    match secrets.register(value.as_encoded_bytes()) {
        Err(refused @ Refused::TooMuch { .. }) => {
            Err(Failure::new(Cause::Usage, format!("mask: {name}: {refused}")))
        }
        Err(refused) => {
            warn(name, &refused);
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

#[expect(clippy::print_stderr, reason = "a warning to the caller of a filter whose stdout is the data")]
fn warn(name: &str, refused: &Refused) {
    eprintln!("warning: {name} is not masked: {refused}");
}

fn filter(secrets: &Secrets) -> io::Result<()> {
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut masker = Masker::new(secrets);
    let mut buffer = vec![0; BUFFER];
    let mut out = Vec::with_capacity(BUFFER + BUFFER / 2);
    loop {
        if is_silent(&input)? {
            masker.idle(&mut out);
            drain(&mut output, &mut out)?;
            wait(&input)?;
        }
        match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => masker.push(buffer.get(..len).unwrap_or_default(), &mut out),
            // A terminal or a pipe may be set to non-blocking by whoever shares it; `is_silent` waits.
            Err(error) if [io::ErrorKind::Interrupted, io::ErrorKind::WouldBlock].contains(&error.kind()) => {
            }
            Err(error) => return Err(error),
        }
        drain(&mut output, &mut out)?;
    }
    masker.finish(&mut out);
    drain(&mut output, &mut out)
}

/// Tells whether nothing comes for a while.
fn is_silent(input: &File) -> io::Result<bool> {
    let mut watched = [PollFd::new(input, PollFlags::IN)];
    match poll(&mut watched, Some(&PATIENCE)) {
        Ok(ready) => Ok(ready == 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn wait(input: &File) -> io::Result<()> {
    match poll(&mut [PollFd::new(input, PollFlags::IN)], None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn drain(output: &mut File, out: &mut Vec<u8>) -> io::Result<()> {
    if !out.is_empty() {
        output.write_all(out)?;
        out.clear();
        out.shrink_to(4 * BUFFER);
    }
    Ok(())
}
