//! `autopilot man DIR`: writes the man pages, one a command.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::exit::{Cause, Exit, Failure};
use super::output;

/// Write the man pages into a folder, one a command.
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// The folder; it is made if it is not there.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes the pages of this command line.
pub(super) fn run(args: &ManArgs, line: clap::Command) -> Result<Exit, Failure> {
    let written = fs::create_dir_all(&args.folder).and_then(|()| pages(&args.folder, line));
    let count =
        written.map_err(|error| Failure::new(Cause::Usage, format!("{}: {error}", args.folder.display())))?;
    output::line(&format!(
        "{count} pages in {}: man -l {}/autopilot.1",
        args.folder.display(),
        args.folder.display()
    ))?;
    Ok(Exit::Done)
}

fn pages(folder: &Path, line: clap::Command) -> io::Result<usize> {
    let commands = line.get_subcommands().count();
    clap_mangen::generate_to(line.disable_help_subcommand(true), folder)?;
    Ok(commands + 1)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn each_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        let count = pages(folder.path(), Cli::command()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), count);
        let page = fs::read_to_string(folder.path().join("autopilot-run.1")).unwrap();
        assert!(page.contains("autopilot") && page.contains("resume"), "{page}");
    }
}
